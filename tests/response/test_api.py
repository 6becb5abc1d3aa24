"""Cases over HTTP: what a person at a post can do from the first list to the closing."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from anlan.entrypoints import clock
from anlan.entrypoints.web import middleware
from anlan.kernel.errors import NotAuthenticatedError
from anlan.response.domain.words import Trigger
from anlan.sensing import public as sensing
from tests.response.builders import (
    AUDITOR,
    DUTY,
    FIRE,
    HOUR,
    METRO,
    METRO_LEAD,
    METRO_MATE,
    NOW,
    STRANGER,
    a_case,
    person,
)

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]
PEOPLE = {
    actor.id: actor for actor in (AUDITOR, DUTY, FIRE, METRO, METRO_LEAD, METRO_MATE, STRANGER)
}


@pytest.fixture(autouse=True)
def known_people(monkeypatch):
    """Each test token is the id of somebody; the clock stands still."""

    def authenticate(secret, *, now):
        if secret not in PEOPLE:
            raise NotAuthenticatedError
        return PEOPLE[secret]

    class Standing:
        def now(self):
            return NOW

    monkeypatch.setattr(middleware.registry, "authenticate", authenticate)
    monkeypatch.setattr(clock, "_current", Standing())


def call(method, path, actor, body=None, **headers):
    client = Client(raise_request_exception=False)
    more = (
        {"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}
    )
    answer = getattr(client, method)(
        f"/api/v1{path}",
        headers={"Authorization": f"Bearer {actor.id}", "Accept-Language": "en", **headers},
        **more,
    )
    return answer.status_code, answer.json()


def test_from_the_list_to_the_closing():
    case = a_case(origin="alert:1")
    status, page = call("get", "/cases?overdue=false&priority=1", METRO)
    assert status == 200
    assert [row["number"] for row in page["cases"]] == [case.number]
    status, shown = call("get", f"/cases/{case.pk}", METRO)
    assert status == 200
    (running,) = [item for item in shown["clocks"] if item["running"]]
    assert running["basis"]["title"]
    assert shown["next_steps"][0]["post"] == "superior"
    assert {item["trigger"] for item in shown["actions"]} >= {"begin", "return"}
    for actor, verb in (
        (METRO, "begin"),
        (METRO, "self_check"),
        (METRO_MATE, "recheck"),
        (METRO_MATE, "close"),
    ):
        status, shown = call("post", f"/cases/{case.pk}/{verb}", actor, {"note": "现场已排查"})
        assert status == 200, shown
    assert shown["state"] == "closed"
    assert shown["notes"][0]["text"] == "现场已排查"
    status, history = call("get", f"/cases/{case.pk}/history", METRO)
    assert [entry["event"] for entry in history] == ["CaseOpened"] + ["CaseMoved"] * 4


def test_the_handler_alone_is_refused_in_words():
    case = a_case()
    call("post", f"/cases/{case.pk}/self_check", METRO, {})
    status, refusal = call("post", f"/cases/{case.pk}/recheck", METRO, {})
    assert status == 403
    assert refusal["error"]["code"] == "case.second_person_needed"
    assert "second person" in refusal["error"]["do"]


def test_a_case_opened_by_hand():
    body = {"kind": "hidden_danger", "hazard": "gas.leak", "place": "RP-MARKET-1", "note": "有气味"}
    status, shown = call("post", "/cases", DUTY, body)
    assert status == 201
    assert (shown["owner_post"], shown["state"]) == ("P-GAS", "found")
    assert shown["notes"][0]["text"] == "有气味"
    status, _ = call("post", "/cases", DUTY, {**body, "place": "RP-NOWHERE"})
    assert status == 422
    # A place elsewhere is refused as one that does not exist.
    status, answer = call("post", "/cases", STRANGER, body)
    assert (status, answer["error"]["code"]) == (422, "case.opening_invalid")


def test_tasks_over_http():
    case = a_case()
    due = (NOW + HOUR).isoformat()
    body = {"post": "P-FIRE", "text": "带泵", "due_at": due}
    status, task = call("post", f"/cases/{case.pk}/tasks", METRO, body)
    assert (status, task["text"]) == (201, "带泵")
    status, mine = call("get", "/tasks", FIRE)
    assert [item["text"] for item in mine] == ["带泵"]
    status, answered = call("post", f"/tasks/{task['id']}/done", FIRE, {})
    assert (status, answered["state"]) == (200, "done")
    status, refusal = call("post", f"/tasks/{task['id']}/refused", FIRE, {})
    assert (status, refusal["error"]["code"]) == (409, "case.task_answered")


def test_a_call_that_comes_again_with_its_key_has_one_effect():
    case = a_case()
    again = {"Idempotency-Key": "k-1"}
    first = call("post", f"/cases/{case.pk}/urge", METRO_LEAD, {}, **again)
    assert (first[0], first[1]["urged"]) == (200, 1)
    assert call("post", f"/cases/{case.pk}/urge", METRO_LEAD, {}, **again) == first
    status, refusal = call("post", f"/cases/{case.pk}/urge", METRO_LEAD, {"note": "x"}, **again)
    assert (status, refusal["error"]["code"]) == (409, "idempotency.key_reused")
    status, refusal = call("post", f"/cases/{case.pk}/enforce", METRO_LEAD, {}, **again)
    assert (status, refusal["error"]["code"]) == (409, "idempotency.key_reused")

    again = {"Idempotency-Key": "k-2"}
    body = {"post": "P-FIRE", "text": "带泵", "due_at": (NOW + HOUR).isoformat()}
    status, task = call("post", f"/cases/{case.pk}/tasks", METRO, body, **again)
    assert call("post", f"/cases/{case.pk}/tasks", METRO, body, **again) == (201, task)
    assert len(call("get", "/tasks", FIRE)[1]) == 1
    for _ in range(2):
        status, answered = call("post", f"/tasks/{task['id']}/done", FIRE, {}, **again)
        assert (status, answered["state"]) == (200, "done")


def test_the_slower_of_two_same_calls_gets_the_answer_of_the_faster(monkeypatch):
    case = a_case()
    key = {"Idempotency-Key": "k-3"}
    first = call("post", f"/cases/{case.pk}/begin", METRO, {}, **key)
    assert first[0] == 200
    known, asked = sensing.earlier_answer, []

    def not_seen_at_first(actor, once, *, now):
        asked.append(once)
        return known(actor, once, now=now) if len(asked) > 1 else None

    monkeypatch.setattr(sensing, "earlier_answer", not_seen_at_first)
    assert call("post", f"/cases/{case.pk}/begin", METRO, {}, **key) == first


@pytest.mark.parametrize("trigger", list(Trigger))
def test_every_verb_hides_the_case_from_elsewhere_and_refuses_the_auditor(trigger):
    case = a_case()
    body = {"reason": "x", "other": case.pk}
    assert call("post", f"/cases/{case.pk}/{trigger.value}", STRANGER, body)[0] == 404
    status, refusal = call("post", f"/cases/{case.pk}/{trigger.value}", AUDITOR, body)
    assert status in {403, 409}, refusal


@pytest.mark.parametrize(
    "body",
    [
        {"until": "2021-07-21T00:00:00", "reason": "funding"},  # no offset
        {"until": "tomorrow"},
        {"rating": "x"},
        {"note": "x" * 10_001},
        {"measurement": {"value": 1}},
        {"factors": []},
        [],
        "'; DROP TABLE response_case; --",
    ],
)
def test_what_makes_no_sense_is_refused_with_a_code(body):
    case = a_case()
    status, refusal = call("post", f"/cases/{case.pk}/suspend", METRO_LEAD, body)
    assert status == 422
    assert refusal["error"]["code"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=9999", "order=worst", "priority=9", "cursor=x", "overdue=maybe"]
)
def test_a_list_that_makes_no_sense_is_refused(query):
    status, refusal = call("get", f"/cases?{query}", DUTY)
    assert status == 422
    assert refusal["error"]["code"]


def test_measurements_over_http():
    case = a_case(evidence_to_close="measurement")
    call("post", f"/cases/{case.pk}/self_check", METRO, {})
    given = {"value": 0.1, "limit": 1.0, "unit": "%LEL", "points": 3, "minutes": 10}
    path = f"/cases/{case.pk}/recheck"
    assert call("post", path, METRO_MATE, {})[1]["error"]["code"] == "case.measurement_needed"
    high = {"measurement": {**given, "value": 2}}
    refusal = call("post", path, METRO_MATE, high)[1]["error"]
    assert refusal["code"] == "case.measurement_above_limit"
    assert call("post", path, METRO_MATE, {"measurement": given})[0] == 200


def test_without_a_token_there_is_nothing():
    nobody = person("nobody", None)
    assert call("get", "/cases", nobody)[0] == 401


def test_markup_is_kept_as_it_was_written():
    case = a_case()
    words = "<script>alert(1)</script>' OR 1=1 --"
    call("post", f"/cases/{case.pk}/begin", METRO, {"note": words})
    assert call("get", f"/cases/{case.pk}", METRO)[1]["notes"][0]["text"] == words
