"""Rules pages: what each says, how often it was right, and on the past."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan import __version__, flow
from anlan.entrypoints.web import wording
from anlan.entrypoints.web.pages.rules import KINDS
from anlan.infra import delivery
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Role
from anlan.registry import public as registry
from anlan.registry.domain.packwords import Confidence
from anlan.response import public as response
from anlan.sensing import public as sensing
from anlan.warning import public as warning
from anlan.warning.models import AlertInstance
from tests.entrypoints.test_pages import NOW, TEST, an_account, send, signed_in

pytestmark = pytest.mark.django_db(databases="__all__")
TUNNEL = "water.tunnel"
DAYS = "from=2026-11-20&to=2026-11-23"


def text_of(client, address, language="en", status=200):
    separator = "&" if "?" in address else "?"
    answer = client.get(f"{address}{separator}lang={language}")
    assert answer.status_code == status, (address, answer.content.decode())
    return answer.content.decode()


def water(*values, ago=60, stream="TUN-01"):
    """Send readings of a minute each, the first of them ``ago`` minutes ago; let the judge look."""
    rows = tuple(
        sensing.RowIn(stream=stream, at=NOW - timedelta(minutes=ago - n), value=value)
        for n, value in enumerate(values)
    )
    sensing.keep_observations(TEST, sensing.BatchIn(rows), now=NOW)
    warning.judge(now=NOW)
    delivery.settle(flow.REACTIONS, now=NOW)


def the_case():
    alert = AlertInstance.objects.filter(rule=TUNNEL).latest("pk")
    return response.case_of_sign(f"alert:{alert.pk}")


class TestList:
    def test_every_rule_in_force_is_there_with_its_law(self, officer):
        in_force = registry.rules_in_force(at=NOW)
        for language in ("zh", "en"):
            text = text_of(officer, "/rules", language)
            for rule in in_force:
                assert f'href="/rules/{rule.id}"' in text
                assert getattr(rule.title, language).replace("'", "&#x27;") in text
        assert str(len(in_force)) in text

    @pytest.mark.parametrize("kind", KINDS)
    def test_one_kind_alone(self, officer, kind):
        wanted = {x.id for x in registry.rules_in_force(at=NOW) if x.__struct_config__.tag == kind}
        text = text_of(officer, f"/rules?kind={kind}")
        assert set(re.findall(r'href="/rules/([\w.]+)"', text)) == wanted

    def test_searched_by_name_code_and_hazard(self, officer):
        assert TUNNEL in text_of(officer, "/rules?q=隧道", "zh")
        assert TUNNEL in text_of(officer, f"/rules?q={TUNNEL.upper()}")
        assert 'class="empty"' in text_of(officer, "/rules?q=no-such-rule")

    def test_it_asks_as_much_of_two_rules_as_of_all(self, officer):
        officer.get("/rules")
        asked = []
        for query in ("?kind=silence", ""):
            with CaptureQueriesContext(connection) as seen:
                officer.get(f"/rules{query}")
            asked.append(len(seen))
        assert asked[0] == asked[1] <= 40

    def test_every_mark_of_confidence_has_words(self):
        assert [x for x in Confidence if not wording.knows(f"confidence.{x.value}")] == []


class TestRule:
    def test_every_rule_has_a_page_in_both_languages(self, officer):
        for rule in registry.rules_in_force(at=NOW):
            for language in ("zh", "en"):
                text = text_of(officer, f"/rules/{rule.id}", language)
                assert rule.basis.title.replace("'", "&#x27;") in text

    def test_the_foot_names_the_version_of_anlan_and_not_the_rule_s(self, officer):
        assert f"Anlan {__version__}" in text_of(officer, "/rules/water.tunnel")

    def test_without_an_alert_there_is_no_data(self, officer):
        text = text_of(officer, f"/rules/{TUNNEL}")
        assert "No data: no alert of it has been settled" in text
        assert "It has raised nothing lately" in text

    def test_precision_is_counted_from_what_became_of_cases(self, officer):
        water(0, 45, 45, 45)
        text = text_of(officer, f"/rules/{TUNNEL}")
        assert "open 1" in text
        assert "No data" in text
        case = the_case()
        page = f"/cases/{case.pk}"
        assert page in text
        reason = next(x.id for x in registry.reasons("false_alarm") if x.of_rule)
        measured = {"measured": "0", "limit": "5", "unit": "cm", "minutes": "60"}
        answer = send(officer, page, f"{page}/dismiss", reason=reason, **measured)
        assert answer.status_code == 303, answer.content.decode()
        text = text_of(officer, f"/rules/{TUNNEL}")
        assert "0% confirmed" in text
        assert "false alarm 1" in text
        assert "of 1 settled alert" in text

    def test_alerts_of_elsewhere_are_not_shown(self, demo):
        water(0, 45, 45, 45)
        elsewhere = signed_in(an_account("street_officer", ("410102",)))
        text = text_of(elsewhere, f"/rules/{TUNNEL}")
        assert "It has raised nothing lately" in text
        assert "Nothing in your areas for it to judge" in text
        there = signed_in(an_account("street_officer", ("410108",), name="there"))
        assert "open 1" in text_of(there, f"/rules/{TUNNEL}")

    def test_a_role_without_alerts_sees_the_rule_and_not_them(self, demo):
        water(0, 45, 45, 45)
        admin = signed_in(an_account("system_admin"), Role.SYSTEM_ADMIN)
        text = text_of(admin, f"/rules/{TUNNEL}")
        assert "Your role does not see alerts" in text
        assert "Alerts lately" not in text
        tried = text_of(admin, f"/rules/{TUNNEL}/try?{DAYS}")
        assert "Would have raised 1" in tried
        assert "were raised then" not in tried

    def test_an_unknown_rule_is_not_found(self, officer):
        for address in ("/rules/ghost", f"/rules/ghost/try?{DAYS}"):
            text_of(officer, address, status=404)

    def test_it_asks_as_much_of_many_alerts_as_of_two(self, officer):
        page = f"/rules/{TUNNEL}"
        officer.get(page)
        asked = []
        for upto in (2, 20):
            rows = AlertInstance.objects.filter(rule=TUNNEL).count()
            for number in range(rows, upto):
                AlertInstance.objects.create(
                    rule=TUNNEL, rule_version=1, subject=f"stream:S{number}",
                    hazard="tunnel.danger", level="red", peak_level="red", area="410108",
                    area_path="410100/410108", place="RP-TUNNEL-JG", active_at=NOW,
                    raised_at=NOW, level_at=NOW, reason={"code": "threshold.beyond", "params": {}},
                    evidence={}, recorded_at=NOW,
                )  # fmt: skip
            with CaptureQueriesContext(connection) as seen:
                officer.get(page)
            asked.append(len(seen))
        assert asked[0] == asked[1] <= 45


class TestTry:
    def test_it_shows_what_it_would_have_raised_beside_what_was(self, officer):
        water(0, 45, 45, 45)
        entries = JournalEntry.objects.count()
        text = text_of(officer, f"/rules/{TUNNEL}/try?{DAYS}")
        for words in ("Would have raised 1", "1 were raised then", "1 in both", "would, and was"):
            assert words in text
        assert "readings 4," in text
        assert JournalEntry.objects.count() == entries

    def test_no_data_is_no_calm(self, officer):
        text = text_of(officer, f"/rules/{TUNNEL}/try?{DAYS}")
        assert "No data is not the same as no danger" in text

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "from=x&to=y",
            "from=2026-11-20",
            "from=2026-11-23&to=2026-11-20",
            "from=2026-01-01&to=2026-11-23",
            "from=0001-01-01&to=0001-01-02",
            "from=9999-12-31&to=9999-12-31",
        ],
    )
    def test_a_period_that_cannot_be_tried_is_refused_in_words(self, officer, query):
        text = text_of(officer, f"/rules/{TUNNEL}/try?{query}", status=422)
        assert "Try it on past data" in text
        assert 'role="alert"' in text
