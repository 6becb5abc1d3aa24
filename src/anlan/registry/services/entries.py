"""Rules, clocks, ladders, words: new versions take effect at an instant, old ones stay readable."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any, Literal

import msgspec

from anlan.registry.domain.entries import KEYS, key_of
from anlan.registry.models import PackEntry
from anlan.registry.selectors.packs import decode
from anlan.registry.services.changes import Change

Source = Literal["city", "jurisdiction"]
# Entries that state no day (words, kinds, calendars) count from the beginning.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Numbers:
    """The highest version in use of each entry: the two packs share one numbering."""

    highest: dict[tuple[str, str], int] = field(default_factory=dict)

    def next(self, section: str, code: str, declared: int) -> int:
        """Return and take the number of a new version."""
        last = self.highest.get((section, code))
        number = declared if last is None else max(declared, last + 1)
        self.highest[section, code] = number
        return number


def code_of(section: str, entry: Any) -> str:
    """Return what an entry is called across its versions."""
    return str(entry.id) if "version" in KEYS[section] else key_of(section, entry)


def _declared_version(entry: Any) -> int:
    return int(getattr(entry, "version", 1))


def _midnight(day: date | None, tz: tzinfo) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), tzinfo=tz).astimezone(UTC)


def _earliest(*instants: datetime | None) -> datetime | None:
    return min((item for item in instants if item is not None), default=None)


@dataclass
class Line:
    """All versions of one entry of one pack, before and after a load."""

    section: str
    code: str
    source: Source
    now: datetime
    tz: tzinfo
    rows: list[PackEntry]
    before: dict[int, tuple[datetime | None, bool]] = field(default_factory=dict)
    ends_set: set[int] = field(
        default_factory=set
    )  # versions of which only the end was written anew
    added: list[PackEntry] = field(default_factory=list)
    kept: list[tuple[PackEntry, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.before = {row.version: (row.effective_to, row.in_pack) for row in self.rows}
        self.counted_before = any(row.effective_from <= self.now for row in self.rows)

    def take(self, entries: Iterable[Any], numbers: Numbers) -> None:
        """Set what the pack says beside the rows there are."""
        live = {
            _declared_version(decode(self.section, row.spec)): row
            for row in self.rows
            if row.in_pack
        }
        for entry in sorted(entries, key=_declared_version):
            row = live.get(_declared_version(entry))
            if row is not None and self._goes_on(row, entry):
                live.pop(_declared_version(entry))
            else:
                row = self._new(entry, numbers)
                self.added.append(row)
            self.kept.append((row, entry))
        begins = _earliest(*(row.effective_from for row in self.added)) or self.now
        for row in live.values():
            row.in_pack = False
            row.effective_to = _earliest(row.effective_to, begins)
        self._fit_together()

    def _goes_on(self, row: PackEntry, entry: Any) -> bool:
        """Return whether ``row`` stands for ``entry``, of which at most the end is another one.

        A day ahead on which a version ends is no other version of it.
        """
        kept = decode(self.section, row.spec)
        if kept == entry:
            return True
        end = _midnight(getattr(entry, "effective_to", None), self.tz)
        if end is None or end <= self.now or (row.effective_to and row.effective_to <= self.now):
            return False
        if msgspec.structs.replace(kept, effective_to=entry.effective_to) != entry:
            return False
        row.spec = msgspec.to_builtins(entry)
        self.ends_set.add(row.version)
        return True

    def _new(self, entry: Any, numbers: Numbers) -> PackEntry:
        declared = _midnight(getattr(entry, "effective_from", None), self.tz) or BEGINNING
        # A change takes effect when it is loaded: it never rewrites what already counted.
        begins = self.now if self.counted_before and declared <= self.now else declared
        return PackEntry(
            section=self.section,
            code=self.code,
            version=numbers.next(self.section, self.code, _declared_version(entry)),
            source=self.source,
            spec=msgspec.to_builtins(entry),
            effective_from=begins,
            in_pack=True,
        )

    def _fit_together(self) -> None:
        """End each version where the next one of the pack begins."""
        ordered = sorted(self.kept, key=lambda pair: (pair[0].effective_from, pair[0].version))
        following: datetime | None = None
        for row, entry in reversed(ordered):
            declared = _midnight(getattr(entry, "effective_to", None), self.tz)
            row.effective_to = _earliest(declared, following)
            following = row.effective_from

    def changes(self) -> Iterator[Change]:
        """Yield what differs from before."""
        for row in self.rows:
            to_before, in_before = self.before[row.version]
            if in_before and not row.in_pack:
                yield self._change("ended", row, ("effective_to", "in_pack"))
            elif row.effective_to != to_before or row.version in self.ends_set:
                yield self._change("changed", row, ("effective_to",))
        for row in self.added:
            what: Literal["added", "changed"] = "changed" if self.rows else "added"
            yield self._change(what, row, ("spec",) if self.rows else ())

    def _change(
        self, what: Literal["added", "changed", "ended"], row: PackEntry, columns: tuple[str, ...]
    ) -> Change:
        return Change(self.section, what, f"{self.code} v{row.version}", row, columns)


@dataclass(frozen=True)
class Loading:
    """The instant of a load, the city's time zone, and the versions taken so far."""

    now: datetime
    tz: tzinfo
    numbers: Numbers


def loading(now: datetime, tz: tzinfo) -> Loading:
    """Begin a load: note the highest version of every entry."""
    numbers = Numbers()
    for section, code, version in PackEntry.objects.values_list("section", "code", "version"):
        known = numbers.highest.get((section, code), 0)
        numbers.highest[section, code] = max(known, version)
    return Loading(now=now, tz=tz, numbers=numbers)


def entry_changes(
    section: str,
    source: Source,
    entries: Iterable[Any],
    load: Loading,
    *,
    codes: Collection[str] | None = None,
) -> Iterator[Change]:
    """Yield the differences of one section of one pack, or of those entries in it."""
    rows: dict[str, list[PackEntry]] = {}
    found = PackEntry.objects.filter(section=section, source=source)
    if codes is not None:
        found = found.filter(code__in=codes)
    for row in found.order_by("version"):
        rows.setdefault(row.code, []).append(row)
    wanted: dict[str, list[Any]] = {}
    for entry in entries:
        wanted.setdefault(code_of(section, entry), []).append(entry)
    for code in sorted({*rows, *wanted}):
        line = Line(section, code, source, load.now, load.tz, rows.get(code, []))
        line.take(wanted.get(code, ()), load.numbers)
        yield from line.changes()
