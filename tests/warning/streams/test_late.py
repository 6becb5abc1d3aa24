"""What comes later than the budget is judged from the store: what should have been told is told."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anlan.sensing import public as sensing
from anlan.warning.domain.findings import higher
from anlan.warning.domain.signs import Observation
from anlan.warning.models import AlertInstance, JudgeCut
from anlan.warning.services.streams.here import stream_judge
from anlan.warning.services.streams.judge import StreamJudge
from tests.warning import town
from tests.warning.town import at, readings, tick

from .twin import Twin, an_afternoon

pytestmark = pytest.mark.django_db(databases="__all__")


def test_an_alert_that_nobody_was_told_of_is_told_late_at_its_own_instants(demo) -> None:
    readings("CROWD-01", *[1] * 10)
    readings("CROWD-01", *[1] * 30, start=30)
    tick(59)
    assert not AlertInstance.objects.filter(rule="crowd.density").exists()
    readings("CROWD-01", 1, 4, 4, 5, 5, *[1] * 12, start=10)
    assert tick(60).too_late == 17
    row = AlertInstance.objects.get(rule="crowd.density")
    assert (row.active_at, row.peak_level) == (at(11), "orange")
    assert (row.raised_at, row.cleared_at) == (at(13), at(25))
    assert row.recorded_at == at(60)
    assert row.reason["code"] == "late.threshold_beyond"
    tick(61)
    assert AlertInstance.objects.filter(rule="crowd.density").count() == 1


def test_what_still_stands_is_raised_and_cleared_later_as_ever(demo) -> None:
    between = 1.7  # neither raises nor clears
    readings("CROWD-01", *[1] * 10)
    readings("CROWD-01", *[between] * 30, start=30)
    tick(59)
    assert not AlertInstance.objects.filter(rule="crowd.density").exists()
    readings("CROWD-01", *[4] * 20, start=10)
    tick(60)
    row = AlertInstance.objects.get(rule="crowd.density")
    assert row.cleared_at is None
    assert row.raised_at < at(30)
    readings("CROWD-01", *[1] * 15, start=60)
    tick(74)
    row.refresh_from_db()
    assert row.cleared_reason == "threshold.calm"
    assert row.cleared_at > at(60)


VALUES = st.sampled_from([0.0, 1.0, 2.2, 2.8, 3.2, 4.0, 5.0, 7.0])
RUNS = st.lists(st.tuples(VALUES, st.integers(1, 12)), min_size=3, max_size=12)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=RUNS, first=st.integers(0, 40), length=st.integers(1, 30))
def test_afterwards_everything_is_told_that_would_have_been_on_time(
    demo, runs, first, length
) -> None:
    values = [value for value, times in runs for _ in range(times)]
    values += [values[-1]] * 40
    late = range(first, min(first + length, len(values) - 20))
    end = len(values) - 1
    with an_afternoon():
        tick(0)
        for block in range(0, end + 1, 5):
            some = {x: values[x] for x in range(block, min(block + 5, end + 1)) if x not in late}
            if some:
                _send(some, max(some))
                tick(max(some))
        told = _rows()
        _send({minute: values[minute] for minute in late}, end)
        tick(end)
        found = _rows()
        twin = Twin()
        twin.hear([], now=at(0))
        for minute, value in enumerate(values):
            news = Observation("CROWD-01", at(minute), value, at(minute))
            twin.hear([news], now=at(minute))
        _compare(twin, told, found)
        assert stream_judge().mended == 0


def _send(values: dict[int, float], minute: int) -> None:
    rows = tuple(sensing.RowIn("CROWD-01", at(x), value) for x, value in values.items())
    sensing.keep_observations(town.SENDER, sensing.BatchIn(rows), now=at(minute))


def _rows() -> list[AlertInstance]:
    rows = AlertInstance.objects.filter(subject="stream:CROWD-01").exclude(rule="device.silence")
    return list(rows.order_by("raised_at"))


def _compare(twin: Twin, told: list[AlertInstance], found: list[AlertInstance]) -> None:
    still = {(x.rule, x.level) for x in found if x.cleared_at is None}
    mine = [x for x in twin.instances if x[1] == "stream:CROWD-01" and x[0] != "device.silence"]
    assert still == {(x[0], x[3]) for x in mine if x[5] is None}
    assert len({(x.rule, x.raised_at) for x in found}) == len(found)
    for rule, _, raised, _, peak, cleared, _ in mine:
        if cleared is None:
            continue
        near = [x for x in told if x.rule == rule and x.raised_at <= cleared]
        near = [x for x in near if x.cleared_at is None or x.cleared_at >= raised]
        same = [x for x in found if (x.rule, x.raised_at, x.cleared_at) == (rule, raised, cleared)]
        if not near:
            assert [x.peak_level for x in same] == [peak]
            continue
        # Told in time, if not so high: then its peak is told now.
        over = [x for x in found if x.rule == rule and x.raised_at <= cleared]
        assert any(higher(x.peak_level, peak) == x.peak_level for x in over)


@pytest.mark.parametrize("lost", ["memory", "file", "half written"])
def test_news_that_came_too_late_is_judged_although_the_judge_dies_first(
    demo, monkeypatch, lost
) -> None:
    """Between the step that met it and its judging from the store, late news is in memory alone."""
    readings("CROWD-01", *[1] * 10)
    readings("CROWD-01", *[1] * 30, start=30)
    tick(59)
    readings("CROWD-01", 1, 4, 4, 5, 5, *[1] * 12, start=10)
    with monkeypatch.context() as patch:
        patch.setattr(StreamJudge, "_judge_late", lambda *_args, **_now: None)
        tick(60)
    assert not AlertInstance.objects.filter(rule="crowd.density").exists()
    if lost == "half written":
        cut = JudgeCut.objects.order_by("number").last()
        assert cut is not None
        cut.whole = False
        cut.save()
    town.begin_anew(keep_file=lost != "file")
    tick(61)
    tick(62)
    row = AlertInstance.objects.get(rule="crowd.density")
    assert (row.raised_at, row.cleared_at, row.peak_level) == (at(13), at(25), "orange")
    assert row.reason["code"] == "late.threshold_beyond"
