"""A summary as a table for people, in Chinese or English."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from anlan.kernel.columns import aligned
from anlan.learning.domain.scenario import Words
from anlan.learning.domain.summary import FigureRow, OpenRow, OrdinaryRow, RaisedRow, Summary

Language = Literal["zh", "en"]

# Sentences of the printed table.  Marks and levels are the project's own words.
WORDS: dict[str, Words] = {
    "inputs_count": Words(
        zh="输入 {readings} 条读数、{others} 条其他",
        en="{readings} readings and {others} other signs in",
    ),
    "raised": Words(zh="首次发现（按规则、地点）", en="Raised first, by rule and place"),
    "more": Words(
        zh="……另有 {count} 行，见 summary.json", en="… {count} more rows in summary.json"
    ),
    "climbed": Words(zh="如何升高", en="How it climbed"),
    "lead": Words(zh="提前", en="lead"),
    "gain": Words(zh="赢得", en="gain"),
    "before": Words(zh="早于 {at}“{what}”", en="before “{what}” at {at}"),
    "after": Words(zh="晚于 {at}“{what}”", en="after “{what}” at {at}"),
    "never": Words(zh="未发现", en="never raised"),
    "first": Words(zh="首次", en="first"),
    "first_by": Words(zh="{at}  {by}，{place}", en="{at}  {by}, {place}"),
    "tasks": Words(zh="任务 {count}", en="tasks {count}"),
    "urgent": Words(zh="橙/红色自 {at}：{span}", en="orange or red from {at}: {span}"),
    "rests": Words(zh="依据含：", en="rests on: "),
    "unanswered": Words(zh="未应答", en="unanswered"),
    "unanswered_count": Words(
        zh="{notices} 条通知中 {open} 条；未结案 {cases} 件，已结案 {closed} 件（{policy}）",
        en="{open} of {notices} notices; {cases} cases open, {closed} closed ({policy})",
    ),
    "climbs": Words(zh="无人应答的案件升到了哪里", en="How far unanswered cases climbed"),
    "climb": Words(
        zh="{count} 件升至第 {rungs} 级 {post}，每件在顶级重复提醒 {reminders} 次、逾期时钟 {missed} 个：{cases}",
        en="{count} to rung {rungs}, {post}, with {reminders} reminders on top and "
        "{missed} clocks missed each: {cases}",
    ),
    "number": Words(zh="案件 {case}", en="case {case}"),
    "priority": Words(zh="案件 {case} 优先级", en="priority of case {case}"),
    "claims": Words(zh="处置方宣称", en="Claims of handlers"),
    "refused": Words(zh="被拒绝", en="refused"),
    "accepted": Words(zh="被接受", en="accepted"),
    "false": Words(zh="误报", en="false"),
    "false_count": Words(
        zh="平常周每周红色 {red:.2f}、橙色 {orange:.2f}（{weeks} 周）",
        en="{red:.2f} red and {orange:.2f} orange in an ordinary week ({weeks} weeks)",
    ),
    "ordinary": Words(zh="平常周的误报", en="False alerts in ordinary weeks"),
    "ordinary_count": Words(
        zh="{weeks} 周（种子 {first}–{last}），每周红色 平均 {red:.2f} 最多 {red_max}，"
        "橙色 平均 {orange:.2f} 最多 {orange_max}",
        en="{weeks} weeks (seeds {first}-{last}): red {red:.2f} a week on average, "
        "{red_max} at most; orange {orange:.2f} on average, {orange_max} at most",
    ),
    "per_week": Words(zh="每周", en="a week"),
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
    "case": Words(zh="案件", en="case"),
    "task": Words(zh="任务", en="task"),
    "lag": Words(zh="响应滞后", en="lag alert"),
}
TRIED_BY = {
    "handler": Words(zh="处置方自行结案", en="closed by the handler"),
    "duty_officer": Words(zh="值班员据此结案", en="closed on that word by the duty officer"),
}
ROWS_SHOWN = 24
CLIMBS_SHOWN = 8
CASES_NAMED = 4
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def say(words: Words, language: Language) -> str:
    """Return one of the two languages."""
    return words.zh if language == "zh" else words.en


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as indented lines with aligned columns."""
    return [f"  {line}" for line in aligned(rows)]


def span_words(minutes: float, language: Language = "en") -> str:
    """Return a span as ``+20 h 01 min``; a minus sign says that Anlan came later."""
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(int(abs(minutes)), 60)
    if language == "zh":
        return f"{sign}{hours} 小时 {rest:02d} 分" if hours else f"{sign}{rest} 分"
    return f"{sign}{hours} h {rest:02d} min" if hours else f"{sign}{rest} min"


def day_words(at: str, language: Language) -> str:
    """Return the day of a local instant as people write it."""
    month, day = int(at[5:7]), int(at[8:10])
    return f"{month}月{day}日" if language == "zh" else f"{day} {MONTHS[month - 1]}"


class Teller:
    """One summary told in one language: codes become the names that the packs give them."""

    def __init__(self, summary: Summary, language: Language) -> None:
        self.summary, self.language = summary, language
        self.one_day = summary.from_at[:10] == summary.to_at[:10]

    def say(self, name: str, **values: object) -> str:
        """Return one sentence, filled in."""
        return say(WORDS[name], self.language).format(**values)

    def name(self, code: str) -> str:
        """Return the name of a rule, hazard, place, area or post; the code where there is none."""
        found = self.summary.names.get(code)
        return say(found, self.language) if found is not None else code or "–"

    def level(self, level: str) -> str:
        """Return the word of a warning level."""
        return say(LEVELS[level], self.language) if level in LEVELS else level or "–"

    def at(self, at: str) -> str:
        """Return a local instant: the hour alone when everything was on one day."""
        return at[11:16] if self.one_day else f"{day_words(at, self.language)} {at[11:16]}"

    def by(self, rule: str) -> str:
        """Return what raised something: a rule, or a person's report."""
        return self.say("report") if rule in {"", "report"} else self.name(rule)

    def marks(self, row: FigureRow) -> str:
        """Return on which soft rows a figure rests; empty when on none."""
        if not row.marks:
            return ""
        between = "、" if self.language == "zh" else ", "
        marks = between.join(say(MARKS[mark], self.language) for mark in row.marks)
        return f"({self.say('rests')}{marks})"

    def span(self, row: FigureRow) -> str:
        """Return a lead or gain, and the one from orange or red where that came later."""
        if row.minutes is None:
            return self.say("never")
        span = span_words(row.minutes, self.language)
        if row.urgent_minutes is None or row.urgent_at == row.raised_at:
            return span
        since = span_words(row.urgent_minutes, self.language)
        return f"{span} ({self.say('urgent', at=row.urgent_at[11:16], span=since)})"


def figure_cells(summary: Summary, language: Language) -> list[list[str]]:
    """Return leads and gains as rows: form, span, instant, what, raised by, what it rests on."""
    teller = Teller(summary, language)
    return [
        [
            teller.say(row.form),
            teller.span(row),
            teller.at(row.at),
            say(row.what, language),
            f"← {teller.at(row.raised_at)} {teller.by(row.by)} {teller.name(row.place)}"
            if row.raised_at
            else "",
            teller.marks(row),
        ]
        for row in summary.figures
    ]


def short_lines(teller: Teller) -> list[str]:
    """Return what a person needs in ten seconds: leads, gains, false alarms, who answered."""
    summary = teller.summary
    rows = []
    for row in summary.figures:
        side = "before" if (row.minutes or 0) >= 0 else "after"
        against = teller.say(side, at=teller.at(row.at), what=say(row.what, teller.language))
        rows.append([teller.say(row.form), f"{teller.span(row)}  {against} {teller.marks(row)}"])
    found = [row for row in summary.figures if row.raised_at]
    if found:
        first = min(found, key=lambda row: row.raised_at)
        by, place = teller.by(first.by), teller.name(first.place)
        text = teller.say("first_by", at=teller.at(first.raised_at), by=by, place=place)
        rows.append([teller.say("first"), text])
    if summary.ordinary is not None:
        ordinary = summary.ordinary
        text = teller.say(
            "false_count",
            red=ordinary.red_mean,
            orange=ordinary.orange_mean,
            weeks=ordinary.weeks,
        )
        rows.append([teller.say("false"), text])
    text = teller.say(
        "unanswered_count",
        notices=summary.notices,
        open=summary.unanswered_notices,
        cases=len(summary.open_cases),
        closed=summary.closed_cases,
        policy=say(summary.policy, teller.language),
    )
    return table([*rows, [teller.say("unanswered"), text]])


def _raised_cells(row: RaisedRow, teller: Teller) -> list[str]:
    between = "、" if teller.language == "zh" else ", "
    posts = between.join(teller.name(post) for post in row.posts[:2])
    more = f" +{len(row.posts) - 2}" if len(row.posts) > 2 else ""
    return [
        teller.at(row.at),
        say(FORMS[row.form], teller.language),
        teller.level(row.level),
        teller.by(row.rule),
        teller.name(row.place or row.area),
        teller.say("tasks", count=row.tasks) if row.tasks else "",
        f"→ {posts}{more}",
    ]


def ordinary_lines(row: OrdinaryRow, language: Language) -> list[str]:
    """Return the lines about ordinary weeks."""
    head = say(WORDS["ordinary_count"], language).format(
        weeks=row.weeks,
        first=row.first_seed,
        last=row.first_seed + row.weeks - 1,
        red=row.red_mean,
        red_max=row.red_max,
        orange=row.orange_mean,
        orange_max=row.orange_max,
    )
    cells = [
        [item.level, item.rule, f"{item.per_week:.2f} {say(WORDS['per_week'], language)}"]
        for item in row.rules
    ]
    return [f"{say(WORDS['ordinary'], language)} [{row.city}]", f"  {head}", *table(cells)]


def _climbed_cases(teller: Teller) -> list[str]:
    """Return how far cases climbed; those with one fate stand in one line."""
    fates: dict[tuple[int, str, int, int], list[OpenRow]] = {}
    for row in teller.summary.open_cases:
        if row.rungs:
            fate = (row.rungs, row.top_post, row.reminders, row.missed_clocks)
            fates.setdefault(fate, []).append(row)
    lines = []
    for (rungs, post, reminders, missed), rows in sorted(
        fates.items(), key=lambda item: (-item[0][0], -len(item[1]), item[1][0].case)
    ):
        named = [
            teller.name(row.place or row.hazard or teller.say("number", case=row.case))
            for row in rows[:CASES_NAMED]
        ]
        more = f" +{len(rows) - CASES_NAMED}" if len(rows) > CASES_NAMED else ""
        lines.append(
            "  "
            + teller.say(
                "climb",
                count=len(rows),
                rungs=rungs,
                post=teller.name(post),
                reminders=reminders,
                missed=missed,
                cases=("、" if teller.language == "zh" else ", ").join(named) + more,
            )
        )
    return [teller.say("climbs"), *lines[:CLIMBS_SHOWN]] if lines else []


def _raised_lines(teller: Teller) -> list[str]:
    ruled = {(row.at, row.about) for row in teller.summary.raised if row.rule}
    # A case opened by a report and by a rule in the same second is one piece of news.
    rows = [row for row in teller.summary.raised if row.rule or (row.at, row.about) not in ruled]
    shown = rows[:ROWS_SHOWN]
    lines = [teller.say("raised"), *table([_raised_cells(row, teller) for row in shown])]
    if len(rows) > len(shown):
        lines.append(f"  {teller.say('more', count=len(rows) - len(shown))}")
    return lines


def _climb_lines(teller: Teller) -> list[str]:
    rows = []
    for row in teller.summary.climbed[:ROWS_SHOWN]:
        is_level = row.what == "level"
        case = row.about.partition(":")[2]
        about = teller.by(row.rule) if is_level else teller.say("priority", case=case)
        before, after = (
            (teller.level(row.before), teller.level(row.after))
            if is_level
            else (row.before, row.after)
        )
        rows.append([teller.at(row.at), about, f"{before} → {after}"])
    return [teller.say("climbed"), *table(rows)] if rows else []


def _claim_lines(teller: Teller) -> list[str]:
    rows = [
        [
            teller.at(row.at),
            say(row.by, teller.language),
            f"“{say(row.claim, teller.language)}”",
            say(TRIED_BY[row.tried_by], teller.language) if row.tried_by else "–",
            f"{teller.say('refused' if row.refused else 'accepted')} {row.code}".rstrip(),
        ]
        for row in teller.summary.claims
    ]
    return [teller.say("claims"), *table(rows)] if rows else []


def _head(teller: Teller) -> list[str]:
    summary = teller.summary
    start, end = (
        f"{day_words(at, teller.language)} {at[11:16]}" for at in (summary.from_at, summary.to_at)
    )
    until = teller.at(summary.to_at) if teller.one_day else end
    inputs = teller.say("inputs_count", readings=summary.readings, others=len(summary.inputs))
    return [
        f"{say(summary.title, teller.language)}  [{summary.scenario}]",
        f"  {start} – {until} ({summary.timezone}) · {inputs}",
    ]


def render(summary: Summary, language: Language) -> str:
    """Return the printed table of one replay: what counts first, then the details."""
    teller = Teller(summary, language)
    parts = [
        [*_head(teller), "", *short_lines(teller)],
        _raised_lines(teller),
        _climb_lines(teller),
        _climbed_cases(teller),
        _claim_lines(teller),
        ordinary_lines(summary.ordinary, language) if summary.ordinary else [],
        [f"{teller.say('source')}: {summary.source}"],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)
