"""The functions of the standard over columns: text, time, number, place, and relations of periods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from anlan.sensing.domain.sta_errors import TooWideError
from anlan.sensing.sta.columns import Column, each
from anlan.sensing.sta.tree import Kind

MICROSECONDS = 1_000_000
MOST_LETTERS = 50_000_000
"""Letters that a function makes of all rows together."""
FIRST_US, LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999  # years 1 and 9999

Work = Callable[[Sequence[Column]], Column]


class Function(NamedTuple):
    """What a function takes, one list of kinds for each number of arguments, and what it does."""

    takes: tuple[tuple[Kind, ...], ...]
    work: Work


def _known(columns: Sequence[Column]) -> NDArray[np.bool_]:
    known = columns[0].known
    for column in columns[1:]:
        known = known & column.known
    return known


def _text(function: Callable[..., Any], kind: Kind, takes: str = "s") -> Function:
    kinds: dict[str, Kind] = {"s": "string", "n": "number"}
    lists = tuple(tuple(kinds[letter] for letter in one) for one in takes.split("|"))
    return Function(lists, lambda columns: each(function, columns, kind))


def _substring(text: str, start: float, length: float | None = None) -> str | None:
    if not start >= 0 or start > len(text) or (length is not None and not length >= 0):
        return None
    first = int(start)
    return text[first:] if length is None else text[first : first + int(min(length, len(text)))]


def _concat(columns: Sequence[Column]) -> Column:
    """Join texts, unless a long one for very many rows would fill the memory."""
    rows = max(len(column.known) for column in columns)
    letters = 0
    for column in columns:
        each_once = sum(len(text) for text in column.data.tolist() if isinstance(text, str))
        letters += each_once * (rows if len(column.data) == 1 else 1)
    if letters > MOST_LETTERS:
        raise TooWideError(limit=f"{MOST_LETTERS} letters")
    return each(lambda left, right: left + right, columns, "string")


def _of_time(function: Callable[[NDArray[Any]], NDArray[Any]]) -> Function:
    def work(columns: Sequence[Column]) -> Column:
        times = columns[0].data.astype("M8[us]")
        return Column("number", function(times).astype(np.float64), columns[0].known)

    return Function((("instant",),), work)


def _part(unit: str, of: str, first: int = 0) -> Function:
    """Return the function that counts ``unit`` within ``of``."""

    def count(times: NDArray[Any]) -> NDArray[Any]:
        fine = times.astype(f"M8[{unit}]")
        found: NDArray[Any] = (fine - times.astype(f"M8[{of}]").astype(fine.dtype)).astype(np.int64)
        return found + first

    return _of_time(count)


def _date(columns: Sequence[Column]) -> Column:
    days = columns[0].data.astype("M8[us]").astype("M8[D]")
    return Column("instant", days.astype("M8[us]").astype(np.int64), columns[0].known)


def _clock(columns: Sequence[Column]) -> Column:
    texts = np.datetime_as_string(columns[0].data.astype("M8[us]"), unit="s")
    return each(
        lambda text: text.partition("T")[2], [Column("string", texts, columns[0].known)], "string"
    )


def _constant(value: int) -> Function:
    return Function(((),), lambda _: Column("instant", np.array([value]), np.array([True])))


def _number(function: Callable[[NDArray[Any]], NDArray[Any]]) -> Function:
    return Function(
        (("number",),),
        lambda columns: Column("number", function(columns[0].data), columns[0].known),
    )


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half goes away from zero, as OData rounds."""
    return np.trunc(values + np.copysign(0.5, values))


def _place(function: Callable[..., NDArray[Any]], kind: Kind, takes: int = 2) -> Function:
    def work(columns: Sequence[Column]) -> Column:
        known = _known(columns)
        nowhere = np.full(known.shape, None, object)
        shapes = [np.where(known, np.broadcast_to(x.data, known.shape), nowhere) for x in columns]
        found = function(*shapes)
        if kind == "number":
            known = known & ~np.isnan(found)
        return Column(kind, found, known)

    geometry: Kind = "geometry"
    return Function(((geometry,) * takes,), work)


def _relate(columns: Sequence[Column]) -> Column:
    def relate(left: shapely.Geometry, right: shapely.Geometry, pattern: str) -> bool | None:
        try:
            return bool(shapely.relate_pattern(left, right, pattern))
        except (shapely.errors.GEOSException, ValueError):
            return None

    return each(relate, columns, "bool")


def _periods(relation: Callable[..., NDArray[Any]]) -> Function:
    """Return a relation between periods; an instant is a period of no length."""

    def work(columns: Sequence[Column]) -> Column:
        (a, b), (c, d) = (ends_of(column) for column in columns)
        return Column("bool", relation(a, b, c, d), _known(columns))

    return Function((("interval", "interval"),), work)


def ends_of(column: Column) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return begin and end of instants or intervals."""
    if column.kind == "interval":
        return column.data[:, 0], column.data[:, 1]
    return column.data, column.data


FUNCTIONS: dict[str, Function] = {
    "substringof": _text(lambda part, text: part in text, "bool", "ss"),
    "contains": _text(lambda text, part: part in text, "bool", "ss"),
    "endswith": _text(str.endswith, "bool", "ss"),
    "startswith": _text(str.startswith, "bool", "ss"),
    "length": _text(len, "number"),
    "indexof": _text(str.find, "number", "ss"),
    "substring": _text(_substring, "string", "sn|snn"),
    "tolower": _text(str.lower, "string"),
    "toupper": _text(str.upper, "string"),
    "trim": _text(str.strip, "string"),
    "concat": Function((("string", "string"),), _concat),
    "year": _of_time(lambda times: times.astype("M8[Y]").astype(np.int64) + 1970),
    "month": _part("M", "Y", 1),
    "day": _part("D", "M", 1),
    "hour": _part("h", "D"),
    "minute": _part("m", "h"),
    "second": _part("s", "m"),
    "fractionalseconds": _of_time(
        lambda times: times.astype(np.int64) % MICROSECONDS / MICROSECONDS
    ),
    "date": Function((("instant",),), _date),
    "time": Function((("instant",),), _clock),
    # Instants are kept in UTC; what offset a sender wrote is not.
    "totaloffsetminutes": _of_time(lambda times: times.astype(np.int64) * 0),
    "mindatetime": _constant(FIRST_US),
    "maxdatetime": _constant(LAST_US),
    "round": _number(_rounded),
    "floor": _number(np.floor),
    "ceiling": _number(np.ceil),
    "geo.distance": _place(shapely.distance, "number"),
    "geo.length": _place(shapely.length, "number", 1),
    "geo.intersects": _place(shapely.intersects, "bool"),
    "st_equals": _place(shapely.equals, "bool"),
    "st_disjoint": _place(shapely.disjoint, "bool"),
    "st_touches": _place(shapely.touches, "bool"),
    "st_within": _place(shapely.within, "bool"),
    "st_overlaps": _place(shapely.overlaps, "bool"),
    "st_crosses": _place(shapely.crosses, "bool"),
    "st_intersects": _place(shapely.intersects, "bool"),
    "st_contains": _place(shapely.contains, "bool"),
    "st_relate": Function((("geometry", "geometry", "string"),), _relate),
    "before": _periods(lambda a, b, c, d: b < c),  # noqa: ARG005
    "after": _periods(lambda a, b, c, d: a > d),  # noqa: ARG005
    "meets": _periods(lambda a, b, c, d: (b == c) | (a == d)),
    "during": _periods(lambda a, b, c, d: (a >= c) & (b <= d)),
    "overlaps": _periods(lambda a, b, c, d: (a <= d) & (b >= c)),
    "starts": _periods(lambda a, b, c, d: (a == c) & (b <= d)),
    "finishes": _periods(lambda a, b, c, d: (b == d) & (a >= c)),
}
