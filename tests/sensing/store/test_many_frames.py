"""Many frames at once are what they are one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anlan.sensing.store import frame_of
from anlan.sensing.store.frames import Frame
from anlan.sensing.store.latest import Latest
from anlan.sensing.store.rows import joined, rows_of_frame, rows_of_frames

rows = st.tuples(
    st.integers(0, 5), st.integers(0, 9), st.floats(-9, 9), st.sampled_from([0, 1, 255])
)
messages = st.lists(
    st.tuples(st.lists(rows, max_size=6), st.sampled_from(["plain", "late", "about", "text"])),
    min_size=1,
    max_size=6,
)


def frames_of(given_: list[tuple[list[tuple[int, int, float, int]], str]]) -> list[Frame]:
    found = []
    for number, (lines, form) in enumerate(given_, start=1):
        stream, at, value, quality = map(list, zip(*lines, strict=True)) if lines else [[]] * 4
        more = {}
        if form == "late":
            more["result_us"] = np.array([x + 1 for x in at], np.int64)
        if form == "about":
            more["about"] = np.array([(number - 1) << 20 for _ in at], np.int64)
        text = [b"{}" for _ in at] if form == "text" else None
        made = frame_of(stream, at, value, quality, received_us=number, text=text, **more)
        found.append(made._replace(seq=number))
    return found


@given(messages)
def test_rows(given_: list[tuple[list[tuple[int, int, float, int]], str]]) -> None:
    frames = frames_of(given_)
    for name, one, many in zip(
        ("id", "stream", "at_us", "result_us", "value", "quality", "about", "text"),
        joined([rows_of_frame(frame) for frame in frames]),
        rows_of_frames(frames),
        strict=True,
    ):
        assert one.tolist() == many.tolist(), name
        assert one.dtype == many.dtype, name


@given(messages)
def test_newest(given_: list[tuple[list[tuple[int, int, float, int]], str]]) -> None:
    frames = frames_of(given_)
    one, many = Latest(), Latest()
    for frame in frames:
        one.note(frame)
    many.note_all(frames)
    assert one.seq == many.seq
    for left, right in zip(one.newest, many.newest, strict=True):
        np.testing.assert_array_equal(left, right)
