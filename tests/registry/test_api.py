"""The registry over HTTP: each caller sees its own areas, and nobody sees a secret twice."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from django.test import Client

from anlan.entrypoints import clock
from anlan.registry import public
from tests.registry.loads import changed, load
from tests.registry.small_city import ADMIN, KEEPER, NOW, TERMINAL, a_city, a_jurisdiction, parsed

pytestmark = pytest.mark.django_db(databases="__all__")
LATER = NOW + timedelta(days=10)
END = NOW + timedelta(days=1)


class Standing:
    def now(self):
        return NOW


@pytest.fixture(autouse=True)
def city(monkeypatch):
    monkeypatch.setattr(clock, "_current", Standing())
    public.load_city(ADMIN, parsed(a_city()), parsed(a_jurisdiction()), now=NOW)


def client_of(role, *areas, post=None):
    name = f"{role.replace('_', '-')}-{'-'.join(areas) or 'none'}".lower()
    account = public.create_account(KEEPER, name, role, post=post, areas=areas, now=NOW)
    _, secret = public.issue_token(TERMINAL, account, None, None, END, now=NOW)
    return Client(headers={"Authorization": f"Bearer {secret}"})


def get(client, path, **query):
    return client.get(f"/api/v1{path}", query)


def codes(answer):
    assert answer.status_code == 200, answer.content
    return [item["code"] for item in answer.json()]


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    error = answer.json()["error"]
    assert error["what"]
    assert error["do"]
    return True


LISTS = ("/areas", "/posts", "/duties", "/risk-points", "/sensors")
SINGLE = (
    ("/areas/410103", "area.unknown"),
    ("/areas/410103/outline", "area.unknown"),
    ("/areas/ghost", "area.unknown"),
    ("/posts/operator", "post.unknown"),
    ("/posts/operator/on-duty", "post.unknown"),
    ("/risk-points/mall-1", "place.unknown"),
    ("/sensors/ghost", "sensor.unknown"),
)


def test_nobody_comes_in_without_a_token():
    for path in (*LISTS, "/city", "/entries/rules", "/accounts"):
        refused(get(Client(), path), 401, "not_authenticated")
    bad = Client(headers={"Authorization": "Bearer wrong"})
    refused(get(bad, "/city"), 401, "token.unknown")


def test_the_whole_city():
    client = client_of("duty_officer", "")
    assert get(client, "/city").json()["id"] == "small"
    assert codes(get(client, "/areas")) == ["410100", "410102", "410102001", "410103", "kfq"]
    assert codes(get(client, "/areas", kind="district")) == ["410102", "410103"]
    assert codes(get(client, "/areas", limit=2, after="410100/410102")) == ["410102001", "410103"]
    assert codes(get(client, "/areas", area="410102")) == ["410102", "410102001"]
    assert codes(get(client, "/posts")) == ["commander", "east-desk", "operator"]
    assert codes(get(client, "/risk-points", kind="mall")) == ["mall-1"]
    assert get(client, "/risk-points/culvert-1").json()["point"] == {"lat": 34.2, "lon": 113.2}
    assert codes(get(client, "/sensors")) == ["s1"]
    assert get(client, "/sensors/s1").json()["unit"] == "m"
    assert get(client, "/area-at", lat=34.2, lon=113.2).json()["code"] == "410102001"
    assert get(client, "/areas/410102/outline").json()["geometry"]["type"] == "Polygon"
    assert len(get(client, "/duties").json()) == 3
    assert [rule["id"] for rule in get(client, "/entries/rules").json()] == ["gas.high"]
    assert get(client, "/entries/rules", at="2019-01-01T00:00:00Z").json() == []


def test_a_caller_sees_its_own_areas_only():
    client = client_of("street_officer", "410102")
    assert codes(get(client, "/areas")) == ["410102", "410102001"]
    assert codes(get(client, "/posts")) == ["east-desk"]
    assert codes(get(client, "/risk-points")) == ["culvert-1"]
    assert {duty["area"] for duty in get(client, "/duties").json()} == {"410102"}
    for path, code in SINGLE:
        refused(get(client, path), 404, code)
    refused(get(client, "/areas", area="410100"), 404, "area.unknown")
    refused(get(client, "/area-at", lat=34.9, lon=113.9), 404, "area.unknown")
    refused(get(client, "/who-answers", area="410103", hazard="met.rain"), 404, "area.unknown")


def test_a_caller_without_areas_sees_nothing():
    client = client_of("program")
    for path in LISTS:
        assert get(client, path).json() == []
    refused(get(client, "/areas/410102"), 404, "area.unknown")


def test_who_answered_on_that_day():
    client = client_of("auditor", "")
    ask = {"area": "410103", "hazard": "gas.leak", "level": "red"}
    answer = get(client, "/who-answers", **ask).json()
    assert (answer["post"], answer["basis"]) == ("operator", "Decision No 1")
    assert get(client, "/who-answers", **ask, at="2025-12-31T15:59:59Z").status_code == 204
    assert get(client, "/who-answers", **ask, at="2025-12-31T16:00:00Z").status_code == 200
    sat = get(client, "/posts/operator/on-duty", at="2026-11-23T21:00:00+08:00").json()
    assert (sat["holder"], sat["until"]) == ("h2", "2026-11-24T00:00:00Z")


def test_who_answered_for_this_culvert_on_that_day():
    """The pack names another post for the culvert later: the day before keeps its answer."""
    points = tuple(
        msgspec.structs.replace(point, owner_post="operator")
        if point.code == "culvert-1"
        else point
        for point in a_city().risk_points
    )
    load(changed(a_city(), risk_points=points), now=LATER)
    client, path = client_of("auditor", ""), "/risk-points/culvert-1/who-answers"
    before = get(client, path, at=(LATER - timedelta(seconds=1)).isoformat()).json()
    assert (before["post"], before["why"]) == ("east-desk", "risk_point")
    assert get(client, path, at="2020-01-01T00:00:00Z").json()["post"] == "east-desk"
    after = get(client, path, at=LATER.isoformat()).json()
    assert (after["post"], after["holder"]) == ("operator", "h1")
    load(changed(a_city(), risk_points=points[1:], sensors=()), now=LATER + timedelta(days=1))
    gone = (LATER + timedelta(days=1)).isoformat()
    assert get(client, path, at=gone).status_code == 204
    assert get(client, path, at=LATER.isoformat()).json()["post"] == "operator"
    # A place without a post of its own falls to the duty matrix, when one asks for a hazard.
    mall = "/risk-points/mall-1/who-answers"
    assert get(client, mall).status_code == 204
    matrix = get(client, mall, hazard="gas.leak").json()
    assert matrix["why"] == "duty_matrix"
    refused(get(client_of("street_officer", "410103"), path), 404, "place.unknown")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/who-answers", {"area": "410100", "hazard": "x", "level": "purple"}),
        ("/who-answers", {"area": "410100", "hazard": "x", "at": "2026-01-01T00:00:00"}),
        ("/who-answers", {"area": "410100"}),
        ("/areas", {"limit": 501}),
        ("/areas", {"limit": 0}),
        ("/area-at", {"lat": 91, "lon": 0}),
        ("/area-at", {"lat": "nan", "lon": 0}),
        ("/entries/secrets", {}),
        ("/areas/" + "x" * 65, {}),
    ],
)
def test_what_cannot_be_asked(path, query):
    refused(get(client_of("auditor", ""), path, **query), 422, "input.invalid")


@pytest.mark.parametrize("role", ["program", "street_officer", "commander", "system_admin"])
def test_accounts_are_for_their_keeper(role):
    client = client_of(role, "")
    refused(get(client, "/accounts"), 403, "not_allowed")
    body = {"username": "mine", "role": "security_admin"}
    answer = client.post("/api/v1/accounts", body, content_type="application/json")
    refused(answer, 403, "not_allowed")
    assert public.account_named("mine") is None


def test_an_auditor_reads_accounts_and_changes_none():
    client = client_of("auditor", "")
    assert get(client, "/accounts").json()[0]["role"] == "auditor"
    refused(client.delete("/api/v1/accounts/auditor-"), 403, "not_allowed")


def test_the_life_of_an_account():
    client = client_of("security_admin", "")

    def send(method, path, body=None):
        return getattr(client, method)(f"/api/v1{path}", body, content_type="application/json")

    made = send("post", "/accounts", {"username": "hotline", "role": "program", "areas": [""]})
    assert (made.status_code, made.json()["permissions"]) == (201, ["registry:read", "signs:write"])
    again = send("post", "/accounts", {"username": "hotline", "role": "program"})
    refused(again, 409, "account.taken")
    token = send("post", "/accounts/hotline/tokens", {"expires_at": END.isoformat()})
    assert token.status_code == 201
    secret, number = token.json()["secret"], token.json()["id"]
    (listed,) = get(client, "/accounts/hotline/tokens").json()
    assert "secret" not in listed
    assert secret not in str(listed)
    hotline = Client(headers={"Authorization": f"Bearer {secret}"})
    assert get(hotline, "/city").status_code == 200
    too_much = {"expires_at": END.isoformat(), "scopes": ["accounts:write"]}
    refused(send("post", "/accounts/hotline/tokens", too_much), 403, "token.beyond_role")
    changed = send("patch", "/accounts/hotline", {"areas": ["410102"]})
    assert changed.json()["areas"] == ["410102"]
    assert codes(get(hotline, "/areas")) == ["410102", "410102001"]
    assert client.delete(f"/api/v1/tokens/{number}").json()["revoked_at"] is not None
    refused(get(hotline, "/city"), 401, "token.revoked")
    refused(client.delete("/api/v1/tokens/999999"), 404, "token.not_found")
    assert client.delete("/api/v1/accounts/hotline").json()["is_active"] is False
    refused(client.delete("/api/v1/accounts/ghost"), 404, "account.unknown")
    refused(get(client, "/accounts/ghost/tokens"), 404, "account.unknown")
