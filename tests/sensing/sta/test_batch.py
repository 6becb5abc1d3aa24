"""Several requests in one, and pages of other hosts."""

from __future__ import annotations

import pytest

from anlan.conf.env import Settings
from anlan.sensing.api import sta_batch
from anlan.sensing.sta import view

pytestmark = pytest.mark.django_db(databases="__all__")
AT = "2026-07-20T07:55:00Z"


def one(id_, method, url, **more):
    return {"id": id_, "method": method, "url": url, **more}


def told(me, *requests, **headers):
    found = me.send("POST", "$batch", {"requests": list(requests)}, **headers)
    assert found.status_code == 200, found.content
    return found.json()["responses"]


def test_each_is_answered_as_if_it_had_come_alone(caller):
    me = caller()
    kept, shown, bare, whole = told(
        me,
        one(
            "a", "post", "Datastreams('s1')/Observations", body={"result": 5, "phenomenonTime": AT}
        ),
        one("b", "get", "/sta/v1.1/Datastreams('s1')/Observations?$select=result&$count=true"),
        one("c", "GET", "Datastreams('s1')/name/$value"),
        one("d", "get", "Things?$filter=name%20eq%20'P1%20%E5%A4%84'"),
    )
    assert (kept["id"], kept["status"]) == ("a", 201)
    assert kept["headers"]["Location"] == kept["body"]["@iot.selfLink"]
    assert kept["body"]["@iot.selfLink"].startswith("http://testserver/sta/v1.1/Observations(")
    assert shown["body"] == {"@iot.count": 1, "value": [{"result": 5.0}]}
    assert bare["body"] == "s1"
    assert [thing["@iot.id"] for thing in whole["body"]["value"]] == ["P1"]


def test_the_first_refusal_ends_it_unless_asked_otherwise(caller):
    me = caller()
    wrong = one("x", "get", "Things('nowhere')")
    after = one("y", "get", "Things('P1')/name")
    waits = one("z", "get", "Things('P1')", dependsOn=["x"])
    assert [part["status"] for part in told(me, wrong, after)] == [404]
    on = {"Prefer": "odata.continue-on-error"}
    parts = told(me, wrong, after, waits, **on)
    assert [part["status"] for part in parts] == [404, 200, 424]
    assert parts[0]["body"]["error"]["code"] == "sta.entity_unknown"
    assert parts[2]["body"]["error"]["do"]


def test_each_needs_the_permission_that_it_needs_alone(caller):
    me = caller()
    forbidden = told(me, one("a", "delete", "Things('P1')?reason=x"))[0]
    assert (forbidden["status"], forbidden["body"]["error"]["code"]) == (403, "not_allowed")
    west = caller("duty_officer", ("410100/410103",))
    assert told(west, one("a", "get", "Things('P1')"))[0]["status"] == 404
    west.client = type(west.client)()
    assert west.send("POST", "$batch", {"requests": []}).status_code == 401


def test_a_key_within_has_one_effect(caller):
    me = caller()
    body = {"result": 5, "phenomenonTime": AT}
    again = one(
        "a", "post", "Datastreams('s1')/Observations", body=body, headers={"idempotency-key": "k"}
    )
    first, second = (told(me, again)[0]["body"]["@iot.id"] for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "body",
    [
        b"{", [], {}, {"requests": 1}, {"requests": [1]}, {"requests": [{"id": "a"}]}, b"[" * 100_000,
        {"requests": [one("a", "get", "Things")] * 2},
        {"requests": [one(str(n), "get", "Things") for n in range(51)]},
        {"requests": [one("a", "options", "Things")]},
        {"requests": [one("a", "get", "Things", atomicityGroup="g")]},
        {"requests": [one("a", "get", "Things", dependsOn=["a"])]},
    ],
)  # fmt: skip
def test_what_is_no_batch_is_told(caller, body):
    me = caller()
    found = me.send("POST", "$batch", body)
    assert found.status_code == 400, found.content
    assert found.json()["error"]["code"] in {"sta.batch", "sta.entity_malformed"}
    assert me.send("POST", "$batch", body, kind="multipart/mixed").status_code == 400


@pytest.mark.parametrize(
    "url", ["$batch", "", "/etc/passwd", "http://elsewhere/x", "Things?" + "a=1&" * 1100, "//", "Things('%00')"]
)  # fmt: skip
def test_odd_addresses_within_are_refused_or_answered(caller, url):
    found = told(caller(), one("a", "get", url), one("b", "post", "$batch", body={}))
    assert found[0]["status"] in {200, 400, 404}
    assert found[-1]["status"] in {200, 400, 404}


def test_a_batch_may_reckon_what_one_question_may(caller, monkeypatch):
    me = caller()
    asked = [one(str(n), "get", "Datastreams?$filter=startswith(name,'s')") for n in range(5)]
    assert [part["status"] for part in told(me, *asked)] == [200] * 5
    monkeypatch.setattr(view, "MOST_STEPS", 400)
    assert [part["status"] for part in told(me, *asked)] == [200, 200, 400]
    monkeypatch.setattr(sta_batch, "MOST_ANSWERED", 10)
    assert [part["status"] for part in told(me, *asked)] == [200, 400]


@pytest.fixture
def named(settings):
    from dataclasses import replace

    settings.ANLAN = replace(settings.ANLAN, sta_origins="https://Map.example, http://[::1]:5173")


def asked(me, origin, **headers):
    return me.client.options(
        "/sta/v1.1/Things",
        headers={"Origin": origin, "Access-Control-Request-Method": "GET", **headers},
    )


def test_pages_of_named_hosts_may_use_the_interface(caller, named):
    me = caller()
    before = asked(type(me)(""), "https://map.example", Authorization="")
    assert before.status_code == 204
    assert before["Access-Control-Allow-Origin"] == "https://map.example"
    assert "Authorization" in before["Access-Control-Allow-Headers"]
    for path in ("Things", "Things('nowhere')"):  # a refusal can be read too
        found = me.client.get(f"/sta/v1.1/{path}", headers={"Origin": "http://[::1]:5173"})
        assert found["Access-Control-Allow-Origin"] == "http://[::1]:5173"
        assert "Access-Control-Allow-Credentials" not in found
        assert "Origin" in found["Vary"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", "https://map.example.evil", "*"]
)
def test_pages_of_others_may_not(caller, named, origin):
    me = caller()
    assert "Access-Control-Allow-Origin" not in asked(me, origin)
    found = me.client.get("/sta/v1.1/Things", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in found


def test_without_the_setting_and_elsewhere_nobody_may(caller, settings):
    me = caller()
    found = me.client.get("/sta/v1.1/Things", headers={"Origin": "https://map.example"})
    assert "Access-Control-Allow-Origin" not in found
    assert "Access-Control-Allow-Origin" not in me.client.get(
        "/healthz", headers={"Origin": "https://map.example"}
    )


@pytest.mark.parametrize(
    "given", ["*", "map.example", "https://map.example/", "https://a.b, x", "null"]
)
def test_a_slip_in_the_origins_is_told_when_the_server_starts(given):
    with pytest.raises(ValueError, match="ANLAN_STA_ORIGINS"):
        Settings(sta_origins=given).check()
    assert Settings().sta_origin_names == frozenset()
