"""Files of readings, ``timestamp,value…`` a row: read in pieces, refused by line and cell."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anlan.kernel.errors import InvalidInputError

PIECE = 8_192  # rows held at once
DAY_S = 86_400
TIME_NAMES = ("timestamp", "datetime", "time", "date", "ts", "时间", "时间戳", "日期")
# Columns of answers must never become inputs.
ANSWERS = (
    "anomaly", "anomalies", "anomaly_score", "attack", "change_point", "changepoint", "class",
    "ground_truth", "is_anomaly", "label", "labels", "outlier", "target",
)  # fmt: skip
NO_VALUE = frozenset({"", "-", "n/a", "na", "nan", "none", "null"})
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  wall clocks are counted without their zone
LOOSE = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?)?"
)


class SeriesEmptyError(InvalidInputError):
    """There is no row of readings."""

    code = "series.empty"


class SeriesHeadMissingError(InvalidInputError):
    """The first line holds readings, not names."""

    code = "series.head_missing"


class SeriesColumnMissingError(InvalidInputError):
    """A column is not there, or which one is meant cannot be seen."""

    code = "series.column_missing"


class SeriesTimeError(InvalidInputError):
    """A cell that should be an instant is none."""

    code = "series.bad_time"


class SeriesValueError(InvalidInputError):
    """A cell that should be a number is none."""

    code = "series.bad_value"


class SeriesZonesError(InvalidInputError):
    """Some instants name a time zone and some do not."""

    code = "series.mixed_zones"


class SeriesOrderError(InvalidInputError):
    """An instant is not after the one before, and the caller asked for order."""

    code = "series.not_in_order"


class SeriesRowError(InvalidInputError):
    """A row cannot be taken apart, or has too few cells."""

    code = "series.bad_row"


class SeriesNotTextError(InvalidInputError):
    """The file is no text in the encoding that was named."""

    code = "series.not_text"


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows as they were read: instants (UTC) and wall clocks in seconds, values, and the cells."""

    at: NDArray[np.float64]
    wall: NDArray[np.float64]
    values: NDArray[np.float64]  # (rows, columns), NaN where there is none
    cells: list[list[str]]  # the instant, then the values, word for word


@dataclass(slots=True)
class Order:
    """What was out of order so far."""

    doubled: int = 0
    backwards: int = 0
    first_line: int = 0
    last: float = field(default=-np.inf)

    def meet(self, at: float, line: int, text: str, *, strict: bool) -> None:
        """Count an instant that is not after the last one; with ``strict`` refuse it."""
        if at > self.last:
            self.last = at
            return
        if strict:
            raise SeriesOrderError(line=line, text=text)
        self.first_line = self.first_line or line
        if at == self.last:
            self.doubled += 1
        else:
            self.backwards += 1
            self.last = at


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def instant(text: str) -> tuple[float, float, str] | None:
    """Return instant and wall clock in seconds, and how it was written; None when it is no instant.

    ISO 8601 with or without a zone, dates with slashes and without leading zeros, and seconds,
    milliseconds or microseconds since 1970.
    """
    text = text.strip()
    number = _number(text)
    if number is not None and not (len(text) == 8 and text.isdigit()):
        for limit, unit in ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6)):
            if abs(number) < limit:
                return number / unit, number / unit, "number"
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        loose = LOOSE.fullmatch(text)
        if loose is None:
            return None
        year, month, day, hour, minute = (int(part or 0) for part in loose.groups()[:5])
        try:
            moment = datetime(year, month, day, hour, minute)  # noqa: DTZ001
            moment += timedelta(seconds=float(loose.group(6) or 0))
        except (ValueError, OverflowError):
            return None
    wall = (moment.replace(tzinfo=None) - EPOCH) / timedelta(seconds=1)
    offset = moment.utcoffset()
    if offset is None:
        return wall, wall, "naive"
    return wall - offset.total_seconds(), wall, "zoned"


def value_of(text: str) -> float | None:
    """Return a number, NaN where a cell says that there is none, None for anything else."""
    try:
        return float(text)
    except ValueError:
        return float("nan") if text.strip().lower() in NO_VALUE else None


class SeriesFile:
    """One file of readings, its columns known, its rows still to come."""

    def __init__(self, path: Path, *, encoding: str = "utf-8-sig") -> None:
        self.path, self.encoding = path, encoding
        self.order = Order()
        with path.open(encoding=encoding, newline="") as file:
            try:
                first = file.readline(1_000_000)
            except UnicodeDecodeError:
                raise SeriesNotTextError(encoding=encoding) from None
        if not first.strip():
            raise SeriesEmptyError(path=path)
        self.delimiter = max(",;\t|", key=first.count)
        try:
            (self.columns,) = list(csv.reader([first], delimiter=self.delimiter))[:1]
        except csv.Error as error:
            raise SeriesRowError(line=1, reason=error) from None
        self.columns = [name.strip() for name in self.columns]
        if instant(self.columns[0]) is not None:
            raise SeriesHeadMissingError(path=path)

    def place(self, name: str) -> int:
        """Return which column is called ``name``; how it is spelt in capitals does not matter."""
        spelt = [column.casefold() for column in self.columns]
        if name.casefold() not in spelt:
            raise SeriesColumnMissingError(column=name, columns=", ".join(self.columns))
        return spelt.index(name.casefold())

    def time_place(self, name: str | None) -> int:
        """Return the column of instants: the one asked for, one that is called so, or the first."""
        if name:
            return self.place(name)
        named = [k for k, column in enumerate(self.columns) if column.casefold() in TIME_NAMES]
        return named[0] if named else 0

    def value_places(self, at: int, *, left_out: Sequence[str] = ()) -> list[int]:
        """Return all columns but that of instants, columns of answers, and those left out."""
        for name in left_out:
            self.place(name)
        away = {name.casefold() for name in (*ANSWERS, *left_out)}
        return [
            k for k, column in enumerate(self.columns) if k != at and column.casefold() not in away
        ]

    def pieces(self, at: int, values: Sequence[int], *, strict: bool = False) -> Iterator[Piece]:
        """Yield the rows in pieces.

        Raises
        ------
        InvalidInputError
            At the first cell that cannot be understood, by line.
        """
        written: str | None = None
        rows: list[tuple[float, float, list[float], list[str]]] = []
        some = False
        for line, row in self._rows():
            if len(row) <= max(at, *values):
                raise SeriesRowError(line=line, reason=f"{len(row)} < {max(at, *values) + 1}")
            found = instant(row[at])
            if found is None or not np.isfinite(found[0]):
                raise SeriesTimeError(line=line, text=row[at][:40])
            if written is not None and found[2] != written:
                raise SeriesZonesError(line=line, text=row[at][:40])
            written = found[2]
            self.order.meet(found[0], line, row[at][:40], strict=strict)
            numbers = [self._value(row[k], line, k) for k in values]
            rows.append((found[0], found[1], numbers, [row[at], *[row[k] for k in values]]))
            if len(rows) == PIECE:
                yield _piece(rows)
                rows, some = [], True
        if rows:
            yield _piece(rows)
        elif not some:
            raise SeriesEmptyError(path=self.path)

    def _value(self, text: str, line: int, place: int) -> float:
        found = value_of(text)
        if found is None:
            raise SeriesValueError(line=line, column=self.columns[place], text=text[:40])
        return found

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield line and cells of each row after the head; empty lines are passed over."""
        with self.path.open(encoding=self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            try:
                next(reader)
                for row in reader:
                    if any(row):
                        yield reader.line_num, row
            except csv.Error as error:
                raise SeriesRowError(line=reader.line_num, reason=error) from None
            except UnicodeDecodeError:
                raise SeriesNotTextError(encoding=self.encoding) from None


def _piece(rows: list[tuple[float, float, list[float], list[str]]]) -> Piece:
    return Piece(
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
        [row[3] for row in rows],
    )


class Calendar:
    """Which days are days of rest: Saturdays and Sundays, and what a file says otherwise."""

    def __init__(self, path: Path | None = None) -> None:
        self.said: dict[int, int] = {}
        if path is None:
            return
        for line, text in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
            day, _, kind = text.partition("#")[0].replace(",", " ").strip().partition(" ")
            if not day:
                continue
            try:
                number = (date.fromisoformat(day) - date(1970, 1, 1)).days
                self.said[number] = {"": 1, "rest": 1, "work": 0}[kind.strip()]
            except (ValueError, KeyError):
                raise SeriesTimeError(line=line, text=text[:40]) from None

    def kinds(self, wall: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return 1 for each instant on a day of rest, else 0; the first day of 1970 was a Thursday."""
        days = (wall // DAY_S).astype(np.int64)
        kinds = ((days + 3) % 7 >= 5).astype(np.int64)
        if self.said:
            unique, where = np.unique(days, return_inverse=True)
            usual = ((unique + 3) % 7 >= 5).astype(np.int64)
            said = [
                self.said.get(int(day), int(kind)) for day, kind in zip(unique, usual, strict=True)
            ]
            kinds = np.array(said, dtype=np.int64)[where]
        return kinds


def slots_of(wall: NDArray[np.float64], slots: int) -> NDArray[np.int64]:
    """Return the slot of the day of each wall clock."""
    return ((wall % DAY_S) // (DAY_S / slots)).astype(np.int64)
