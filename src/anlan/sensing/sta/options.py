"""What is asked of a set beside its path: the ``$`` options, also those within ``$expand``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anlan.sensing.domain.sta_errors import FilterTooComplexError, NameUnknownError, OptionError
from anlan.sensing.sta.model import BASIC, IDS, KINDS, relation
from anlan.sensing.sta.parser import parse, parse_order
from anlan.sensing.sta.tree import Node

DEFAULT_TOP = 100
MOST_EXPANDED = 8
"""Levels of ``$expand`` within each other."""
MOST_RELATIONS = 40
LONGEST = 8000
LARGEST = 1_000_000_000
KNOWN = frozenset(
    {"$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$count", "$resultFormat"}
)


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked of the entities of one kind."""

    filter: Node | None = None
    order: tuple[tuple[Node, bool], ...] = ()
    select: tuple[str, ...] | None = None
    expand: tuple[tuple[str, Options], ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    arrays: bool = False
    text: tuple[tuple[str, str], ...] = ()  # as it was sent, for the link to the next page

    def rows(self, page: int) -> int:
        """Return how many entities a page has at most."""
        return min(DEFAULT_TOP if self.top is None else self.top, page)


def window(
    owners: NDArray[np.int64], skip: int, rows: int
) -> tuple[NDArray[np.bool_], dict[int, int], set[int]]:
    """Return which of the entities, sorted by whose they are, make up the page of each owner.

    Also how many each owner has, and who has more than the page.
    """
    if not len(owners):
        return np.zeros(0, bool), {}, set()
    starts = np.flatnonzero(np.append(True, owners[1:] != owners[:-1]))
    counts = np.diff(np.append(starts, len(owners)))
    place = np.arange(len(owners)) - np.repeat(starts, counts)
    numbers = dict(zip(owners[starts].tolist(), counts.tolist(), strict=True))
    more = {owner for owner, count in numbers.items() if count > skip + rows}
    return (place >= skip) & (place < skip + rows), numbers, more


def options_of(kind: str, given: Mapping[str, str]) -> Options:
    """Return the options of a request for entities of a kind.

    Raises
    ------
    QueryError
        When one of them cannot be understood.
    """
    unknown = [name for name in given if name.startswith("$") and name not in KNOWN]
    if unknown:
        raise OptionError(option=unknown[0][:40], problem="unknown")
    return _Options(kind, 0, [0]).read(given)


class _Options:
    """Reads options at one level of ``$expand``."""

    def __init__(self, kind: str, depth: int, counted: list[int]) -> None:
        self.kind = kind
        self.depth = depth
        self.counted = counted

    def read(self, given: Mapping[str, str]) -> Options:
        """Return all of them."""
        wanted = given.get("$resultFormat", "")
        if wanted not in {"", "dataArray"}:
            raise OptionError(option="$resultFormat", problem="dataArray is the only one")
        order = parse_order(given["$orderby"]) if given.get("$orderby") else ()
        return Options(
            filter=parse(given["$filter"]) if given.get("$filter") else None,
            order=tuple(order),
            select=self.selected(given["$select"]) if given.get("$select") else None,
            expand=self.expanded(given.get("$expand", "")),
            top=_whole("$top", given["$top"]) if "$top" in given else None,
            skip=_whole("$skip", given.get("$skip", "0")),
            count=_yes(given.get("$count", "false")),
            arrays=wanted == "dataArray",
            text=tuple((name, value) for name, value in given.items() if name != "$skip"),
        )

    def selected(self, text: str) -> tuple[str, ...]:
        """Return the properties and relations that are asked for."""
        found = []
        for part in split(text, ",", "$select"):
            name = part.split("/")[0]
            if name not in (*BASIC[self.kind], *IDS, *KINDS[self.kind].relations):
                raise NameUnknownError(of=self.kind, name=name[:80])
            found.append("@iot.id" if name == "id" else name)
        return tuple(found)

    def expanded(self, text: str) -> tuple[tuple[str, Options], ...]:
        """Return the relations to show with their own options; ``A/B`` is A with B within."""
        found: dict[str, Options] = {}
        for part in split(text, ",", "$expand"):
            self.counted[0] += 1
            if self.depth >= MOST_EXPANDED or self.counted[0] > MOST_RELATIONS:
                raise FilterTooComplexError(
                    limit=f"{MOST_EXPANDED} levels, {MOST_RELATIONS} relations in $expand"
                )
            path, inside = _with_options(part)
            name, _, rest = path.partition("/")
            target = relation(self.kind, name).kind
            within = _Options(target, self.depth + 1, self.counted)
            options = within.read(
                {"$expand": f"{rest}({inside})" if inside else rest} if rest else _named(inside)
            )
            if name in found and found[name] != options:
                options = _merged(found[name], options)
            found[name] = options
        return tuple(found.items())


def _merged(left: Options, right: Options) -> Options:
    """Return two wishes for one relation as one: ``A/B,A/C`` shows both."""
    if (left.text and left.text[0][0] != "$expand") or (
        right.text and right.text[0][0] != "$expand"
    ):
        raise OptionError(option="$expand", problem="a relation is named twice")
    return Options(expand=(*left.expand, *right.expand))


def _with_options(text: str) -> tuple[str, str]:
    path, mark, rest = text.partition("(")
    if mark and not rest.endswith(")"):
        raise OptionError(option="$expand", problem="a bracket is not closed")
    return path.strip(), rest[:-1].strip()


def _named(text: str) -> dict[str, str]:
    found = {}
    for part in split(text, ";", "$expand"):
        name, mark, value = part.partition("=")
        if not mark or name.strip() not in KNOWN:
            raise OptionError(option="$expand", problem=f"{name[:40]} is no option")
        found[name.strip()] = value.strip()
    return found


def split(text: str, mark: str, option: str) -> Iterator[str]:
    """Yield the parts between marks that stand in no bracket and no quotes.

    Raises
    ------
    OptionError
        When a part is empty, a bracket or a quote is not closed, or the whole is too long.
    """
    if len(text) > LONGEST:
        raise OptionError(option=option, problem=f"longer than {LONGEST} characters")
    if not text.strip():
        return
    depth, quoted, start = 0, False, 0
    for place, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif not quoted:
            depth += (letter == "(") - (letter == ")")
            if letter == mark and depth == 0:
                yield _part(text[start:place], option)
                start = place + 1
        if depth < 0:
            break
    if depth or quoted:
        raise OptionError(option=option, problem="a bracket or a quote is not closed")
    yield _part(text[start:], option)


def _part(text: str, option: str) -> str:
    if not text.strip():
        raise OptionError(option=option, problem="an empty part")
    return text.strip()


def _whole(option: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= LARGEST):
        raise OptionError(option=option, problem=f"a whole number from 0 to {LARGEST} is wanted")
    return int(text)


def _yes(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise OptionError(option="$count", problem="true or false is wanted")
    return text.lower() == "true"
