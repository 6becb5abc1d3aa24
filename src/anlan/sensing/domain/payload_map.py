"""A payload map (报文映射): what a message of somebody else's shape says, written down as data.

A map is a TOML file; ``docs/reference/payload-maps.md`` describes it.  It is checked whole when
it is read, so that a message meets no fault of the map.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

import msgspec

from anlan.sensing.domain.connector_errors import MapWrongError
from anlan.sensing.domain.observations import Quality
from anlan.sensing.domain.payload_paths import (
    Path,
    PathMalformedError,
    Template,
    TopicPattern,
    path_of,
    template_of,
    topic_pattern,
)
from anlan.sensing.domain.payload_spec import MapSpec, RowsSpec, TimeSpec, ValueSpec, WordSpec

MAX_MAP_BYTES = 1024 * 1024
MAX_ROW_KINDS = 64
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<place>.*)`)?$", re.DOTALL)
_QUOTED = re.compile(r"`([^`]*)`")


def may_name(text: str) -> bool:
    """Return whether a map may be called so: its name is that of a file."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class TimeRule:
    """A :class:`TimeSpec` made ready; without a path the time is when the message came in."""

    path: Path | None
    form: str = "iso"
    pattern: str = ""
    zone: ZoneInfo | None = None
    otherwise_now: bool = False


@dataclass(frozen=True, slots=True)
class ValueRule:
    """A :class:`ValueSpec` made ready."""

    path: Path
    factor: float = 1.0
    offset: float = 0.0
    words: Mapping[str, float] = field(default_factory=dict)
    missing_texts: frozenset[str] = frozenset()
    missing_numbers: frozenset[float] = frozenset()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class WordRule:
    """A :class:`WordSpec` made ready; without a path it is ``constant`` for every row."""

    constant: str = ""
    path: Path | None = None
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowRule:
    """A :class:`RowsSpec` made ready."""

    each: Path | None
    stream: Template
    time: TimeRule
    value: ValueRule
    quality: WordRule
    unit: WordRule
    names: Mapping[str, Path]
    skip: frozenset[str]


@dataclass(frozen=True)
class PayloadMap:
    """A payload map that is whole: everything that a message is read by."""

    spec: MapSpec
    topic: TopicPattern | None
    names: Mapping[str, Path]
    key: Template | None
    rules: tuple[RowRule, ...]

    @property
    def id(self) -> str:
        """The map's short name, that of its file."""
        return self.spec.id

    @cached_property
    def key_names(self) -> Mapping[str, Path]:
        """Where the names of the message's key stand."""
        asked = self.key.names if self.key else frozenset()
        return {name: path for name, path in self.names.items() if name in asked}


def map_from_toml(text: str, *, name: str = "") -> PayloadMap:
    """Return the map that a file holds; ``name`` is what to call it while its own is unknown.

    Raises
    ------
    MapWrongError
        With the place of the first thing that is wrong, and what.
    """
    if len(text) > MAX_MAP_BYTES:
        raise MapWrongError("connector.map_unreadable", map_id=name, problem="> 1 MiB")
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MapWrongError("connector.map_unreadable", map_id=name, problem=str(error)) from None
    name = str(found.get("id", name))[:50]
    try:
        spec = msgspec.convert(found, MapSpec)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _schema_fault(str(error), name) from None
    return _compiled(spec)


def _schema_fault(text: str, name: str) -> MapWrongError:
    """Return msgspec's finding as one of ours: which place, which word, what was wanted."""
    found = _PLACE.match(text)
    place, what = (found["place"] or "", found["what"]) if found else ("", text)
    word = _QUOTED.search(what)
    if "unknown field" in what and word:
        return MapWrongError(
            "connector.field_unknown", map_id=name, place=place, field=word.group(1)
        )
    if "missing required field" in what and word:
        return MapWrongError(
            "connector.field_missing", map_id=name, place=place, field=word.group(1)
        )
    return MapWrongError("connector.field_wrong", map_id=name, place=place, problem=what)


class _Reader:
    """Makes the parts of one map ready, and names map and place when one cannot be."""

    def __init__(self, spec: MapSpec) -> None:
        self.spec = spec

    def wrong(self, code: str, place: str, text: str = "") -> MapWrongError:
        return MapWrongError(code, map_id=self.spec.id, place=place, text=text)

    def path(self, text: str, place: str, *, many: bool = False) -> Path:
        try:
            return path_of(text, many=many)
        except PathMalformedError:
            raise self.wrong("connector.path_malformed", place, text) from None

    def template(self, text: str, place: str, known: frozenset[str]) -> Template:
        try:
            found = template_of(text)
        except PathMalformedError:
            raise self.wrong("connector.template_malformed", place, text) from None
        if unknown := sorted(found.names - known):
            raise self.wrong("connector.name_unknown", place, unknown[0])
        return found

    def topic(self) -> TopicPattern | None:
        if not self.spec.topic:
            return None
        try:
            return topic_pattern(self.spec.topic)
        except PathMalformedError:
            raise self.wrong("connector.topic_malformed", "topic", self.spec.topic) from None

    def names(self, found: Mapping[str, str], place: str) -> dict[str, Path]:
        return {name: self.path(text, f"{place}.{name}") for name, text in found.items()}

    def rule(self, row: RowsSpec, place: str, outside: frozenset[str]) -> RowRule:
        each = self.path(row.each, f"{place}.each", many=True) if row.each else None
        names = self.names(row.names, f"{place}.names")
        known = outside | frozenset(names) | {"member"}
        rule = RowRule(
            each=each,
            stream=self.template(row.stream, f"{place}.stream", known),
            time=self.time(row.time, f"{place}.time"),
            value=self.value(row.value, f"{place}.value"),
            quality=self.word(row.quality, f"{place}.quality"),
            unit=self.word(row.unit, f"{place}.unit"),
            names=names,
            skip=frozenset(row.skip),
        )
        stated = [rule.quality.constant, *rule.quality.words.values()]
        for text in stated:
            if text and text not in {item.value for item in Quality}:
                raise self.wrong("connector.quality_unknown", f"{place}.quality", text)
        return rule

    def time(self, spec: TimeSpec | str, place: str) -> TimeRule:
        if spec == "now":
            return TimeRule(None)
        if isinstance(spec, str):
            spec = TimeSpec(spec)
        if (spec.form == "pattern") != bool(spec.pattern):
            raise self.wrong("connector.pattern_malformed", place, spec.pattern)
        if spec.pattern:
            self._try_pattern(spec.pattern, place)
        path = self.path(spec.path, f"{place}.path")
        zone = self._zone(spec.zone, f"{place}.zone") if spec.zone else None
        return TimeRule(path, spec.form, spec.pattern, zone, spec.otherwise == "now")

    def _try_pattern(self, pattern: str, place: str) -> None:
        """Refuse a pattern by which no text can be read, or that does not say which day it is."""
        moment = datetime(2021, 7, 20, 8, 5, 6)  # noqa: DTZ001  a text's own form has no zone yet
        try:
            day = datetime.strptime(moment.strftime(pattern), pattern).date()  # noqa: DTZ007
        except (ValueError, re.error):
            day = None
        if day != moment.date():
            raise self.wrong("connector.pattern_malformed", f"{place}.pattern", pattern)

    def _zone(self, text: str, place: str) -> ZoneInfo:
        try:
            return ZoneInfo(text)
        except (LookupError, ValueError, OSError):
            raise self.wrong("connector.zone_unknown", place, text) from None

    def value(self, spec: ValueSpec | str, place: str) -> ValueRule:
        if isinstance(spec, str):
            spec = ValueSpec(spec)
        if spec.factor == 0:
            raise self.wrong("connector.factor_zero", f"{place}.factor")
        return ValueRule(
            path=self.path(spec.path, f"{place}.path"),
            factor=spec.factor,
            offset=spec.offset,
            words=spec.words,
            missing_texts=frozenset(str(item) for item in spec.missing),
            missing_numbers=frozenset(x for x in spec.missing if isinstance(x, float)),
            optional=spec.optional,
        )

    def word(self, spec: WordSpec | str, place: str) -> WordRule:
        if isinstance(spec, str):
            return WordRule(spec)
        return WordRule("", self.path(spec.path, f"{place}.path"), spec.words)


def _compiled(spec: MapSpec) -> PayloadMap:
    reader = _Reader(spec)
    if not may_name(spec.id):
        raise reader.wrong("connector.id_malformed", "id", spec.id[:50])
    if not 0 < len(spec.rows) <= MAX_ROW_KINDS:
        raise reader.wrong("connector.rows_number", "rows", str(len(spec.rows)))
    if len(spec.csv.delimiter) != 1:
        raise reader.wrong("connector.delimiter_malformed", "csv.delimiter", spec.csv.delimiter)
    topic = reader.topic()
    names = reader.names(spec.names, "names")
    known = frozenset(names) | (topic.names if topic else frozenset())
    rules = tuple(reader.rule(row, f"rows[{i}]", known) for i, row in enumerate(spec.rows))
    found = PayloadMap(
        spec=spec,
        topic=topic,
        names=names,
        key=reader.template(spec.key, "key", known) if spec.key else None,
        rules=rules,
    )
    for place, path in _looked_up(found):
        if spec.payload == "csv" and not path.up:
            raise reader.wrong("connector.line_path", place, path.text)
    return found


def _looked_up(found: PayloadMap) -> Iterator[tuple[str, Path]]:
    """Yield every place of a map; in a table of lines each must count from its line."""
    for name, path in found.names.items():
        yield f"names.{name}", path
    for number, rule in enumerate(found.rules):
        here = f"rows[{number}]"
        yield f"{here}.value", rule.value.path
        yield from ((f"{here}.names.{name}", path) for name, path in rule.names.items())
        for part, path_or_none in (
            ("time", rule.time.path), ("quality", rule.quality.path), ("unit", rule.unit.path),
            ("each", rule.each),
        ):  # fmt: skip
            if path_or_none is not None:
                yield f"{here}.{part}", path_or_none
