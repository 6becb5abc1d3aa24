"""From a message to readings: which topic says what, as the workspace's file tells."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from anlan.infra.mqtt.topics import matches
from anlan.kernel.errors import AnlanError
from anlan.sensing.domain import payloads
from anlan.sensing.domain.columns import NO_TIME, UNREADABLE, Columns
from anlan.sensing.domain.columnwire import columns_from
from anlan.sensing.domain.errors import BatchMalformedError
from anlan.sensing.domain.observations import BatchIn, RowIn
from anlan.sensing.domain.payload_map import PayloadMap
from anlan.sensing.domain.wire import batch_from_json
from anlan.sensing.sta import sending
from anlan.sensing.sta.model import MULTI, READING, SETS, STREAM
from anlan.sensing.sta.paths import steps_of
from anlan.sensing.sta.sending import NO_OWNER, AnySent, Owner

OWN = "anlan/observations"
STANDARD = "v1.1/"
TOPICS_REMEMBERED = 100_000
UNKNOWN = "mqtt.topic_unknown"
_ROW = msgspec.json.Decoder(RowIn)
LARGEST_STA = 256 * 1024
LONGEST_ROW = 512


class Decoder(Protocol):
    """From a topic and its payload to rows."""

    def decode(self, topic: str, payload: bytes, *, now: datetime) -> tuple[BatchIn, str]:
        """Return the rows, None for one that cannot be read, and the sender's key ("" for none).

        Raises
        ------
        AnlanError
            When the payload as a whole cannot be read.
        """


@dataclass(frozen=True, slots=True)
class MapDecoder:
    """A payload map of the workspace."""

    payload_map: PayloadMap

    def decode(self, topic: str, payload: bytes, *, now: datetime) -> tuple[BatchIn, str]:
        """Return what a message says by the map."""
        found = payloads.decode(self.payload_map, topic, payload, now=now)
        return found.batch, found.key


@dataclass(frozen=True, slots=True)
class Rule:
    """What is read from the topics that ``pattern`` takes in.

    Without ``decoder`` the payload is what the HTTP interface takes. With ``receipt_time`` a
    row without a time gets that of its receipt.
    """

    pattern: str
    decoder: Decoder | None = None
    receipt_time: bool = False


class Heard(NamedTuple):
    """What a message says: rows, or columns, or an Observation of SensorThings, or why it cannot be read."""

    batch: BatchIn | None = None
    columns: Columns | None = None
    key: str = ""
    sent: AnySent | None = None
    error: str = ""


NOTHING = Heard()


class Topics:
    """The topics of SensorThings, then the rules of a line: the first that fits counts."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._rules = (*rules, Rule(OWN), Rule(f"{OWN}/#"))
        self._found: dict[str, Rule | Owner | None] = {}

    def read(self, topic: str, payload: bytes, *, retained: bool, now: datetime) -> Heard:
        """Return what a message says; :data:`NOTHING` for one that says no more than is known."""
        rule = self._rule(topic)
        if rule is None:
            return Heard(error=UNKNOWN)
        try:
            if isinstance(rule, tuple):
                return _observation(rule, payload, retained=retained, now=now)
            heard = _plain(payload) if rule.decoder is None else _mapped(rule, topic, payload, now)
        except AnlanError as error:
            return Heard(error=error.code)
        return _timed(heard, rule, retained=retained, now=now)

    def _rule(self, topic: str) -> Rule | Owner | None:
        """Return the rule of a topic, or the stream that a topic of SensorThings names, if any."""
        try:
            return self._found[topic]
        except KeyError:
            pass
        found: Rule | Owner | None = None
        if topic.startswith(STANDARD):
            found = stream_named(topic.removeprefix(STANDARD))
        if found is None:
            found = next((x for x in self._rules if matches(x.pattern, topic)), None)
        if len(self._found) >= TOPICS_REMEMBERED:
            self._found.clear()
        self._found[topic] = found
        return found


def stream_named(path: str) -> Owner | None:
    """Return of what stream a path names Observations, as of any; None for another path."""
    try:
        steps = steps_of(path)
    except AnlanError:
        return None
    if SETS.get(steps[-1].name) != READING or steps[-1].id is not None or len(steps) > 2:
        return None
    if len(steps) == 1:
        return NO_OWNER
    kind, code = SETS.get(steps[0].name, ""), steps[0].id
    return None if kind not in {STREAM, MULTI} or code is None else (kind, str(code))


def _observation(of: Owner, payload: bytes, *, retained: bool, now: datetime) -> Heard:
    if len(payload) > LARGEST_STA:
        return Heard(error="observation.row_malformed")
    given = sending.json_of(payload)
    if retained and isinstance(given, Mapping) and not given.get("phenomenonTime"):
        return NOTHING
    return Heard(sent=sending.sent_of(given, of=of, now=now))


def _mapped(rule: Rule, topic: str, payload: bytes, now: datetime) -> Heard:
    assert rule.decoder is not None  # noqa: S101  the caller looked
    batch, key = rule.decoder.decode(topic, payload, now=now)
    return Heard(batch, key=key)


def _plain(payload: bytes) -> Heard:
    """Read what the HTTP interface takes: one row, rows or columns."""
    if len(payload) <= LONGEST_ROW:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Heard(BatchIn((_ROW.decode(payload),)))  # as most devices send
    columns, key = columns_from(payload, "application/json")
    if len(columns) and columns.at_us.min() > UNREADABLE:
        return Heard(columns=columns, key=key)
    try:
        batch, key = batch_from_json(payload)
    except BatchMalformedError:
        return Heard(columns=columns, key=key)  # columns, of which some cannot be read
    return Heard(_without_times(batch), key=key)


def _without_times(batch: BatchIn) -> BatchIn:
    """Return a batch in which rows that only lack their time are rows without a time."""
    if None not in batch.rows or not batch.originals:
        return batch
    rows = (
        _timeless(raw) if row is None else row
        for row, raw in zip(batch.rows, batch.originals, strict=True)
    )
    return replace(batch, rows=tuple(rows))


def _timeless(raw: bytes) -> RowIn | None:
    try:
        given = msgspec.json.decode(raw)
        if not isinstance(given, dict) or "at" in given:
            return None
        return msgspec.convert({**given, "at": None}, RowIn, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _timed(heard: Heard, rule: Rule, *, retained: bool, now: datetime) -> Heard:
    """Give rows without a time that of their receipt, where the rule says so.

    A retained message comes again with every new connection: without a time of its own it
    would be a new reading each time, of a value that may be long past. It is passed over.
    """
    batch = heard.batch
    if heard.columns is not None and retained and bool((heard.columns.at_us == NO_TIME).all()):
        return NOTHING
    if batch is None:
        return heard
    if retained:
        # A map may have stamped a row with the present, too.
        rows = tuple(row for row in batch.rows if row is None or row.at not in {None, now})
        if len(rows) == len(batch.rows):
            return heard
        left = replace(batch, rows=rows, originals=())
        return heard._replace(batch=left) if rows else NOTHING
    if not rule.receipt_time or all(row is None or row.at is not None for row in batch.rows):
        return heard
    rows = tuple(
        replace(row, at=now) if row is not None and row.at is None else row for row in batch.rows
    )
    return heard._replace(batch=replace(batch, rows=rows))
