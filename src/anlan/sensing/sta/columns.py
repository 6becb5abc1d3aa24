"""Columns of values that an expression is evaluated over, and what becomes of what is not known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import shapely
from numpy.typing import NDArray

from anlan.sensing.domain.sta_errors import FilterKindError
from anlan.sensing.sta.tree import Kind, Value

TYPES: dict[str, Any] = {
    "number": np.float64, "string": object, "bool": np.bool_, "instant": np.int64,
    "interval": np.int64, "duration": np.int64, "geometry": object, "any": object, "null": object,
}  # fmt: skip
_OF_KIND: dict[str, tuple[type, ...]] = {"number": (int, float), "string": (str,), "bool": (bool,)}


class Column(NamedTuple):
    """Values of one kind, one for each row, or a single one for all.

    An interval is two columns wide.  Where ``known`` is false there is no value.
    """

    kind: Kind
    data: NDArray[Any]
    known: NDArray[np.bool_]

    def take(self, rows: NDArray[np.int64]) -> Column:
        """Return the values of some rows; a negative row has none."""
        if len(self.known) == 1:
            return Column(self.kind, self.data, self.known & (rows >= 0))
        if not len(self.known):
            return nothing(self.kind, len(rows))
        return Column(self.kind, self.data[rows], self.known[rows] & (rows >= 0))


def of_value(value: Value) -> Column:
    """Return a literal as a column of one."""
    data = np.empty((1, 2) if value.kind == "interval" else 1, TYPES[value.kind])
    data[0] = value.value
    return Column(value.kind, data, np.array([value.kind != "null"]))


def nothing(kind: Kind, rows: int) -> Column:
    """Return a column that knows no value."""
    shape = (rows, 2) if kind == "interval" else rows
    return Column(kind, np.zeros(shape, TYPES[kind]), np.zeros(rows, bool))


def column_of(kind: Kind, values: Sequence[Any]) -> Column:
    """Return values as a column; None stands for none."""
    known = np.array([value is not None for value in values], bool)
    found = nothing(kind, len(values))
    if kind in {"string", "any", "geometry"}:
        found.data[:] = objects(values)
    else:
        filler = (0, 0) if kind == "interval" else 0
        filled = [filler if value is None else value for value in values]
        found.data[:] = np.array(filled, TYPES[kind]).reshape(found.data.shape)
    return Column(kind, found.data, known)


def objects(values: Sequence[Any]) -> NDArray[np.object_]:
    """Return an array of objects, none of which is taken apart."""
    found = np.empty(len(values), object)
    for place, value in enumerate(values):
        found[place] = value
    return found


def truth(data: NDArray[Any], known: NDArray[np.bool_]) -> Column:
    """Return conditions as a column."""
    return Column("bool", np.asarray(data, bool), known)


def each(
    function: Callable[..., Any], columns: Sequence[Column], kind: Kind, *, filler: Any = None
) -> Column:
    """Return what a function of Python makes of each row; None where it makes nothing."""
    known = columns[0].known
    for column in columns[1:]:
        known = known & column.known
    lists = [np.broadcast_to(column.data, known.shape).tolist() for column in columns]
    values = [
        function(*row) if there else filler
        for there, row in zip(known.tolist(), zip(*lists, strict=True), strict=True)
    ]
    return column_of(kind, values)


def as_kind(column: Column, kind: Kind, *, name: str, at: int) -> Column:
    """Return a column as one of ``kind``: a JSON value of another kind is none.

    Raises
    ------
    FilterKindError
        When it is of another kind altogether.
    """
    if column.kind == kind:
        return column
    if column.kind == "null":
        return Column(kind, nothing(kind, 1).data, column.known)
    if column.kind == "interval" and kind == "instant":
        return Column("instant", column.data[:, 0], column.known)
    if column.kind != "any":
        raise FilterKindError(at=at, name=name, kind=column.kind)
    if kind == "geometry":
        return column_of("geometry", [geometry_in(value) for value in column.data.tolist()])
    wanted = _OF_KIND.get(kind)
    if wanted is None:
        raise FilterKindError(at=at, name=name, kind=f"JSON, {kind} asked")
    return column_of(kind, [_only(value, wanted) for value in column.data.tolist()])


def _only(value: Any, wanted: tuple[type, ...]) -> Any:
    """Return a value of one of the types; a condition is no number, though Python says so."""
    fits = isinstance(value, wanted) and isinstance(value, bool) == (bool in wanted)
    return value if fits else None


def geometry_in(value: Any) -> shapely.Geometry | None:
    """Return the geometry that a GeoJSON value is or holds, if any."""
    import msgspec

    if isinstance(value, dict) and isinstance(value.get("geometry"), dict):
        value = value["geometry"]
    if not isinstance(value, dict):
        return None
    try:
        return cast("shapely.Geometry", shapely.from_geojson(msgspec.json.encode(value)))
    except (shapely.errors.GEOSException, ValueError):
        return None
