"""Telling a post: one notice for each key, messages for who is on duty, never nowhere."""

from datetime import timedelta

import pytest
from django.db import transaction

from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.notices import public as notices
from anlan.notices.models import Delivery, Notice
from tests.notices.city import CALLER, NOON, tell

pytestmark = pytest.mark.django_db(databases="__all__")
NIGHT = NOON + timedelta(hours=11)  # 23:00 in Shanghai
MORNING = NOON + timedelta(hours=19)  # 07:00 the next day


def sent_to(number):
    rows = Delivery.objects.filter(notice_id=number).order_by("holder", "channel")
    return [(row.holder, row.channel) for row in rows]


def test_a_normal_notice_goes_to_the_holder_alone(city):
    number = tell()
    row = Notice.objects.get(pk=number)
    assert (row.post, row.before, row.mark, row.next_wake_at) == ("district", "amy", "", None)
    assert sent_to(number) == [("amy", "email")]


def test_red_goes_to_holder_and_deputy_and_waits_five_minutes_for_an_answer(city):
    number = tell(urgency="red")
    assert sent_to(number) == [("amy", "email"), ("bob", "email")]
    assert Notice.objects.get(pk=number).next_wake_at == NOON + timedelta(minutes=5)


def test_a_person_is_reached_on_every_channel_that_has_an_address(city):
    assert sent_to(tell("operator")) == [("eve", "email"), ("eve", "webhook")]
    assert sent_to(tell("street", key="no address")) == []
    assert Notice.objects.get(post="street").before == "lee"


def test_telling_twice_changes_nothing(city):
    first = tell()
    before = journal.live_state(), JournalEntry.objects.count()
    assert tell() == first
    assert tell(subject="notice.other", urgency="red") == first
    assert (journal.live_state(), JournalEntry.objects.count()) == before


def test_each_post_gets_its_own(city):
    numbers = notices.tell(
        ["district", "operator", "district"],
        about="case:7", key="k", subject="x", params={}, urgency="urgent", actor=CALLER, now=NOON,
    )  # fmt: skip
    assert len(numbers) == len(set(numbers)) == 2


def test_it_commits_with_the_change_that_caused_it(city):
    @transaction.atomic
    def change():
        tell()
        raise RuntimeError("the caller failed")

    with pytest.raises(RuntimeError, match="caller"):
        change()
    assert not Notice.objects.exists()
    assert not Delivery.objects.exists()
    assert not JournalEntry.objects.filter(event="NoticePosted").exists()


@pytest.mark.parametrize("post", ["empty", "no-such-post"])
def test_where_nobody_is_on_duty_it_climbs_with_a_mark(city, post):
    number = tell(post)
    own = Notice.objects.get(pk=number)
    assert own.before == ""
    copy = Notice.objects.exclude(pk=number).get()
    above = "street" if post == "empty" else "commander"
    assert (copy.post, copy.mark, copy.origin_id) == (above, "nobody_on_duty", number)
    assert [n.for_post for n in notices.open_notices(above)] == [post]


def test_it_climbs_over_every_empty_post(city):
    number = tell("empty", urgency="urgent", now=NIGHT)  # the street has no night shift
    posts = list(Notice.objects.order_by("pk").values_list("post", "mark"))
    assert posts == [("empty", ""), ("street", "nobody_on_duty"), ("district", "nobody_on_duty")]
    assert sent_to(number + 2) == [("eve", "email"), ("eve", "webhook")]


def test_a_circle_of_superiors_without_anyone_ends(city):
    tell("ring-a", urgency="red")
    assert list(Notice.objects.order_by("pk").values_list("post", flat=True)) == [
        "ring-a",
        "ring-b",
    ]


def test_at_night_normal_waits_for_whoever_is_on_duty_in_the_morning(city):
    tell(now=NIGHT)
    (row,) = Delivery.objects.filter(channel="email")
    # 07:00 local: the night shift still sits there.
    assert (row.holder, row.due_at, row.next_at) == ("eve", MORNING, MORNING)
    tell("street", key="b", now=NIGHT)
    assert Notice.objects.filter(post="district", mark="nobody_on_duty").exists()


@pytest.mark.parametrize("urgency", ["urgent", "red"])
def test_at_night_urgent_and_red_go_at_once(city, urgency):
    tell(urgency=urgency, now=NIGHT)
    assert set(Delivery.objects.values_list("next_at", flat=True)) == {NIGHT}


def test_a_post_has_its_own_quiet_hours_else_the_citys(city):
    from datetime import time

    notices.set_quiet_hours(CALLER, "*", start=time(11), end=time(13), now=NOON)
    notices.set_quiet_hours(CALLER, "operator", start=time(0), end=time(0), now=NOON)
    due = {}
    for post in ("district", "operator"):
        due[post] = Delivery.objects.filter(notice_id=tell(post)).first().due_at
    assert due == {"district": NOON + timedelta(hours=1), "operator": NOON}


def test_no_contact_data_reaches_rows_or_journal(city):
    tell("empty", urgency="red")
    tell("operator", key="b")
    for delivery in Delivery.objects.all():
        assert "example" not in str(delivery.__dict__)
    for entry in JournalEntry.objects.filter(event__startswith="Notice"):
        assert "@" not in str(entry.payload) + str(entry.images).replace("k@", "").replace("b@", "")


def test_state_rebuilt_from_the_journal_equals_live_state(city):
    tell("empty", urgency="red")
    tell(now=NIGHT, key="b")
    entries = JournalEntry.objects.order_by("seq")
    assert journal.replay_images(entries) == journal.live_state()


def test_a_key_that_is_too_long_is_a_mistake_of_the_caller(city):
    with pytest.raises(ValueError, match="150"):
        tell(key="x" * 151)


def test_queries_do_not_grow_with_the_inbox(city, django_assert_max_num_queries):
    for n in range(30):
        tell(key=f"k{n}")
    with django_assert_max_num_queries(45):
        tell(key="one more")
    with django_assert_max_num_queries(2):
        notices.open_notices("district")
