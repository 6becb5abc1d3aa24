"""Correcting and removing an Observation: a further row each, with who did it and why.

What was received stays; ``history=true`` shows it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import numpy as np
from django.db import transaction

from anlan.infra import journal
from anlan.infra.doors import allowed
from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotAllowedError
from anlan.registry.domain.reasons import names_somebody
from anlan.sensing.domain.columns import QUALITIES
from anlan.sensing.domain.events import ObservationCorrected, ObservationRemoved
from anlan.sensing.domain.sta_errors import (
    EntityMalformedError,
    NotKeptHereError,
    ReadingRefusedError,
)
from anlan.sensing.services.framing import from_us, to_us
from anlan.sensing.services.hands import hand, reader
from anlan.sensing.services.known import stream_facts
from anlan.sensing.sta import entities, sending, taking
from anlan.sensing.sta.model import MULTI, STREAM
from anlan.sensing.sta.readings import Readings, results
from anlan.sensing.sta.times import instant_us
from anlan.sensing.store import Message
from anlan.sensing.store.frames import MOST_ROWS
from anlan.sensing.store.rows import REMOVED

RELEASES = "signs:release"
LONGEST_REASON = 200
CHANGED = frozenset({"result", "resultTime", "resultQuality"})
CHANGED_IN_ROWS = frozenset({"result", "resultQuality"})
"""What a row of results is told by stays: it would be another one."""


def changes_of(given: Any) -> dict[str, Any]:
    """Return the properties that a body changes: an entity with some of them, or a JSON Patch.

    Raises
    ------
    EntityMalformedError
        When it is neither.
    """
    if isinstance(given, dict):
        return given
    if not isinstance(given, list):
        raise EntityMalformedError(where="body")
    found: dict[str, Any] = {}
    for place, step in enumerate(given):
        path = step.get("path") if isinstance(step, dict) else None
        if (
            not isinstance(step, dict)
            or step.get("op") not in ("add", "replace")  # whatever else it is, also a list
            or not isinstance(path, str)
            or path[1:] not in (*CHANGED, "phenomenonTime")
            or "value" not in step
        ):
            raise EntityMalformedError(where=f"[{place}]: add or replace of a property is wanted")
        found[path[1:]] = step["value"]
    return found


def correct(
    actor: Actor, of: Readings, given: dict[str, Any], *, reason: str, now: datetime
) -> None:
    """Append a correction of an Observation that stands, or of those of its results that change.

    Raises
    ------
    NotKeptHereError
        When it changes what a correction cannot: the instant, the stream, a row's result time.
    ResultLengthError, ResultKindError
        When a row of results would not be one any more.
    """
    parts = _parts(of)
    _may_amend(actor, parts)
    reason = _said(reason)
    at = from_us(int(of.rows.at_us[0]))
    for name, value in given.items():
        same = (name == "phenomenonTime" and _is(value, to_us(at))) or (
            name == "resultTime" and of.parts is not None and _is(value, int(of.rows.result_us[0]))
        )
        skipped = name.startswith("@iot.") or value in (None, {}, []) or name in {STREAM, MULTI}
        known = CHANGED if of.parts is None else CHANGED_IN_ROWS
        if name not in known and not same and not skipped:
            raise NotKeptHereError(field=name[:80])
    wanted = _wanted(of, parts, given, at)
    facts = stream_facts(actor, {one.stream for one in wanted}, at=now)
    changes = []
    for part, sent in zip(parts, wanted, strict=True):
        kept = taking.check(sent, facts, now=now)
        if isinstance(kept, str):
            raise ReadingRefusedError(reason=kept)
        made = int(of.rows.result_us[0]) if sent.result_us is None else sent.result_us
        value = np.nan if kept.value is None else kept.value
        change = Change(part, value, QUALITIES.index(kept.quality), sent.text, made)
        if of.parts is None or change.is_news(given):
            changes.append(change)
    _append(actor, of, changes, now=now)
    with transaction.atomic():
        for change in changes:
            if change.part.number:
                event = ObservationCorrected(
                    observation=change.part.number, stream=change.part.stream, at=at, reason=reason
                )
                journal.record(event, actor=actor, now=now)


def remove(actor: Actor, of: Readings, *, reason: str, now: datetime) -> None:
    """Append a tombstone for a reading that stands, or for each of a row of results."""
    parts = _parts(of)
    _may_amend(actor, parts)
    reason = _said(reason)
    said = msgspec.json.encode({"reason": reason})
    made = int(of.rows.result_us[0])
    gone = [Change(part, np.nan, REMOVED, said, made) for part in parts if part.number]
    _append(actor, of, gone, now=now)
    at = from_us(int(of.rows.at_us[0]))
    with transaction.atomic():
        for change in gone:
            event = ObservationRemoved(
                observation=change.part.number, stream=change.part.stream, at=at, reason=reason
            )
            journal.record(event, actor=actor, now=now)


class Part(NamedTuple):
    """A reading that is amended; ``number`` is 0 where a row of results has none."""

    stream: str
    number: int  # by which it is told
    id: int  # of what stands now
    result: Any
    quality: int


class Change(NamedTuple):
    """What is said anew of a part."""

    part: Part
    value: float
    quality: int
    text: bytes
    result_us: int

    def is_news(self, given: dict[str, Any]) -> bool:
        """Return whether it says something else, so that the other results of a row stay."""
        result = msgspec.json.decode(self.text) if self.text else self.value
        nothing = not self.text and np.isnan(self.value)
        before = self.part.result
        alike = isinstance(result, bool) == isinstance(before, bool)  # 1 is no ``true``
        same = before is None if nothing else alike and result == before
        if not self.part.number:
            return not nothing
        return not same or ("resultQuality" in given and self.quality != self.part.quality)


def _parts(of: Readings) -> list[Part]:
    """Return the reading that an Observation is, or those that its row of results is made of."""
    view = of.view
    if of.parts is None:
        code = entities.id_of(view.of, STREAM, int(of.stream[0]))
        found = results(of.rows)[0]
        number, id_ = int(of.number[0]), int(of.rows.id[0])
        return [Part(code, number, id_, found, int(of.rows.quality[0]))]
    parts = []
    which = of.parts.which[of.parts.place[0]]
    for place, stream in enumerate(entities.streams_of(view.of, int(of.stream[0]))):
        code, row = entities.id_of(view.of, STREAM, stream), int(which[place])
        if row < 0:
            parts.append(Part(code, 0, 0, None, 0))
            continue
        one = of.parts.rows.take(np.array([row]))
        number = int(of.parts.number[row])
        parts.append(Part(code, number, int(one.id[0]), results(one)[0], int(one.quality[0])))
    return parts


def _wanted(
    of: Readings, parts: list[Part], given: dict[str, Any], at: datetime
) -> list[sending.Sent]:
    """Return what an Observation shall be, as if it were sent."""
    made = sending.result_time_of(given)
    if of.parts is None:
        value, text = sending.result_of(given.get("result", parts[0].result))
        quality = sending.quality_of(given)
        return [sending.Sent(parts[0].stream, at, made, value, text, quality)]
    said = {"result": [part.result for part in parts], **given}
    sent = sending.sent_of(
        {name: said[name] for name in ("result", "resultQuality") if name in said},
        of=(MULTI, entities.id_of(of.view.of, MULTI, int(of.stream[0]))),
        now=at,
    )
    assert isinstance(sent, sending.SentMulti)  # noqa: S101  as it is asked for
    multi = of.view.of.multis.known[int(of.stream[0]) - len(of.view.of.streams)]
    return taking.parts_of(sent, {multi.code: multi})


def _is(text: Any, at_us: int) -> bool:
    try:
        return instant_us(text) == at_us
    except (ValueError, TypeError, OverflowError):
        return False


def _said(reason: str) -> str:
    if len(reason) > LONGEST_REASON or not (reason + "x").isprintable() or names_somebody(reason):
        raise NotKeptHereError(field="reason")
    return reason


def _may_amend(actor: Actor, parts: list[Part]) -> None:
    """Let the sender amend what it sent, and whoever deals with kept-aside messages the rest."""
    if allowed(actor, RELEASES):
        return
    for part in parts:
        message = reader().brought(part.number // MOST_ROWS) if part.number else None
        if part.number and (message is None or message.source != actor.id):
            raise NotAllowedError(permission=RELEASES)


def _append(actor: Actor, of: Readings, changes: list[Change], *, now: datetime) -> None:
    if not changes:
        return
    count = len(changes)
    texts = tuple(one.text for one in changes)
    streams = {one.part.stream: None for one in changes}
    index = {stream: place for place, stream in enumerate(streams)}
    hand().keep(
        Message(
            source=actor.id,
            key="",
            received_us=to_us(now),
            codes=tuple(streams),
            index=np.array([index[one.part.stream] for one in changes], np.int32).tobytes(),
            at_us=np.full(count, of.rows.at_us[0], np.int64).tobytes(),
            value=np.array([one.value for one in changes], np.float64).tobytes(),
            quality=np.array([one.quality for one in changes], np.uint8).tobytes(),
            result_us=np.array([one.result_us for one in changes], np.int64).tobytes(),
            about=np.array([one.part.id for one in changes], np.int64).tobytes(),
            text=texts if any(texts) else (),
        )
    )
