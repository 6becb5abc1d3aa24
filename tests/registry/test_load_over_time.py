"""What changes at a load takes effect then: duties, rosters, rules, contacts over time."""

from __future__ import annotations

from datetime import date, time, timedelta

import msgspec
import pytest

from anlan.infra import contents
from anlan.infra.models import ContentItem, JournalEntry
from anlan.registry import public
from anlan.registry.domain import errors
from anlan.registry.models import Duty, Holder, Shift
from tests.registry import small_city as small
from tests.registry.loads import changed, live, load, rebuilt, registry_rows
from tests.registry.small_city import ADMIN, NOW, a_city, a_jurisdiction

pytestmark = pytest.mark.django_db(databases="__all__")
LATER = NOW + timedelta(days=10)


class TestWhoAnsweredThen:
    """A changed duty or roster takes effect at its load; before it the old one counts."""

    def test_a_replaced_duty(self):
        load()
        duties = (small.a_duty("410100", "*", "commander"), *a_city().duties[1:])
        load(changed(a_city(), duties=duties), now=LATER)
        ask = ("410103", "gas.leak", None)
        assert public.responsible_post(*ask, at=LATER - timedelta(seconds=1)).post == "operator"
        assert public.responsible_post(*ask, at=LATER).post == "commander"
        assert Duty.objects.count() == 4

    def test_a_duty_that_was_never_set_before_counts_from_its_own_day(self):
        load(changed(a_city(), duties=()))
        load(now=LATER)
        found = public.responsible_post("410103", "gas.leak", None, at=NOW)
        assert found.post == "operator"

    def test_a_duty_ended_by_its_own_date(self):
        first = a_city().duties[0]
        ended = msgspec.structs.replace(first, valid_to=date(2026, 11, 25))
        load()
        load(changed(a_city(), duties=(ended, *a_city().duties[1:])), now=LATER)
        assert public.responsible_post("410103", "gas.leak", None, at=NOW).post == "operator"
        assert public.responsible_post("410103", "gas.leak", None, at=LATER) is None
        assert Duty.objects.count() == 3

    def test_another_deputy(self):
        load()
        shifts = tuple(
            msgspec.structs.replace(shift, deputy="h1")
            if (shift.post, shift.holder) == ("commander", "h1")
            else shift
            for shift in a_city().shifts
        )
        load(changed(a_city(), shifts=shifts), now=LATER)
        assert public.on_duty("commander", at=LATER - timedelta(seconds=1)).deputy == "h2"
        assert public.on_duty("commander", at=LATER).deputy == "h1"
        assert Shift.objects.filter(post_id="commander").count() == 2

    def test_the_nearest_area_and_the_closest_words(self):
        load()
        assert public.responsible_post("410102001", "met.rain", "red", at=NOW).post == "commander"
        found = public.responsible_post("410102001", "met.rain", "orange", at=NOW)
        assert (found.post, found.area, found.basis) == ("east-desk", "410102", "Decision No 1")
        assert public.responsible_post("kfq", "met.rain", "red", at=NOW).post == "operator"
        assert public.responsible_post("nowhere", "met.rain", "red", at=NOW) is None


class TestRuleVersions:
    """A changed rule has an instant of effect; old versions stay readable."""

    def test_a_change_takes_effect_at_the_load(self):
        load()
        load(law=a_jurisdiction(rules=(small.a_rule(raise_at=20.0),)), now=LATER)
        (before,) = public.rules_in_force(at=LATER - timedelta(seconds=1))
        (after,) = public.rules_in_force(at=LATER)
        assert (before.version, before.limits[0].raise_at) == (1, 10.0)
        assert (after.version, after.limits[0].raise_at) == (2, 20.0)
        assert public.rule("gas.high", 1) == before
        assert public.rule("gas.high", 2) == after
        with pytest.raises(errors.EntryUnknownError):
            public.rule("gas.high", 3)

    def test_a_change_with_a_day_ahead_waits_for_it(self):
        load()
        new = small.a_rule(raise_at=20.0, version=2, effective_from=date(2027, 1, 1))
        load(law=a_jurisdiction(rules=(new,)), now=LATER)
        midnight = small.datetime(2026, 12, 31, 16, tzinfo=small.UTC)  # 00:00 in Shanghai
        (before,) = public.rules_in_force(at=midnight - timedelta(seconds=1))
        (after,) = public.rules_in_force(at=midnight)
        assert (before.version, after.version) == (1, 2)

    def test_several_versions_in_one_pack_follow_one_another(self):
        one = small.a_rule(effective_to=date(2023, 1, 1))
        two = small.a_rule(raise_at=20.0, version=2, effective_from=date(2022, 1, 1))
        load(law=a_jurisdiction(rules=(one, two)))
        for day, version in ((date(2021, 12, 31), 1), (date(2022, 1, 2), 2), (date(2024, 1, 1), 2)):
            at = small.datetime.combine(day, time(12), tzinfo=small.UTC)
            assert [rule.version for rule in public.rules_in_force(at=at)] == [version]
        assert public.rules_in_force(at=small.datetime(2019, 1, 1, tzinfo=small.UTC)) == ()

    def test_a_rule_that_left_the_pack_and_came_back(self):
        load()
        load(law=a_jurisdiction(rules=()), now=LATER)
        assert public.rules_in_force(at=LATER) == ()
        assert len(public.rules_in_force(at=NOW)) == 1
        again = LATER + timedelta(days=1)
        load(now=again)
        assert [rule.version for rule in public.rules_in_force(at=again)] == [2]
        assert public.rules_in_force(at=again - timedelta(seconds=1)) == ()

    def test_the_city_s_own_takes_the_place_of_the_law_s(self):
        own = small.a_rule("own.gas", raise_at=5.0, replaces="gas.high")
        load(changed(a_city(), rules=(own,)))
        assert [rule.id for rule in public.rules_in_force(at=NOW)] == ["own.gas"]
        same = small.a_rule(raise_at=7.0)
        load(changed(a_city(), rules=(same,)), now=LATER)
        (rule,) = public.rules_in_force(at=LATER)
        assert (rule.limits[0].raise_at, rule.version) == (7.0, 2)

    def test_clocks_ladders_and_plans_are_asked_at_an_instant(self):
        load()
        clock = public.clock_rule("hidden_danger", "accept", "gas.leak", 1, at=NOW)
        assert (clock.id, public.clock_rule_by_id(clock.id, clock.version)) == ("clock.gas", clock)
        assert public.clock_rule("hidden_danger", "check", "gas.leak", 1, at=NOW) is None
        assert public.ladder_for("service", "gas.leak", at=NOW).id == "ladder.any"
        assert public.response_asked("met.rain", "orange", at=NOW).response == "II"
        past = small.datetime(2019, 1, 1, tzinfo=small.UTC)
        assert public.ladder_for("service", "gas.leak", at=past) is None


class TestHolders:
    """Contacts lie in the content store; rows and journal hold a digest."""

    def test_no_contact_stands_in_the_journal_or_a_table(self):
        load()
        kept = str(list(JournalEntry.objects.values_list("images", "payload")))
        assert "example.invalid" not in kept
        assert "值班员甲" not in kept
        assert "000-1" not in str(list(Holder.objects.values()))
        assert public.contact_of("h1").email == "a@example.invalid"
        assert public.contact_of("nobody") is None

    def test_only_a_changed_contact_becomes_a_new_item(self):
        load()
        first, second = a_city().holders
        moved = msgspec.structs.replace(first, phone="000-2")
        diff = load(changed(a_city(), holders=(moved, second)), now=LATER)
        assert diff.table() == [("holders", 0, 1, 0)]
        assert ContentItem.objects.using("contents").count() == 3
        assert public.contact_of("h1").phone == "000-2"

    def test_a_destroyed_contact_is_given_anew(self):
        load()
        row = Holder.objects.get(pk="h1")
        contents.destroy([row.contact_content], reason="asked", now=NOW)
        assert public.contact_of("h1") is None
        load(now=LATER)
        assert public.contact_of("h1").name == "值班员甲"

    def test_contacts_are_renewed_in_time_and_destroyed_after_leaving(self):
        load()
        assert public.tend_contacts(ADMIN, now=NOW) == (0, 0)
        late = NOW + timedelta(days=600)
        assert public.tend_contacts(ADMIN, now=late) == (2, 0)
        assert public.contact_of("h2").language == "en"
        load(small.with_info(changed(a_city(), holders=a_city().holders[:1], shifts=())), now=late)
        assert public.tend_contacts(ADMIN, now=late + timedelta(days=29)) == (0, 0)
        assert public.tend_contacts(ADMIN, now=late + timedelta(days=31)) == (0, 1)
        assert public.contact_of("h2") is None
        assert public.contact_of("h1") is not None
        assert public.tend_contacts(ADMIN, now=late + timedelta(days=32)) == (0, 0)
        assert JournalEntry.objects.filter(event="ContentsDestroyed").count() == 2
        assert registry_rows(rebuilt()) == live()
