"""Compact series: what each word means, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.warning.domain.series import MOST, Absent, SeriesError, parse_series

NO, STALE = Absent.NO_VALUE, Absent.NOTHING


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", ()),
        ("0.3", (0.3,)),
        ("0 0.1x3 _ 0.3x2", (0, 0.1, 0.1, 0.1, NO, 0.3, 0.3)),
        ("0..0.5x6", (0, 0.1, 0.2, 0.3, 0.4, 0.5)),
        ("5..-5x3", (5, 0, -5)),
        ("-1.5e2", (-150,)),
        ("_x2 stale", (NO, NO, STALE)),
        ("1 stalex3 1", (1, STALE, STALE, STALE, 1)),
    ],
)
def test_words(text: str, items: tuple[object, ...]) -> None:
    assert parse_series(text) == items


@pytest.mark.parametrize(
    "text",
    ["x3", "1x0", "1..2", "1..2x1", "nan", "inf", "1,5", "__", "1x", "gone", f"1x{MOST + 1}"],
)
def test_what_means_nothing_is_refused_by_its_word(text: str) -> None:
    with pytest.raises(SeriesError) as refusal:
        parse_series(f"0 {text} 0")
    assert refusal.value.word == text


def test_a_series_has_a_longest() -> None:
    with pytest.raises(SeriesError):
        parse_series(f"1x{MOST} 1")


@given(
    st.lists(
        st.one_of(
            st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 3)),
            st.sampled_from([NO, STALE]),
        ),
        max_size=40,
    )
)
def test_what_is_written_out_reads_back(items: list[float | Absent]) -> None:
    words = {NO: "_", STALE: "stale"}
    text = " ".join(words[x] if isinstance(x, Absent) else repr(x) for x in items)
    assert parse_series(text) == tuple(items)
