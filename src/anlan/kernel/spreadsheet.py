"""Texts in tables that people open in a spreadsheet: none of them runs as a formula there.

A text that a spreadsheet would run gets an apostrophe before it, and loses it when the table is
read back; a text that has one of its own before such a beginning gets a second one.
"""

from __future__ import annotations

import re

#: What begins a formula, also in full width as spreadsheets in Chinese take it; some skip
#: blanks before it, seen and unseen ones.
_RUNS = "(?:[\\s\u200b-\u200d\u2060\ufeff]*[-=+@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])"
_TO_QUOTE = re.compile(f"'*{_RUNS}")
_QUOTED = re.compile(f"''*{_RUNS}")


def quoted(text: str) -> str:
    """Return a text as it may stand in a table."""
    return f"'{text}" if _TO_QUOTE.match(text) else text


def unquoted(text: str) -> str:
    """Return the text for which a cell of such a table stands."""
    return text[1:] if _QUOTED.match(text) else text
