"""Rules and clocks changed by hand: versions follow one another, and the law's come back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from anlan.kernel.errors import NotAllowedError
from anlan.registry import public
from anlan.registry.domain.errors import (
    EditChoiceError,
    EditWorsensError,
    EntryReplacedError,
    EntryUnknownError,
    RecordChangedError,
)
from anlan.registry.models import PackEntry
from anlan.registry.services.versions import version_edit
from tests.registry.loads import in_order, load
from tests.registry.small_city import ADMIN, GROUNDED, NOW, a_rule
from tests.registry.test_entry_edits import (
    EAST,
    LATER,
    SOON,
    TODAY,
    WHY,
    pack_is_what_an_export_gives,
    take,
)

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture(autouse=True)
def city():
    load()


class TestVersions:
    def limits(self, at):
        return [{"level": "red", "raise_at": at, "clear_at": at / 2}]

    def gas(self, at):
        (rule,) = public.rules_in_force(at=at)
        return rule

    def test_a_rule_of_the_law_gets_one_of_the_city_s_from_a_day_on(self):
        edit = version_edit("rules", "gas.high", {"limits": self.limits(5.0)}, on=SOON, today=TODAY)
        take(edit)
        midnight = NOW + timedelta(days=2, hours=12)  # 00:00 in Shanghai
        assert self.gas(midnight - timedelta(seconds=1)).limits[0].raise_at == 10.0
        found = self.gas(midnight)
        assert (found.limits[0].raise_at, found.version, found.replaces) == (5.0, 2, "gas.high")
        assert found.confidence == "local"
        pack = pack_is_what_an_export_gives()
        assert [rule.version for rule in pack.rules] == [2]

    def test_versions_follow_one_another_and_keep_their_numbers(self):
        today = version_edit(
            "rules", "gas.high", {"limits": self.limits(5.0)}, on=TODAY, today=TODAY
        )
        take(today)
        assert self.gas(NOW).limits[0].raise_at == 10.0  # it did not judge this morning
        assert self.gas(LATER).limits[0].raise_at == 5.0
        soon = version_edit("rules", "gas.high", {"limits": self.limits(4.0)}, on=SOON, today=TODAY)
        take(soon, now=LATER + timedelta(minutes=1))
        rows = PackEntry.objects.filter(section="rules", source="city").order_by("version")
        assert [(row.version, row.in_pack) for row in rows] == [(2, True), (3, True)]
        assert rows[0].effective_to == rows[1].effective_from
        pack_is_what_an_export_gives()

    def test_a_planned_version_is_planned_anew(self):
        take(version_edit("rules", "gas.high", {"limits": self.limits(5.0)}, on=SOON, today=TODAY))
        again = version_edit(
            "rules", "gas.high", {"limits": self.limits(4.0)}, on=SOON, today=TODAY
        )
        take(again, now=LATER + timedelta(minutes=1))
        assert self.gas(LATER + timedelta(days=4)).limits[0].raise_at == 4.0
        assert len(public.city_pack(ADMIN).rules) == 1
        pack_is_what_an_export_gives()

    def test_the_law_s_counts_again_when_the_city_s_ends(self):
        take(version_edit("rules", "gas.high", {"limits": self.limits(5.0)}, on=TODAY, today=TODAY))
        end = version_edit("rules", "gas.high", None, on=TODAY, today=TODAY)
        take(end, now=LATER + timedelta(minutes=1))
        assert self.gas(LATER + timedelta(minutes=2)).limits[0].raise_at == 10.0
        with pytest.raises(EntryUnknownError):
            version_edit("rules", "gas.high", None, on=TODAY, today=TODAY)
        pack_is_what_an_export_gives()

    def test_the_linter_runs_before(self):
        wrong = [{"level": "red", "raise_at": 5.0, "clear_at": 6.0}]
        with pytest.raises(EditWorsensError):
            take(version_edit("rules", "gas.high", {"limits": wrong}, on=TODAY, today=TODAY))
        assert self.gas(LATER).version == 1

    def test_a_clock_slower_than_the_law_is_refused(self):
        quick = version_edit("clocks", "clock.gas", {"limit": "5m"}, on=TODAY, today=TODAY)
        take(quick)
        found = public.clock_rule("hidden_danger", "accept", "gas.leak", 1, at=LATER)
        assert (found.limit, found.replaces) == ("5m", "clock.gas")
        pack_is_what_an_export_gives()

    @pytest.mark.parametrize(
        "change",
        [
            {"limits": []},
            {"limits": [{"level": "purple", "raise_at": 1.0, "clear_at": 0.5}]},
            {"limits": [{"level": "red", "raise_at": float("inf"), "clear_at": 0.5}]},
            {"hold": "soon"},
            {"title": {"zh": "甲\u202e", "en": "a"}},
        ],
    )
    def test_what_no_rule_can_say(self, change):
        with pytest.raises(EditChoiceError):
            version_edit("rules", "gas.high", change, on=TODAY, today=TODAY)

    def test_rules_are_the_whole_city_s(self):
        edit = version_edit("rules", "gas.high", {"hold": "1m"}, on=TODAY, today=TODAY)
        with pytest.raises(NotAllowedError):
            take(edit, actor=EAST)

    def test_two_editors_at_once(self):
        edit = version_edit("rules", "gas.high", {"hold": "1m"}, on=TODAY, today=TODAY)
        seen = public.fingerprint_of("rules", "gas.high")
        take(version_edit("rules", "gas.high", {"hold": "2m"}, on=TODAY, today=TODAY))
        with pytest.raises(RecordChangedError):
            public.take_edit(ADMIN, edit, seen=seen, reason=WHY, now=LATER)

    def test_one_that_the_city_replaced_is_not_replaced_twice(self):
        own = a_rule("own.gas", raise_at=3.0, replaces="gas.high")
        load(replace(public.city_pack(ADMIN), rules=(own,)), now=LATER)
        with pytest.raises(EntryReplacedError):
            version_edit("rules", "gas.high", {"hold": "1m"}, on=TODAY, today=TODAY)
        later = LATER + timedelta(minutes=1)
        take(version_edit("rules", "own.gas", {"hold": "1m"}, on=TODAY, today=TODAY), now=later)
        assert [(x.id, x.hold) for x in public.rules_in_force(at=later)] == [("own.gas", "1m")]

    def test_its_history(self):
        take(version_edit("rules", "gas.high", {"hold": "1m"}, on=SOON, today=TODAY))
        (edit, loaded), _ = public.history_of(ADMIN, "rules", "gas.high")
        assert (edit.effective_on, edit.reason, edit.turns[0].what) == (SOON, WHY, "added")
        assert loaded.how == "load"


def test_a_rule_of_the_city_s_own_without_a_law(db):
    pack = public.city_pack(ADMIN)
    own = a_rule("own.gas", raise_at=3.0, **{k: v for k, v in GROUNDED.items() if k == "basis"})
    load(replace(pack, rules=(own,)), now=LATER)
    take(
        version_edit("rules", "own.gas", {"hold": "1m"}, on=TODAY, today=TODAY),
        now=LATER + timedelta(minutes=1),
    )
    assert [rule.replaces for rule in public.city_pack(ADMIN).rules] == [None]
    assert in_order(pack_is_what_an_export_gives()).rules[0].version == 2
