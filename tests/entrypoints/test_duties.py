"""My duties on a telephone at night: one thing at a time, given back with one tap, a whole shift long."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan import flow
from anlan.infra import delivery
from anlan.registry import public as registry
from anlan.response import public as response
from anlan.response.models import Case
from tests.entrypoints.test_pages import NOW, TEST, an_account, browser, send, signed_in

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]
OFFICE = "P-410102002"
INSIDE = {"lat": "34.757", "lon": "113.60"}


def report(number=0, **fields):
    given = {"text": "下穿通道积水", **INSIDE, **fields}
    send(browser(), "/report", "/report", key=f"k{number}", **given)
    delivery.settle(flow.REACTIONS, now=NOW)


def street_officer(post=OFFICE):
    return signed_in(an_account("street_officer", (post.removeprefix("P-"),), post=post))


def owned():
    return Case.objects.get(owner_post=OFFICE)


class TestNotOurs:
    def test_one_tap_and_one_reason_give_it_back(self):
        report()
        case = owned()
        client = street_officer()
        text = client.get("/duties?lang=en").content.decode()
        # One tap opens it, the next one is both the reason and the confirmation.
        assert text.count('<details class="not-ours"><summary') == 1
        arbiter = registry.names_of(posts=[registry.city().arbiter_post])
        assert arbiter.post(registry.city().arbiter_post, "en") in text
        action = re.search(r'action="(/duties/\d+/not-ours)"', text).group(1)
        reasons = re.findall(r'<button class="button wide" name="reason" value="(\w+)">', text)
        assert "not_my_duty" in reasons
        answer = send(client, "/duties", action, reason="not_my_duty")
        assert (answer.status_code, answer["Location"]) == (303, "/duties")
        case.refresh_from_db()
        assert (case.state, case.owner_post) == ("arbitrating", registry.city().arbiter_post)
        # It is gone from this page, and nobody is told here that it left.
        assert "not-ours" not in client.get("/duties").content.decode()
        assert "目前没有需要您应答的事" in client.get("/duties?lang=zh").content.decode()

    def test_without_a_reason_it_stays_and_says_why(self):
        report()
        client = street_officer()
        action = re.search(r'"(/duties/\d+/not-ours)"', client.get("/duties").content.decode())
        for given in ({}, {"reason": "no_such_reason"}):
            answer = send(client, "/duties", action.group(1), **given)
            assert answer.status_code == 422
            assert 'role="alert"' in answer.content.decode()
        assert owned().state != "arbitrating"

    def test_what_was_given_back_once_is_not_offered_again(self):
        report()
        Case.objects.update(returned_once=True)
        assert "not-ours" not in street_officer().get("/duties").content.decode()

    def test_somebody_else_s_notice_is_not_found(self):
        report()
        own = street_officer()
        action = re.search(r'"(/duties/\d+/not-ours)"', own.get("/duties").content.decode())
        other = registry.posts()[0].code
        stranger = signed_in(an_account("duty_officer", name="other", post=other))
        answer = send(stranger, "/duties", action.group(1), reason="not_my_duty")
        assert answer.status_code == 404
        assert owned().state != "arbitrating"


class TestOneThing:
    def test_one_thing_is_shown_and_the_others_wait_behind_a_line(self):
        for number in range(3):
            report(number, lat=f"{34.757 + number * 0.006}", text="下穿通道积水")
        client = street_officer()
        Case.objects.update(owner_post=OFFICE)
        text = client.get("/duties").content.decode()
        assert text.count('<section class="one"') == 1
        assert len(re.findall(r'class="button primary[^"]*"', text)) == 1
        assert len(re.findall(r'action="/duties/\d+/answer"', text)) == 1
        others = re.search(r"<details><summary>[^<]*</summary>\s*<ul class=\"things\">", text)
        assert others
        assert text.count('class="whole"') == 2

    def test_a_list_of_many_asks_no_more_than_one_of_two(self):
        client = street_officer()
        asked, lying = [], []
        for wanted in (2, 12):
            for _ in range(wanted):
                opening = response.Opening(
                    kind="service",
                    hazard="",
                    area="410102002",
                    origin="manual",
                    known_at=NOW,
                    owner_post=OFFICE,
                )
                response.open_case(TEST, opening, now=NOW)
            client.get("/duties")
            with CaptureQueriesContext(connection) as seen:
                client.get("/duties")
            asked.append(len(seen))
            lying.append(client.get("/duties").content.decode().count('class="whole"'))
        assert lying[0] < lying[1]
        assert asked[0] == asked[1] <= 36


def test_a_night_shift_of_thirteen_hours_needs_one_sign_in(demo):
    client = street_officer()
    cookie = client.cookies["anlan_session"].value
    assert (
        int(client.cookies["anlan_session"]["max-age"] or 0) >= 13 * 3600
        or not (client.cookies["anlan_session"]["max-age"])
    )
    for hour in range(14):
        demo.at = NOW + timedelta(hours=hour)
        report(hour, lat=f"{34.7562 + hour * 0.0001}")
        assert client.get("/duties").status_code == 200, hour
        found = re.search(r'"(/duties/\d+/answer)"', client.get("/duties").content.decode())
        if found:
            assert send(client, "/duties", found.group(1)).status_code == 303, hour
    assert client.cookies["anlan_session"].value == cookie
    demo.at = NOW + timedelta(hours=16, seconds=1)  # a session is for one shift, not for ever
    assert client.get("/duties").status_code == 302
