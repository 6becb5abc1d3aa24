"""A matter becomes a duty: owner, clock and ladder from its first instant."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command

from anlan.infra import journal
from anlan.kernel.errors import NotFoundError
from anlan.notices import public as notices
from anlan.notices.models import Notice
from anlan.response import public as response
from anlan.response.domain.errors import OpeningInvalidError
from anlan.response.models import Case, CaseFollower, CaseTask
from anlan.sensing.domain.events import ReportReceived
from tests.response.builders import (
    DUTY,
    HOUR,
    METRO,
    MINUTE,
    NOW,
    STRANGER,
    SYSTEM,
    a_case,
    report_of,
    running,
    stands,
)

pytestmark = pytest.mark.django_db(databases="__all__")


def test_a_red_danger_at_a_risk_point_belongs_to_the_points_own_post(demo):
    case = a_case(origin="alert:7")
    assert case.owner_post == "P-METRO"
    assert case.owner_basis == "risk_point"
    assert case.area == "410102002001"
    assert case.area_path.endswith("/410102002001")
    assert (case.lat, case.lon) == (34.757, 113.600)
    assert case.state == "assigned"  # the owner can act at once
    assert case.priority == 1
    assert case.number == f"H-20210720-{case.pk:06d}"
    assert case.ladder["id"] == "danger"
    stands(case)
    (clock,) = running(case)
    assert clock.rule_id == "danger.handle_p1"
    assert clock.due_at == NOW + HOUR
    assert clock.basis["confidence"] == "default"


def test_owner_and_commander_are_told_in_the_same_breath(demo):
    case = a_case(tell=("superior",))
    told = {
        notice.post: (notice.subject, notice.urgency)
        for notice in Notice.objects.filter(about=f"case:{case.pk}", mark="")
    }
    assert told == {
        "P-METRO": ("case.opened", "red"),
        "P-METRO-LEAD": ("case.watch", "red"),
        "P-COMMANDER": ("case.watch", "red"),
    }


def test_what_a_post_reads_has_no_holes_and_no_codes(demo):
    """A duty officer reads names, also where a case says neither hazard nor place."""
    known = a_case(level="yellow")
    bare = a_case(level="", hazard="", place="", area="", origin="report:7", kind="service")
    texts = {
        (case, language): notices.text_of(notices.notices_about(f"case:{case}")[0], language)
        for case in (known.pk, bare.pk)
        for language in ("zh", "en")
    }
    assert "郑州地铁5号线" in texts[known.pk, "zh"].title
    assert "三级（黄色）预警" in texts[known.pk, "zh"].body
    assert "地点不明" in texts[bare.pk, "zh"].title
    assert "matter not named (place unknown)" in texts[bare.pk, "en"].title
    for text in texts.values():
        assert not re.search(r"\( |（）|  |，，| ，|RP-|yellow;", text.title + text.body), text


def test_without_a_risk_point_the_duty_matrix_finds_the_owner(demo):
    case = a_case(place="", area="410102001", hazard="road.manhole", level="")
    assert case.owner_post == "P-410102001"
    assert "第十五条" in case.owner_basis


def test_nobodys_matter_is_the_arbiters_with_a_deadline(demo):
    case = a_case(place="", area="", hazard="road.manhole", level="")
    assert case.owner_post == "P-DUTY-LEAD"
    assert case.state == "arbitrating"
    assert running(case)[0].stage == "arbitrate"
    stands(case)
    assert Notice.objects.filter(about=f"case:{case.pk}", subject="case.arbitrate").exists()


def test_one_open_case_for_one_cause(demo):
    first = a_case(origin="alert:1", cause="rule|place:RP-METRO-5")
    again = a_case(origin="alert:2", cause="rule|place:RP-METRO-5", now=NOW + MINUTE)
    assert again.pk == first.pk
    assert Case.objects.count() == 1
    assert set(CaseFollower.objects.values_list("sign", flat=True)) == {"alert:1", "alert:2"}
    assert again.signs == 1  # the same alarm flapping is not a further sign


def test_telling_one_sign_twice_opens_nothing_twice(demo):
    first = response.take_sign(SYSTEM, report_of(5), now=NOW)
    entries = journal.JournalEntry.objects.count()
    again = response.take_sign(SYSTEM, report_of(5), now=NOW + MINUTE)
    assert again.pk == first.pk
    assert journal.JournalEntry.objects.count() == entries


def test_tasks_come_with_a_post_and_a_clock_each_and_are_given_once(demo):
    tasks = (
        response.GivenTask(key="alert:9:1", title={"zh": "停运", "en": "Stop"}, within="15m"),
        response.GivenTask(
            key="alert:9:2", title={"zh": "撤人", "en": "Evacuate"}, within="30m", post="superior"
        ),
    )
    case = a_case(origin="alert:9", cause="c", tasks=tasks, rule=("rain.rail", 3))
    a_case(origin="alert:10", cause="c", tasks=tasks, rule=("rain.rail", 3), now=NOW + MINUTE)
    given = list(CaseTask.objects.order_by("id"))
    assert [(task.post, task.due_at - NOW) for task in given] == [
        ("P-METRO", 15 * MINUTE),
        ("P-METRO-LEAD", 30 * MINUTE),
    ]
    assert given[0].clock.rule_id == "rain.rail"
    assert given[0].clock.rule_version == 3
    stands(case)
    assert case.next_at == NOW + 15 * MINUTE  # the earliest of all clocks is shown


def test_a_person_opens_a_case_in_their_area_only(demo):
    case = a_case(actor=DUTY, origin="manual", found_by_rule=False)
    assert case.state == "found"
    with pytest.raises(NotFoundError):
        a_case(actor=STRANGER, place="", area="410102")
    with pytest.raises(OpeningInvalidError):  # as if the place did not exist
        a_case(actor=STRANGER)
    with pytest.raises(OpeningInvalidError):
        a_case(actor=DUTY, place="RP-NOWHERE")
    with pytest.raises(OpeningInvalidError):
        a_case(actor=DUTY, area="999999", place="")
    with pytest.raises(OpeningInvalidError):
        a_case(actor=DUTY, owner_post="P-NOBODY")


def test_a_sign_that_names_something_unknown_is_not_lost(demo):
    case = a_case(place="RP-GONE", area="999999", owner_post="P-GONE", origin="alert:3")
    assert case.state == "arbitrating"
    stands(case)


def test_the_instant_of_knowledge_is_never_later_than_now(demo):
    case = a_case(known_at=NOW + HOUR)
    assert case.known_at == NOW


def test_an_unknown_calendar_year_counts_natural_time_and_says_so(demo):
    late = NOW.replace(year=2040)
    case = a_case(
        kind="service", hazard="utility.water", level="", place="", area="410102001", now=late
    )
    (clock,) = running(case)
    assert clock.calendar == "natural"
    assert clock.basis["departure"] == "calendar.beyond_end"
    stands(case)


def test_the_case_shows_nothing_to_somebody_elsewhere(demo):
    case = a_case()
    assert response.case(METRO, case.pk) == case
    with pytest.raises(NotFoundError):
        response.case(STRANGER, case.pk)


def test_a_report_becomes_a_service_case_through_its_listener(demo):
    from anlan.kernel.events import Told
    from anlan.response.handlers import on_report_received

    event = ReportReceived(
        report=12,
        number="AL-20210720-000012",
        hazard="fire.building",
        area="410102002001",
        lat=34.757,
        lon=113.600,
        words=("着火",),
        strong=False,
        known_at=NOW,
    )
    told = Told(event=event, seq=1, at=NOW, actor="account:hotline")
    on_report_received(told, now=NOW)
    on_report_received(told, now=NOW)
    (case,) = Case.objects.all()
    assert (case.kind, case.state, case.owner_post) == ("service", "reported", "P-FIRE")
    assert case.title["report"] == "AL-20210720-000012"
    stands(case)


def test_migrations_are_in_step(db):
    call_command("makemigrations", "response", check=True, dry_run=True, verbosity=0)


def test_everything_is_rebuilt_from_the_journal(demo):
    case = a_case(origin="alert:7")
    response.pull(METRO, case.pk, "begin", now=NOW + MINUTE)
    rebuilt = journal.replay_images(journal.JournalEntry.objects.order_by("seq"))
    live = journal.live_state()
    for table in ("response.case", "response.caseclock", "response.casefollower"):
        assert rebuilt[table] == live[table]
