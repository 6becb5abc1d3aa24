"""Who answers for one district learns nothing of another: at every door, with ids that exist."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from anlan.notices.models import Notice
from anlan.registry.models import Account, Token
from anlan.sensing.models import Quarantine
from anlan.warning.models import AlertInstance
from tests.hostile.doors import NOW, call, operations, token

pytestmark = pytest.mark.django_db(databases="__all__")
OURS, THEIRS = "410102", "410105"
#: What is said to the public, or holds for the whole city, whoever asks.
FOR_ALL = {
    "/api/v1/city",
    "/api/v1/entries/{section}",
    "/api/v1/rules/explained",
    "/api/v1/signals",
    "/api/v1/warnings",
    "/api/v1/webhooks/{name}",  # its signature is the credential, not a token with areas
}


@pytest.fixture
def there(demo):
    """One of everything in their district."""
    commander = token("commander", "commander", post="P-COMMANDER")
    program = token("gateway", "program")
    token("their-desk", "street_officer", areas=(THEIRS,), post="P-410105")
    _, report = call(
        "POST", "/api/v1/reports", program, {"text": "燃气泄漏", "area": f"{THEIRS}001"}
    )
    opened = {"kind": "service", "hazard": "gas.leak", "place": "RP-GARAGE-1", "note": "机密"}
    _, case = call("POST", "/api/v1/cases", commander, opened)
    _, task = call(
        "POST",
        f"/api/v1/cases/{case['id']}/tasks",
        commander,
        {"post": "P-410105", "text": "机密", "due_at": "2026-11-23T06:00:00Z"},
    )
    declared = {
        "hazard": "flood.urban",
        "level": "IV",
        "area": THEIRS,
        "matter": "机密",
        "measures": "机密",
        "expected_until": "2026-11-24T00:00:00Z",
    }
    _, response = call("POST", "/api/v1/responses", commander, declared)
    call("POST", "/api/v1/reports", program, b"\xff\xfe")
    alert = AlertInstance.objects.create(
        rule="r", rule_version=1, subject="POND-01", hazard="flood.urban", level="red",
        peak_level="red", area=f"{THEIRS}002", area_path=f"410100/{THEIRS}/{THEIRS}002",
        place="RP-UNDERPASS-1", active_at=NOW, raised_at=NOW, level_at=NOW,
        reason={"code": "threshold", "params": {}}, evidence={}, recorded_at=NOW,
    )  # fmt: skip
    their = Account.objects.get(username="their-desk")
    return SimpleNamespace(
        case=case, report=report, task=task, response=response, alert=alert,
        quarantine=Quarantine.objects.get().pk,
        notice=Notice.objects.filter(post__in=[case["owner_post"], "P-410105"]).first().pk,
        token=Token.objects.get(account=their).pk, account=their,
    )  # fmt: skip


def filled(path: str, there) -> str:
    """Return the address with the ids of what exists in their district."""
    known = {
        "case_id": there.case["id"],
        "task_id": there.task["id"],
        "alert_id": there.alert.pk,
        "response_id": there.response["id"],
        "quarantine_id": there.quarantine,
        "notice": there.notice,
        "number": there.report["number"],
        "username": there.account.username,
        "token": there.token,
        "seq": 1,
        "section": "rules",
    }
    codes = {"areas": THEIRS, "posts": "P-410105", "sensors": "POND-01", "quiet-hours": "P-410105",
             "risk-points": "RP-GARAGE-1"}  # fmt: skip
    parts = path.split("/")
    for at, part in enumerate(parts):
        if part.startswith("{"):
            name = part.strip("{}").split(":")[-1]
            parts[at] = str(known[name] if name in known else codes[parts[at - 1]])
    return "/".join(parts)


QUESTIONS = {
    "/api/v1/area-at": "?lat=34.78&lon=113.7",
    "/api/v1/who-answers": f"?area={THEIRS}&hazard=gas.leak",
    "/api/v1/observations": "?stream=POND-01&start=2026-01-01T00:00:00Z&end=2027-01-01T00:00:00Z",
    "/api/v1/observations/latest": "?stream=POND-01",
    "/api/v1/inbox": "?post=P-410105",
    "/api/v1/audit/as-of": "?at=2026-11-24T00:00:00Z&table=response.case",
}
BODIES = {
    "/api/v1/cases": {"kind": "service", "hazard": "gas.leak", "place": "RP-GARAGE-1"},
    "/api/v1/responses": {
        "hazard": "flood.urban", "level": "IV", "area": THEIRS, "matter": "m", "measures": "m",
        "expected_until": "2026-11-24T00:00:00Z",
    },
    "/api/v1/tasks": {},
}  # fmt: skip
SECRETS = (THEIRS, "P-410105", "RP-GARAGE-1", "POND-01", "机密", "RP-UNDERPASS-1", "their-desk")


@pytest.mark.parametrize(
    ("role", "post"),
    [("street_officer", "P-410102"), ("department", "P-410102001"), ("duty_officer", "P-410102"),
     ("commander", "P-410102"), ("auditor", None), ("security_admin", None),
     ("system_admin", None), ("audit_admin", None)],
)  # fmt: skip
def test_nothing_of_another_district_is_seen_or_moved(there, role, post):
    secret = token("ours", role, areas=(OURS,), post=post)
    before = state()
    for method, path in operations():
        if path in FOR_ALL:
            continue
        address = filled(path, there) + QUESTIONS.get(path, "")
        body = BODIES.get(path) or {
            "until": "2026-11-23T06:00:00Z", "post": "P-410102", "text": "x", "reason": "test",
            "due_at": "2026-11-23T06:00:00Z", "outcome": "discard", "start": "22:00",
            "end": "06:00", "expires_at": "2026-11-24T00:00:00Z",
        }  # fmt: skip
        status, answer = call(method, address, secret, body)
        assert status < 500, (method, path, answer)
        told = json.dumps(answer, ensure_ascii=False) if isinstance(answer, dict | list) else ""
        for word in SECRETS:
            if word not in address and word not in json.dumps(body):
                assert word not in told, (method, address, word, told)
        if "{" in path and path != "/api/v1/ledger/proof/{int:seq}":
            assert status in {401, 403, 404, 422}, (method, address, status, answer)
    assert state() == before


def state() -> tuple[object, ...]:
    """Return what must not change from outside."""
    from anlan.response.models import Case, CaseTask
    from anlan.warning.models import ResponseInForce

    return (
        list(Case.objects.filter(area_path__contains=THEIRS).values()),
        list(CaseTask.objects.filter(case__area_path__contains=THEIRS).values()),
        list(ResponseInForce.objects.filter(area=THEIRS).values()),
        list(Quarantine.objects.order_by("pk").values("released_at")[:1]),
        list(Account.objects.filter(username="their-desk").values("areas", "role", "is_active")),
        list(Token.objects.filter(account__username="their-desk").values("revoked_at")),
    )


@pytest.mark.parametrize("verb", ["accept", "urge", "merge", "dismiss", "history"])
def test_a_foreign_case_is_refused_like_one_that_does_not_exist(there, verb):
    secret = token("ours", "street_officer", areas=(OURS,), post="P-410102")
    method = "GET" if verb == "history" else "POST"
    answers = []
    for number in (there.case["id"], 987654):
        status, answer = call(method, f"/api/v1/cases/{number}/{verb}", secret)
        answer["error"]["params"] = {}
        answers.append((status, answer))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


def test_a_foreign_place_is_refused_like_one_that_does_not_exist(there):
    secret = token("ours", "street_officer", areas=(OURS,), post="P-410102")
    for area in ("", OURS):
        codes = set()
        for place in ("RP-GARAGE-1", "RP-NOWHERE"):
            body = {"kind": "service", "hazard": "gas.leak", "place": place, "area": area}
            status, answer = call("POST", "/api/v1/cases", secret, body)
            codes.add((status, answer["error"]["code"]))
        assert codes == {(422, "case.opening_invalid")}


def test_a_case_is_not_merged_into_one_of_another_district(there):
    secret = token("ours", "duty_officer", areas=(OURS,), post="P-410102")
    _, own = call("POST", "/api/v1/cases", secret, {"kind": "service", "area": OURS})
    status, answer = call(
        "POST",
        f"/api/v1/cases/{own['id']}/merge",
        secret,
        {"reason": "same_matter", "other": there.case["id"]},
    )
    assert (status, answer["error"]["code"]) == (404, "case.not_found")


def test_a_city_wide_response_concerns_every_district(there):
    commander = token("chief", "commander", post="P-COMMANDER")
    declared = {
        "hazard": "flood.urban", "level": "II", "area": "410100", "matter": "m", "measures": "m",
        "expected_until": "2026-11-24T00:00:00Z",
    }  # fmt: skip
    call("POST", "/api/v1/responses", commander, declared)
    secret = token("ours", "street_officer", areas=(OURS,), post="P-410102")
    _, found = call("GET", "/api/v1/responses", secret)
    assert [row["area"] for row in found] == ["410100"]
