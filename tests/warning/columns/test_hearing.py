"""Many readings of one stream in one step: each finds its place, in whatever order they come."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anlan.warning.columns import batch_of, step
from anlan.warning.columns.hearing import MANY
from anlan.warning.columns.one import MOST_KEPT
from tests.warning.domain.builders import a_threshold, a_window

from .both import Both, a_stream, caught_up, readings, us

SECOND = timedelta(seconds=1)
values = st.one_of(st.none(), st.just(float("inf")), st.integers(0, 8).map(float))
rows = st.lists(st.tuples(st.integers(0, 40), values), min_size=MANY + 1, max_size=4 * MANY)
steps = st.lists(
    st.tuples(rows, st.integers(1, 4), st.sampled_from([0, 30, 900, 1000])), min_size=1, max_size=5
)


@given(steps)
def test_many_find_their_places_as_one_by_one(story) -> None:
    streams = {
        0: a_stream(0, interval=SECOND),
        1: a_stream(1, interval=SECOND, place_kind="tunnel"),
    }
    both = Both(
        streams,
        a_threshold(("yellow", 4, 3), ("red", 6, 5), hold="5s"),
        a_window("mean", ("yellow", 5, 4, "10s"), id="w"),
    )
    now = 6000
    for given_rows, messages, later in story:
        said = [(i % 3 // 2, now - second, value) for i, (second, value) in enumerate(given_rows)]
        both.step(now, *said, messages=messages)
        now += later


def test_a_flood_of_one_stream_is_put_in_order() -> None:
    both = Both({0: a_stream(0, interval=SECOND)}, a_threshold(("yellow", 400, 300)))
    both.step(0)
    now = us(900)
    kept = np.arange(MOST_KEPT) * 40_000 + us(0)
    step(both.state, batch_of(np.zeros(len(kept)), kept, kept % 7, arrival=1), now=now)
    random = np.random.default_rng(1)
    # Nothing at one instant, then all of it again and as much between, in no order, in one message.
    empty = np.full(100_000, kept[5] + 1)
    more = random.permutation(np.concatenate([kept, kept + 20_000]))
    at = np.concatenate([empty, more])
    value = np.concatenate([np.full(len(empty), np.nan), more % 5])
    step(both.state, batch_of(np.zeros(len(at)), at, value, arrival=2), now=now)
    newest = np.sort(more)[-MOST_KEPT:]
    assert readings(caught_up(both.state), 0) == [(x, x % 5) for x in newest.tolist()]
