"""Small builders: people, matters, cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from anlan.kernel.actor import Actor, Role, system_actor
from anlan.kernel.geometry import Point
from anlan.response import public as response
from anlan.response.models import CaseClock

NOW = datetime(2021, 7, 20, 4, 0, tzinfo=UTC)  # a Tuesday noon in the demo city
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SYSTEM = system_actor("test")
CITY = "410100"


def person(name, post, *, role=Role.DEPARTMENT, areas=(CITY,)):
    return Actor(
        id=f"account:{name}",
        role=role,
        post=post,
        areas=areas,
        scopes=frozenset({"cases:read", "cases:act"}),
    )


METRO = person("metro", "P-METRO")
METRO_MATE = person("metro-mate", "P-METRO")
METRO_LEAD = person("metro-lead", "P-METRO-LEAD")
DUTY = person("duty", "P-DUTY", role=Role.DUTY_OFFICER)
LEAD = person("lead", "P-DUTY-LEAD", role=Role.DUTY_OFFICER)
COMMANDER = person("commander", "P-COMMANDER", role=Role.COMMANDER)
FIRE = person("fire", "P-FIRE")
AUDITOR = person("auditor", None, role=Role.AUDITOR)
STRANGER = person("far", "P-410122", role=Role.STREET_OFFICER, areas=("410100/410122",))


def matter(**changes):
    """A red danger at the metro line, found by a rule."""
    facts = {
        "kind": "hidden_danger",
        "hazard": "rail.disruption",
        "area": "",
        "origin": "manual",
        "known_at": NOW,
        "place": "RP-METRO-5",
        "level": "red",
        "found_by_rule": True,
    }
    return response.Opening(**{**facts, **changes})


def a_case(*, now=NOW, actor=SYSTEM, **changes):
    return response.open_case(actor, matter(**changes), now=now)


def report_of(number, *, hazard="fire.building", lat=34.757, lon=113.600, strong=False, at=NOW):
    """A citizen's report as the room takes it."""
    return response.Opening(
        kind="service",
        hazard=hazard,
        area="",
        origin=f"report:{number}",
        known_at=at,
        point=Point(lat=lat, lon=lon),
        strong=strong,
    )


def running(case):
    """The running clocks of a case, earliest first."""
    clocks = CaseClock.objects.filter(case=case, met_at=None, missed_at=None, stopped_at=None)
    return list(clocks.order_by("due_at", "id"))


def stands(case):
    """Assert I1 and I2 on one case, read afresh."""
    case.refresh_from_db()
    clocks = CaseClock.objects.filter(case=case)
    for clock in clocks:
        assert clock.rule_id
        assert clock.calendar
        assert clock.start_event
        assert clock.basis["title"]
        assert clock.due_at
    if not case.is_open:
        assert case.next_at is None
        assert not running(case)
        return
    assert case.owner_post
    earliest = running(case)[0]
    assert case.next_at == earliest.due_at
    assert case.running_clock_id == earliest.pk


def pull(actor, case, trigger, *, at=NOW + MINUTE, **asked):
    """Pull a trigger and see that the case still stands on its clocks."""
    found = response.pull(actor, case.pk, trigger, response.Asked(**asked), now=at)
    stands(found)
    return found
