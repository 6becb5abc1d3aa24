"""Large tables: in bounded memory, each reading once, whatever stops it half way."""

from __future__ import annotations

import csv
import json
import zipfile
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner

from anlan.entrypoints import clock
from anlan.entrypoints.cli.observations import observations
from anlan.infra import failpoints
from anlan.infra.failpoints import FailpointError
from anlan.sensing import public
from anlan.sensing.domain.errors import ImportUnreadableError
from anlan.sensing.domain.payload_map import map_from_toml
from anlan.sensing.models import Quarantine
from anlan.sensing.services import hands, tables
from tests.sensing.conftest import GATEWAY, NOW, STREET

pytestmark = pytest.mark.django_db(databases="__all__")
MAP = """
id = "t"
title_zh = "试"
title_en = "Test"
payload = "csv"
[csv]
columns = ["code", "at", "value"]
skip_lines = 1
[names]
code = ".code"
[[rows]]
stream = "{code}"
value = ".value"
time = { path = ".at", as = "s" }
"""
FOUND = map_from_toml(MAP)
START = int((NOW - timedelta(hours=5)).timestamp())


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "CHUNK_ROWS", 100)

    def make(count, odd=lambda n: None):
        path = tmp_path / "t.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["code", "at", "value"])
            for n in range(count):
                writer.writerow(odd(n) or ["s1", START + n, f"0.{n % 10}"])
        return path

    return make


def bring(path, *, actor=GATEWAY, dry_run=False, now=NOW, **more):
    return public.import_table(actor, path, FOUND, dry_run=dry_run, now=now, **more)


def kept():
    return public.read_observations("s1", NOW - timedelta(days=1), NOW + timedelta(days=1))


def test_a_dry_run_says_what_would_be_kept_and_keeps_nothing(city, table):
    odd = {3: ["s9", START, 1], 5: ["s1", "soon", 1], 7: ["s1", START, "?"]}
    path = table(250, odd.get)
    told = []
    done = bring(path, dry_run=True, refused=lambda *found: told.append(found))
    assert (done.lines, done.rows, done.kept) == (251, 250, 247)
    assert dict(done.refused) == {
        "observation.stream_unknown": 1,
        "payload.time_unreadable": 1,
        "payload.not_a_value": 1,
    }
    assert told[0] == (5, "observation.stream_unknown", f"s9,{START},1")
    assert kept() == ()
    real = bring(path)
    assert (real.kept, dict(real.refused)) == (done.kept, dict(done.refused))
    assert len(kept()) == 247
    assert Quarantine.objects.count() == 0


@pytest.mark.parametrize("turn", [1, 2, 3])
@pytest.mark.parametrize("step", ["observations.synced", "sensing.before_commit"])
def test_what_stopped_half_way_goes_on_without_doubles(city, table, step, turn):
    path = table(250)
    failpoints.arm(f"{step}:raise:{turn}")
    with pytest.raises(FailpointError):
        bring(path)
    failpoints.arm("")
    hands.let_go()  # as after a death: another process writes
    done = bring(path, now=NOW + timedelta(hours=1))
    assert (done.kept, len(kept())) == (250, 250)
    again = bring(path, now=NOW + timedelta(hours=2))
    assert (again.kept, len(kept())) == (250, 250)


def test_only_streams_of_the_own_areas_are_kept(city, table):
    path = table(10, lambda n: ["west", START + n, 1] if n < 5 else None)
    done = bring(path, actor=STREET)
    assert (done.kept, dict(done.refused)) == (5, {"observation.stream_unknown": 5})


def test_only_a_chunk_is_in_memory(city, table, monkeypatch):
    most = []
    take = tables._take

    def seen(actor, chunk, mark, **more):
        most.append(len(chunk.rows))
        return take(actor, chunk, mark, **more)

    monkeypatch.setattr(tables, "_take", seen)
    bring(table(1050), dry_run=True)
    assert (len(most), max(most)) == (11, 100)


def test_a_workbook_is_read_like_a_table(city, tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["time", "s1", "s2"])
    for n in range(3):
        book.active.append([datetime(2026, 7, 20, 15, n), 0.1 * n, None if n else 5])  # noqa: DTZ001
    path = tmp_path / "t.xlsx"
    book.save(path)
    shape = public.look_at(path)
    assert shape.columns == ("time", "s1", "s2")
    chosen = tables_guess(shape)
    done = public.import_table(GATEWAY, path, chosen, dry_run=False, now=NOW)
    assert (done.rows, done.kept, dict(done.refused)) == (6, 6, {})
    assert next(item.at.isoformat() for item in kept()) == "2026-07-20T07:00:00+00:00"


def tables_guess(shape):
    from anlan.sensing.domain.table_shapes import as_map, guessed

    return map_from_toml(
        as_map(shape, guessed(shape, "t", zone="Asia/Shanghai", streams=frozenset()))
    )


def test_what_is_no_workbook_or_too_large_unpacked_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "t.xlsx"
    path.write_bytes(b"no zip")
    with pytest.raises(ImportUnreadableError):
        public.look_at(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/sharedStrings.xml", b"0" * 5_000)
    monkeypatch.setattr(tables, "XLSX_TEXTS", 4_000)
    with pytest.raises(ImportUnreadableError, match="too large"):
        public.look_at(path)


@pytest.mark.parametrize(
    "change", [('payload = "csv"', 'payload = "csv"\n'), ('{ path = ".at", as = "s" }', '"now"')]
)
def test_a_map_whose_times_are_now_would_count_again_and_is_refused(table, change):
    wrong = map_from_toml(MAP.replace(*change))
    if change[1] == '"now"':
        with pytest.raises(ImportUnreadableError, match="now"):
            public.import_table(GATEWAY, table(3), wrong, dry_run=True, now=NOW)


def test_a_file_that_turns_out_to_be_in_another_encoding_says_where(city, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"code,at,value\n" + b"s1,1,1\n" * 3 + "井,1,1\n".encode("gb18030"))
    with pytest.raises(ImportUnreadableError, match="is not utf-8"):
        bring(path, dry_run=True)


def test_the_command_looks_proposes_counts_and_keeps(city, live, tmp_path, monkeypatch):
    class Standing:
        def now(self):
            return NOW

    monkeypatch.setattr(clock, "_current", Standing())
    path = tmp_path / "level.csv"
    path.write_text(
        "编码;时间;数值\ns1;2026-07-20 15:00:00;0.5\ns1;2026-07-20 15:01:00;x\n", encoding="gb18030"
    )
    path.write_text(path.read_text(encoding="gb18030").replace(";x", ";9"), encoding="gb18030")

    def run(*args):
        return CliRunner().invoke(
            observations, ["import", str(path), *args], env={"ANLAN_LANG": "en"}
        )

    looked = run()
    assert looked.exit_code == 0, looked.output
    assert 'stream = "{stream}"' in looked.output
    assert run("--propose", "level").exit_code == 0
    assert (live.connectors / "level.toml").exists()
    tried = run("--map", "level", "--dry-run", "--format", "json")
    assert json.loads(tried.output) == {
        "dry_run": True, "lines": 3, "rows": 2, "kept": 2, "refused": {},
    }  # fmt: skip
    assert kept() == ()
    path.write_text(
        "编码;时间;数值\ns1;2026-07-20 15:00:00;0.5\nzz;2026-07-20 15:01:00;1\n", encoding="gb18030"
    )
    refused = tmp_path / "refused.csv"
    done = run("--map", "level", "--refused", str(refused))
    assert done.exit_code == 1
    assert "3 lines, 2 readings, 1 kept." in done.output
    assert "observation.stream_unknown" in refused.read_text(encoding="utf-8-sig")
    assert len(kept()) == 1


def test_a_workbook_that_says_it_is_a_whole_sheet_is_read_as_far_as_it_is_written(city, tmp_path):
    """As spreadsheets write it when somebody once formatted a far cell: 17 thousand million cells."""
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["time", "s1"])
    book.active.append(["2026-07-20T07:00:00+00:00", 1])
    book.active.append(["2026-07-20T07:01:00+00:00"])
    book.save(tmp_path / "small.xlsx")
    path, sheet = tmp_path / "t.xlsx", "xl/worksheets/sheet1.xml"
    far = b'<row r="99999999999"><c r="XFD99999999999"><v>1</v></c></row></sheetData>'
    with zipfile.ZipFile(tmp_path / "small.xlsx") as small, zipfile.ZipFile(path, "w") as packed:
        for name in small.namelist():
            part = small.read(name)
            if name == sheet:
                part = part.replace(b'ref="A1:B3"', b'ref="A1:XFD1048576"')
                part = part.replace(b"</sheetData>", far)
            packed.writestr(name, part)
    found = list(tables._sheet(path))
    assert found[:3] == [
        ["time", "s1"],
        ["2026-07-20T07:00:00+00:00", "1"],
        ["2026-07-20T07:01:00+00:00", ""],
    ]
    assert sum(map(len, found)) < 2 * tables.XLSX_LINES + tables.XLSX_COLUMNS
