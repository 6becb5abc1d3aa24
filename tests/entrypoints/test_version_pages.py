"""Rules and deadlines changed on a page: tried first, in force from a day on, ended again."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from anlan.entrypoints.web import version_forms, wording
from anlan.kernel.actor import Role
from anlan.registry import public as registry
from tests.entrypoints.keeping import DISTRICT, NOW, TODAY, change, hidden, preview, text_of
from tests.entrypoints.test_pages import an_account, send, signed_in
from tests.entrypoints.test_registry_entries import fields_of
from tests.entrypoints.test_rules_pages import water

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]
TUNNEL = "water.tunnel"
PAGE = f"/rules/{TUNNEL}/edit"
LATER = NOW + timedelta(minutes=1)


def the_rule(at=LATER, name=TUNNEL):
    return next(rule for rule in registry.rules_in_force(at=at) if rule.id == name)


def given(client, page=PAGE, **more):
    return {**fields_of(client, page), "basis_title": "市防指〔2026〕3 号", **more}


class TestRules:
    def test_a_limit_is_changed_from_now_on(self, admin):
        before = the_rule()
        low = {"limit_0_raise_at": "0.9", "limit_0_clear_at": "0.5"}
        rows = [f"limit_{n}_raise_at" for n in range(len(before.limits))]
        assert set(rows) <= set(fields_of(admin, PAGE))
        values = given(admin)
        top = max(before.limits, key=lambda limit: limit.raise_at)
        place = before.limits.index(top)
        low = {f"limit_{place}_raise_at": f"{top.raise_at * 2:g}"}
        shown = preview(admin, PAGE, **{**values, **low})
        text = shown.content.decode()
        assert shown.status_code == 200, text
        assert "市防指〔2026〕3 号" in text
        assert f"{top.raise_at * 2:g}" in text
        answer = send(admin, PAGE, PAGE, **hidden(text))
        assert answer["Location"] == f"/rules/{TUNNEL}?done=1", answer.content.decode()
        after = the_rule()
        assert (after.version, after.replaces, after.confidence) == (2, TUNNEL, "local")
        assert after.limits[place].raise_at == top.raise_at * 2
        assert the_rule(at=NOW - timedelta(seconds=1)) == before
        page = text_of(admin, f"/rules/{TUNNEL}")
        assert "第 3 号通知" in page
        assert "version 2" in page

    def test_it_is_tried_on_the_past_before_it_is_in_force(self, admin):
        water(0, 45, 45, 45)
        values = given(admin)
        rows = {name: "50" for name in values if name.endswith("raise_at") and values[name]}
        for number, name in enumerate(sorted(rows)):
            rows[name] = f"{50 - number}"
        text = preview(admin, PAGE, **{**values, **rows}).content.decode()
        assert 'id="will"' in text
        marks = re.findall(r'class="mark[^"]*">([^<]*\d[^<]*次)<', text)
        assert marks[:2] == ["现行版本会报 1 次", "改后会报 0 次"]
        fields = hidden(text)
        assert fields["tried"]
        for spoilt in ({"tried": ""}, {"tried": "x"}, {"limit_0_raise_at": "60"}):
            refused = send(admin, PAGE, PAGE, **{**fields, **spoilt})
            assert refused.status_code == 409, refused.content.decode()
            assert "rule.untried" in refused.content.decode()
        other = signed_in(an_account("system_admin", name="other"), Role.SYSTEM_ADMIN)
        assert send(other, PAGE, PAGE, **fields).status_code == 409
        assert the_rule().version == 1
        assert send(admin, PAGE, PAGE, **fields).status_code == 303
        assert the_rule().version == 2

    def test_a_later_day_and_back_to_the_law(self, admin):
        day = TODAY + timedelta(days=2)
        values = given(admin, on=day.isoformat(), hold="7m")
        assert change(admin, PAGE, **values).status_code == 303
        assert the_rule().version == 1
        assert the_rule(at=NOW + timedelta(days=2)).hold == "7m"
        text = text_of(admin, PAGE)
        assert 'value="end"' in text
        ended = change(admin, PAGE, **given(admin, act="end"))
        assert ended.status_code == 303, ended.content.decode()
        assert the_rule(at=NOW + timedelta(days=3)).version == 1

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"limit_0_raise_at": "0.001"}, "rule.hysteresis"),
            ({"limit_0_raise_at": "much"}, "edit.choice"),
            ({"limit_0_clear_at": ""}, "edit.choice"),
            ({"hold": "soon"}, "edit.choice"),
            ({"basis_title": ""}, "edit.choice"),
            ({"basis_title": "待定"}, "rule.no_basis"),
            ({"on": "yesterday"}, "edit.choice"),
            ({"on": "2026-11-22"}, "edit.day_past"),
            ({"reason": ""}, ""),
        ],
    )
    def test_what_no_rule_can_say(self, admin, fields, code):
        answer = preview(admin, PAGE, **given(admin, **fields))
        text = answer.content.decode()
        if code:
            assert code in text
            assert 'value="take"' not in text
        else:
            taken = send(admin, PAGE, PAGE, **hidden(text))
            assert (taken.status_code, "edit.no_reason" in taken.content.decode()) == (422, True)
        assert the_rule().version == 1

    def test_two_editors_at_once(self, admin):
        first = hidden(preview(admin, PAGE, **given(admin, hold="3m")).content.decode())
        change(admin, PAGE, **given(admin, hold="4m"))
        second = send(admin, PAGE, PAGE, **first)
        assert second.status_code == 409
        assert the_rule().hold == "4m"

    def test_only_keepers_of_the_whole_city(self, admin, officer):
        assert officer.get(PAGE).status_code == 403
        assert "/edit" not in text_of(officer, f"/rules/{TUNNEL}")
        part = signed_in(an_account("system_admin", (DISTRICT,), name="part"), Role.SYSTEM_ADMIN)
        assert part.get(PAGE).status_code == 403
        assert admin.get("/rules/no.such/edit").status_code == 404

    def test_every_rule_can_be_opened_and_sent_back(self, admin):
        """Each kind of rule has its own fields; sent as they were opened they judge the same."""
        kinds = {}
        for rule in registry.rules_in_force(at=NOW):
            kinds.setdefault(rule.__struct_config__.tag, rule)
        for rule in kinds.values():
            page = f"/rules/{rule.id}/edit"
            for language in ("zh", "en"):
                text = text_of(admin, page, language)
                assert not re.search(r">(fact|hint|version)\.[a-z_.]+<", text), rule.id
            values = given(admin, page)
            shown = preview(admin, page, **values)
            assert shown.status_code == 200, (rule.id, shown.content.decode())
            changed = version_forms.change_of({**values, "act": "replace"}, rule)
            again = registry.version_edit("rules", rule.id, changed, on=TODAY, today=TODAY)
            new = again.entries[-1]
            for name in set(rule.__struct_fields__) - {
                "basis", "confidence", "version", "effective_from", "replaces", "example", "effective_to",
            }:  # fmt: skip
                assert getattr(new, name) == getattr(rule, name), (rule.id, name)

    def test_too_much_of_the_past_is_said_and_not_taken_for_calm(self, admin, monkeypatch):
        from anlan.warning.services import trying

        water(*[0.5] * 20)
        monkeypatch.setattr(trying, "MOST_READINGS", 1)
        text = preview(admin, PAGE, **given(admin, hold="2m")).content.decode()
        assert wording.say("version.untried", "zh") in text


class TestClocks:
    def test_they_are_listed_with_their_law(self, officer):
        for language in ("zh", "en"):
            text = text_of(officer, "/clocks", language)
            for clock in registry.clocks_in_force(at=NOW):
                assert f'href="/clocks/{clock.id}"' in text
            assert not re.search(r">(clock|stage|calendar)\.[a-z_.]+<", text)
        first = registry.clocks_in_force(at=NOW)[0]
        assert first.basis.title in text_of(officer, f"/clocks/{first.id}")
        assert officer.get("/clocks/no.such").status_code == 404

    def test_one_is_made_shorter(self, admin):
        page = "/clocks/service.accept/edit"
        answer = change(admin, page, **given(admin, page, limit="20m"))
        assert answer["Location"] == "/clocks/service.accept?done=1"
        found = registry.clock_rule("service", "accept", "any.other", 4, at=LATER)
        assert (found.limit, found.confidence) == ("20m", "local")
        text = text_of(admin, "/clocks/service.accept")
        assert "20 minutes" in text
        assert "第 3 号通知" in text

    def test_one_longer_than_the_law_allows_is_refused(self, admin):
        page = "/clocks/lift.arrive/edit"
        text = preview(admin, page, **given(admin, page, limit="300d")).content.decode()
        assert "clock.looser" in text
        assert 'value="take"' not in text

    def test_one_that_the_city_replaced_leads_to_the_other(self, admin):
        text = text_of(admin, "/clocks/service.handle")
        assert 'href="/clocks/demo.service_handle"' in text
        assert "/clocks/service.handle/edit" not in text
        page = "/clocks/service.handle/edit"
        refused = preview(admin, page, **given(admin, page, limit="1d"))
        assert (refused.status_code, "edit.replaced" in refused.content.decode()) == (409, True)

    def test_a_duty_tells_which_count(self, admin):
        text = text_of(admin, "/registry/duties")
        first = re.search(r'href="(/registry/duties/\d+)"', text).group(1)
        assert "/clocks/" in text_of(admin, first)
