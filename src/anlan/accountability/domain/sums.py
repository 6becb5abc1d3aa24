"""What some journal entries add to a report (分段统计): small tables of numbers, in no order.

A report is the sum of such parts (:mod:`.tally`), however the journal was cut: what depends on
order carries the entry's number.  That asks one thing of the journal, which holds because a row
has its number only once it is written: what speaks of a case or a notice stands behind the entry
that made it.  Cases, posts, areas and notices are kept; actors are not.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from anlan.accountability.domain.review import ENDED, NOT_ANSWERING
from anlan.kernel.events import Event, Told
from anlan.notices.domain.events import NoticeAnswered, NoticePosted
from anlan.response.domain.events import (
    CaseClockMissed,
    CaseEscalated,
    CaseMoved,
    CaseOpened,
    CaseOwnerChanged,
    CasesMerged,
)
from anlan.warning.domain.events import AlertRaised

#: Changes whenever the same entries would give other tables; parts of another form are not used.
FORM = 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
Rows = NDArray[np.int64]

#: Instants are whole microseconds; hazard, area, owner and origin are places in ``texts``.
COLUMNS: dict[str, tuple[str, ...]] = {
    "opened": ("case", "at", "hazard", "area", "owner", "origin"),
    "owners": ("case", "seq", "owner"),  # the last change
    "answers": ("case", "seq", "at"),  # the first
    "turns": ("case", "seq", "at", "closed"),  # every move: ended (1) or not (0)
    "missed": ("case", "times"),
    "rungs": ("case", "rung"),  # the highest; 0: only reminded
    "posted": ("notice", "case"),
    "acknowledged": ("notice", "seq", "at"),  # of notices that an earlier part posted
    "answered": ("notice",),
}


def micros(at: datetime) -> int:
    """Return an instant as whole microseconds."""
    return (at - EPOCH) // MICROSECOND


def instant(number: int) -> datetime:
    """Return the instant of :func:`micros`."""
    return EPOCH + timedelta(microseconds=number)


@dataclass(frozen=True, slots=True)
class Sums:
    """What some entries add to a report."""

    entries: int
    first: int  # entry numbers; 0: none
    last: int
    texts: tuple[str, ...]
    alerts: tuple[tuple[str, str, int], ...]  # area, level, how many
    tables: dict[str, Rows]  # by the names of COLUMNS


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    texts: tuple[str, ...]
    alerts: tuple[tuple[str, str, int], ...]
    tables: dict[str, bytes]


def packed(sums: Sums) -> bytes:
    """Return the tables of some sums as bytes to be kept."""
    # Column after column: numbers that resemble one another lie together and shrink.
    tables = {name: rows.T.astype("<i8").tobytes() for name, rows in sums.tables.items()}
    return zlib.compress(msgspec.msgpack.encode(_Packed(sums.texts, sums.alerts, tables)), 3)


def unpacked(data: bytes, *, entries: int, first: int, last: int) -> Sums:
    """Return the sums of which :func:`packed` made ``data``."""
    found = msgspec.msgpack.decode(zlib.decompress(data), type=_Packed)
    tables = {
        name: np.frombuffer(found.tables[name], dtype="<i8").reshape(len(columns), -1).T
        for name, columns in COLUMNS.items()
    }
    return Sums(entries, first, last, found.texts, found.alerts, tables)


def case_of(about: str) -> int | None:
    """Return the case that a notice is about, if it is about one."""
    what, _, number = about.partition(":")
    return int(number) if what == "case" and number.isdecimal() else None


@dataclass(slots=True)
class Adder:
    """Takes in events in journal order and gives what they add up to."""

    entries: int = 0
    first: int = 0
    last: int = 0
    _texts: dict[str, int] = field(default_factory=dict)
    _alerts: dict[tuple[str, str], int] = field(default_factory=dict)
    _opened: list[tuple[int, ...]] = field(default_factory=list)
    _owners: dict[int, tuple[int, int]] = field(default_factory=dict)
    _answers: dict[int, tuple[int, int]] = field(default_factory=dict)
    _turns: list[tuple[int, ...]] = field(default_factory=list)
    _missed: dict[int, int] = field(default_factory=dict)
    _rungs: dict[int, int] = field(default_factory=dict)
    _posted: dict[int, int | None] = field(default_factory=dict)
    _acknowledged: dict[int, tuple[int, int]] = field(default_factory=dict)
    _answered: set[int] = field(default_factory=set)

    def read(self, heard: Told) -> None:
        """Take in one event; those that no report counts are passed over."""
        reader = _READERS.get(type(heard.event))
        if reader is None:
            return
        self.entries += 1
        self.first = self.first or heard.seq
        self.last = heard.seq
        reader(self, heard.event, heard)

    def sums(self) -> Sums:
        """Return what was taken in so far."""
        answered = (one for one in self._answered if self._posted.get(one, 0) is not None)
        found: dict[str, Iterable[tuple[int, ...]]] = {
            "opened": self._opened,
            "owners": ((case, *row) for case, row in self._owners.items()),
            "answers": ((case, *row) for case, row in self._answers.items()),
            "turns": self._turns,
            "missed": self._missed.items(),
            "rungs": self._rungs.items(),
            "posted": ((n, case) for n, case in self._posted.items() if case is not None),
            "acknowledged": ((notice, *row) for notice, row in self._acknowledged.items()),
            "answered": ((notice,) for notice in sorted(answered)),
        }
        alerts = tuple((*key, number) for key, number in sorted(self._alerts.items()))
        tables = {
            name: np.array(list(rows), dtype=np.int64).reshape(-1, len(COLUMNS[name]))
            for name, rows in found.items()
        }
        return Sums(self.entries, self.first, self.last, tuple(self._texts), alerts, tables)

    def _text(self, text: str) -> int:
        return self._texts.setdefault(text, len(self._texts))

    def _raised(self, event: AlertRaised, _heard: Told) -> None:
        key = (event.area, event.level)
        self._alerts[key] = self._alerts.get(key, 0) + 1

    def _open(self, event: CaseOpened, heard: Told) -> None:
        words = (event.hazard, event.area, event.owner, event.origin.partition(":")[0])
        self._opened.append((event.case, micros(heard.at), *map(self._text, words)))

    def _owned(self, event: CaseOwnerChanged, heard: Told) -> None:
        self._owners[event.case] = (heard.seq, self._text(event.owner))

    def _moved(self, event: CaseMoved, heard: Told) -> None:
        if not heard.actor.startswith(NOT_ANSWERING):
            self._answers.setdefault(event.case, (heard.seq, micros(heard.at)))
        closed = int(event.after in ENDED)
        self._turns.append((event.case, heard.seq, micros(heard.at), closed))

    def _merged(self, event: CasesMerged, heard: Told) -> None:
        self._turns.append((event.case, heard.seq, micros(heard.at), 1))

    def _late(self, event: CaseClockMissed, _heard: Told) -> None:
        self._missed[event.case] = self._missed.get(event.case, 0) + 1

    def _climbed(self, event: CaseEscalated, _heard: Told) -> None:
        rung = 0 if event.reminder else event.rung + 1
        self._rungs[event.case] = max(self._rungs.get(event.case, 0), rung)

    def _told(self, event: NoticePosted, _heard: Told) -> None:
        self._posted[event.notice] = case_of(event.about)

    def _noticed(self, event: NoticeAnswered, heard: Told) -> None:
        if event.what != "acknowledged":
            return
        self._answered.update((event.notice, *event.also))
        if event.notice not in self._posted:
            self._acknowledged.setdefault(event.notice, (heard.seq, micros(heard.at)))
            return
        case = self._posted[event.notice]
        if case is not None:
            self._answers.setdefault(case, (heard.seq, micros(heard.at)))


_READERS: dict[type[Event], Callable[[Adder, Any, Told], None]] = {
    AlertRaised: Adder._raised,
    CaseOpened: Adder._open,
    CaseOwnerChanged: Adder._owned,
    CaseMoved: Adder._moved,
    CasesMerged: Adder._merged,
    CaseClockMissed: Adder._late,
    CaseEscalated: Adder._climbed,
    NoticePosted: Adder._told,
    NoticeAnswered: Adder._noticed,
}
#: The events that are counted, by name.
READ = tuple(event.__name__ for event in _READERS)
