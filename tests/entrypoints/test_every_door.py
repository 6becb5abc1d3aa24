"""Every endpoint says who may call it, and refuses everyone else, whatever the role."""

from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from anlan.conf import urls  # noqa: F401  only then are the routers within routers known
from anlan.entrypoints import clock
from anlan.entrypoints.api import api
from anlan.infra.doors import permission_of
from anlan.kernel.actor import Role, system_actor
from anlan.registry import public as registry
from anlan.registry.domain.permissions import EVERY, GIVEN, PERMISSIONS

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db(databases="__all__")


def operations():
    """Return (method, path, permission) of every endpoint."""
    for _prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                for method in operation.methods:
                    yield method, f"/api/v1{path}", permission_of(operation.view_func)


SIGNED = "/api/v1/webhooks/{name}"  # no token: the signature is the credential
OPERATIONS = sorted(set(operations()), key=str)


def fill(path: str) -> str:
    """Return the address with something plausible for each parameter."""
    out = []
    for part in path.split("/"):
        if not part.startswith("{"):
            out.append(part)
        elif part.startswith("{int:") or part.strip("{}").endswith("_id") or "seq" in part:
            out.append("987654")
        else:
            out.append("nothing")
    return "/".join(out)


@pytest.fixture
def demo(demo_of_the_module, db, monkeypatch):

    class Standing:
        def now(self):
            return NOW

    monkeypatch.setattr(clock, "_current", Standing())


def a_token(role: Role, areas=("",), name=None):
    actor = system_actor("test")
    account = registry.create_account(
        actor, name or f"test-{role.value}", role.value, areas=areas, now=NOW
    )
    return registry.issue_token(actor, account, None, None, NOW + timedelta(days=1), now=NOW)[1]


def call(method, path, secret=None):
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    data = "{}" if method in {"POST", "PUT", "PATCH"} else None
    return Client(raise_request_exception=False, headers=headers).generic(
        method, fill(path), data=data or "", content_type="application/json"
    )


def test_there_are_endpoints_and_each_says_whom_it_is_for():
    assert len(OPERATIONS) > 30
    needed = {permission for *_, permission in OPERATIONS if permission}
    assert needed <= EVERY, f"permissions that no role has: {needed - EVERY}"


def test_the_page_that_describes_the_interface_loads_from_our_own_host_alone(client):
    page = client.get("/api/docs").content.decode()
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert {"/static/ninja/swagger-ui.css", "/static/ninja/swagger-ui-bundle.js"} < set(loaded)
    assert all(address.startswith(("/static/ninja/", "data:")) for address in loaded)
    [settings] = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page)
    described = client.get(json.loads(settings)["url"]).json()
    assert "/api/v1/cases" in described["paths"]


def test_without_a_token_only_open_doors_open(demo):
    for method, path, permission in OPERATIONS:
        answer = call(method, path)
        assert answer.status_code < 500, (method, path, answer.content)
        if permission:
            assert answer.status_code == 401, (method, path)
            assert json.loads(answer.content)["error"]["code"] == "not_authenticated"
        elif path == SIGNED:
            assert json.loads(answer.content)["error"]["code"] == "webhook.not_signed"
        else:
            assert answer.status_code not in (401, 403), (method, path)


@pytest.mark.parametrize("role", sorted(GIVEN), ids=str)
@pytest.mark.parametrize("areas", [("",), ("410102",), ()], ids=["city", "district", "nowhere"])
def test_every_role_opens_its_own_doors_only(demo, role, areas):
    secret = a_token(role, areas)
    for method, path, permission in OPERATIONS:
        answer = call(method, path, secret)
        assert answer.status_code < 500, (method, path, answer.content)
        body = answer.content.decode(errors="replace")
        assert "Traceback" not in body
        if permission and permission not in PERMISSIONS[role]:
            assert answer.status_code == 403, (method, path, body)
        else:
            refused = answer.status_code == 403 and '"not_allowed"' in body and permission in body
            assert not refused, (method, path, body)


@pytest.mark.parametrize(
    "header",
    ["Bearer ", "Basic abc", "Bearer nonsense", "Bearer " + "x" * 10000, "Bearer \u00e9", "x"],
)
def test_a_bad_credential_is_refused_at_every_door(demo, header):
    for method, path, _ in itertools.islice(OPERATIONS, 0, None, 5):
        answer = Client(raise_request_exception=False).generic(
            method, fill(path), headers={"Authorization": header}
        )
        assert answer.status_code == 401, (method, path, answer.content)


def test_an_expired_token_is_told_so(demo, monkeypatch):
    secret = a_token(Role.DUTY_OFFICER)

    class Later:
        def now(self):
            return NOW + timedelta(days=2)

    monkeypatch.setattr(clock, "_current", Later())
    answer = call("GET", "/api/v1/cases", secret)
    assert answer.status_code == 401
    assert json.loads(answer.content)["error"]["code"] == "token.expired"
