"""Findings in columns, turned into the findings that the rest of the room knows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from anlan.registry.domain.rulespecs import SilenceRule, ThresholdRule, WindowRule
from anlan.warning.columns.judge import Step
from anlan.warning.columns.layout import (
    CLEARED,
    CORRECTED,
    HEARD_AGAIN,
    LAST_LEVEL,
    NOTHING_HEARD,
    RULE_GONE,
    SILENCE_ENDED,
    SILENCE_RULE_GONE,
    STREAM_ENDED,
    WHATS,
    Out,
    Records,
    level_of,
)
from anlan.warning.columns.programs import City
from anlan.warning.domain.evidence import DIGITS, subject_of
from anlan.warning.domain.findings import Evidence, Finding, Reason, What
from anlan.warning.domain.instants import instant
from anlan.warning.domain.rulebook import StreamRule, factor_of
from anlan.warning.domain.signs import Stream

SILENT = {
    NOTHING_HEARD: "silence.nothing_heard",
    LAST_LEVEL: "silence.last_level",
    HEARD_AGAIN: "silence.heard_again",
    SILENCE_RULE_GONE: "rule.gone",
}
OUTSIDE = {RULE_GONE: "rule.gone", STREAM_ENDED: "subject.ended", SILENCE_ENDED: "subject.ended"}


def findings_of(step: Step, city: City, stream_of: Callable[[int], Stream]) -> Iterator[Finding]:
    """Return findings with their rules, reasons and evidence, in the order of the columns.

    ``stream_of`` knows the streams by number, those that have ended too.
    """
    for row in step.findings.row:
        yield _finding(step, row, city, stream_of(int(row["stream"])))


def _finding(step: Step, row: Records, city: City, stream: Stream) -> Finding:
    why, named = int(row["why"]), int(row["named"])
    silent = why in SILENT or why == SILENCE_ENDED
    ended = why in {STREAM_ENDED, SILENCE_ENDED}
    rule_id, version = (step.silences if silent else step.rules)[named]
    rule = city.rules.version(rule_id, version)
    hazard, reason, evidence = "", Reason(""), Evidence()
    if why in OUTSIDE:
        reason = Reason(OUTSIDE[why])
    elif silent:
        if why != SILENCE_RULE_GONE:
            spoken = rule if isinstance(rule, SilenceRule) else city.rules.silence_for(stream)
            hazard = "" if spoken is None else spoken.hazard
        reason = Reason(
            SILENT[why],
            {"quantity": stream.quantity, "interval": stream.interval.total_seconds()},
        )
    elif isinstance(rule, ThresholdRule | WindowRule):
        hazard, reason = rule.hazard, _reason(row, rule, city)
        evidence = _evidence(step.findings, row, stream)
    return Finding(
        what=What(WHATS[row["what"]]),
        rule=rule_id,
        version=version,
        subject=subject_of(stream),
        hazard=hazard,
        level=level_of(int(row["height"])),
        before=level_of(int(row["before"])),
        # Nobody knows any more where a stream lies that has ended.
        area="" if ended else stream.area,
        place="" if ended else stream.place,
        carrier=stream.carrier if silent and not ended else "",
        since=instant(int(row["since"])),
        at=instant(int(row["at"])),
        reason=reason,
        evidence=evidence,
    )


def _reason(row: Records, rule: StreamRule, city: City) -> Reason:
    kind = "threshold" if isinstance(rule, ThresholdRule) else "window"
    calm = row["what"] == CLEARED
    code = f"{kind}.{'calm' if calm else 'beyond'}"
    if row["why"] == CORRECTED:
        code = "reading.corrected"
    limit = rule.limits[row["limit"]]
    params: dict[str, str | int | float] = {
        "quantity": rule.quantity,
        "unit": rule.unit,
        "compare": rule.compare,
        "limit": limit.clear_at if calm else limit.raise_at,
    }
    if not row["e_count"]:
        return Reason(code, params)
    value = float(row["value"])
    if not math.isnan(value):
        params["value"] = round(value / (factor_of(rule, city.units) or 1.0), DIGITS)
    if isinstance(rule, WindowRule):
        params |= {
            "function": rule.function,
            "window": rule.limits[row["limit"]].window,
            "coverage": round(float(row["coverage"]), 3),
        }
    return Reason(code, params)


def _evidence(out: Out, row: Records, stream: Stream) -> Evidence:
    first = int(row["e_first"])
    spots = range(first, first + int(row["e_count"]))
    return Evidence(
        readings=tuple(
            (stream.code, instant(int(out.e_at[k])), float(out.e_value[k])) for k in spots
        )
    )
