"""Keeping Observations durably: each reading once, those of a MultiDatastream all or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import numpy as np

from anlan.kernel.actor import Actor
from anlan.sensing.domain.errors import SignRefusedError
from anlan.sensing.domain.multidatastreams import KINDS, KnownMulti
from anlan.sensing.domain.observations import Observation, Quality, RowIn, StreamFacts, check_rows
from anlan.sensing.domain.sta_errors import ReadingRefusedError, ResultKindError, ResultLengthError
from anlan.sensing.services.framing import message_of, to_us
from anlan.sensing.services.hands import hand
from anlan.sensing.services.known import stream_facts
from anlan.sensing.services.multidatastreams import multis_in_force
from anlan.sensing.sta.sending import AnySent, Sent, SentMulti, result_of
from anlan.sensing.store import Message
from anlan.sensing.store.frames import MOST_ROWS

UNKNOWN = "observation.stream_unknown"


class Kept(NamedTuple):
    """What became of an Observation: the number of its first reading, and its readings in order."""

    number: int
    readings: tuple[Observation, ...]


def parts_of(sent: SentMulti, known: Mapping[str, KnownMulti]) -> list[Sent]:
    """Return the readings that an Observation of a MultiDatastream is.

    Raises
    ------
    ReadingRefusedError
        When there is no such MultiDatastream.
    ResultLengthError, ResultKindError
        When it has another number of results, or one of another kind.
    """
    multi = known.get(sent.multi)
    if multi is None:
        raise ReadingRefusedError(reason=UNKNOWN)
    if len(sent.results) != len(multi.streams):
        raise ResultLengthError(given=len(sent.results), wanted=len(multi.streams))
    found = []
    for place, (stream, kind) in enumerate(zip(multi.streams, multi.kinds, strict=True)):
        result = sent.results[place]
        if result is not None and not KINDS[kind](result):
            raise ResultKindError(place=place + 1, kind=kind)
        value, text = result_of(result)
        found.append(Sent(stream, sent.at, sent.result_us, value, text, sent.qualities[place]))
    return found


def keep(
    actor: Actor, sent: Iterable[AnySent | str], *, key: str = "", now: datetime
) -> list[Kept | str]:
    """Keep Observations durably; return the number and readings of each, or why it was refused."""
    return _kept(actor, _in_parts(list(sent)), key=key, now=now)


def keep_one(actor: Actor, sent: AnySent, *, key: str = "", now: datetime) -> Kept:
    """Keep one Observation durably.

    Raises
    ------
    ReadingRefusedError
        With the code of why it was not kept.
    ResultLengthError, ResultKindError
        As :func:`parts_of`.
    """
    if isinstance(sent, SentMulti):
        parts = parts_of(sent, {one.code: one for one in multis_in_force({sent.multi})})
    else:
        parts = [sent]
    found = _kept(actor, [parts], key=key, now=now)[0]
    if isinstance(found, str):
        raise ReadingRefusedError(reason=found)
    return found


def _kept(
    actor: Actor, parts: list[list[Sent] | str], *, key: str, now: datetime
) -> list[Kept | str]:
    streams = {one.stream for some in parts if not isinstance(some, str) for one in some}
    facts = stream_facts(actor, streams, at=now)
    checked = [some if isinstance(some, str) else _checked(some, facts, now) for some in parts]
    good = [
        pair
        for kept, raw in zip(checked, parts, strict=True)
        if not isinstance(kept, str) and not isinstance(raw, str)
        for pair in zip(kept, raw, strict=True)
    ]
    if not good:
        return [one for one in checked if isinstance(one, str)]
    message = _message(actor, good, key=key, now=now)
    number = hand().keep(message).seq * MOST_ROWS
    found: list[Kept | str] = []
    for one in checked:
        found.append(one if isinstance(one, str) else Kept(number, one))
        number += 0 if isinstance(one, str) else len(one)
    return found


def _in_parts(sent: list[AnySent | str]) -> list[list[Sent] | str]:
    codes = {one.multi for one in sent if isinstance(one, SentMulti)}
    known = {one.code: one for one in multis_in_force(codes)} if codes else {}
    found: list[list[Sent] | str] = []
    for one in sent:
        try:
            split = parts_of(one, known) if isinstance(one, SentMulti) else one
        except ReadingRefusedError as error:
            split = str(error.params["reason"])
        except SignRefusedError as error:
            split = error.code
        found.append([split] if isinstance(split, Sent) else split)
    return found


def _checked(
    some: list[Sent], facts: Mapping[str, StreamFacts], now: datetime
) -> tuple[Observation, ...] | str:
    """Return what is kept of an Observation: all of its results, or none."""
    found: list[Observation] = []
    for one in some:
        kept = check(one, facts, now=now)
        if isinstance(kept, str):
            return kept
        found.append(kept)
    return tuple(found)


def check(sent: Sent, facts: Mapping[str, StreamFacts], *, now: datetime) -> Observation | str:
    """Return what is kept of an Observation, or why it is refused."""
    known = facts.get(sent.stream)
    if known is None:
        return UNKNOWN
    value = 0.0 if sent.text else sent.value
    row = RowIn(sent.stream, sent.at, value, sent.quality, known.unit)
    found = check_rows([row], facts, unit="", now=now)
    if found.refused:
        return found.refused[0].code
    kept = found.kept[0]
    if not sent.text:
        return kept
    return Observation(kept.stream, kept.at, None, Quality(sent.quality or "good"))


def _message(
    actor: Actor, good: list[tuple[Observation, Any]], *, key: str, now: datetime
) -> Message:
    plain = message_of(actor.id, [one for one, _ in good], key=key, now=now)
    texts = tuple(raw.text for _, raw in good)
    made = [to_us(one.at) if raw.result_us is None else raw.result_us for one, raw in good]
    late = any(to_us(one.at) != us for (one, _), us in zip(good, made, strict=True))
    return msgspec.structs.replace(
        plain,
        text=texts if any(texts) else (),
        result_us=np.array(made, np.int64).tobytes() if late else b"",
    )
