"""What the map shows, as GeoJSON: at most :data:`MOST` features, whatever the city holds.

Each kind has its share; a kind that has more to show is counted by cells instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q

from anlan.entrypoints.web import naming
from anlan.entrypoints.web.watching import streams
from anlan.entrypoints.web.watching.crowds import MOST_MEMBERS, crowds_in
from anlan.entrypoints.web.watching.layers import left_out_of
from anlan.entrypoints.web.watching.mapview import LeftOut, View
from anlan.entrypoints.web.wording import say
from anlan.kernel.actor import Actor
from anlan.registry import public as registry
from anlan.registry.domain.facts import KnownSensor
from anlan.registry.public import Cell, Names
from anlan.response import public as response
from anlan.response.public import Case, InArea
from anlan.sensing import public as sensing
from anlan.warning import public as warning
from anlan.warning.public import AlertInstance, WarningInForce

MOST = 2000
SHARES = {
    "area": 300,
    "warning": 50,
    "cluster": 50,
    "case": 800,
    "in_area": 100,
    "crowd": 100,
    "place": 300,
    "sensor": 300,
}
assert sum(SHARES.values()) <= MOST  # noqa: S101  the promise of this module
RINGS = 200  # corners of a relayed outline that are drawn

Feature = dict[str, Any]


def features_now(view: View, *, now: datetime) -> dict[str, Any]:
    """Return what the map shows at present (as many queries for many features as for few)."""
    _, by_area = streams.heard(view.actor, now=now)
    of_hazards = view.layers.of_hazards("hazard")
    found, cells = response.cases_in(view.actor, view.box, most=SHARES["case"], which=of_hazards)
    left = LeftOut(view.language)
    in_area = response.cases_by_area(view.actor, most=SHARES["in_area"] + 1, which=of_hazards)
    clustered = warning.open_clusters(view.actor, limit=SHARES["cluster"] + 1)
    shown = [
        *areas(view, by_area, at=now),
        *warnings(view, view.layers.only(warning.warnings_in_force(at=now)), left),
        *cell_counts(cells, "case"),
        *cases(view, found),
        *in_areas(view, in_area, left),
        *crowds(view, left, which=of_hazards, now=now),
        *clusters(view, view.layers.only(clustered), left),
        *places(view, at=now),
        *_sensors_now(view, now=now),
    ]
    return collection(shown, view, now, left)


def collection(found: list[Feature], view: View, at: datetime, left: LeftOut) -> dict[str, Any]:
    """Return features as GeoJSON, with the instant that they show and what is not among them."""
    drawn = f"{at.astimezone(view.zone):%Y-%m-%d %H:%M:%S}"
    return {
        "type": "FeatureCollection",
        "features": found[:MOST],
        "drawn": drawn,
        "left_out": " ".join(filter(None, [left.text(), left_out_of(view.layers, view.language)])),
    }


def _feature(kind: str, geometry: dict[str, Any], **properties: object) -> Feature:
    return {"type": "Feature", "geometry": geometry, "properties": {"kind": kind, **properties}}


def _point(lat: float, lon: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [round(lon, 6), round(lat, 6)]}


def cell_counts(cells: Iterable[Cell], of: str) -> list[Feature]:
    """Return how many things of a kind lie in each part of the view."""
    return [
        _feature(
            "cell",
            _point((one.south + one.north) / 2, (one.west + one.east) / 2),
            of=of,
            count=one.count,
        )
        for one in cells
    ]


def areas(view: View, by_area: dict[str, streams.Heard], *, at: datetime) -> list[Feature]:
    """Return the outlines in view; those without a fresh reading say so."""
    drawn = registry.outlines_in(
        view.actor.areas, view.box, tolerance=view.tolerance, most=SHARES["area"]
    )
    deepest = max((one.area.path.count("/") for one in drawn), default=0)
    return [
        _feature(
            "area",
            one.shape,
            name=view.name(one.area),
            schematic=one.area.schematic,
            # Hatching outlines inside one another would say it several times.
            no_data=_silence(view, by_area.get(one.area.code), at=at)
            if one.area.path.count("/") == deepest
            else "",
            rank=one.area.path.count("/"),
        )
        for one in drawn
    ]


def _silence(view: View, heard: streams.Heard | None, *, at: datetime) -> str:
    """Return in words that an area sends no fresh reading, and since when; else nothing."""
    if heard is not None and heard.fresh:
        return ""
    if heard is not None and heard.unknown:
        return say("watch.sensor_unknown", view.language)
    if heard is None or heard.last_at is None:
        return say("watch.no_data", view.language)
    return say("watch.no_data_since", view.language, at=view.local(heard.last_at, at))


def warnings(view: View, in_force: list[WarningInForce], left: LeftOut) -> list[Feature]:
    """Return the ground of each warning, drawn no further than the actor's areas reach."""
    if len(in_force) > SHARES["warning"]:
        left.note("warning", len(in_force) - SHARES["warning"])
    shown = in_force[: SHARES["warning"]][::-1]  # the highest level is drawn last, on top
    paths = registry.paths_of({code for row in shown for code in row.areas})
    own = {
        row.pk: {c for code in row.areas for c in _reached(view.actor, paths.get(code, code))}
        for row in shown
    }
    wanted = {code for codes in own.values() for code in codes}
    drawn = registry.outlines_named(wanted, tolerance=view.tolerance)
    shapes = {one.area.code: one.shape for one in drawn}
    found: list[Feature] = []
    for row in shown:
        parts = [shapes[code] for code in sorted(own[row.pk]) if code in shapes]
        parts += [ring for text in row.polygons if (ring := _ring(text))]
        if parts:
            geometry = {"type": "GeometryCollection", "geometries": parts}
            name = view.hazard(row.hazard)
            found.append(_feature("warning", geometry, level=row.level or "unknown", name=name))
    return found


def _reached(actor: Actor, path: str) -> list[str]:
    """Return the area at ``path`` if the actor sees it, else those of the actor's that lie in it."""
    if actor.covers(path):
        return [path.rsplit("/", 1)[-1]]
    return [own.rsplit("/", 1)[-1] for own in actor.areas if own.startswith(path + "/")]


def _ring(text: str) -> dict[str, Any] | None:
    """Return a relayed outline (``lat,lon lat,lon …``) as a geometry; None when it is none."""
    try:
        pairs = [tuple(map(float, pair.split(","))) for pair in text.split()]
        ring = [[lon, lat] for lat, lon in pairs]
    except ValueError:
        return None
    if not all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in ring):
        return None  # no number too, which would make the whole answer unreadable
    if len(ring) > RINGS:
        ring = [*ring[:: len(ring) // RINGS + 1], ring[-1]]
    return {"type": "Polygon", "coordinates": [ring]} if len(ring) > 3 else None


def _letter(level: str, language: str) -> str:
    return say(f"watch.letter.{level or 'unknown'}", language)


def cases(view: View, found: list[Case]) -> list[Feature]:
    """Return cases that state a point, the most pressing first."""
    names = naming.names_of_cases(found)
    return [
        _feature(
            "case",
            _point(case.lat, case.lon),
            id=case.pk,
            level=case.level or "unknown",
            letter=_letter(case.level, view.language),
            name=_title(case, names, view.language),
        )
        for case in found[::-1]  # of one level the most pressing is drawn last, on top
        if case.lat is not None and case.lon is not None
    ]


def _title(case: Case, names: Names, language: str) -> str:
    hazard = names.hazard(case.hazard, language) or say("case.no_hazard", language)
    return f"{hazard} · {naming.where(case, names, language)}"


def in_areas(view: View, counted: list[InArea], left: LeftOut) -> list[Feature]:
    """Return the cases that state no point, in the middle of their area."""
    if len(counted) > SHARES["in_area"]:
        counted = counted[: SHARES["in_area"]]
        left.note("in_area", len(counted))
    middles = registry.middles_of({one.area for one in counted})
    names = registry.names_of(areas=[one.area for one in counted])
    return [
        _feature(
            "in_area",
            _point(*middles[one.area]),
            count=one.count,
            id=one.case if one.count == 1 else None,
            level=one.level or "unknown",
            letter=_letter(one.level, view.language),
            name=say(
                "watch.in_area",
                view.language,
                n=one.count,
                area=names.area(one.area, view.language),
            ),
        )
        for one in counted[::-1]
        if one.area in middles
    ]


def crowds(view: View, left: LeftOut, *, which: Q, now: datetime) -> list[Feature]:
    """Return the members of incidents by cells; each leads to the case that answers for them."""
    members = warning.crowded(view.actor, most=MOST_MEMBERS, which=which)
    found = crowds_in(view.actor, view.box, members, now=now)
    if len(found) > SHARES["crowd"] or len(members) == MOST_MEMBERS:
        found = found[-SHARES["crowd"] :]
        left.note("crowd", len(found))
    return [
        _feature(
            "in_area",
            _point(*one.point),
            count=one.count,
            id=one.case,
            level=one.level,
            letter=_letter(one.level, view.language),
            name=say("watch.crowd", view.language, n=one.count, what=view.hazard(one.hazard)),
        )
        for one in found
    ]


def clusters(view: View, rows: list[AlertInstance], left: LeftOut) -> list[Feature]:
    """Return clusters of reports, each in the middle of those of its reports that state a point."""
    if len(rows) > SHARES["cluster"]:
        rows = rows[: SHARES["cluster"]]
        left.note("cluster", len(rows))
    reports = {row.pk: list((row.evidence or {}).get("reports", ())) for row in rows}
    points = sensing.report_points({number for some in reports.values() for number in some})
    answering = response.cases_of_signs(view.actor, [f"alert:{row.pk}" for row in rows])
    cases = {sign: case.pk for sign, case in answering.items()}
    found = []
    for row in rows:
        own = [points[number] for number in reports[row.pk] if number in points]
        if own:
            lat, lon = (sum(axis) / len(own) for axis in zip(*own, strict=True))
            found.append(
                _feature(
                    "cluster",
                    _point(lat, lon),
                    level=row.level,
                    count=len(reports[row.pk]),
                    id=cases.get(f"alert:{row.pk}"),
                    name=view.hazard(row.hazard),
                )
            )
    return found


def places(view: View, *, at: datetime) -> list[Feature]:
    """Return the risk points in view that were in the registry at ``at``."""
    found, cells = registry.places_in(view.actor.areas, view.box, most=SHARES["place"], at=at)
    return cell_counts(cells, "place") + [
        _feature(
            "place",
            _point(one.point.lat, one.point.lon),
            name=view.name(one),
            code=one.code,
        )
        for one in found
        if one.point is not None
    ]


def _sensors_now(view: View, *, now: datetime) -> list[Feature]:
    found, cells = registry.sensors_in(
        view.actor.areas,
        view.box,
        most=SHARES["sensor"],
        at=now,
        which=view.layers.of_quantities("quantity"),
    )
    last, units = sensing.latest(one.code for one in found), registry.unit_texts(view.language)
    levels = warning.open_levels([f"stream:{one.code}" for one in found])

    def stands(one: KnownSensor) -> tuple[bool, str]:
        row = last.get(one.code)
        if row is None:
            return False, say("watch.no_data", view.language)
        fresh = streams.is_fresh(one, row.at, now=now)
        return fresh, read(view, units, (one.quantity, row.value, row.at), now)

    return cell_counts(cells, "sensor") + sensors(view, found, stands, levels)


def read(
    view: View, units: Mapping[str, str], reading: tuple[str, float | None, datetime], now: datetime
) -> str:
    """Return a reading (quantity, value, time) in words: value, unit and time."""
    quantity, value, at = reading
    local = view.local(at, now)
    if value is None:
        return local
    # Kept in the unit of what is measured, whatever the device sends.
    return f"{value:g} {units.get(quantity, '')} · {local}"


def sensors(
    view: View,
    found: Iterable[KnownSensor],
    stands: Callable[[KnownSensor], tuple[bool, str]],
    levels: Mapping[str, str] | None = None,
) -> list[Feature]:
    """Return sensors that have a place; ``stands`` tells whether one is fresh, and its words.

    ``levels`` holds the level that stands open on a stream: of a lost one it is the last one (I6).
    """
    features = []
    for one in found:
        if one.point is not None:
            fresh, told = stands(one)
            level = (levels or {}).get(f"stream:{one.code}", "")
            freshness = "fresh" if fresh else "stale"
            features.append(
                _feature(
                    "sensor",
                    _point(one.point.lat, one.point.lon),
                    name=view.name(one),
                    code=one.code,
                    fresh=fresh,
                    look=f"{level}-{freshness}" if level else freshness,
                    level=level,
                    letter=_letter(level, view.language) if level else "",
                    told=told,
                )
            )
    return features
