"""The nearest area, then the closest wording: against the definition, written out slowly."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from anlan.kernel.scales import WarningLevel
from anlan.registry.domain.dutymatrix import DutyLine, Validity, answering, hazard_match

PATTERNS = ["*", "met.*", "met.rain.*", "met.rain", "met.rain.flash", "gas.*", "gas.leak"]
HAZARDS = ["met.rain", "met.rain.flash", "met.wind", "gas.leak", "metro.fire"]
AREAS = ["street", "district", "city"]

lines = st.lists(
    st.builds(
        DutyLine,
        id=st.integers(1, 1000),
        area=st.sampled_from([*AREAS, "elsewhere"]),
        hazard=st.sampled_from(PATTERNS),
        level=st.sampled_from(["", "red", "orange"]),
        post=st.sampled_from(["a", "b", "c"]),
        basis=st.just("basis"),
    ),
    max_size=12,
    unique_by=lambda line: line.id,
)


def naive(lines, areas, hazard, level):
    """Ask for each area, each wording from the closest, level before no level: take the first."""
    parts = hazard.split(".")
    wordings = [hazard, *(".".join(parts[:n]) + ".*" for n in range(len(parts) - 1, 0, -1)), "*"]
    for area in areas:
        for wording in wordings:
            for wanted in ([level.value] if level else []) + [""]:
                fitting = [
                    line
                    for line in lines
                    if (line.area, line.hazard, line.level) == (area, wording, wanted)
                ]
                if fitting:
                    return max(fitting, key=lambda line: line.id)
    return None


@given(
    lines,
    st.sampled_from(HAZARDS),
    st.sampled_from([None, WarningLevel.RED, WarningLevel.ORANGE, WarningLevel.BLUE]),
)
def test_answers_as_the_definition_says(lines, hazard, level):
    assert answering(lines, AREAS, hazard, level) == naive(lines, AREAS, hazard, level)


def test_a_prefix_names_what_lies_below_it_and_not_its_neighbour():
    assert hazard_match("met.*", "met.rain") is not None
    assert hazard_match("met.*", "metro.fire") is None
    assert hazard_match("met.*", "met") is None
    assert hazard_match("met.rain", "met.rain.flash") is None


def test_of_two_equal_lines_the_younger_decision_counts():
    old = DutyLine(9, "city", "*", "", "a", "1", Validity(valid_from=date(2020, 1, 1)))
    new = DutyLine(3, "city", "*", "", "b", "2", Validity(valid_from=date(2024, 1, 1)))
    assert answering([old, new], ["city"], "met.rain", None) == new


def test_validity_counts_from_its_first_day_up_to_the_day_before_its_end():
    validity = Validity(valid_from=date(2026, 3, 1), valid_to=date(2026, 4, 1))
    noon = datetime(2026, 3, 1, 4, tzinfo=UTC)
    assert not validity.holds(noon, date(2026, 2, 28))
    assert validity.holds(noon, date(2026, 3, 1))
    assert validity.holds(noon, date(2026, 3, 31))
    assert not validity.holds(noon, date(2026, 4, 1))


def test_validity_ends_with_the_load_that_ended_it():
    load = datetime(2026, 3, 1, 4, tzinfo=UTC)
    instant = timedelta(microseconds=1)
    old, new = Validity(ended_at=load), Validity(began_at=load)
    assert old.holds(load - instant, load.date())
    assert not old.holds(load, load.date())
    assert new.holds(load, load.date())
    assert not new.holds(load - instant, load.date())
