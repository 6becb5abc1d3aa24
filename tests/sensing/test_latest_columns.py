"""The newest reading of every stream with its place, in columns."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest
from django.test import Client

from anlan.entrypoints import clock
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.sensing.domain.columns import micros
from anlan.sensing.domain.observations import Quality
from tests.readings import heard
from tests.sensing.conftest import NOW

pytestmark = pytest.mark.django_db(databases="__all__")
ADDRESS = "/api/v1/observations/latest/columns"


@pytest.fixture
def client_of(city, monkeypatch):
    class Standing:
        def now(self):
            return NOW

    monkeypatch.setattr(clock, "_current", Standing())

    def make(role, *areas):
        actor = system_actor("test")
        account = registry.create_account(actor, f"{role}-y", role, areas=areas, now=NOW)
        end = NOW + timedelta(days=1)
        secret = registry.issue_token(actor, account, None, None, end, now=NOW)[1]
        return Client(headers={"Authorization": f"Bearer {secret}"})

    return make


def test_every_stream_has_a_row_and_its_newest_reading(client_of, django_assert_max_num_queries):
    heard("s1", NOW - timedelta(minutes=5), 1.0)
    heard("s1", NOW - timedelta(minutes=1), 2.0, quality=Quality.SUSPECT)
    heard("s1", NOW - timedelta(minutes=3), 3.0)
    heard("west", NOW, None, quality=Quality.MISSING)
    client = client_of("auditor", "")
    client.get(ADDRESS)
    with django_assert_max_num_queries(4):
        columns = client.get(ADDRESS).json()
    rows = {
        code: dict(zip(columns, row, strict=True))
        for code, row in zip(columns["stream"], zip(*columns.values(), strict=True), strict=True)
    }
    assert set(rows) == {"s1", "s2", "west"}
    at = micros(NOW - timedelta(minutes=1))
    assert rows["s1"] | {"lat": 0, "lon": 0} == {
        "stream": "s1", "unit": "cm", "place": None, "area": "410102001", "lat": 0, "lon": 0,
        "at_us": at, "value": 2.0, "quality": "suspect", "received_us": at,
    }  # fmt: skip
    assert (rows["s2"]["at_us"], rows["s2"]["value"], rows["s2"]["quality"]) == (None, None, None)
    assert (rows["west"]["value"], rows["west"]["quality"]) == (None, "missing")


def test_arrow_says_the_same(client_of):
    heard("s1", NOW, 1.5)
    client = client_of("auditor", "")
    answer = client.get(ADDRESS, headers={"Accept": "application/vnd.apache.arrow.stream"})
    table = pa.ipc.open_stream(answer.content).read_all().to_pydict()
    columns = client.get(ADDRESS).json()
    assert table["stream"] == columns["stream"]
    assert table["value"] == columns["value"]
    assert [None if at is None else micros(at) for at in table["at_us"]] == columns["at_us"]


def test_streams_of_other_areas_are_not_there(client_of):
    assert client_of("street_officer", "410103").get(ADDRESS).json()["stream"] == ["west"]


def test_without_a_token_or_a_right_nothing_is_told(client_of):
    assert Client().get(ADDRESS).status_code == 401
    program = client_of("program", "").get(ADDRESS)
    assert program.status_code == 403
