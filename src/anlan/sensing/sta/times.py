"""Instants, periods and spans as the standard writes them, in µs since 1970 UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anlan.sensing.services.framing import from_us, to_us

INSTANT = r"\d{4}-\d\d-\d\d(?:[Tt]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+\- ]\d\d:?\d\d)?)?"
SPAN = (
    r"[+-]?P(?:\d{1,6}W|(?:\d{1,7}D)?(?:T(?:\d{1,9}H)?(?:\d{1,9}M)?(?:\d{1,9}(?:\.\d{1,6})?S)?)?)"
)
_SPAN = re.compile(
    r"([+-]?)P(?:(\d{1,6})W)?(?:(\d{1,7})D)?"
    r"(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,6})?)S)?)?\Z"
)
_FRACTION = re.compile(r"\.(\d{6})\d+")


def instant_us(text: str, *, zone_needed: bool = False) -> int:
    """Return an instant; without an offset it is UTC, unless one is needed.

    Raises
    ------
    ValueError
        When it is none.
    """
    # A plus sign that was not escaped in an address arrives as a space.
    found = datetime.fromisoformat(_FRACTION.sub(r".\1", text).replace(" ", "+").upper())
    if found.tzinfo is None:
        if zone_needed:
            raise ValueError("no offset")
        found = found.replace(tzinfo=UTC)
    return to_us(found)


def span_us(text: str) -> int:
    """Return a span of weeks, days, hours, minutes and seconds; months have no length.

    Raises
    ------
    ValueError
        When it is none.
    """
    found = _SPAN.match(text)
    if found is None or text[-1] in "PT":
        raise ValueError("no span of weeks, days, hours, minutes or seconds")
    weeks, days, hours, minutes = (int(part or 0) for part in found.groups()[1:5])
    seconds = float(found[6] or 0)
    span = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    whole = span // timedelta(microseconds=1)
    return -whole if found[1] == "-" else whole


def period_us(text: str) -> tuple[int, int]:
    """Return a period ``begin/end``, either of which may be a span.

    Raises
    ------
    ValueError
        When it is none, or ends before it begins.
    """
    begin, _, end = text.partition("/")
    if begin.lstrip("+-").startswith("P"):
        last = instant_us(end)
        first = last - span_us(begin)
    else:
        first = instant_us(begin)
        last = first + span_us(end) if end.lstrip("+-").startswith("P") else instant_us(end)
    if last < first:
        raise ValueError("it ends before it begins")
    from_us(first), from_us(last)
    return first, last


def one_written(at_us: int) -> str:
    """Return one instant as text."""
    return written(np.array([at_us], np.int64))[0]


def written(times: NDArray[np.int64]) -> list[str]:
    """Return instants as text, with milliseconds, or more where there is more."""
    unit: Literal["us", "ms"] = "us" if (times % 1000).any() else "ms"
    texts = np.datetime_as_string(times.astype("M8[us]"), unit=unit)
    return [f"{text}Z" for text in texts.tolist()]


def each_written(times: NDArray[np.int64]) -> list[str]:
    """Return instants as text, each as it would be by itself: as they stand in ids."""
    texts = np.datetime_as_string(times.astype("M8[us]"), unit="us").tolist()
    return [f"{text.removesuffix('000')}Z" for text in texts]
