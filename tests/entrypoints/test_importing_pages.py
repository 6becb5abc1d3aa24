"""Tables of readings over the pages: nothing is kept before it was counted, and nothing twice."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from anlan.entrypoints import here
from anlan.kernel.actor import Role
from anlan.sensing import public as sensing
from anlan.sensing.services import table_jobs, tables
from tests.entrypoints.test_pages import (
    NOW,
    Clock,
    _quick_hashes,
    an_account,
    demo,
    send,
    signed_in,
)

__all__ = ["Clock", "_quick_hashes", "demo"]
pytestmark = pytest.mark.django_db(databases="__all__")
ADDRESS = "/readings/import"
HEAD = "code;time;value\n"


def lines(hour=11):
    return [f"POND-01;2026-11-23 {hour:02d}:{n:02d}:00;{n}" for n in range(30)]


def upload(client, text, name="level.csv"):
    file = SimpleUploadedFile(name, text.encode("gb18030"), content_type="text/csv")
    return send(client, ADDRESS, f"{ADDRESS}/begin", table=file)


def begun(client, *, hour=11, text=""):
    answer = upload(client, text or HEAD + "\n".join(lines(hour)))
    assert answer.status_code == 303, answer.content.decode()
    return answer["Location"]


def act(client, page, what, **fields):
    key = page.rpartition("=")[2]
    return send(client, page, f"{ADDRESS}/act", table=key, act=what, **fields)


def work(times=100):
    for _ in range(times):
        sensing.advance_tables(now=NOW, goes_on=lambda: True)


def kept():
    return sensing.read_observations("POND-01", NOW - timedelta(days=1), NOW + timedelta(days=1))


CHOSEN = {"time": "1", "zone": "Asia/Shanghai", "stream": "0", "code-2": "*", "name": "levels"}


@pytest.fixture
def officer(demo):
    shutil.rmtree(here.workspace().imports, ignore_errors=True)
    return signed_in(an_account("duty_officer"))


def test_look_choose_count_keep_and_remember(officer):
    before = len(kept())
    page = begun(officer)
    text = officer.get(f"{page}&lang=en").content.decode()
    assert "columns to be confirmed" in text
    assert '<option value="1" selected>time' in text
    assert '<option value="0" selected>code' in text
    assert act(officer, page, "keep").status_code == 303
    work()
    assert len(kept()) == before, "kept before it was counted"
    assert act(officer, page, "try", **CHOSEN).status_code == 303
    assert "being worked on" in officer.get(f"{page}&lang=en").content.decode()
    work()
    text = officer.get(f"{page}&lang=en").content.decode()
    assert "30 can be kept" in text
    assert len(kept()) == before
    assert act(officer, page, "keep").status_code == 303
    work()
    assert "30 kept" in officer.get(f"{page}&lang=en").content.decode()
    assert len(kept()) == before + 30
    assert (here.workspace().connectors / "levels.toml").exists()
    assert act(officer, page, "discard").status_code == 303
    assert officer.get(page).status_code == 404
    assert len(kept()) == before + 30


def test_a_clockwork_that_dies_half_way_is_followed_by_one_that_keeps_nothing_twice(
    officer, monkeypatch
):
    monkeypatch.setattr(tables, "CHUNK_ROWS", 7)
    before = len(kept())
    page = begun(officer, hour=9)
    act(officer, page, "try", **CHOSEN)
    work()
    act(officer, page, "keep")
    turns = iter([True, True, False])
    sensing.advance_tables(now=NOW, goes_on=lambda: next(turns))
    assert len(kept()) == before + 14
    table_jobs._running.clear()
    work()
    assert len(kept()) == before + 30
    assert "30 kept" in officer.get(f"{page}&lang=en").content.decode()


def test_what_cannot_be_kept_is_told_with_its_reason_and_handed_out(officer):
    page = begun(officer, text=HEAD + "\n".join([*lines()[:2], "NOBODY;2026-11-23 11:00:00;1"]))
    act(officer, page, "try", **CHOSEN)
    work()
    text = officer.get(f"{page}&lang=en").content.decode()
    assert "2 can be kept" in text
    assert "What cannot be kept" in text
    key = page.rpartition("=")[2]
    answer = send(officer, page, f"{ADDRESS}/refused", table=key)
    body = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert body.splitlines()[1] == "4,observation.stream_unknown,NOBODY;2026-11-23 11:00:00;1"


@pytest.mark.parametrize(
    "change", [{"time": "2"}, {"time": "9"}, {"code-2": ""}, {"zone": "Nowhere/At-All"}]
)
def test_columns_that_cannot_be_used_so_are_told_and_the_form_is_given_back(officer, change):
    page = begun(officer)
    answer = act(officer, page, "try", **(CHOSEN | change))
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert 'value="levels"' in answer.content.decode()


def test_a_table_is_its_owner_s_alone_and_what_is_none_is_refused(demo, officer):
    page = begun(officer)
    other = signed_in(an_account("commander"), Role.COMMANDER)
    assert other.get(page).status_code == 404
    assert other.get(f"{ADDRESS}?table=../../keys").status_code == 404
    answer = upload(officer, "no table")
    assert answer.status_code == 422
    assert (
        "import.unreadable" in answer.content.decode() or 'role="alert"' in answer.content.decode()
    )
    assert upload(officer, "no book", "x.xlsx").status_code == 422
    assert len(list(here.workspace().imports.iterdir())) == 1


def test_while_it_is_worked_on_nothing_else_can_be_chosen(officer):
    page = begun(officer)
    act(officer, page, "try", **CHOSEN)
    assert act(officer, page, "try", **CHOSEN).status_code == 409


def test_tables_go_after_a_week(officer):
    page = begun(officer)
    assert sensing.sweep_tables(now=NOW + timedelta(days=6)) == 0
    assert sensing.sweep_tables(now=NOW + timedelta(days=8)) == 1
    assert officer.get(page).status_code == 404
