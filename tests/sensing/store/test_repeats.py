"""What is left out as a repeat changes nothing for whoever reads the store in place of who heard it."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anlan.sensing.store.frames import MOST_ROWS
from anlan.sensing.store.rows import Rows, without_repeats

GOOD, BAD = 0, 4
INSTANTS, VALUES = (10, 20), (3.0, 45.0, None)
messages = st.lists(
    st.lists(
        st.tuples(st.sampled_from(INSTANTS), st.sampled_from(VALUES), st.integers(0, 1)),
        min_size=1,
        max_size=4,
    ),
    min_size=1,
    max_size=6,
)


def rows_of(said) -> Rows:
    flat = [
        (frame * MOST_ROWS + place, at, at + later, math.nan if value is None else value)
        for frame, message in enumerate(said, start=1)
        for place, (at, value, later) in enumerate(message)
    ]
    ids, at, result, value = (np.array(column) for column in zip(*flat, strict=True))
    size = len(flat)
    return Rows(
        ids.astype(np.int64), np.zeros(size, np.int32), at.astype(np.int64), result.astype(np.int64),
        value.astype(np.float64), np.where(np.isnan(value), BAD, GOOD).astype(np.uint8),
        np.zeros(size, np.int64), np.full(size, b"", object),
    )  # fmt: skip


def stood(rows: Rows, frames: int) -> list[dict[int, float | None]]:
    """Return what the judge takes for true after each message: the last one, and of it the higher."""
    now: dict[int, float | None] = {}
    course = []
    for frame in range(1, frames + 1):
        news: dict[int, float | None] = {}
        for id_, at, value in zip(
            rows.id.tolist(), rows.at_us.tolist(), rows.value.tolist(), strict=True
        ):
            if id_ // MOST_ROWS == frame:
                said = None if math.isnan(value) else value
                known = news.get(at)
                news[at] = said if known is None else known if said is None else max(known, said)
        now = now | news
        course.append({at: value for at, value in now.items() if value is not None})
    return course


@given(messages)
def test_what_stands_after_each_message_is_the_same(said) -> None:
    rows = rows_of(said)
    assert stood(without_repeats(rows), len(said)) == stood(rows, len(said))


@given(messages)
def test_of_a_message_that_comes_again_and_says_one_thing_of_an_instant_nothing_is_kept(said):
    plain = [list({at: (at, value, later) for at, value, later in one}.values()) for one in said]
    once = without_repeats(rows_of(plain))
    again = without_repeats(rows_of([*plain, plain[-1]]))
    assert again.size == once.size


def test_a_repeat_of_what_did_not_stand_is_news() -> None:
    rows = without_repeats(rows_of([[(10, 45.0, 0), (10, 3.0, 0)], [(10, 3.0, 0)], [(10, 3.0, 0)]]))
    assert rows.value.tolist() == [45.0, 3.0, 3.0]
