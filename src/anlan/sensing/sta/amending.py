"""Correcting and removing an Observation: a further row each, with who did it and why.

What was received stays; ``history=true`` shows it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

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
from anlan.sensing.sta import entities, sending
from anlan.sensing.sta.model import STREAM
from anlan.sensing.sta.readings import Readings, results
from anlan.sensing.sta.times import instant_us
from anlan.sensing.store import Message
from anlan.sensing.store.frames import MOST_ROWS
from anlan.sensing.store.rows import REMOVED

RELEASES = "signs:release"
LONGEST_REASON = 200
CHANGED = frozenset({"result", "resultTime", "resultQuality"})


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
    """Append a correction of a reading that stands.

    Raises
    ------
    NotKeptHereError
        When it changes what a correction cannot: the instant, the stream.
    """
    _may_amend(actor, of)
    reason = _said(reason)
    at = from_us(int(of.rows.at_us[0]))
    for name, value in given.items():
        same = name == "phenomenonTime" and _is(value, to_us(at))
        skipped = name.startswith("@iot.") or value in (None, {}, []) or name == "Datastream"
        if name not in CHANGED and not same and not skipped:
            raise NotKeptHereError(field=name[:80])
    code = _stream(of)
    value, text = sending.result_of(given.get("result", results(of.rows)[0]))
    made = sending.result_time_of(given)
    sent = sending.Sent(
        code, at, int(of.rows.result_us[0]) if made is None else made, value, text,
        sending.quality_of(given),
    )  # fmt: skip
    kept = sending.check(sent, stream_facts(actor, {code}, at=now), now=now)
    if isinstance(kept, str):
        raise ReadingRefusedError(reason=kept)
    quality = QUALITIES.index(kept.quality)
    value = np.nan if kept.value is None else kept.value
    _append(actor, of, (value, quality, text), result_us=sent.result_us, now=now)
    event = ObservationCorrected(observation=int(of.number[0]), stream=code, at=at, reason=reason)
    with transaction.atomic():
        journal.record(event, actor=actor, now=now)


def remove(actor: Actor, of: Readings, *, reason: str, now: datetime) -> None:
    """Append a tombstone for a reading that stands."""
    _may_amend(actor, of)
    reason = _said(reason)
    said = msgspec.json.encode({"reason": reason})
    _append(actor, of, (np.nan, REMOVED, said), result_us=None, now=now)
    event = ObservationRemoved(
        observation=int(of.number[0]),
        stream=_stream(of),
        at=from_us(int(of.rows.at_us[0])),
        reason=reason,
    )
    with transaction.atomic():
        journal.record(event, actor=actor, now=now)


def _is(text: Any, at_us: int) -> bool:
    try:
        return instant_us(text) == at_us
    except (ValueError, TypeError, OverflowError):
        return False


def _stream(of: Readings) -> str:
    return entities.id_of(of.view.of, STREAM, int(of.stream[0]))


def _said(reason: str) -> str:
    if len(reason) > LONGEST_REASON or not (reason + "x").isprintable() or names_somebody(reason):
        raise NotKeptHereError(field="reason")
    return reason


def _may_amend(actor: Actor, of: Readings) -> None:
    """Let the sender amend what it sent, and whoever deals with kept-aside messages the rest."""
    if allowed(actor, RELEASES):
        return
    message = reader().brought(int(of.number[0]) // MOST_ROWS)
    if message is None or message.source != actor.id:
        raise NotAllowedError(permission=RELEASES)


def _append(
    actor: Actor,
    of: Readings,
    result: tuple[float, int, bytes],
    *,
    result_us: int | None,
    now: datetime,
) -> None:
    value, quality, text = result
    made = int(of.rows.result_us[0]) if result_us is None else result_us
    hand().keep(
        Message(
            source=actor.id,
            key="",
            received_us=to_us(now),
            codes=(_stream(of),),
            index=np.zeros(1, np.int32).tobytes(),
            at_us=of.rows.at_us[:1].tobytes(),
            value=np.array([value], np.float64).tobytes(),
            quality=np.array([quality], np.uint8).tobytes(),
            result_us=np.array([made], np.int64).tobytes(),
            about=np.array([of.rows.id[0]], np.int64).tobytes(),
            text=(text,) if text else (),
        )
    )
