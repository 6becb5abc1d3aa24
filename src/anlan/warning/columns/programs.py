"""Rules compiled into numbers: versions with their limits, and the programs of the streams."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from anlan.registry.domain.rulespecs import SilenceRule, ThresholdRule, WindowRule
from anlan.warning.columns.layout import (
    COMPARES,
    FUNCTIONS,
    I32,
    I64,
    LATE,
    LIMIT,
    NEVER,
    PROGRAM,
    RULE,
    SILENCE,
    THRESHOLD,
    WINDOW,
    Flags,
    Records,
    Tables,
    height_of,
)
from anlan.warning.domain.bench import stale_after
from anlan.warning.domain.instants import instant, span_micros
from anlan.warning.domain.rulebook import (
    RuleBook,
    StreamRule,
    factor_of,
    lookback_of,
    scaled,
    unusable,
)
from anlan.warning.domain.signs import Stream, Units
from anlan.warning.domain.silence import patience

Named = tuple[str, int]  # a rule's id and version
LARGEST = float(np.finfo(np.float64).max)
SPARE = 4  # readings beyond what the interval promises


class Facts(NamedTuple):
    """What is known of each stream, by its number; ``there`` is false for numbers not in use."""

    quantity: I32  # in `quantities`
    place_kind: I32  # in `place_kinds`
    interval: I64
    maintenance: Flags
    there: Flags
    quantities: Sequence[str]
    place_kinds: Sequence[str]


@dataclass(frozen=True, slots=True)
class City:
    """The rules in force, the units, and the streams: given anew whenever one of them changes."""

    rules: RuleBook
    facts: Facts
    units: Mapping[str, Units] = field(default_factory=dict)


class Compiled(NamedTuple):
    """Tables, and what their rows stand for."""

    tables: Tables
    rules: tuple[Named, ...]
    silences: tuple[Named, ...]
    program: I32  # by stream; -1: none
    samples: tuple[Stream, ...]  # one stream of each program
    unusable: tuple[str, ...]


def usable_book(city: City) -> tuple[RuleBook, tuple[str, ...]]:
    """Return the rules whose units are known, and those left out."""
    useless = unusable(city.rules.in_force, city.units)
    kept = tuple(rule for rule in city.rules.in_force if rule.id not in useless)
    return RuleBook(in_force=kept, older=city.rules.older), useless


def compile_city(
    city: City, kept: Sequence[Named], silent: Sequence[Named], *, unjudged: Flags
) -> Compiled:
    """Return a city's rules and programs as tables.

    ``kept`` and ``silent`` are the versions of open instances; those that exist
    no more keep a row that is only a name.
    """
    book, useless = usable_book(city)
    stream_rules = [x for x in book.in_force if isinstance(x, ThresholdRule | WindowRule)]
    rules: dict[Named, StreamRule | None] = {(x.id, x.version): x for x in stream_rules}
    for named in kept:
        found = book.version(*named)
        if isinstance(found, ThresholdRule | WindowRule):
            rules.setdefault((found.id, found.version), found)
        rules.setdefault(named, None)
    silences: dict[Named, SilenceRule | None] = {
        (x.id, x.version): x for x in book.in_force if isinstance(x, SilenceRule)
    }
    for named in silent:
        spoken = book.version(*named)
        if isinstance(spoken, SilenceRule):
            silences.setdefault((spoken.id, spoken.version), spoken)
        silences.setdefault(named, None)
    programs, program = _programs(city.facts)
    rule, limit = _rule_records(list(rules.values()), city.units)
    listed, records = _program_records(programs, book, list(rules), list(silences), rule, limit)
    silence = np.zeros(len(silences), SILENCE)
    silence["height"] = [0 if x is None else height_of(x.level.value) for x in silences.values()]
    tables = Tables(rule, limit, silence, records, listed, unjudged)
    return Compiled(tables, tuple(rules), tuple(silences), program, tuple(programs), useless)


def _programs(facts: Facts) -> tuple[list[Stream], I32]:
    """Return one stream that stands for each program, and the program of every stream."""
    intervals, which = np.unique(facts.interval, return_inverse=True)
    kinds = len(facts.place_kinds)
    key = facts.quantity.astype(np.int64) * kinds + facts.place_kind
    key = (key * len(intervals) + which) * 2 + facts.maintenance
    there = np.flatnonzero(facts.there)
    _, first, number = np.unique(key[there], return_index=True, return_inverse=True)
    program = np.full(len(key), -1, np.int32)
    program[there] = number
    samples = [
        Stream(
            code="",
            quantity=facts.quantities[facts.quantity[s]],
            place_kind=facts.place_kinds[facts.place_kind[s]],
            interval=instant(int(facts.interval[s])) - instant(0),
            in_maintenance=bool(facts.maintenance[s]),
        )
        for s in there[first].tolist()
    ]
    return samples, program


def _rule_records(
    rules: list[StreamRule | None], units: Mapping[str, Units]
) -> tuple[Records, Records]:
    records = np.zeros(len(rules), RULE)
    limits: list[tuple[float, float, int, int]] = []
    for record, rule in zip(records, rules, strict=True):
        if rule is None:
            continue
        record["kind"] = THRESHOLD
        record["compare"] = COMPARES.index(rule.compare)
        record["hold"], record["clear_hold"] = span_micros(rule.hold), span_micros(rule.clear_hold)
        record["lookback"] = lookback_of(rule)
        record["first"], record["limits"] = len(limits), len(rule.limits)
        if isinstance(rule, WindowRule):
            record["kind"], record["coverage"] = WINDOW, rule.min_coverage
            record["function"] = FUNCTIONS.index(rule.function)
        factor = _factor(rule, units)
        limits += [
            (
                scaled(limit.raise_at, factor),
                scaled(limit.clear_at, factor),
                span_micros(getattr(limit, "window", "0s")),
                height_of(limit.level.value),
            )
            for limit in rule.limits
        ]
    return records, np.array(limits, LIMIT)


def _factor(rule: StreamRule, units: Mapping[str, Units]) -> float:
    factor = factor_of(rule, units)
    return 1.0 if factor is None else factor


def _program_records(
    programs: list[Stream],
    book: RuleBook,
    rules: list[Named],
    silences: list[Named],
    rule: Records,
    limit: Records,
) -> tuple[I64, Records]:
    records = np.zeros(len(programs), PROGRAM)
    listed: list[int] = []
    for record, stream in zip(records, programs, strict=True):
        chosen = sorted(book.for_stream(stream), key=lambda item: item.id)
        mine = [rules.index((item.id, item.version)) for item in chosen]
        spoken = book.silence_for(stream)
        record["first"], record["rules"] = len(listed), len(mine)
        record["interval"], record["stale"] = span_micros(stream.interval), stale_after(stream)
        record["silence"], record["wait"] = -1, NEVER
        if spoken is not None:
            record["silence"] = silences.index((spoken.id, spoken.version))
            if not stream.in_maintenance:
                record["wait"] = patience(spoken, stream)
        record["lookback"] = rule["lookback"][mine].max(initial=0)
        record["plain"] = (rule["kind"][mine] == THRESHOLD).all()
        record["low"], record["high"] = _bounds(rule[mine], limit)
        listed += mine
    return np.array(listed, np.int64), records


def _bounds(rules: Records, limit: Records) -> tuple[float, float]:
    """Return between which values no threshold of the rules is passed, both included."""
    low, high = -LARGEST, LARGEST
    for rule in rules[rules["kind"] == THRESHOLD]:
        compare = COMPARES[rule["compare"]]
        first = int(rule["first"])
        for raise_at in limit["raise_at"][first : first + int(rule["limits"])].tolist():
            if compare == ">=":
                high = min(high, math.nextafter(raise_at, -math.inf))
            elif compare == ">":
                high = min(high, raise_at)
            elif compare == "<=":
                low = max(low, math.nextafter(raise_at, math.inf))
            else:
                low = max(low, raise_at)
    return low, high


def readings_needed(tables: Tables) -> I64:
    """Return how many readings a stream of each program keeps when it keeps to its interval."""
    interval = np.maximum(tables.program["interval"], 1)
    return -(-(tables.program["lookback"] + LATE) // interval) + SPARE
