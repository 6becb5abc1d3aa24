"""Tables to take away: the same numbers as on the page, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from django.http import HttpResponse

from anlan.kernel.spreadsheet import quoted


def _cell(value: object) -> str:
    # A number may begin with its sign.
    return quoted(value) if isinstance(value, str) else "" if value is None else str(value)


#: Tells spreadsheets at the beginning of a file that it is UTF-8.
CSV_MARK = "\ufeff"


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as lines of CSV; a text that a spreadsheet would run as a formula is quoted."""
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return text.getvalue()


def csv_file(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponse:
    """Return a table as a file."""
    text = CSV_MARK + csv_text([head, *rows])
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
