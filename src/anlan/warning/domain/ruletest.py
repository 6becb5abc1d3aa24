"""Run rule tests from data files: the real judge over a small made-up world."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from anlan.kernel.durations import parse_span, span_text
from anlan.registry.domain.located import read_yaml
from anlan.registry.domain.rulespecs import (
    ClusterRule,
    ConjunctionRule,
    LagRule,
    RuleSpec,
    SilenceRule,
    ThresholdRule,
    WindowRule,
)
from anlan.warning.domain.findings import Finding, What
from anlan.warning.domain.instants import instant, micros
from anlan.warning.domain.judge import level_now, phase_of, step
from anlan.warning.domain.memory import Memory
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.rulecases import Case, CaseFile, Expected
from anlan.warning.domain.ruleoutcome import Change, Failure, Hindrance, RuleTestResult
from anlan.warning.domain.series import Absent, SeriesError, parse_series
from anlan.warning.domain.signs import (
    Batch,
    Observation,
    Place,
    ReportSign,
    ResponseStanding,
    SignalInForce,
    SignalSign,
    Stream,
    World,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
MOST_STEPS = 200_000  # of one test


def run_rule_tests(folder: Path, rules: Sequence[RuleSpec]) -> list[RuleTestResult]:
    """Run every test of the ``*.yaml`` files of a folder against ``rules``, in order of name."""
    results: list[RuleTestResult] = []
    for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else []:
        results += _run_file(path, rules)
    return results


def _run_file(path: Path, rules: Sequence[RuleSpec]) -> list[RuleTestResult]:
    node, findings = read_yaml(path, path.name)
    if node is None or findings:
        what = "; ".join(f"line {item.line}: {item.code}" for item in findings) or "–"
        return [RuleTestResult(path.name, path.stem, problem=Hindrance("unreadable", what))]
    try:
        said = msgspec.convert(node.plain(), CaseFile, strict=False)
    except msgspec.ValidationError as error:
        return [RuleTestResult(path.name, path.stem, problem=Hindrance("unreadable", str(error)))]
    return [_run(path.name, case, rules) for case in said.tests]


def _run(file: str, case: Case, rules: Sequence[RuleSpec]) -> RuleTestResult:
    asked = tuple(sorted({item.rule for item in case.expect}))
    problem = _problem(case, rules, asked)
    if problem is not None:
        return RuleTestResult(file, case.name, asked, problem=problem)
    try:
        play = Play(case, rules)
        failures = play.run()
    except SeriesError as error:
        problem = Hindrance("bad_series", error.word)
        return RuleTestResult(file, case.name, asked, problem=problem)
    except TooLongError:
        problem = Hindrance("too_long", str(MOST_STEPS))
        return RuleTestResult(file, case.name, asked, problem=problem)
    raised = {item.rule for item in play.findings if item.what is What.RAISED}
    return RuleTestResult(file, case.name, asked, tuple(sorted(raised)), tuple(failures))


def _problem(case: Case, rules: Sequence[RuleSpec], asked: Iterable[str]) -> Hindrance | None:
    """Return why a test cannot prove anything: a misspelt word would hold every rule quiet."""
    known = {rule.id: rule for rule in rules}
    places = {place.code for place in case.places}
    for said in case.streams:
        if said.place is not None and said.place not in places:
            return Hindrance("no_place", said.place)
        if not parse_span(said.interval):
            return Hindrance("no_interval", said.code)
    for rule in asked:
        if rule not in known:
            return Hindrance("no_rule", rule)
        if not _concerns(case, known[rule]):
            return Hindrance("unconcerned", rule)
    subjects = {f"place:{code}" for code in places}
    subjects |= {f"stream:{said.code}" for said in case.streams}
    subjects |= {f"cluster:{number}" for number in range(1, len(case.reports) + 1)}
    for item in case.expect:
        if item.subject and not item.subject.startswith("area:") and item.subject not in subjects:
            return Hindrance("no_subject", item.subject)
    return None


def _concerns(case: Case, rule: RuleSpec) -> bool:
    """Return whether any sign of a test is of the kind that a rule looks at."""
    quantities = {said.quantity for said in case.streams}
    reported = {said.hazard for said in case.reports}
    warned = {said.hazard for said in case.signals}
    match rule:
        case ThresholdRule() | WindowRule():
            return rule.quantity in quantities
        case SilenceRule():
            return bool(quantities) if rule.quantity == "*" else rule.quantity in quantities
        case ClusterRule():
            return rule.hazard in reported
        case LagRule():
            return rule.signal.hazard in warned
        case ConjunctionRule():
            return (
                (rule.signal is not None and rule.signal.hazard in warned)
                or (rule.report is not None and rule.report.hazard in reported)
                or (rule.reading is not None and rule.reading.quantity in quantities)
            )


class TooLongError(ValueError):
    """A test does not reach its last expectation."""


def at(span: str) -> datetime:
    """Return the instant that a test calls ``span``."""
    return START + parse_span(span)


class Play:
    """One test being played: signs in order of time, the judge's memory, and its findings."""

    def __init__(self, case: Case, rules: Sequence[RuleSpec]) -> None:
        self.case, self.rules = case, RuleBook(in_force=tuple(rules))
        self.memory = Memory()
        self.findings: list[Finding] = []
        self.kinds = {place.code: place for place in case.places}
        self.streams = {said.code: self._stream(said.code) for said in case.streams}
        self.observations = sorted(self._observations(), key=lambda item: item.at)
        self.moments = sorted({START, *self._moments()})

    def _stream(self, code: str) -> Stream:
        said = next(item for item in self.case.streams if item.code == code)
        place = self.kinds.get(said.place or "")
        return Stream(
            code=said.code,
            quantity=said.quantity,
            interval=parse_span(said.interval),
            area=place.area if place is not None else said.area,
            place=said.place or "",
            place_kind=place.kind if place is not None else "",
        )

    def _observations(self) -> Iterable[Observation]:
        for said in self.case.streams:
            for number, item in enumerate(parse_series(said.series)):
                moment = at(said.start) + parse_span(said.interval) * number
                if item is not Absent.NOTHING:
                    value = None if isinstance(item, Absent) else item
                    yield Observation(said.code, moment, value, moment)

    def _moments(self) -> Iterable[datetime]:
        case = self.case
        spans = [*(x.at for x in case.reports), *(x.at for x in case.expect)]
        untils = [*(x.until for x in case.signals), *(x.until for x in case.responses)]
        spans += [*(x.at for x in case.signals), *(x.at for x in case.responses)]
        spans += [until for until in untils if until is not None]
        return [*(item.at for item in self.observations), *map(at, spans)]

    def run(self) -> list[Failure]:
        """Play the test; return what was not as expected.

        Raises
        ------
        TooLongError
            When something is left to be checked after :data:`MOST_STEPS` steps.
        """
        end = max(at(item.at) for item in self.case.expect)
        failures: list[Failure] = []
        before: datetime | None = None
        now: datetime | None = START
        for _ in range(MOST_STEPS):
            if now is None or now > end:
                break
            batch = self._batch(before, now)
            done = step(self.rules, self.memory, batch, self._world(now), now=now)
            self.memory = done.memory
            self.findings += done.findings
            failures += (
                failure
                for item in self.case.expect
                if at(item.at) == now
                for failure in [self._check(item)]
                if failure is not None
            )
            before, now = now, self._next(now)
        if now is not None and now <= end:
            raise TooLongError
        return failures

    def _next(self, now: datetime) -> datetime | None:
        """Return the next sign's instant, or when time alone changes something."""
        due = [moment for moment in self.moments if moment > now][:1]
        alone = [self.memory.city.next_at, *(x.next_at for x in self.memory.streams.values())]
        due += [instant(item) for item in alone if item is not None and item > micros(now)]
        return min(due, default=None)

    def _batch(self, before: datetime | None, now: datetime) -> Batch:
        def fresh(moment: datetime) -> bool:
            return moment <= now and (before is None or moment > before)

        return Batch(
            observations=tuple(item for item in self.observations if fresh(item.at)),
            reports=tuple(
                ReportSign(
                    id=number,
                    at=at(said.at),
                    hazard=said.hazard,
                    lat=said.lat,
                    lon=said.lon,
                    area=said.area,
                    spot=said.spot,
                    strong=said.strong,
                )
                for number, said in enumerate(self.case.reports, 1)
                if fresh(at(said.at))
            ),
            signals=tuple(
                SignalSign(number, at(said.at), said.hazard, said.level.value, said.areas)
                for number, said in enumerate(self.case.signals, 1)
                if fresh(at(said.at))
            ),
        )

    def _world(self, now: datetime) -> World:
        places = self.case.places
        return World(
            streams=self.streams,
            places=tuple(Place(x.code, x.kind, x.area, x.lat, x.lon) for x in places),
            signals=tuple(
                SignalInForce(
                    id=number,
                    hazard=said.hazard,
                    level=said.level,
                    since=at(said.at),
                    areas=said.areas,
                    places=frozenset(x.code for x in places if x.area in said.areas),
                )
                for number, said in enumerate(self.case.signals, 1)
                if at(said.at) <= now and (said.until is None or now < at(said.until))
            ),
            responses=tuple(
                ResponseStanding(
                    id=number,
                    hazard=said.hazard,
                    level=said.level,
                    area_path=said.area,
                    ended=at(said.until) if said.until and at(said.until) <= now else None,
                )
                for number, said in enumerate(self.case.responses, 1)
                if at(said.at) <= now
            ),
            asked={(x.hazard, x.warning.value): x.response for x in self.case.asked},
        )

    def _check(self, item: Expected) -> Failure | None:
        found = [x for x in self.findings if x.rule == item.rule]
        raised = sum(x.what is What.RAISED for x in found)
        cleared = sum(x.what is What.CLEARED for x in found)
        got: dict[str, str | int] = {"open": raised - cleared, "raised": raised}
        if item.subject:
            got["state"] = phase_of(self.memory, item.rule, item.subject).value
            got["level"] = level_now(self.memory, item.rule, item.subject) or "none"
        names = ("state", "level", "open", "raised")
        wanted: dict[str, str | int] = {
            x: getattr(item, x) for x in names if getattr(item, x) is not None
        }
        if all(got[name] == value for name, value in wanted.items()):
            return None
        return Failure(
            at=span_text(parse_span(item.at)),
            rule=item.rule,
            subject=item.subject,
            expected=wanted,
            got={name: got[name] for name in wanted},
            evidence=tuple(_told(x) for x in found if item.subject in {"", x.subject}),
        )


def _told(item: Finding) -> Change:
    return Change(
        at=span_text(item.at - START),
        what=item.what.value,
        level=item.level,
        subject=item.subject,
        code=item.reason.code,
        params=item.reason.params,
        readings=tuple(value for _, _, value in item.evidence.readings),
        reports=item.evidence.reports,
    )
