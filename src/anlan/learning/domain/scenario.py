"""A scenario (情景): dated facts of one real event, inputs kept apart from what came of them.

``known_at`` is the local instant at which a fact became knowable.  Only what
:func:`timeline` returns may ever be given to Anlan; decisions and outcomes are
compared with what it raised, and how a report was handled is shown, never applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
import yaml

from anlan.kernel.durations import parse_span
from anlan.kernel.errors import InvalidInputError
from anlan.kernel.scales import ResponseLevel, WarningLevel


class ScenarioError(InvalidInputError):
    """A scenario file does not say what a scenario must say."""

    code = "scenario.invalid"


class Mark(StrEnum):
    """How sure a fact is (可信标记)."""

    VERIFIED = "verified"  # seen in a published source
    MEMORY = "memory"  # believed, not checked again
    APPROXIMATE = "approximate"  # coordinates
    RECONSTRUCTED = "reconstructed"  # made to meet published totals
    ASSUMED = "assumed"  # needed to run, not documented


# A figure that rests on rows with these marks carries the words (approximate places do not
# move an instant, so they are shown with the place and not with the figure).
SOFT_MARKS = (Mark.MEMORY, Mark.RECONSTRUCTED, Mark.ASSUMED)


class Fact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something a scenario file says; unknown keys are refused."""


class Words(Fact, frozen=True, kw_only=True):
    """A text in both languages."""

    zh: Annotated[str, msgspec.Meta(min_length=1)]
    en: Annotated[str, msgspec.Meta(min_length=1)]


class Place(Fact, frozen=True, kw_only=True):
    """A place of the event and the risk point of the city pack that stands for it."""

    name_zh: str
    name_en: str = ""
    kind: str  # in plain words, as the source has it
    risk_point: str
    lat: float
    lon: float
    mark: Mark


class Background(Fact, frozen=True, kw_only=True):
    """An amount known only as a total, spread evenly over the hours before the hourly rows."""

    since: str
    until: str
    total: Annotated[float, msgspec.Meta(ge=0)]


class Series(Fact, frozen=True, kw_only=True):
    """Readings of one stream; each row is ``[instant at which it was known, value]``."""

    stream: str
    quantity: str
    unit: str
    mark: Mark
    note: str = ""
    step: str = "1h"
    before: Background | None = None
    rows: tuple[tuple[str, float], ...]


class RelayedSignal(Fact, frozen=True, kw_only=True):
    """A signal of the weather service, as it was issued."""

    known_at: str
    colour: WarningLevel
    hazard: str
    text: str
    area: str  # the area code the signal names
    area_zh: str
    valid_hours: Annotated[float, msgspec.Meta(gt=0)] = 12
    mark: Mark


class PersonReport(Fact, frozen=True, kw_only=True):
    """What people said: calls, notices, records; ``handled`` is shown, never applied.

    ``place_mark`` says how sure the coordinates are: a cluster rests on them as on the words.
    """

    known_at: str
    text: Annotated[str, msgspec.Meta(min_length=1)]
    kind: Literal["call", "observation", "notice", "record"] = "call"
    lat: float | None = None
    lon: float | None = None
    handled: str = ""
    place_mark: Mark = Mark.APPROXIMATE
    mark: Mark


class DeclaredState(Fact, frozen=True, kw_only=True):
    """The authorities' own response level from an instant on."""

    known_at: str
    hazard: str
    area: str
    level: ResponseLevel
    note: str = ""
    mark: Mark


class HandlerClaim(Fact, frozen=True, kw_only=True):
    """Somebody who handled the danger says that it is over, with or without a measurement."""

    known_at: str
    by: Words
    claim: Words
    hazard: str
    place: str
    measurement: Literal["none"] = "none"
    mark: Mark


class Inputs(Fact, frozen=True, kw_only=True):
    """Everything that may be given to Anlan."""

    series: tuple[Series, ...] = ()
    signals: tuple[RelayedSignal, ...] = ()
    reports: tuple[PersonReport, ...] = ()
    state: tuple[DeclaredState, ...] = ()
    claims: tuple[HandlerClaim, ...] = ()


class About(Fact, frozen=True, kw_only=True):
    """Which kinds and which places name the danger: what counts as having raised it."""

    hazards: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    places: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.places and not self.areas:
            raise ValueError("a harm or decision needs a place or an area")


class Compared(Fact, frozen=True, kw_only=True):
    """A decision of the authorities or a harm; never an input."""

    what: Words
    at: str = ""  # empty: no instant is known, so no figure can be given
    about: About | None = None
    mark: Mark

    def __post_init__(self) -> None:
        if self.at and self.about is None:
            raise ValueError("a row with a known time says what it is about")


class Context(Fact, frozen=True, kw_only=True):
    """What a reader should know and no machine is given (last year's crowd, a toll)."""

    what: Words
    mark: Mark


class Scenario(Fact, frozen=True, kw_only=True):
    """One event."""

    format: Literal[1]
    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    title: Words
    source: Annotated[str, msgspec.Meta(min_length=1)]
    timezone: str
    city: str
    starts_at: str
    ends_at: str
    places: tuple[Place, ...]
    inputs: Inputs
    decision: tuple[Compared, ...]
    outcome: tuple[Compared, ...]
    context: tuple[Context, ...] = ()

    def instant(self, local: str) -> datetime:
        """Return a local instant of this scenario as an aware one."""
        return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(self.timezone))


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a series."""

    stream: str
    quantity: str
    unit: str
    value: float


Given = Reading | RelayedSignal | PersonReport | DeclaredState | HandlerClaim


@dataclass(frozen=True, slots=True)
class Input:
    """One thing to give at its instant: a row of the file, with where it stands there."""

    known_at: datetime
    fact: Given
    mark: Mark
    number: int  # its place on the timeline; names it in the summary

    @property
    def marks(self) -> frozenset[Mark]:
        """Return its own mark and, of a report with coordinates, the mark of these."""
        fact = self.fact
        if isinstance(fact, PersonReport) and fact.lat is not None:
            return frozenset({self.mark, fact.place_mark})
        return frozenset({self.mark})


def parse(data: bytes) -> Scenario:
    """Return the scenario in a YAML file.

    Raises
    ------
    ScenarioError
        When it is not YAML, or not a scenario; ``detail`` says where.
    """
    try:
        scenario = msgspec.convert(yaml.safe_load(data), Scenario)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ScenarioError(detail=str(error)) from error
    try:
        timeline(scenario)
        compared = (*scenario.decision, *scenario.outcome)
        for row in compared:
            if row.at:
                scenario.instant(row.at)
    except (ValueError, KeyError) as error:
        raise ScenarioError(detail=str(error)) from error
    return scenario


def series_rows(scenario: Scenario, series: Series) -> list[tuple[datetime, float]]:
    """Return the readings of a series with their instants, the even background first."""
    rows: list[tuple[datetime, float]] = []
    step = parse_span(series.step)
    if series.before is not None:
        since, until = (
            scenario.instant(series.before.since),
            scenario.instant(series.before.until),
        )
        count, rest = divmod(until - since, step)
        if rest or count <= 0:
            raise ValueError(f"the background of {series.stream} is not a whole number of steps")
        share = series.before.total / count
        rows += [(since + step * (index + 1), share) for index in range(count)]
    rows += [(scenario.instant(at), value) for at, value in series.rows]
    for (before, _), (after, _) in pairwise(rows):
        if after <= before:
            raise ValueError(f"the rows of {series.stream} are not in the order of time")
    return rows


def timeline(scenario: Scenario) -> tuple[Input, ...]:
    """Return every input in the order in which it became known; nothing else is ever given."""
    start, end = scenario.instant(scenario.starts_at), scenario.instant(scenario.ends_at)
    if end <= start:
        raise ValueError("a scenario ends after it starts")
    inputs = scenario.inputs
    rows: list[tuple[str | datetime, Given, Mark]] = [
        *((row.known_at, row, row.mark) for row in inputs.state),
        *(
            (at, Reading(series.stream, series.quantity, series.unit, value), series.mark)
            for series in inputs.series
            for at, value in series_rows(scenario, series)
        ),
        *((row.known_at, row, row.mark) for row in inputs.signals),
        *((row.known_at, row, row.mark) for row in inputs.reports),
        *((row.known_at, row, row.mark) for row in inputs.claims),
    ]
    timed = [
        (scenario.instant(at) if isinstance(at, str) else at, fact, mark) for at, fact, mark in rows
    ]
    # What was known before the replay begins is given at its beginning: later, never earlier.
    # Sorting is stable: at one instant the authorities' state comes before readings and signals.
    ordered = sorted(
        ((max(at, start), fact, mark) for at, fact, mark in timed), key=lambda row: row[0]
    )
    if ordered and ordered[-1][0] > end:
        raise ValueError("an input is known only after the scenario ends")
    return tuple(Input(at, fact, mark, index) for index, (at, fact, mark) in enumerate(ordered, 1))
