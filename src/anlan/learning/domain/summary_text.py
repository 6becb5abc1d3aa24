"""A summary as a printed table for people, in Chinese or English, as wide as their terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from anlan.kernel.columns import hanging, padded, width, wrapped
from anlan.learning.domain.scenario import Words
from anlan.learning.domain.summary import (
    ClaimRow,
    FigureRow,
    OpenRow,
    OrdinaryRow,
    RaisedRow,
    Summary,
)
from anlan.learning.domain.summary_words import (
    FORMS,
    LEVELS,
    MARKS,
    MONTHS,
    TRIED_BY,
    WORDS,
    Language,
)

ROWS_SHOWN = 24
CLIMBS_SHOWN = 8
CASES_NAMED = 4
WIDTH = 100
INDENT = "  "


def say(words: Words, language: Language) -> str:
    """Return one of the two languages."""
    return words.zh if language == "zh" else words.en


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


@dataclass(frozen=True, slots=True)
class FigureLine:
    """One lead or gain in words; ``urgent`` tells that it is counted from orange or red."""

    form: str
    span: str
    against: str  # "before “crush” at 22:15", or how the later instant is counted
    by: str  # when and by what it was raised
    marks: str
    urgent: bool = False


class Teller:
    """One summary told in one language: codes become the names that the packs give them."""

    def __init__(self, summary: Summary, language: Language) -> None:
        self.summary, self.language = summary, language
        self.one_day = summary.from_at[:10] == summary.to_at[:10]
        self.between = "、" if language == "zh" else ", "

    def say(self, name: str, **values: object) -> str:
        """Return one sentence, filled in."""
        return say(WORDS[name], self.language).format(**values)

    def name(self, code: str) -> str:
        """Return the name of a rule, hazard, place, area or post; the code where there is none."""
        found = self.summary.names.get(code)
        return say(found, self.language) if found is not None else code or "–"

    def level(self, level: str) -> str:
        """Return the word of a warning level."""
        return say(LEVELS[level], self.language) if level in LEVELS else level

    def at(self, at: str) -> str:
        """Return a local instant: the hour alone when everything was on one day."""
        return at[11:16] if self.one_day else f"{day_words(at, self.language)} {at[11:16]}"

    def by(self, rule: str) -> str:
        """Return what raised something: a rule, or a person's report."""
        return self.say("report") if rule in {"", "report"} else self.name(rule)

    def marks(self, marks: Sequence[str]) -> str:
        """Return on which soft rows something rests; empty when on none."""
        if not marks:
            return ""
        return self.say(
            "rests", marks=self.between.join(say(MARKS[mark], self.language) for mark in marks)
        )

    def with_marks(self, text: str, marks: Sequence[str]) -> str:
        """Return ``text`` and on what it rests."""
        return text + self.marks(marks)

    def listed(self, words: Sequence[str], most: int) -> str:
        """Return the first words of a list and how many more there are."""
        more = f" +{len(words) - most}" if len(words) > most else ""
        return self.between.join(words[:most]) + more

    def figure_lines(self, row: FigureRow) -> list[FigureLine]:
        """Return a lead or gain, and the one from orange or red where that came later."""
        form = self.say(row.form)
        side = "before" if (row.minutes or 0) >= 0 else "after"
        against = self.say(side, at=self.at(row.at), what=say(row.what, self.language))
        if row.minutes is None:
            return [FigureLine(form, self.say("never"), against, "", self.marks(row.marks))]
        by = self.say(
            "first_by", at=self.at(row.raised_at), by=self.by(row.by), place=self.name(row.place)
        )
        span = span_words(row.minutes, self.language)
        lines = [FigureLine(form, span, against, by, self.marks(row.marks))]
        if row.urgent_minutes is not None and row.urgent_at != row.raised_at:
            span = span_words(row.urgent_minutes, self.language)
            since = self.say("urgent", at=self.at(row.urgent_at))
            lines.append(FigureLine("", span, since, "", self.marks(row.urgent_marks), urgent=True))
        return lines


def figure_lines(summary: Summary, language: Language) -> list[FigureLine]:
    """Return all leads and gains, in words."""
    teller = Teller(summary, language)
    return [line for row in summary.figures for line in teller.figure_lines(row)]


def legend(language: Language, summaries: Iterable[Summary]) -> list[tuple[str, str]]:
    """Return each of the words lead, gain and false that is used, with what it means."""
    used: set[str] = set()
    for summary in summaries:
        used |= {row.form for row in summary.figures} | ({"false"} if summary.ordinary else set())
    return [
        (say(WORDS[word], language), say(WORDS[f"{word}_means"], language))
        for word in ("lead", "gain", "false")
        if word in used
    ]


def false_words(row: OrdinaryRow, language: Language) -> str:
    """Return the false reds and oranges of an ordinary week in one sentence."""
    return say(WORDS["false_count"], language).format(
        red=row.red_mean, orange=row.orange_mean, weeks=row.weeks
    )


def _first(teller: Teller) -> str:
    found = [row for row in teller.summary.figures if row.raised_at]
    if not found:
        return ""
    # The first line of the earliest figure says when and by what.
    return teller.figure_lines(min(found, key=lambda row: row.raised_at))[0].by


def short_lines(teller: Teller, places: int) -> list[str]:
    """Return what a person needs in ten seconds: leads, gains, false alarms, who answered."""
    summary = teller.summary
    counts = teller.say(
        "unanswered_count",
        notices=summary.notices,
        open=summary.unanswered_notices,
        cases=len(summary.open_cases),
        closed=summary.closed_cases,
        policy=say(summary.policy, teller.language),
    )
    rows = [
        *_figure_rows(teller),
        (teller.say("first"), "", _first(teller)),
        (teller.say("unanswered"), "", counts),
    ]
    return _three_columns(rows, places)


def _figure_rows(teller: Teller) -> list[tuple[str, str, str]]:
    """Return leads and gains with the false alarms beside them: word, span, text."""
    summary = teller.summary
    figures = [line for row in summary.figures for line in teller.figure_lines(row)]
    rows = [(line.form, line.span, line.against + line.marks) for line in figures]
    if summary.ordinary is not None:
        rows.append((teller.say("false"), "", false_words(summary.ordinary, teller.language)))
    return rows


def _three_columns(rows: Sequence[tuple[str, str, str]], places: int) -> list[str]:
    """Return rows with their texts hanging; a row without a span begins its text there."""
    forms = max((width(form) for form, _, _ in rows), default=0)
    spans = max((width(span) for _, span, _ in rows), default=0)
    lines = []
    for form, span, text in rows:
        if text:
            head = f"{INDENT}{padded(form, forms)}  "
            lines += hanging(head + (f"{padded(span, spans)}  " if span else ""), text, places)
    return lines


def overview(summaries: Sequence[Summary], language: Language, places: int = WIDTH) -> str:
    """Return the figures of several replays under one another: a rule is judged by all at once."""
    lines = [say(WORDS["overview"], language)]
    for summary in summaries:
        rows = _figure_rows(Teller(summary, language))
        lines += ["", say(summary.title, language), *_three_columns(rows, places)]
    return "\n".join(lines)


def _raised_lines(teller: Teller, places: int) -> list[str]:
    ruled = {(row.at, row.about) for row in teller.summary.raised if row.rule}
    # A case opened by a report and by a rule in the same second is one piece of news.
    rows = [row for row in teller.summary.raised if row.rule or (row.at, row.about) not in ruled]
    lines = [teller.say("raised")]
    shown = rows[:ROWS_SHOWN]
    for (at, form, level, rule, marks), group in groupby(
        shown, key=lambda row: (row.at, row.form, row.level, row.rule, row.marks)
    ):
        what = [teller.level(level), say(FORMS[form], teller.language)]
        kind = teller.say("joined", what=" ".join(word for word in what if word))
        said = teller.with_marks(f"{kind}{teller.by(rule)}", marks)
        lines += hanging(f"{INDENT}{teller.at(at)}  ", said, places)
        for row in group:
            lines += hanging(INDENT * 3, _arrival(row, teller), places)
    if len(rows) > len(shown):
        lines.append(f"{INDENT}{teller.say('more', count=len(rows) - len(shown))}")
    return lines


def _arrival(row: RaisedRow, teller: Teller) -> str:
    posts = teller.listed([teller.name(post) for post in row.posts], 2)
    tasks = teller.say("task" if row.tasks == 1 else "tasks", count=row.tasks) if row.tasks else ""
    return f"{teller.name(row.place or row.area)}{tasks} → {posts}"


def _climb_lines(teller: Teller, places: int) -> list[str]:
    lines = []
    for row in teller.summary.climbed[:ROWS_SHOWN]:
        is_level = row.what == "level"
        case = row.about.partition(":")[2]
        about = teller.by(row.rule) if is_level else teller.say("priority", case=case)
        before, after = (
            (teller.level(row.before), teller.level(row.after))
            if is_level
            else (row.before, row.after)
        )
        change = teller.say("joined", what=about) + f"{before} → {after}"
        said = teller.with_marks(change, row.marks)
        lines += hanging(f"{INDENT}{teller.at(row.at)}  ", said, places)
    return [teller.say("climbed"), *lines] if lines else []


def _case_name(row: OpenRow, teller: Teller) -> str:
    if row.place:
        return teller.name(row.place)
    where = f" · {teller.name(row.area)}" if row.area else ""
    what = teller.name(row.hazard) if row.hazard else teller.say("number", case=row.case)
    return what + where


def _climbed_cases(teller: Teller, places: int) -> list[str]:
    """Return how far cases climbed; those with one fate stand in one line."""
    fates: dict[tuple[int, str, int, int], list[OpenRow]] = {}
    for row in teller.summary.open_cases:
        if row.rungs:
            fate = (row.rungs, row.top_post, row.reminders, row.missed_clocks)
            fates.setdefault(fate, []).append(row)
    ordered = sorted(fates.items(), key=lambda item: (-item[0][0], -len(item[1]), item[1][0].case))
    lines = []
    for (rungs, post, reminders, missed), rows in ordered[:CLIMBS_SHOWN]:
        cases = teller.listed([_case_name(row, teller) for row in rows], CASES_NAMED)
        said = teller.name(post) + teller.say(
            "climb", rungs=rungs, cases=cases, reminders=reminders, missed=missed
        )
        lines += hanging(f"{INDENT}· ", said, places)
    return [teller.say("climbs"), *lines] if lines else []


def _claim(row: ClaimRow, teller: Teller) -> Iterable[str]:
    yield f"{say(row.by, teller.language)}: “{say(row.claim, teller.language)}”"
    if row.tried_by:
        yield say(TRIED_BY[row.tried_by], teller.language)
    yield f"{teller.say('refused' if row.refused else 'accepted')} {row.code}".rstrip()


def _claim_lines(teller: Teller, places: int) -> list[str]:
    lines = []
    for row in teller.summary.claims:
        said = " · ".join(_claim(row, teller))
        lines += hanging(f"{INDENT}{teller.at(row.at)}  ", said, places)
    return [teller.say("claims"), *lines] if lines else []


def ordinary_lines(row: OrdinaryRow, language: Language, places: int = WIDTH) -> list[str]:
    """Return the lines about ordinary weeks."""
    city = say(row.city_name, language) if row.city_name else row.city
    head = say(WORDS["ordinary_count"], language).format(
        weeks=row.weeks,
        first=row.first_seed,
        last=row.first_seed + row.weeks - 1,
        red=row.red_mean,
        red_max=row.red_max,
        orange=row.orange_mean,
        orange_max=row.orange_max,
    )
    lines = [say(WORDS["ordinary"], language).format(city=city), *hanging(INDENT, head, places)]
    for item in row.rules:
        level = say(LEVELS[item.level], language) if item.level in LEVELS else item.level
        often = say(WORDS["per_week"], language).format(count=item.per_week)
        title = say(item.title, language) if item.title else item.rule
        lines += hanging(f"{INDENT}{padded(level, 6)}  {padded(often, 13)}  ", title, places)
    return lines


def _head(teller: Teller, places: int) -> list[str]:
    summary = teller.summary
    start, end = (
        f"{day_words(at, teller.language)} {at[11:16]}" for at in (summary.from_at, summary.to_at)
    )
    until = teller.at(summary.to_at) if teller.one_day else end
    inputs = teller.say("inputs_count", readings=summary.readings, others=len(summary.inputs))
    return [
        f"{say(summary.title, teller.language)}  [{summary.scenario}]",
        *hanging(INDENT, f"{start} – {until} ({summary.timezone}) · {inputs}", places),
    ]


def _legend_lines(summary: Summary, language: Language, places: int) -> list[str]:
    rows = legend(language, [summary])
    size = max((width(word) for word, _ in rows), default=0)
    return [
        line
        for word, meaning in rows
        for line in hanging(f"{INDENT}{padded(word, size)}  ", meaning, places)
    ]


def render(summary: Summary, language: Language, places: int = WIDTH) -> str:
    """Return the printed table of one replay: what counts first, then the details."""
    teller = Teller(summary, language)
    parts = [
        [*_head(teller, places), "", *short_lines(teller, places)],
        _legend_lines(summary, language, places),
        _raised_lines(teller, places),
        _climb_lines(teller, places),
        _climbed_cases(teller, places),
        _claim_lines(teller, places),
        ordinary_lines(summary.ordinary, language, places) if summary.ordinary else [],
        wrapped(f"{teller.say('source')}: {summary.source}", places),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)
