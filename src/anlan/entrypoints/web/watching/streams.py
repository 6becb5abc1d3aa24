"""Which streams of readings are fresh, stale or have never spoken: silence is not calm (I6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from anlan.kernel.actor import Actor
from anlan.registry import public as registry
from anlan.registry.domain.facts import KnownSensor
from anlan.sensing import public as sensing

#: A stream that misses so many readings in a row is stale.
MISSED = 3


@dataclass(slots=True)
class Heard:
    """How many streams there are, how many of them are fresh, and when one last spoke."""

    streams: int = 0
    fresh: int = 0
    never: int = 0
    last_at: datetime | None = None

    @property
    def stale(self) -> int:
        """Streams that spoke once and are overdue."""
        return self.streams - self.fresh - self.never

    def note(self, at: datetime | None, *, fresh: bool) -> None:
        """Count one stream."""
        self.streams += 1
        if at is None:
            self.never += 1
            return
        self.fresh += fresh
        self.last_at = at if self.last_at is None else max(self.last_at, at)


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
    whole, by_area = Heard(), dict[str, Heard]()
    for sensor in _own(actor, _sensors(now)):
        at = last.get(sensor.code)
        fresh = is_fresh(sensor, at, now=now)
        whole.note(at, fresh=fresh)
        for code in sensor.area_path.split("/"):
            by_area.setdefault(code, Heard()).note(at, fresh=fresh)
    return whole, by_area


def _own(actor: Actor, sensors: Iterable[KnownSensor]) -> Iterable[KnownSensor]:
    return (sensor for sensor in sensors if actor.covers(sensor.area_path))


_kept: tuple[tuple[str, date], tuple[KnownSensor, ...]] | None = None


def _sensors(now: datetime) -> tuple[KnownSensor, ...]:
    """Return the sensors in force: within a day and a revision of the city they do not change."""
    global _kept  # noqa: PLW0603  the last answer, for whoever asks next
    key = (registry.revision(), registry.local_day(now))
    if _kept is None or _kept[0] != key:
        _kept = key, registry.sensors(at=now)
    return _kept[1]
