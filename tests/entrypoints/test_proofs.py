"""The proof of an entry of a case, checked by the verifier that shares no code with Anlan."""

from __future__ import annotations

import json

import pytest

from anlan import flow
from anlan.accountability import public as accountability
from anlan.accountability.verifier import anlan_verify
from anlan.infra import delivery
from anlan.infra.models import JournalEntry
from anlan.response.models import Case, CaseEntry
from tests.entrypoints.test_pages import (
    NOW,
    an_account,
    browser,
    send,
    signed_in,
)

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]


@pytest.fixture
def entry():
    send(browser(), "/report", "/report", text="隧道积水很深", key="k")
    delivery.settle(flow.REACTIONS, now=NOW)
    return CaseEntry.objects.filter(case=Case.objects.get()).order_by("seq").first()


def test_an_entry_is_proved_on_the_page_and_by_the_verifier(entry):
    client = signed_in(an_account("auditor"))
    address = f"/cases/{entry.case_id}/proof/{entry.seq}"
    early = client.get(address)
    assert (early.status_code, "ledger.not_sealed_yet" in early.content.decode()) == (409, True)
    accountability.seal(now=NOW)
    assert address in client.get(f"/cases/{entry.case_id}").content.decode()
    shown = client.get(address).content.decode()
    assert JournalEntry.objects.get(seq=entry.seq).leaf in shown
    given = client.get(f"{address}?form=json")
    assert "attachment" in given["Content-Disposition"]
    said = anlan_verify.check_proof(json.loads(given.content), None)
    assert said["holds"]


def test_only_entries_of_the_case_and_only_in_ones_areas(entry):
    accountability.seal(now=NOW)
    client = signed_in(an_account("duty_officer"))
    foreign = JournalEntry.objects.order_by("seq").first().seq
    assert client.get(f"/cases/{entry.case_id}/proof/{foreign}").status_code == 404
    street = signed_in(an_account("street_officer", ("410102",)))
    assert street.get(f"/cases/{entry.case_id}/proof/{entry.seq}").status_code == 404
