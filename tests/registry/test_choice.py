"""Clocks, ladders and plans: the closest words count."""

from __future__ import annotations

import msgspec
import pytest

from anlan.kernel.scales import ResponseLevel, WarningLevel
from anlan.registry.domain import city as c
from anlan.registry.domain.choice import (
    DEVICES,
    asked_of,
    closest_clock,
    closest_incident_rule,
    closest_ladder,
)
from anlan.registry.domain.rulespecs import ResponseAsked
from tests.registry.small_city import GROUNDED, a_clock, text

CLOCKS = (
    a_clock("any"),
    a_clock("service", case="service"),
    a_clock("gas", hazard="gas.leak"),
    a_clock("urgent", priority=(1, 2)),
    a_clock("service-gas", case="service", hazard="gas.leak"),
    a_clock("handle", stage="handle"),
    a_clock("strict", case="device", limit="10m"),
    a_clock("lax", case="device", limit="2h"),
)


@pytest.mark.parametrize(
    ("case", "stage", "hazard", "priority", "name"),
    [
        ("hidden_danger", "accept", "met.rain", 3, "any"),
        ("hidden_danger", "accept", "met.rain", 1, "urgent"),
        ("hidden_danger", "accept", "gas.leak", 1, "gas"),
        ("service", "accept", "met.rain", 1, "service"),
        ("service", "accept", "gas.leak", 4, "service-gas"),
        ("service", "handle", "gas.leak", 4, "handle"),
        ("device", "accept", "met.rain", 4, "strict"),
    ],
)
def test_the_closest_clock(case, stage, hazard, priority, name):
    found = closest_clock(CLOCKS, case, stage, hazard, priority)
    assert found is not None
    assert found.id == name


def test_no_clock_fits():
    assert closest_clock(CLOCKS, "service", "suspend", "gas.leak", 1) is None


def a_ladder(name, **given):
    return c.Ladder(**GROUNDED, id=name, name=text(name), rungs=(c.Rung(after="0s"),), **given)


def test_the_closest_ladder():
    ladders = (a_ladder("any"), a_ladder("met", hazard="met.*"), a_ladder("dev", case="device"))
    assert closest_ladder(ladders, "device", "gas.leak").id == "dev"
    assert closest_ladder(ladders, "device", "met.rain").id == "met"
    assert closest_ladder(ladders, "service", "gas.leak").id == "any"
    assert closest_ladder((ladders[1],), "service", "gas.leak") is None


def test_devices_have_a_rule_of_incidents_whatever_the_packs_hold():
    street = msgspec.structs.replace(DEVICES, id="street", case="hidden_danger", by="area")
    own = msgspec.structs.replace(DEVICES, id="own", hazard="system.*", at_least=50)
    assert closest_incident_rule([street], "device", "system.device") == DEVICES
    assert closest_incident_rule([street, own], "device", "system.device") == own
    assert closest_incident_rule([own], "hidden_danger", "system.device") is None


def a_plan(name, *asked):
    lines = tuple(ResponseAsked(hazard="met.rain", warning=w, response=r) for w, r in asked)
    return c.Plan(
        **GROUNDED,
        id=name,
        name=text(name),
        hazards=("met.rain",),
        reviewed_on=GROUNDED["effective_from"],
        response_asked=lines,
    )


def test_what_the_plans_ask():
    plans = (
        a_plan("one", (WarningLevel.ORANGE, ResponseLevel.III)),
        a_plan(
            "two", (WarningLevel.ORANGE, ResponseLevel.II), (WarningLevel.BLUE, ResponseLevel.IV)
        ),
    )
    assert asked_of(plans, "met.rain", WarningLevel.ORANGE).response == ResponseLevel.II
    # Red has no line: the plan asks at least what it asks for orange.
    assert asked_of(plans, "met.rain", WarningLevel.RED).response == ResponseLevel.II
    assert asked_of(plans, "met.rain", WarningLevel.YELLOW).response == ResponseLevel.IV
    assert asked_of(plans, "gas.leak", WarningLevel.RED) is None
