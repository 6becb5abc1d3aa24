"""A rule in plain words, in both languages, made from the rule itself: it cannot go stale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from anlan.kernel.durations import parse_span
from anlan.registry.domain.packwords import Text, written
from anlan.registry.domain.rulespecs import (
    ClusterLimit,
    ClusterRule,
    ConjunctionRule,
    LagRule,
    Limit,
    RuleSpec,
    SignalCondition,
    SilenceRule,
    ThresholdRule,
    WindowLimit,
    WindowRule,
)

_COMPARE = {
    ">=": ("达到或超过", "reaches or exceeds"),
    ">": ("超过", "exceeds"),
    "<=": ("降到或低于", "falls to or below"),
    "<": ("低于", "falls below"),
}
_SIGN = {">=": "≥", ">": ">", "<=": "≤", "<": "<"}
_BACK = {">=": "≤", ">": "≤", "<=": "≥", "<": "≥"}
_FUNCTION = {
    "sum": ("累计", "sum"),
    "mean": ("平均", "mean"),
    "change": ("变化", "change"),
    "rate": ("变化速率", "rate of rise"),
}
_UNITS = ((86400, "天", "day"), (3600, "小时", "hour"), (60, "分钟", "minute"), (1, "秒", "second"))


class Words(msgspec.Struct, frozen=True):
    """The names that the packs give to what rules speak of, by slug."""

    hazards: Mapping[str, Text] = {}
    quantities: Mapping[str, Text] = {}
    place_kinds: Mapping[str, Text] = {}
    levels: Mapping[str, Text] = {}
    units: Mapping[str, Text] = {}

    def of(self, section: str, slug: str, language: str) -> str:
        """Return a name in one language; the slug where the packs have none."""
        found = getattr(self, section).get(slug)
        return getattr(found, language) if found is not None else slug


def describe(rule: RuleSpec, words: Words) -> Text:
    """Return what a rule does, as one or two sentences in each language."""
    said = {language: _Telling(words, language).of(rule) for language in ("zh", "en")}
    return Text(zh=said["zh"], en=said["en"])


def basis_text(rule: RuleSpec) -> str:
    """Return on what a rule rests: title, article and confidence."""
    parts = [rule.basis.title, rule.basis.article]
    return " ".join(part for part in parts if part) + f" [{rule.confidence.value}]"


def span_words(span: str, language: str) -> str:
    """Return a span as people say it: ``90m`` is "1 小时 30 分钟"."""
    rest = parse_span(span).total_seconds()
    parts = []
    for size, zh, en in _UNITS:
        count = int(rest // size)
        rest -= count * size
        if count:
            plural = "s" if count > 1 else ""
            parts.append(f"{count} {zh}" if language == "zh" else f"{count} {en}{plural}")
    return " ".join(parts) or ("立即" if language == "zh" else "at once")


class _Telling:
    """One language's sentences."""

    def __init__(self, words: Words, language: str) -> None:
        self.words, self.language, self.zh = words, language, language == "zh"

    def of(self, rule: RuleSpec) -> str:
        match rule:
            case ThresholdRule():
                return self._threshold(rule) + self._where(rule.only_place_kinds)
            case WindowRule():
                return self._window(rule) + self._where(rule.only_place_kinds)
            case SilenceRule():
                return self._silence(rule) + self._where(rule.only_place_kinds)
            case ClusterRule():
                return self._cluster(rule)
            case ConjunctionRule():
                return self._conjunction(rule)
            case LagRule():
                return self._lag(rule)

    def _say(self, zh: str, en: str) -> str:
        return zh if self.zh else en

    def _level(self, level: str) -> str:
        return self.words.of("levels", level, self.language)

    def _list(self, parts: Iterable[str]) -> str:
        return ("、" if self.zh else ", ").join(parts)

    def _kinds(self, kinds: tuple[str, ...]) -> str:
        return self._list(self.words.of("place_kinds", kind, self.language) for kind in kinds)

    def _where(self, kinds: tuple[str, ...]) -> str:
        if not kinds:
            return ""
        return self._say(f"仅适用于：{self._kinds(kinds)}。", f" Only at: {self._kinds(kinds)}.")

    def _span(self, span: str) -> str:
        return span_words(span, self.language)

    def _limit(self, rule: ThresholdRule | WindowRule, limit: Limit) -> str:
        window = ""
        if isinstance(limit, WindowLimit):
            window = self._say(
                f"（{self._span(limit.window)}内）", f" in {self._span(limit.window)}"
            )
        unit = written(self.words.units, rule.unit, self.language)
        up = f"{_SIGN[rule.compare]} {limit.raise_at:g} {unit}"
        down = f"{_BACK[rule.compare]} {limit.clear_at:g} {unit}"
        level = self._level(limit.level)
        return self._say(
            f"{level} {up}{window}（{down} 解除）", f"{level} at {up}{window} (clears at {down})"
        )

    def _threshold(self, rule: ThresholdRule) -> str:
        name = self.words.of("quantities", rule.quantity, self.language)
        limits = self._list(self._limit(rule, limit) for limit in rule.limits)
        zh, en = _COMPARE[rule.compare]
        for_zh, for_en = self._hold(rule.hold)
        back = self._clear_hold(rule.clear_hold)
        return self._say(
            f"{name}{zh}限值{for_zh}时报警：{limits}。{back}",
            f"Raised when {name} {en} a limit{for_en}: {limits}.{back}",
        )

    def _hold(self, span: str) -> tuple[str, str]:
        if not parse_span(span).total_seconds():
            return "", ""
        return f"并持续 {self._span(span)}", f" for {self._span(span)}"

    def _clear_hold(self, span: str) -> str:
        if not parse_span(span).total_seconds():
            return ""
        said = self._span(span)
        return self._say(f"恢复须持续 {said}。", f" The calm must last {said}.")

    def _window(self, rule: WindowRule) -> str:
        name = self.words.of("quantities", rule.quantity, self.language)
        zh, en = _FUNCTION[rule.function]
        limits = self._list(self._limit(rule, limit) for limit in rule.limits)
        share = f"{rule.min_coverage:.0%}"
        for_zh, for_en = self._hold(rule.hold)
        back = self._clear_hold(rule.clear_hold)
        return self._say(
            f"{name}的{zh}达到限值{for_zh}时报警：{limits}。有效读数不足 {share} 时不解除。{back}",
            f"Raised when the {en} of {name} meets a limit{for_en}: {limits}."
            f" With less than {share} of the readings nothing is cleared.{back}",
        )

    def _silence(self, rule: SilenceRule) -> str:
        name = self._say("任何传感器", "any sensor")
        if rule.quantity != "*":
            name = self.words.of("quantities", rule.quantity, self.language)
        least = self._span(rule.at_least)
        level = self._level(rule.level)
        return self._say(
            f"{name}连续 {rule.intervals:g} 个周期（至少 {least}）没有数据时报警，"
            f"级别不低于{level}，也不低于失联前的级别。",
            f"Raised when {name} has given nothing for {rule.intervals:g} intervals"
            f" (at least {least}); at least {level}, and at least its last level.",
        )

    def _cluster_limit(self, limit: ClusterLimit) -> str:
        strong_zh = f"，其中 {limit.strong} 起有危险词" if limit.strong else ""
        strong_en = f", {limit.strong} with words of danger" if limit.strong else ""
        span, level = self._span(limit.within), self._level(limit.level)
        return self._say(
            f"{level} {span}内 {limit.reports} 起{strong_zh}",
            f"{level} at {limit.reports} within {span}{strong_en}",
        )

    def _cluster(self, rule: ClusterRule) -> str:
        name = self.words.of("hazards", rule.hazard, self.language)
        limits = self._list(self._cluster_limit(limit) for limit in rule.limits)
        after = self._span(rule.clear_after)
        return self._say(
            f"{rule.within_m:g} 米内多人反映“{name}”时报警：{limits}。{after}无新报告后解除。",
            f"Raised when reports of {name} lie within {rule.within_m:g} m: {limits}."
            f" Clears {after} after the last report.",
        )

    def _bare(self, level: str) -> str:
        """Return a level's name where the word "warning" stands beside it already."""
        return self._level(level).removesuffix("预警").removesuffix(" warning")

    def _band(self, asked: SignalCondition) -> tuple[str, str]:
        """Return the levels of a condition in both languages, as "red or above"."""
        least = self._bare(asked.at_least)
        if asked.at_most is None:
            return f"{least}及以上", f"{least} or above"
        most = self._bare(asked.at_most)
        if asked.at_most is asked.at_least:
            return least, f"{least}, not above"
        return f"{least}至{most}", f"{least} to {most}"

    def _conditions(self, rule: ConjunctionRule) -> list[str]:
        found = []
        if rule.signal is not None:
            name = self.words.of("hazards", rule.signal.hazard, self.language)
            zh, en = self._band(rule.signal)
            found.append(self._say(f"{name}{zh}预警生效", f"a {name} warning ({en}) in force"))
        if rule.report is not None:
            name = self.words.of("hazards", rule.report.hazard, self.language)
            within, metres = self._span(rule.report.within), f"{rule.report.within_m:g}"
            found.append(
                self._say(
                    f"{within}内 {metres} 米内有人反映“{name}”",
                    f"a report of {name} within {metres} m and {within}",
                )
            )
        if rule.reading is not None:
            name = self.words.of("quantities", rule.reading.quantity, self.language)
            value = f"{_SIGN[rule.reading.compare]} {rule.reading.value:g}"
            found.append(self._say(f"{name} {value}", f"{name} {value}"))
        return found

    def _conjunction(self, rule: ConjunctionRule) -> str:
        kinds, level = self._kinds(rule.place_kinds), self._level(rule.level)
        conditions = self._conditions(rule)
        return self._say(
            f"对每一处{kinds}：{'，且'.join(conditions)}时，报{level}。",
            f"For each place of the kind {kinds}: {level} when there is {' and '.join(conditions)}.",
        )

    def _lag(self, rule: LagRule) -> str:
        name = self.words.of("hazards", rule.signal.hazard, self.language)
        (band_zh, band_en), level = self._band(rule.signal), self._level(rule.level)
        wait = parse_span(rule.grace).total_seconds()
        grace_zh = f"超过 {self._span(rule.grace)}" if wait else ""
        grace_en = f" for more than {self._span(rule.grace)}" if wait else ""
        again_zh = again_en = ""
        if rule.repeat is not None:
            span = self._span(rule.repeat.within)
            again_zh = f"，且 {span}内第 {rule.repeat.times} 次收到该级预警"
            again_en = f", and it has come {rule.repeat.times} times within {span}"
        return self._say(
            f"{name}{band_zh}预警生效{again_zh}，而响应级别低于预案要求{grace_zh}时，报{level}。",
            f"{level} when a {name} warning ({band_en}) is in force{again_en} and the"
            f" response is below what the plan asks{grace_en}.",
        )
