"""A resident says that the danger is not gone: the ended case opens again, with its owner told."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from anlan import flow
from anlan.entrypoints import clock
from anlan.entrypoints.web.pages.reporting import RESIDENT
from anlan.infra import delivery
from anlan.notices.models import Notice
from anlan.registry import public as registry
from anlan.response import public as response
from anlan.response.models import Case
from anlan.sensing.models import Report
from tests.entrypoints.test_pages import (  # noqa: F401  fixtures are used by name
    NOW,
    _quick_hashes,
    an_account,
    browser,
    demo,
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
