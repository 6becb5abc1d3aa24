"""Registry pages: changed with a reason, refused when it would be worse, taken out and in."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Role
from anlan.registry import public as registry
from tests.entrypoints.keeping import (
    DISTRICT,
    OWNER,
    TODAY,
    TUNNEL,
    change,
    hidden,
    preview,
    seen_of,
    text_of,
)
from tests.entrypoints.test_pages import NOW, TEST, an_account, send, signed_in

pytestmark = pytest.mark.django_db(databases="__all__")


class TestEditing:
    def test_a_change_is_shown_first_and_then_taken(self, admin):
        page = f"/registry/risk-points/{TUNNEL}/edit"
        entries = JournalEntry.objects.filter(event="CityEdited")
        shown = preview(admin, page, **OWNER)
        text = shown.content.decode()
        assert re.search(r"<del>[^<]*</del> → <ins>[^<]*</ins>", text)
        assert not entries.exists()
        assert registry.place(TUNNEL).owner_post == "P-TUNNEL"
        answer = send(admin, page, page, **hidden(text))
        assert answer["Location"] == f"/registry/risk-points/{TUNNEL}?done=1"
        assert registry.place(TUNNEL).owner_post == "P-DUTY"
        told = text_of(admin, answer["Location"])
        assert "第 3 号通知" in told
        assert "seat-system_admin" in told
        assert "<ins>City duty desk</ins>" in told

    def test_two_editors_at_once(self, admin):
        page = f"/registry/risk-points/{TUNNEL}/edit"
        first = preview(admin, page, **OWNER).content.decode()
        change(admin, page, **{**OWNER, "grade": "low"})
        refused = send(admin, page, page, **hidden(first))
        assert refused.status_code == 409
        assert "record.changed" in refused.content.decode()
        assert registry.place(TUNNEL).grade.value == "low"
        stale = send(admin, page, page, step="preview", seen="0" * 20, reason="x", **OWNER)
        assert stale.status_code == 409

    def test_a_reason_is_asked_for(self, admin):
        page = f"/registry/risk-points/{TUNNEL}/edit"
        fields = hidden(preview(admin, page, **OWNER).content.decode()) | {"reason": ""}
        refused = send(admin, page, page, **fields)
        assert refused.status_code == 422
        assert "edit.no_reason" in refused.content.decode()

    def test_a_form_from_elsewhere_changes_nothing(self, admin):
        page = f"/registry/risk-points/{TUNNEL}/edit"
        assert admin.post(page, {"step": "take", **OWNER}).status_code == 403
        assert registry.place(TUNNEL).owner_post == "P-TUNNEL"

    def test_only_keepers_of_the_area_change_it(self, officer):
        page = f"/registry/risk-points/{TUNNEL}/edit"
        assert officer.get(page).status_code == 403
        elsewhere = signed_in(an_account("system_admin", ("410102",)), Role.SYSTEM_ADMIN)
        assert elsewhere.get(page).status_code == 404
        assert elsewhere.get("/registry/pack").status_code == 403
        there = signed_in(an_account("system_admin", (DISTRICT,), name="there"), Role.SYSTEM_ADMIN)
        assert change(there, page, **OWNER).status_code == 303

    @pytest.mark.parametrize(
        "fields",
        [
            {**OWNER, "owner_post": "P-GHOST"},
            {**OWNER, "grade": "enormous"},
            {**OWNER, "plan": "<script>alert(1)</script>"},
            {**OWNER, "plan": "x" * 5000},
        ],
    )
    def test_what_cannot_be_chosen_is_refused_in_words(self, admin, fields):
        answer = preview(admin, f"/registry/risk-points/{TUNNEL}/edit", **fields)
        assert answer.status_code == 422
        text = answer.content.decode()
        assert "edit.choice" in text
        assert "<script" not in text

    def test_a_choice_is_named_as_on_the_form(self, admin):
        page = f"/registry/risk-points/{TUNNEL}/edit"
        text = preview(admin, page, **{**OWNER, "grade": "x"}).content.decode()
        assert "风险等级" in text or "Grade" in text

    def test_what_would_be_worse_than_the_law_allows_cannot_be_taken(self, admin):
        for record in _lines("P-COMMANDER")[:1]:
            change(admin, f"/registry/rosters/{record.key}/edit", **_line(record, act="end"))
        (last,) = _lines("P-COMMANDER")
        page = f"/registry/rosters/{last.key}/edit"
        shown = preview(admin, page, **_line(last, act="end"))
        text = shown.content.decode()
        assert "ladder.unreachable" in text
        assert 'value="take"' not in text
        fields = {**_line(last, act="end"), "seen": seen_of(text), "reason": "x", "step": "take"}
        refused = send(admin, page, page, **fields)
        assert (refused.status_code, "edit.worsens" in refused.content.decode()) == (409, True)


def _lines(post):
    found = registry.records(TEST, "shifts", registry.Wanted(of=post), at=NOW)
    return found.records


def _line(record, **other):
    line = record.entry
    return {
        "act": "replace",
        "holder": line.holder,
        "deputy": line.deputy or "",
        "weekdays": [str(day) for day in line.weekdays],
        "start": f"{line.start:%H:%M}",
        "end": f"{line.end:%H:%M}",
        "on": TODAY.isoformat(),
        "until": "",
        **other,
    }


class TestRoster:
    def test_somebody_stands_in_tonight(self, admin, demo):
        night = next(x for x in _lines("P-DUTY") if x.entry.start.hour == 20)
        page = f"/registry/rosters/{night.key}/edit"
        fields = _line(night, act="stand_in", holder="H020", until=TODAY.isoformat())
        answer = change(admin, page, **fields)
        assert answer["Location"] == "/registry/posts/P-DUTY?done=1"
        tonight = datetime(2026, 11, 23, 14, tzinfo=UTC)
        assert registry.on_duty("P-DUTY", at=tonight).holder == "H020"
        assert registry.on_duty("P-DUTY", at=tonight + timedelta(days=1)).holder == "H006"
        text = text_of(admin, "/registry/posts/P-DUTY")
        assert "H020" in text
        assert "by hand" in text
        assert "2026-11-23" in text

    def test_a_further_shift_and_a_new_person(self, admin):
        page = "/registry/new-person"
        fields = {"code": "H900", "name": "新来的", "phone": "000-1", "language": "zh"}
        answer = change(admin, page, **fields)
        assert answer["Location"] == "/registry/holders/H900?done=1"
        roster = "/registry/posts/P-DUTY/roster"
        added = {
            "holder": "H900",
            "deputy": "H001",
            "weekdays": ["6", "7"],
            "start": "09:00",
            "end": "12:00",
            "on": "2026-12-01",
            "until": "",
        }
        assert change(admin, roster, **added).status_code == 303
        assert "H900" in text_of(admin, "/registry/rosters?q=H900")
        assert "H900" in text_of(admin, roster)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"on": "2026-11-01"},
            {"on": "soon"},
            {"start": "25:00"},
            {"weekdays": []},
            {"weekdays": ["9"]},
            {"holder": "nobody"},
            {"act": "explode"},
            {"act": "stand_in", "until": ""},
        ],
    )
    def test_what_cannot_be_meant(self, admin, wrong):
        night = _lines("P-DUTY")[0]
        answer = preview(admin, f"/registry/rosters/{night.key}/edit", **_line(night, **wrong))
        assert answer.status_code == 422, answer.content.decode()


class TestPeople:
    def test_a_contact_is_shown_for_a_reason_that_is_journalled(self, admin):
        page = "/registry/holders/H001"
        answer = send(admin, page, f"{page}/contact", reason="电话打不通")
        text = answer.content.decode()
        assert "值班员甲" in text
        assert "h001@example.invalid" in text
        last = JournalEntry.objects.order_by("-seq").first()
        assert (last.event, last.payload["what"]) == ("ContactsShown", "H001")
        refused = send(admin, page, f"{page}/contact", reason=" ")
        assert refused.status_code == 422
        assert "值班员甲" not in refused.content.decode()

    def test_another_telephone(self, admin):
        page = "/registry/holders/H001/edit"
        text = admin.get(page).content.decode()
        assert "h001@example.invalid" not in text
        shown = preview(admin, page, phone="000-7", language="")
        assert "<del>" not in shown.content.decode()
        assert change(admin, page, phone="000-7", language="").status_code == 303
        assert registry.contact_of("H001").phone == "000-7"
        assert registry.contact_of("H001").email == "h001@example.invalid"

    def test_no_way_left_to_reach_them_is_told_before(self, admin):
        text = preview(admin, "/registry/holders/H001/edit", clear_email="1").content.decode()
        assert "holder.no_contact" in text


class TestSensor:
    def test_out_of_force_and_no_longer_judged(self, admin, demo):
        page = "/registry/sensors/TUN-01/edit"
        fields = {"in_force": "no", "on": TODAY.isoformat()}
        assert change(admin, page, **fields).status_code == 303
        demo.at = NOW + timedelta(seconds=1)
        assert "TUN-01" not in {x.code for x in registry.sensors(at=demo.at)}
        assert "Not in force now" in text_of(admin, "/registry/sensors?q=TUN-01")


class TestPacks:
    def out(self, admin):
        return send(admin, "/registry/pack", "/registry/pack/download", reason="备份")

    def test_out_and_back_in(self, admin):
        answer = self.out(admin)
        assert answer["Content-Type"] == "application/zip"
        assert 'filename="demo-2026-11-23.zip"' in answer["Content-Disposition"]
        names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
        assert {"city.yaml", "rosters.csv", "areas.geojson"} <= set(names)
        shown = self.sent(admin, answer.content)
        assert "没有差异" in shown or "No difference" in shown

    def sent(self, admin, data):
        file = SimpleUploadedFile("pack.zip", data)
        answer = send(admin, "/registry/pack", "/registry/pack/upload", pack=file)
        return answer.content.decode()

    def test_a_pack_is_taken_out_for_a_reason_only(self, admin):
        answer = send(admin, "/registry/pack", "/registry/pack/download", reason="")
        assert answer.status_code == 422
        assert not JournalEntry.objects.filter(event="ContactsShown").exists()

    def test_an_older_pack_shows_what_it_takes_back_and_is_loaded_on_confirmation(self, admin):
        data = self.out(admin).content
        change(admin, f"/registry/risk-points/{TUNNEL}/edit", **OWNER)
        text = self.sent(admin, data)
        assert f'href="/registry/risk-points/{TUNNEL}"' in text
        assert registry.place(TUNNEL).owner_post == "P-DUTY"
        fields = dict(re.findall(r'name="(upload|revision)" value="([^"]+)"', text))
        answer = send(admin, "/registry/pack", "/registry/pack/load", act="load", **fields)
        assert answer.status_code == 200, answer.content.decode()
        assert registry.place(TUNNEL).owner_post == "P-TUNNEL"
        again = send(admin, "/registry/pack", "/registry/pack/load", act="load", **fields)
        assert (again.status_code, "upload.gone" in again.content.decode()) == (404, True)

    def test_a_change_meanwhile_stops_the_load(self, admin):
        change(admin, "/registry/sensors/TUN-01/edit", in_force="no", on=TODAY.isoformat())
        data = self.out(admin).content
        change(admin, "/registry/sensors/TUN-01/edit", in_force="yes", on="2026-12-01")
        text = self.sent(admin, data)
        fields = dict(re.findall(r'name="(upload|revision)" value="([^"]+)"', text))
        change(admin, f"/registry/risk-points/{TUNNEL}/edit", **OWNER)
        answer = send(admin, "/registry/pack", "/registry/pack/load", act="load", **fields)
        assert (answer.status_code, "city.load_crossed" in answer.content.decode()) == (409, True)
        assert registry.place(TUNNEL).owner_post == "P-DUTY"

    def test_what_is_no_pack_is_refused_in_words(self, admin):
        assert "upload.unreadable" in self.sent(admin, b"nonsense")
        answer = send(admin, "/registry/pack", "/registry/pack/upload")
        assert answer.status_code == 422
