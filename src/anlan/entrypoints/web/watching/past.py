"""What the map showed at a past instant: what had been received and written down by then.

Cases, clusters and warnings come from the journal's after-images, sensors from the readings that
are kept.  What cannot be told is said in words.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from anlan.entrypoints.web.watching import features, streams
from anlan.entrypoints.web.watching.features import SHARES, Feature
from anlan.entrypoints.web.watching.mapview import LeftOut, View
from anlan.entrypoints.web.watching.streams import StreamState
from anlan.entrypoints.web.wording import say
from anlan.registry import public as registry
from anlan.registry.domain.facts import KnownSensor
from anlan.response import public as response
from anlan.response.public import Case
from anlan.sensing.public import KnownThen
from anlan.warning import public as warning


def features_then(view: View, *, at: datetime) -> dict[str, Any]:
    """Return what the map showed at ``at`` (as many queries for many features as for few)."""
    known = streams.known_at(at)
    whole, by_area = streams.heard_then(view.actor, known, at=at)
    then = response.cases_as_of(view.actor, at)
    left = LeftOut(view.language)
    if then.cut:
        left.note("case", len(then.cases))
    if whole.unknown:
        left.note("sensor")
    cases = view.layers.only(then.cases)
    counted = response.cases_by_area_among(cases, most=SHARES["in_area"] + 1)
    found = warning.clusters_as_of(view.actor, at=at, limit=SHARES["cluster"] + 1)
    shown = [
        *features.areas(view, by_area, at=at),
        *features.warnings(view, view.layers.only(warning.warnings_as_of(at=at)), left),
        *_cases(view, cases),
        *features.in_areas(view, counted, left),
        *features.clusters(view, view.layers.only(found), left),
        *features.places(view, at=at),
        *_sensors(view, known, at=at),
    ]
    return features.collection(shown, view, at, left)


def _cases(view: View, then: list[Case]) -> list[Feature]:
    """Return the cases inside the view; their counts by cells when there are too many."""
    box = view.box
    inside = [
        case
        for case in response.most_pressing_first(then)
        if case.lat is not None
        and case.lon is not None
        and box.south <= case.lat <= box.north
        and box.west <= case.lon <= box.east
    ]
    if len(inside) <= SHARES["case"]:
        return features.cases(view, inside)
    points = ((case.lat or 0.0, case.lon or 0.0) for case in inside)
    return features.cell_counts(registry.cells_among(points, box), "case")


def _sensors(view: View, known: KnownThen, *, at: datetime) -> list[Feature]:
    found, cells = registry.sensors_in(
        view.actor.areas,
        view.box,
        most=SHARES["sensor"],
        at=at,
        which=view.layers.of_quantities("quantity"),
    )

    units = registry.unit_texts(view.language)

    def stands(one: KnownSensor) -> tuple[bool, str]:
        state = streams.state_then(one, known, at=at)
        last = known.newest.get(one.code)
        if last is not None:
            return state is StreamState.FRESH, features.read(
                view, units, (one.quantity, last.value, last.at), at
            )
        if state is StreamState.NEVER:
            return False, say("watch.no_data", view.language)
        if state is StreamState.UNKNOWN:
            return False, say("watch.sensor_unknown", view.language)
        return False, say("watch.sensor_silent", view.language, at=view.local(known.since, at))

    return features.cell_counts(cells, "sensor") + features.sensors(view, found, stands)
