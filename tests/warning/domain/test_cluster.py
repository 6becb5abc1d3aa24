"""Clusters: repeat reports near each other are one growing instance."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anlan.kernel.geometry import Point, distance_m
from anlan.registry.domain.rulespecs import ClusterRule
from anlan.warning.domain.signs import ReportSign

from .builders import Room, a_report, a_rule, a_world, at

LIMITS = [
    {"level": "yellow", "reports": 2, "within": "120m", "strong": 1},
    {"level": "orange", "reports": 3, "within": "60m"},
    {"level": "red", "reports": 4, "within": "15m"},
]
CROWD = a_rule("cluster", hazard="crowd.crush", within_m=500, limits=LIMITS, clear_after="2h")
SPOT = (37.5345, 126.9946)
METRE = 1 / 111_195  # degrees of latitude


def a_room(*rules: object) -> Room:
    return Room(a_world(), *(rules or (CROWD,)))  # type: ignore[arg-type]


def test_calls_of_one_evening_are_one_instance_that_rises() -> None:
    evening = ["18:34", "20:09", "20:33", "20:53", "21:00", "21:02", "21:07", "21:10"]
    clock = [int(text[:2]) * 60 + int(text[3:]) for text in evening]
    room = a_room()
    for number, minute in enumerate(clock, 1):
        room.step(minute, a_report(number, minute, strong=number in {2, 5, 6, 8}))
    assert room.told() == [
        ("raised", "yellow", 20 * 60 + 9),
        ("level", "orange", 20 * 60 + 53),
        ("level", "red", 21 * 60 + 7),
    ]
    assert {item.subject for item in room.found} == {"cluster:1"}
    assert room.found[-1].evidence.reports == (1, 2, 3, 4, 5, 6, 7)
    room.step(21 * 60 + 10 + 121)
    assert room.told()[3:] == [("cleared", "red", 21 * 60 + 10 + 120)]


@pytest.mark.parametrize(
    ("metres", "gap", "raised"),
    [(499, 30, True), (501, 30, False), (0, 30, True), (0, 30.01, False)],
)
def test_the_bounds_of_place_and_time(metres: float, gap: float, *, raised: bool) -> None:
    room = a_room()
    room.step(0, a_report(1, 0))
    room.step(gap, a_report(2, gap))
    last = gap * 2
    room.step(last, a_report(3, last, lat=SPOT[0] + metres * METRE))
    assert bool(room.found) is raised


def test_another_hazard_does_not_count() -> None:
    room = a_room()
    room.step(2, a_report(1, 0), a_report(2, 1), a_report(3, 2, hazard="fire.building"))
    assert not room.found


def test_reports_around_a_middle_one_are_found() -> None:
    room = a_room()
    west, middle, east = (SPOT[0] + d * METRE for d in (-450, 0, 450))
    room.step(2, a_report(1, 0, lat=west), a_report(2, 1, lat=east), a_report(3, 2, lat=middle))
    assert room.told() == [("raised", "orange", 2)]
    assert room.memory.city.clusters[0].centre.id == 3


def test_without_coordinates_the_same_small_area_is_near() -> None:
    room = a_room()
    room.step(
        2,
        a_report(1, 0, lat=None, lon=None, spot="G1"),
        a_report(2, 1, spot="G1"),
        a_report(3, 2, lat=None, lon=None, spot="G1"),
    )
    assert room.told() == [("raised", "orange", 2)]
    far = a_room()
    far.step(2, *(a_report(n, n, lat=None, lon=None, spot="") for n in range(3)))
    assert not far.found


def test_a_report_heard_again_counts_once() -> None:
    room = a_room()
    for minute in range(5):
        room.step(minute, a_report(1, 0), a_report(2, 1))
    assert not room.found


def test_a_late_report_completes_what_was_loose() -> None:
    room = a_room()
    room.step(50, a_report(1, 0), a_report(2, 50))
    room.step(55, a_report(3, 25))
    assert room.told() == [("raised", "orange", 50)]


def test_after_clearing_a_new_set_is_a_new_instance() -> None:
    room = a_room()
    room.step(2, *(a_report(n, n) for n in range(3)))
    room.step(400, *(a_report(n, n + 380) for n in range(10, 13)))
    assert [item.what.value for item in room.found] == ["raised", "cleared", "raised"]
    assert room.found[0].subject != room.found[2].subject


def test_two_places_are_two_instances() -> None:
    room = a_room()
    here = [a_report(n, n) for n in range(3)]
    there = [a_report(n + 10, n, lat=SPOT[0] + 3000 * METRE) for n in range(3)]
    room.step(2, *here, *there)
    assert sorted(item.subject for item in room.found) == ["cluster:0", "cluster:10"]


def brute_force(reports: list[ReportSign], rule: ClusterRule) -> bool:
    """Is there a report with enough others around it within the time of some limit?"""
    for limit in rule.limits:
        span = int(limit.within.removesuffix("m"))
        for centre, first in itertools.product(reports, reports):
            found = [
                item
                for item in reports
                if 0 <= (item.at - first.at).total_seconds() / 60 <= span
                and distance_m(
                    Point(item.lat or 0, item.lon or 0), Point(centre.lat or 0, centre.lon or 0)
                )
                <= rule.within_m
            ]
            if len(found) >= limit.reports and sum(x.strong for x in found) >= limit.strong:
                return True
    return False


REPORTS = st.lists(
    st.tuples(st.integers(0, 200), st.integers(-6, 6), st.integers(-6, 6), st.booleans()),
    max_size=9,
)


@settings(max_examples=200, deadline=None)
@given(REPORTS, st.randoms(use_true_random=False))
def test_something_is_raised_exactly_when_the_definition_says_so(
    rows: list[tuple[int, int, int, bool]], chance: object
) -> None:
    reports = [
        a_report(
            n, minute // 2, lat=SPOT[0] + x * 150 * METRE, lon=SPOT[1] + y * 0.002, strong=strong
        )
        for n, (minute, x, y, strong) in enumerate(rows)
    ]
    assert isinstance(CROWD, ClusterRule)
    expected = brute_force(reports, CROWD)
    together, one_by_one = a_room(), a_room()
    together.step(100, *reports)
    chance.shuffle(reports)  # type: ignore[attr-defined]
    for report in reports:  # whatever the order of arrival
        one_by_one.step(100, report)
    assert bool(together.found) is expected
    assert bool(one_by_one.found) is expected


@settings(max_examples=100, deadline=None)
@given(REPORTS, st.integers(0, 200))
@example([(0, 0, 0, False), (17, 0, 0, False), (137, 0, 0, True)], 136)
def test_splitting_and_order_within_a_tick_change_nothing(
    rows: list[tuple[int, int, int, bool]], cut: int
) -> None:
    reports = [
        a_report(n, minute, lat=SPOT[0] + x * 150 * METRE, strong=strong)
        for n, (minute, x, _, strong) in enumerate(sorted(rows))
    ]
    whole, parts = a_room(), a_room()
    whole.step(200, *reversed(reports))
    parts.step(cut, *(item for item in reports if item.at <= at(cut)))
    parts.step(200, *(item for item in reports if item.at > at(cut)))
    assert parts.memory == whole.memory
    assert parts.told() == whole.told()


@settings(max_examples=100, deadline=None)
@given(REPORTS)
def test_a_report_joins_one_cluster_and_levels_never_fall(
    rows: list[tuple[int, int, int, bool]],
) -> None:
    room = a_room()
    for n, (minute, x, y, strong) in enumerate(sorted(rows)):
        room.step(
            minute,
            a_report(
                n, minute, lat=SPOT[0] + x * 150 * METRE, lon=SPOT[1] + y * 0.002, strong=strong
            ),
        )
        members = [m[0] for item in room.memory.city.clusters for m in item.members]
        loose = [item.id for pool in room.memory.city.loose.values() for item in pool]
        assert len(set(members + loose)) == len(members + loose)
    ranks = {"red": 0, "orange": 1, "yellow": 2}
    for found in room.found:
        if found.what.value == "level":
            assert ranks[found.level] < ranks[found.before]
