"""Observations as they are sent: what of them is kept, and what is refused rather than lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from anlan.sensing.domain.errors import BatchTooLargeError, SignRefusedError
from anlan.sensing.domain.multidatastreams import MOST_RESULTS
from anlan.sensing.domain.observations import (
    MAX_ROWS,
    Quality,
)
from anlan.sensing.domain.sta_errors import (
    EntityMalformedError,
    NotKeptHereError,
    ResultLengthError,
)
from anlan.sensing.sta.model import MULTI, STREAM
from anlan.sensing.sta.times import instant_us

EXACT = 1 << 53
LONGEST_RESULT = 64 * 1024
DEEPEST_RESULT = 60
"""Levels of a result: whoever reads it may stand deeper in calls than who sent it."""
TAKEN = frozenset(
    {
        "phenomenonTime", "resultTime", "result", "resultQuality",
        "Datastream", "MultiDatastream", "FeatureOfInterest",
    }
)  # fmt: skip
Owner = tuple[str, str]
"""What an Observation is of: Datastream or MultiDatastream, and its code."""
NO_OWNER: Owner = ("", "")


@dataclass(frozen=True, slots=True)
class Sent:
    """One Observation as it was sent; ``text`` is the JSON of a result that is no number."""

    stream: str
    at: datetime
    result_us: int | None
    value: float | None
    text: bytes
    quality: str


@dataclass(frozen=True, slots=True)
class SentMulti:
    """One Observation of a MultiDatastream as it was sent: a result and a quality for each stream."""

    multi: str
    at: datetime
    result_us: int | None
    results: tuple[Any, ...]
    qualities: tuple[str, ...]


AnySent = Sent | SentMulti


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


def sent_of(given: Any, *, of: Owner = NO_OWNER, now: datetime) -> Sent | SentMulti:
    """Return an Observation; ``of`` is what the address names.

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
    kind, code = owner_in(given, of)
    if not code:
        raise EntityMalformedError(where="Datastream/@iot.id")
    if (_id_of(given, "FeatureOfInterest") or code) != code:
        raise NotKeptHereError(field="FeatureOfInterest")
    at = _instant(given, "phenomenonTime")
    when, made = now if at is None else at[1], result_time_of(given)
    if kind == MULTI:
        results = _components(given["result"])
        return SentMulti(code, when, made, results, qualities_of(given, len(results)))
    value, text = result_of(given["result"])
    return Sent(code, when, made, value, text, quality_of(given))


def owner_in(given: Mapping[str, Any], of: Owner) -> Owner:
    """Return kind and code of what an Observation is of: as the address or the body names it.

    Raises
    ------
    EntityMalformedError
        When they name two.
    """
    for kind in (STREAM, MULTI):
        code = _id_of(given, kind)
        if code and of[1] and of != (kind, code):
            raise EntityMalformedError(where=f"{kind}: another one is named as well")
        of = (kind, code) if code else of
    return of


def _id_of(given: Mapping[str, Any], name: str) -> str:
    linked = given.get(name)
    if linked is None:
        return ""
    id_ = linked.get("@iot.id") if isinstance(linked, dict) else None
    if not isinstance(id_, str | int) or not 0 < len(str(id_)) <= 200:
        raise EntityMalformedError(where=f"{name}/@iot.id")
    return str(id_)


def _components(given: Any) -> tuple[Any, ...]:
    """Return the results of a MultiDatastream's Observation; how many there must be is seen later."""
    if not isinstance(given, list):
        raise EntityMalformedError(where="result: an array is wanted, as multiObservationDataTypes")
    if len(given) > MOST_RESULTS:
        raise ResultLengthError(given=len(given), wanted=f"1–{MOST_RESULTS}")
    if len(msgspec.json.encode(given)) > LONGEST_RESULT:
        raise NotKeptHereError(field=f"result (over {LONGEST_RESULT} bytes)")
    return tuple(given)


def qualities_of(given: Mapping[str, Any], count: int) -> tuple[str, ...]:
    """Return the quality of each of so many results: one word for all, or as many."""
    found = given.get("resultQuality")
    if not isinstance(found, list) or not found:
        return (quality_of(given),) * count
    if len(found) != count:
        raise EntityMalformedError(where="resultQuality: one, or one for each result")
    return tuple(quality_of({"resultQuality": one}) for one in found)


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


def rows_of(given: Any, *, now: datetime) -> list[AnySent | str]:
    """Return the Observations of data arrays, or the code of why one is none.

    Raises
    ------
    EntityMalformedError
        When it is no list of data arrays.
    """
    if not isinstance(given, list):
        raise EntityMalformedError(where="a list of data arrays is wanted")
    found: list[AnySent | str] = []
    for place, group in enumerate(given):
        if not isinstance(group, dict) or not isinstance(group.get("dataArray"), list):
            raise EntityMalformedError(where=f"[{place}]/dataArray")
        names = group.get("components")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise EntityMalformedError(where=f"[{place}]/components")
        of = owner_in(group, NO_OWNER)
        if len(found) + len(group["dataArray"]) > MAX_ROWS:
            raise BatchTooLargeError(rows=len(found) + len(group["dataArray"]), limit=MAX_ROWS)
        found += [_row(names, row, of, now) for row in group["dataArray"]]
    rows = sum(len(one.results) if isinstance(one, SentMulti) else 1 for one in found)
    if rows > MAX_ROWS:
        raise BatchTooLargeError(rows=rows, limit=MAX_ROWS)
    return found


def _row(names: list[str], row: Any, of: Owner, now: datetime) -> AnySent | str:
    if not isinstance(row, list) or len(row) != len(names):
        return "observation.row_malformed"
    given = {name: value for name, value in zip(names, row, strict=True) if name != "id"}
    feature = given.pop("FeatureOfInterest/id", None)
    if feature is not None:
        given["FeatureOfInterest"] = {"@iot.id": feature}
    try:
        return sent_of(given, of=of, now=now)
    except SignRefusedError as error:
        return error.code
