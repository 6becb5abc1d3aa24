"""One call for a post: what is new soon, what is known more and more rarely, nothing forgotten."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.notices.domain.answering import CALL_AND_ANSWER
from anlan.notices.domain.calling import RedMatter, RedNotice, Wake, call_step, is_due, red_matters

NOW = datetime(2026, 7, 20, 8, 1, tzinfo=UTC)
WAIT = CALL_AND_ANSWER.wait


def matter(number=1, *, called=True, raised=True):
    return RedMatter(f"case:{number}", number, number, NOW - WAIT, called=called, raised=raised)


def notice(number, about, wake_at=None, *, raised=False, age_m=5):
    return RedNotice(number, about, NOW - timedelta(minutes=age_m), wake_at, raised=raised)


def test_first_the_deputy_then_the_superior_then_again_and_again():
    wakes, pauses, doubled = [], [], 0
    for called, raised in ((False, False), (True, False), *[(True, True)] * 6):
        one = matter(called=called, raised=raised)
        step = call_step([one], doubled=doubled, has_superior=True, now=NOW)
        wakes.append(step.wake)
        pauses.append((step.next_at - NOW).total_seconds() / 60)
        doubled = step.doubled
        assert step.raise_now == ((1,) if called and not raised else ())
    assert wakes == [Wake.DEPUTY, Wake.SUPERIOR, *[Wake.AGAIN] * 6]
    assert pauses == [5, 15, 30, 60, 120, 240, 240, 240]


def test_on_top_the_same_people_are_reminded():
    step = call_step([matter(raised=False)], doubled=0, has_superior=False, now=NOW)
    assert (step.wake, step.raise_now) == (Wake.AGAIN, ())


def test_a_new_matter_is_called_again_in_five_minutes_and_brings_the_pause_back_to_an_hour():
    old, new = matter(), matter(2, called=False, raised=False)
    step = call_step([old, new], doubled=9, has_superior=True, now=NOW)
    assert (step.wake, step.raise_now, step.next_at) == (Wake.DEPUTY, (), NOW + WAIT)
    now_known = [old, matter(2, raised=False)]
    after = call_step(now_known, doubled=step.doubled, has_superior=True, now=step.next_at)
    assert (after.raise_now, after.next_at - step.next_at) == ((2,), timedelta(hours=1))


def test_one_that_is_new_does_not_hold_up_one_that_rises():
    step = call_step(
        [matter(raised=False), matter(2, called=False, raised=False)],
        doubled=0, has_superior=True, now=NOW,
    )  # fmt: skip
    assert (step.wake, step.raise_now) == (Wake.SUPERIOR, (1,))


def test_a_matter_is_what_is_about_one_thing():
    found = red_matters(
        [notice(4, "b", NOW), notice(3, "a", NOW, age_m=1), notice(1, "a", raised=True, age_m=9)]
    )
    assert [(one.about, one.first, one.latest) for one in found] == [("a", 1, 3), ("b", 4, 4)]
    assert [(one.called, one.raised) for one in found] == [(True, True), (False, False)]
    assert found[0].since == NOW - timedelta(minutes=9)


@pytest.mark.parametrize(
    ("notices", "call_at", "due"),
    [
        ([], NOW, False),
        ([notice(1, "a")], NOW, True),
        ([notice(1, "a")], NOW + WAIT, False),
        ([notice(1, "a"), notice(2, "b", NOW)], NOW + WAIT, True),
        ([notice(2, "b", NOW + WAIT)], None, False),
        # A call that nobody refers to any more wakes nobody.
        ([notice(2, "b", NOW + WAIT)], NOW, False),
    ],
)
def test_due_when_something_new_waited_long_enough_or_the_call_comes_round(notices, call_at, due):
    assert is_due(notices, call_at, now=NOW) is due


states = st.builds(matter, number=st.integers(1, 9), called=st.booleans(), raised=st.booleans())


@given(st.lists(states, min_size=1), st.integers(0, 10_000), st.booleans())
def test_there_is_always_a_next_reminder_within_five_minutes_to_four_hours(
    matters, doubled, has_superior
):
    step = call_step(matters, doubled=doubled, has_superior=has_superior, now=NOW)
    assert NOW + WAIT <= step.next_at <= NOW + timedelta(hours=4)
    if any(not one.called for one in matters):
        assert step.next_at == NOW + WAIT
    rising = [one.first for one in matters if one.called and not one.raised and has_superior]
    assert list(step.raise_now) == rising
