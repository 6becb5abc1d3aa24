"""A resident says that the danger is not gone: the ended case opens again, with its owner told."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from anlan import flow
from anlan.entrypoints import clock
from anlan.entrypoints.web.pages.reporting import RESIDENT
from anlan.infra import delivery, journal
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import system_actor
from anlan.notices.models import Notice
from anlan.registry import public as registry
from anlan.response import public as response
from anlan.response.models import Case
from anlan.response.services.signs import take_sign
from anlan.sensing.models import Report
from tests.entrypoints.test_pages import (
    NOW,
    an_account,
    browser,
    send,
    signed_in,
)

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]


@pytest.fixture
def link():
    """The secret link of a report whose case two officers brought to its end."""
    answer = send(browser(), "/report", "/report", text="隧道积水很深", key="k")
    delivery.settle(flow.REACTIONS, now=NOW)
    case, post = Case.objects.get(), registry.posts()[0].code
    desk = signed_in(an_account("duty_officer", name="desk"))
    other = signed_in(an_account("duty_officer", name="other"))
    page = f"/cases/{case.pk}"
    moves = [(desk, "decide"), (desk, "handle"), (desk, "feed_back"), (other, "close")]
    for client, move in moves:
        done = send(client, page, f"{page}/{move}", **({"post": post} if move == "decide" else {}))
        assert done.status_code == 303, done.content.decode()
    return answer["Location"].replace("&new=1", "")


def fields_of(link):
    return dict(re.findall(r"(number|secret)=([^&]+)", link))


def test_it_opens_again_once_and_the_owner_hears_of_it(link):
    client = browser()
    assert "/follow/not-fixed" in client.get(link).content.decode()
    told = Notice.objects.count()
    for _ in range(2):  # pressed twice, also from a page shown before
        answer = client.post(
            "/follow/not-fixed",
            {**fields_of(link), "csrfmiddlewaretoken": token(client)},
        )
        assert answer.status_code == 303, answer.content.decode()
    case = Case.objects.get()
    assert (case.is_open, case.reopened, case.hands) == (True, 1, [])
    assert case.running_clock is not None
    assert Notice.objects.count() > told
    page = client.get(answer["Location"] + "&lang=en").content.decode()
    assert "its owner was told" in page
    assert "/follow/not-fixed" not in page


def token(client):
    found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', client.get("/report").content.decode())
    return found.group(1)


def test_nobody_else_can(link):
    fields = {**fields_of(link), "secret": "x"}
    assert send(browser(), "/report", "/follow/not-fixed", **fields).status_code == 404
    assert not Case.objects.get().is_open


def test_not_after_a_month(link, monkeypatch):
    class Later:
        def now(self):
            return NOW + timedelta(days=31)

    monkeypatch.setattr(clock, "_current", Later())
    client = browser()
    assert "/follow/not-fixed" not in client.get(link).content.decode()
    answer = send(client, "/report", "/follow/not-fixed", **fields_of(link))
    assert (answer.status_code, "case.contested_late" in answer.content.decode()) == (409, True)
    assert not Case.objects.get().is_open


def test_a_case_that_runs_is_not_contested():
    send(browser(), "/report", "/report", text="隧道积水很深", key="k")
    delivery.settle(flow.REACTIONS, now=NOW)
    case = Case.objects.get()
    assert not response.can_contest(case, now=NOW)
    sign = f"report:{Report.objects.get().pk}"
    assert response.contest(RESIDENT, sign, now=NOW).reopened == 0


def test_where_the_matter_is_in_hand_again_the_report_joins_it(link):
    old = Case.objects.get()
    Case.objects.update(cause="flood|tunnel")
    opening = response.Opening(
        kind="service", hazard="", area="410100", origin="alert:77", known_at=NOW,
        cause="flood|tunnel", level="yellow",
    )  # fmt: skip
    with_alert = take_sign(system_actor("response"), opening, now=NOW)
    client, told = browser(), Notice.objects.count()
    for _ in range(2):
        answer = send(client, "/report", "/follow/not-fixed", **fields_of(link))
        assert answer.status_code == 303, answer.content.decode()
    case = response.case_of_sign(f"report:{Report.objects.get().pk}")
    assert (case.pk, case.signs, case.priority) == (with_alert.pk, 2, 3)
    assert not Case.objects.get(pk=old.pk).is_open
    assert Notice.objects.count() > told
    page = client.get(answer["Location"] + "&lang=en").content.decode()
    assert "its owner was told" in page
    rebuilt = journal.replay_images(JournalEntry.objects.order_by("seq"))
    assert rebuilt["response.casefollower"] == journal.live_state()["response.casefollower"]
