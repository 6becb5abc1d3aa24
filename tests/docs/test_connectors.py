"""Checklists of connectors: every line is there, and what it names exists."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "connectors.md"
FILES = sorted((ROOT / "docs" / "reference" / "connectors").glob("*.toml"))
LINES = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
KEYS = {"done": "evidence", "exempt": "reason", "open": "reason"}


def test_there_are_checklists_and_lines():
    assert {"http-json", "sensor-things", "webhook", "tables", "cap"} <= {x.stem for x in FILES}
    assert len(LINES) == 12


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_line_is_done_exempt_or_open_and_says_why(path):
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    assert found.pop("title_zh").strip()
    assert found.pop("title_en").strip()
    assert sorted(found) == sorted(LINES)
    for name, line in found.items():
        key = KEYS[line["status"]]
        assert set(line) == {"status", key}, name
        if key == "reason":
            assert len(line["reason"]) > 20, name
            continue
        assert line["evidence"], name
        for evidence in line["evidence"]:
            file, _, test = evidence.partition("::")
            assert (ROOT / file).is_file(), evidence
            if file.endswith(".py"):
                assert test in names_of_tests(ROOT / file), evidence


def names_of_tests(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
