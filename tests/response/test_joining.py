"""Repeat reports are a sign: they join, raise, and nobody who reported is dropped (I4)."""

from __future__ import annotations

import pytest

from anlan.notices.models import Notice
from anlan.response import public as response
from anlan.response.models import Case, CaseFollower
from tests.response.builders import (
    DAY,
    DUTY,
    FIRE,
    HOUR,
    MINUTE,
    NOW,
    SYSTEM,
    a_case,
    matter,
    report_of,
    running,
    stands,
)

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]


def take(opening, *, at=NOW, **more):
    case = response.take_sign(SYSTEM, opening, now=at, **more)
    stands(case)
    return case


def test_each_further_report_raises_the_priority():
    priorities = [take(report_of(n), at=NOW + n * MINUTE).priority for n in range(1, 6)]
    assert priorities == [4, 3, 2, 2, 1]
    (case,) = Case.objects.all()
    assert case.signs == 5
    assert CaseFollower.objects.filter(case=case).count() == 5


def test_words_of_danger_to_life_weigh_more():
    assert take(report_of(1, strong=True)).priority == 2
    assert take(report_of(2, strong=True)).priority == 1
    assert Notice.objects.filter(subject="case.watch", post="P-COMMANDER").exists()


def test_a_raised_priority_shortens_the_deadline():
    case = take(report_of(1))
    first = running(case)[0]
    case = take(report_of(2, strong=True), at=NOW + MINUTE)
    case = take(report_of(3, strong=True), at=NOW + 2 * MINUTE)
    clock = running(case)[0]
    assert clock.due_at < first.due_at
    assert clock.start_event == "CasePriorityRaised"


@pytest.mark.parametrize(
    ("lat", "joins"), [(34.757 + 0.0044, True), (34.757 + 0.0046, False)]
)  # 0.0045 degrees of latitude are 500 m
def test_the_same_matter_lies_within_500_m(lat, joins):
    first = take(report_of(1))
    second = take(report_of(2, lat=lat))
    assert (first.pk == second.pk) is joins


@pytest.mark.parametrize(("later", "joins"), [(DAY, True), (DAY + MINUTE, False)])
def test_the_same_matter_is_not_older_than_a_day(later, joins):
    first = take(report_of(1))
    second = take(report_of(2), at=NOW + later)
    assert (first.pk == second.pk) is joins


def test_another_hazard_or_no_hazard_is_another_matter():
    first = take(report_of(1))
    assert take(report_of(2, hazard="gas.leak")).pk != first.pk
    unknown = take(report_of(3, hazard=""))
    assert unknown.pk != first.pk
    assert take(report_of(4, hazard="")).pk not in {first.pk, unknown.pk}


def test_a_report_without_a_place_is_its_own_case():
    take(report_of(1))
    nowhere = matter(
        kind="service",
        origin="report:2",
        place="",
        level="",
        hazard="fire.building",
        found_by_rule=False,
    )
    case = take(nowhere)
    assert Case.objects.count() == 2
    assert case.state == "arbitrating"  # nobody's area: the arbiter's


def test_the_nearest_of_two_open_cases_counts():
    near = take(report_of(1, lat=34.757))
    far = take(report_of(2, lat=34.765))
    assert near.pk != far.pk
    assert take(report_of(3, lat=34.7612)).pk == far.pk


def test_a_closed_case_takes_no_further_report():
    first = take(report_of(1))
    response.pull(
        DUTY,
        first.pk,
        "dismiss",
        response.Asked(reason="nothing_found"),
        now=NOW,
    )
    assert take(report_of(2)).pk != first.pk


def test_an_alert_joins_the_open_danger_at_the_same_place():
    first = take(matter(origin="alert:1", cause="a|place"))
    second = take(matter(origin="alert:2", cause="b|place"))
    assert first.pk == second.pk


def test_a_broken_device_is_another_matter_than_the_danger():
    danger = take(matter(origin="alert:1", cause="a|s"))
    device = take(matter(origin="alert:2", cause="b|s", kind="device", level="yellow"))
    assert danger.pk != device.pk
    assert device.state == "dispatched"


def test_a_cluster_joins_the_case_of_its_reports():
    case = take(report_of(1))
    cluster = matter(
        origin="alert:9", cause="crowd|cluster:1", place="", hazard="fire.building", level="red"
    )
    joined = take(cluster, beside=["report:1", "report:2"])
    assert joined.pk == case.pk
    assert joined.priority == 1
    assert Notice.objects.filter(post="P-FIRE", subject="case.joined", urgency="red").exists()


def test_a_suspended_case_that_grows_worse_runs_on():
    case = take(report_of(1))
    response.pull(FIRE, case.pk, "accept", now=NOW)
    asked = response.Asked(reason="funding", until=NOW + 10 * HOUR)
    response.pull(DUTY, case.pk, "suspend", asked, now=NOW)
    case = take(report_of(2, strong=True), at=NOW + HOUR)
    assert case.state == "accepted"


def test_the_arrival_of_a_sign_is_told_to_the_owner():
    case = take(report_of(1))
    take(report_of(2))
    assert Notice.objects.filter(about=f"case:{case.pk}", subject="case.joined").exists()


def test_a_case_opened_by_hand_is_joined_by_a_report_close_by():
    case = a_case(hazard="fire.building")
    assert take(report_of(1)).pk == case.pk
