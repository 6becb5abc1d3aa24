"""What is crowded: against the definition, whatever the order and the cut."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.warning.domain.incidents import Mark, apart, crowded, is_of_sensors, small_area

NOW = datetime(2021, 7, 20, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

marks = st.lists(
    st.builds(
        lambda minute, subject: Mark(NOW + minute * MINUTE, f"stream:{subject}"),
        st.integers(0, 30),
        st.integers(0, 6),
    ),
    max_size=25,
).map(lambda found: sorted(found, key=lambda mark: mark.at))


def naive(found: list[Mark], within: timedelta, at_least: int) -> list[bool]:
    """The definition: some stretch holds it, and enough different subjects."""
    stretches = [
        [other for other in found if begin.at <= other.at <= begin.at + within] for begin in found
    ]
    full = [one for one in stretches if len({mark.subject for mark in one}) >= at_least]
    return [any(one[0].at <= mark.at <= one[0].at + within for one in full) for mark in found]


@given(marks, st.integers(0, 12), st.integers(2, 6))
def test_crowded_is_what_the_definition_says(found, minutes, at_least):
    within = minutes * MINUTE
    assert crowded(found, within=within, at_least=at_least) == naive(found, within, at_least)


@given(marks, marks, st.integers(2, 5))
def test_more_alerts_never_make_one_less_crowded(found, more, at_least):
    before = crowded(found, within=5 * MINUTE, at_least=at_least)
    both = sorted([*found, *more], key=lambda mark: mark.at)
    after = dict(zip(both, crowded(both, within=5 * MINUTE, at_least=at_least), strict=True))
    assert all(after[mark] for mark, was in zip(found, before, strict=True) if was)


def test_one_sensor_that_flaps_is_no_crowd():
    flapping = [Mark(NOW + n * MINUTE, "stream:1") for n in range(9)]
    assert not any(crowded(flapping, within=10 * MINUTE, at_least=2))


def test_runs_end_where_the_gap_is_too_wide():
    instants = [NOW, NOW + MINUTE, NOW + 3 * MINUTE, NOW + 3 * MINUTE]
    assert apart(instants, within=MINUTE) == [[0, 1], [2, 3]]
    assert apart([], within=MINUTE) == []


KINDS = {"c": "city", "d": "district", "s": "street", "n": "community", "z": "zone"}


@pytest.mark.parametrize(
    ("path", "size", "found"),
    [
        ("c/d/s/n", "street", "c/d/s"),
        ("c/d/s/n", "grid", "c/d/s/n"),
        ("c/d/s/n", "city", "c"),
        ("c/z/n", "street", "c/z"),  # no street there: the next larger one
        ("c/d", "street", "c/d"),  # larger than asked for already
        ("c/?/s/n", "district", "c"),  # what nobody knows is passed over
        ("?", "street", "?"),
    ],
)
def test_the_small_area_of_a_place(path, size, found):
    assert small_area(path, KINDS, size) == found


def test_what_people_report_is_never_held_together():
    assert is_of_sensors("stream:S1")
    assert is_of_sensors("place:P1")
    assert not is_of_sensors("cluster:1")
    assert not is_of_sensors("area:410100")
