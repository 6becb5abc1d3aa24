"""Tables to take away: no text of somebody else's runs in a spreadsheet."""

import csv
import io

import pytest

from anlan.entrypoints.web.csvfile import csv_file


def read(rows):
    text = csv_file("x.csv", ("a", "b"), rows).content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))[1:]


@pytest.mark.parametrize(
    "text",
    ["=cmd|' /C calc'!A1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u3000=1",
     "\uff1d1", "\uff0b1", "\uff0d1", "\uff20A1", "\u200b=1", "\ufeff=1"],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_is_quoted(text):
    ((shown, _),) = read([(text, "")])
    assert shown == f"'{text}"


@pytest.mark.parametrize(("value", "shown"), [(-5, "-5"), (None, ""), ("a=b", "a=b"), (1.5, "1.5")])
def test_numbers_and_plain_text_stay(value, shown):
    assert read([(value, "x")]) == [[shown, "x"]]
