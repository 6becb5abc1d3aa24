"""What the judge is given: signs that are new (`Batch`), and what stands (`World`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from anlan.kernel.scales import ResponseLevel, WarningLevel, at_least
from anlan.registry.domain.rulespecs import SignalCondition


class Observation(msgspec.Struct, frozen=True):
    """One reading, in the unit of its quantity; ``None`` or NaN says "no value"."""

    stream: str
    at: datetime
    value: float | None
    received: datetime


class ReportSign(msgspec.Struct, frozen=True):
    """What the judge may know of a report: never its text.

    ``spot`` is the code of a small area (grid, community) in which it lies; it
    stands in for coordinates where there are none.
    """

    id: int
    at: datetime
    hazard: str
    lat: float | None = None
    lon: float | None = None
    area: str = ""
    spot: str = ""
    strong: bool = False


class SignalSign(msgspec.Struct, frozen=True):
    """One message about an outside warning, as received."""

    id: int
    at: datetime
    hazard: str
    level: str
    areas: tuple[str, ...]


class Batch(msgspec.Struct, frozen=True):
    """Everything new since the last step; the order within does not matter."""

    observations: tuple[Observation, ...] = ()
    reports: tuple[ReportSign, ...] = ()
    signals: tuple[SignalSign, ...] = ()


class Stream(msgspec.Struct, frozen=True):
    """A sensor's stream of one quantity.  In maintenance its silence is expected.

    ``carrier`` names what it shares with others that fall silent with it ("gateway:G1").
    """

    code: str
    quantity: str
    interval: timedelta
    area: str = ""
    place: str = ""
    place_kind: str = ""
    in_maintenance: bool = False
    carrier: str = ""


class Place(msgspec.Struct, frozen=True):
    """A risk point."""

    code: str
    kind: str
    area: str = ""
    lat: float | None = None
    lon: float | None = None


class SignalInForce(msgspec.Struct, frozen=True):
    """A relayed warning as it stands; ``places`` are the risk points inside its ground."""

    id: int
    hazard: str
    level: WarningLevel
    since: datetime  # at this level
    areas: tuple[str, ...] = ()
    places: frozenset[str] = frozenset()


class Spoken(msgspec.Struct, frozen=True):
    """The warnings on which a rule's condition rests; none when a higher one has taken over."""

    signals: tuple[SignalInForce, ...]
    rose: bool


def spoken(asked: SignalCondition, signals: Iterable[SignalInForce]) -> Spoken:
    """Return what ``signals``, all over one place or area, say to a condition."""
    same = [signal for signal in signals if signal.hazard == asked.hazard]
    if any(asked.risen_above(signal.level) for signal in same):
        return Spoken((), rose=True)
    found = tuple(signal for signal in same if at_least(signal.level, asked.at_least))
    return Spoken(found, rose=False)


class ResponseStanding(msgspec.Struct, frozen=True):
    """A declared response, in force or ended not long ago."""

    id: int
    hazard: str
    level: ResponseLevel
    area_path: str
    ended: datetime | None = None

    def covers(self, path: str) -> bool:
        """Return whether the response holds for the area at ``path``."""
        mine = self.area_path
        return not mine or path == mine or path.startswith(mine + "/")


class Units(msgspec.Struct, frozen=True):
    """The unit in which a quantity is kept, and factors from other units into it."""

    unit: str
    accepts: Mapping[str, float] = {}

    def factor(self, unit: str) -> float | None:
        """Return what a number in ``unit`` is multiplied by; None for an unknown unit."""
        if unit == self.unit:
            return 1.0
        if unit in self.accepts:
            return self.accepts[unit]
        # A rate is stated per hour: "m/h" for a quantity in "m".
        return self.factor(unit[:-2]) if unit.endswith("/h") else None


class World(msgspec.Struct, frozen=True):
    """What stands at the instant of the step."""

    streams: Mapping[str, Stream] = {}
    places: tuple[Place, ...] = ()
    signals: tuple[SignalInForce, ...] = ()
    responses: tuple[ResponseStanding, ...] = ()
    asked: Mapping[tuple[str, str], ResponseLevel] = {}  # (hazard, warning level) -> plan's ask
    area_paths: Mapping[str, str] = {}
    units: Mapping[str, Units] = {}
