"""From the words of an expression to its tree.

Operators bind as in OData 4: ``or`` least, then ``and``, equality, comparison, sum, product, and
``not`` and minus most.  Depth and number of nodes are bounded, so that whoever walks a tree may recurse.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import shapely

from anlan.sensing.domain.sta_errors import FilterSyntaxError, FilterTooComplexError
from anlan.sensing.sta import times
from anlan.sensing.sta.lexer import Word, words_of
from anlan.sensing.sta.tree import Both, Call, Field, Joined, Kind, Node, Turned, Value

DEEPEST = 40
MOST_NODES = 400
MOST_ARGUMENTS = 3
MOST_ORDERS = 10
"""Keys of one order: the rows are sorted by each."""
BINDING = {
    "or": 1, "and": 2, "eq": 3, "ne": 3, "gt": 4, "ge": 4, "lt": 4, "le": 4,
    "add": 5, "sub": 5, "mul": 6, "div": 6, "divby": 6, "mod": 6,
}  # fmt: skip
CONSTANTS = {"true": ("bool", True), "false": ("bool", False), "null": ("null", None)}


def parse(text: str) -> Node:
    """Return the tree of an expression.

    Raises
    ------
    FilterSyntaxError
        With the place at which it is wrong.
    FilterTooComplexError
        When it is too long or too deep.
    """
    reading = _Reading(text)
    node = reading.expression(0, 0)
    reading.expect_end()
    return node


def parse_order(text: str) -> list[tuple[Node, bool]]:
    """Return what to order by, each with whether it falls.

    Raises
    ------
    FilterSyntaxError, FilterTooComplexError
        As :func:`parse`.
    """
    reading = _Reading(text)
    found = []
    while True:
        node = reading.expression(0, 0)
        way = reading.take() if reading.next.text.lower() in {"asc", "desc"} else None
        found.append((node, way is not None and way.text.lower() == "desc"))
        if len(found) > MOST_ORDERS:
            raise FilterTooComplexError(limit=f"{MOST_ORDERS} keys of an order")
        if reading.next.text != ",":
            reading.expect_end()
            return found
        reading.take()


class _Reading:
    """One pass over the words."""

    def __init__(self, text: str) -> None:
        self.words = words_of(text)
        self.place = 0
        self.nodes = 0

    @property
    def next(self) -> Word:
        """The word that comes."""
        return self.words[self.place]

    def take(self) -> Word:
        """Pass over the word that comes."""
        word = self.next
        self.place += 1
        return word

    def expect(self, text: str) -> Word:
        """Pass over a certain mark."""
        if self.next.text != text:
            raise FilterSyntaxError(at=self.next.at, problem=f"{text} is missing")
        return self.take()

    def expect_end(self) -> None:
        """Say that nothing more may come."""
        if self.next.kind != "end":
            raise FilterSyntaxError(at=self.next.at, problem=f"{self.next.text} is too much")

    def expression(self, least: int, depth: int) -> Node:
        """Return an expression whose operators bind more than ``least``."""
        if depth > DEEPEST:
            raise FilterTooComplexError(limit=f"{DEEPEST} levels")
        left = self.operand(depth)
        height = depth
        while (strength := BINDING.get(self.next.text.lower(), 0)) > least:
            height += 1
            operator = self.take()
            right = self.expression(strength, depth + 1)
            left = self.joined(operator, left, right)
            if height > DEEPEST and not isinstance(left, Joined):
                raise FilterTooComplexError(limit=f"{DEEPEST} levels")
        return left

    def joined(self, word: Word, left: Node, right: Node) -> Node:
        """Return two operands with the operator between them."""
        operator = word.text.lower()
        self.counted()
        if operator not in {"and", "or"}:
            return Both(operator, left, right, word.at)
        if isinstance(left, Joined) and left.operator == operator:
            return Joined(operator, (*left.parts, right), left.at)
        return Joined(operator, (left, right), word.at)

    def counted(self) -> None:
        """Count a node."""
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise FilterTooComplexError(limit=f"{MOST_NODES} parts")

    def operand(self, depth: int) -> Node:
        """Return what stands between operators."""
        self.counted()
        word = self.take()
        if word.text == "(":
            inner = self.expression(0, depth + 1)
            self.expect(")")
            return inner
        if word.text == "-" or word.text.lower() == "not":
            if depth >= DEEPEST:
                raise FilterTooComplexError(limit=f"{DEEPEST} levels")
            return Turned("-" if word.text == "-" else "not", self.operand(depth + 1), word.at)
        if word.kind == "name":
            return self.named(word, depth)
        return value_of(word)

    def named(self, word: Word, depth: int) -> Node:
        """Return a constant, a function with its arguments, or a property."""
        if word.text.lower() in CONSTANTS:
            kind, value = CONSTANTS[word.text.lower()]
            return Value(kind, value, word.at)  # type: ignore[arg-type]
        if self.next.text != "(":
            path = word.text.replace("[", "/").replace("]", "")  # result[0] is result/0
            return Field(tuple(path.split("/")), word.at)
        self.take()
        args: list[Node] = []
        while self.next.text != ")":
            if args:
                self.expect(",")
            args.append(self.expression(0, depth + 1))
            if len(args) > MOST_ARGUMENTS:
                raise FilterSyntaxError(at=self.next.at, problem="too many arguments")
        self.take()
        return Call(word.text.lower(), tuple(args), word.at)


def value_of(word: Word) -> Value:
    """Return a literal.

    Raises
    ------
    FilterSyntaxError
        When it is none, or says nothing that can be.
    """
    make = _MAKES.get(word.kind)
    if make is None:
        raise FilterSyntaxError(at=word.at, problem=f"{word.text or 'the end'} stands for no value")
    kind, of = make
    try:
        return Value(kind, of(word.text), word.at)
    except (ValueError, OverflowError) as error:
        raise FilterSyntaxError(at=word.at, problem=str(error)) from None


def _number(text: str) -> float:
    found = float(text)
    if math.isinf(found):
        raise ValueError("the number is too large")
    return found


def geometry_of(text: str) -> shapely.Geometry:
    """Return ``geography'WKT'``, with or without an SRID, which must be that of WGS-84.

    Raises
    ------
    ValueError
        When it is no geometry.
    """
    inside = text.partition("'")[2][:-1]
    srid, mark, wkt = inside.rpartition(";")
    if mark and srid.upper() != "SRID=4326":
        raise ValueError("coordinates are WGS-84 (SRID 4326), longitude first")
    try:
        with np.errstate(all="ignore"):
            found = shapely.from_wkt(wkt)
    except (shapely.errors.ShapelyError, NotImplementedError):
        raise ValueError("no well-known text of a geometry that is known here") from None
    if not np.isfinite(shapely.get_coordinates(found)).all():
        raise ValueError("a coordinate is no number")
    return found


_MAKES: dict[str, tuple[Kind, Callable[[str], Any]]] = {
    "string": ("string", lambda text: text[1:-1].replace("''", "'")),
    "clock": ("string", str),
    "number": ("number", _number),
    "instant": ("instant", times.instant_us),
    "period": ("interval", times.period_us),
    "duration": ("duration", lambda text: times.span_us(text[9:-1])),
    "geometry": ("geometry", geometry_of),
}
