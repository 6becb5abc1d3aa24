"""What a rule test came to, for people in both languages and for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from anlan.warning.domain.reasons import reason_text


@dataclass(frozen=True, slots=True)
class Change:
    """What the judge told of an alert instance: when, why, and on which signs."""

    at: str
    what: str
    level: str
    subject: str
    code: str
    params: Mapping[str, str | int | float] = field(default_factory=dict)
    readings: tuple[float, ...] = ()
    reports: tuple[int, ...] = ()

    def line(self, language: str) -> str:
        """Return it as one line for people."""
        words = _words(language)
        said = f"{self.at} {words[f'>{self.what}']} {words[self.level or 'none']} {self.subject}"
        said += f"{words[':']}{reason_text(self.code, self.params, language)}"
        if self.readings:
            said += f" [{words['readings']} {' '.join(f'{value:g}' for value in self.readings)}]"
        if self.reports:
            said += f" [{words['reports']} {' '.join(map(str, self.reports))}]"
        return said


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that was not met, with what was found instead and on what it rests."""

    at: str
    rule: str
    subject: str
    expected: dict[str, str | int]
    got: dict[str, str | int]
    evidence: tuple[Change, ...] = ()

    def lines(self, language: str) -> list[str]:
        """Return it for people."""
        words = _words(language)
        subject = f" {self.subject}" if self.subject else ""
        return [
            f"    {self.at} {self.rule}{subject}",
            f"        {words['expected']}{words[':']}{_shown(self.expected, words)}",
            f"        {words['got']}{words[':']}{_shown(self.got, words)}",
            *(f"        {change.line(language)}" for change in self.evidence),
        ]


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a test could not be played at all; ``what`` is the word or place at fault."""

    code: str
    what: str = ""

    def line(self, language: str) -> str:
        """Return it for people."""
        return _PROBLEMS[self.code]["en" if language == "en" else "zh"].format(what=self.what)


@dataclass(frozen=True, slots=True)
class RuleTestResult:
    """The outcome of one test; ``problem`` says why it could not run at all."""

    file: str
    name: str
    rules: tuple[str, ...] = ()
    raised: tuple[str, ...] = ()  # rules that raised something
    failures: tuple[Failure, ...] = ()
    problem: Hindrance | None = None

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.failures and self.problem is None

    def as_dict(self) -> dict[str, object]:
        """Return the outcome for machines."""
        return {**msgspec.to_builtins(self), "passed": self.passed}

    def lines(self, language: str) -> list[str]:
        """Return the outcome for people."""
        words = _words(language)
        head = words["passed" if self.passed else "failed"]
        found = [f"{head} {self.file}{words[':']}{self.name}"]
        if self.problem is not None:
            found.append(f"    {words['problem']}{words[':']}{self.problem.line(language)}")
        for item in self.failures:
            found += item.lines(language)
        return found


def _shown(values: Mapping[str, str | int], words: Mapping[str, str]) -> str:
    return words[","].join(
        f"{words[f'.{name}']} {words.get(str(value), value)}" for name, value in values.items()
    )


def _words(language: str) -> Mapping[str, str]:
    return _EN if language == "en" else _ZH


_EN = {
    ":": ": ",
    ",": ", ",
    "passed": "passed",
    "failed": "FAILED",
    "problem": "could not run",
    "expected": "expected",
    "got": "got",
    ".state": "state",
    ".level": "level",
    ".open": "open",
    ".raised": "raised",
    ">raised": "raised",
    ">level": "level",
    ">cleared": "cleared",
    "readings": "readings",
    "reports": "reports",
} | {name: name for name in ("red", "orange", "yellow", "blue", "none")}
_ZH = {
    ":": "：",
    ",": "，",
    "passed": "通过",
    "failed": "未通过",
    "problem": "无法运行",
    "expected": "应为",
    "got": "实为",
    ".state": "状态",
    ".level": "级别",
    ".open": "未解除的预警实例",
    ".raised": "累计报警",
    "normal": "正常（normal）",
    "pending": "待定（pending）",
    "raised": "已报警（raised）",
    "clearing": "趋缓（clearing）",
    "lost": "失联（lost）",
    ">raised": "报警",
    ">level": "改为",
    ">cleared": "解除",
    "readings": "读数",
    "reports": "报告",
    "red": "红色",
    "orange": "橙色",
    "yellow": "黄色",
    "blue": "蓝色",
    "none": "无",
}
_PROBLEMS = {
    "unreadable": {
        "zh": "测试文件写法不对（{what}）。请对照文档“编写并测试规则”改正。",
        "en": "the test file is not written as it must be ({what}). See “Write and test a rule”.",
    },
    "no_rule": {"zh": "没有这条规则：{what}", "en": "no such rule: {what}"},
    "bad_series": {
        "zh": "读数序列中看不懂的词：{what}",
        "en": "not a word of a series: {what}",
    },
    "no_place": {"zh": "测试中没有这个地点：{what}", "en": "no such place in the test: {what}"},
    "no_subject": {
        "zh": "测试中没有这个对象：{what}。应为 stream:测点、place:地点、cluster:报告序号或 area:区划",
        "en": "no such subject in the test: {what}; it is stream:…, place:…, cluster:… or area:…",
    },
    "unconcerned": {
        "zh": "测试中没有任何征兆与规则 {what} 有关，请核对 quantity 和 hazard；这样的测试证明不了什么。",
        "en": "no sign of the test concerns the rule {what} (check quantity and hazard): "
        "it would prove nothing.",
    },
    "no_interval": {"zh": "测点 {what} 的间隔为零", "en": "the interval of stream {what} is zero"},
    "too_long": {
        "zh": "测试太长：{what} 步之内没有走到最后一个预期。请加大间隔或缩短序列。",
        "en": "the test is too long: {what} steps do not reach its last expectation. "
        "Use longer intervals or shorter series.",
    },
}
