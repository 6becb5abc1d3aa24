"""Reports add up what was counted ahead: equal to counting everything, and anew when inputs differ."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from anlan.accountability import public
from anlan.accountability.domain.review import (
    ReviewTooLargeError,
    day_of,
    period_of,
    start_of,
)
from anlan.accountability.domain.sums import FORM, READ
from anlan.accountability.models import CountedPart, CountedRange
from anlan.accountability.selectors import counted
from anlan.accountability.selectors import review as reading
from anlan.accountability.selectors.tree import LedgerContradictionError
from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.registry.domain.events import AccountChanged
from anlan.registry.models import Area, Post
from anlan.response.domain.events import CaseMoved, CaseOpened, CaseOwnerChanged
from tests.accountability.conftest import ME, NOW, seal
from tests.accountability.domain import naive_review as naive
from tests.registry import small_city

pytestmark = pytest.mark.django_db(databases="__all__")
EVERYONE = system_actor("test")


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch):
    """Ranges of 64 entries: the smallest subtree that the ledger keeps."""
    monkeypatch.setattr(counted, "LEVEL", 6)
    monkeypatch.setattr(counted, "RANGE", 64)


@pytest.fixture
def zone(city):
    return registry.timezone()


def write(events, *, start=NOW, every=timedelta(minutes=20), chance=None):
    """Append events, one after the other; with ``chance`` their instants now and then go back."""
    for number, event in enumerate(events):
        at = start + every * number
        if chance is not None:
            at -= timedelta(minutes=chance.choice((0, 0, 0, 5, 50)))
        with transaction.atomic():
            journal.record(event, actor=ME, now=at)


def lives(count, *, first=1, chance=None):
    """Return the events of some cases whose lives overlap, with entries between that nobody counts."""
    chance = chance or Random(7)
    areas = [*Area.objects.values_list("code", flat=True)[:3], ""]
    posts = list(Post.objects.values_list("code", flat=True)[:3])
    found, running = [], []
    for case in range(first, first + count):
        found.append(CaseOpened(
            case=case, number=f"AL-{case}", kind="service", hazard=chance.choice(("fire", "flood")),
            area=chance.choice(areas), place="", priority=2, owner=chance.choice(posts),
            origin="manual",
        ))  # fmt: skip
        running.append(case)
        for _ in range(chance.randrange(4)):
            one = chance.choice(running[-9:])
            after = chance.choice(("handling", "closed", "rated"))
            found.append(chance.choice((
                CaseMoved(case=one, trigger="t", before="x", after=after, reason=""),
                CaseOwnerChanged(case=one, before="", owner=chance.choice(posts), why="decided"),
                AccountChanged(account="a", what="made"),
            )))  # fmt: skip
    return found


def expected(since, until, up_to=10**9):
    """Count event by event whatever the journal holds of a period."""
    rows = JournalEntry.objects.filter(at__gte=since, at__lt=until, seq__lte=up_to, event__in=READ)
    found = naive.happened([journal.told(row) for row in rows.order_by("seq")])
    paths = dict(Area.objects.values_list("code", "path"))
    of_posts = dict(Post.objects.values_list("code", "organisation_id"))

    def district(code):
        parts = paths.get(code, code).split("/")
        return parts[1] if len(parts) > 1 else parts[0]

    return naive.count(
        found, since=since, until=until, area_of=district,
        organisation_of=lambda post: of_posts.get(post, ""),
    )  # fmt: skip


def read(since, until, **given):
    return public.review_period(EVERYONE, since, until, now=until, **given)


def days(zone, first, length):
    """Return a period of whole local days, from the one that many days after the start."""
    day = day_of(NOW, zone) + timedelta(days=first)
    return start_of(day, zone), start_of(day + timedelta(days=length), zone)


class TestAddingUp:
    @pytest.mark.parametrize("seed", range(4))
    def test_it_equals_what_is_counted_event_by_event(self, zone, seed):
        chance = Random(seed)
        write(lives(150, chance=chance), chance=chance)
        found = public.count_ahead()
        assert found.counted % 64 == 0
        assert 0 < found.of - found.counted < 64
        for first in range(0, 7, 2):
            for length in (1, 2, 8):
                since, until = days(zone, first, length)
                got = read(since, until)
                assert got.review == expected(since, until)
                assert got.still is None

    def test_days_that_lie_in_the_period_in_part_are_read_from_the_journal(self, zone):
        write(lives(150))
        public.count_ahead()
        since, until = days(zone, 0, 4)
        for cut in (timedelta(hours=3), timedelta(hours=40)):
            period = since + cut, until - cut
            assert read(*period).review == expected(*period)
        inside_one_day = since + timedelta(hours=10), since + timedelta(hours=13)
        assert read(*inside_one_day).review == expected(*inside_one_day)

    def test_before_anything_was_counted_all_is_read(self, zone):
        write(lives(40))
        since, until = days(zone, 0, 3)
        assert read(since, until).review == expected(since, until)

    def test_it_names_the_entries_it_was_counted_from(self, zone):
        write(lives(100))
        public.count_ahead()
        since, until = days(zone, 0, 2)
        rows = JournalEntry.objects.filter(at__gte=since, at__lt=until, event__in=READ)
        seqs = sorted(rows.values_list("seq", flat=True))
        got = read(since, until)
        assert (got.entries, got.first_seq, got.last_seq) == (len(seqs), seqs[0], seqs[-1])

    def test_who_sees_some_areas_gets_these(self, zone):
        write(lives(100))
        public.count_ahead()
        since, until = days(zone, 0, 3)
        one = max(Area.objects.all()[:3], key=lambda area: len(area.path))
        official = small_city.ADMIN.__class__(
            id="account:1", role=small_city.ADMIN.role, areas=(one.path,), post=None
        )
        seen = public.review_period(official, since, until, now=until).review
        assert 0 < seen.whole.opened < read(since, until).review.whole.opened


class TestTheSameFigure:
    def test_an_old_report_is_had_again_with_its_last_entry(self, zone):
        write(lives(100))
        since, until = days(zone, 0, 3)
        before = read(since, until)
        public.count_ahead()
        # What is told late of an old day: the figures of today differ, those of then do not.
        write(lives(80, first=500), start=since)
        assert read(since, until).review != before.review
        public.count_ahead()
        again = read(since, until, up_to=before.head)
        assert (again.review, again.entries, again.last_seq, again.head) == (
            before.review, before.entries, before.last_seq, before.head,
        )  # fmt: skip

    def test_what_was_told_late_is_a_part_of_its_day(self, zone):
        write(lives(100))
        public.count_ahead()
        write(lives(80, first=500), start=NOW + timedelta(hours=1))
        public.count_ahead()
        since, until = days(zone, 0, 1)
        assert read(since, until).review == expected(since, until)


class TestInputs:
    def counted_from_others(self, **changed):
        CountedRange.objects.filter(number=1).update(**changed)
        CountedPart.objects.filter(range=1).update(data=CountedPart.objects.first().data)

    def test_parts_of_other_inputs_are_not_used_and_counted_anew(self, zone, places):
        write(lives(150))
        public.count_ahead()
        seal(places)
        since, until = days(zone, 0, 9)
        right = expected(since, until)
        for changed in ({"root": "00" * 32}, {"zone": "UTC"}, {"form": FORM + 1}):
            self.counted_from_others(**changed)
            assert read(since, until).review == right
            ranges = CountedRange.objects.count()
            assert public.recheck() == ranges - 1
            assert CountedRange.objects.count() == 1
            assert read(since, until).review == right
            public.count_ahead()
            assert public.recheck() == 0
            assert CountedRange.objects.count() == ranges
            assert read(since, until).review == right

    def test_a_journal_that_contradicts_the_ledger_is_not_counted(self, zone, places):
        write(lives(60))
        seal(places)
        JournalEntry.objects.filter(seq=70).update(leaf="ab" * 32)
        with pytest.raises(LedgerContradictionError):
            public.count_ahead()
        assert CountedRange.objects.count() == 1

    def test_no_person_is_kept(self, zone):
        write(lives(100))
        public.count_ahead()
        assert CountedPart.objects.count() > 3
        names = {field.name for field in CountedPart._meta.get_fields()}
        assert names == {"id", "range", "day", "entries", "first_seq", "last_seq", "data"}
        for row in CountedPart.objects.all():
            sums = counted.unpacked(bytes(row.data), entries=1, first=1, last=1)
            assert not any(ME.id in text for text in sums.texts)


class TestCosts:
    def asked(self, zone):
        since, until = days(zone, 0, 30)
        with CaptureQueriesContext(connection) as seen:
            read(since, until)
        return seen.captured_queries

    def test_a_report_asks_as_much_of_many_ranges_as_of_two(self, zone):
        write(lives(100))
        public.count_ahead()
        few = len(self.asked(zone))
        write(lives(300, first=500))
        public.count_ahead()
        many = self.asked(zone)
        assert few == len(many) <= 11

    def test_what_is_counted_is_not_read_again(self, zone, monkeypatch):
        write(lives(300))
        public.count_ahead()
        write(lives(5, first=900))
        rows = []
        told = journal.told
        monkeypatch.setattr(journal, "told", lambda entry: rows.append(entry.seq) or told(entry))
        since, until = days(zone, 0, 30)
        read(since, until)
        assert 5 <= len(rows) <= journal.head() % 64

    def test_each_entry_is_counted_once(self, zone, monkeypatch):
        write(lives(300))
        rows = []
        told = journal.told
        monkeypatch.setattr(journal, "told", lambda entry: rows.append(entry.seq) or told(entry))
        turns = iter([True, True, False])
        assert public.count_ahead(goes_on=lambda: next(turns)).counted == 128
        public.count_ahead()
        assert len(rows) == len(set(rows)) > 300

    def test_days_still_being_counted_are_named_and_the_others_counted(self, zone, monkeypatch):
        write(lives(200))
        turns = iter([True, True, True, False])
        public.count_ahead(goes_on=lambda: next(turns))
        monkeypatch.setattr(reading, "MOST_ENTRIES", 20)
        since, until = days(zone, 0, 20)
        got = read(since, until)
        assert got.review == expected(since, until, up_to=192)
        assert (got.still.counted, got.still.of, got.head) == (192, journal.head(), 192)
        at = JournalEntry.objects.get(seq=193).at
        assert (got.still.first, got.still.last) == (
            day_of(at, zone), day_of(until - timedelta(seconds=1), zone),
        )  # fmt: skip
        public.count_ahead()
        monkeypatch.setattr(reading, "MOST_ENTRIES", 60)
        got = read(since, until)
        assert got.still is None
        assert got.review == expected(since, until)

    def test_too_much_in_parts_of_days_is_refused(self, zone, monkeypatch):
        write(lives(200))
        public.count_ahead()
        monkeypatch.setattr(reading, "MOST_ENTRIES", 45)
        since, until = days(zone, 1, 4)
        read(since, until)
        with pytest.raises(ReviewTooLargeError):
            read(since + timedelta(minutes=1), until)


def test_without_a_city_nothing_is_counted(db):
    assert public.count_ahead().counted == 0
    assert public.recheck() == 0


def test_months_of_every_zone_are_whole_days(zone):
    since, until = period_of(NOW.astimezone(zone), "month")
    assert start_of(day_of(since, zone), zone) == since
    assert start_of(day_of(until, zone), zone) == until
