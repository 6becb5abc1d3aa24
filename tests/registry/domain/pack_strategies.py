# ruff: noqa: E501  strategies read best one field after the other
"""Any city pack that a folder can hold, for round trips."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st

from anlan.kernel.scales import ResponseLevel, RiskGrade, WarningLevel
from anlan.registry.domain import city as c
from anlan.registry.domain import jurisdiction as j
from anlan.registry.domain import rulespecs as r
from anlan.registry.domain.packwords import Basis, Confidence, Text

# Letters that people and spreadsheets put into cells, with those that break naive writers.
LETTERS = st.sampled_from("abc019 城网格é,;\"'#:-{}[]&*!|>%@`~?\\\t中“”=")
WORDS = st.text(LETTERS, min_size=1, max_size=12).map(str.strip).filter(bool)
CODES = st.text(st.sampled_from("abcXYZ019._-城#:{}[]&*!|>%@\"'~?"), min_size=1, max_size=10)
SLUGS = st.from_regex(r"[a-z0-9]{1,5}([._-][a-z0-9]{1,5}){0,2}", fullmatch=True)
LENGTHS = st.sampled_from(["90s", "5m", "1h30m", "2.5h", "7d"])
SPANS = st.just("0s") | LENGTHS
DAYS = st.dates(date(1990, 1, 1), date(2100, 1, 1))
TIMES = st.times().map(lambda at: at.replace(microsecond=0))
NUMBERS = st.floats(-1e6, 1e6)
TEXTS = st.builds(Text, zh=WORDS, en=WORDS)
GROUND: dict[str, Any] = {
    "basis": st.builds(
        Basis, title=WORDS, article=st.just("") | WORDS, url=st.just(""), note=st.just("") | WORDS
    ),
    "confidence": st.sampled_from(Confidence),
    "example": st.booleans(),
    "version": st.integers(1, 9),
    "effective_from": DAYS,
    "effective_to": st.none() | DAYS,
}
BODY: dict[str, Any] = {
    **GROUND,
    "id": SLUGS,
    "title": TEXTS,
    "hazard": SLUGS,
    "advice": TEXTS,
    "then": st.builds(
        r.Then,
        tasks=st.lists(
            st.builds(r.TaskSpec, title=TEXTS, within=LENGTHS, post=CODES), max_size=2
        ).map(tuple),
        tell=st.lists(CODES, max_size=2).map(tuple),
        evidence_to_close=st.sampled_from(["second_person", "measurement"]),
    ),
    "replaces": st.none() | SLUGS,
}
LEVELS = st.sampled_from(WarningLevel)
LIMITS = st.lists(
    st.builds(r.Limit, level=LEVELS, raise_at=NUMBERS, clear_at=NUMBERS), min_size=1, max_size=3
).map(tuple)
SIGNALS = st.builds(r.SignalCondition, hazard=SLUGS, at_least=LEVELS)
RULES = st.one_of(
    st.builds(r.ThresholdRule, **BODY, quantity=SLUGS, unit=WORDS, limits=LIMITS, hold=SPANS),
    st.builds(
        r.WindowRule,
        **BODY,
        quantity=SLUGS,
        unit=WORDS,
        function=st.sampled_from(["sum", "mean", "change", "rate"]),
        limits=st.lists(
            st.builds(r.WindowLimit, level=LEVELS, raise_at=NUMBERS, clear_at=NUMBERS, window=LENGTHS),
            min_size=1,
            max_size=2,
        ).map(tuple),
        min_coverage=st.floats(0.01, 1),
    ),
    st.builds(r.SilenceRule, **BODY, intervals=st.floats(1.5, 9), level=LEVELS),
    st.builds(
        r.ClusterRule,
        **BODY,
        within_m=st.floats(1, 5000),
        limits=st.lists(
            st.builds(r.ClusterLimit, level=LEVELS, reports=st.integers(2, 9), within=LENGTHS, strong=st.integers(0, 3)),
            min_size=1,
            max_size=2,
        ).map(tuple),
    ),
    st.builds(
        r.ConjunctionRule, **BODY, place_kinds=st.lists(SLUGS, min_size=1, max_size=2).map(tuple),
        level=LEVELS, signal=SIGNALS, report=st.none() | st.builds(r.ReportCondition, hazard=SLUGS, within_m=st.floats(1, 900), within=LENGTHS),
    ),
    st.builds(r.LagRule, **BODY, signal=SIGNALS, level=LEVELS, repeat=st.none() | st.builds(r.Repeat, times=st.integers(1, 9), within=LENGTHS)),
)  # fmt: skip
PERIOD = {"valid_from": st.none() | DAYS, "valid_to": st.none() | DAYS}
PLACE = {"lat": st.none() | st.floats(-90, 90), "lon": st.none() | st.floats(-180, 180)}


def unique(items: st.SearchStrategy[Any], *names: str) -> st.SearchStrategy[Any]:
    def key(item: Any) -> tuple[Any, ...]:
        return tuple(str(getattr(item, name)) for name in names)

    return st.lists(items, max_size=3, unique_by=key).map(tuple)


CITIES = st.builds(
    c.City,
    info=st.builds(
        c.CityInfo, format=st.just(1), id=SLUGS, name=TEXTS, version=WORDS, jurisdiction=SLUGS,
        timezone=WORDS, calendar=SLUGS, root_area=CODES, commander_post=CODES, system_post=CODES,
        arbiter_post=CODES, schematic=st.booleans(),
    ),
    areas=unique(
        st.builds(
            c.Area, code=CODES, kind=st.sampled_from(["city", "zone", "grid"]), name_zh=WORDS,
            name_en=st.just("") | WORDS, parent=st.none() | CODES,
            touches=st.lists(CODES, max_size=2).map(tuple), **PERIOD,
        ),
        "code",
    ),
    shapes=unique(
        st.builds(
            c.Shape, code=CODES, schematic=st.booleans(),
            geometry=st.floats(-89, 88).map(
                lambda x: {"type": "Polygon", "coordinates": [[[x, x], [x + 1, x], [x, x + 1], [x, x]]]}
            ),
        ),
        "code",
    ),
    organisations=unique(
        st.builds(c.Organisation, code=CODES, name_zh=WORDS, kind=st.just("street"), area=CODES), "code"
    ),
    posts=unique(
        st.builds(c.Post, code=CODES, name_zh=WORDS, organisation=CODES, area=CODES, superior=st.none() | CODES),
        "code",
    ),
    holders=unique(
        st.builds(c.Holder, code=CODES, name=WORDS, email=st.just("") | WORDS, phone=st.just("") | WORDS), "code"
    ),
    shifts=unique(
        st.builds(
            c.Shift, post=CODES, holder=CODES, deputy=st.none() | CODES,
            weekdays=st.sets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days))),
            start=TIMES, end=TIMES, valid_from=DAYS, valid_to=st.none() | DAYS,
        ),
        "post", "holder", "weekdays", "start", "end", "valid_from",
    ),
    duties=unique(
        st.builds(
            c.Duty, area=CODES, hazard=st.just("*") | SLUGS, level=st.sampled_from(["", "red"]),
            post=CODES, valid_from=DAYS, valid_to=st.none() | DAYS, basis=WORDS,
        ),
        "area", "hazard", "level", "post", "valid_from",
    ),
    risk_points=unique(
        st.builds(
            c.RiskPoint, code=CODES, name_zh=WORDS, kind=SLUGS, area=CODES,
            grade=st.none() | st.sampled_from(RiskGrade), plan=st.none() | CODES, **PLACE, **PERIOD,
        ),
        "code",
    ),
    sensors=unique(
        st.builds(
            c.Sensor, code=CODES, name_zh=WORDS, quantity=SLUGS, unit=WORDS, interval=LENGTHS,
            area=CODES, risk_point=st.none() | CODES, **PLACE, **PERIOD,
        ),
        "code",
    ),
    ladders=unique(
        st.builds(
            c.Ladder, **GROUND, id=SLUGS, name=TEXTS, case=st.sampled_from(["*", "service"]),
            hazard=st.just("*") | SLUGS, repeat=LENGTHS,
            rungs=st.lists(st.builds(c.Rung, after=SPANS, post=CODES), min_size=1, max_size=2).map(tuple),
        ),
        "id", "version",
    ),
    plans=unique(
        st.builds(
            c.Plan, **GROUND, id=CODES, name=TEXTS, hazards=st.lists(SLUGS, max_size=2).map(tuple),
            reviewed_on=DAYS,
            response_asked=st.lists(
                st.builds(r.ResponseAsked, hazard=SLUGS, warning=LEVELS, response=st.sampled_from(ResponseLevel)),
                max_size=2,
            ).map(tuple),
        ),
        "id", "version",
    ),
    rules=unique(RULES, "id", "version"),
    clocks=unique(
        st.builds(
            j.ClockRule, **GROUND, id=SLUGS, title=TEXTS, stage=st.just("handle"), hazard=st.just("*") | SLUGS,
            priority=st.lists(st.integers(1, 4), max_size=2).map(tuple), starts_on=WORDS, limit=LENGTHS,
            calendar=st.just("natural"), replaces=st.none() | SLUGS,
        ),
        "id", "version",
    ),
)  # fmt: skip
