"""How long readings are kept whole, and what stays of them afterwards (保存期限), as data.

Nothing goes that no class names.  The default of a workspace is to keep everything; a city writes
``retention.toml`` into its workspace.  Whatever it writes, no class goes below a legal floor.
"""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec

from anlan.kernel.errors import InvalidInputError

DAY_MINUTES = 24 * 60
MAX_ID = 50


class RetentionWrongError(InvalidInputError):
    """The file of retention classes is not what is asked for; ``place`` says where."""

    code = "retention.wrong"


class RetentionTooShortError(InvalidInputError):
    """A class would keep readings for less than the law asks."""

    code = "retention.too_short"


class StreamClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One class of streams, and what becomes of its readings.

    ``streams`` are codes or patterns with ``*``; ``quantities`` are slugs.  A stream is of the
    first class that names it.  ``keep_days`` counts from the end of the day of measuring.
    """

    id: str
    title_zh: str
    title_en: str
    basis: str
    keep_days: int
    then: Literal["thin", "remove"]
    minutes: int = 0
    streams: list[str] = []
    quantities: list[str] = []


class Hold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Streams of which nothing goes until the end of ``until`` (forever without), and why."""

    reason: str
    streams: list[str]
    until: date | None = None


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file as it is written."""

    classes: list[StreamClass] = []
    holds: list[Hold] = []


@dataclass(frozen=True, slots=True)
class Floor:
    """The least that a law asks; ``quantities`` empty: of every stream."""

    days: int
    basis: str
    quantities: frozenset[str] = frozenset()


# Which streams belong to a major hazard source a city's data need not say: so it holds for all.
FLOORS = (Floor(30, "危险化学品重大危险源监督管理暂行规定 (2015 修正) Art 13(1)"),)


def retention_of(text: str) -> Retention:
    """Return the classes that a file holds.

    Raises
    ------
    RetentionWrongError
        With the place of the first thing that is wrong.
    RetentionTooShortError
        When a class keeps for less than the law asks.
    """
    try:
        found = msgspec.convert(tomllib.loads(text), Retention)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise RetentionWrongError(place="retention.toml", problem=str(error)) from None
    for number, one in enumerate(found.classes):
        _check(f"classes[{number}]", one)
    ids = [one.id for one in found.classes]
    if twice := [name for name in ids if ids.count(name) > 1]:
        raise RetentionWrongError(place="classes", problem=f"id {twice[0]}: 2")
    return found


def _check(place: str, one: StreamClass) -> None:
    if not 0 < len(one.id) <= MAX_ID:
        raise RetentionWrongError(place=f"{place}.id", problem=one.id[:MAX_ID])
    if not (one.streams or one.quantities):
        raise RetentionWrongError(place=place, problem="streams, quantities: []")
    whole = one.minutes > 0 and DAY_MINUTES % one.minutes == 0
    if whole != (one.then == "thin") or (one.then == "remove" and one.minutes):
        raise RetentionWrongError(place=f"{place}.minutes", problem=str(one.minutes))
    if not one.basis.strip():
        raise RetentionWrongError(place=f"{place}.basis", problem="–")
    for floor in FLOORS:
        touched = not floor.quantities or floor.quantities & set(one.quantities) or one.streams
        if touched and one.keep_days < floor.days:
            raise RetentionTooShortError(
                place=f"{place}.keep_days",
                days=one.keep_days,
                least=floor.days,
                basis=floor.basis,
            )


@dataclass(frozen=True, slots=True)
class DueStreams:
    """What is to go of one day by one class."""

    day: date
    stream_class: StreamClass
    streams: tuple[str, ...]


def class_of(found: Retention, stream: str, quantity: str) -> StreamClass | None:
    """Return the first class that names a stream; None: it is kept for ever."""
    for one in found.classes:
        if quantity in one.quantities or _named(stream, one.streams):
            return one
    return None


def _named(stream: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(stream, pattern) for pattern in patterns)


def due_streams(
    found: Retention,
    streams: Mapping[str, str],
    *,
    held: frozenset[str],
    day: date,
    now: datetime,
) -> tuple[DueStreams, ...]:
    """Return what of ``day`` is older than its class keeps it, held streams left out.

    ``streams`` maps each code to its quantity ("" when nobody knows it).
    """
    today = now.astimezone(UTC).date()
    by_class: dict[str, list[str]] = {}
    holds = [one for one in found.holds if one.until is None or today <= one.until]
    for code, quantity in streams.items():
        one = class_of(found, code, quantity)
        if one is None or day + timedelta(days=one.keep_days) >= today:
            continue
        if code in held or any(_named(code, hold.streams) for hold in holds):
            continue
        by_class.setdefault(one.id, []).append(code)
    return tuple(
        DueStreams(day, one, tuple(sorted(by_class[one.id])))
        for one in found.classes
        if one.id in by_class
    )
