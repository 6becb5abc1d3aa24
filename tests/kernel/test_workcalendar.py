"""Deadlines against a minute-by-minute twin, and the boundaries people argue about."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.kernel.workcalendar import (
    CalendarBeyondEndError,
    LimitNotWholeDaysError,
    WorkCalendar,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OFFICE = ((time(9), time(12)), (time(13, 30), time(17, 30)))


def calendar(tz="Asia/Shanghai", hours=OFFICE, years=(2024, 2025)):
    return WorkCalendar.of(
        tz,
        weekend=(6, 7),
        hours=hours,
        # National Day 2024: 1 to 7 October off, 29 September and 12 October worked.
        holidays=[(date(2024, 10, 1), date(2024, 10, 7))],
        makeup_workdays=[date(2024, 9, 29), date(2024, 10, 12)],
        years=years,
    )


CN = calendar()


def at(text, tz="Asia/Shanghai"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz)).astimezone(UTC)


# --- the twin: walk minute by minute, from the definition ----------------------------------------


def naive_is_open(cal, instant):
    """Whether the minute that begins at ``instant`` is office time."""
    local = instant.astimezone(cal.tz)
    if not cal.is_working_day(local.date()):
        return False
    now = local.time()
    return any(start <= now and (now < end or end == time(0)) for start, end in cal.hours)


def naive_hours_deadline(cal, start, limit):
    left, instant = limit, start
    while left > timedelta():
        left -= MINUTE if naive_is_open(cal, instant) else timedelta()
        instant += MINUTE
    return instant


def naive_hours_elapsed(cal, start, end):
    total, instant = timedelta(), start
    while instant < end:
        total += MINUTE if naive_is_open(cal, instant) else timedelta()
        instant += MINUTE
    return total


def naive_days_deadline(cal, start, days):
    day = start.astimezone(cal.tz).date()
    while days:
        day += DAY
        if cal.is_working_day(day):
            days -= 1
    closing = cal.hours[-1][1]
    if closing == time(0):
        day += DAY
    return datetime.combine(day, closing, tzinfo=cal.tz).astimezone(UTC)


minutes = st.integers(0, 60 * 24 * 40).map(lambda n: at("2024-09-20 00:00") + n * MINUTE)
limits = st.integers(1, 60 * 40).map(lambda n: n * MINUTE)


@settings(max_examples=40, deadline=None)
@given(minutes, limits)
def test_working_hours_match_the_twin(start, limit):
    due = CN.deadline(start, limit, "working_hours")
    assert due == naive_hours_deadline(CN, start, limit)


@settings(max_examples=40, deadline=None)
@given(minutes, st.integers(0, 60 * 24 * 12))
def test_elapsed_hours_match_the_twin(start, span):
    end = start + span * MINUTE
    assert CN.elapsed(start, end, "working_hours") == naive_hours_elapsed(CN, start, end)


@settings(max_examples=100, deadline=None)
@given(minutes, st.integers(1, 20))
def test_working_days_match_the_twin(start, days):
    due = CN.deadline(start, days * DAY, "working_days")
    assert due == naive_days_deadline(CN, start, days)


@settings(max_examples=200, deadline=None)
@given(minutes, st.integers(1, 15), st.sampled_from(["natural", "working_hours", "working_days"]))
def test_elapsed_undoes_deadline(start, size, kind):
    limit = size * (DAY if kind == "working_days" else HOUR)
    due = CN.deadline(start, limit, kind)
    assert due > start
    assert CN.elapsed(start, due, kind) == limit


@settings(max_examples=200, deadline=None)
@given(minutes, limits, limits, st.sampled_from(["natural", "working_hours"]))
def test_a_limit_may_be_used_up_in_parts(start, first, second, kind):
    whole = CN.deadline(start, first + second, kind)
    assert CN.deadline(CN.deadline(start, first, kind), second, kind) == whole


@settings(max_examples=200, deadline=None)
@given(minutes, limits, limits, st.sampled_from(["natural", "working_hours"]))
def test_a_longer_limit_or_a_later_start_is_never_due_earlier(start, limit, more, kind):
    due = CN.deadline(start, limit, kind)
    assert CN.deadline(start, limit + more, kind) >= due
    assert CN.deadline(start + more, limit, kind) >= due


pause_spans = st.lists(
    st.tuples(st.integers(0, 60 * 24 * 3), st.integers(1, 60 * 24 * 3)), max_size=4
)


@settings(max_examples=100, deadline=None)
@given(minutes, limits, pause_spans)
def test_time_used_outside_the_pauses_is_the_limit(start, limit, spans):
    pauses, instant = [], start
    for gap, length in spans:
        begin = instant + gap * MINUTE
        instant = begin + length * MINUTE
        pauses.append((begin, instant))
    due = CN.deadline_with_pauses(start, limit, "natural", pauses)
    stood = sum((min(end, due) - begin for begin, end in pauses if begin < due), timedelta())
    assert due - start - stood == limit


@settings(max_examples=60, deadline=None)
@given(minutes, limits, pause_spans)
def test_pauses_in_office_hours_match_the_twin(start, limit, spans):
    pauses, instant = [], start
    for gap, length in spans:
        begin = instant + gap * MINUTE
        instant = begin + length * MINUTE
        pauses.append((begin, instant))
    left, now = limit, start
    while left > timedelta():
        paused = any(begin <= now < end for begin, end in pauses)
        left -= MINUTE if naive_is_open(CN, now) and not paused else timedelta()
        now += MINUTE
    assert CN.deadline_with_pauses(start, limit, "working_hours", pauses) == now


# --- boundaries ---------------------------------------------------------------------------------


def test_the_starting_day_does_not_count():
    # Thursday 9:00, one working day: Friday at closing time.
    assert CN.deadline(at("2024-09-05 09:00"), DAY, "working_days") == at("2024-09-06 17:30")
    assert CN.deadline(at("2024-09-05 23:59"), DAY, "working_days") == at("2024-09-06 17:30")


def test_five_working_days_over_the_october_holidays():
    # From Friday 27 September: 29 (made up), 30, 8, 9, 10 October.
    due = CN.deadline(at("2024-09-27 10:00"), 5 * DAY, "working_days")
    assert due == at("2024-10-10 17:30")


def test_a_makeup_sunday_is_worked_and_a_holiday_monday_is_not():
    assert CN.is_working_day(date(2024, 9, 29))
    assert not CN.is_working_day(date(2024, 10, 7))
    assert CN.is_working_day(date(2024, 10, 12))
    assert not CN.is_working_day(date(2024, 10, 13))


def test_two_working_hours_from_friday_afternoon_end_on_monday_morning():
    assert CN.deadline(at("2024-09-06 16:30"), 2 * HOUR, "working_hours") == at("2024-09-09 10:00")


def test_a_limit_used_up_at_closing_time_is_due_then():
    assert CN.deadline(at("2024-09-06 15:30"), 2 * HOUR, "working_hours") == at("2024-09-06 17:30")
    assert CN.deadline(at("2024-09-06 11:00"), HOUR, "working_hours") == at("2024-09-06 12:00")


def test_the_lunch_break_does_not_count():
    due = CN.deadline(at("2024-09-06 11:30"), HOUR, "working_hours")
    assert due == at("2024-09-06 14:00")


def test_natural_time_knows_no_nights():
    assert CN.deadline(at("2024-10-01 23:00"), 2 * HOUR, "natural") == at("2024-10-02 01:00")


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2024-09-06 10:00", "2024-09-06 17:30"),  # what is left of a working day
        ("2024-09-06 18:00", "2024-09-09 17:30"),  # too late that day: the next one
        ("2024-09-07 10:00", "2024-09-09 17:30"),  # a Saturday
    ],
)
def test_no_days_left_is_the_end_of_a_working_day(start, due):
    assert CN.deadline(at(start), timedelta(), "working_days") == at(due)


def test_a_pause_on_the_last_working_day_leaves_the_day_of_resumption():
    pause = (at("2024-09-06 10:00"), at("2024-09-10 09:30"))
    due = CN.deadline_with_pauses(at("2024-09-05 09:00"), DAY, "working_days", [pause])
    assert due == at("2024-09-10 17:30")


def test_a_pause_after_the_deadline_moves_nothing():
    pause = (at("2024-09-05 10:30"), at("2024-09-05 20:00"))
    due = CN.deadline_with_pauses(at("2024-09-05 09:00"), HOUR, "natural", [pause])
    assert due == at("2024-09-05 10:00")


def test_a_pause_that_began_before_the_start_counts_from_the_start():
    pause = (at("2024-09-05 08:00"), at("2024-09-05 10:00"))
    due = CN.deadline_with_pauses(at("2024-09-05 09:00"), HOUR, "natural", [pause])
    assert due == at("2024-09-05 11:00")


def test_round_the_clock_offices_close_at_midnight():
    always = calendar(hours=((time(0), time(0)),))
    assert always.deadline(at("2024-09-05 09:00"), DAY, "working_days") == at("2024-09-07 00:00")
    # Friday 23:00 and two hours: the second one is Monday's first.
    assert always.deadline(at("2024-09-06 23:00"), 2 * HOUR, "working_hours") == at(
        "2024-09-09 01:00"
    )


@pytest.mark.parametrize(
    ("day", "length"),
    [("2025-03-30", 23), ("2025-10-26", 25), ("2025-06-15", 24)],
)
def test_a_day_on_which_the_clock_changes_has_its_true_length(day, length):
    sundays = WorkCalendar.of(
        "Europe/Berlin",
        weekend=(),
        hours=((time(0), time(0)),),
        holidays=[],
        makeup_workdays=[],
        years=[2025],
    )
    start = at(f"{day} 00:00", "Europe/Berlin")
    end = sundays.deadline(start, length * HOUR, "working_hours")
    assert end.astimezone(sundays.tz).time() == time(0)
    assert end - start == length * HOUR


def test_office_hours_stay_local_across_a_clock_change():
    berlin = WorkCalendar.of(
        "Europe/Berlin",
        weekend=(6, 7),
        hours=((time(9), time(17)),),
        holidays=[],
        makeup_workdays=[],
        years=[2025],
    )
    # Friday 28 March 16:00 (UTC+1) and two hours: Monday 31 March 10:00 (UTC+2).
    due = berlin.deadline(at("2025-03-28 16:00", "Europe/Berlin"), 2 * HOUR, "working_hours")
    assert due == datetime(2025, 3, 31, 8, 0, tzinfo=UTC)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["working_hours", "working_days"])
def test_beyond_the_last_year_it_says_so(kind):
    with pytest.raises(CalendarBeyondEndError) as refused:
        CN.deadline(at("2025-12-31 17:00"), 2 * DAY, kind)
    assert refused.value.code == "calendar.beyond_end"
    assert refused.value.params == {"year": 2026, "first": 2024, "last": 2025}


def test_before_the_first_year_it_says_so():
    with pytest.raises(CalendarBeyondEndError):
        CN.elapsed(at("2023-12-29 10:00"), at("2024-01-03 10:00"), "working_days")


def test_the_last_day_itself_is_known():
    assert CN.deadline(at("2025-12-30 10:00"), DAY, "working_days") == at("2025-12-31 17:30")


def test_natural_time_needs_no_year():
    assert CN.deadline(at("2099-01-01 00:00"), DAY, "natural") == at("2099-01-02 00:00")


def test_half_a_working_day_is_refused():
    with pytest.raises(LimitNotWholeDaysError):
        CN.deadline(at("2024-09-05 09:00"), 12 * HOUR, "working_days")


@pytest.mark.parametrize("kind", ["natural", "working_hours", "working_days"])
def test_a_naive_instant_a_negative_limit_and_a_reversed_span_are_refused(kind):
    with pytest.raises(ValueError, match="time zone"):
        CN.deadline(datetime(2024, 9, 5, 9), DAY, kind)  # noqa: DTZ001
    with pytest.raises(ValueError, match="negative"):
        CN.deadline(at("2024-09-05 09:00"), -DAY, kind)
    with pytest.raises(ValueError, match="before"):
        CN.elapsed(at("2024-09-05 09:00"), at("2024-09-05 08:00"), kind)


@pytest.mark.parametrize(
    "hours",
    [
        (),
        ((time(12), time(9)),),
        ((time(9), time(9)),),
        ((time(9), time(12)), (time(11), time(13))),
        ((time(9), time(0)), (time(10), time(11))),
    ],
)
def test_impossible_office_hours_are_refused(hours):
    with pytest.raises(ValueError, match=r"hours|stretch"):
        calendar(hours=hours)


def test_a_calendar_needs_years_and_a_working_weekday():
    with pytest.raises(ValueError, match="year"):
        calendar(years=())
    with pytest.raises(ValueError, match="weekday"):
        WorkCalendar.of(
            "UTC",
            weekend=range(1, 8),
            hours=OFFICE,
            holidays=[],
            makeup_workdays=[],
            years=[2024],
        )
