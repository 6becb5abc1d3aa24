"""What is planted is in the data, and nothing else is."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from anlan.learning.domain.simulator.planting import FAULT_KINDS, KINDS
from anlan.learning.domain.simulator.truth import first_held, reached, series_of, truth_of
from anlan.registry.domain.rulespecs import ThresholdRule
from anlan.warning.domain.instants import micros, span_micros
from tests.learning.domain.simulator.demo import planted

COMPARED = {">=": np.greater_equal, ">": np.greater, "<": np.less, "<=": np.less_equal}


def test_every_kind_of_incident_is_planted_and_reaches_its_limit() -> None:
    truth = truth_of(planted(), city="demo")
    assert {one.kind for one in truth.incidents} == set(KINDS)
    for one in truth.incidents:
        assert one.should_raise, one.kind
        assert one.expected == KINDS[one.kind].level.value, one.kind
        assert one.begins < one.first <= one.ends, one.kind


def test_when_an_alert_is_due_the_data_have_been_beyond_the_limit_for_the_while() -> None:
    """Read again in another way: every reading of the while before, and none earlier."""
    made = planted()
    rules = {rule.id: rule for rule in made.packs.rules.in_force}
    codes = made.run.codes
    looked = 0
    for incident in truth_of(made, city="demo").incidents:
        for due in incident.should_raise:
            rule = rules[due.rule]
            if not isinstance(rule, ThresholdRule):
                continue
            at_us, value = series_of(made.run, codes.index(due.stream))
            limit = next(one.raise_at for one in rule.limits if one.level.value == due.level)
            beyond = COMPARED[rule.compare](value, limit)
            until = micros(due.at)
            hold = span_micros(rule.hold)
            inside = (at_us >= until - hold) & (at_us <= until)
            assert inside.sum() >= 1
            assert beyond[inside].all(), due
            before = beyond & (at_us < until - hold)
            runs = np.flatnonzero(before)
            if runs.size:  # what was beyond before did not last
                assert not all(beyond[runs[-1] :][: inside.sum() + 1])
            looked += 1
    assert looked >= 12


def test_where_nothing_was_planted_nothing_is_reached() -> None:
    made = planted(each=1, faults=0)
    happened = {one.stream for one in made.incidents}
    for number in range(len(made.run.sensors)):
        assert bool(reached(made.packs, made.run, number)) == (number in happened), number


def test_faults_are_planted_on_other_streams_and_show_in_the_data() -> None:
    made = planted(sensors=400)
    happened = {one.stream for one in made.incidents}
    assert not happened & {one.stream for one in made.faults}
    assert len(made.faults) == 40
    assert set(Counter(one.kind for one in made.faults)) == set(FAULT_KINDS)
    for one in made.faults:
        at_us, value = series_of(made.run, one.stream)
        inside = (at_us >= one.begins_us) & (at_us < one.ends_us)
        interval = int(made.run.streams[one.stream]["interval"])
        if one.kind == "gap":
            assert not inside.any()
        elif one.kind == "stuck":
            assert np.unique(value[inside]).size == 1
        elif one.kind == "out_of_range":
            ceiling = made.run.streams[one.stream]["ceiling"]
            assert ((value[inside] > ceiling) | (value[inside] == -9999.0)).all()
        elif one.kind == "battery":
            assert at_us.max() < one.ends_us - (one.ends_us - one.begins_us) // 4
        elif one.kind == "duplicates":
            assert inside.sum() <= (one.ends_us - one.begins_us) // interval + 1
        elif one.kind == "clock_skew":
            assert np.abs(np.diff(at_us) - interval).max() > 30_000_000


@pytest.mark.parametrize(
    ("at", "beyond", "hold", "due"),
    [
        ([0, 1, 2, 3], [1, 1, 1, 1], 2, 2),
        ([0, 1, 2, 3], [0, 1, 1, 1], 2, 3),
        ([0, 1, 2, 3], [1, 0, 1, 1], 2, None),
        ([0, 1, 2, 3], [0, 0, 0, 1], 0, 3),
        ([0, 10, 11], [1, 1, 1], 2, 2),
        ([0, 20, 21], [1, 1, 1], 8, None),
        ([], [], 0, None),
    ],
)
def test_held(at: list[int], beyond: list[int], hold: int, due: int | None) -> None:
    instants = np.array(at, np.int64)
    assert first_held(instants, list(map(bool, beyond)), hold=hold, fresh=5) == due
