"""Every field of what people send, filled with what no clerk expects."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from anlan.response.models import Case
from tests.hostile.doors import call, operations, refused_well, token

pytestmark = pytest.mark.django_db(databases="__all__")

ODD = [
    None, True, -1, 10**30, 1e308, "", "a" * 20_000, "\x00", "\ud800", "\u202eRTL\u202c", "💩" * 50,
    "<script>alert(1)</script>", "'; DROP TABLE response_case;--", "{0.__class__}", "%s%n",
    "\r\nX-Evil: 1", "../../etc/passwd", "=cmd|' /C calc'!A0", "NaN", "Infinity",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z",
    "2026-13-45T99:99:99Z", "2026-11-23T06:00:00", [], [[]], {}, {"a": {"b": 1}},
]  # fmt: skip
RAW = [
    b"", b"null", b"[]", b"1", b'"x"', b"{", b"\xff\xfe", b"[" * 50_000, b'{"a":' * 20_000,
    b'{"reason":NaN}', b'{"priority":1e999}', b'{"other":' + b"9" * 5000 + b"}",
    b'{"note":"\\ud800"}', b"\xef\xbb\xbf{}",
]  # fmt: skip


@pytest.fixture
def desk(demo):
    """A commander with a case, a task and a notice, and a keeper of accounts."""
    chief = token("chief", "commander", post="P-COMMANDER")
    _, case = call("POST", "/api/v1/cases", chief, {"kind": "service", "owner_post": "P-COMMANDER"})
    due = {"post": "P-COMMANDER", "text": "x", "due_at": "2026-11-23T06:00:00Z"}
    call("POST", f"/api/v1/cases/{case['id']}/tasks", chief, due)
    return SimpleNamespace(
        chief=chief, case=case["id"], keeper=token("keeper", "security_admin"),
        clerk=token("clerk", "system_admin"), auditor=token("auditor", "audit_admin"),
    )  # fmt: skip


def whose(path: str, desk) -> str:
    """Return the credential with which a door opens."""
    if "/accounts" in path or "/tokens" in path:
        return desk.keeper
    if "/contents" in path:
        return desk.auditor
    return desk.clerk if "quiet-hours" in path else desk.chief


def test_no_body_however_odd_is_answered_with_an_inner_error(desk):
    for method, path in operations():
        if method not in {"POST", "PUT", "PATCH"}:
            continue
        address = path.replace("{int:case_id}", str(desk.case)).replace("{post}", "P-COMMANDER")
        for name in ("{int:task_id}", "{int:notice}", "{quarantine_id}"):
            address = address.replace(name, "1")
        address = address.replace("{username}", "clerk")
        for raw in RAW:
            status, answer = call(method, address, whose(path, desk), raw)
            assert status < 300 or refused_well(status, answer), (path, raw[:40], status, answer)


FORMS = {
    "/api/v1/cases": {
        "kind": "service", "hazard": "flood.urban", "area": "410102", "place": "", "lat": 34.75,
        "lon": 113.6, "priority": 3, "owner_post": "P-410102", "note": "n",
        "evidence_to_close": "second_person", "known_at": "2026-11-23T03:00:00Z",
    },
    "/api/v1/cases/{case}/extend": {
        "reason": "work_is_larger", "until": "2026-11-24T00:00:00Z", "note": "n", "post": "",
        "measurement": None, "method": "", "factors": {}, "rating": 1, "priority": 1, "other": 1,
    },
    "/api/v1/cases/{case}/tasks": {
        "post": "P-410105", "text": "x", "due_at": "2026-11-23T06:00:00Z",
    },
    "/api/v1/responses": {
        "hazard": "flood.urban", "level": "IV", "area": "410102", "matter": "m", "measures": "m",
        "expected_until": "2026-11-24T10:00:00Z",
    },
    "/api/v1/reports": {
        "text": "水", "lat": 34.75, "lon": 113.6, "area": "410102", "place": "x",
        "hazard": "flood.urban", "contact": {"name": "a"}, "channel": "web", "language": "zh",
        "known_at": "2026-11-23T03:00:00Z",
    },
    "/api/v1/inbox/1/shelve": {"until": "2026-11-23T05:00:00Z"},
    "/api/v1/accounts": {"username": "seat-1", "role": "auditor", "post": None, "areas": []},
}  # fmt: skip


@pytest.mark.parametrize("path", FORMS)
def test_no_field_however_odd_is_answered_with_an_inner_error(desk, path):
    address = path.replace("{case}", str(desk.case))
    for name in FORMS[path]:
        for odd in ODD:
            body = json.dumps({**FORMS[path], name: odd})
            status, answer = call("POST", address, whose(path, desk), body)
            good = status < 300 or refused_well(status, answer)
            assert good, (name, str(odd)[:40], status, answer)
    inbox_is_readable(desk)


def inbox_is_readable(desk) -> None:
    """Whatever was kept, the inboxes it reached can still be opened."""
    for post in ("P-COMMANDER", "P-410102", "P-410105"):
        status, answer = call("GET", f"/api/v1/inbox?post={post}", desk.chief)
        assert status == 200, answer
    assert call("GET", "/api/v1/cases?order=newest&limit=200", desk.chief)[0] == 200
    assert call("GET", f"/api/v1/cases/{desk.case}", desk.chief)[0] == 200


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
def test_instants_at_the_ends_of_time_are_refused(desk, at):
    for path in (
        f"/api/v1/alerts?raised_from={at}",
        f"/api/v1/sensors?at={at}",
        f"/api/v1/posts/P-DUTY/on-duty?at={at}",
        f"/api/v1/who-answers?area=410102&hazard=gas.leak&at={at}",
        f"/api/v1/audit/as-of?at={at}",
    ):
        secret = desk.auditor if "audit" in path else desk.chief
        status, answer = call("GET", path, secret)
        assert status == 200 or refused_well(status, answer), (path, status, answer)


def test_what_a_person_types_never_lands_in_a_column(desk):
    body = {"kind": "service", "hazard": "张三 13812345678", "area": "410102"}
    status, answer = call("POST", "/api/v1/cases", desk.chief, body)
    assert (status, answer["error"]["code"]) == (422, "case.opening_invalid")
    assert Case.objects.count() == 1


def test_a_case_off_the_map_is_refused_and_one_without_a_place_is_shown(desk):
    officer = token("street", "street_officer", areas=("410102",), post="P-410102")
    off = {"kind": "service", "hazard": "flood.urban", "lat": 1.0, "lon": 1.0}
    status, answer = call("POST", "/api/v1/cases", officer, off)
    assert (status, answer["error"]["code"]) == (422, "case.point_outside")
    # Nobody knows where: the arbiter's, but whoever opened it is told that it was opened.
    status, shown = call("POST", "/api/v1/cases", officer, {"kind": "service"})
    assert (status, shown["state"]) == (201, "arbitrating")


def test_who_returns_a_case_is_told_that_it_was_done(desk):
    metro = token("metro", "department", areas=("410108",), post="P-METRO")
    body = {"kind": "service", "hazard": "flood.urban", "area": "410105", "owner_post": "P-METRO"}
    _, case = call("POST", "/api/v1/cases", desk.chief, body)
    address = f"/api/v1/cases/{case['id']}"
    status, shown = call("POST", f"{address}/return", metro, {"reason": "not_my_duty"})
    assert (status, shown["state"]) == (200, "arbitrating")
    assert call("GET", address, metro)[0] == 404  # no longer theirs


def test_one_key_opens_one_case_for_one_account(desk):
    other = token("other", "commander", post="P-DUTY-LEAD")
    body = {"kind": "service", "hazard": "flood.urban", "area": "410102", "note": "n"}
    key = {"Idempotency-Key": "k-1"}
    first = call("POST", "/api/v1/cases", desk.chief, body, **key)[1]
    again = call("POST", "/api/v1/cases", desk.chief, body, **key)[1]
    assert (again["id"], len(again["notes"])) == (first["id"], 1)
    status, answer = call("POST", "/api/v1/cases", desk.chief, {**body, "priority": 1}, **key)
    assert (status, answer["error"]["code"]) == (409, "idempotency.key_reused")
    theirs = call("POST", "/api/v1/cases", other, body, **key)[1]
    assert theirs["id"] != first["id"]


def test_ends_beyond_all_reason_are_refused(desk):
    body = {"kind": "service", "hazard": "flood.urban", "area": "410105"}
    _, case = call("POST", "/api/v1/cases", desk.chief, body)
    address = f"/api/v1/cases/{case['id']}"
    late = {"until": "9999-12-31T23:59:59Z", "reason": "work_is_larger"}
    assert (
        call("POST", f"{address}/list", desk.chief, late)[1]["error"]["code"] == "case.end_needed"
    )
    task = {"post": "P-410105", "text": "x", "due_at": "9999-12-31T23:59:59Z"}
    assert call("POST", f"{address}/tasks", desk.chief, task)[0] == 422


def test_a_token_has_no_more_than_it_was_given(demo):
    narrow = token("narrow", "duty_officer", scopes=("cases:read",), post="P-DUTY")
    assert call("GET", "/api/v1/cases", narrow)[0] == 200
    for method, path in (
        ("POST", "/api/v1/cases"),
        ("GET", "/api/v1/inbox"),
        ("GET", "/api/v1/accounts"),
    ):
        status, answer = call(method, path, narrow)
        assert (status, answer["error"]["code"]) == (403, "not_allowed")


def test_a_keeper_of_one_district_gives_nothing_beyond_it(demo):
    keeper = token("keeper-a", "security_admin", areas=("410102",))
    token("desk-b", "street_officer", areas=("410105",))
    for body in (
        {"username": "seat-1", "role": "commander", "areas": [""]},
        {"username": "seat-1", "role": "commander", "areas": ["410105"]},
        {"username": "seat-1", "role": "commander", "areas": ["410102"], "post": "P-COMMANDER"},
    ):
        status, answer = call("POST", "/api/v1/accounts", keeper, body)
        assert (status, answer["error"]["code"]) == (403, "account.beyond_areas")
    mine = {"username": "seat-2", "role": "street_officer", "areas": ["410102"]}
    assert call("POST", "/api/v1/accounts", keeper, mine)[0] == 201
    status, _ = call("PATCH", "/api/v1/accounts/seat-2", keeper, {"areas": [""]})
    assert status == 403
    for method, path in (
        ("GET", "/api/v1/accounts/desk-b/tokens"),
        ("PATCH", "/api/v1/accounts/desk-b"),
        ("DELETE", "/api/v1/accounts/desk-b"),
        ("POST", "/api/v1/accounts/desk-b/tokens"),
    ):
        body = {"expires_at": "2026-11-24T00:00:00Z"}
        assert call(method, path, keeper, body)[0] == 404, (method, path)


def test_the_ledger_of_the_whole_city_is_not_for_a_part_of_it(demo):
    part = token("auditor-a", "auditor", areas=("410102",))
    for path in ("/ledger/export", "/ledger/verdict", "/ledger/proof/1", "/audit/breaches"):
        status, answer = call("GET", f"/api/v1{path}", part)
        assert (status, answer["error"]["code"]) == (403, "ledger.whole_city_only")
