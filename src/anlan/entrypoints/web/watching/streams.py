"""Which streams of readings are fresh, stale or have never spoken: silence is not calm (I6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache

from anlan.kernel.actor import Actor
from anlan.registry import public as registry
from anlan.registry.domain.facts import KnownSensor
from anlan.sensing import public as sensing
from anlan.sensing.public import KnownThen

#: A stream that misses so many readings in a row is stale.
MISSED = 3


class StreamState(StrEnum):
    """How a stream of readings stands (测点状态): silence is told from calm, and both from not knowing."""

    FRESH = "fresh"
    STALE = "stale"
    NEVER = "never"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Heard:
    """How many streams there are, how many of them are fresh, and when one last spoke.

    Of a past instant it may be ``unknown`` how a stream stood.
    """

    streams: int = 0
    fresh: int = 0
    never: int = 0
    unknown: int = 0
    last_at: datetime | None = None

    @property
    def stale(self) -> int:
        """Streams that spoke once and are overdue."""
        return self.streams - self.fresh - self.never - self.unknown

    def note(self, state: StreamState, at: datetime | None) -> None:
        """Count one stream, which last spoke at ``at`` as far as is known."""
        self.streams += 1
        self.fresh += state is StreamState.FRESH
        self.never += state is StreamState.NEVER
        self.unknown += state is StreamState.UNKNOWN
        if at is not None:
            self.last_at = at if self.last_at is None else max(self.last_at, at)


def state_now(sensor: KnownSensor, last: datetime | None, *, now: datetime) -> StreamState:
    """Return how a stream stands that last spoke at ``last``."""
    if last is None:
        return StreamState.NEVER
    return StreamState.FRESH if is_fresh(sensor, last, now=now) else StreamState.STALE


def state_then(sensor: KnownSensor, known: KnownThen, *, at: datetime) -> StreamState:
    """Return how a stream stood at a past instant, as far as the readings kept tell."""
    found = known.newest.get(sensor.code)
    if found is not None or sensor.code not in known.spoke_later:
        return state_now(sensor, found.at if found else None, now=at)
    # Nothing since `since`; that is an answer only if three readings were missed in between.
    looked = at - known.since >= MISSED * sensor.interval
    return StreamState.STALE if looked else StreamState.UNKNOWN


def is_fresh(sensor: KnownSensor, last: datetime | None, *, now: datetime) -> bool:
    """Return whether a stream has missed fewer readings in a row than :data:`MISSED`."""
    return last is not None and now - last <= MISSED * sensor.interval


def heard(actor: Actor, *, now: datetime) -> tuple[Heard, dict[str, Heard]]:
    """Return how the streams of the actor's areas stand: all together, and by area code.

    An area counts what lies in it and below it.  One query, or two after a change of the city.
    """
    if not registry.is_loaded():
        return Heard(), {}
    last = sensing.last_times()
    states = (
        (sensor, state_now(sensor, last.get(sensor.code), now=now), last.get(sensor.code))
        for sensor in _own(actor, sensors_now(now))
    )
    return _counted(states)


def heard_then(actor: Actor, known: KnownThen, *, at: datetime) -> tuple[Heard, dict[str, Heard]]:
    """Return what :func:`heard` would have returned at a past instant."""
    if not registry.is_loaded():
        return Heard(), {}
    newest = known.newest
    states = (
        (one, state_then(one, known, at=at), newest[one.code].at if one.code in newest else None)
        for one in _own(actor, registry.sensors(at=at))
    )
    return _counted(states)


@lru_cache(maxsize=4)
def known_at(at: datetime) -> KnownThen:
    """Return what was known of each stream at ``at``; what was known then does not change."""
    return sensing.known_at(at)


def _counted(
    states: Iterable[tuple[KnownSensor, StreamState, datetime | None]],
) -> tuple[Heard, dict[str, Heard]]:
    whole, by_area = Heard(), dict[str, Heard]()
    for sensor, state, last in states:
        whole.note(state, last)
        for code in sensor.area_path.split("/"):
            by_area.setdefault(code, Heard()).note(state, last)
    return whole, by_area


def _own(actor: Actor, sensors: Iterable[KnownSensor]) -> Iterable[KnownSensor]:
    return (sensor for sensor in sensors if actor.covers(sensor.area_path))


_kept: tuple[tuple[str, date], tuple[KnownSensor, ...]] | None = None


def sensors_now(now: datetime) -> tuple[KnownSensor, ...]:
    """Return the sensors in force: within a day and a revision of the city they do not change."""
    global _kept  # noqa: PLW0603  the last answer, for whoever asks next
    key = (registry.revision(), registry.local_day(now))
    if _kept is None or _kept[0] != key:
        _kept = key, registry.sensors(at=now)
    return _kept[1]
