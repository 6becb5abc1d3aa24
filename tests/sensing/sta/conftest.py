"""A small city with places and streams, and a client of the interface."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.test import Client
from msgspec.structs import replace

from anlan.entrypoints import clock
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.registry.domain import city as c
from anlan.registry.domain import jurisdiction as j
from tests.registry.small_city import a_city, parsed, text
from tests.sensing.conftest import NOW, small_law
from tests.sensing.sta.multis import put_together

WEST = "410103"


def a_place(code: str, area: str = "410102001", lat: float = 34.2, lon: float = 113.2):
    return c.RiskPoint(
        code=code, name_zh=f"{code} 处", name_en=code, kind="site", area=area, lat=lat, lon=lon
    )


def stream(code: str, place: str | None = None, **more):
    return c.Sensor(
        code=code, name_zh=code, name_en=f"{code} gauge", quantity=more.pop("quantity", "ponding"),
        unit=more.pop("unit", "cm"), interval="5m", area=more.pop("area", "410102001"),
        risk_point=place, **more,
    )  # fmt: skip


def load(places, streams):
    city = a_city(risk_points=tuple(places), sensors=tuple(streams))
    kinds = tuple(j.PlaceKind(id=kind, name=text(kind)) for kind in ("site", "underpass"))
    law = replace(small_law(), place_kinds=kinds)
    registry.load_city(system_actor("test"), parsed(city), parsed(law), now=NOW)


@pytest.fixture
def city(db):
    load(
        [a_place("P1"), a_place("P2", lon=113.3), a_place("W", WEST, lat=34.5, lon=112.9)],
        [
            stream("s1", "P1"),
            stream("s2", "P1", quantity="gas", unit="%LEL"),
            stream("s3", "P2", lat=34.25, lon=113.31),
            stream("alone", lat=34.21, lon=113.21),
            stream("west", "W", area=WEST),
        ],
    )


class Caller:
    """Calls the interface with a token."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.client = Client(
            raise_request_exception=True,
            headers={"Authorization": f"Bearer {secret}", "Accept-Language": "en"},
        )

    def raw(self, path, **options):
        query = "&".join(f"{k.replace('_', '$', 1)}={quote(str(v))}" for k, v in options.items())
        return self.client.get(f"/sta/v1.1/{path}" + (f"?{query}" if query else ""))

    def get(self, path, **options):
        found = self.raw(path, **options)
        assert found.status_code == 200, found.content
        return found.json()

    def ids(self, path, **options):
        return [one["@iot.id"] for one in self.get(path, **options)["value"]]

    def refused(self, path, **options):
        found = self.raw(path, **options)
        assert found.status_code >= 400, found.content
        return found.status_code, found.json()["error"]["code"]

    def send(self, method, path, body=None, **headers):
        kind = headers.pop("kind", "application/json")
        data = body if isinstance(body, bytes) else json.dumps(body)
        return self.client.generic(
            method, f"/sta/v1.1/{path}", data, content_type=kind, headers=headers
        )

    def observe(self, code, minutes, result, **more):
        at = (NOW - timedelta(minutes=minutes)).isoformat()
        body = {"phenomenonTime": at, "result": result, "Datastream": {"@iot.id": code}, **more}
        found = self.send("POST", "Observations", body)
        assert found.status_code == 201, found.content
        return found.json()["@iot.id"]


@pytest.fixture
def caller(city, monkeypatch):
    return caller_in(monkeypatch)


@pytest.fixture
def keeper(caller):
    return caller("system_admin")


@pytest.fixture
def me(keeper, caller):
    """Whoever may read, where the MultiDatastream M is there."""
    put_together(keeper)
    return caller()


def caller_in(monkeypatch):
    class Standing:
        def now(self):
            return NOW

    monkeypatch.setattr(clock, "_current", Standing())

    def make(role="duty_officer", areas=("",)):
        me = system_actor("test")
        name = f"{role}-{'-'.join(areas).replace('/', '.') or 'all'}"
        account = registry.create_account(me, name, role, areas=areas, now=NOW)
        until = NOW + timedelta(days=1)
        return Caller(registry.issue_token(me, account, None, None, until, now=NOW)[1])

    return make
