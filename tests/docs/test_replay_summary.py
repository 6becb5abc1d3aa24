"""The page about the summary of a replay names every field, and no other."""

import re
from pathlib import Path

import msgspec

from anlan.learning.domain import summary

PAGE = Path(__file__).parents[2] / "docs/reference/replay-summary.md"
ROWS = {
    "inputs": summary.InputRow,
    "raised": summary.RaisedRow,
    "climbed": summary.ClimbRow,
    "figures": summary.FigureRow,
    "open_cases": summary.OpenRow,
    "claims": summary.ClaimRow,
    "ordinary": summary.OrdinaryRow,
}


def fields(struct: type[msgspec.Struct]) -> set[str]:
    return {field.name for field in msgspec.structs.fields(struct)}


def told() -> tuple[set[str], dict[str, set[str]]]:
    """Return the fields that the page names: of the whole, and of each kind of row."""
    whole, rows = PAGE.read_text().split("## The whole")[1].split("## Rows")
    names = re.compile(r"`(\w+)`")
    of_whole = {
        name for line in whole.splitlines() for name in names.findall(line[:100].split(" | ")[0])
    }
    found: dict[str, set[str]] = {}
    of = ""
    for line in rows.splitlines()[4:]:
        cells = line.split("|")
        of = "".join(names.findall(cells[1])) or of
        found.setdefault(of, set()).update(names.findall(cells[2]))
    return of_whole, found


def test_the_page_names_every_field_and_no_other():
    whole, rows = told()
    assert whole == fields(summary.Summary)
    assert rows == {name: fields(struct) for name, struct in ROWS.items()}
    assert all(f"`{name}`" in PAGE.read_text() for name in fields(summary.RuleCount))
