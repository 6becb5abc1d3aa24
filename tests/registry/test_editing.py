"""One thing changed by hand: who may, what is written, what an export and an older pack say."""

from __future__ import annotations

from datetime import date, time, timedelta

import msgspec
import pytest

from anlan.infra import contents, journal
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import NotAllowedError
from anlan.kernel.scales import RiskGrade
from anlan.registry import public
from anlan.registry.domain import city as c
from anlan.registry.domain import edits
from anlan.registry.domain.edits import (
    HolderEdit,
    RiskPointEdit,
    RosterEdit,
    SensorEdit,
    Sitting,
)
from anlan.registry.domain.errors import (
    EditChoiceError,
    EditDayPastError,
    EditEmptyError,
    EditReasonMissingError,
    EditReasonTooLongError,
    EditWorsensError,
    RecordChangedError,
    RecordUnknownError,
)
from anlan.registry.models import Holder, Shift
from tests.registry.loads import in_order, load, registry_rows
from tests.registry.small_city import ADMIN, KEEPER, NOW, a_city, a_jurisdiction, parsed

pytestmark = pytest.mark.django_db(databases="__all__")
TODAY = date(2026, 11, 23)
LATER = NOW + timedelta(minutes=5)
WHY = "市局 2026 年第 12 号通知"
WEST = Actor(
    id="account:9", role=Role.SYSTEM_ADMIN, areas=("410100/410103",), scopes=frozenset({"*"})
)
EAST = Actor(
    id="account:8", role=Role.SYSTEM_ADMIN, areas=("410100/410102",), scopes=frozenset({"*"})
)
DAY = Sitting("h2", None, (1, 2, 3, 4, 5, 6, 7), time(8), time(20))
CULVERT = RiskPointEdit("culvert-1", "commander", RiskGrade.MAJOR, "plan-flood", TODAY)


@pytest.fixture(autouse=True)
def city():
    load()


def take(edit, actor=ADMIN, now=LATER, reason=WHY, seen=None):
    key = public.fingerprint_of(edit.section, edit.key) if seen is None else seen
    return public.take_edit(actor, edit, seen=key, reason=reason, now=now)


def day_line():
    lines = public.records(ADMIN, "shifts", public.Wanted(of="operator"), at=NOW).records
    return next(x.entry for x in lines if x.entry.start == time(8))


class TestRiskPoint:
    def test_it_is_written_with_one_entry_that_says_who_when_and_why(self):
        before = public.revision()
        shown = take(CULVERT)
        assert [(x.what, x.columns) for x in shown.differences] == [
            ("changed", (("owner_post", "east-desk", "commander"),))
        ]
        assert public.place("culvert-1").owner_post == "commander"
        assert public.revision() != before
        last = JournalEntry.objects.order_by("-seq").first()
        assert (last.event, last.actor, last.at) == ("CityEdited", ADMIN.id, LATER)
        assert last.payload["effective_on"] == "2026-11-23"
        assert (last.payload["added"], last.payload["changed"], last.payload["ended"]) == (0, 1, 0)
        assert WHY not in str(last.payload)
        assert contents.get_text(last.payload["reason_content"]) == WHY

    def test_the_journal_rebuilds_it(self):
        take(CULVERT)
        rebuilt = journal.replay_images(JournalEntry.objects.order_by("seq"))
        assert registry_rows(rebuilt) == registry_rows(journal.live_state())

    def test_who_answered_before_stays_who_answered_before(self):
        take(CULVERT)
        assert public.who_answered("culvert-1", at=NOW).post == "east-desk"
        assert public.who_answered("culvert-1", at=LATER).post == "commander"

    def test_an_export_holds_it_and_loading_that_changes_nothing(self):
        take(CULVERT)
        pack = public.city_pack(ADMIN)
        assert public.diff_city(parsed(pack), parsed(a_jurisdiction()), now=LATER).is_empty

    def test_an_older_pack_shows_it_as_a_difference(self):
        take(CULVERT)
        diff = public.diff_city(parsed(a_city()), parsed(a_jurisdiction()), now=LATER)
        (example,) = diff.sections["risk_points"].examples
        assert (example.key, example.columns) == ("culvert-1", ("owner_post_id",))

    def test_its_history_tells_before_and_after_newest_first(self):
        take(CULVERT)
        found, has_older = public.history_of(ADMIN, "risk_points", "culvert-1")
        assert not has_older
        edit, loaded = found
        assert (edit.how, edit.reason, edit.effective_on) == ("edit", WHY, TODAY)
        assert edit.turns[0].columns == (("owner_post_id", "east-desk", "commander"),)
        assert (loaded.how, loaded.turns[0].what) == ("load", "added")

    def test_an_auditor_sees_that_a_reason_was_given_and_not_the_words(self):
        take(CULVERT)
        auditor = Actor(id="account:5", role=Role.AUDITOR, areas=("",))
        found, _ = public.history_of(auditor, "risk_points", "culvert-1")
        assert (found[0].reason, found[0].reason_withheld) == ("", True)

    def test_the_history_is_as_long_as_a_page(self):
        for number in range(25):
            owner = "commander" if number % 2 == 0 else "east-desk"
            edit = RiskPointEdit("culvert-1", owner, RiskGrade.MAJOR, "plan-flood", TODAY)
            take(edit, now=LATER + timedelta(minutes=number))
        found, has_older = public.history_of(ADMIN, "risk_points", "culvert-1")
        assert (len(found), has_older) == (20, True)
        assert all(x.turns[0].what == "changed" and x.turns[0].columns for x in found)


class TestRefusals:
    def test_only_keepers_of_city_data_edit(self):
        with pytest.raises(NotAllowedError):
            take(CULVERT, actor=KEEPER)

    @pytest.mark.parametrize("act", [public.show_edit, None])
    def test_what_lies_elsewhere_is_not_found(self, act):
        with pytest.raises(RecordUnknownError):
            act(WEST, CULVERT, now=LATER) if act else take(CULVERT, actor=WEST)

    def test_a_keeper_of_the_area_may(self):
        take(CULVERT, actor=EAST)
        assert public.place("culvert-1").owner_post == "commander"

    def test_two_editors_at_once(self):
        seen = public.fingerprint_of("risk_points", "culvert-1")
        take(CULVERT)
        other = RiskPointEdit("culvert-1", None, RiskGrade.LOW, "plan-flood", TODAY)
        entries = JournalEntry.objects.count()
        with pytest.raises(RecordChangedError):
            take(other, seen=seen)
        assert JournalEntry.objects.count() == entries
        assert public.place("culvert-1").owner_post == "commander"

    def test_a_change_elsewhere_is_no_conflict(self):
        seen = public.fingerprint_of("risk_points", "culvert-1")
        take(SensorEdit("s1", in_force=False, on=TODAY))
        take(CULVERT, seen=seen)

    @pytest.mark.parametrize(
        ("reason", "error"),
        [(" ", EditReasonMissingError), ("x" * 1001, EditReasonTooLongError)],
    )
    def test_a_reason_is_asked_for(self, reason, error):
        with pytest.raises(error):
            take(CULVERT, reason=reason)

    def test_nothing_is_written_twice(self):
        take(CULVERT)
        with pytest.raises(EditEmptyError):
            take(CULVERT)

    def test_the_past_is_not_rewritten(self):
        with pytest.raises(EditDayPastError):
            take(SensorEdit("s1", in_force=False, on=TODAY - timedelta(days=1)))

    @pytest.mark.parametrize(
        "edit",
        [
            RiskPointEdit("culvert-1", "ghost", None, None, TODAY),
            RiskPointEdit("culvert-1", None, None, "no-plan", TODAY),
            RosterEdit("operator", TODAY, None, Sitting("ghost", None, (1,), time(8), time(9))),
            RosterEdit("operator", TODAY, None, Sitting("h1", "h1", (1,), time(8), time(9))),
            RosterEdit("operator", TODAY, None, Sitting("h1", None, (), time(8), time(9))),
            RosterEdit(
                "operator",
                TODAY,
                None,
                Sitting("h1", None, (1,), time(8), time(9)),
                TODAY - timedelta(days=1),
            ),
            HolderEdit("h1", TODAY, {"name": ""}),
            HolderEdit("new one", TODAY, {"name": "新人"}),
            HolderEdit("h9", TODAY, {"phone": "1"}),
        ],
    )
    def test_what_cannot_be_meant(self, edit):
        with pytest.raises(EditChoiceError):
            take(edit)

    def test_an_error_that_the_city_does_not_have(self):
        lines = public.records(ADMIN, "shifts", public.Wanted(of="commander"), at=NOW).records
        edit = RosterEdit("commander", TODAY, lines[0].entry, None)
        shown = public.show_edit(ADMIN, edit, now=LATER)
        assert {x.finding.code for x in shown.refused} == {"ladder.unreachable"}
        with pytest.raises(EditWorsensError):
            take(edit)
        assert public.on_duty("commander", at=LATER).holder == "h1"


class TestRoster:
    def test_from_today_on_another_sits_and_this_morning_stays(self):
        take(RosterEdit("operator", TODAY, day_line(), DAY))
        assert public.on_duty("operator", at=NOW).holder == "h1"
        assert public.on_duty("operator", at=LATER).holder == "h2"
        assert public.on_duty("operator", at=LATER).deputy is None
        assert len(public.city_pack(ADMIN).shifts) == 4

    def test_from_a_later_day_on(self):
        on = TODAY + timedelta(days=3)
        take(RosterEdit("operator", on, day_line(), DAY))
        assert public.on_duty("operator", at=NOW + timedelta(days=2)).holder == "h1"
        assert public.on_duty("operator", at=NOW + timedelta(days=3)).holder == "h2"
        pack = public.city_pack(ADMIN)
        assert sorted(str(x.valid_to) for x in pack.shifts if x.post == "operator") == [
            "2026-11-26",
            "None",
            "None",
        ]

    def test_somebody_stands_in_for_two_days(self):
        take(RosterEdit("operator", TODAY, day_line(), DAY, until=TODAY + timedelta(days=1)))
        assert public.on_duty("operator", at=NOW).holder == "h1"
        assert public.on_duty("operator", at=LATER).holder == "h2"
        assert public.on_duty("operator", at=NOW + timedelta(days=1)).holder == "h2"
        assert public.on_duty("operator", at=NOW + timedelta(days=2)).holder == "h1"

    def test_a_line_ends(self):
        shown = take(RosterEdit("east-desk", TODAY, _line("east-desk"), None))
        assert [x.what for x in shown.differences] == ["ended"]
        assert public.on_duty("east-desk", at=LATER).holder is None
        assert public.on_duty("east-desk", at=NOW).holder == "h2"

    def test_a_further_line(self):
        night = Sitting("h1", "h2", (6, 7), time(20), time(8))
        take(RosterEdit("east-desk", TODAY, None, night))
        assert Shift.objects.filter(post="east-desk", ended_at__isnull=True).count() == 2

    def test_nobody_of_elsewhere_is_seated_by_a_keeper_of_a_part(self):
        take(HolderEdit("h9", TODAY, {"name": "新人"}))
        elsewhere = RosterEdit(
            "east-desk", TODAY, None, Sitting("h1", None, (6,), time(8), time(9))
        )
        with pytest.raises(EditChoiceError):
            take(elsewhere, actor=EAST)
        new = RosterEdit("east-desk", TODAY, None, Sitting("h9", "h2", (6,), time(8), time(9)))
        take(new, actor=EAST)
        take(elsewhere)

    def test_a_line_that_is_gone_is_a_conflict(self):
        line = day_line()
        take(RosterEdit("operator", TODAY, line, DAY))
        with pytest.raises(RecordChangedError):
            take(RosterEdit("operator", TODAY, line, DAY))

    def test_the_post_s_history_tells_of_it(self):
        take(RosterEdit("operator", TODAY, day_line(), DAY))
        found, _ = public.history_of(ADMIN, "posts", "operator")
        assert found[0].how == "edit"
        assert {x.what for x in found[0].turns} == {"added", "ended"}

    def test_export_and_load_again_change_nothing(self):
        take(RosterEdit("operator", TODAY, day_line(), DAY, until=TODAY))
        pack = public.city_pack(ADMIN)
        assert public.diff_city(parsed(pack), parsed(a_jurisdiction()), now=LATER).is_empty
        load(pack, now=LATER + timedelta(minutes=1))
        assert in_order(public.city_pack(ADMIN)) == in_order(pack)


def _line(post):
    return public.records(ADMIN, "shifts", public.Wanted(of=post), at=NOW).records[0].entry


class TestSensor:
    def test_out_of_force_and_back(self):
        take(SensorEdit("s1", in_force=False, on=TODAY))
        assert public.sensors(at=LATER) == ()
        back = TODAY + timedelta(days=2)
        take(SensorEdit("s1", in_force=True, on=back))
        assert public.sensors(at=LATER) == ()
        assert [x.code for x in public.sensors(at=NOW + timedelta(days=2))] == ["s1"]

    def test_one_that_counts_already(self):
        with pytest.raises(EditEmptyError):
            take(SensorEdit("s1", in_force=True, on=TODAY))


class TestHolder:
    def test_another_telephone_and_the_old_contact_is_destroyed(self):
        old = Holder.objects.get(pk="h1").contact_content
        shown = take(HolderEdit("h1", TODAY, {"phone": "000-9"}))
        assert shown.differences[0].columns == (("phone", None, None),)
        contact = public.contact_of("h1")
        assert (contact.phone, contact.email) == ("000-9", "a@example.invalid")
        assert contents.get(old) is contents.DESTROYED
        assert "000-9" not in str(list(JournalEntry.objects.values_list("payload", "images")))

    def test_a_new_person(self):
        take(HolderEdit("h9", TODAY, {"name": "新人", "phone": "000-3", "language": "en"}))
        assert public.contact_of("h9").name == "新人"
        assert public.reachable_by("h9") == ("phone",)

    def test_somebody_who_sits_elsewhere_too_is_not_theirs(self):
        with pytest.raises(RecordUnknownError):
            take(HolderEdit("h2", TODAY, {"phone": "1"}), actor=EAST)

    def test_who_looked_is_in_the_journal_and_the_contact_is_not(self):
        assert public.show_contact(ADMIN, "h1", reason="电话打不通", now=LATER).name == "值班员甲"
        last = JournalEntry.objects.order_by("-seq").first()
        assert (last.event, last.payload["what"], last.payload["holders"]) == (
            "ContactsShown",
            "h1",
            1,
        )
        assert "值班员甲" not in str(last.payload)
        with pytest.raises(EditReasonMissingError):
            public.show_contact(ADMIN, "h1", reason="", now=LATER)
        with pytest.raises(RecordUnknownError):
            public.show_contact(WEST, "h1", reason="x", now=LATER)
        with pytest.raises(NotAllowedError):
            public.show_contact(KEEPER, "h1", reason="x", now=LATER)


class TestLists:
    def test_searched_narrowed_and_in_pages(self):
        def codes(section, actor=ADMIN, **wanted):
            found = public.records(actor, section, public.Wanted(**wanted), at=NOW)
            return [x.entry.code for x in found.records]

        assert codes("risk_points", text="涵") == ["culvert-1"]
        assert codes("risk_points", text="CULVERT") == ["culvert-1"]
        assert codes("risk_points", area="410103") == []
        assert codes("posts", EAST) == ["east-desk"]
        assert codes("sensors", of="culvert-1") == ["s1"]
        assert codes("posts", page=2) == []
        assert public.counts(WEST)["posts"] == 0

    def test_what_the_linter_finds_is_about_an_entry(self):
        found = public.examined(now=NOW).about("risk_points", "mall-1")
        assert {x.finding.code for x in found} >= {"risk_point.no_owner", "risk_point.no_grade"}
        seen = public.examined(now=NOW).seen_by(WEST)
        assert {x.area_path for x in seen} == {"410100/410103"}

    def test_an_edit_ends_a_finding(self):
        edit = RiskPointEdit("mall-1", "operator", RiskGrade.LOW, None, TODAY)
        shown = public.show_edit(ADMIN, edit, now=LATER)
        assert {x.finding.code for x in shown.closed} == {
            "risk_point.no_owner",
            "risk_point.no_grade",
        }


def test_a_roster_edit_is_pure():
    line = c.Shift(post="p", holder="h1", valid_from=date(2026, 1, 1))
    sat = Sitting("h2", None, (1, 2, 3, 4, 5, 6, 7), time(0), time(0))
    same = edits.apply(
        RosterEdit(
            "p", date(2026, 1, 1), None, Sitting("h1", None, line.weekdays, time(0), time(0))
        ),
        (line,),
        today=TODAY,
    )
    assert same == (line,)
    ahead = edits.apply(RosterEdit("p", date(2027, 1, 1), line, sat), (line,), today=TODAY)
    assert [x.valid_to for x in ahead] == [date(2027, 1, 1), None]
    assert edits.apply(RosterEdit("p", TODAY, line, None), (line,), today=TODAY) == ()
    assert msgspec.structs.replace(ahead[0], valid_to=None) == line
