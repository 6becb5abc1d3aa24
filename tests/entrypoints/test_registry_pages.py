"""Registry pages: found, read, and mended where something is wrong."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.entrypoints.web import telling, wording
from anlan.entrypoints.web.pages.registry import MENDED
from anlan.registry import public as registry
from anlan.registry.domain.edits import RiskPointEdit
from anlan.registry.domain.findings import catalogue
from tests.entrypoints.keeping import (
    DISTRICT,
    OWNER,
    TODAY,
    TUNNEL,
    change,
    preview,
    text_of,
)
from tests.entrypoints.test_pages import NOW, TEST, an_account, signed_in

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def street(demo):
    return signed_in(an_account("street_officer", (DISTRICT,)))


class TestReading:
    def test_the_overview_says_what_is_in_force_and_since_when(self, officer):
        text = text_of(officer, "/registry", "zh")
        for words in ("郑州市（示意）", "75", "岗位", "最近一次载入", "system:test", "提示 19"):
            assert words in text
        assert "/registry/pack" not in text

    @pytest.mark.parametrize("kind", list(telling.KINDS))
    def test_every_kind_is_listed_searched_and_opened_in_both_languages(self, officer, kind):
        for language in ("zh", "en"):
            text = text_of(officer, f"/registry/{kind}", language)
            first = re.search(rf'href="(/registry/{kind}/[^"?]+)"', text).group(1)
            thing = text_of(officer, first, language)
            assert "<h1>" in thing
            assert "fact." not in thing
            assert "registry." not in re.sub(r'(href|src)="[^"]*"', "", thing)
        assert 'class="empty"' in text_of(officer, f"/registry/{kind}?q=no-such-thing")

    def test_names_are_in_the_reader_s_language(self, officer):
        assert "Tunnel control room" in text_of(officer, f"/registry/risk-points/{TUNNEL}")
        assert "京广快速路北隧道" in text_of(officer, f"/registry/risk-points/{TUNNEL}", "zh")
        assert "Jingguang" in text_of(officer, "/registry/risk-points?q=jingguang")
        assert TUNNEL in text_of(officer, "/registry/risk-points?q=京广", "zh")

    def test_a_list_is_narrowed_to_an_area_and_has_pages(self, officer):
        text = text_of(officer, f"/registry/posts?area={DISTRICT}")
        assert "P-410108" in text
        assert "P-410102001" not in text
        first = text_of(officer, "/registry/posts")
        assert first.count('class="whole"') == 50
        assert 'href="?lang=en&amp;page=2"' in first
        assert text_of(officer, "/registry/posts?page=2").count('class="whole"') == 25
        assert text_of(officer, "/registry/posts?page=nonsense").count('class="whole"') == 50

    def test_who_sits_now_and_next_is_told(self, officer):
        text = text_of(officer, "/registry/posts/P-DUTY")
        assert re.search(r"<strong>Now</strong> <a href=\"/registry/holders/H005\"", text)
        assert "H006" in text

    def test_what_lies_elsewhere_is_not_found(self, street):
        assert TUNNEL in text_of(street, "/registry/risk-points")
        assert "RP-METRO-5" not in text_of(street, "/registry/risk-points")
        for address in (
            "/registry/risk-points/RP-METRO-5",
            "/registry/posts/P-DUTY",
            "/registry/areas/410102",
            "/registry/holders/H001",
            "/registry/posts?area=410102",
            "/registry/nonsense",
            "/registry/rosters/nonsense",
            "/registry/rosters/99999999999999999999",
        ):
            assert street.get(address).status_code == 404, address

    def test_nobody_s_name_or_telephone_is_on_a_page(self, officer):
        for address in (
            "/registry/holders/H001",
            "/registry/posts/P-COMMANDER",
            "/registry/rosters",
        ):
            text = text_of(officer, address)
            assert "值班员" not in text
            assert "@example.invalid" not in text

    @pytest.mark.parametrize(
        "kind", ["posts", "rosters", "duties", "areas", "organisations", "sensors"]
    )
    def test_a_list_asks_as_much_of_many_as_of_two(self, officer, kind, monkeypatch):
        officer.get(f"/registry/{kind}")  # the first call notes the session's use
        asked = []
        for size in (2, 20):
            monkeypatch.setattr("anlan.registry.selectors.records.SIZE", size)
            with CaptureQueriesContext(connection) as seen:
                text = officer.get(f"/registry/{kind}").content.decode()
            assert text.count('class="whole"') == min(size, 20)
            asked.append(len(seen))
        assert asked[0] == asked[1] <= 20

    def test_a_page_asks_as_much_however_long_its_history(self, admin):
        page = f"/registry/risk-points/{TUNNEL}"
        admin.get(page)
        asked = []
        for upto in (2, 20):
            for number in range(len(asked) * 2, upto):
                owner = "P-DUTY" if number % 2 == 0 else "P-TUNNEL"
                edit = RiskPointEdit(TUNNEL, owner, None, None, TODAY)
                registry.take_edit(
                    TEST,
                    edit,
                    seen=registry.fingerprint_of("risk_points", TUNNEL),
                    reason="x",
                    now=NOW + timedelta(seconds=number),
                )
            admin.get(page)  # the linter looks once at each revision
            with CaptureQueriesContext(connection) as seen:
                assert admin.get(page).status_code == 200
            asked.append(len(seen))
        assert asked[0] == asked[1] <= 36


class TestFindings:
    def test_every_code_that_can_be_mended_here_is_one_of_the_linter_s(self):
        assert MENDED.keys() <= catalogue().keys()
        assert [code for code in MENDED if not wording.knows(f"mend.{code}")] == []

    def test_a_gap_is_told_in_place_and_mended_there(self, admin):
        page = f"/registry/risk-points/{TUNNEL}"
        answer = change(admin, f"{page}/edit", **{**OWNER, "owner_post": ""})
        assert answer.status_code == 303, answer.content.decode()
        text = text_of(admin, page)
        assert "has no owner" in text
        assert "Why it matters" in text
        assert f'href="{page}/edit">Fix it here' in text
        assert "warning 1" in text_of(admin, "/registry")
        assert "has no owner" in text_of(admin, "/registry/findings?severity=warning")
        assert "warning" in text_of(admin, f"/registry/risk-points?q={TUNNEL}")
        shown = preview(admin, f"{page}/edit", **OWNER).content.decode()
        assert "这些问题" in shown or "put right" in shown
        assert change(admin, f"{page}/edit", **OWNER).status_code == 303
        assert "has no owner" not in text_of(admin, page)

    def test_others_see_it_without_a_form(self, admin):
        change(admin, f"/registry/risk-points/{TUNNEL}/edit", **{**OWNER, "owner_post": ""})
        officer = signed_in(an_account("duty_officer"))
        text = text_of(officer, f"/registry/risk-points/{TUNNEL}")
        assert "has no owner" in text
        assert "Fix it here" not in text
        elsewhere = signed_in(an_account("street_officer", ("410102",)))
        assert "has no owner" not in text_of(elsewhere, "/registry/findings")


def test_every_section_and_column_of_a_pack_has_words():
    names = {name for names in telling.FACTS.values() for name in names}
    assert [x for x in names if not wording.knows(f"fact.{x}")] == []
