"""Grading, notes and tasks of a case, and what a refusal leaves behind."""

from __future__ import annotations

import pytest

from anlan.infra import contents
from anlan.infra.models import JournalEntry
from anlan.kernel.errors import NotFoundError
from anlan.notices.models import Notice
from anlan.response import public as response
from anlan.response.domain import errors
from anlan.response.models import CaseNote, CaseTask
from tests.response.builders import (
    DUTY,
    FIRE,
    HOUR,
    METRO,
    MINUTE,
    NOW,
    STRANGER,
    a_case,
    pull,
    stands,
)

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]
Asked = response.Asked


def test_grading_by_the_packs_method():
    case = pull(METRO, a_case(), "grade", method="lec", factors={"L": 6, "E": 6, "C": 15})
    assert case.grade == "major"
    assert case.grading["score"] == "540.0" or float(case.grading["score"]) == 540
    with pytest.raises(errors.GradeNeededError):
        pull(METRO, case, "grade")
    with pytest.raises(errors.GradeNeededError):
        pull(METRO, case, "grade", method="astrology")
    with pytest.raises(errors.UnknownFactorError):
        pull(METRO, case, "grade", method="lec", factors={"L": 7, "E": 6, "C": 15})


def test_what_is_written_goes_to_the_content_store_only():
    secret = "王某某说阀门坏了，电话13800000000"
    case = pull(METRO, a_case(), "begin", note=secret)
    (note,) = CaseNote.objects.all()
    assert contents.get_text(note.text_content) == secret
    assert note.text_digest
    for entry in JournalEntry.objects.all():
        assert "13800000000" not in str(entry.images) + str(entry.payload)
    detail = response.detail(METRO, case.pk, now=NOW)
    assert detail.texts[str(note.text_content)] == secret
    contents.destroy([note.text_content], reason="expired", now=NOW)
    assert response.detail(METRO, case.pk, now=NOW).texts == {}


def test_a_task_is_answered_once_by_its_post():
    case = a_case()
    task = response.give_task(
        METRO, case.pk, post="P-FIRE", text="带抽水泵到现场", due_at=NOW + HOUR, now=NOW
    )
    stands(case)
    assert contents.get_text(task.text_content) == "带抽水泵到现场"
    assert response.tasks_of(FIRE)[0].pk == task.pk
    with pytest.raises(errors.NotYourMoveError):
        response.answer_task(METRO, task.pk, "done", now=NOW)
    response.answer_task(FIRE, task.pk, "refused", note="没有泵", now=NOW + MINUTE)
    stands(case)
    with pytest.raises(errors.TaskAnsweredError):
        response.answer_task(FIRE, task.pk, "done", now=NOW + MINUTE)
    answer = Notice.objects.get(subject="case.task_answered", post="P-METRO", mark="")
    assert (answer.params["outcome"]["en"], answer.urgency) == ("refused", "urgent")


def test_unanswered_tasks_lapse_with_the_case():
    task = response.GivenTask(key="alert:1:1", title={"zh": "查", "en": "Look"}, within="2h")
    case = a_case(tasks=(task,))
    pull(DUTY, case, "dismiss", reason="nothing_found")
    assert CaseTask.objects.get().state == "lapsed"


def test_a_refusal_changes_nothing():
    case = a_case()
    before = JournalEntry.objects.count()
    for actor, trigger in ((METRO, "close"), (METRO, "urge"), (FIRE, "begin")):
        with pytest.raises(Exception):  # noqa: B017, PT011
            pull(actor, case, trigger)
    assert JournalEntry.objects.count() == before


def test_somebody_elsewhere_learns_nothing():
    case = a_case()
    with pytest.raises(NotFoundError):
        pull(STRANGER, case, "begin")
    with pytest.raises(NotFoundError):
        response.pull(STRANGER, 999_999, "begin", now=NOW)


def test_the_helper_of_another_area_sees_the_case_of_its_task():
    case = a_case()
    response.give_task(METRO, case.pk, post="P-410122", text="支援", due_at=NOW + HOUR, now=NOW)
    assert response.case(STRANGER, case.pk).pk == case.pk
    with pytest.raises(errors.NotYourMoveError):
        pull(STRANGER, case, "begin")
