"""The newest reading of every stream with its place, in columns: the whole city in one answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anlan.kernel.actor import Actor
from anlan.sensing.domain.columns import QUALITIES
from anlan.sensing.services.hands import reader
from anlan.sensing.sta.catalogue import Catalogue, catalogue
from anlan.sensing.sta.parts import ALONE
from anlan.sensing.store.latest import NEVER, Newest
from anlan.sensing.store.rows import REMOVED

_NOBODY = np.iinfo(np.int32).max
_WORDS = np.array([quality.value for quality in QUALITIES], object)

Words = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Standing:
    """What does not change with readings: of each stream in force."""

    catalogue: Catalogue
    stream: Words
    unit: Words
    place: Words  # code of the risk point, None for a sensor that stands alone
    area: Words
    lat: NDArray[np.float64]  # degrees WGS-84; NaN: nobody has located it
    lon: NDArray[np.float64]


_standing: list[Standing] = []


def latest_columns(actor: Actor, *, now: datetime) -> dict[str, Any]:
    """Return columns of one length, a row for each stream that the actor may see.

    ``at_us``, ``value``, ``quality`` and ``received_us`` are None where nothing was measured; times are
    µs since 1970 UTC, values in ``unit``.
    """
    standing = _standing_at(now)
    found = standing.catalogue
    covered = np.array([actor.covers(path) for path in found.area_paths], np.bool_)
    mine = np.flatnonzero(covered[found.stream_area]) if len(found.streams) else np.zeros(0, int)
    store = reader()
    numbers = found.numbers_in_store(store.all_numbers())[mine]
    newest = store.newest_of(np.where(numbers < 0, _NOBODY, numbers).astype(np.int32))
    names = ("stream", "unit", "place", "area", "lat", "lon")
    columns = {name: getattr(standing, name)[mine] for name in names}
    return columns | _measured(newest)


def _measured(newest: Newest) -> dict[str, Any]:
    never = (newest.at_us == NEVER) | (newest.quality == REMOVED)
    quality = _WORDS[np.where(never, 0, newest.quality)]
    quality[never] = None
    return {
        "at_us": _or_none(newest.at_us, never),
        "value": np.where(never, np.nan, newest.value),
        "quality": quality,
        "received_us": _or_none(newest.received_us, never),
    }


def _or_none(column: NDArray[np.int64], never: NDArray[np.bool_]) -> NDArray[Any]:
    if not never.any():
        return column
    found = column.astype(object)
    found[never] = None
    return found


def _standing_at(now: datetime) -> Standing:
    """Return what stands, made anew when the city's data or the day have changed."""
    found = catalogue(now=now)
    kept = _standing[0] if _standing else None
    if kept is None or kept.catalogue is not found:
        kept = _standing_of(found)
        _standing[:] = [kept]
    return kept


def _standing_of(found: Catalogue) -> Standing:
    things = [found.things[number].id for number in found.thing_of.tolist()]
    points = [one.point for one in found.streams]
    return Standing(
        catalogue=found,
        stream=_words([one.code for one in found.streams]),
        unit=_words(found.units),
        place=_words([None if one.startswith(ALONE) else one for one in things]),
        area=_words([one.area for one in found.streams]),
        lat=np.array([np.nan if one is None else one.lat for one in points], np.float64),
        lon=np.array([np.nan if one is None else one.lon for one in points], np.float64),
    )


def _words(found: Any) -> Words:
    column = np.empty(len(found), object)
    column[:] = found
    return column
