"""What people do to tables and forms of the registry who mean harm, or whom others cross."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.infra.models import ContentItem
from anlan.kernel.actor import Role
from anlan.registry import public as registry
from anlan.registry.models import Area, Duty
from anlan.registry.services import bringing, editing
from tests.entrypoints.keeping import DISTRICT, TODAY, seen_of
from tests.entrypoints.test_pages import an_account, send, signed_in
from tests.entrypoints.test_registry_tables import (
    brought,
    confirmed,
    counts,
    lines_of,
    taken,
    taken_out,
    written,
)

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]


def test_a_gap_of_the_day_after_tomorrow_is_told_today(admin):
    day = (TODAY + timedelta(days=2)).isoformat()
    lines = lines_of(taken_out(admin, "duties"))
    for line in lines:
        line["valid_to"] = day
    text = brought(admin, "duties", written(lines)).content.decode()
    assert counts(text)["changed"] == len(lines)
    assert "duty.none" in text
    assert 'name="revision"' not in text
    assert not Duty.objects.filter(valid_to=day).exists()


def test_more_days_than_can_be_looked_at(admin):
    lines = lines_of(taken_out(admin, "duties"))[:20]
    for number, line in enumerate(lines, start=1):
        line["valid_to"] = (TODAY + timedelta(days=number)).isoformat()
    answer = brought(admin, "duties", written(lines))
    assert (answer.status_code, "edit.days_many" in answer.content.decode()) == (422, True)


def test_two_at_once_do_not_lose_each_other_s_change(admin, monkeypatch):
    lines = lines_of(taken_out(admin, "areas", f"?area={DISTRICT}"))[:1]
    lines[0]["name_en"] = "A"
    first = brought(admin, "areas", written(lines)).content.decode()
    lines[0]["name_en"] = "B"
    second = written(lines)
    put, crossed = editing._put, []

    def crossing(*given, **named):
        if not crossed:
            crossed.append(1)
            assert taken(admin, "areas", second).status_code == 303
        return put(*given, **named)

    monkeypatch.setattr(editing, "_put", crossing)
    answer = confirmed(admin, "areas", first)
    assert registry.area(lines[0]["code"]).name_en == "B"
    assert answer.status_code == 409


def test_areas_one_below_the_other_a_thousand_times(admin):
    blank = dict.fromkeys(lines_of(taken_out(admin, "areas"))[0], "")
    lines, above = [], DISTRICT
    for number in range(1500):
        code = f"D-{number}"
        lines.append({**blank, "code": code, "kind": "grid", "name_zh": "深", "parent": above})
        above = code
    answer = brought(admin, "areas", written(lines))
    taken = confirmed(admin, "areas", answer.content.decode())
    assert (taken.status_code, "edit.area_deep" in taken.content.decode()) == (422, True)
    assert not Area.objects.filter(pk="D-0").exists()


@pytest.mark.parametrize(
    "outline",
    [
        b'{"type":"\\ud800"}',
        b'{"type":"Polygon","coordinates":[[[1,1],[2,2],[1,1],[NaN,1]]]}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"type":"Polygon","coordinates":[[["\\ud800",1],[2,2],[1,1],[1,1]]]}',
        b'{"a":' + b"9" * 5000 + b"}",
        '{"type":"Point","名":"\u202e"}'.encode(),
    ],
)
def test_an_outline_that_is_none(admin, outline):
    page = f"/registry/areas/{DISTRICT}/edit"
    seen = seen_of(admin.get(page).content.decode())
    file = SimpleUploadedFile("a.geojson", outline)
    fields = {"name_zh": "x", "kind": "district", "parent": "410100", "touches": ""}
    answer = send(
        admin, page, page, step="preview", seen=seen, reason="r", outline_file=file, **fields
    )
    assert answer.status_code == 422, answer.content.decode()[-500:]


def test_an_area_is_not_moved_below_what_one_does_not_govern(admin):
    keeper = signed_in(an_account("system_admin", (DISTRICT,), name="part"), Role.SYSTEM_ADMIN)
    lines = lines_of(taken_out(admin, "areas"))
    ours = next(x for x in lines if x["parent"] == DISTRICT)
    theirs = next(x for x in lines if x["code"] == "410102")
    ours["parent"] = "410102"
    answer = brought(keeper, "areas", written([ours, theirs]))
    text = answer.content.decode()
    assert answer.status_code == 200, text[-1500:]
    assert counts(text)["refused"] == 2
    assert Area.objects.get(pk=ours["code"]).parent_id == DISTRICT


def test_lines_of_a_duty_table_cost_no_query_each(admin):
    keeper = signed_in(an_account("system_admin", (DISTRICT,), name="part"), Role.SYSTEM_ADMIN)
    (line, *_) = lines_of(taken_out(admin, "duties", f"?area={DISTRICT}"))
    asked = []
    for many in (1, 20):
        lines = [
            {
                **line,
                "basis": f"第 {n} 号",
                "valid_from": (TODAY + timedelta(days=n + 1)).isoformat(),
            }
            for n in range(many)
        ]
        brought(keeper, "duties", written(lines))
        with CaptureQueriesContext(connection) as seen:
            assert brought(keeper, "duties", written(lines)).status_code == 200
        asked.append(len(seen))
    assert asked[0] == asked[1]


def test_a_level_that_there_is_not_answers_for_nothing(admin):
    (line, *_) = lines_of(taken_out(admin, "duties", f"?area={DISTRICT}"))
    line |= {"level": "purple", "valid_from": TODAY.isoformat()}
    text = brought(admin, "duties", written([line])).content.decode()
    assert counts(text)["refused"] == 1


def test_a_table_of_which_nothing_can_be_taken_is_not_kept(admin):
    before = ContentItem.objects.using("contents").filter(kind=bringing.KIND).count()
    people = "code,name,phone\nH1,张三,13812345678\n".encode()
    assert brought(admin, "posts", people).status_code == 200
    assert ContentItem.objects.using("contents").filter(kind=bringing.KIND).count() == before


def test_all_that_changes_in_a_line_is_told(admin):
    lines = lines_of(taken_out(admin, "rosters"))
    line = next(x for x in lines if x["deputy"])
    line |= {"deputy": "", "valid_to": (TODAY + timedelta(days=3)).isoformat()}
    text = brought(admin, "rosters", written([line])).content.decode()
    assert counts(text)["changed"] == 1
    assert line["valid_to"] in text


def test_a_night_without_anybody_is_told_of_another_deputy_s_line_too(admin):
    day = (TODAY + timedelta(days=3)).isoformat()
    lines = lines_of(taken_out(admin, "rosters"))
    post = next(x["post"] for x in lines if x["deputy"])
    mine = [{**x, "deputy": "", "valid_to": day} for x in lines if x["post"] == post]
    text = brought(admin, "rosters", written(mine)).content.decode()
    assert "post.no_holder" in text


def test_what_the_planned_end_of_an_area_opens_is_told_and_can_be_planned(admin):
    day = (TODAY + timedelta(days=30)).isoformat()
    lines = [x for x in lines_of(taken_out(admin, "areas")) if x["code"] == DISTRICT]
    lines[0]["valid_to"] = day
    text = brought(admin, "areas", written(lines)).content.decode()
    assert "code.expired" in text
    assert confirmed(admin, "areas", text).status_code == 303
