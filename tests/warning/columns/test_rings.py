"""No ring belongs to two streams, whatever came, went and was read from a file in between."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anlan.warning.columns.adopting import widen
from anlan.warning.columns.rings import leave, seat
from anlan.warning.columns.state import State, copied, new_state

STREAMS = 40
deeds = st.lists(
    st.one_of(
        st.tuples(
            st.just("seat"),
            st.sets(st.integers(0, STREAMS - 1), min_size=1, max_size=8),
            st.sampled_from([2, 4, 8]),
        ),
        st.tuples(
            st.just("leave"),
            st.sets(st.integers(0, STREAMS - 1), min_size=1, max_size=8),
            st.just(0),
        ),
        st.tuples(st.just("read again"), st.just(set[int]()), st.just(0)),
    ),
    max_size=25,
)


def rows_of(state: State) -> dict[int, int]:
    rows = state.columns.hot["row"]
    return {number: int(rows[number]) for number in np.flatnonzero(rows >= 0).tolist()}


@given(deeds)
def test_each_ring_has_one_owner(story: list[tuple[str, set[int], int]]) -> None:
    state = new_state()
    widen(state, STREAMS)
    seated: set[int] = set()
    for deed, chosen, size in story:
        numbers = np.array(sorted(chosen), np.int64)
        if deed == "seat":
            seat(state, numbers, np.full(len(numbers), size))
            seated |= chosen
        elif deed == "leave":
            leave(state, numbers)
            seated -= chosen
        else:
            state = copied(state)  # as from a file: which rings are free is not kept
        rows = rows_of(state)
        assert set(rows) == seated
        assert len(set(rows.values())) == len(rows)
        owned = np.flatnonzero(state.columns.owner >= 0)
        assert {int(state.columns.owner[row]): int(row) for row in owned} == rows
