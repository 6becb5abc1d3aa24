"""What a replay leaves behind: one JSON file, and the same as a table for people."""

from __future__ import annotations

import msgspec

from anlan.learning.domain.scenario import Fact, Words

FORMAT = 1
SUMMARY_FILE = "summary.json"  # in the rehearsal workspace


class RaisedRow(Fact, frozen=True, kw_only=True):
    """The first arrival of one duty: which rule, which place, which level, which post."""

    at: str  # local, to the second
    form: str  # "case", "task", "lag"
    rule: str
    hazard: str
    level: str
    place: str
    area: str
    posts: tuple[str, ...]  # all posts it reached within a minute
    tasks: int  # things to do that were given with it within a minute
    about: str
    marks: tuple[str, ...] = ()  # soft marks of the inputs that it may rest on


class FigureRow(Fact, frozen=True, kw_only=True):
    """Lead or gain of one harm or decision."""

    form: str  # "lead" or "gain"
    what: Words
    at: str
    raised_at: str  # "" when nothing was raised
    by: str  # the rule, or "report" when a person's report opened the case
    place: str
    minutes: float | None
    urgent_at: str  # the first arrival at orange or red; "" when it never came to that
    urgent_minutes: float | None
    marks: tuple[str, ...]  # soft marks of what the first figure rests on
    urgent_marks: tuple[str, ...] = ()  # soft marks of what the one from orange or red rests on


class OpenRow(Fact, frozen=True, kw_only=True):
    """A duty that nobody answered, and how far it climbed."""

    case: int
    opened_at: str
    hazard: str
    place: str
    owner: str
    priority: int
    rungs: int  # the highest rung told, from 1; 0 when none was
    top_post: str
    reminders: int  # repeats on the top rung
    missed_clocks: int
    area: str = ""


class ClimbRow(Fact, frozen=True, kw_only=True):
    """A change upwards of one alert or case: a level reached, a priority raised."""

    at: str
    what: str  # "level" or "priority"
    about: str
    rule: str
    before: str
    after: str
    marks: tuple[str, ...] = ()


class ClaimRow(Fact, frozen=True, kw_only=True):
    """What became of a handler's claim that a danger is over."""

    at: str
    by: Words
    claim: Words
    case: int | None
    refused: bool
    code: str  # the code of the refusal
    trigger: str
    tried_by: str  # "handler", or "duty_officer" who took the handler's word


class InputRow(Fact, frozen=True, kw_only=True):
    """One input, as given; readings are counted and not listed."""

    number: int
    at: str
    kind: str
    text: str
    mark: str
    place_mark: str = ""  # how sure its coordinates are
    handled: str = ""
    sign: str = ""


class RuleCount(Fact, frozen=True, kw_only=True):
    """How often one rule was false at one level over all ordinary weeks."""

    rule: str
    level: str
    total: int
    per_week: float
    title: Words | None = None


class OrdinaryRow(Fact, frozen=True, kw_only=True):
    """False reds and oranges of ordinary weeks in the same city, with the same rules."""

    city: str
    weeks: int
    first_seed: int
    red_mean: float
    red_max: int
    orange_mean: float
    orange_max: int
    rules: tuple[RuleCount, ...]
    readings: int
    reports: int
    city_name: Words | None = None


class Summary(Fact, frozen=True, kw_only=True):
    """The whole result of one replay."""

    format: int
    scenario: str
    title: Words
    source: str
    city: str
    timezone: str
    policy: Words
    from_at: str
    to_at: str
    readings: int
    inputs: tuple[InputRow, ...]
    raised: tuple[RaisedRow, ...]
    climbed: tuple[ClimbRow, ...]
    figures: tuple[FigureRow, ...]
    notices: int
    unanswered_notices: int
    open_cases: tuple[OpenRow, ...]
    closed_cases: int
    claims: tuple[ClaimRow, ...]
    refused_moves: tuple[str, ...]  # what the policy's posts tried and were refused, with the code
    ordinary: OrdinaryRow | None = None
    # What the packs call rules, hazards, places, areas and posts, by code, for people who read it.
    names: dict[str, Words] = {}


def to_json(summary: Summary) -> bytes:
    """Return the bytes that are stored; equal summaries give equal bytes."""
    return msgspec.json.format(msgspec.json.encode(summary, order="deterministic"), indent=1)


def from_json(data: bytes) -> Summary:
    """Return a stored summary."""
    return msgspec.json.decode(data, type=Summary)
