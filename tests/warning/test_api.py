"""Alerts, warnings, responses and rules over HTTP, by area and by permission."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anlan.entrypoints import clock
from anlan.kernel.actor import Role, system_actor
from anlan.registry import public as registry
from anlan.registry.domain.permissions import PERMISSIONS
from anlan.warning.models import AlertInstance, ResponseInForce
from anlan.warning.selectors.in_force import reason_text
from tests.warning.town import CITY, NOW, a_signal, at, tick

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def now(demo, monkeypatch):
    class Standing:
        def now(self):
            return at(1)

    monkeypatch.setattr(clock, "_current", Standing())


def a_client(role: Role = Role.DUTY_OFFICER, areas: tuple[str, ...] = ("",)) -> Client:
    admin = system_actor("test")
    name = f"{role.value}-{len(areas)}-{'.'.join(areas).replace('/', '-')}"
    account = registry.create_account(admin, name, role=role, post=None, areas=areas, now=NOW)
    _, secret = registry.issue_token(
        admin,
        account,
        scopes=PERMISSIONS[role],
        areas=areas,
        expires_at=NOW + timedelta(days=1),
        now=NOW,
    )
    return Client(headers={"Authorization": f"Bearer {secret}", "Accept-Language": "en"})


def get(client: Client, path: str, **asked: object):
    return client.get(f"/api/v1{path}", asked)


def post(client: Client, path: str, body: dict):
    return client.post(f"/api/v1{path}", json.dumps(body), content_type="application/json")


def test_alerts_are_listed_newest_first_and_continued(now) -> None:
    a_signal(0)
    tick(0)
    client = a_client()
    first = get(client, "/alerts", limit=3).json()
    assert len(first["alerts"]) == 3
    rest = get(client, "/alerts", before=first["before"], limit=200).json()
    ids = [item["id"] for item in first["alerts"] + rest["alerts"]]
    assert ids == sorted(AlertInstance.objects.values_list("pk", flat=True), reverse=True)
    assert rest["before"] is None


def test_filters_restrict(now) -> None:
    a_signal(0)
    tick(0)
    client = a_client()
    found = get(client, "/alerts", rule="rain_red.rail_yard").json()["alerts"]
    assert [item["place"] for item in found] == ["RP-YARD-WLK"]
    assert found[0]["evidence"]["signals"]
    assert found[0]["why"]["en"] == "Every condition of the rule holds at this place."
    west = get(client, "/alerts", area="410102", limit=200).json()["alerts"]
    assert {item["area"][:6] for item in west} == {"410102"}
    assert get(client, "/alerts", level="blue").json()["alerts"] == []
    assert get(client, "/alerts", raised_from=at(5).isoformat()).json()["alerts"] == []


def test_why_is_worded_as_pages_word_it(now, django_assert_max_num_queries) -> None:
    for number, unit in enumerate(("cm", "%LEL", "persons/m2")):
        AlertInstance.objects.create(
            rule="x", rule_version=1, subject=f"stream:x{number}", hazard="water.ponding", level="red",
            peak_level="red", area="410102", area_path="410100/410102", active_at=NOW, raised_at=NOW,
            level_at=NOW, recorded_at=NOW, evidence={},
            reason={
                "code": "window.beyond",
                "params": {
                    "value": 12.0, "window": "1h", "compare": ">=", "limit": 10.0, "unit": unit
                },
            },
        )  # fmt: skip
    names = registry.names_of()
    client = a_client()
    with django_assert_max_num_queries(20):
        found = get(client, "/alerts", rule="x").json()["alerts"]
    for one in found:
        for language in ("zh", "en"):
            code, params = one["reason"]["code"], one["reason"]["params"]
            assert one["why"][language] == reason_text(code, params, names, language)
            assert names.unit(params["unit"], language) in one["why"][language]
            assert "1h" not in one["why"][language]
    assert found[0]["why"]["en"] == "12 people/m² over 1 hour is beyond the limit of 10 people/m²."
    assert get(client, f"/alerts/{found[0]['id']}").json() == found[0]


def test_an_officer_of_a_district_sees_that_district_only(now) -> None:
    a_signal(0)
    tick(0)
    client = a_client(areas=("410100/410102",))
    found = get(client, "/alerts", limit=200).json()["alerts"]
    assert {item["area"][:6] for item in found} == {"410102"}
    elsewhere = AlertInstance.objects.get(place="RP-HOSP-FW")
    refused = get(client, f"/alerts/{elsewhere.pk}")
    assert refused.status_code == 404
    missing = get(client, "/alerts/999999")
    assert refused.json()["error"]["code"] == missing.json()["error"]["code"]


def test_lists_ask_a_bounded_number_of_queries(now) -> None:
    a_signal(0)
    tick(0)
    client = a_client()
    get(client, "/alerts")  # the first call notes when the token was used
    counts = []
    for limit in (1, 200):
        with CaptureQueriesContext(connection) as queries:
            assert get(client, "/alerts", limit=limit).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 4


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0},
        {"limit": 201},
        {"before": 0},
        {"before": 2**70},
        {"raised_from": "2021-07-19T00:00:00"},
        {"raised_from": "yesterday"},
        {"level": "x" * 500},
    ],
)
def test_bad_filters_get_a_clear_error(now, asked) -> None:
    answer = get(a_client(), "/alerts", **asked)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "input.invalid"


def test_warnings_in_force_are_listed(now) -> None:
    a_signal(0)
    (found,) = get(a_client(), "/warnings").json()
    assert (found["hazard"], found["level"], found["areas"]) == ("met.rainstorm", "red", [CITY])


def a_body(**said: object) -> dict:
    values = {
        "hazard": "met.rainstorm",
        "level": "I",
        "area": CITY,
        "matter": "暴雨",
        "measures": "停课",
        "expected_until": at(600).isoformat(),
    }
    return values | said


def test_a_response_is_declared_listed_and_ended(now) -> None:
    client = a_client()
    made = post(client, "/responses", a_body())
    assert made.status_code == 201, made.content
    (found,) = get(client, "/responses").json()
    assert found["id"] == made.json()["id"]
    assert "matter" not in found
    ended = client.delete(f"/api/v1/responses/{found['id']}")
    assert ended.json()["ended_at"] is not None
    again = client.delete(f"/api/v1/responses/{found['id']}")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "response.ended")


def test_an_incomplete_declaration_names_what_is_missing_and_the_article(now) -> None:
    answer = post(a_client(), "/responses", a_body(measures="", expected_until=None))
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "response.incomplete"
    assert "measures" in error["what"]
    assert "Art 72" in error["do"]
    assert not ResponseInForce.objects.exists()


def test_who_may_not_declare_is_refused(now) -> None:
    answer = post(a_client(Role.STREET_OFFICER), "/responses", a_body())
    assert answer.status_code == 403


def test_rules_are_said_in_plain_words_with_their_basis(now) -> None:
    rules = {item["id"]: item for item in get(a_client(), "/rules/explained").json()}
    tunnel = rules["water.tunnel"]
    assert "40 cm" in tunnel["says"]["zh"]
    assert "40 cm" in tunnel["says"]["en"]
    assert tunnel["basis"]
    assert tunnel["advice"]["zh"]
