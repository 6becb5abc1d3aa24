"""Reading what a reporter said: a form, a reason, an entry in the journal (I13)."""

from __future__ import annotations

import pytest

from anlan import flow
from anlan.infra import delivery
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Role
from anlan.response import public as response
from anlan.response.public import CaseFilters
from anlan.sensing.models import Report
from tests.entrypoints.test_pages import (
    NOW,
    TEST,
    an_account,
    browser,
    send,
    signed_in,
)

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]


class TestWords:
    """What a reporter said is shown for a reason, and who read it is journalled."""

    def ask(self, client, **fields):
        client.get("/cases")
        send(browser(), "/report", "/report", text="找王某", phone="13900000000", key="k")
        delivery.settle(flow.REACTIONS, now=NOW)
        case = response.cases(TEST, CaseFilters()).cases[0]
        page = f"/cases/{case.pk}"
        report = Report.objects.get().pk
        return send(client, page, f"/reports/{report}/words", case=case.pk, **fields)

    def test_for_a_reason(self):
        client = signed_in(an_account("duty_officer"))
        answer = self.ask(client, reason="handling")
        assert "找王某" in answer.content.decode()
        assert "13900000000" not in answer.content.decode()
        read = JournalEntry.objects.get(event="ContentsRead")
        assert (read.payload["reason"], read.actor[:8]) == ("handling", "account:")
        assert "13900000000" in self.ask(client, reason="call_back").content.decode()

    def test_not_without_one(self):
        answer = self.ask(signed_in(an_account("duty_officer")))
        assert answer.status_code == 422
        assert "找王某" not in answer.content.decode()
        assert not JournalEntry.objects.filter(event="ContentsRead").exists()

    @pytest.mark.parametrize("case", ["9" * 5000, "-1", "x", "²", ""])
    def test_a_case_that_cannot_be_is_no_way_back(self, case):
        client = signed_in(an_account("duty_officer"))
        send(browser(), "/report", "/report", text="找王某", key="k")
        report = Report.objects.get().pk
        answer = send(client, "/report", f"/reports/{report}/words", reason="handling", case=case)
        assert answer.status_code == 200
        assert "/cases/" not in answer.content.decode()

    @pytest.mark.parametrize("report", [10**20, 2**63, 0])
    def test_a_report_that_cannot_be_is_not_found(self, report):
        client = signed_in(an_account("duty_officer"))
        answer = send(client, "/report", f"/reports/{report}/words", reason="handling")
        assert answer.status_code == 404

    def test_not_outside_of_ones_area_and_not_for_an_auditor(self):
        for client in (
            signed_in(an_account("street_officer", ("410102",))),
            signed_in(an_account("auditor"), Role.AUDITOR),
        ):
            send(browser(), "/report", "/report", text="找王某", key="k")
            report = Report.objects.get().pk
            answer = send(client, "/report", f"/reports/{report}/words", reason="handling")
            assert answer.status_code == 404
            assert "找王某" not in answer.content.decode()
        assert not JournalEntry.objects.filter(event="ContentsRead").exists()
