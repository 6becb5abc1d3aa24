"""A small city whose streams are checked, and readings for it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.registry.domain import checkspecs as q
from anlan.registry.domain import city as c
from anlan.sensing import public as sensing
from anlan.sensing.domain.observations import BatchIn, RowIn
from tests.registry.small_city import GROUNDED, a_city, parsed, text
from tests.sensing.conftest import GATEWAY, NOW, small_law

MINUTE = timedelta(minutes=1)
START = NOW - timedelta(hours=12)


def a_check(test: q.Test, **given: Any) -> q.CheckSpec:
    """Return a check of ponding; ``given`` replaces fields."""
    kind = type(test).__struct_config__.tag
    unit = "cm" if given.get("quantity", "ponding") == "ponding" else ""
    fields: dict[str, Any] = {
        "id": f"{kind}.test", "title": text(kind), "advice": text("Look"), "quantity": "ponding",
        "unit": unit, "hazard": "gas.leak",
    }  # fmt: skip
    return q.CheckSpec(**GROUNDED, **(fields | given), test=test)


CHECKS = (
    a_check(q.Stuck(longer_than="1h", readings=6, rests_upto=1.0)),
    a_check(q.Spike(away=20.0, times=2)),
    a_check(q.Clock(), id="clock.any", quantity="*"),
    a_check(q.Gaps(), id="gaps.any", quantity="*"),
    a_check(q.Calibration(), id="calibration.any", quantity="*", opens_case=False),
)


def sensor(code: str, **given: Any) -> c.Sensor:
    """Return a water gauge that speaks every five minutes."""
    fields: dict[str, Any] = {
        "name_zh": code, "quantity": "ponding", "unit": "cm", "interval": "5m", "area": "410102001",
    }  # fmt: skip
    return c.Sensor(code=code, **(fields | given))


def load(*sensors: c.Sensor, checks: tuple[q.CheckSpec, ...] = CHECKS, now=NOW, **more) -> None:
    """Load the city; without sensors it has ``s1`` and ``s2``."""
    city = a_city(sensors=sensors or (sensor("s1"), sensor("s2")), checks=checks, **more)
    registry.load_city(system_actor("test"), parsed(city), parsed(small_law()), now=now)


def send(stream, values, *, start, step=5 * MINUTE, late=MINUTE):
    """Keep readings of one stream, one message each; return when the next one is due."""
    at = start
    for value in values:
        row = RowIn(stream=stream, at=at, value=value)
        receipt = sensing.keep_observations(GATEWAY, BatchIn(rows=(row,)), now=at + late)
        assert receipt.kept == 1, receipt
        at += step
    return at


def moving(count, base=5.0):
    """Values that move as water does."""
    return [base + (place % 5) * 0.3 for place in range(count)]


TODAY = date(2026, 7, 20)
