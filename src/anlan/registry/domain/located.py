"""YAML as text with places: every value knows its line, and nothing is executed.

The subset is that of YAML 1.2's failsafe schema plus ``null``: a plain value is
text, and the pack schema decides whether it is a number or a date.  So a code
such as ``410100`` needs no quotes and ``on`` is never a truth value.  Aliases,
tags, several documents, very deep or very large files are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from anlan.registry.domain.findings import Finding, finding

MAX_YAML_BYTES = 5_000_000
MAX_DEPTH = 40
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the line on which it starts; keys of a mapping have lines of their own."""

    line: int
    value: str | list[Node] | dict[str, Node] | None
    key_lines: dict[str, int] | None = None

    def plain(self) -> object:
        """Return the value as nested lists, dicts, text and None."""
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        return self.value

    def line_of(self, path: tuple[str | int, ...]) -> int:
        """Return the line of the value at ``path``, or of the nearest one above it."""
        here, line = self, self.line
        for step in path:
            if isinstance(here.value, dict) and isinstance(step, str) and step in here.value:
                line = (here.key_lines or {}).get(step, here.line)
                here = here.value[step]
            elif isinstance(here.value, list) and isinstance(step, int) and step < len(here.value):
                here = here.value[step]
                line = here.line
            else:
                break
        return line


class _RefusedError(Exception):
    """Internal: the events hold something that packs may not contain."""

    def __init__(self, found: Finding) -> None:
        super().__init__(found.code)
        self.found = found


def read_yaml(path: Path, file: str) -> tuple[Node | None, list[Finding]]:
    """Return the document in ``path`` and what is wrong with it; never raises on bad content."""
    size = path.stat().st_size
    if size > MAX_YAML_BYTES:
        return None, [finding("file.too_large", file, 0, size=size, limit=MAX_YAML_BYTES)]
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return None, [finding("file.encoding", file, raw.count(b"\n", 0, error.start) + 1)]
    try:
        return _Builder(file).document(yaml.parse(text, Loader=_Loader)), []
    except _RefusedError as refusal:
        return None, [refusal.found]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        return None, [finding("file.syntax", file, line, problem=error.problem or "")]
    except yaml.YAMLError as error:
        place = getattr(error, "position", None)
        line = text.count("\n", 0, place) + 1 if isinstance(place, int) else 0
        return None, [finding("file.syntax", file, line, problem=_first_line(error))]


def _first_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error)).strip()


class _Builder:
    """Builds nodes from parse events, so that nothing but text can come out."""

    def __init__(self, file: str) -> None:
        self.file = file

    def refuse(self, code: str, event: yaml.Event, **params: object) -> _RefusedError:
        return _RefusedError(finding(code, self.file, _line(event), **params))

    def document(self, events: Iterator[yaml.Event]) -> Node:
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self.refuse("yaml.documents", event)
                root = self.node(next(events), events, 0)
        return root if root is not None else Node(line=1, value=None)

    def node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self.refuse("yaml.alias", event)
        if depth > MAX_DEPTH:
            raise self.refuse("yaml.depth", event, limit=MAX_DEPTH)
        if (tag := getattr(event, "tag", None)) not in (None, "!"):
            raise self.refuse("yaml.tag", event, tag=tag)
        if isinstance(event, yaml.ScalarEvent):
            return Node(line=line, value=_scalar(event))
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(line, events, depth)
        return self.mapping(line, events, depth)

    def sequence(self, line: int, events: Iterator[yaml.Event], depth: int) -> Node:
        items: list[Node] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self.node(event, events, depth + 1))
        return Node(line=line, value=items)

    def mapping(self, line: int, events: Iterator[yaml.Event], depth: int) -> Node:
        found: dict[str, Node] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self.node(event, events, depth + 1)
            if not isinstance(key.value, str):
                raise self.refuse("yaml.key", event)
            if key.value in found:
                raise self.refuse("yaml.duplicate_key", event, key=key.value)
            lines[key.value] = key.line
            found[key.value] = self.node(next(events), events, depth + 1)
        return Node(line=line, value=found, key_lines=lines)


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return mark.line + 1 if mark else 0


def _scalar(event: yaml.ScalarEvent) -> str | None:
    plain = not event.style
    return None if plain and event.value in _NULLS else str(event.value)
