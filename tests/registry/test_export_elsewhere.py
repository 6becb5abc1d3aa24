"""A city edited by hand is taken out and brought into a workspace of its own: it is the same city."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from anlan.registry import public
from anlan.registry.domain import city as c
from anlan.registry.domain.edits import RiskPointEdit
from anlan.registry.domain.entry_edits import EntriesEdit, following
from anlan.registry.models import Duty
from anlan.registry.services.versions import version_edit
from tests.registry.loads import load
from tests.registry.small_city import ADMIN, NOW

pytestmark = pytest.mark.django_db(databases="__all__")
ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 11, 23)
LATER = NOW + timedelta(minutes=5)


def take(edit):
    matter = edit.matter if isinstance(edit, EntriesEdit) else edit.key
    seen = public.fingerprint_of(edit.section, matter)
    public.take_edit(ADMIN, edit, seen=seen, reason="第 3 号通知", now=LATER)


def entry(section, key):
    return public.record(ADMIN, section, key, at=NOW).entry


def everything():
    """Edit one thing of every kind."""
    west = replace(entry("areas", "410103"), name_zh="新西区", valid_to=date(2030, 1, 1))
    rest = [
        [113.5, 34.0],
        [114.0, 34.0],
        [114.0, 35.0],
        [113.0, 35.0],
        [113.0, 34.5],
        [113.5, 34.5],
    ]
    geometry = {"type": "Polygon", "coordinates": [[*rest, rest[0]]]}
    outline = c.Shape(code="410103", schematic=False, geometry=geometry)
    take(EntriesEdit("areas", (west,), TODAY, key="410103", shapes=(outline,)))
    grid = c.Area(code="410103-1", kind="grid", name_zh="一号网格", parent="410103")
    take(EntriesEdit("areas", (grid,), TODAY, key="410103-1", is_new=True))
    take(EntriesEdit("areas", (replace(entry("areas", "kfq"), parent="410103"),), TODAY, key="kfq"))
    unit = c.Organisation(code="west", name_zh="西区应急局", kind="department", area="410103")
    take(EntriesEdit("organisations", (unit,), TODAY, key="west", is_new=True))
    post = c.Post(
        code="west-desk",
        name_zh="西区值班",
        organisation="west",
        area="410103",
        superior="commander",
    )
    take(EntriesEdit("posts", (post,), TODAY, key="west-desk", is_new=True))
    row = Duty.objects.get(area="410102", hazard="met.*")
    line = entry("duties", str(row.pk))
    new = replace(line, post="operator", basis="Decision No 2")
    entries, gone = following("duties", (line,), new, on=TODAY + timedelta(days=3), today=TODAY)
    take(EntriesEdit("duties", entries, TODAY + timedelta(days=3), "410102", str(row.pk), gone))
    take(RiskPointEdit("culvert-1", "commander", None, "plan-flood", TODAY))
    low = {"limits": [{"level": "red", "raise_at": 5.0, "clear_at": 2.0}]}
    take(version_edit("rules", "gas.high", low, on=TODAY, today=TODAY))
    take(
        version_edit("rules", "gas.high", {"hold": "1m"}, on=TODAY + timedelta(days=2), today=TODAY)
    )
    take(version_edit("clocks", "clock.gas", {"limit": "5m"}, on=TODAY, today=TODAY))


#: All commands in one process: starting one takes longer than what it does.
COMMANDS = """
import sys
from anlan.entrypoints.cli import root
for line in sys.argv[1:]:
    root(line.split(), standalone_mode=False)
"""


def anlan(workspace, *lines):
    ended = subprocess.run(
        [sys.executable, "-c", COMMANDS, *lines],
        env={**os.environ, "ANLAN_WORKSPACE": str(workspace), "PYTHONPATH": str(ROOT / "src")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def files_of(folder):
    return {path.name: path.read_text("utf-8") for path in sorted(folder.iterdir())}


def test_what_was_edited_is_the_same_city_elsewhere(tmp_path):
    load()
    everything()
    public.export_city(ADMIN, tmp_path / "out" / "city")
    anlan(
        tmp_path / "elsewhere",
        "init",
        f"city load --yes {tmp_path / 'out' / 'city'}",
        f"city export {tmp_path / 'again' / 'city'}",
    )
    first, second = files_of(tmp_path / "out" / "city"), files_of(tmp_path / "again" / "city")
    assert first.keys() == second.keys()
    for name in set(first) - {"duties.csv", "rosters.csv"}:
        assert first[name] == second[name], name
    for name in ("duties.csv", "rosters.csv"):  # in the order in which they were entered
        assert sorted(first[name].splitlines()) == sorted(second[name].splitlines())
    for words in ("新西区", "west-desk", "Decision No 2", "410103-1"):
        assert any(words in text for text in second.values()), words
    assert second["rules.yaml"].count("id: gas.high") == 2
