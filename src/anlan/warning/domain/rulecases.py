"""The words of a rule test file; ``docs/how-to/write-and-test-a-rule.md`` explains them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from anlan.kernel.scales import ResponseLevel, WarningLevel
from anlan.registry.domain.packwords import Entry, Slug, Span
from anlan.warning.domain.findings import Phase

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
HERE = "A"  # the area of everything that names none


class PlaceSaid(Entry, frozen=True, kw_only=True):
    """A risk point."""

    code: Name
    kind: Slug
    area: Name = HERE
    lat: float | None = None
    lon: float | None = None


class StreamSaid(Entry, frozen=True, kw_only=True):
    """A sensor's readings, one for each interval, in the unit that the rule states."""

    code: Name
    quantity: Slug
    series: Name
    interval: Span = "1m"
    start: Span = "0s"  # instant of the first reading
    place: Name | None = None
    area: Name = HERE


class ReportSaid(Entry, frozen=True, kw_only=True):
    """A report; reports are numbered 1, 2, 3 … in the order of the file."""

    at: Span
    hazard: Slug
    lat: float | None = None
    lon: float | None = None
    area: Name = HERE
    spot: str = ""
    strong: bool = False


class SignalSaid(Entry, frozen=True, kw_only=True):
    """An outside warning, in force from ``at`` until ``until`` (or to the end)."""

    at: Span
    hazard: Slug
    level: WarningLevel
    areas: tuple[Name, ...] = (HERE,)
    until: Span | None = None


class ResponseSaid(Entry, frozen=True, kw_only=True):
    """A declared response, in force from ``at`` until ``until``."""

    at: Span
    hazard: Slug
    level: ResponseLevel
    area: Name = HERE
    until: Span | None = None


class AskedSaid(Entry, frozen=True, kw_only=True):
    """What the plan asks for a warning level."""

    hazard: Slug
    warning: WarningLevel
    response: ResponseLevel


class Expected(Entry, frozen=True, kw_only=True):
    """What must be so at an instant.

    ``state`` and ``level`` are those of one subject; ``open`` is how many
    alert instances of the rule are open then, ``raised`` how many were raised
    until then.
    """

    at: Span
    rule: Slug
    subject: str = ""
    state: Phase | None = None
    level: Literal["red", "orange", "yellow", "blue", "none"] | None = None
    open: Annotated[int, msgspec.Meta(ge=0)] | None = None
    raised: Annotated[int, msgspec.Meta(ge=0)] | None = None

    def __post_init__(self) -> None:
        said = (self.state, self.level, self.open, self.raised)
        if all(item is None for item in said):
            raise ValueError("an expectation says state, level, open or raised")
        if not self.subject and (self.state is not None or self.level is not None):
            raise ValueError("state and level need a subject, as stream:S1 or place:P1")


class Case(Entry, frozen=True, kw_only=True):
    """One test: what comes in, and what must be so when."""

    name: Name
    places: tuple[PlaceSaid, ...] = ()
    streams: tuple[StreamSaid, ...] = ()
    reports: tuple[ReportSaid, ...] = ()
    signals: tuple[SignalSaid, ...] = ()
    responses: tuple[ResponseSaid, ...] = ()
    asked: tuple[AskedSaid, ...] = ()
    expect: Annotated[tuple[Expected, ...], msgspec.Meta(min_length=1)]


class CaseFile(Entry, frozen=True, kw_only=True):
    """A file of tests."""

    format: Literal[1]
    tests: Annotated[tuple[Case, ...], msgspec.Meta(min_length=1)]
