"""The numbers of a period from the sums of its parts, in whatever order these come.

Everything is held in columns of numbers: some forty bytes for a case and thirty for a move, so
that a month of millions of entries is added up in little memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from anlan.accountability.domain.review import DRAWN, TABLED, Course, Line, Review
from anlan.accountability.domain.sums import COLUMNS, Rows, Sums, instant

Flags = NDArray[np.bool_]
#: Gives a column of a table, by the names of COLUMNS.
Column = Callable[[str, str], Rows]
NEVER = np.iinfo(np.int64).max
#: Columns of places in the texts of their part.
_WORDS = frozenset({"hazard", "area", "owner", "origin"})


@dataclass(slots=True)
class Tally:
    """Adds up parts and gives the report over them."""

    entries: int = 0
    first: int = 0
    last: int = 0
    _texts: dict[str, int] = field(default_factory=dict)
    _alerts: dict[tuple[str, str], int] = field(default_factory=dict)
    _columns: dict[tuple[str, str], list[Rows]] = field(default_factory=dict)

    def add(self, sums: Sums) -> None:
        """Add one part."""
        if not sums.entries:
            return
        self.entries += sums.entries
        self.first = min(self.first or sums.first, sums.first)
        self.last = max(self.last, sums.last)
        for area, level, number in sums.alerts:
            self._alerts[area, level] = self._alerts.get((area, level), 0) + number
        codes = np.array(
            [self._texts.setdefault(text, len(self._texts)) for text in sums.texts], dtype=np.int64
        )
        for name, rows in sums.tables.items():
            for column, values in zip(COLUMNS[name], rows.T, strict=True):
                kept = codes[values] if column in _WORDS else values
                self._columns.setdefault((name, column), []).append(kept)

    def areas(self) -> set[str]:
        """Return the areas of everything counted."""
        return self._words("opened", "area") | {area for area, _ in self._alerts}

    def posts(self) -> set[str]:
        """Return the posts that cases belonged to."""
        return self._words("opened", "owner") | self._words("owners", "owner")

    def _words(self, table: str, column: str) -> set[str]:
        texts = tuple(self._texts)
        return {texts[place] for place in _present(self.column(table, column))}

    def forget(self, *tables: str) -> None:
        """Let go of tables that were worked off."""
        for key in [key for key in self._columns if key[0] in tables]:
            del self._columns[key]

    def column(self, table: str, name: str) -> Rows:
        """Return one column of everything that was added."""
        parts = self._columns.setdefault((table, name), [])
        if len(parts) != 1:
            parts[:] = [np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)]
        return parts[0]

    def review(
        self,
        *,
        since: datetime,
        until: datetime,
        sees: Callable[[str], bool] = lambda _area: True,
        area_of: Callable[[str], str] = str,
        organisation_of: Callable[[str], str] = str,
    ) -> Review:
        """Return the numbers of a period over the areas that ``sees`` says yes to; once only.

        ``area_of`` gives the area under which one is counted (its district), ``organisation_of``
        the organisation of a post.
        """
        texts = tuple(self._texts)
        fates = _Fates.of(self, texts, sees)
        standing, unanswered = fates.standing(), fates.unanswered()
        levels: dict[str, int] = {}
        for (area, level), number in self._alerts.items():
            if sees(area):
                levels[level] = levels.get(level, 0) + number
        whole = np.zeros(len(fates.case), dtype=np.int64)
        return Review(
            since=since,
            until=until,
            whole=next(iter(fates.lines(whole, ("",), str)), Line("", 0, 0, 0, 0, 0, None)),
            missed=int(fates.missed.sum()),
            alerts=tuple(sorted(levels.items())),
            notices=len(fates.notice_answered),
            notices_answered=int(fates.notice_answered.sum()),
            by_hazard=fates.lines(fates.hazard, texts, str),
            by_area=fates.lines(fates.area, texts, area_of),
            by_organisation=fates.lines(fates.owner, texts, organisation_of),
            by_origin=fates.lines(fates.origin, texts, str),
            standing=standing.thinned(DRAWN),
            unanswered=unanswered.thinned(DRAWN),
            most=int(standing.number.max(initial=0)),
            table=_table_of(standing, unanswered),
            is_short=max(len(standing.at), len(unanswered.at)) > TABLED // 2,
        )


def _present(codes: Rows) -> list[int]:
    """Return which small numbers occur."""
    return [int(code) for code in np.flatnonzero(np.bincount(codes))]


@dataclass(frozen=True, slots=True)
class Steps:
    """How many cases stood after each change."""

    at: Rows
    number: Rows

    @classmethod
    def of(cls, at: Rows, by: Rows) -> Steps:
        """Return the course of some changes: those of one instant are one step."""
        instants, place = np.unique(at, return_inverse=True)
        change = np.zeros(len(instants), dtype=np.int64)
        np.add.at(change, place, by)
        return cls(instants, np.cumsum(change))

    def places(self, most: int) -> list[int]:
        """Return at most ``most`` steps: of each stretch its highest and its last."""
        count = len(self.at)
        if count <= most:
            return list(range(count))
        stretch = -(-count // max(most // 2, 1))
        found: list[int] = []
        for start in range(0, count, stretch):
            numbers = self.number[start : start + stretch]
            found += dict.fromkeys((start + int(numbers.argmax()), start + len(numbers) - 1))
        return found

    def thinned(self, most: int) -> Course:
        """Return at most ``most`` steps."""
        return tuple((instant(int(self.at[n])), int(self.number[n])) for n in self.places(most))

    def stood(self, at: Rows) -> Rows:
        """Return the number that stood at each of some instants."""
        before = np.searchsorted(self.at, at, side="right")
        return np.concatenate((np.zeros(1, dtype=np.int64), self.number))[before]


def _table_of(standing: Steps, unanswered: Steps) -> tuple[tuple[datetime, int, int], ...]:
    at = np.unique(
        np.concatenate([one.at[one.places(TABLED // 2)] for one in (standing, unanswered)])
    )
    found = zip(at, standing.stood(at), unanswered.stood(at), strict=True)
    return tuple((instant(int(one)), int(open_), int(waits)) for one, open_, waits in found)


@dataclass(frozen=True, slots=True)
class _Fates:
    """The cases of a period in columns, and what became of each."""

    case: Rows
    opened_at: Rows
    hazard: Rows
    area: Rows
    owner: Rows
    origin: Rows
    missed: Rows
    rungs: Rows
    is_answered: Flags
    answered_at: Rows  # where answered
    is_closed: Flags
    turn_of: Rows  # place of the case of each turn, by case and then in journal order
    turn_at: Rows
    turn_by: Rows  # closed: -1, reopened: +1
    notice_answered: Flags  # of each notice about these cases

    @classmethod
    def of(cls, tally: Tally, texts: Sequence[str], sees: Callable[[str], bool]) -> _Fates:
        """Return what became of the cases that may be seen; large columns are spent on the way."""
        column = tally.column
        seen = np.zeros(len(texts), dtype=np.bool_)
        for place in _present(column("opened", "area")):
            seen[place] = sees(texts[place])
        order = np.flatnonzero(seen[column("opened", "area")])
        order = order[np.argsort(column("opened", "case")[order])]
        finds = _Finder(column("opened", "case")[order])
        turn_of, turn_at, turn_by, is_closed = _turns(finds, column)
        tally.forget("turns")
        is_answered, answered_at = _answers(finds, column)
        tally.forget("answers", "acknowledged")
        ours, _ = finds.among(column("posted", "case"))
        return cls(
            case=finds.case,
            opened_at=column("opened", "at")[order],
            hazard=column("opened", "hazard")[order],
            area=column("opened", "area")[order],
            origin=column("opened", "origin")[order],
            owner=_owners(finds, column("opened", "owner")[order], column),
            missed=finds.combined(column("missed", "case"), column("missed", "times"), np.add),
            rungs=finds.combined(column("rungs", "case"), column("rungs", "rung"), np.maximum),
            is_answered=is_answered, answered_at=answered_at, is_closed=is_closed,
            turn_of=turn_of, turn_at=turn_at, turn_by=turn_by,
            notice_answered=np.isin(column("posted", "notice")[ours], column("answered", "notice")),
        )  # fmt: skip

    def lines(
        self, key: Rows, texts: Sequence[str], label: Callable[[str], str]
    ) -> tuple[Line, ...]:
        """Return one line for each label, in the order of their codes: this is no league table."""
        labels = {place: label(texts[place]) for place in _present(key)}
        codes = sorted(set(labels.values()))
        ranks = np.zeros(max(labels, default=-1) + 1, dtype=np.int64)
        for place, one in labels.items():
            ranks[place] = codes.index(one)
        group = ranks[key]

        def counted(which: Flags) -> list[int]:
            return [int(n) for n in np.bincount(group[which], minlength=len(codes))]

        everyone = np.ones(len(group), dtype=np.bool_)
        columns = zip(
            codes,
            counted(everyone),
            counted(self.is_answered),
            counted(self.missed > 0),
            counted(self.rungs > 0),
            counted(self.is_closed),
            self._medians(group, len(codes)),
            strict=True,
        )
        return tuple(Line(*row) for row in columns)

    def _medians(self, group: Rows, count: int) -> list[float | None]:
        """Return the median of the exact waits of each group, as seconds."""
        waits = (self.answered_at - self.opened_at)[self.is_answered]
        groups = group[self.is_answered]
        order = np.lexsort((waits, groups))
        waits, ends = waits[order], np.cumsum(np.bincount(groups, minlength=count))
        found: list[float | None] = []
        start = 0
        for end in ends:
            low, high = (
                waits[[(start + end - 1) // 2, (start + end) // 2]] if end > start else (0, 0)
            )
            # Each to seconds before they are added: the very number that a plain median gives.
            middle = int(low) / 10**6 if low == high else (int(low) / 10**6 + int(high) / 10**6) / 2
            found.append(middle if end > start else None)
            start = end
        return found

    def standing(self) -> Steps:
        """Return how many were open."""
        ones = np.ones(len(self.case), dtype=np.int64)
        return Steps.of(
            np.concatenate((self.opened_at, self.turn_at)), np.concatenate((ones, self.turn_by))
        )

    def unanswered(self) -> Steps:
        """Return how many were open and waited for their first answer."""
        waits = ~self.is_answered[self.turn_of] | (self.turn_at < self.answered_at[self.turn_of])
        # The first turn at or behind the answer ends it, whatever instants later turns name.
        waits &= _none_before(~waits, self.turn_of)
        stood = np.ones(len(self.case), dtype=np.int64)
        np.add.at(stood, self.turn_of[waits], self.turn_by[waits])
        at_answer = self.is_answered & (stood > 0)
        ones = np.ones(len(self.case), dtype=np.int64)
        return Steps.of(
            np.concatenate((self.opened_at, self.turn_at[waits], self.answered_at[at_answer])),
            np.concatenate((ones, self.turn_by[waits], -ones[at_answer])),
        )


def _none_before(flag: Flags, group: Rows) -> Flags:
    """Return for each row whether no flag is up at an earlier row of its group, nor at itself."""
    if not len(flag):
        return flag
    count = np.cumsum(flag)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    before: Rows = np.repeat(count[starts] - flag[starts], np.diff(starts, append=len(group)))
    found: Flags = count == before
    return found


@dataclass(frozen=True, slots=True)
class _Finder:
    """Finds cases by number."""

    case: Rows  # sorted

    def among(self, numbers: Rows) -> tuple[Flags, Rows]:
        """Return which numbers are known, and the places of these."""
        if not len(self.case):
            return np.zeros(len(numbers), dtype=np.bool_), np.empty(0, dtype=np.int64)
        place = np.minimum(np.searchsorted(self.case, numbers), len(self.case) - 1)
        known = self.case[place] == numbers
        return known, place[known]

    def combined(self, numbers: Rows, values: Rows, by: np.ufunc, start: int = 0) -> Rows:
        """Return the values of each case as one: added up, the lowest or the highest."""
        found = np.full(len(self.case), start, dtype=np.int64)
        known, place = self.among(numbers)
        by.at(found, place, values[known])
        return found


def _owners(finds: _Finder, first: Rows, column: Column) -> Rows:
    owner, (case, seq) = first.copy(), (column("owners", name) for name in ("case", "seq"))
    last = finds.combined(case, seq, np.maximum)
    known, place = finds.among(case)
    is_last = seq[known] == last[place]
    owner[place[is_last]] = column("owners", "owner")[known][is_last]
    return owner


def _turns(finds: _Finder, column: Column) -> tuple[Rows, Rows, Rows, Flags]:
    """Return the moves that ended a case or took it up again, and which cases have ended."""
    known, place = finds.among(column("turns", "case"))
    order = np.lexsort((column("turns", "seq")[known], place))
    place, closed = place[order], column("turns", "closed")[known][order]
    begins = np.diff(place, prepend=-1) != 0
    before: Rows = np.concatenate((np.zeros(1, dtype=np.int64), closed))[: len(closed)]
    before[begins] = 0  # it was opened
    turned = closed != before
    is_closed = np.zeros(len(finds.case), dtype=np.bool_)
    ends = np.diff(place, append=-1) != 0
    is_closed[place[ends]] = closed[ends] == 1
    at = column("turns", "at")[known][order]
    return place[turned], at[turned], 1 - 2 * closed[turned], is_closed


def _answers(finds: _Finder, column: Column) -> tuple[Flags, Rows]:
    """Return which cases were answered and when first, in the order of the journal."""
    order = np.argsort(column("posted", "notice"))
    notices = _Finder(column("posted", "notice")[order])
    known, place = notices.among(column("acknowledged", "notice"))
    case = np.concatenate((column("answers", "case"), column("posted", "case")[order][place]))
    seq, at = (
        np.concatenate((column("answers", name), column("acknowledged", name)[known]))
        for name in ("seq", "at")
    )
    first = finds.combined(case, seq, np.minimum, NEVER)
    known, place = finds.among(case)
    is_first = seq[known] == first[place]
    answered_at = np.zeros(len(finds.case), dtype=np.int64)
    answered_at[place[is_first]] = at[known][is_first]
    return first < NEVER, answered_at
