"""Spans as people write them in packs: ``90s``, ``30m``, ``2h``, ``5d``."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


@lru_cache(maxsize=1024)  # a city has very many sensors, and few intervals
def parse_span(text: str) -> timedelta:
    """Return the span that ``text`` states; compound spans such as ``1h30m`` are allowed.

    Raises
    ------
    ValueError
        When the text is not a span.
    """
    found = _SPAN.findall(text)
    if not found or "".join(f"{number}{unit}" for number, unit in found) != text:
        raise ValueError(f"not a span of time: {text!r} (write 90s, 30m, 2h, 5d or 1h30m)")
    return sum((timedelta(**{_UNITS[unit]: float(number)}) for number, unit in found), timedelta())


def span_text(span: timedelta) -> str:
    """Return the shortest text that :func:`parse_span` reads as ``span``."""
    seconds = span.total_seconds()
    if seconds < 0:
        raise ValueError("a span is not negative")
    whole = int(seconds)
    if whole != seconds:
        return f"{seconds:g}s"
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
