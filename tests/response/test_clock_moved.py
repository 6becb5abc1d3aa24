"""The machine's time is put forward and back by hours: no clock of a case runs backwards."""

from __future__ import annotations

from datetime import timedelta

import pytest

from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.response import public as response
from anlan.response.models import Case, CaseClock
from tests.response.builders import HOUR, METRO, MINUTE, NOW, a_case

pytestmark = pytest.mark.django_db(databases="__all__")
BACK = 3 * HOUR


def assert_forwards():
    for clock in CaseClock.objects.all():
        for ended in (clock.met_at, clock.missed_at, clock.stopped_at):
            assert ended is None or ended >= clock.started_at, clock
        assert clock.due_at >= clock.started_at
        assert clock.missed_at is None or clock.missed_at >= clock.due_at
    for case in Case.objects.filter(is_open=True):
        assert case.next_at == case.running_clock.due_at


def test_work_goes_on_while_the_time_is_put_back(demo):
    case = a_case()
    response.pull(METRO, case.pk, response.Trigger.BEGIN, now=NOW + MINUTE - BACK)
    assert_forwards()
    case.refresh_from_db()
    ended = [one for one in CaseClock.objects.filter(case=case) if one.met_at or one.stopped_at]
    assert [one.met_at or one.stopped_at for one in ended] == [NOW] * len(ended)
    # The next deadline is counted from the time that counts now, or from the opening: never later.
    assert case.next_at <= NOW + timedelta(days=30)
    assert response.sweep(now=NOW - BACK).failed == 0
    assert_forwards()
    response.sweep(now=case.next_at)
    assert_forwards()
    assert Case.objects.get(pk=case.pk).overdue_since is not None
    entries = JournalEntry.objects.order_by("seq")
    assert journal.replay_images(entries) == journal.live_state()


def test_a_leap_forwards_misses_what_is_due_once_and_tells_every_rung(demo):
    case = a_case()
    due = Case.objects.get(pk=case.pk).next_at
    response.sweep(now=due + 30 * HOUR)
    assert_forwards()
    missed = CaseClock.objects.filter(case=case, kind="stage", missed_at__isnull=False)
    assert missed.count() == 1
    rung = Case.objects.get(pk=case.pk).rung
    assert rung >= 1
    # Back again: nothing is missed a second time, no rung is told twice.
    response.sweep(now=due + MINUTE)
    assert missed.count() == 1
    assert Case.objects.get(pk=case.pk).rung == rung
    assert_forwards()


def test_summer_time_moves_no_deadline(demo):
    """Deadlines are instants in UTC; the night in which local clocks leap changes none."""
    leap = NOW.replace(month=3, day=28, hour=0)
    case = a_case(now=leap, known_at=leap)
    clock = Case.objects.get(pk=case.pk).running_clock
    if clock.calendar == "natural":
        assert clock.due_at - clock.started_at == response_limit(clock)
    assert clock.due_at.utcoffset() == timedelta(0)


def response_limit(clock):
    from anlan.kernel.durations import parse_span

    return parse_span(clock.limit)
