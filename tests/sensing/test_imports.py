"""Signs from files: previewed, imported once, each bad line named and kept aside."""

from __future__ import annotations

import itertools
import json

import pytest

from anlan.infra import contents
from anlan.sensing import public, selectors
from anlan.sensing.domain.errors import ImportUnreadableError
from anlan.sensing.models import Quarantine, Report, Signal
from anlan.sensing.services.imports import import_observations, import_reports, import_signals
from tests.sensing.conftest import GATEWAY, NOW
from tests.sensing.domain.messages import message

pytestmark = pytest.mark.django_db(databases="__all__")
REPORTS = """text,lat,lon,contact_name,known_at,mood
三单元燃气味,34.2,113.2,张三,2026-07-20T15:00:00+08:00,
"two
lines",,,,,
,,,,,odd
"""
READINGS = """stream,at,value,unit
s1,2026-07-20T15:00:00+08:00,0.5,m
s1,2026-07-20T15:05:00+08:00,,
s1,yesterday,1,
nope,2026-07-20T15:00:00+08:00,1,
s2,2026-07-20T15:00:00+08:00,abc,
s2,2026-07-20T15:00:00+08:00,NaN,
"""


@pytest.fixture
def a_file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def reports(path, *, dry_run=False):
    count = itertools.count()
    return import_reports(
        GATEWAY, path, new_secret=lambda: f"s{next(count)}", dry_run=dry_run, now=NOW
    )


def test_reports_from_csv(city, a_file):
    done = reports(a_file("r.csv", "\ufeff" + REPORTS))
    assert (done.read, done.kept, done.faults) == (3, 3, [])
    first, second, third = Report.objects.order_by("id")
    assert (first.hazard, first.area, first.known_at.hour) == ("gas.leak", "410102001", 7)
    assert selectors.report_said(first.pk).contact == {"name": "张三"}
    assert selectors.report_said(second.pk).text == "two\nlines"
    assert third.flags == ["extra_fields", "empty"]
    assert [number for number, _ in done.receipts] == [first.number, second.number, third.number]


def test_a_file_imported_twice_has_no_second_effect(city, a_file):
    path = a_file("r.csv", REPORTS)
    reports(path)
    again = reports(path)
    assert (again.kept, Report.objects.count()) == (3, 3)
    readings = a_file("o.csv", READINGS)
    for _ in range(2):
        import_observations(GATEWAY, readings, dry_run=False, now=NOW)
    assert public.last_batch_id() == 1


def test_reports_from_jsonl_with_bad_lines(city, a_file):
    lines = ['{"text": "a"}', "", "not json", "[1]", json.dumps({"text": "x" * 10_001})]
    done = reports(a_file("r.jsonl", "\n".join(lines)))
    assert (done.read, done.kept) == (4, 1)
    assert [(f.where, f.code) for f in done.faults] == [
        ("line 3", "report.malformed"),
        ("line 4", "report.malformed"),
        ("line 5", "report.text_too_long"),
    ]
    assert (
        contents.get(Quarantine.objects.get(pk=done.faults[0].quarantine).raw_content)
        == b"not json"
    )
    assert reports(a_file("r.jsonl", "\n".join(lines))).faults == done.faults
    assert Quarantine.objects.count() == 3


def test_cells_beyond_the_header_are_kept_too(city, a_file):
    done = reports(a_file("r.csv", "channel,text\nhotline,积水,到膝盖\n"))
    assert (done.kept, done.faults) == (1, [])
    row = Report.objects.get()
    assert row.flags == ["extra_fields"]
    assert "到膝盖".encode() in contents.get(row.said_content)


def test_readings_from_csv(city, a_file):
    done = import_observations(GATEWAY, a_file("o.csv", READINGS), dry_run=False, now=NOW)
    assert (done.read, done.kept) == (6, 2)
    assert [(f.where, f.code) for f in done.faults] == [
        ("line 4", "observation.row_malformed"),
        ("line 5", "observation.stream_unknown"),
        ("line 6", "observation.row_malformed"),
        ("line 7", "observation.not_a_number"),
    ]
    (batch,) = public.batches_after(0, 10)
    assert [(o.value, o.quality.value) for o in batch.observations] == [
        (50.0, "good"),
        (None, "missing"),
    ]
    (row,) = Quarantine.objects.all()
    assert {f.quarantine for f in done.faults} == {row.pk}


def test_signals_from_a_folder(city, tmp_path, a_file):
    a_file("1.xml", message())
    a_file("2.cap", b"<no/>")
    a_file("3.txt", b"ignored")
    done = import_signals(GATEWAY, tmp_path, dry_run=False, now=NOW)
    assert (done.read, done.kept) == (2, 1)
    assert (done.faults[0].where, done.faults[0].code) == ("2.cap", "cap.not_cap")
    assert Quarantine.objects.get().pk == done.faults[0].quarantine
    again = import_signals(GATEWAY, tmp_path, dry_run=False, now=NOW)
    assert (again.kept, again.faults) == (1, done.faults)
    assert Quarantine.objects.count() == 1


def test_a_preview_finds_the_same_and_changes_nothing(city, tmp_path, a_file):
    for run in (
        lambda dry: reports(a_file("r.jsonl", '{"text": "a"}\nnot json'), dry_run=dry),
        lambda dry: import_observations(GATEWAY, a_file("o.csv", READINGS), dry_run=dry, now=NOW),
        lambda dry: import_signals(GATEWAY, a_file("s.xml", b"<no/>"), dry_run=dry, now=NOW),
    ):
        batches = public.last_batch_id()
        preview = run(True)
        tables = (Report, Signal, Quarantine)
        assert not any(table.objects.exists() for table in tables)
        assert public.last_batch_id() == batches
        real = run(False)
        assert (preview.read, preview.kept) == (real.read, real.kept)
        assert [f.code for f in preview.faults] == [f.code for f in real.faults]
        assert all(f.quarantine is None for f in preview.faults)
        for table in tables:
            table.objects.all().delete()


@pytest.mark.parametrize(
    ("name", "content"),
    [("o.csv", "a,b\n1,2"), ("o.csv", b"\xff\xfe\x00"), ("o.csv", "")],
)
def test_a_file_that_is_something_else_is_refused(city, a_file, name, content):
    with pytest.raises(ImportUnreadableError):
        import_observations(GATEWAY, a_file(name, content), dry_run=False, now=NOW)


def test_reports_need_a_known_kind_of_file(city, a_file):
    with pytest.raises(ImportUnreadableError):
        reports(a_file("r.xlsx", b"PK"))
