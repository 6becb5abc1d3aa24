"""Values, times and words of a message, as a payload map says they are written."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from anlan.sensing.domain.connector_errors import RowUnreadableError
from anlan.sensing.domain.payload_map import TimeRule, ValueRule, WordRule
from anlan.sensing.domain.payload_paths import ABSENT, MAX_TEXT, Path, Scope

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d+")
MAX_DIGITS = 64


def shown(path: Path, member: str = "") -> str:
    """Return a place as a person is told it, with the member that was looked at."""
    return f"{path.text} ({member})" if member else path.text


def text_of(found: Any) -> str | None:
    """Return a word, a number or a truth value as a text; None for anything else or too long."""
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, int | float):
        text = _number_text(found)
    elif isinstance(found, str):
        text = found.strip()
    else:
        return None
    return text if len(text) <= MAX_TEXT else None


def _number_text(found: float) -> str:
    if isinstance(found, int) and not -(10**MAX_DIGITS) < found < 10**MAX_DIGITS:
        return "9" * (MAX_TEXT + 1)  # too long to be worth writing out
    return str(found)


def value_at(rule: ValueRule, scope: Scope) -> float | None:
    """Return the number that stands there; None when the message says that there is none.

    Raises
    ------
    RowUnreadableError
        When nothing stands there, or no number and no word of the map.
    """
    found = rule.path.find(scope)
    if found is ABSENT:
        raise RowUnreadableError("payload.place_missing", shown(rule.path, scope.member))
    if found is None or found == "":
        return None
    if isinstance(found, float | int) and not isinstance(found, bool) and not rule.words:
        number = _float(found)  # by far the usual case
    else:
        text = text_of(found)
        if text is None:
            raise RowUnreadableError("payload.not_a_value", shown(rule.path, scope.member))
        if not text or text in rule.missing_texts:
            return None
        number = _worded(rule, text)
    if number is None:
        raise RowUnreadableError("payload.not_a_value", shown(rule.path, scope.member))
    if number in rule.missing_numbers:
        return None
    return number * rule.factor + rule.offset


def _float(found: float) -> float | None:
    try:
        return float(found)
    except OverflowError:
        return None


def _worded(rule: ValueRule, text: str) -> float | None:
    if (number := rule.words.get(text)) is not None:
        return number
    if text in {"true", "false"}:
        return float(text == "true")
    if len(text) <= MAX_DIGITS and _NUMBER.fullmatch(text):
        return float(text)
    return None


def time_at(rule: TimeRule, scope: Scope, came_at: datetime) -> datetime:
    """Return when the row was measured.

    Raises
    ------
    RowUnreadableError
        When no time stands there, or in another form, or without the zone that it needs.
    """
    if rule.path is None:
        return came_at
    found = rule.path.find(scope)
    if found is ABSENT or found is None or found == "":
        if rule.otherwise_now:
            return came_at
        raise RowUnreadableError("payload.time_missing", shown(rule.path, scope.member))
    text = text_of(found)
    try:
        at = _instant(rule, text) if text is not None else None
        if at is not None and (at.tzinfo or rule.zone):
            return (at if at.tzinfo else at.replace(tzinfo=rule.zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        at = None
    code = "payload.time_unreadable" if at is None else "payload.time_no_zone"
    raise RowUnreadableError(code, shown(rule.path, scope.member))


def _instant(rule: TimeRule, text: str) -> datetime | None:
    if rule.form == "iso":
        return datetime.fromisoformat(text)
    if rule.form == "pattern":
        return datetime.strptime(text, rule.pattern)  # noqa: DTZ007  the map says the zone
    if len(text) > MAX_DIGITS or not _NUMBER.fullmatch(text):
        return None
    if not _WHOLE.fullmatch(text):
        micros = (
            round(float(text) * MICROS[rule.form]) if rule.form != "ns" else int(float(text) / 1000)
        )
    else:
        micros = int(text) // 1_000 if rule.form == "ns" else int(text) * MICROS[rule.form]
    return EPOCH + timedelta(microseconds=micros)


def word_at(rule: WordRule, scope: Scope) -> str:
    """Return the word that stands there as the map understands it; "" when none does.

    Raises
    ------
    RowUnreadableError
        When the map does not know the word.
    """
    if rule.path is None:
        return rule.constant
    found = rule.path.find(scope)
    if found is ABSENT or found is None or found == "":
        return ""
    text = text_of(found)
    if text is None:
        raise RowUnreadableError("payload.word_unknown", shown(rule.path, scope.member))
    if not rule.words:
        return text
    known = rule.words.get(text, rule.words.get("*"))
    if known is None:
        raise RowUnreadableError("payload.word_unknown", shown(rule.path, scope.member), word=text)
    return known
