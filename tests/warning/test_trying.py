"""A rule tried on the past finds what the judge found then, writes nothing, and has its bounds."""

from __future__ import annotations

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.infra.models import JournalEntry
from anlan.registry import public as registry
from anlan.warning.models import AlertInstance, JudgeState
from anlan.warning.public import declare_response, try_rule
from anlan.warning.services import trying
from anlan.warning.services.trying import PeriodInvalidError, TooMuchPastError
from tests.warning.town import (
    a_declaration,
    a_report,
    a_signal,
    an_officer,
    at,
    readings,
    tick,
)

pytestmark = pytest.mark.django_db(databases="__all__")


def rule(name):
    return next(x for x in registry.rules_in_force(at=at(0)) if x.id == name)


def tried(name, actor=None, start=-60, end=600):
    return try_rule(actor or an_officer(), rule(name), start=at(start), end=at(end))


def test_a_threshold_finds_what_the_judge_found(demo):
    readings("TUN-01", 0, 10, 30, 45, 45, *[0] * 60)
    tick(70)
    found = tried("water.tunnel")
    (one,) = found.alerts
    assert (found.both, found.only_would, found.only_was) == (1, 0, 0)
    assert (one.would.subject, one.would.level) == ("stream:TUN-01", "red")
    assert one.would.raised_at == one.was.raised_at == at(3)
    assert one.would.cleared_at == one.was.cleared_at
    assert found.looked.readings == 65


def test_signs_of_several_kinds_find_what_the_judge_found(demo):
    for minute in (0, 3, 5, 8, 20):
        a_report(minute)
        tick(minute + 0.1)
    a_signal(30)
    tick(31)
    declare_response(an_officer(), a_declaration(level="I"), now=at(90))
    tick(91)
    # A sensor that never spoke has been silent since the judge first knew it: that day only.
    raised = AlertInstance.objects.exclude(rule="device.silence")
    names = sorted(set(raised.values_list("rule", flat=True)))
    assert len(names) > 5
    for name in names:
        found = tried(name)
        assert (found.only_would, found.only_was) == (0, 0), name
        assert found.both == AlertInstance.objects.filter(rule=name).count(), name


def test_a_warning_that_rose_counts_as_it_stood_then(demo):
    first = a_signal(0, "orange")
    tick(1)
    a_signal(60, "red", msg_type="Update", references=(first,))
    tick(61)
    found = tried("rain_red.road_tunnel")
    assert found.both == len(found.alerts) > 0
    assert {x.would.raised_at for x in found.alerts} == {at(60)}


def test_silence_finds_what_the_judge_found(demo):
    readings("TUN-01", *[0] * 10)
    tick(10)
    tick(60)
    tick(61)
    (name,) = {
        x.id for x in registry.rules_in_force(at=at(0)) if x.__struct_config__.tag == "silence"
    }
    subject = "stream:TUN-01"
    was = AlertInstance.objects.get(rule=name, subject=subject)
    found = [x.would for x in tried(name, end=120).alerts if x.would]
    assert was.raised_at in {x.raised_at for x in found if x.subject == subject}


def test_nothing_is_written_and_nobody_is_told(demo):
    readings("TUN-01", 0, 45, 45, 45)
    entries, states = JournalEntry.objects.count(), JudgeState.objects.count()
    assert tried("water.tunnel").only_would == 1
    assert JournalEntry.objects.count() == entries
    assert JudgeState.objects.count() == states
    assert not AlertInstance.objects.exists()


def test_only_alerts_of_one_s_own_areas_are_shown(demo):
    readings("TUN-01", 0, 45, 45, 45)
    tick(4)
    assert len(tried("water.tunnel", an_officer("410100/410108")).alerts) == 1
    assert tried("water.tunnel", an_officer("410100/410102")).alerts == ()


def test_a_version_that_is_stricter_would_have_raised_more(demo):
    readings("TUN-01", *[8] * 10)
    strict = rule("water.tunnel")
    limits = tuple(msgspec.structs.replace(x, raise_at=7, clear_at=1) for x in strict.limits[-1:])
    strict = msgspec.structs.replace(strict, limits=limits)
    assert tried("water.tunnel").alerts == ()
    assert try_rule(an_officer(), strict, start=at(0), end=at(60)).only_would == 1


def test_no_data_is_told_apart_from_calm(demo):
    assert tried("water.tunnel").looked.is_nothing
    readings("TUN-01", 0, 0)
    assert not tried("water.tunnel").looked.is_nothing


@pytest.mark.parametrize(("start", "end"), [(0, 0), (10, 0), (0, 8 * 24 * 60)])
def test_a_period_is_bounded(demo, start, end):
    with pytest.raises(PeriodInvalidError):
        tried("water.tunnel", start=start, end=end)


def test_what_is_too_much_is_refused(demo, monkeypatch):
    readings("TUN-01", 0, 45, 45, 45)
    monkeypatch.setattr(trying, "MOST_READINGS", 3)
    with pytest.raises(TooMuchPastError):
        tried("water.tunnel")
    monkeypatch.setattr(trying, "MOST_SIGNS", 2)
    for minute in range(3):
        a_report(minute)
    with pytest.raises(TooMuchPastError):
        tried("reports.crowd")


def test_it_asks_as_much_of_many_readings_as_of_few(demo):
    tried("water.tunnel")  # what a process keeps of the city is read once
    asked = []
    for minute in range(2):
        readings("TUN-01", *[0] * (1 if minute == 0 else 200), start=minute * 10)
        with CaptureQueriesContext(connection) as seen:
            tried("water.tunnel")
        asked.append(len(seen))
    assert asked[0] == asked[1] <= 20


@pytest.mark.parametrize(("limit", "most"), [("MOST_SIGNS", 2), ("MOST_LOOKS", 3)])
def test_more_warnings_than_can_be_judged_are_refused_and_never_left_out(
    demo, monkeypatch, limit, most
):
    days = 24 * 60  # minutes
    for number in range(4):
        a_signal(number, "red", sender=f"{number}@example.invalid", ends_at=at(9 * days))
    later = {"start": 3 * days, "end": 4 * days}  # none of them came within it, all of them stand
    assert tried("rain_red.road_tunnel", **later).looked.warnings == 4
    monkeypatch.setattr(trying, limit, most, raising=False)
    with pytest.raises(TooMuchPastError):
        tried("rain_red.road_tunnel", **later)
