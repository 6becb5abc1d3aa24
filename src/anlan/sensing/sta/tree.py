"""An expression as a tree: what a filter or an order says, before anybody looks at data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal[
    "number", "string", "bool", "instant", "interval", "duration", "geometry", "any", "null"
]


@dataclass(frozen=True, slots=True)
class Value:
    """A literal; instants and durations in µs, an interval as a pair of them."""

    kind: Kind
    value: Any
    at: int


@dataclass(frozen=True, slots=True)
class Field:
    """A property, by the steps that lead to it: ``Thing/Locations/location``."""

    steps: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the standard."""

    name: str
    args: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Both:
    """An operator between two operands."""

    operator: str
    left: Node
    right: Node
    at: int


@dataclass(frozen=True, slots=True)
class Joined:
    """``and`` or ``or`` between any number of conditions, so that long lists stay flat."""

    operator: str
    parts: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Turned:
    """``not`` or a minus sign before an operand."""

    operator: str
    inner: Node
    at: int


Node = Value | Field | Call | Both | Joined | Turned


def parts_of(node: Node) -> tuple[Node, ...]:
    """Return what a node is made of."""
    match node:
        case Call():
            return node.args
        case Joined():
            return node.parts
        case Both():
            return (node.left, node.right)
        case Turned():
            return (node.inner,)
        case _:
            return ()


def fields_in(node: Node) -> Iterator[Field]:
    """Return every property that an expression speaks of."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Field):
            yield one
        waiting.extend(parts_of(one))


def conditions_of(node: Node | None) -> tuple[Node, ...]:
    """Return the conditions that must all hold."""
    if node is None:
        return ()
    if isinstance(node, Joined) and node.operator == "and":
        return tuple(one for part in node.parts for one in conditions_of(part))
    return (node,)
