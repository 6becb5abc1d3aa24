"""What was known of each stream at an instant: equal to a plain look through all readings."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.sensing import known_then, public
from anlan.sensing.public import BatchIn, RowIn
from tests.sensing.conftest import GATEWAY, NOW

pytestmark = pytest.mark.django_db(databases="__all__")
MINUTE = timedelta(minutes=1)


def naive(kept, at):
    """Return {stream: (time, value)}: the newest of what had been measured and received by then."""
    found = {}
    for number, received, items in kept:
        for item in items:
            if item.at <= at and received <= at:
                known = found.get(item.stream)
                if known is None or (item.at, number) >= known[0]:
                    found[item.stream] = (item.at, number), item.value
    return {stream: (key[0], value) for stream, (key, value) in found.items()}


@pytest.mark.parametrize("seed", range(4))
def test_it_equals_a_plain_look_through_everything_sealed_or_not(city, seed):
    chance, kept = random.Random(seed), []
    for step in range(60):
        received = NOW + step * MINUTE
        rows = tuple(
            RowIn(stream, received - chance.randrange(40) * MINUTE, float(step))
            for stream in ("s1", "s2", "s3")
            if chance.random() < 0.5
        )
        if rows:
            public.keep_observations(GATEWAY, BatchIn(rows), now=received)
        if step == 40:
            public.seal_segments(now=received, span=timedelta(0))
    kept = [(one.id, one.received_at, one.observations) for one in public.batches_after(0, 100)]
    assert 0 < public.what_is_kept().waiting_rows < sum(len(items) for _, _, items in kept)
    for step in (-90, 0, 7, 31, 59, 200):
        at = NOW + step * MINUTE
        known = public.known_at(at)
        assert {s: (one.at, one.value) for s, one in known.newest.items()} == naive(kept, at)
        assert not known.spoke_later & known.newest.keys() or known.since < at


def test_what_came_later_was_not_known(city):
    public.keep_observations(GATEWAY, BatchIn((RowIn("s1", NOW - 5 * MINUTE, 1.0),)), now=NOW)
    early = public.known_at(NOW - MINUTE)
    assert early.newest == {}
    assert early.spoke_later == {"s1"}
    assert public.known_at(NOW).newest["s1"].value == 100.0  # cm


def test_what_is_too_much_is_not_looked_through_and_that_is_told(city, monkeypatch):
    monkeypatch.setattr(known_then, "MOST_LOOKED", 3)
    for hour in range(6):
        row = RowIn("s1", NOW - timedelta(hours=hour), float(hour))
        public.keep_observations(GATEWAY, BatchIn((row,)), now=NOW + timedelta(hours=1))
    public.keep_observations(
        GATEWAY,
        BatchIn((RowIn("s1", NOW + timedelta(hours=2), 9.0),)),
        now=NOW + timedelta(hours=2),
    )
    at = NOW + timedelta(hours=1)
    known = public.known_at(at)
    assert known.since == at - timedelta(hours=1)  # the shorter period
    monkeypatch.setattr(known_then, "MOST_LOOKED", -1)
    known = public.known_at(at)
    assert (known.newest, known.since, known.spoke_later) == ({}, at, {"s1"})


def test_many_readings_cost_as_many_queries_as_few(city):
    asked = []
    for count in (2, 20):
        for step in range(count):
            row = RowIn(f"s{step % 3 + 1}", NOW + step * MINUTE, 1.0)
            public.keep_observations(GATEWAY, BatchIn((row,)), now=NOW + timedelta(hours=1))
        later = RowIn("s1", NOW + timedelta(hours=3), 1.0)
        public.keep_observations(GATEWAY, BatchIn((later,)), now=NOW + timedelta(hours=3))
        with CaptureQueriesContext(connection) as seen:
            public.known_at(NOW + timedelta(hours=1))
        asked.append(len(seen))
    assert asked[0] == asked[1] <= 5
