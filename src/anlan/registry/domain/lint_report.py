"""Findings as people read them (a table) and as machines read them (JSON)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from anlan.kernel.columns import padded, width
from anlan.registry.domain.findings import Finding, Language, Severity

_SEVERITY = {
    "zh": {Severity.ERROR: "错误", Severity.WARNING: "警告", Severity.NOTE: "提示"},
    "en": {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"},
}
_WORDS = {
    "zh": {"why": "为何", "do": "怎么办", "clean": "未发现问题。", "sum": "共 {n} 项：{parts}。"},
    "en": {
        "why": "why",
        "do": "do",
        "clean": "Nothing found.",
        "sum": "{n} findings: {parts}.",
    },
}


def as_json(found: Sequence[Finding]) -> str:
    """Return the findings as one JSON document, each with its words in both languages."""
    return json.dumps(
        {
            "counts": {level.value: _count(found, level) for level in Severity},
            "findings": [_data(item) for item in found],
        },
        ensure_ascii=False,
        indent=2,
    )


def _data(item: Finding) -> dict[str, object]:
    zh, en = item.words("zh"), item.words("en")
    return {
        "code": item.code,
        "severity": item.severity.value,
        "file": item.file,
        "line": item.line,
        "params": dict(item.params),
        "what": {"zh": zh.what, "en": en.what},
        "why": {"zh": zh.why, "en": en.why},
        "do": {"zh": zh.do, "en": en.do},
    }


def as_table(found: Sequence[Finding], language: Language) -> str:
    """Return the findings as text: place, severity, code and what; why and what to do below.

    Why and what to do stand once for each code, with its first finding.
    """
    words = _WORDS[language]
    if not found:
        return words["clean"]
    places = [f"{item.file}:{item.line}" if item.line else item.file for item in found]
    widest = max(width(place) for place in places)
    levels = _SEVERITY[language]
    level_width = max(width(levels[item.severity]) for item in found)
    lines: list[str] = []
    explained: set[str] = set()
    for place, item in zip(places, found, strict=True):
        said = item.words(language)
        level = padded(levels[item.severity], level_width)
        lines.append(f"{padded(place, widest)}  {level}  {item.code}  {said.what}")
        if item.code not in explained:
            explained.add(item.code)
            lines.append(f"    {words['why']}: {said.why}")
            lines.append(f"    {words['do']}: {said.do}")
    parts = ", ".join(
        f"{_count(found, level)} {levels[level]}" for level in Severity if _count(found, level)
    )
    lines.append(words["sum"].format(n=len(found), parts=parts))
    return "\n".join(lines)


def _count(found: Sequence[Finding], level: Severity) -> int:
    return Counter(item.severity for item in found)[level]
