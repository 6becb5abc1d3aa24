"""All streams of the city in columns, to be searched and put in order at once (测点一览).

What the registry knows of them is read once for each revision and day; what they last said comes
from the arrays of the observation store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anlan.entrypoints.web.watching.layers import OTHER
from anlan.entrypoints.web.watching.streams import MISSED, StreamState, sensors_now
from anlan.kernel.actor import Actor
from anlan.kernel.scales import WarningLevel
from anlan.registry import public as registry
from anlan.registry.domain.facts import KnownSensor
from anlan.sensing import public as sensing
from anlan.warning import public as warning

#: Open alerts that a list takes note of; of more the newest.
MOST_ALERTS = 20_000
STATES = ("alarm", "stale", "never", "fresh")
_LEVELS = [level.value for level in WarningLevel]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Sought:
    """Which streams are looked for; empty fields do not restrict.

    ``domain`` names one or several with dots between; ``other`` is what belongs to none.
    """

    text: str = ""
    area: str = ""
    domain: str = ""
    state: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One stream of a list, with what it last said."""

    sensor: KnownSensor
    state: StreamState
    level: str
    at: datetime | None
    value: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A page of a list, how many streams it is taken from, and how these stand."""

    rows: list[Row]
    total: int
    states: dict[str, int]


@dataclass(frozen=True)
class Shelf:
    """What does not change within a revision of the city and a day."""

    sensors: tuple[KnownSensor, ...]
    codes: tuple[str, ...]
    words: tuple[str, ...]  # what each is found by
    paths: tuple[str, ...]
    path_of: NDArray[np.int64]
    domains: tuple[str, ...]
    domain_of: NDArray[np.int64]
    allowed_us: NDArray[np.int64]  # how long each may be silent


_shelf: tuple[tuple[KnownSensor, ...], Shelf] | None = None


def shelf(*, now: datetime) -> Shelf:
    """Return the streams in force (read once for each revision and day)."""
    global _shelf  # noqa: PLW0603  the last answer, for whoever asks next
    found = sensors_now(now)
    if _shelf is None or _shelf[0] is not found:
        _shelf = found, _filled(found)
    return _shelf[1]


def _filled(sensors: tuple[KnownSensor, ...]) -> Shelf:
    places = {x.risk_point for x in sensors if x.risk_point}
    names = registry.names_of(places=places)
    quantities = registry.quantities()
    domains = registry.domains_of_quantities()
    paths: dict[str, int] = {}
    kinds: dict[str, int] = {}
    words = []
    for one in sensors:
        measured = quantities.get(one.quantity)
        told = (one.code, one.name_zh, one.name_en, one.quantity, one.risk_point or "")
        place = names.places.get(one.risk_point or "", ("", ""))
        measured_as = (measured.name.zh, measured.name.en) if measured else ()
        words.append("\n".join((*told, *place, *measured_as)).casefold())
    return Shelf(
        sensors=sensors,
        codes=tuple(one.code for one in sensors),
        words=tuple(words),
        path_of=np.array([paths.setdefault(x.area_path, len(paths)) for x in sensors], np.int64),
        paths=tuple(paths),
        domain_of=np.array(
            [kinds.setdefault(domains.get(x.quantity, ""), len(kinds)) for x in sensors], np.int64
        ),
        domains=tuple(kinds),
        allowed_us=np.array([MISSED * x.interval // _US for x in sensors], np.int64),
    )


def seen(actor: Actor, sought: Sought, *, now: datetime, first: int, most: int) -> Seen:
    """Return a page of the actor's streams, what is wrong first (a few queries for any city)."""
    held = shelf(now=now)
    mask = _of_paths(held, [actor.covers(path) for path in held.paths])
    if sought.area:
        own = registry.area_path(sought.area)
        mask &= _of_paths(held, [p == own or p.startswith(own + "/") for p in held.paths])
    if sought.domain:
        wanted = sought.domain.split(".")
        mask &= np.array([(x or OTHER) in wanted for x in held.domains], bool)[held.domain_of]
    numbers = np.flatnonzero(mask)
    if sought.place:
        numbers = _only(numbers, lambda n: held.sensors[n].risk_point == sought.place)
    for word in sought.text.casefold().split():
        numbers = _only(numbers, lambda n, word=word: word in held.words[n])
    return _page(held, numbers, sought.state, now=now, first=first, most=most)


def _of_paths(held: Shelf, chosen: Sequence[bool]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.array(chosen, bool)[held.path_of]
    return found


def _only(numbers: NDArray[np.int64], fits: Any) -> NDArray[np.int64]:
    return np.array([n for n in numbers.tolist() if fits(n)], np.int64)


def _page(
    held: Shelf, numbers: NDArray[np.int64], state: str, *, now: datetime, first: int, most: int
) -> Seen:
    codes = [held.codes[n] for n in numbers.tolist()]
    newest = sensing.newest_columns(codes)
    levels = warning.highest_on_streams(most=MOST_ALERTS)
    # 0 … 3: an open alert by its level; then overdue, never heard, fresh.
    rank = np.array([_LEVELS.index(levels[x]) if x in levels else 9 for x in codes], np.int64)
    age_us = (now - _EPOCH) // _US - newest.at_us
    quiet = np.where(~newest.spoke, 5, np.where(age_us > held.allowed_us[numbers], 4, 6))
    alarm = rank < len(_LEVELS)
    rank = np.where(alarm, rank, quiet)
    of_state = {"alarm": alarm, "stale": quiet == 4, "never": quiet == 5, "fresh": quiet == 6}
    counts = {name: int(which.sum()) for name, which in of_state.items()}
    chosen = np.flatnonzero(of_state[state]) if state in of_state else np.arange(len(codes))
    order = chosen[np.argsort(rank[chosen], kind="stable")][first : first + most]
    words = {4: StreamState.STALE, 5: StreamState.NEVER, 6: StreamState.FRESH}
    rows = [
        Row(
            sensor=held.sensors[int(numbers[n])],
            state=words[int(quiet[n])],
            level=levels.get(codes[n], ""),
            at=_EPOCH + int(newest.at_us[n]) * _US if newest.spoke[n] else None,
            value=float(newest.value[n]) if np.isfinite(newest.value[n]) else None,
        )
        for n in order.tolist()
    ]
    return Seen(rows, len(chosen), counts)
