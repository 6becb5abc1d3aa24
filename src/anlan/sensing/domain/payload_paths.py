"""Places in a message, patterns of topics, and texts made of names: the small words of a payload map.

A place counts from the message: ``uplink.time``, ``data[0].v``, ``a."b.c"``.  With a dot before it counts
from what is being looked at: ``.`` itself, ``.v`` in it, ``..ts`` in what it lies in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_STEPS = 32
MAX_TEXT = 200
"""A name, a key or a stream code made of a message is never longer."""

_STEP = re.compile(r'(?:\.|^)(?:"([^"]+)"|([^.\[\]{}"\s]+))|\[(\d{1,6})\]|(\[\])|(\{\})')
_HOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LEVEL = re.compile(r"[+#][A-Za-z_][A-Za-z0-9_]*|[^+#]*")

ITEMS = object()
"""The step to every item of a list."""
MEMBERS = object()
"""The step to every member of an object."""
ABSENT = object()
"""What stands at a place that a message does not have; null is something else."""


class PathMalformedError(ValueError):
    """A text is no place, no pattern of topics or no template."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is being looked at, and what it lies in: the message first, the innermost last."""

    values: tuple[Any, ...]
    member: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """A place in a message: ``up`` levels out (0: from the message), then ``steps``."""

    text: str
    up: int
    steps: tuple[Any, ...]

    def find(self, scope: Scope) -> Any:
        """Return what stands there, or ``ABSENT``."""
        at = scope.values[0] if not self.up else scope.values[max(-self.up, -len(scope.values))]
        for step in self.steps:
            at = _step(at, step)
            if at is ABSENT:
                break
        return at

    def each(self, scope: Scope) -> Iterator[Scope | None]:
        """Yield one scope for everything there; None where the place is absent or of another kind."""
        at = scope.values[0] if not self.up else scope.values[max(-self.up, -len(scope.values))]
        yield from _each(at, self.steps, scope)


def _step(at: Any, step: Any) -> Any:
    if isinstance(step, str):
        return at.get(step, ABSENT) if isinstance(at, dict) else ABSENT
    return at[step] if isinstance(at, list) and step < len(at) else ABSENT


def _each(at: Any, steps: Sequence[Any], scope: Scope) -> Iterator[Scope | None]:
    for number, step in enumerate(steps):
        rest = steps[number + 1 :]
        if step is ITEMS:
            if not isinstance(at, list):
                yield None
                return
            for item in at:
                yield from _each(item, rest, Scope((*scope.values, item), scope.member))
            return
        if step is MEMBERS:
            if not isinstance(at, dict):
                yield None
                return
            for name, item in at.items():
                yield from _each(item, rest, Scope((*scope.values, item), str(name)[:MAX_TEXT]))
            return
        at = _step(at, step)
        if at is ABSENT:
            yield None
            return
    yield scope if at is scope.values[-1] else Scope((*scope.values, at), scope.member)


def path_of(text: str, *, many: bool = False) -> Path:
    """Return the place that a text names; with ``many`` it may hold ``[]`` and ``{}``.

    Raises
    ------
    PathMalformedError
        When it names none.
    """
    bare = text.lstrip(".")
    up = len(text) - len(bare)
    steps: list[Any] = []
    at = 0
    while at < len(bare):
        found = _STEP.match(bare, at)
        if found is None or len(steps) >= MAX_STEPS:
            raise PathMalformedError(text)
        quoted, plain, index, items, members = found.groups()
        if (items or members) and not many:
            raise PathMalformedError(text)
        steps.append(quoted or plain or (int(index) if index else ITEMS if items else MEMBERS))
        at = found.end()
    if not text or (not steps and not up):
        raise PathMalformedError(text)
    return Path(text, up, tuple(steps))


@dataclass(frozen=True, slots=True)
class Template:
    """A text with names in braces: ``{device}-{member}``."""

    text: str
    parts: tuple[tuple[str, str], ...]  # (text before, name), the last name empty
    names: frozenset[str]

    def fill(self, known: Mapping[str, str]) -> str:
        """Return the text with its names filled in."""
        return "".join(before + (known[name] if name else "") for before, name in self.parts)


def template_of(text: str) -> Template:
    """Return the template that a text is.

    Raises
    ------
    PathMalformedError
        When a brace belongs to no name.
    """
    parts: list[tuple[str, str]] = []
    at = 0
    for hole in _HOLE.finditer(text):
        parts.append((text[at : hole.start()], hole.group(1)))
        at = hole.end()
    parts.append((text[at:], ""))
    if any(brace in before for before, _ in parts for brace in "{}"):
        raise PathMalformedError(text)
    return Template(text, tuple(parts), frozenset(name for _, name in parts if name))


@dataclass(frozen=True, slots=True)
class TopicPattern:
    """An MQTT topic filter whose wildcards have names: ``site/+gateway/up``, ``log/#rest``."""

    text: str
    levels: tuple[str, ...]

    @property
    def filter(self) -> str:
        """The filter as a broker takes it."""
        return "/".join(level[0] if level[:1] in {"+", "#"} else level for level in self.levels)

    @property
    def names(self) -> frozenset[str]:
        """The names of its wildcards."""
        return frozenset(level[1:] for level in self.levels if level[:1] in {"+", "#"})

    def parts(self, topic: str) -> dict[str, str] | None:
        """Return what stands for each name in a topic; None when it does not match."""
        sent = topic.split("/")
        if topic.startswith("$") and self.levels[0][:1] in {"+", "#"}:
            return None  # MQTT 3.1.1, 4.7.2: wildcards do not reach a broker's own topics
        found: dict[str, str] = {}
        for number, level in enumerate(self.levels):
            if level[:1] == "#":
                found[level[1:]] = "/".join(sent[number:])
                return found
            if number >= len(sent):
                return None
            if level[:1] == "+":
                found[level[1:]] = sent[number]
            elif level != sent[number]:
                return None
        return found if len(sent) == len(self.levels) else None


def topic_pattern(text: str) -> TopicPattern:
    """Return the pattern that a text is; every wildcard takes a whole level and has a name.

    Raises
    ------
    PathMalformedError
        When it is none.
    """
    levels = tuple(text.split("/"))
    names = [level[1:] for level in levels if level[:1] in {"+", "#"}]
    last = {level for level in levels[:-1] if level.startswith("#")}
    whole = all(_LEVEL.fullmatch(level) for level in levels)
    if not text or not whole or last or len(set(names)) != len(names) or len(text) > MAX_TEXT:
        raise PathMalformedError(text)
    return TopicPattern(text, levels)
