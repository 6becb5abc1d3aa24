"""Tables to take away: the same numbers as on the page, as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from django.http import HttpResponse

#: What begins a formula, also in full width as spreadsheets in Chinese take it; some skip
#: blanks before it, seen and unseen ones.
FORMULA = re.compile("[\\s\u200b-\u200d\u2060\ufeff]*[-=+@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    # A spreadsheet would run it; a number may begin with its sign.
    return f"'{text}" if isinstance(value, str) and FORMULA.match(text) else text


def csv_file(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponse:
    """Return a table as a file; a text that a spreadsheet would run as a formula is quoted."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    # The mark at the beginning tells spreadsheets that it is UTF-8.
    answer = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
