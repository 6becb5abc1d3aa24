"""Evaluating an expression over columns.

One evaluator serves every entity set, on both databases alike (``docs/adr/0016``).  A comparison with
what is not known is false, ``ne`` is true, as in OData 4.01; a condition that stays unknown does
not hold.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Protocol, cast

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from anlan.sensing.domain.sta_errors import FilterKindError, NameUnknownError
from anlan.sensing.sta.columns import Column, as_kind, each, of_value, truth
from anlan.sensing.sta.functions import FUNCTIONS, ends_of
from anlan.sensing.sta.tree import Both, Call, Field, Joined, Kind, Node, Turned, Value

COMPARED = {"eq", "ne", "gt", "ge", "lt", "le"}
_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply,
    "div": np.divide, "divby": np.divide, "mod": np.fmod,
}  # fmt: skip
_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq, "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le,
}  # fmt: skip
_TIMES: dict[tuple[str, str, str], Kind] = {
    ("instant", "add", "duration"): "instant",
    ("duration", "add", "instant"): "instant",
    ("instant", "sub", "duration"): "instant",
    ("instant", "sub", "instant"): "duration",
    ("duration", "add", "duration"): "duration",
    ("duration", "sub", "duration"): "duration",
}


PLAIN, COMPARED_BY, CALLED, SORTING = 3, 10, 30, 60
"""Steps for each row, about 10 ns each: a column, an operator, a function, a key of an order."""


def weight_of(node: Node) -> int:
    """Return about how many steps a node takes for each row, without what is within it."""
    if isinstance(node, Field):
        return PLAIN if len(node.steps) == 1 else COMPARED_BY * len(node.steps)
    if not isinstance(node, Call):
        return COMPARED_BY if isinstance(node, Both) else PLAIN
    shapes = (arg.value for arg in node.args if isinstance(arg, Value) and arg.kind == "geometry")
    return CALLED + sum(2 * len(shapely.get_coordinates(shape)) for shape in shapes)


class Scope(Protocol):
    """Rows of entities that an expression is asked of."""

    @property
    def size(self) -> int:
        """How many rows there are."""

    @property
    def now_us(self) -> int:
        """The instant at which is asked."""

    def column(self, field: Field) -> Column:
        """Return a property of every row."""

    def spend(self, steps: int) -> None:
        """Count what is about to be reckoned.

        Raises
        ------
        TooWideError
            When the question has had its share.
        """

    def spread(self, node: Node) -> tuple[Scope, NDArray[np.int64]] | None:
        """Return a row for each related entity and whose it is, when the condition asks of many."""


def holds(node: Node, scope: Scope) -> NDArray[np.bool_]:
    """Return for which rows a condition holds."""
    with np.errstate(all="ignore"):
        found = _condition(node, scope)
    return np.broadcast_to(found.data & found.known, scope.size)


def values(node: Node, scope: Scope) -> Column:
    """Return what an expression is for every row."""
    with np.errstate(all="ignore"):
        return evaluate(node, scope)


def evaluate(node: Node, scope: Scope) -> Column:
    """Return the column that a node stands for."""
    scope.spend(weight_of(node) * scope.size)
    match node:
        case Value():
            found = of_value(node)
        case Field():
            found = scope.column(node)
        case Call():
            found = _called(node, scope)
        case Joined():
            found = _joined(node, scope)
        case Turned():
            found = _turned(node, scope)
        case Both():
            left, right = evaluate(node.left, scope), evaluate(node.right, scope)
            found = (_compared if node.operator in COMPARED else _reckoned)(node, left, right)
    return found


def _turned(node: Turned, scope: Scope) -> Column:
    if node.operator == "not":
        condition = _condition(node.inner, scope)
        return truth(~condition.data, condition.known)
    inner = evaluate(node.inner, scope)
    if inner.kind == "duration":
        return Column("duration", -inner.data, inner.known)
    inner = as_kind(inner, "number", name="-", at=node.at)
    return Column("number", -inner.data, inner.known)


def _condition(node: Node, scope: Scope) -> Column:
    """Return a condition; one about related entities holds when it holds for any of them."""
    if not isinstance(node, Joined | Turned):
        spread = scope.spread(node)
        if spread is not None:
            inner, owners = spread
            of_each = _condition(node, inner)
            hits = np.broadcast_to(of_each.data & of_each.known, inner.size)
            found = np.zeros(scope.size, bool)
            found[owners[hits]] = True
            return truth(found, np.ones(scope.size, bool))
    return as_kind(evaluate(node, scope), "bool", name="condition", at=node.at)


def _joined(node: Joined, scope: Scope) -> Column:
    """Join conditions: what is not known spoils the whole only where it would decide it."""
    deciding = node.operator == "or"
    decided, all_known = np.zeros(1, bool), np.ones(1, bool)
    for part in node.parts:
        one = _condition(part, scope)
        decided = decided | (one.known & (one.data == deciding))
        all_known = all_known & one.known
    data = decided if deciding else all_known & ~decided
    return truth(data, decided | all_known)


def _called(node: Call, scope: Scope) -> Column:
    if node.name == "now" and not node.args:
        return of_value(Value("instant", scope.now_us, node.at))
    function = FUNCTIONS.get(node.name)
    if function is None:
        raise NameUnknownError(of="the standard", name=node.name)
    takes = next((one for one in function.takes if len(one) == len(node.args)), None)
    if takes is None:
        raise FilterKindError(at=node.at, name=node.name, kind=f"{len(node.args)} arguments")
    columns = []
    for kind, arg in zip(takes, node.args, strict=True):
        found = evaluate(arg, scope)
        if kind == "interval" and found.kind in {"instant", "interval"}:
            columns.append(found)
        else:
            columns.append(as_kind(found, kind, name=node.name, at=arg.at))
    try:
        return function.work(columns)
    except shapely.errors.ShapelyError:  # it contradicts itself, as one that crosses itself
        raise FilterKindError(at=node.at, name=node.name, kind="such a geometry") from None


def _reckoned(node: Both, left: Column, right: Column) -> Column:
    name = node.operator
    kind = _TIMES.get((left.kind, name, right.kind))
    known = left.known & right.known
    if kind is not None:
        data = left.data + right.data if name == "add" else left.data - right.data
        return Column(kind, data, known)
    if left.kind == "duration" and name in {"mul", "div"} and right.kind == "number":
        scaled = _NUMBERS[name](left.data, right.data)
        known = known & (np.abs(scaled) < 2**62)
        return Column("duration", np.where(known, scaled, 0).astype(np.int64), known)
    a = as_kind(left, "number", name=name, at=node.at)
    b = as_kind(right, "number", name=name, at=node.at)
    found = np.asarray(_NUMBERS[name](a.data, b.data), np.float64)
    return Column("number", found, a.known & b.known & np.isfinite(found))


def _compared(node: Both, left: Column, right: Column) -> Column:
    left, right = _alike(node, left, right)
    both = left.known & right.known
    always = np.ones(both.shape, bool)
    if node.operator in {"eq", "ne"}:
        same = both & _ordered("eq", left, right, node) | (~left.known & ~right.known)
        return truth(same if node.operator == "eq" else ~same, always)
    return truth(both & _ordered(node.operator, left, right, node), always)


def _alike(node: Both, left: Column, right: Column) -> tuple[Column, Column]:
    """Return both sides as one kind, or as what can be compared with each other."""
    if left.kind == right.kind or {left.kind, right.kind} <= {"instant", "interval"}:
        return left, right
    if left.kind in {"any", "null"} and right.kind != "null":
        return as_kind(left, right.kind, name=node.operator, at=node.at), right
    return left, as_kind(right, left.kind, name=node.operator, at=node.at)


def _ordered(name: str, left: Column, right: Column, node: Both) -> NDArray[np.bool_]:
    """Return a comparison, whatever lies where there is no value."""
    if "interval" in {left.kind, right.kind}:
        return _periods_ordered(name, left, right)
    if left.kind == "geometry":
        if name != "eq":
            raise FilterKindError(at=node.at, name=node.operator, kind="geometry")
        return each(_same_place, [left, right], "bool").data
    if left.kind == "string" and name == "eq":
        return np.asarray(np.equal(left.data, right.data), bool)
    if left.kind in {"any", "string", "null"}:
        return each(lambda a, b: _of_objects(name, a, b), [left, right], "bool", filler=False).data
    return cast("NDArray[np.bool_]", _ORDERS[name](left.data, right.data))


def _same_place(left: shapely.Geometry, right: shapely.Geometry) -> bool:
    try:
        return bool(left.equals(right))
    except shapely.errors.ShapelyError:
        return False


def _of_objects(name: str, left: Any, right: Any) -> bool:
    try:
        return bool(_ORDERS[name](left, right))
    except TypeError:  # a text is neither more nor less than a number
        return False


def _periods_ordered(name: str, left: Column, right: Column) -> NDArray[np.bool_]:
    """One period is less than another when it ends before that begins."""
    (a, b), (c, d) = ends_of(left), ends_of(right)
    match name:
        case "eq":
            found = (a == c) & (b == d)
        case "lt":
            found = b <= c
        case "gt":
            found = a >= d
        case "le":
            found = (a <= c) & (b <= d)
        case _:
            found = (a >= c) & (b >= d)
    return cast("NDArray[np.bool_]", found)


def ranks(order: tuple[tuple[Node, bool], ...], scope: Scope) -> list[NDArray[Any]]:
    """Return keys to sort by, the last one first; what is not known comes last."""
    found: list[NDArray[Any]] = []
    for node, falls in reversed(order):
        scope.spend(SORTING * scope.size)
        column = values(node, scope)
        data = np.broadcast_to(column.data, (scope.size, *column.data.shape[1:]))
        known = np.broadcast_to(column.known, scope.size)
        if data.ndim > 1:
            data = data[:, 0]
        if data.dtype == object:
            # As a list: an array of texts would make room for the longest in every row.
            texts = [_sortable(value) for value in data.tolist()]
            place = {text: number for number, text in enumerate(sorted(set(texts)))}
            data = np.array([place[text] for text in texts], np.int64)
        rank = data.astype(np.int64) if data.dtype == bool else data
        found += [-rank if falls else rank, ~known]
    return found


def _sortable(value: Any) -> str:
    if isinstance(value, str):
        return value
    return (
        msgspec.json.encode(value).decode() if isinstance(value, dict | list | float | int) else ""
    )
