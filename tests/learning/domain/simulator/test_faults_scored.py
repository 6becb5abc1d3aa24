"""What the checks of quality find is held against what was planted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from anlan.learning.domain.simulator.score_text import render
from anlan.learning.domain.simulator.scoring import Doubted, Heard, Score, score
from anlan.learning.domain.simulator.truth import Truth, truth_of
from tests.learning.domain.simulator.demo import planted

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return truth_of(planted(), city="demo")


def scored(
    truth: Truth, *doubted: Doubted, heard: tuple[Heard, ...] = (), **flags: tuple[str, ...]
) -> Score:
    return score(truth, heard, readings=0, device={"system.device"}, doubted=doubted, flags=flags)


def a_doubt(stream: str, check: str, since, until=None) -> Doubted:
    return Doubted(check, stream, since, until, since + 3 * MINUTE)


def test_a_fault_is_found_by_a_check_and_named_by_the_one_that_is_meant(truth: Truth) -> None:
    skewed = next(one for one in truth.faults if one.kind == "clock_skew")
    for check, named in (("clock", True), ("gaps", False)):
        found = scored(truth, a_doubt(skewed.stream, check, skewed.begins + MINUTE))
        (one,) = (x for x in found.faults if x.stream == skewed.stream)
        assert (one.checks, one.is_told, one.is_named) == ((check,), True, named)
        assert one.behind_s == 240
        assert found.false_faults == ()
        assert sum(x.is_told for x in found.faults) == 1


def test_what_a_check_finds_on_a_healthy_instrument_is_false(truth: Truth) -> None:
    faulty = {one.stream for one in truth.faults}
    healthy = next(due.stream for one in truth.incidents for due in one.should_raise)
    assert healthy not in faulty
    stuck = next(one for one in truth.faults if one.kind == "stuck")
    long_ago = stuck.begins - 90 * MINUTE
    found = scored(
        truth,
        a_doubt(healthy, "stuck", truth.begins),
        a_doubt(stuck.stream, "stuck", long_ago - MINUTE, long_ago),  # before anything was planted
    )
    (row,) = found.false_faults
    assert (row.check, row.faults) == ("stuck", 2)
    days = (truth.ends - truth.begins) / timedelta(days=1) * truth.streams
    assert row.per_stream_day == pytest.approx(2 / days)
    assert not any(one.is_told for one in found.faults)


def test_the_flag_of_a_single_reading_names_a_fault_that_no_check_tells_of(truth: Truth) -> None:
    jump = next(one for one in truth.faults if one.kind == "spike")
    found = scored(truth, **{jump.stream: ("spike",)})
    (one,) = (x for x in found.faults if x.stream == jump.stream)
    assert (one.is_told, one.is_named, one.behind_s) == (False, True, None)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_words_say_all_of_it(truth: Truth, language) -> None:
    found = scored(truth, *(a_doubt(one.stream, "clock", one.begins) for one in truth.faults))
    text = render(found, language)
    told = f"{len(truth.faults)} 处" if language == "zh" else f"told of in {len(truth.faults)}"
    assert told in text
    assert ("时钟偏差" if language == "zh" else "clock skew") in text
