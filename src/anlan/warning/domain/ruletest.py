"""Run rule tests from data files: the real judge over a small made-up world."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from anlan.kernel.durations import parse_span, span_text
from anlan.registry.domain.located import read_yaml
from anlan.registry.domain.rulespecs import RuleSpec
from anlan.warning.domain.findings import Finding, What
from anlan.warning.domain.instants import instant, micros
from anlan.warning.domain.judge import level_now, phase_of, step
from anlan.warning.domain.memory import Memory
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.rulecases import Case, CaseFile, Expected
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


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that was not met, with what was found instead and on what it rests."""

    at: str
    rule: str
    subject: str
    expected: str
    got: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleTestResult:
    """The outcome of one test; ``problem`` says why it could not run at all."""

    file: str
    name: str
    rules: tuple[str, ...] = ()
    raised: tuple[str, ...] = ()  # rules that raised something
    failures: tuple[Failure, ...] = ()
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.failures and not self.problem

    def as_dict(self) -> dict[str, object]:
        """Return the outcome for machines."""
        return {**msgspec.to_builtins(self), "passed": self.passed}

    def lines(self, language: str) -> list[str]:
        """Return the outcome for people."""
        words = _WORDS["zh" if language == "zh" else "en"]
        head = words["passed" if self.passed else "failed"]
        found = [f"{head} {self.file}: {self.name}"]
        if self.problem:
            found.append(f"    {words['problem']}: {self.problem}")
        for item in self.failures:
            subject = f" {item.subject}" if item.subject else ""
            found.append(f"    {item.at} {item.rule}{subject}")
            found.append(f"        {words['expected']}: {item.expected}")
            found.append(f"        {words['got']}: {item.got}")
            found += [f"        {line}" for line in item.evidence]
        return found


_WORDS = {
    "zh": {
        "passed": "通过",
        "failed": "未通过",
        "problem": "无法运行",
        "expected": "应为",
        "got": "实为",
    },
    "en": {
        "passed": "passed",
        "failed": "FAILED",
        "problem": "could not run",
        "expected": "expected",
        "got": "got",
    },
}


def run_rule_tests(folder: Path, rules: Sequence[RuleSpec]) -> list[RuleTestResult]:
    """Run every test of the ``*.yaml`` files of a folder against ``rules``, in order of name."""
    results: list[RuleTestResult] = []
    for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else []:
        results += _run_file(path, rules)
    return results


def _run_file(path: Path, rules: Sequence[RuleSpec]) -> list[RuleTestResult]:
    node, findings = read_yaml(path, path.name)
    if node is None or findings:
        problem = "; ".join(f"line {item.line}: {item.code}" for item in findings) or "empty file"
        return [RuleTestResult(path.name, path.stem, problem=problem)]
    try:
        said = msgspec.convert(node.plain(), CaseFile, strict=False)
    except msgspec.ValidationError as error:
        return [RuleTestResult(path.name, path.stem, problem=str(error))]
    return [_run(path.name, case, rules) for case in said.tests]


def _run(file: str, case: Case, rules: Sequence[RuleSpec]) -> RuleTestResult:
    known = {rule.id for rule in rules}
    asked = tuple(sorted({item.rule for item in case.expect}))
    unknown = [rule for rule in asked if rule not in known]
    if unknown:
        problem = f"no such rule: {', '.join(unknown)}"
        return RuleTestResult(file, case.name, asked, problem=problem)
    try:
        play = Play(case, rules)
    except SeriesError as error:
        return RuleTestResult(file, case.name, asked, problem=str(error))
    failures = play.run()
    raised = {item.rule for item in play.findings if item.what is What.RAISED}
    return RuleTestResult(file, case.name, asked, tuple(sorted(raised)), tuple(failures))


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
        """Play the test; return what was not as expected."""
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
        got: dict[str, object] = {"open": raised - cleared, "raised": raised}
        if item.subject:
            got["state"] = phase_of(self.memory, item.rule, item.subject).value
            got["level"] = level_now(self.memory, item.rule, item.subject) or "none"
        names = ("state", "level", "open", "raised")
        wanted = {x: getattr(item, x) for x in names if getattr(item, x) is not None}
        if all(got[name] == value for name, value in wanted.items()):
            return None
        return Failure(
            at=span_text(parse_span(item.at)),
            rule=item.rule,
            subject=item.subject,
            expected=_shown(wanted),
            got=_shown({name: got[name] for name in wanted}),
            evidence=tuple(_told(x) for x in found if item.subject in {"", x.subject}),
        )


def _shown(values: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _told(item: Finding) -> str:
    when = span_text(item.at - START)
    signs = [f"{value:g}" for _, _, value in item.evidence.readings]
    rests = f" readings {' '.join(signs)}" if signs else ""
    rests += (
        f" reports {' '.join(map(str, item.evidence.reports))}" if item.evidence.reports else ""
    )
    return f"{when} {item.what.value} {item.level} {item.subject} ({item.reason.code}){rests}"
