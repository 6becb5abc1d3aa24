"""What of a condition tells beforehand which readings need not be looked at."""

from __future__ import annotations

from dataclasses import replace

from anlan.sensing.sta.catalogue import Numbers
from anlan.sensing.sta.evaluate import holds
from anlan.sensing.sta.model import MULTI, READING, STREAM
from anlan.sensing.sta.tree import (
    Both,
    Call,
    Field,
    Joined,
    Node,
    Turned,
    Value,
    conditions_of,
    fields_in,
)
from anlan.sensing.sta.view import Entities, View, prefix_of

ALWAYS = (-(1 << 62), 1 << 62)
_TURNED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq"}


def narrowed(view: View, owners: Numbers, node: Node | None) -> tuple[Numbers, Node | None]:
    """Return the streams that conditions about streams leave, and the conditions that are left."""
    rest = []
    for condition in conditions_of(node):
        about = {field.steps[0] for field in fields_in(condition)}
        if about in ({STREAM}, {MULTI}):
            kind = about.pop()
            asked = Entities(view, kind, view.only(kind, owners))
            owners = owners[holds(_stripped(condition), asked)]
        else:
            rest.append(condition)
    left = rest[0] if len(rest) == 1 else Joined("and", tuple(rest), 0) if rest else None
    return owners, left


def _stripped(node: Node) -> Node:
    """Return a condition about a reading's stream as a condition about the stream."""
    match node:
        case Field():
            return Field(node.steps[1:] or ("@iot.id",), node.at)
        case Call():
            return replace(node, args=tuple(_stripped(one) for one in node.args))
        case Joined():
            return replace(node, parts=tuple(_stripped(one) for one in node.parts))
        case Both():
            return replace(node, left=_stripped(node.left), right=_stripped(node.right))
        case Turned():
            return replace(node, inner=_stripped(node.inner))
    return node


def leads_to_many(node: Node) -> bool:
    """Return whether a condition about a reading speaks of many entities."""
    return bool(prefix_of(READING, node))


def period(node: Node | None) -> tuple[int, int]:
    """Return the period outside of which no reading meets a condition: from, and before."""
    first, last = ALWAYS
    for condition in conditions_of(node):
        low, high = _period_of(condition)
        first, last = max(first, low), min(last, high)
    return first, last


def _period_of(node: Node) -> tuple[int, int]:
    match node:
        case Both(operator, Field(("phenomenonTime",)), Value("instant", at)):
            return _from_operator(operator, at)
        case Both(operator, Value("instant", at), Field(("phenomenonTime",))):
            return _from_operator(_TURNED.get(operator, ""), at)
        case Call("before", (Field(("phenomenonTime",)), Value("instant", at))):
            return ALWAYS[0], at
        case Call("after", (Field(("phenomenonTime",)), Value("instant", at))):
            return at + 1, ALWAYS[1]
        case Call("during" | "overlaps", (Field(("phenomenonTime",)), Value("interval", (a, b)))):
            return a, b + 1
    return ALWAYS


def _from_operator(operator: str, at: int) -> tuple[int, int]:
    low, high = ALWAYS
    return {
        "eq": (at, at + 1), "gt": (at + 1, high), "ge": (at, high), "lt": (low, at), "le": (low, at + 1),
    }.get(operator, ALWAYS)  # fmt: skip


def days(first: int, last: int, *, falling: bool) -> list[tuple[int, int]]:
    """Return the periods in which to look, the likeliest first, each twice as long as the one before.

    They begin at midnight UTC, as segments do: none is read for two of them, while they are short.
    """
    day = 86_400_000_000
    edge_first, edge_last = first // day * day, (last // day + 1) * day
    found, width = [], day
    low, high = edge_first, edge_last
    while low < high:
        if falling:
            found.append((max(low, high - width), high))
            high -= width
        else:
            found.append((low, min(high, low + width)))
            low += width
        width *= 2
    return [(max(a, first), min(b, last + 1)) for a, b in found]


def time_order(order: tuple[tuple[Node, bool], ...]) -> int:
    """Return 1 or -1 when readings are wanted by rising or falling time, 0 for another order."""
    if not order:
        return 1
    node, falls = order[0]
    if isinstance(node, Field) and node.steps == ("phenomenonTime",):
        return -1 if falls else 1
    return 0


def only_newest(order: tuple[tuple[Node, bool], ...]) -> bool:
    """Return whether the order is falling time and nothing else."""
    return len(order) == 1 and time_order(order) == -1
