"""Observations as they are sent: what of them is kept, and what is refused rather than lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from anlan.kernel.actor import Actor
from anlan.sensing.domain.errors import BatchTooLargeError
from anlan.sensing.domain.observations import (
    MAX_ROWS,
    Observation,
    Quality,
    RowIn,
    StreamFacts,
    check_rows,
)
from anlan.sensing.domain.sta_errors import (
    EntityMalformedError,
    NotKeptHereError,
    ReadingRefusedError,
)
from anlan.sensing.services.framing import message_of, to_us
from anlan.sensing.services.hands import hand
from anlan.sensing.services.known import stream_facts
from anlan.sensing.sta.times import instant_us
from anlan.sensing.store import Message
from anlan.sensing.store.frames import MOST_ROWS

EXACT = 1 << 53
LONGEST_RESULT = 64 * 1024
DEEPEST_RESULT = 60
"""Levels of a result: whoever reads it may stand deeper in calls than who sent it."""
TAKEN = frozenset(
    {"phenomenonTime", "resultTime", "result", "resultQuality", "Datastream", "FeatureOfInterest"}
)
UNKNOWN = "observation.stream_unknown"


@dataclass(frozen=True, slots=True)
class Sent:
    """One Observation as it was sent; ``text`` is the JSON of a result that is no number."""

    stream: str
    at: datetime
    result_us: int | None
    value: float | None
    text: bytes
    quality: str


def json_of(body: bytes) -> Any:
    """Return what a body says.

    Raises
    ------
    EntityMalformedError
        When it is no JSON.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise EntityMalformedError(where="body: no JSON") from None


def sent_of(given: Any, *, stream: str | None, now: datetime) -> Sent:
    """Return an Observation; ``stream`` is the one that the address names.

    Raises
    ------
    EntityMalformedError, NotKeptHereError
        When it is none, or says what is not kept here.
    """
    if not isinstance(given, dict) or "result" not in given:
        raise EntityMalformedError(where="result")
    for name, value in given.items():
        if name not in TAKEN and not name.startswith("@iot.") and value not in (None, {}, "", []):
            raise NotKeptHereError(field=name[:80])
    stream = _id_of(given, "Datastream", stream)
    if stream is None:
        raise EntityMalformedError(where="Datastream/@iot.id")
    if _id_of(given, "FeatureOfInterest", stream) != stream:
        raise NotKeptHereError(field="FeatureOfInterest")
    value, text = result_of(given["result"])
    at = _instant(given, "phenomenonTime")
    return Sent(
        stream=stream,
        at=now if at is None else at[1],
        result_us=result_time_of(given),
        value=value,
        text=text,
        quality=quality_of(given),
    )


def _id_of(given: Mapping[str, Any], name: str, instead: str | None) -> str | None:
    linked = given.get(name)
    if linked is None:
        return instead
    id_ = linked.get("@iot.id") if isinstance(linked, dict) else None
    if not isinstance(id_, str | int) or len(str(id_)) > 200:
        raise EntityMalformedError(where=f"{name}/@iot.id")
    if name == "Datastream" and instead is not None and str(id_) != instead:
        raise EntityMalformedError(where="Datastream: the address names another one")
    return str(id_)


def _instant(given: Mapping[str, Any], name: str) -> tuple[int, datetime] | None:
    text = given.get(name)
    if text is None:
        return None
    if isinstance(text, str) and "/" in text:
        raise NotKeptHereError(field=f"{name} (a period)")
    try:
        us = instant_us(text, zone_needed=True)
        return us, datetime.fromisoformat(_upper(text))
    except (ValueError, TypeError, OverflowError):
        raise EntityMalformedError(where=f"{name}: an instant with an offset is wanted") from None


def _upper(text: str) -> str:
    head, mark, fraction = text.upper().replace(" ", "+").partition(".")
    digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
    return head + mark + digits[:6] + fraction[len(digits) :]


def result_time_of(given: Mapping[str, Any]) -> int | None:
    """Return when the result was made; None where it does not say."""
    found = _instant(given, "resultTime")
    return None if found is None else found[0]


def quality_of(given: Mapping[str, Any]) -> str:
    """Return the quality that the sender states; empty where it states none."""
    found = given.get("resultQuality")
    if found in (None, "", {}, []):
        return ""
    if not isinstance(found, str) or found not in {quality.value for quality in Quality}:
        raise NotKeptHereError(field="resultQuality")
    return found


def result_of(given: Any) -> tuple[float | None, bytes]:
    """Return a result as a number, or as JSON where it is none."""
    if given is None:
        return None, b""
    if isinstance(given, int | float) and not isinstance(given, bool) and abs(given) <= EXACT:
        return float(given), b""
    if _deeper(given, DEEPEST_RESULT):
        raise NotKeptHereError(field=f"result (over {DEEPEST_RESULT} levels)")
    text = msgspec.json.encode(given)
    if len(text) > LONGEST_RESULT:
        raise NotKeptHereError(field=f"result (over {LONGEST_RESULT} bytes)")
    return None, text


def _deeper(given: Any, levels: int) -> bool:
    """Return whether lists and objects lie within each other on more than ``levels`` levels."""
    here = [given]
    for _ in range(levels + 1):
        inside = [one for one in here if isinstance(one, dict | list)]
        if not inside:
            return False
        here = [x for one in inside for x in (one.values() if isinstance(one, dict) else one)]
    return True


def rows_of(given: Any, *, now: datetime) -> list[Sent | str]:
    """Return the Observations of data arrays, or the code of why one is none.

    Raises
    ------
    EntityMalformedError
        When it is no list of data arrays.
    """
    if not isinstance(given, list):
        raise EntityMalformedError(where="a list of data arrays is wanted")
    found: list[Sent | str] = []
    for place, group in enumerate(given):
        if not isinstance(group, dict) or not isinstance(group.get("dataArray"), list):
            raise EntityMalformedError(where=f"[{place}]/dataArray")
        names = group.get("components")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise EntityMalformedError(where=f"[{place}]/components")
        stream = _id_of(group, "Datastream", None)
        if len(found) + len(group["dataArray"]) > MAX_ROWS:
            raise BatchTooLargeError(rows=len(found) + len(group["dataArray"]), limit=MAX_ROWS)
        found += [_row(names, row, stream, now) for row in group["dataArray"]]
    return found


def _row(names: list[str], row: Any, stream: str | None, now: datetime) -> Sent | str:
    if not isinstance(row, list) or len(row) != len(names):
        return "observation.row_malformed"
    given = {name: value for name, value in zip(names, row, strict=True) if name != "id"}
    feature = given.pop("FeatureOfInterest/id", None)
    if feature is not None:
        given["FeatureOfInterest"] = {"@iot.id": feature}
    try:
        return sent_of(given, stream=stream, now=now)
    except (EntityMalformedError, NotKeptHereError) as error:
        return error.code


def keep(
    actor: Actor, sent: Iterable[Sent | str], *, key: str = "", now: datetime
) -> list[tuple[int, Observation] | str]:
    """Keep Observations durably; return the number and reading of each, or why it was refused."""
    everything = list(sent)
    streams = {one.stream for one in everything if isinstance(one, Sent)}
    facts = stream_facts(actor, streams, at=now)
    checked = [one if isinstance(one, str) else check(one, facts, now=now) for one in everything]
    good = [
        (one, raw) for one, raw in zip(checked, everything, strict=True) if not isinstance(one, str)
    ]
    if not good:
        return [one for one in checked if isinstance(one, str)]
    message = _message(actor, good, key=key, now=now)
    seq = hand().keep(message).seq
    numbers = iter(range(seq * MOST_ROWS, seq * MOST_ROWS + len(good)))
    return [one if isinstance(one, str) else (next(numbers), one) for one in checked]


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


def keep_one(actor: Actor, sent: Sent, *, key: str = "", now: datetime) -> tuple[int, Observation]:
    """Keep one Observation durably.

    Raises
    ------
    ReadingRefusedError
        With the code of why it was not kept.
    """
    found = keep(actor, [sent], key=key, now=now)[0]
    if isinstance(found, str):
        raise ReadingRefusedError(reason=found)
    return found
