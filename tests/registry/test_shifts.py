"""Who sits where: past midnight, on the days a clock changes, and against a minute-wise twin."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.registry.domain.dutymatrix import Validity
from anlan.registry.domain.shifts import ShiftLine, sitting, stretch

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
EVERY_DAY = frozenset(range(1, 8))


def line(number=1, starts="08:00", ends="20:00", weekdays=EVERY_DAY, **validity):
    return ShiftLine(
        id=number,
        post="desk",
        holder=f"h{number}",
        deputy=None,
        weekdays=frozenset(weekdays),
        starts=time.fromisoformat(starts),
        ends=time.fromisoformat(ends),
        validity=Validity(**validity),
    )


def local(text, tz=SHANGHAI):
    return datetime.fromisoformat(text).replace(tzinfo=tz).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "holder"),
    [
        ("2026-11-23T07:59:59", "h2"),
        ("2026-11-23T08:00", "h1"),
        ("2026-11-23T19:59:59", "h1"),
        ("2026-11-23T20:00", "h2"),
        ("2026-11-24T00:00", "h2"),
        ("2026-11-24T03:00", "h2"),
    ],
)
def test_day_and_night_follow_one_another(at, holder):
    found = sitting([line(1), line(2, "20:00", "08:00")], local(at), SHANGHAI)
    assert found is not None
    assert found[0].holder == holder


def test_a_night_shift_belongs_to_the_day_on_which_it_starts():
    friday_night = line(1, "20:00", "08:00", weekdays={5})
    assert sitting([friday_night], local("2026-11-28T03:00"), SHANGHAI) is not None  # Saturday
    assert sitting([friday_night], local("2026-11-27T03:00"), SHANGHAI) is None  # Friday


def test_equal_ends_are_round_the_clock():
    found = sitting([line(1, "08:00", "08:00")], local("2026-11-23T07:59"), SHANGHAI)
    assert found is not None
    assert found[1] == local("2026-11-23T08:00")


def test_the_last_night_of_a_roster_is_sat_to_its_end():
    last = line(1, "20:00", "08:00", valid_to=date(2026, 11, 24))
    assert sitting([last], local("2026-11-24T07:00"), SHANGHAI) is not None
    assert sitting([last], local("2026-11-24T21:00"), SHANGHAI) is None


def test_the_younger_roster_counts():
    old = line(5, valid_from=date(2026, 1, 1))
    new = line(2, valid_from=date(2026, 6, 1))
    found = sitting([old, new], local("2026-11-23T10:00"), SHANGHAI)
    assert found is not None
    assert found[0] is new


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 28), 11), (date(2026, 10, 24), 13), (date(2026, 6, 1), 12)]
)
def test_a_night_on_which_the_clock_changes_is_longer_or_shorter(day, hours):
    begin, end = stretch(line(1, "20:00", "08:00"), day, BERLIN)
    assert end - begin == timedelta(hours=hours)


@given(
    st.datetimes(datetime(2026, 3, 20), datetime(2026, 4, 5)),  # noqa: DTZ001  drawn without a zone
    st.sampled_from(["00:00", "02:30", "08:00", "20:00", "23:59"]),
    st.sampled_from([SHANGHAI, BERLIN]),
)
def test_two_shifts_that_meet_leave_no_gap(naive_at, border, tz):
    """Day and night share their borders: at every instant exactly one of them is sat."""
    at = naive_at.replace(tzinfo=UTC)
    pair = [line(1, border, "12:00"), line(2, "12:00", border)]
    sat = [item.id for item in pair if sitting([item], at, tz) is not None]
    assert len(sat) == 1


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),  # noqa: DTZ001  drawn without a zone
    st.lists(
        st.tuples(
            st.times().map(lambda t: t.replace(microsecond=0)),
            st.times().map(lambda t: t.replace(microsecond=0)),
            st.sets(st.integers(1, 7), min_size=1),
        ),
        max_size=4,
    ),
)
def test_sits_as_a_wall_clock_would_say(naive_at, shifts):
    """Without clock changes: compare the local weekday and time, nothing else."""
    at = naive_at.replace(tzinfo=UTC)
    here = at.astimezone(SHANGHAI)
    today, yesterday = here.isoweekday(), (here - timedelta(days=1)).isoweekday()
    clock = here.time()
    expected = set()
    lines = []
    for number, (starts, ends, weekdays) in enumerate(shifts, start=1):
        lines.append(line(number, starts.isoformat(), ends.isoformat(), weekdays))
        if ends > starts:
            sat = today in weekdays and starts <= clock < ends
        else:
            sat = (today in weekdays and clock >= starts) or (
                yesterday in weekdays and clock < ends
            )
        if sat:
            expected.add(number)
    found = sitting(lines, at, SHANGHAI)
    assert (found is None) == (not expected)
    assert found is None or found[0].id in expected
    assert found is None or at < found[1] <= at + timedelta(days=1)
