"""The city changes while an alert is open and the judge dies: one alert, one end, whatever it remembers."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.registry.domain.parse import (
    city_folder,
    jurisdiction_folder,
    read_city,
    read_jurisdiction,
)
from anlan.warning.models import AlertInstance
from anlan.warning.services.streams.here import stream_judge
from tests.warning import town
from tests.warning.town import at, readings, tick

pytestmark = pytest.mark.django_db(databases="__all__")
RULE, STREAM = "crowd.density", "CROWD-01"
OTHER_AREA = "410102002001"
DAY = 24 * 60 + 30  # minutes


def packs():
    city = read_city(city_folder("demo"))
    return city, read_jurisdiction(jurisdiction_folder(city.pack.info.jurisdiction))


def load(minute, *, rule=None, sensor=None):
    """Load the city with another rule and sensor in place of the ones there; ``()``: with none."""
    city, law = packs()
    sensors = [
        one
        for was in city.pack.sensors
        for one in ((was,) if was.code != STREAM or sensor is None else sensor(was))
    ]
    rules = [
        one
        for was in law.pack.rules
        for one in ((was,) if was.id != RULE or rule is None else rule(was))
    ]
    registry.load_city(
        system_actor("test"),
        replace(city, found_pack=msgspec.structs.replace(city.pack, sensors=tuple(sensors))),
        replace(law, found_pack=msgspec.structs.replace(law.pack, rules=tuple(rules))),
        now=at(minute),
    )


def higher(was):
    limits = tuple(
        msgspec.structs.replace(one, raise_at=one.raise_at + 5, clear_at=one.clear_at + 4)
        for one in was.limits
    )
    return (msgspec.structs.replace(was, limits=limits),)


CHANGES = {
    "rule gone": {"rule": lambda _: ()},
    "rule higher": {"rule": higher},
    "stream moved": {"sensor": lambda was: (msgspec.structs.replace(was, area=OTHER_AREA),)},
    "slower": {"sensor": lambda was: (msgspec.structs.replace(was, interval="5m"),)},
}


def die(how):
    if how == "saved":
        stream_judge().close()
    if how != "lives":
        town.begin_anew(keep_file=how != "lost")


def history(change, how):
    """Return the alerts of an afternoon in which the city is another one from minute 3 to minute 41."""
    tick(0)
    readings(STREAM, 4, 4, 4)
    tick(2)
    assert AlertInstance.objects.get(rule=RULE).cleared_at is None
    stream_judge().close()  # a checkpoint while it is open
    readings(STREAM, 4, start=3)
    tick(3)
    load(3.5, **CHANGES[change])
    die(how)
    tick(4)
    die(how)
    readings(STREAM, 4, 4, *[1] * 35, start=4)
    tick(40)
    load(41)
    die(how)
    tick(41)
    readings(STREAM, 4, 4, 4, 4, start=42)
    tick(45)
    readings(STREAM, *[1] * 12, start=46)
    die(how)
    tick(58)
    return alerts()


def alerts():
    rows = AlertInstance.objects.filter(rule=RULE, subject=f"stream:{STREAM}")
    return [
        (x.raised_at, x.level, x.peak_level, x.cleared_at, x.cleared_reason)
        for x in rows.order_by("raised_at", "pk")
    ]


@pytest.mark.parametrize("how", ["lives", "killed", "saved", "lost"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_city_and_a_death_leave_one_alert_for_each_cause(demo, change, how) -> None:
    found = history(change, how)
    # What is open goes on by the version that it began with, also where its rule is gone.
    assert [reason for *_, reason in found] == ["threshold.calm", "threshold.calm"]
    assert (found[0][0], found[1][0]) == (at(2), at(44))
    assert [peak for _, _, peak, *_ in found] == ["orange", "orange"]


@pytest.mark.parametrize("how", ["lives", "killed", "saved", "lost"])
def test_a_stream_that_leaves_the_city_ends_its_alert_once_and_may_come_back(demo, how) -> None:
    tick(0)
    readings(STREAM, 4, 4, 4)
    tick(2)
    stream_judge().close()
    load(3, sensor=lambda _: ())
    die(how)
    tick(4)
    die(how)
    tick(DAY)  # a sensor leaves with the end of the day
    ((_, _, _, ended, reason),) = alerts()
    assert (ended is not None, reason) == (True, "subject.ended")
    die(how)
    load(DAY + 1)
    tick(DAY + 1)
    die(how)
    readings(STREAM, 4, 4, 4, start=DAY + 2)
    tick(DAY + 4)
    die(how)
    tick(DAY + 5)
    first, second = alerts()
    assert first[-1] == "subject.ended"
    assert (second[0], second[3]) == (at(DAY + 4), None)


@pytest.mark.parametrize("how", ["lives", "killed", "saved", "lost"])
@pytest.mark.parametrize("high", [3, 10])
def test_a_rule_that_goes_and_comes_back_tells_nothing_again(demo, how, high) -> None:
    """Its readings are still at hand: what they led to was told, and may begin in their middle now."""
    end = high + 10
    tick(0)
    readings(STREAM, *[4] * high, *[1] * 11)
    tick(end)
    told = alerts()
    assert [(raised, cleared) for raised, _, _, cleared, _ in told] == [(at(2), at(end))]
    load(end + 0.5, rule=lambda _: ())
    tick(end + 0.5)
    die(how)
    load(end + 1)
    tick(end + 1)
    die(how)
    tick(end + 1)
    assert alerts() == told
    readings(STREAM, 4, 4, 4, start=end + 2)
    tick(end + 4)
    assert [raised for raised, *_ in alerts()] == [at(2), at(end + 4)]
