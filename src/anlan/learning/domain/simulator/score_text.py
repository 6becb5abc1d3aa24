"""A score in words, for people, in both languages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from anlan.kernel.columns import aligned
from anlan.learning.domain.simulator.scoring import IncidentResult, Score

Language = Literal["zh", "en"]
KIND_WORDS = {
    "flooded_underpass": ("下穿路、隧道积水", "flooded underpass or tunnel"),
    "flooded_rail": ("轨道场段、出入口进水", "water at a rail yard or entrance"),
    "gas_leak": ("燃气泄漏", "gas leak"),
    "toxic_air": ("有毒气体", "toxic air"),
    "bridge_settlement": ("桥梁沉降", "bridge settles"),
    "excavation_moves": ("基坑变形", "excavation moves"),
    "electrical_fire": ("电气火灾", "electrical fire"),
    "crowd_surge": ("人群激增", "crowd surge"),
    "lift_trapped": ("电梯困人", "people in a lift"),
    "burst_main": ("供水爆管", "burst water main"),
    "stuck": ("读数不变", "stuck"),
    "spike": ("单次跳变", "spike"),
    "drift": ("漂移", "drift"),
    "gap": ("中断", "gap"),
    "clock_skew": ("时钟偏差", "clock skew"),
    "duplicates": ("重复上报", "duplicates"),
    "out_of_range": ("超出量程", "out of range"),
    "battery": ("电池耗尽", "battery runs down"),
}
CHECK_WORDS = {
    "stuck": ("读数卡死", "value stuck"),
    "spike": ("读数跳变", "readings jump"),
    "drift": ("读数漂移", "drift"),
    "gaps": ("数据缺失", "readings missing"),
    "clock": ("时钟偏差", "clock off"),
    "duplicate": ("重复上传", "repeated readings"),
    "battery": ("电量低", "battery low"),
    "calibration": ("超期未检定", "calibration overdue"),
}
LEVEL_WORDS = {
    "red": ("红色", "red"), "orange": ("橙色", "orange"), "yellow": ("黄色", "yellow"),
    "blue": ("蓝色", "blue"), "": ("未发现", "missed"),
}  # fmt: skip


def kind_words(kind: str, language: Language) -> str:
    """Return what people call a planted kind."""
    return _of(KIND_WORDS.get(kind, (kind, kind)), language)


def _of(words: tuple[str, str], language: Language) -> str:
    return words[0] if language == "zh" else words[1]


def minutes_words(seconds: float | None, language: Language) -> str:
    """Return a span in minutes, or a dash."""
    if seconds is None:
        return "–"
    return f"{seconds / 60:.1f} {'分' if language == 'zh' else 'min'}"


def render(score: Score, language: Language) -> str:
    """Return the whole score as text."""
    found = sum(bool(one.level) for one in score.incidents)
    told = sum(one.is_told for one in score.faults)
    named = sum(one.is_named for one in score.faults)
    healthy = sum(row.faults for row in score.false_faults)
    false = sum(row.alerts for row in score.false)
    faulty = sum(row.on_faulty for row in score.false)
    hours = (score.ends - score.begins).total_seconds() / 3600
    days = max(hours / 24 * score.streams, 1e-9)
    head = _of(
        (
            f"模拟数据（种子 {score.seed}）：{score.streams} 个测点，{hours:g} 小时，{score.readings} 条读数，"
            f"{score.alerts} 条预警。\n所有读数、事件和故障都是模拟的，不代表任何真实地点的表现。",
            f"Simulated (seed {score.seed}): {score.streams} streams, {hours:g} h, {score.readings} readings, "
            f"{score.alerts} alerts.\nEvery reading, incident and fault is made up; this is no record of a "
            "real place.",
        ),
        language,
    )
    lines = [head, "", _of((f"事件：发现 {found} / {len(score.incidents)}",
                            f"Incidents: {found} of {len(score.incidents)} found"), language)]  # fmt: skip
    lines += _incident_lines(score.incidents, language)
    lines += ["", _of((
        f"故障：{len(score.faults)} 处，设备被发现 {told} 处，种类认准 {named} 处",
        f"Faults: {len(score.faults)}, the device told of in {told}, the kind named in {named}",
    ), language)]  # fmt: skip
    lines += _fault_lines(score, language)
    lines += [_of((
        f"完好设备被误判：{healthy} 次；每测点每天 {healthy / days:.5f} 次",
        f"Healthy devices doubted: {healthy}; {healthy / days:.5f} per stream-day",
    ), language)]  # fmt: skip
    lines += aligned([
        (f"  {_of(CHECK_WORDS[row.check], language)}", str(row.faults), f"{row.per_stream_day:.5f}")
        for row in score.false_faults
    ]) if score.false_faults else []  # fmt: skip
    lines += ["", _of((
        f"误报：{false} 条，其中 {faulty} 条来自有故障的仪器；每测点每天 {false / days:.5f} 条",
        f"False alarms: {false}, {faulty} of them from faulty instruments; {false / days:.5f} per stream-day",
    ), language)]  # fmt: skip
    lines += (
        aligned(
            [(f"  {row.rule}", str(row.alerts), f"{row.per_stream_day:.5f}") for row in score.false]
        )
        if score.false
        else []
    )
    if score.missed:
        lines += [
            "",
            _of(("应当而未发出的等级：", "Levels that were due and not raised:"), language),
        ]
        lines += [
            f"  {due.rule} {_of(LEVEL_WORDS[due.level], language)} {due.stream} {due.at:%H:%M:%S}"
            for due in score.missed
        ]
    return "\n".join(lines)


def _incident_lines(incidents: Sequence[IncidentResult], language: Language) -> list[str]:
    if not incidents:
        return []
    heads = (("  事件", "测点", "应为", "实为", "晚于应发", "早于最坏") if language == "zh" else
             ("  incident", "stream", "due", "raised", "after due", "before worst"))  # fmt: skip
    rows = [
        (
            f"  {kind_words(one.kind, language)}",
            one.stream,
            _of(LEVEL_WORDS[one.expected], language) if one.expected else "–",
            _of(LEVEL_WORDS[one.level], language),
            minutes_words(one.behind_s, language),
            minutes_words(one.lead_s, language),
        )
        for one in incidents
    ]
    return aligned([heads, *rows])


def _fault_lines(score: Score, language: Language) -> list[str]:
    if not score.faults:
        return []
    heads = (("  故障", "共", "静默规则", "质量检查", "种类认准", "首次发现晚于") if language == "zh" else
             ("  fault", "planted", "silence rule", "checks", "kind named", "first told after"))  # fmt: skip
    rows = []
    for kind in dict.fromkeys(one.kind for one in score.faults):
        ones = [one for one in score.faults if one.kind == kind]
        behind = sorted(one.behind_s for one in ones if one.behind_s is not None)
        rows.append(
            (
                f"  {kind_words(kind, language)}",
                str(len(ones)),
                str(sum(bool(one.rule) for one in ones)),
                str(sum(bool(one.checks) for one in ones)),
                str(sum(one.is_named for one in ones)),
                minutes_words(behind[len(behind) // 2] if behind else None, language),
            )
        )
    return aligned([heads, *rows])
