"""A small city with streams, words and codes; a workspace folder of each test's own."""

from __future__ import annotations

import contextlib
import shutil
from datetime import UTC, datetime

import pytest
from django.conf import settings as django_settings

from anlan.infra import workspace
from anlan.infra.workspace import WorkspaceKind
from anlan.kernel.actor import Actor, Role, system_actor
from anlan.registry import public as registry
from anlan.registry.domain import city as c
from anlan.registry.domain import jurisdiction as j
from anlan.sensing.services.framing import to_us
from anlan.sensing.services.hands import let_go, reader
from tests.registry.small_city import a_city, a_jurisdiction, parsed, text

NOW = datetime(2026, 7, 20, 8, 0, tzinfo=UTC)
GATEWAY = Actor(
    id="account:gateway", role=Role.PROGRAM, areas=("",), scopes=frozenset({"signs:write"})
)
STREET = Actor(
    id="account:street",
    role=Role.STREET_OFFICER,
    areas=("410100/410102",),
    scopes=frozenset({"signs:write", "signs:read"}),
)
DUTY = Actor(
    id="account:duty",
    role=Role.DUTY_OFFICER,
    areas=("",),
    scopes=frozenset({"signs:write", "signs:read", "signs:release"}),
)


def a_sensor(code: str, area: str = "410102001", unit: str = "m") -> c.Sensor:
    return c.Sensor(
        code=code, name_zh=code, quantity="ponding", unit=unit, interval="5m", area=area
    )


def small_law() -> j.Jurisdiction:
    return a_jurisdiction(
        hazards=(
            j.HazardKind(
                id="met.rain",
                name=text("Rain"),
                event_class="natural",
                codes={"cn12379": ("11B03",)},
            ),
            j.HazardKind(id="gas.leak", name=text("Gas leak"), event_class="accident"),
        ),
        quantities=(
            j.Quantity(
                id="ponding",
                name=text("Ponding"),
                unit="cm",
                accepts={"m": 100.0, "mm": 0.1},
                low=0.0,
                high=500.0,
            ),
            j.Quantity(id="gas", name=text("Gas"), unit="%LEL"),
        ),
        lexicon=(
            j.Lexicon(hazard="gas.leak", words={"zh": ("燃气",)}, strong={"zh": ("爆炸",)}),
            j.Lexicon(hazard="met.rain", words={"zh": ("暴雨",)}),
        ),
    )


def load_small_city(now: datetime = NOW) -> None:
    city = a_city(sensors=(a_sensor("s1"), a_sensor("s2", unit="cm"), a_sensor("west", "410103")))
    registry.load_city(system_actor("test"), parsed(city), parsed(small_law()), now=now)


@pytest.fixture
def city(db):
    load_small_city()


@pytest.fixture(autouse=True)
def live(tmp_path, settings):
    """Give each test an empty live workspace; the databases stay the test process's own."""
    made = workspace.create(tmp_path / "live", kind=WorkspaceKind.LIVE)
    settings.WORKSPACE = made
    assert django_settings.WORKSPACE is made
    return made


@pytest.fixture
def rehearsal(tmp_path, settings):
    settings.WORKSPACE = workspace.create(tmp_path / "drill", kind=WorkspaceKind.REHEARSAL)
    return settings.WORKSPACE


@pytest.fixture
def admin():
    return Actor(
        id="account:admin", role=Role.SYSTEM_ADMIN, post="operator", areas=("",), scopes=frozenset({"registry:write"})
    )  # fmt: skip


def read_thinned(stream, start, end):
    """Return what stays of readings of a stream that were thinned, oldest first, in columns."""
    store = reader()
    return store.thinned(store.numbers([stream]), to_us(start), to_us(end))


@contextlib.contextmanager
def stopped():
    """What is done to the files while nothing runs."""
    let_go()
    yield


@pytest.fixture
def copy(live, tmp_path):
    """Return a function that takes the folder of readings away, and one that puts it back as it was."""
    kept = tmp_path / "kept"

    def take():
        with stopped():
            shutil.copytree(live.observations, kept)

    def put_back():
        with stopped():
            shutil.rmtree(live.observations)
            shutil.copytree(kept, live.observations)

    return take, put_back
