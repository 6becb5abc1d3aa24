"""Retries: further and further apart, capped, and over after a day."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.notices.domain.retry import DEFAULT_RETRY, RetryRule, next_try, pause_after

NOW = datetime(2026, 7, 20, 8, 0, tzinfo=UTC)
keys = st.text("0123456789abcdef", min_size=4, max_size=40)
rules = st.builds(
    RetryRule,
    first=st.timedeltas(timedelta(seconds=1), timedelta(minutes=5)),
    most=st.timedeltas(timedelta(minutes=5), timedelta(hours=6)),
    give_up_after=st.timedeltas(timedelta(hours=1), timedelta(days=3)),
)


@given(st.integers(1, 10_000), keys, rules)
def test_a_pause_stays_between_nine_tenths_and_the_whole_of_the_doubled_one(attempts, key, rule):
    whole = rule.most
    if attempts < 40 and rule.first * 2 ** (attempts - 1) < rule.most:
        whole = rule.first * 2 ** (attempts - 1)
    pause = pause_after(attempts, key, rule)
    assert whole * 0.9 - timedelta(microseconds=1) <= pause <= whole


@given(st.integers(1, 60), keys, rules)
def test_pauses_never_get_shorter(attempts, key, rule):
    assert pause_after(attempts, key, rule) <= pause_after(attempts + 1, key, rule)


@given(keys, rules, st.integers(0, 3600))
def test_a_life_of_failures_ends_after_the_span_and_tries_on_its_last_instant(key, rule, late_s):
    now, attempts, tries = NOW + timedelta(seconds=late_s), 0, []
    while True:
        attempts += 1
        tries.append(now)
        after = next_try(attempts, key, due_at=NOW, now=now, rule=rule)
        if after is None:
            break
        assert after > now
        now = after
    end = NOW + rule.give_up_after
    assert tries[-1] == max(end, tries[0])
    gaps = [b - a for a, b in pairwise(tries)]
    assert all(gap <= rule.most for gap in gaps)


def test_the_default_life():
    now, attempts = NOW, 0
    while now is not None:
        attempts += 1
        now = next_try(attempts, "0" * 40, due_at=NOW, now=now)
    # 15 s doubling to 30 min takes 7 failures; the rest of the day goes by in half hours.
    assert 50 <= attempts <= 60
    assert DEFAULT_RETRY.give_up_after == timedelta(hours=24)


def test_a_pause_needs_a_failure():
    with pytest.raises(ValueError, match="failure"):
        pause_after(0, "00")
