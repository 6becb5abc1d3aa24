"""The inbox and the outbox over HTTP, as each role sees them."""

from datetime import timedelta

import pytest
from django.test import Client

from anlan.entrypoints import clock
from anlan.kernel.actor import system_actor
from anlan.notices.models import QuietHours
from anlan.registry import public as registry
from tests.notices.city import NOON, tell
from tests.registry.small_city import TERMINAL

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture(autouse=True)
def standing(monkeypatch):
    class Standing:
        def now(self):
            return NOON

    monkeypatch.setattr(clock, "_current", Standing())


@pytest.fixture
def caller(city):
    def make(role, post=None, areas=("",)):
        name = f"{role}-{post}".lower()
        account = registry.create_account(
            system_actor("test"), name, role, post=post, areas=areas, now=NOON
        )
        end = NOON + timedelta(days=1)
        secret = registry.issue_token(TERMINAL, account, None, None, end, now=NOON)[1]
        return Client(headers={"Authorization": f"Bearer {secret}"})

    return make


def post_json(client, path, body=None):
    return client.post(f"/api/v1{path}", body or {}, content_type="application/json")


def test_a_post_reads_and_answers_its_own_inbox(caller):
    number = tell(urgency="red", subject="notice.delivery_given_up")
    tell("operator", key="other")
    client = caller("street_officer", "district")
    inbox = client.get("/api/v1/inbox").json()
    assert (inbox["post"], [notice["id"] for notice in inbox["notices"]]) == ("district", [number])
    assert inbox["notices"][0]["title"].startswith("【红色·须应答】")
    english = client.get("/api/v1/inbox?lang=en").json()["notices"][0]
    assert english["title"].startswith("[RED")
    for wanted in ("en-GB,en;q=0.9", "fr, en;q=0.8, zh;q=0.5"):
        asked = client.get("/api/v1/inbox", headers={"Accept-Language": wanted})
        assert asked.json()["notices"][0]["title"] == english["title"]
    answer = post_json(client, f"/inbox/{number}/acknowledge")
    assert (answer.status_code, answer.json()["acknowledged_by"][:7]) == (200, "account")
    assert client.get("/api/v1/inbox").json()["notices"] == []
    assert len(client.get("/api/v1/inbox?answered=true").json()["notices"]) == 1


def test_a_shelf_needs_an_end_with_an_offset(caller):
    number = tell()
    client = caller("street_officer", "district")
    for body in ({}, {"until": "soon"}, {"until": "2026-11-23T15:00:00"}):
        assert post_json(client, f"/inbox/{number}/shelve", body).status_code == 422
    past = post_json(client, f"/inbox/{number}/shelve", {"until": "2026-11-23T11:59:00+08:00"})
    assert past.json()["error"]["code"] == "notice.shelf_end"
    fine = post_json(client, f"/inbox/{number}/shelve", {"until": "2026-11-23T15:00:00+08:00"})
    assert fine.json()["shelved_until"] == "2026-11-23T07:00:00Z"


def test_nobody_answers_for_another_post_nor_learns_of_it(caller):
    number = tell()
    client = caller("street_officer", "street")
    for path in (f"/inbox/{number}/acknowledge", "/inbox/999/acknowledge"):
        answer = post_json(client, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert client.get("/api/v1/inbox?post=district").status_code == 404


def test_an_overseer_reads_the_inboxes_of_the_own_area_only(caller):
    tell()
    commander = caller("commander", "commander")
    assert len(commander.get("/api/v1/inbox?post=district").json()["notices"]) == 1
    elsewhere = caller("auditor", areas=("410103",))
    there = elsewhere.get("/api/v1/inbox?post=district")
    nowhere = elsewhere.get("/api/v1/inbox?post=no-such")
    assert there.status_code == nowhere.status_code == 404
    assert there.json()["error"]["code"] == nowhere.json()["error"]["code"] == "not_found"
    assert elsewhere.get("/api/v1/inbox").json()["error"]["code"] == "notice.no_post"


def test_the_outbox_shows_its_state_without_addresses(caller):
    tell("operator")
    answer = caller("commander", "commander").get("/api/v1/outbox")
    assert answer.json()["channels"]["webhook"]["waiting"] == 1
    assert "example" not in answer.content.decode()
    assert caller("street_officer", "street").get("/api/v1/outbox").status_code == 403


def test_quiet_hours_are_set_by_who_keeps_the_city(caller):
    admin = caller("system_admin")
    body = {"start": "23:00", "end": "06:30"}
    path = "/api/v1/quiet-hours/district"
    assert admin.put(path, body, content_type="application/json").status_code == 204
    assert str(QuietHours.objects.get()) == "district 23:00-06:30"
    missing = admin.put("/api/v1/quiet-hours/no-such", body, content_type="application/json")
    assert missing.status_code == 404
    wrong = admin.put(path, {"start": "25:00", "end": "1"}, content_type="application/json")
    assert wrong.status_code == 422
    officer = caller("street_officer", "street")
    assert officer.put(path, body, content_type="application/json").status_code == 403
