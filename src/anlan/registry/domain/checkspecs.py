"""Checks of sensors as data: when a reading is doubted, and when a device has failed.

A check never decides whether there is danger; it says how far a stream can be believed.
Values are in the unit of the quantity, which the check repeats so that nobody has to guess.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from anlan.registry.domain.packwords import AnySlug, Entry, Grounded, PositiveSpan, Slug, Span, Text
from anlan.registry.domain.rulespecs import Share, TaskSpec

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Often = Annotated[int, msgspec.Meta(ge=1, le=250)]  # counted up to 255 in an hour


class Stuck(Entry, frozen=True, kw_only=True, tag="stuck", tag_field="fault"):
    """The same value for longer than the quantity stands still (卡死)."""

    longer_than: PositiveSpan
    readings: Annotated[int, msgspec.Meta(ge=3)] = 6  # at least so many of the same value
    within: NotNegative = 0.0  # values so close to the first one are the same
    rests_upto: float | None = None  # up to here it may stand still as long as it likes: a dry road


class Spike(Entry, frozen=True, kw_only=True, tag="spike", tag_field="fault"):
    """Single readings far from those just before and after (跳变)."""

    away: Positive  # from the median of the six around it
    spreads: Positive = 6.0  # and so many times their robust spread
    times: Often = 5  # in a day, before the device is doubted


class Clock(Entry, frozen=True, kw_only=True, tag="clock", tag_field="fault"):
    """Times of measurement that do not fit those of receipt (时钟偏差)."""

    ahead: PositiveSpan = "2m"
    behind: PositiveSpan = "15m"  # beyond one interval of the stream


class Duplicate(Entry, frozen=True, kw_only=True, tag="duplicate", tag_field="fault"):
    """The same reading sent again and again (重复)."""

    times: Often = 20  # in a day


class Gaps(Entry, frozen=True, kw_only=True, tag="gaps", tag_field="fault"):
    """Fewer readings than were expected in a day (缺数)."""

    share: Share = 0.8  # of the expected readings of 24 hours


class Drift(Entry, frozen=True, kw_only=True, tag="drift", tag_field="fault"):
    """A slow change against streams of the same quantity nearby (漂移)."""

    away: Positive  # from the difference of the device's first week
    within_m: Positive = 1000.0  # how far a neighbour may stand
    neighbours: Annotated[int, msgspec.Meta(ge=2, le=8)] = 3  # how many of the nearest


class Battery(Entry, frozen=True, kw_only=True, tag="battery", tag_field="fault"):
    """A supply that runs down (电量低): of the stream that measures it."""

    below: float
    recovers_at: float

    def __post_init__(self) -> None:
        if self.recovers_at < self.below:
            raise ValueError("recovers_at is below the limit: it would come and go")


class Calibration(Entry, frozen=True, kw_only=True, tag="calibration", tag_field="fault"):
    """The day by which the device had to be calibrated has passed (超期未检定)."""

    grace: Span = "0s"


Test = Stuck | Spike | Clock | Duplicate | Gaps | Drift | Battery | Calibration
FaultKind = Literal[
    "stuck", "spike", "clock", "duplicate", "gaps", "drift", "battery", "calibration"
]


class CheckSpec(Grounded, frozen=True, kw_only=True):
    """checks.yaml: one check of streams of a quantity, or of every stream, and what follows."""

    id: Slug
    title: Text
    test: Test
    quantity: AnySlug = "*"
    unit: str = ""  # of the figures: the quantity's own; empty where there are none
    only_place_kinds: tuple[Slug, ...] = ()
    hazard: Slug = "system.device"  # finds the owner
    advice: Text
    opens_case: bool = True  # False: shown on the stream and the board only
    tasks: tuple[TaskSpec, ...] = ()  # given with the case
    tell: tuple[str, ...] = ()  # posts told beside the owner
    # Checks and rules of one matter share one open case on a stream: one device, one case.
    matter: Slug = "device.fault"
    replaces: Slug | None = None

    def __post_init__(self) -> None:
        if self.has_figures and self.quantity == "*":
            raise ValueError("figures in a unit need a quantity")

    @property
    def has_figures(self) -> bool:
        """Whether it compares values in a unit."""
        test = self.test
        stands = isinstance(test, Stuck) and (test.within > 0 or test.rests_upto is not None)
        return stands or isinstance(test, Spike | Drift | Battery)

    @property
    def fault(self) -> FaultKind:
        """The kind of fault that it finds."""
        return self.test.__struct_config__.tag  # type: ignore[return-value]


def closest(
    checks: tuple[CheckSpec, ...], *, fault: str, quantity: str, place_kind: str
) -> CheckSpec | None:
    """Return the one check of a kind for a stream: its quantity's before the general one."""
    found = [
        check
        for check in checks
        if check.fault == fault
        and check.quantity in {"*", quantity}
        and (not check.only_place_kinds or place_kind in check.only_place_kinds)
    ]
    return min(
        found,
        key=lambda check: (check.quantity == "*", not check.only_place_kinds, check.id),
        default=None,
    )
