"""Quiet hours: normal waits for the morning, nothing else does."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.notices.domain.quiet import DEFAULT_QUIET, Quiet, send_from
from anlan.notices.domain.words import Urgency

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def local(text, zone=SHANGHAI):
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "goes"),
    [
        ("2026-11-23T21:59:59", "2026-11-23T21:59:59"),
        ("2026-11-23T22:00:00", "2026-11-24T07:00:00"),
        ("2026-11-23T23:30:00", "2026-11-24T07:00:00"),
        ("2026-11-24T00:00:00", "2026-11-24T07:00:00"),
        ("2026-11-24T06:59:59", "2026-11-24T07:00:00"),
        ("2026-11-24T07:00:00", "2026-11-24T07:00:00"),
    ],
)
def test_normal_waits_for_the_end_of_the_quiet_hours(at, goes):
    assert send_from(local(at), Urgency.NORMAL, DEFAULT_QUIET, SHANGHAI) == local(goes)


def test_quiet_hours_within_one_day():
    siesta = Quiet(time(13), time(15))
    for at, goes in (
        ("12:59", "12:59"),
        ("13:00", "15:00"),
        ("14:59", "15:00"),
        ("15:00", "15:00"),
    ):
        instant = local(f"2026-11-23T{at}")
        assert send_from(instant, Urgency.NORMAL, siesta, SHANGHAI) == local(f"2026-11-23T{goes}")


def test_equal_ends_mean_none_at_all():
    never = Quiet(time(7), time(7))
    at = local("2026-11-23T03:00")
    assert send_from(at, Urgency.NORMAL, never, SHANGHAI) == at


@pytest.mark.parametrize("night", ["2026-03-28T23:00", "2026-10-24T23:00"])
def test_the_night_in_which_the_clocks_change_ends_at_seven_local(night):
    end = send_from(local(night, BERLIN), Urgency.NORMAL, DEFAULT_QUIET, BERLIN)
    assert end.astimezone(BERLIN).time() == time(7)
    assert timedelta(hours=6) < end - local(night, BERLIN) < timedelta(hours=10)


YEARS = datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2030-01-01")
instants = st.datetimes(*YEARS, timezones=st.just(UTC))
clock_times = st.times().map(lambda t: t.replace(second=0, microsecond=0, tzinfo=None))


@given(instants, clock_times, clock_times, st.sampled_from([SHANGHAI, BERLIN, ZoneInfo("UTC")]))
def test_never_earlier_never_in_the_quiet_hours_never_a_day_late(at, start, end, zone):
    quiet = Quiet(start, end)
    goes = send_from(at, Urgency.NORMAL, quiet, zone)
    assert at <= goes <= at + timedelta(hours=25)
    # An end in the hour that a clock change skips falls inside no other rule.
    skipped = zone is BERLIN and goes.astimezone(zone).time() != quiet.end and goes != at
    assert skipped or not quiet.holds(goes.astimezone(zone).time())


@given(instants, st.sampled_from([Urgency.URGENT, Urgency.RED]))
def test_urgent_and_red_never_wait(at, urgency):
    assert send_from(at, urgency, DEFAULT_QUIET, SHANGHAI) == at
