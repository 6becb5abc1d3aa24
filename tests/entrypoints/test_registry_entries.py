"""Registry pages: areas, units, posts and duties entered, changed, refused, and exported."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.entrypoints.web import entry_forms, wording
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Role
from anlan.registry import public as registry
from anlan.registry.models import Duty
from tests.entrypoints.keeping import DISTRICT, TODAY, TUNNEL, change, hidden, preview, text_of
from tests.entrypoints.test_pages import NOW, TEST, an_account, send, signed_in

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]
LATER = NOW + timedelta(minutes=1)
SQUARE = [[113.6, 34.7], [113.61, 34.7], [113.61, 34.71], [113.6, 34.71], [113.6, 34.7]]


def fields_of(client, page):
    """Return what a form is filled with, as a browser would send it back."""
    text = text_of(client, page)
    form = max(re.findall(r"<form.*?</form>", text, re.DOTALL), key=len)
    values = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    for name, body in re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', body)
        values[name] = chosen[1] if chosen else ""
    values |= dict(re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>(.*?)</textarea>', form, re.DOTALL))
    values |= dict(re.findall(r'name="(act|in_force)" value="(\w+)" checked', form))
    drop = {"csrfmiddlewaretoken", "step", "seen", "reason", "outline_file"}
    return {name: html.unescape(value) for name, value in values.items() if name not in drop}


def edited(client, page, **given):
    return change(client, page, **{**fields_of(client, page), **given})


class TestForms:
    @pytest.mark.parametrize(
        ("kind", "key"),
        [("areas", DISTRICT), ("organisations", None), ("posts", "P-DUTY")],
    )
    def test_a_form_sent_as_it_was_opened_changes_nothing(self, admin, kind, key):
        if key is None:
            key = registry.choices(TEST, "organisations")[0][0]
        page = f"/registry/{kind}/{key}/edit"
        answer = preview(admin, page, **fields_of(admin, page))
        assert answer.status_code == 422, answer.content.decode()
        assert "edit.empty" in answer.content.decode()

    def test_an_area_gets_another_name(self, admin):
        page = f"/registry/areas/{DISTRICT}"
        answer = edited(admin, f"{page}/edit", name_en="North district")
        assert answer["Location"] == f"{page}?done=1"
        text = text_of(admin, page)
        assert "<ins>North district</ins>" in text
        assert "第 3 号通知" in text
        assert registry.area(DISTRICT).name_en == "North district"

    def test_a_new_grid_with_an_outline(self, admin):
        grid = next(x for x in registry.areas_under(DISTRICT) if x.kind == "community")
        page = "/registry/new/areas"
        given = {
            "code": "410108-G1", "kind": "grid", "name_zh": "一号网格", "name_en": "",
            "parent": grid.code, "touches": "", "valid_from": "", "valid_to": "", "outline": "",
        }  # fmt: skip
        document = {"type": "Feature", "properties": {}, "geometry": registry.shape_of(grid.code)}
        file = SimpleUploadedFile("g.geojson", json.dumps(document).encode())
        shown = preview(admin, page, **given, outline_file=file)
        text = shown.content.decode()
        assert shown.status_code == 200, text
        assert "边界" in text
        assert re.findall(r"<code>([\w.]+)</code></p></li>", text) == []
        answer = send(admin, page, page, **hidden(text))
        assert answer["Location"] == "/registry/areas/410108-G1?done=1", answer.content.decode()
        assert registry.shape_of("410108-G1") == registry.shape_of(grid.code)
        assert "410108-G1" in text_of(admin, f"/registry/areas?of={grid.code}")

    @pytest.mark.parametrize(
        ("raw", "word"),
        [
            (b"not json", "no_geojson"),
            (b'{"type": "FeatureCollection", "features": []}', "several_outlines"),
            (b'{"type": "Point", "coordinates": [1, 2]}', "no_outline"),
            (json.dumps({"type": "Polygon", "coordinates": [SQUARE[:-1]]}).encode(), "no_outline"),
        ],
    )
    def test_an_outline_that_is_none(self, admin, raw, word):
        page = f"/registry/areas/{DISTRICT}/edit"
        file = SimpleUploadedFile("g.geojson", raw)
        answer = preview(admin, page, **fields_of(admin, page), outline_file=file)
        assert answer.status_code == 422
        assert wording.say(f"problem.{word}", "zh") in answer.content.decode()

    def test_a_duty_from_a_later_day_on(self, admin):
        row = Duty.objects.filter(area="410102").first()
        page = f"/registry/duties/{row.pk}/edit"
        day = TODAY + timedelta(days=5)
        answer = edited(admin, page, basis="市政府 2026 年第 9 号文", on=day.isoformat())
        assert answer["Location"] == "/registry/duties?area=410102&done=1"
        row.refresh_from_db()
        assert (row.valid_to, row.ended_at) == (day, None)
        assert Duty.objects.get(basis__startswith="市政府 2026").valid_from == day
        listed = text_of(admin, answer["Location"])
        assert 'class="done"' in listed
        assert "第 9 号文" in listed

    def test_a_duty_ends_today(self, admin):
        row = Duty.objects.filter(area="410102").exclude(hazard="*").first()
        if row is None:
            pytest.skip("the demo city has none beside the one for all")
        answer = edited(admin, f"/registry/duties/{row.pk}/edit", act="end")
        assert answer.status_code == 303, answer.content.decode()
        row.refresh_from_db()
        assert row.ended_at == NOW

    def test_a_finding_leads_to_the_duty_that_is_missing(self, admin):
        page = "/registry/new/duties?area=410102&hazard=gas.leak"
        text = text_of(admin, page)
        assert 'value="410102"' in text
        assert re.search(r'value="gas.leak" selected|value="gas\.[a-z_]+"', text)

    def test_a_post_gets_another_superior(self, admin):
        page = "/registry/posts/P-TUNNEL"
        assert edited(admin, f"{page}/edit", superior="P-DUTY").status_code == 303
        assert registry.post("P-TUNNEL").superior == "P-DUTY"
        text = text_of(admin, page)
        assert f'href="{page}/roster"' in text
        assert f'href="{page}/edit"' in text

    def test_where_a_risk_point_is(self, admin):
        page = f"/registry/risk-points/{TUNNEL}"
        assert edited(admin, f"{page}/facts", name_en="North tunnel").status_code == 303
        assert registry.place(TUNNEL).name_en == "North tunnel"
        assert registry.place(TUNNEL).owner_post == "P-TUNNEL"
        assert admin.get("/registry/posts/P-DUTY/facts").status_code == 404

    @pytest.mark.parametrize(
        "kind", ["areas", "organisations", "posts", "duties", "risk-points", "sensors"]
    )
    def test_every_new_form_has_words_in_both_languages(self, admin, kind):
        for language in ("zh", "en"):
            text = text_of(admin, f"/registry/new/{kind}", language)
            assert not re.search(r">[a-z_]+\.[a-z_.]+<", text)
            assert "<h1>" in text
        assert f"/registry/new/{kind}" in text_of(admin, f"/registry/{kind}")
        assert admin.get("/registry/new/rosters").status_code == 404

    def test_every_field_has_a_name(self):
        names = {field.name for fields in entry_forms.FIELDS.values() for field in fields}
        assert [name for name in names if not wording.knows(f"fact.{name}")] == []


class TestRefusals:
    def test_who_does_not_keep_city_data(self, officer):
        for page in (f"/registry/areas/{DISTRICT}/edit", "/registry/new/areas"):
            assert officer.get(page).status_code == 403
        assert "/registry/new/" not in text_of(officer, "/registry/areas")

    def test_a_keeper_of_a_part_changes_that_part(self):
        keeper = signed_in(an_account("system_admin", (DISTRICT,)), Role.SYSTEM_ADMIN)
        assert keeper.get("/registry/areas/410102/edit").status_code == 404
        page = f"/registry/areas/{DISTRICT}/edit"
        assert edited(keeper, page, name_en="Ours").status_code == 303
        moved = preview(keeper, page, **{**fields_of(keeper, page), "parent": "410102"})
        assert (moved.status_code, "edit.choice" in moved.content.decode()) == (422, True)
        # Posts of elsewhere are not among those to choose from.
        assert "P-410102001" not in text_of(keeper, "/registry/new/posts")

    @pytest.mark.parametrize(
        ("field", "value"),
        [("name_zh", ""), ("parent", "ghost"), ("kind", "planet"), ("valid_from", "soon"),
         ("touches", "ghost")],
    )  # fmt: skip
    def test_what_cannot_be_meant_is_given_back(self, admin, field, value):
        page = f"/registry/areas/{DISTRICT}/edit"
        answer = preview(admin, page, **{**fields_of(admin, page), field: value})
        text = answer.content.decode()
        assert (answer.status_code, "edit.choice" in text) == (422, True)
        assert wording.say(f"fact.{field}", "zh") in text

    def test_an_error_that_the_city_does_not_have_is_shown_and_not_taken(self, admin):
        row = Duty.objects.filter(area=registry.city().root_area, hazard="*").first()
        page = f"/registry/duties/{row.pk}/edit"
        text = preview(admin, page, **{**fields_of(admin, page), "act": "end"}).content.decode()
        assert "duty.none" in text
        assert 'value="take"' not in text
        assert not JournalEntry.objects.filter(event="CityEdited").exists()

    def test_two_editors_at_once(self, admin):
        page = f"/registry/areas/{DISTRICT}/edit"
        given = {**fields_of(admin, page), "name_en": "First"}
        first = hidden(preview(admin, page, **given).content.decode())
        edited(admin, page, name_en="Second")
        assert send(admin, page, page, **first).status_code == 409
        assert registry.area(DISTRICT).name_en == "Second"

    def test_a_reason_is_nobody_s_number(self, admin):
        page = f"/registry/areas/{DISTRICT}/edit"
        given = {**fields_of(admin, page), "name_en": "X"}
        fields = hidden(preview(admin, page, **given).content.decode())
        answer = send(admin, page, page, **{**fields, "reason": "问 13812345678"})
        assert (answer.status_code, "edit.reason_personal" in answer.content.decode()) == (
            422,
            True,
        )

    def test_a_reason_is_for_who_may_change_it_too(self, admin, officer):
        page = f"/registry/areas/{DISTRICT}"
        edited(admin, f"{page}/edit", name_en="X")
        assert "第 3 号通知" in text_of(admin, page)
        seen = text_of(officer, page)
        assert "第 3 号通知" not in seen
        assert "<ins>X</ins>" in seen


def test_a_form_asks_a_fixed_number_of_queries(admin):
    asked = []
    for key in (DISTRICT, "410102"):
        page = f"/registry/areas/{key}/edit"
        admin.get(page)
        with CaptureQueriesContext(connection) as seen:
            assert admin.get(page).status_code == 200
        asked.append(len(seen))
    assert asked[0] == asked[1] <= 24
