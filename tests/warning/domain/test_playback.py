"""A rule over the past gives what the judge would have given, stepped reading by reading."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.warning.domain import playback
from anlan.warning.domain.findings import What
from anlan.warning.domain.instants import instant
from anlan.warning.domain.judge import step
from anlan.warning.domain.memory import Memory
from anlan.warning.domain.playback import Past, TooManyStepsError, play
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.signs import Batch

from .builders import a_report, a_rule, a_stream, a_threshold, a_window, a_world, at, reading

WORLD = a_world(a_stream(), a_stream("S2"))
THRESHOLD = a_threshold(("orange", 3, 2), ("red", 6, 4), hold="3m", clear_hold="5m")
WINDOW = a_window("mean", ("orange", 3, 2, "10m"), ("red", 5, 4, "5m"), hold="2m")
SILENCE = a_rule("silence", hazard="system.silence", intervals=3, at_least="5m")
CLUSTER = a_rule(
    "cluster",
    hazard="crowd.crush",
    within_m=100,
    limits=[{"level": "orange", "reports": 3, "within": "30m"}],
    clear_after="1h",
)
DAY = 24 * 60


def step_by_step(rule, past, start, end):
    """The slow and obvious way: a step at each sign and whenever time alone is due."""
    book, memory, found = RuleBook(in_force=(rule,)), Memory(), []
    began = start - playback.lookback(rule)
    moments = sorted(
        {began, end, *(x.at for x in past.observations), *(t for t, _ in past.reports)}
    )
    before, now = None, began
    while now is not None and now <= end:
        batch = Batch(
            tuple(
                x for x in past.observations if x.at <= now and (before is None or x.at > before)
            ),
            tuple(x for t, x in past.reports if t <= now and (before is None or t > before)),
        )
        done = step(book, memory, batch, WORLD, now=now)
        memory = done.memory
        found += done.findings
        due = [memory.city.next_at, *(x.next_at for x in memory.streams.values())]
        later = [instant(x) for x in due if x is not None and instant(x) > now]
        before, now = now, min([m for m in moments if m > now][:1] + later, default=None)
    return [
        (x.subject, x.level, x.at) for x in found if x.what is What.RAISED and start <= x.at < end
    ]


def told(rule, past, start, end):
    played = play(rule, past, lambda _: WORLD, start=start, end=end)
    return [(x.subject, x.found.level, x.raised_at) for x in played]


# Long runs of one value, so that holds are met; "gone" is a gap, None a reading without a value.
runs = st.lists(
    st.tuples(st.sampled_from([0, 1, 2.5, 3, 5, 7, None, "gone"]), st.integers(1, 12)), max_size=14
)


def a_series(stream, said):
    minute = 0
    for value, length in said:
        for _ in range(length):
            if value != "gone":
                yield reading(minute, value, stream=stream)
            minute += 1


@pytest.mark.parametrize(
    "rule", [THRESHOLD, WINDOW, SILENCE], ids=["threshold", "window", "silence"]
)
@settings(max_examples=60)
@given(first=runs, second=runs)
def test_it_gives_what_the_judge_gives(rule, first, second):
    both = [*a_series("S1", first), *a_series("S2", second)]
    past = Past(observations=tuple(sorted(both, key=lambda x: (x.at, x.stream))))
    start, end = at(0), at(260)
    expected = sorted(step_by_step(rule, past, start, end), key=lambda x: (x[2], x[0]))
    assert told(rule, past, start, end) == expected


def test_reports_gather_and_clear():
    reports = tuple((at(m), a_report(m, m)) for m in (10, 15, 20))
    past = Past(reports=reports)
    (found,) = play(CLUSTER, past, lambda _: WORLD, start=at(0), end=at(200))
    assert (found.level, found.raised_at) == ("orange", at(20))
    assert found.cleared_at == at(80)
    assert told(CLUSTER, past, at(0), at(200)) == step_by_step(CLUSTER, past, at(0), at(200))


def test_what_stood_before_the_period_is_not_raised_in_it():
    past = Past(observations=tuple(reading(m, 9) for m in range(0, 120)))
    assert told(THRESHOLD, past, at(60), at(120)) == []
    assert [x[2] for x in told(THRESHOLD, past, at(0), at(120))] == [at(3)]


def test_the_highest_level_and_the_end_are_told():
    values = [0, 3, 3, 3, 3, 7, 7, 7, 7, *[0] * 10]
    past = Past(observations=tuple(reading(m, v) for m, v in enumerate(values)))
    (found,) = play(THRESHOLD, past, lambda _: WORLD, start=at(0), end=at(60))
    assert (found.found.level, found.level) == ("orange", "red")
    assert found.cleared_at == at(14)


def test_a_week_of_minutes_is_few_steps(monkeypatch):
    asked = []
    past = Past(observations=tuple(reading(m, 0) for m in range(7 * DAY)))

    def world(now):
        asked.append(now)
        return WORLD

    end = at(7 * DAY)
    play(THRESHOLD, past, world, start=at(0), end=end)
    assert len(asked) < 15
    monkeypatch.setattr(playback, "MOST_STEPS", 3)
    with pytest.raises(TooManyStepsError):
        play(THRESHOLD, past, world, start=end - timedelta(days=7), end=end)
