"""Registry pages at their edges: codes of any letters, long reasons, other areas, hostile zips."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from anlan.entrypoints.web import wording
from anlan.infra.models import ContentItem
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

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]
NEW = "/registry/new-person"
PERSON = {"name": "新来的", "phone": "000-1", "language": "zh"}


class TestPeople:
    def test_a_code_of_somebody_else_is_never_overwritten(self, admin):
        fields = {"code": "H001", **PERSON}
        refused = preview(admin, NEW, **fields)
        assert refused.status_code == 409
        text = refused.content.decode()
        assert "edit.code_taken" in text
        again = {**fields, "seen": seen_of(text), "reason": "x", "step": "take"}
        assert send(admin, NEW, NEW, **again).status_code == 409
        assert registry.contact_of("H001").name == "值班员甲"

    @pytest.mark.parametrize("code", ["甲#1", "a?b", "50%25", "O'Brien&<b>"])
    def test_a_code_of_any_letters_leads_to_its_page(self, admin, code):
        address = change(admin, NEW, code=code, **PERSON)["Location"]
        page = text_of(admin, address)
        assert "<b>" not in page
        action = re.search(r'action="(/registry/holders/[^"]+/contact)"', page).group(1)
        assert unquote(action) == f"/registry/holders/{code}/contact"
        assert "000-1" in send(admin, "/registry", action, reason="x").content.decode()
        assert "by hand" in page

    def test_a_keeper_of_a_part_enters_somebody_and_is_led_on(self):
        keeper = signed_in(an_account("system_admin", (DISTRICT,)), Role.SYSTEM_ADMIN)
        answer = change(keeper, NEW, code="H901", **PERSON)
        assert answer.status_code == 303
        assert 'class="done"' in text_of(keeper, answer["Location"])
        taken = preview(keeper, NEW, code="H006", **PERSON)
        assert taken.status_code == 409

    def test_posts_of_other_areas_are_not_told(self, admin):
        posts = registry.posts()
        here = next(x for x in posts if DISTRICT in x.area_path)
        elsewhere = next(x for x in posts if DISTRICT not in x.area_path)
        line = {
            "holder": "H900", "deputy": "", "weekdays": ["6"], "start": "09:00", "end": "12:00",
            "on": TODAY.isoformat(), "until": "",
        }  # fmt: skip
        change(admin, NEW, code="H900", **PERSON)
        for post in (here, elsewhere):
            assert change(admin, f"/registry/posts/{post.code}/roster", **line).status_code == 303
        both = text_of(admin, "/registry/holders/H900")
        assert f"/registry/posts/{elsewhere.code}" in both
        part = signed_in(an_account("street_officer", (DISTRICT,)))
        text = text_of(part, "/registry/holders/H900")
        assert f"/registry/posts/{here.code}" in text
        assert f"/registry/posts/{elsewhere.code}" not in text


class TestReasons:
    def test_a_long_reason_is_kept_whole(self, admin):
        page = f"/registry/risk-points/{TUNNEL}/edit"
        reason = "甲" * 499 + "\r\n" + "乙" * 500  # a textarea counts the break as one letter
        fields = hidden(preview(admin, page, **OWNER, reason=reason).content.decode())
        assert send(admin, page, page, **fields).status_code == 303
        (newest, *_), _ = registry.history_of(TEST, "risk_points", TUNNEL)
        assert newest.reason == reason.replace("\r\n", "\n")

    def test_one_that_is_too_long_is_refused_and_not_cut(self, admin):
        page = f"/registry/risk-points/{TUNNEL}/edit"
        fields = hidden(preview(admin, page, **OWNER, reason="甲" * 1500).content.decode())
        refused = send(admin, page, page, **fields)
        assert (refused.status_code, "edit.reason_too_long" in refused.content.decode()) == (
            422,
            True,
        )


class TestRoster:
    def test_a_line_ahead_is_not_drawn_to_today(self, admin):
        ahead = TODAY + timedelta(days=9)
        line = {
            "holder": "H001", "deputy": "", "weekdays": ["6"], "start": "09:00", "end": "12:00",
            "on": ahead.isoformat(), "until": "",
        }  # fmt: skip
        change(admin, "/registry/posts/P-DUTY/roster", **line)
        found = registry.records(TEST, "shifts", registry.Wanted(of="P-DUTY"), at=NOW).records
        key = next(x.key for x in found if x.entry.valid_from == ahead)
        text = admin.get(f"/registry/rosters/{key}/edit").content.decode()
        assert f'name="on" value="{ahead}"' in text

    def test_hours_are_told_apart_by_seconds_as_a_pack_writes_them(self, admin):
        page = "/registry/posts/P-DUTY/roster"
        line = {
            "holder": "H001", "deputy": "", "weekdays": ["6"], "start": "09:00", "end": "12:00",
            "on": TODAY.isoformat(), "until": "",
        }  # fmt: skip
        assert change(admin, page, **line).status_code == 303
        twice = preview(admin, page, **{**line, "deputy": "H002", "start": "09:00:00.5"})
        assert (twice.status_code, "edit.shift_twice" in twice.content.decode()) == (409, True)

    def test_a_last_day_is_for_who_stands_in_only(self, admin):
        found = registry.records(TEST, "shifts", registry.Wanted(of="P-DUTY"), at=NOW).records
        line = found[0].entry
        fields = {
            "act": "replace", "holder": "H020", "deputy": "", "weekdays": ["1"],
            "start": f"{line.start:%H:%M}", "end": f"{line.end:%H:%M}",
            "on": TODAY.isoformat(), "until": TODAY.isoformat(),
        }  # fmt: skip
        answer = preview(admin, f"/registry/rosters/{found[0].key}/edit", **fields)
        assert (answer.status_code, "edit.choice" in answer.content.decode()) == (422, True)

    def test_a_day_far_away_is_refused_on_the_form(self, admin):
        answer = preview(admin, "/registry/sensors/TUN-01/edit", in_force="no", on="9999-12-31")
        assert (answer.status_code, "edit.choice" in answer.content.decode()) == (422, True)


class TestZips:
    def out(self, admin):
        return send(admin, "/registry/pack", "/registry/pack/download", reason="备份").content

    def sent(self, admin, data):
        file = SimpleUploadedFile("pack.zip", data)
        return send(admin, "/registry/pack", "/registry/pack/upload", pack=file)

    def zipped(self, members):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return out.getvalue()

    def members(self, admin):
        with zipfile.ZipFile(io.BytesIO(self.out(admin))) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def test_a_spoilt_member_is_refused_in_words(self, admin):
        data = bytearray(self.zipped({"city.yaml": b"x" * 5000}))
        data[45:60] = b"\xff" * 15
        answer = self.sent(admin, bytes(data))
        assert (answer.status_code, "upload.unreadable" in answer.content.decode()) == (422, True)

    @pytest.mark.parametrize(
        "strange",
        [
            {"rules.yaml/x.yaml": b"[]"},
            {"city.yaml/x.yaml": b"[]"},
            {f"{'a' * 300}.yaml": b"[]"},
            {"rules/a\x01b.yaml": b"[]"},
        ],
    )
    def test_names_that_cannot_be_files_are_refused_in_words(self, admin, strange):
        members = {"city.yaml": b"format: 1", "rules.yaml": b"[]", **strange}
        answer = self.sent(admin, self.zipped(members))
        assert answer.status_code == 422, answer.content.decode()

    def test_a_pack_of_a_whole_country_is_left_to_the_terminal(self, admin):
        rows = b"\n" * 60_000
        answer = self.sent(admin, self.zipped({"city.yaml": b"format: 1", "areas.csv": rows}))
        assert (answer.status_code, "upload.large" in answer.content.decode()) == (422, True)

    @pytest.mark.parametrize("problem", ["no_file", "no_zip", "no_city"])
    def test_what_is_wrong_with_a_file_is_said_in_the_reader_s_language(self, admin, problem):
        data = {"no_zip": b"PK nonsense", "no_city": self.zipped({"areas.csv": b""})}.get(problem)
        page = "/registry/pack/upload"
        fields = {"pack": SimpleUploadedFile("pack.zip", data)} if data else {}
        text = send(admin, "/registry/pack?lang=zh", page, **fields).content.decode()
        assert wording.say(f"problem.{problem}", "zh") in text

    def test_a_bomb_is_refused(self, admin):
        answer = self.sent(
            admin, self.zipped({"city.yaml": b"format: 1", "areas.csv": b"0" * 80_000_000})
        )
        assert (answer.status_code, "upload.unreadable" in answer.content.decode()) == (422, True)

    def test_nothing_is_kept_of_a_pack_that_is_refused(self, admin):
        kept = ContentItem.objects.using("contents").filter(kind="pack_upload", data__isnull=False)
        members = self.members(admin)
        head = members["city.yaml"].replace(b"id: demo", b"id: another")
        assert self.sent(admin, self.zipped({**members, "city.yaml": head})).status_code >= 400
        assert not kept.exists()
        assert self.sent(admin, self.zipped(members)).status_code == 200
        assert kept.count() == 1

    def test_every_edit_that_a_pack_takes_back_is_told_however_long_its_list(self, admin):
        members = self.members(admin)
        change(admin, "/registry/sensors/TUN-01/edit", in_force="no", on=TODAY.isoformat())
        # Sixty sensors more than the page has room for, all before the one that was edited.
        head, *rows = members["sensors.csv"].decode().splitlines()
        column = head.split(",").index("code")
        pattern = rows[0].split(",")
        more = []
        for number in range(60):
            pattern[column] = f"AA-{number:03}"
            more.append(",".join(pattern))
        members["sensors.csv"] = "\n".join([head, *more, *rows, ""]).encode()
        text = self.sent(admin, self.zipped(members)).content.decode()
        assert 'href="/registry/sensors/TUN-01"' in text
