"""The sentences of a printed summary, in both languages."""

from __future__ import annotations

from typing import Literal

from anlan.learning.domain.scenario import Words

Language = Literal["zh", "en"]

# Sentences of the printed table.  Marks and levels are the project's own words.
WORDS: dict[str, Words] = {
    "inputs_count": Words(
        zh="输入 {readings} 条读数、{others} 条其他",
        en="{readings} readings and {others} other signs in",
    ),
    "lead_means": Words(
        zh="比危害早多久，有岗位的收件箱里已有这件事",
        en="how long before the harm a post had the matter in its inbox",
    ),
    "gain_means": Words(
        zh="比当时作出的决定早多久", en="how long before the decision that was taken at the time"
    ),
    "false_means": Words(
        zh="同一城市、同一规则，在没有出事的平常周里发出的红色、橙色",
        en="red and orange that the same rules raise in the same city when nothing happens",
    ),
    "joined": Words(zh="{what}：", en="{what}: "),
    "raised": Words(zh="首次发现（按规则、地点）", en="Raised first, by rule and place"),
    "more": Words(
        zh="……另有 {count} 行，见 summary.json", en="… {count} more rows in summary.json"
    ),
    "climbed": Words(zh="级别和优先级如何变化", en="How levels and priorities changed"),
    "lead": Words(zh="提前", en="lead"),
    "gain": Words(zh="赢得", en="gain"),
    "before": Words(zh="早于 {at}“{what}”", en="before “{what}” at {at}"),
    "after": Words(zh="晚于 {at}“{what}”", en="after “{what}” at {at}"),
    "never": Words(zh="未发现", en="never raised"),
    "first": Words(zh="首次", en="first"),
    "first_by": Words(zh="{at} {by}，{place}", en="{at} {by}, {place}"),
    "tasks": Words(zh="（任务 {count} 项）", en=" ({count} tasks)"),
    "task": Words(zh="（任务 1 项）", en=" (1 task)"),
    "urgent": Words(
        zh="自升为橙色或红色的 {at} 算起", en="counted from {at}, when it was orange or red"
    ),
    "rests": Words(zh="（依据含：{marks}）", en=" (rests on: {marks})"),
    "unanswered": Words(zh="未应答", en="unanswered"),
    "unanswered_count": Words(
        zh="{notices} 条通知中 {open} 条；未结案 {cases} 件，已结案 {closed} 件（应答策略：{policy}）",
        en="{open} of {notices} notices; cases open: {cases}, closed: {closed} "
        "(answering policy: {policy})",
    ),
    "climbs": Words(
        zh="无人应答的工单沿升级阶梯升到了哪里",
        en="How far up the ladder unanswered cases climbed",
    ),
    "climb": Words(
        zh="（第 {rungs} 级）：{cases}；每件顶级提醒 {reminders} 次，错过期限 {missed} 个",
        en=" (rung {rungs}): {cases}; each with deadlines missed: {missed}, "
        "reminders on the top rung: {reminders}",
    ),
    "number": Words(zh="工单 {case}", en="case {case}"),
    "priority": Words(zh="工单 {case} 优先级", en="priority of case {case}"),
    "claims": Words(zh="处置方宣称", en="Claims of handlers"),
    "refused": Words(zh="被拒绝", en="refused"),
    "accepted": Words(zh="被接受", en="accepted"),
    "false": Words(zh="误报", en="false"),
    "false_count": Words(
        zh="平常周每周红色 {red:.2f} 次、橙色 {orange:.2f} 次（{weeks} 周平均）",
        en="{red:.2f} red and {orange:.2f} orange in an ordinary week (mean of {weeks})",
    ),
    "ordinary": Words(zh="平常周的误报：{city}", en="False alerts in ordinary weeks: {city}"),
    "ordinary_count": Words(
        zh="{weeks} 周（种子 {first}–{last}）：红色每周平均 {red:.2f} 次、最多 {red_max} 次；"
        "橙色平均 {orange:.2f} 次、最多 {orange_max} 次",
        en="{weeks} weeks (seeds {first}-{last}): red {red:.2f} a week on average, "
        "{red_max} at most; orange {orange:.2f} on average, {orange_max} at most",
    ),
    "per_week": Words(zh="每周 {count:.2f} 次", en="{count:.2f} a week"),
    "overview": Words(zh="全部回放", en="All replays together"),
    "source": Words(zh="来源", en="source"),
    "report": Words(zh="群众报告", en="a person's report"),
}
LEVELS = {
    "red": Words(zh="红色", en="red"),
    "orange": Words(zh="橙色", en="orange"),
    "yellow": Words(zh="黄色", en="yellow"),
    "blue": Words(zh="蓝色", en="blue"),
}
MARKS = {
    "memory": Words(zh="记忆", en="memory"),
    "reconstructed": Words(zh="重建", en="reconstructed"),
    "assumed": Words(zh="假定", en="assumed"),
}
FORMS = {
    "case": Words(zh="工单", en="case"),
    "task": Words(zh="任务", en="task"),
    "lag": Words(zh="响应滞后", en="lag alert"),
}
TRIED_BY = {
    "handler": Words(zh="处置方自行结案", en="closed by the handler"),
    "duty_officer": Words(zh="值班员据此结案", en="closed on that word by the duty officer"),
}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
