"""Two runs side by side: what is the same is aligned, what differs is named."""

import pytest
from msgspec.structs import replace

from anlan.learning.domain import comparing
from tests.learning.domain.test_summary_text import SUMMARY

ROW = SUMMARY.raised[0]


def run(**changes):
    return replace(SUMMARY, **changes)


def one_pair(row):
    (pair,) = comparing.compare(SUMMARY, run(raised=(row,))).raised
    return pair


def test_equal_runs_differ_in_nothing():
    found = comparing.compare(SUMMARY, SUMMARY)
    assert found.equal
    assert [pair.minutes for pair in found.raised] == [0]


@pytest.mark.parametrize(
    ("change", "difference", "minutes"),
    [
        ({"at": "2021-07-19T22:29:00"}, ("later",), 30),
        ({"at": "2021-07-19T21:44:00"}, ("earlier",), -15),
        ({"level": "orange"}, ("level",), 0),
        ({"posts": ("P-1", "P-9")}, ("posts",), 0),
        ({"posts": tuple(reversed(ROW.posts))}, (), 0),
        ({"tasks": 5}, ("tasks",), 0),
        ({"rule": "another", "about": "case:9"}, (), 0),
    ],
)
def test_each_difference_is_named(change, difference, minutes):
    pair = one_pair(replace(ROW, **change))
    assert (pair.differences, pair.minutes) == (difference, minutes)


def test_what_only_one_run_raised_stands_alone():
    other = replace(ROW, place="ELSEWHERE", at="2021-07-19T20:00:00")
    first, second = comparing.compare(SUMMARY, run(raised=(other,))).raised
    assert (first.b, first.differences, first.at) == (other, ("only_b",), other.at)
    assert (second.a, second.differences) == (ROW, ("only_a",))


def test_the_earliest_of_several_counts():
    later = replace(ROW, at="2021-07-20T01:00:00")
    assert comparing.compare(SUMMARY, run(raised=(ROW, later))).equal


def test_the_first_at_orange_or_red_is_told_beside_an_earlier_call():
    call = replace(ROW, at="2021-07-19T20:00:00", level="", rule="")
    red_later = replace(ROW, at="2021-07-19T22:09:00")
    a, b = run(raised=(call, ROW)), run(raised=(call, red_later))
    first, urgent = comparing.compare(a, b).raised
    assert (first.urgent, first.differences) == (False, ())
    assert (urgent.urgent, urgent.differences, urgent.minutes) == (True, ("later",), 10)


def test_leads_are_compared_by_their_spans():
    lead, gain = SUMMARY.figures
    shorter = replace(lead, minutes=lead.minutes - 60, urgent_minutes=None)
    found = comparing.compare(SUMMARY, run(figures=(shorter, replace(gain, minutes=5.0))))
    assert [(pair.differences, pair.minutes) for pair in found.figures] == [
        (("later", "urgent"), -60),
        (("only_b",), None),
    ]


def test_other_events_are_not_compared():
    with pytest.raises(comparing.OtherScenarioError):
        comparing.compare(SUMMARY, run(scenario="x-2"))
