"""Edits at their edges: ends that stay, lines told apart, days far away, what a pack cannot hold."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from django.db import transaction

from anlan.infra import contents, failpoints, journal
from anlan.infra.failpoints import FailpointError
from anlan.infra.models import JournalEntry
from anlan.registry import public
from anlan.registry.domain.edits import HolderEdit, RosterEdit, SensorEdit, Sitting
from anlan.registry.domain.errors import (
    EditChoiceError,
    HolderCodeTakenError,
    ShiftTwiceError,
)
from anlan.registry.domain.parse import read_city
from anlan.registry.models import Holder
from anlan.registry.services import editing
from anlan.registry.services.retention import tend_contacts
from tests.registry.loads import load, registry_rows
from tests.registry.small_city import ADMIN, NOW
from tests.registry.test_editing import DAY, EAST, LATER, TODAY, day_line, take

pytestmark = pytest.mark.django_db(databases="__all__")
FOR_GOOD = date(9999, 12, 31)


@pytest.fixture(autouse=True)
def city():
    load()


def lines_of(post):
    found = public.records(ADMIN, "shifts", public.Wanted(of=post), at=NOW).records
    return [record.entry for record in found]


def is_loadable(tmp_path):
    public.export_city(ADMIN, tmp_path / "out")
    return not [x for x in read_city(tmp_path / "out").findings if x.severity == "error"]


class TestRoster:
    def test_another_deputy_leaves_the_end_of_a_line_as_it_is(self):
        take(RosterEdit("operator", TODAY, day_line(), DAY, until=TODAY + timedelta(days=1)))
        stand_in = next(x for x in lines_of("operator") if x.valid_to is not None)
        take(RosterEdit("operator", TODAY, stand_in, Sitting("h2", "h1", *_times(DAY))))
        (changed,) = (x for x in lines_of("operator") if x.deputy == "h1")
        assert changed.valid_to == TODAY + timedelta(days=2)
        assert public.on_duty("operator", at=NOW + timedelta(days=5)).holder == "h1"

    def test_nobody_takes_a_place_that_has_ended_by_then(self):
        take(RosterEdit("operator", TODAY, day_line(), DAY, until=TODAY + timedelta(days=1)))
        stand_in = next(x for x in lines_of("operator") if x.valid_to is not None)
        with pytest.raises(EditChoiceError):
            take(RosterEdit("operator", TODAY + timedelta(days=2), stand_in, DAY))

    def test_two_lines_that_a_pack_cannot_tell_apart_are_refused(self, tmp_path):
        first = Sitting("h1", "h2", (6, 7), time(20), time(8))
        take(RosterEdit("east-desk", TODAY, None, first))
        with pytest.raises(ShiftTwiceError):
            take(RosterEdit("east-desk", TODAY, None, Sitting("h1", None, (6, 7), *_hours(first))))
        assert is_loadable(tmp_path)

    def test_the_same_line_may_get_another_deputy_on_the_day_it_began(self, tmp_path):
        take(RosterEdit("operator", TODAY, day_line(), DAY))
        (line,) = (x for x in lines_of("operator") if x.start == time(8))
        take(RosterEdit("operator", TODAY, line, Sitting("h2", "h1", *_times(DAY))))
        assert public.on_duty("operator", at=LATER).deputy == "h1"
        assert is_loadable(tmp_path)

    @pytest.mark.parametrize(
        "edit",
        [
            RosterEdit("operator", FOR_GOOD, None, DAY),
            RosterEdit("operator", TODAY, None, DAY, until=FOR_GOOD),
            SensorEdit("s1", in_force=False, on=FOR_GOOD),
        ],
    )
    def test_a_day_that_nobody_can_mean_is_refused(self, edit):
        with pytest.raises(EditChoiceError):
            public.show_edit(ADMIN, edit, now=LATER)


def _times(sitting):
    return sitting.weekdays, sitting.start, sitting.end


def _hours(sitting):
    return sitting.start, sitting.end


class TestSensor:
    def test_an_end_ahead_is_taken_back_without_a_gap(self):
        take(SensorEdit("s1", in_force=False, on=TODAY + timedelta(days=30)))
        take(SensorEdit("s1", in_force=True, on=TODAY + timedelta(days=3)))
        assert [x.code for x in public.sensors(at=LATER)] == ["s1"]
        assert [x.code for x in public.sensors(at=NOW + timedelta(days=60))] == ["s1"]

    def test_a_return_after_an_end_ahead_waits_for_that_end(self):
        take(SensorEdit("s1", in_force=False, on=TODAY + timedelta(days=3)))
        with pytest.raises(EditChoiceError):
            take(SensorEdit("s1", in_force=True, on=TODAY + timedelta(days=30)))
        assert [x.code for x in public.sensors(at=LATER)] == ["s1"]


class TestHolder:
    def test_a_new_person_never_takes_the_code_of_another(self):
        with pytest.raises(HolderCodeTakenError):
            take(HolderEdit("h1", TODAY, {"name": "别人"}, is_new=True))
        assert public.contact_of("h1").name == "值班员甲"

    @pytest.mark.parametrize("name", ["a\x07b", "a\rb", "a\nb"])
    def test_what_an_export_could_not_hold_is_refused(self, name, tmp_path):
        with pytest.raises(EditChoiceError):
            take(HolderEdit("h1", TODAY, {"name": name}))
        assert is_loadable(tmp_path)

    @pytest.mark.parametrize("code", ["a\x01", "a\u200b", "a\u202eb", "..", "."])
    def test_a_code_can_be_read_and_addressed(self, code):
        with pytest.raises(EditChoiceError):
            take(HolderEdit(code, TODAY, {"name": "x"}, is_new=True))

    def test_a_contact_replaced_by_a_process_that_died_is_destroyed_by_a_later_run(
        self, monkeypatch
    ):
        def died(*_given, **_more):
            raise FailpointError

        old = Holder.objects.get(pk="h1").contact_content
        monkeypatch.setattr(editing, "destroy_contents", died)
        with pytest.raises(FailpointError):
            take(HolderEdit("h1", TODAY, {"phone": "000-9"}))
        tend_contacts(ADMIN, now=LATER + timedelta(hours=1))
        assert contents.get(old) is not contents.DESTROYED  # perhaps another is writing it
        tend_contacts(ADMIN, now=LATER + timedelta(days=2))
        assert contents.get(old) is contents.DESTROYED
        assert public.contact_of("h1").phone == "000-9"
        assert public.contact_of("h2") is not None


def test_who_left_a_post_elsewhere_is_not_taken_over_by_a_keeper_of_a_part():
    """Whoever seats a person may read how that person is reached."""
    sitting = Sitting("h9", None, (6,), time(1), time(2))
    there, here = (RosterEdit(post, TODAY, None, sitting) for post in ("operator", "east-desk"))
    take(HolderEdit("h9", TODAY, {"name": "新人"}, is_new=True))
    take(there)
    (line,) = (x for x in lines_of("operator") if x.holder == "h9")
    take(RosterEdit("operator", TODAY, line, None))
    with pytest.raises(EditChoiceError):
        take(here, actor=EAST)
    take(here)
    (line,) = (x for x in lines_of("east-desk") if x.holder == "h9")
    take(RosterEdit("east-desk", TODAY, line, None), actor=EAST)
    take(HolderEdit("h8", TODAY, {"name": "另一人"}, is_new=True))
    own = RosterEdit("east-desk", TODAY, None, Sitting("h8", None, (6,), time(3), time(4)))
    take(own, actor=EAST)
    (line,) = (x for x in lines_of("east-desk") if x.holder == "h8")
    take(RosterEdit("east-desk", TODAY, line, None), actor=EAST)
    take(own, actor=EAST)  # and may come back to where they sat


EDITS = (
    HolderEdit("h1", TODAY, {"phone": "000-9"}),
    HolderEdit("h9", TODAY, {"name": "新人"}, is_new=True),
    RosterEdit("operator", TODAY, None, Sitting("h2", None, (6,), time(1), time(2))),
    SensorEdit("s1", in_force=False, on=TODAY),
)


@pytest.fixture
def armed():
    yield failpoints.arm
    failpoints.arm("")


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: f"{edit.section}:{edit.key}")
def test_cut_off_at_any_step_it_is_done_or_not_and_can_be_sent_again(edit, armed):
    """Every step that keeps something is broken in turn, before the journal and after it."""
    armed("trace")
    marks = {alias: transaction.savepoint(using=alias) for alias in ("default", "contents")}
    take(edit)
    steps = [(name, n) for name, count in failpoints.traced().items() for n in range(count)]
    for alias, mark in marks.items():
        transaction.savepoint_rollback(mark, using=alias)
    assert steps
    before = public.revision()
    for name, number in steps:
        armed(f"{name}:raise:{number + 1}")
        with pytest.raises(FailpointError):
            take(edit)
        if public.revision() != before:  # done: what it replaced is left to a later run
            assert public.contact_of("h1").phone == "000-9"
            break
        assert public.contact_of("h1").phone == "000-1"
    else:
        armed("")
        take(edit)
    rebuilt = journal.replay_images(JournalEntry.objects.order_by("seq"))
    assert registry_rows(rebuilt) == registry_rows(journal.live_state())
    assert public.contact_of("h1") is not None
