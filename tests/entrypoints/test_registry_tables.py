"""Tables of the registry: taken out as seen, brought in line by line, or refused with reasons."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.entrypoints.web.telling import KINDS
from anlan.infra.models import ContentItem, JournalEntry
from anlan.kernel.actor import Role
from anlan.registry import public as registry
from anlan.registry.models import Duty, Shift
from anlan.registry.services import bringing
from tests.entrypoints.keeping import DISTRICT, TODAY, TUNNEL, text_of
from tests.entrypoints.test_pages import NOW, an_account, send, signed_in

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]


def taken_out(client, kind, query=""):
    answer = client.get(f"/registry/table/{kind}.csv{query}")
    assert answer.status_code == 200, answer.content.decode()
    return answer.content


def lines_of(data):
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def written(lines):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue().encode("utf-8-sig")


def brought(client, kind, data):
    page = f"/registry/table/{kind}"
    file = SimpleUploadedFile("t.csv", data, content_type="text/csv")
    client.cookies["anlan_lang"] = "en"
    return send(client, page, f"{page}/upload", table=file)


def counts(text):
    found = re.findall(r'class="mark[^"]*">(\w+) <span class="number">(\d+)</span>', text)
    return {what: int(n) for what, n in found}


def confirmed(client, kind, text, **given):
    page = f"/registry/table/{kind}"
    fields = dict(re.findall(r'name="(upload|revision)" value="([^"]*)"', text))
    return send(client, page, f"{page}/take", **{**fields, "reason": "第 7 号通知", **given})


def taken(client, kind, data):
    shown = brought(client, kind, data)
    assert shown.status_code == 200, shown.content.decode()
    return confirmed(client, kind, shown.content.decode())


class TestOut:
    @pytest.mark.parametrize("kind", KINDS)
    def test_it_comes_back_as_it_went(self, admin, kind):
        data = taken_out(admin, kind)
        assert data.startswith(b"\xef\xbb\xbf")
        found = counts(brought(admin, kind, data).content.decode())
        assert found["unchanged"] == len(lines_of(data)) > 0
        assert (found["new"], found["changed"], found["refused"]) == (0, 0, 0)

    def test_everybody_takes_out_what_they_see(self, admin, officer):
        assert lines_of(taken_out(officer, "posts")) == lines_of(taken_out(admin, "posts"))
        there = signed_in(an_account("street_officer", (DISTRICT,)))
        codes = [line["code"] for line in lines_of(taken_out(there, "areas"))]
        assert codes
        assert all(code.startswith(DISTRICT) for code in codes)
        assert there.get("/registry/table/areas.csv?area=410102").status_code == 404
        assert lines_of(taken_out(admin, "areas", f"?area={DISTRICT}"))[0]["code"] == DISTRICT
        assert lines_of(taken_out(admin, "risk-points", "?q=京广"))[0]["code"] == TUNNEL
        assert admin.get("/registry/table/holders.csv").status_code == 404

    def test_no_name_runs_in_a_spreadsheet(self, admin):
        lines = lines_of(taken_out(admin, "organisations"))[:2]
        lines[0]["name_en"], lines[1]["name_en"] = "=cmd|' /C calc'!A1", "''+1"
        shown = brought(admin, "organisations", written(lines))
        assert confirmed(admin, "organisations", shown.content.decode()).status_code == 303
        data = taken_out(admin, "organisations")
        again = {line["code"]: line["name_en"] for line in lines_of(data)}
        assert again[lines[0]["code"]] == "'=cmd|' /C calc'!A1"
        assert again[lines[1]["code"]] == "''+1"
        found = counts(brought(admin, "organisations", data).content.decode())
        assert (found["changed"], found["refused"]) == (0, 0)

    def test_the_number_of_lines_costs_no_queries(self, admin):
        asked = []
        for query in ("?q=410102001001", ""):
            taken_out(admin, "areas", query)
            with CaptureQueriesContext(connection) as seen:
                taken_out(admin, "areas", query)
            asked.append(len(seen))
        assert asked[0] == asked[1]


class TestIn:
    def test_new_changed_and_refused_lines_are_told_apart(self, admin):
        lines = lines_of(taken_out(admin, "areas", f"?area={DISTRICT}"))[:3]
        blank = dict.fromkeys(lines[0], "")
        lines[1]["name_en"] = "Renamed"
        lines += [
            {
                **blank,
                "code": "G-1",
                "kind": "grid",
                "name_zh": "新网格",
                "parent": lines[2]["code"],
            },
            {**blank, "code": "G-2", "kind": "planet", "name_zh": "火星", "parent": DISTRICT},
            {**blank, "code": "G-3", "kind": "grid", "name_zh": "无处", "parent": "ghost"},
            {**blank, "code": "G-1", "kind": "grid", "name_zh": "又一次", "parent": DISTRICT},
            {**blank, "code": "4.10108E+11", "kind": "grid", "name_zh": "短了", "parent": DISTRICT},
        ]
        shown = brought(admin, "areas", written(lines)).content.decode()
        assert counts(shown) == {"new": 1, "changed": 1, "unchanged": 2, "refused": 4}
        for words in (
            "line 6",
            "line 7",
            "line 8",
            "line 9",
            "spreadsheet",
            "on line 5",
            "Renamed",
        ):
            assert words in shown, words
        assert registry.area(lines[1]["code"]).name_en != "Renamed"
        answer = confirmed(admin, "areas", shown)
        assert answer["Location"] == "/registry/areas?done=1"
        assert registry.area(lines[1]["code"]).name_en == "Renamed"
        assert registry.area("G-1").path.endswith(f"{lines[2]['code']}/G-1")
        entry = JournalEntry.objects.filter(event="CityEdited").get()
        assert (entry.payload["added"], entry.payload["changed"], entry.payload["key"]) == (
            1,
            1,
            "",
        )
        assert "第 7 号通知" in text_of(admin, "/registry/areas/G-1")
        kept = ContentItem.objects.using("contents").filter(kind=bringing.KIND)
        assert [item.data for item in kept] == [None]

    def test_what_a_spreadsheet_makes_of_days_and_hours(self, admin):
        (line, *_) = lines_of(taken_out(admin, "rosters", f"?area={DISTRICT}"))
        line |= {
            "valid_from": line["valid_from"].replace("-", "/").replace("/0", "/"),
            "start": line["start"].removesuffix(":00").removeprefix("0"),
            "end": line["end"].removesuffix(":00"),
        }
        shown = brought(admin, "rosters", written([line])).content.decode()
        assert counts(shown) == {"new": 0, "changed": 0, "unchanged": 1, "refused": 0}

    def test_another_deputy_is_another_line_from_now_on(self, admin):
        lines = lines_of(taken_out(admin, "rosters"))
        line = next(x for x in lines if x["deputy"])
        others = sorted({x["holder"] for x in lines} - {line["holder"], line["deputy"]})
        line["deputy"] = others[0]
        assert taken(admin, "rosters", written([line])).status_code == 303
        rows = Shift.objects.filter(post=line["post"], holder=line["holder"])
        assert rows.filter(ended_at=NOW).count() == 1
        assert rows.get(began_at=NOW).deputy_id == others[0]

    def test_a_duty_ends_on_a_day_and_another_begins(self, admin):
        lines = [x for x in lines_of(taken_out(admin, "duties")) if x["area"] == "410102"]
        old, day = lines[0], (TODAY + timedelta(days=9)).isoformat()
        new = {**old, "valid_from": day, "basis": "第 8 号文"}
        old["valid_to"] = day
        assert taken(admin, "duties", written([old, new])).status_code == 303
        assert Duty.objects.get(basis="第 8 号文").valid_from.isoformat() == day

    def test_the_past_is_not_rewritten(self, admin):
        (line, *_) = lines_of(taken_out(admin, "duties"))
        line["valid_to"] = (TODAY - timedelta(days=1)).isoformat()
        shown = brought(admin, "duties", written([line])).content.decode()
        assert counts(shown)["refused"] == 1

    def test_what_would_be_an_error_is_not_taken(self, admin):
        lines = lines_of(taken_out(admin, "areas", f"?area={DISTRICT}"))
        one = next(x for x in lines if x["kind"] == "street")
        below = next(x for x in lines if x["parent"] == one["code"])
        one["parent"] = below["code"]
        shown = brought(admin, "areas", written([one])).content.decode()
        assert "area.loop" in shown
        assert 'name="revision"' not in shown

    def test_only_keepers_and_only_their_areas(self, admin, officer):
        data = taken_out(admin, "areas")
        assert officer.get("/registry/table/areas").status_code == 403
        assert officer.post("/registry/table/areas/upload").status_code == 403
        keeper = signed_in(an_account("system_admin", (DISTRICT,), name="part"), Role.SYSTEM_ADMIN)
        lines = lines_of(data)
        for line in lines:
            line["name_en"] = f"{line['name_en']}!"
        found = counts(brought(keeper, "areas", written(lines)).content.decode())
        ours = sum(line["code"].startswith(DISTRICT) for line in lines)
        assert (found["changed"], found["refused"]) == (ours, len(lines) - ours)
        same = counts(brought(keeper, "areas", data).content.decode())
        assert (same["unchanged"], same["refused"]) == (ours, len(lines) - ours)

    def test_the_city_changed_between_looking_and_taking(self, admin):
        lines = lines_of(taken_out(admin, "areas", f"?area={DISTRICT}"))[:1]
        lines[0]["name_en"] = "A"
        first = brought(admin, "areas", written(lines)).content.decode()
        lines[0]["name_en"] = "B"
        assert taken(admin, "areas", written(lines)).status_code == 303
        answer = confirmed(admin, "areas", first)
        assert (answer.status_code, "record.changed" in answer.content.decode()) == (409, True)

    @pytest.mark.parametrize(
        "data",
        [b"", b"\x00\x01", "编码,名称\n1,2\n".encode("gb18030"), b"code,nothing\n1,2\n",
         b'code,kind,name_zh\n"x', b"code,kind,name_zh\n" + b"x,grid,y\n" * 6000],
    )  # fmt: skip
    def test_what_is_no_table(self, admin, data):
        answer = brought(admin, "areas", data)
        assert answer.status_code in (200, 422)
        assert 'name="revision"' not in answer.content.decode()

    def test_it_can_be_thrown_away_and_asked_for_a_reason(self, admin):
        lines = lines_of(taken_out(admin, "areas", f"?area={DISTRICT}"))[:1]
        lines[0]["name_en"] = "A"
        text = brought(admin, "areas", written(lines)).content.decode()
        assert confirmed(admin, "areas", text, reason=" ").status_code == 422
        gone = confirmed(admin, "areas", text, act="discard")
        assert gone["Location"] == "/registry/table/areas"
        assert confirmed(admin, "areas", text).status_code == 404
        assert (
            confirmed(admin, "areas", text.replace(text, 'name="upload" value="x"')).status_code
            == 404
        )
        assert registry.area(DISTRICT).name_en != "A"
