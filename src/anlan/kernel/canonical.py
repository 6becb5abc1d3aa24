"""One byte form for one meaning: what is hashed and sealed.

Canonical JSON: UTF-8, keys sorted, no spaces, no NaN, instants as UTC with
six digits and ``Z``.  A verifier needs nothing but a JSON library.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any
from uuid import UUID


def instant_text(value: datetime) -> str:
    """Return an aware instant as ``2021-07-19T13:59:00.000000Z``."""
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """Parse an ISO 8601 instant that states its offset."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return value.astimezone(UTC)


WHOLE_FROM = 1e16  # beyond this a double has no digits after the point


def _plain_float(value: float) -> float | int:
    if not math.isfinite(value):
        raise ValueError("NaN and infinity have no canonical form")
    # As every database gives it back: one zero, and whole numbers where no fraction is left.
    if value == 0:
        return 0.0
    return int(value) if abs(value) >= WHOLE_FROM else value


def _plain_dict(value: dict[Any, Any]) -> object:
    # Most of what is within is plain: a call for each would take most of the time.
    return {
        str(key): item if type(item) in _PLAIN_ALREADY else plain(item)
        for key, item in value.items()
    }


def _plain_list(value: list[Any] | tuple[Any, ...]) -> object:
    return [item if type(item) in _PLAIN_ALREADY else plain(item) for item in value]


# In order: an instant is a date too, and an enum member may be a text or a number.
_FORMS: tuple[tuple[type | tuple[type, ...], Callable[[Any], object]], ...] = (
    (Enum, lambda value: plain(value.value)),
    ((bool, int, str, NoneType), lambda value: value),
    (float, _plain_float),
    (datetime, instant_text),
    (date, lambda value: value.isoformat()),
    (timedelta, lambda value: value.total_seconds()),
    ((UUID, Decimal), str),
    (dict, _plain_dict),
    ((list, tuple), _plain_list),
    ((set, frozenset), lambda value: sorted(str(plain(item)) for item in value)),
)


_CANONICAL = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
)
_PLAIN_ALREADY = frozenset({str, int, bool, NoneType})
_FORM_OF: dict[type, Callable[[Any], object]] = {
    kind: form
    for kinds, form in _FORMS
    for kind in (kinds if isinstance(kinds, tuple) else (kinds,))
}


def plain(value: object) -> object:
    """Return ``value`` as JSON-able data; refuse what has no single form."""
    if type(value) in _PLAIN_ALREADY:
        return value
    known = _FORM_OF.get(type(value))
    if known is not None:
        return known(value)
    for kind, form in _FORMS:  # of a class of its own
        if isinstance(value, kind):
            return form(value)
    raise TypeError(f"no canonical form for {type(value).__name__}")


def canonical_bytes(value: object) -> bytes:
    """Return the one byte string that stands for ``value``."""
    return bytes_of_plain(plain(value))


def bytes_of_plain(value: object) -> bytes:
    """Return the same of what :func:`plain` gave, without walking through it once more."""
    return _CANONICAL.encode(value).encode()


def digest(value: object) -> str:
    """Return the SHA-256 of the canonical bytes, as lower-case hex."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()
