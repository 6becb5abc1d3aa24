"""Answering: acknowledge, put aside, come back, be reminded, hand over."""

from datetime import timedelta

import pytest

from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Role
from anlan.kernel.errors import NotFoundError
from anlan.notices import public as notices
from anlan.notices.domain.answering import AlreadyAnsweredError, ShelfEndError
from anlan.notices.models import Delivery, Notice
from tests.notices.city import NOON, at_post, tell

pytestmark = pytest.mark.django_db(databases="__all__")
DISTRICT = at_post("district")


def minutes(n):
    return NOON + timedelta(minutes=n)


def sweep_until(last, step=1):
    for minute in range(step, last + 1, step):
        notices.sweep_notices(now=minutes(minute))


def told_at(post):
    return list(Notice.objects.filter(post=post).values_list("posted_at", flat=True))


def test_acknowledging_settles_the_notice_and_what_waits(city):
    number = tell(urgency="red")
    seen = notices.acknowledge(DISTRICT, number, now=minutes(2))
    assert (seen.acknowledged_at, seen.acknowledged_by) == (minutes(2), "account:district")
    assert set(Delivery.objects.values_list("state", flat=True)) == {"unneeded"}
    assert notices.open_notices("district") == []
    sweep_until(60)
    assert Notice.objects.count() == 1


def test_the_first_answer_stays(city):
    number = tell()
    first = notices.acknowledge(DISTRICT, number, now=minutes(2))
    entries = JournalEntry.objects.count()
    assert notices.acknowledge(DISTRICT, number, now=minutes(9)) == first
    assert JournalEntry.objects.count() == entries


@pytest.mark.parametrize(
    "actor", [at_post("street"), at_post("commander", Role.COMMANDER), at_post(None)]
)
def test_nobody_answers_for_another_post(city, actor):
    number = tell()
    for answer in (
        lambda: notices.acknowledge(actor, number, now=NOON),
        lambda: notices.shelve(actor, number, until=minutes(5), now=NOON),
        lambda: notices.acknowledge(actor, number + 1, now=NOON),
    ):
        with pytest.raises(NotFoundError):
            answer()


def test_what_is_put_aside_comes_back_by_itself(city):
    number = tell(urgency="red")
    notices.shelve(DISTRICT, number, until=minutes(20), now=minutes(1))
    sweep_until(19)
    row = Notice.objects.get(pk=number)
    assert (row.shelved_until, row.next_wake_at, row.call) == (minutes(20), None, None)
    sweep_until(20)
    row.refresh_from_db()
    assert (row.shelved_until, row.woken_at) == (None, minutes(20))
    assert row.next_wake_at == minutes(25)
    assert notices.sweep_notices(now=minutes(20)) == 0


def test_a_shelf_without_a_possible_end_is_refused(city):
    number = tell(urgency="red")
    for until in (NOON, NOON - timedelta(days=1), NOON + timedelta(hours=1)):
        with pytest.raises(ShelfEndError):
            notices.shelve(DISTRICT, number, until=until, now=NOON)
    notices.acknowledge(DISTRICT, number, now=NOON)
    with pytest.raises(AlreadyAnsweredError):
        notices.shelve(DISTRICT, number, until=minutes(1), now=NOON)


def test_silence_goes_to_the_deputy_then_up_to_the_top(city):
    number = tell("street", urgency="red")
    Delivery.objects.update(state="sent", next_at=None, finished_at=NOON)
    sweep_until(60)
    assert told_at("district") == [minutes(10)]
    assert told_at("commander") == [minutes(20)]
    copy = Notice.objects.get(post="district")
    assert (copy.mark, copy.origin_id, copy.urgency) == ("unanswered", number, "red")
    # The post itself goes on being reminded, more and more rarely: 5, 10, 25, 55.
    assert Notice.objects.get(pk=number).call.wakes == 4
    # Nobody is above the commander: the same people are told again.
    assert Notice.objects.get(post="commander").call.wakes >= 3
    assert Notice.objects.count() == 3


def test_an_answer_below_settles_the_copies_above(city):
    number = tell("street", urgency="red")
    sweep_until(30)
    notices.acknowledge(at_post("street"), number, now=minutes(31))
    assert not Notice.objects.filter(acknowledged_at__isnull=True).exists()
    below = JournalEntry.objects.filter(event="NoticeAnswered", payload__what="answered_below")
    assert below.count() == 2


def test_an_answer_above_leaves_the_notice_below_open(city):
    number = tell("street", urgency="red")
    sweep_until(15)
    copy = Notice.objects.get(post="district")
    notices.acknowledge(DISTRICT, copy.pk, now=minutes(16))
    assert Notice.objects.get(pk=number).acknowledged_at is None


def test_reminders_do_not_pile_up_behind_a_dead_mail_server(city):
    tell(urgency="red")
    sweep_until(120, step=5)
    rows = Delivery.objects.filter(notice__post="district").values_list("holder", "channel")
    assert len(rows) == len(set(rows))


def test_a_long_sleep_of_the_clockwork_reminds_once_not_a_hundred_times(city):
    tell(urgency="red")
    assert notices.sweep_notices(now=NOON + timedelta(days=2)) == 1
    assert notices.sweep_notices(now=NOON + timedelta(days=2)) == 0


def test_one_notice_that_cannot_be_swept_does_not_stop_the_others(city, monkeypatch):
    from anlan.notices.services import telling

    bad, good = tell(urgency="red"), tell("operator", key="b", urgency="red")
    real = telling.remind

    def remind(notice, occasion, *, now, both):
        if notice.pk == bad:
            raise LookupError("broken")
        return real(notice, occasion, now=now, both=both)

    monkeypatch.setattr(telling, "remind", remind)
    with pytest.raises(ExceptionGroup):
        notices.sweep_notices(now=minutes(5))
    assert Notice.objects.get(pk=good).call.wakes == 1
    assert Notice.objects.get(pk=bad).call is None


def test_at_shift_change_open_notices_lie_before_the_next_holder(city):
    calm, red = tell(), tell(key="b", urgency="red")
    done = tell(key="c")
    notices.acknowledge(DISTRICT, done, now=minutes(1))
    Delivery.objects.exclude(state="unneeded").update(state="sent", next_at=None, finished_at=NOON)
    evening = NOON + timedelta(hours=8)  # 20:00 in Shanghai
    assert notices.hand_over(now=evening - timedelta(seconds=1)) == 0
    assert notices.hand_over(now=evening) == 1
    assert notices.hand_over(now=evening + timedelta(minutes=1)) == 0
    assert set(Notice.objects.filter(pk__in=[calm, red]).values_list("before", flat=True)) == {
        "eve"
    }
    (entry,) = JournalEntry.objects.filter(event="DutyHandedOver")
    assert entry.payload == {"post": "district", "open_notices": 2}
    fresh = Delivery.objects.filter(occasion="handed_over")
    assert {(row.notice_id, row.holder) for row in fresh} == {(red, "eve")}


def test_a_round_without_a_shift_change_writes_nothing(city, django_assert_max_num_queries):
    for n in range(20):
        tell(key=f"k{n}")
    entries = JournalEntry.objects.count()
    # What lies there, which city is in force, and who is on duty at that one post.
    with django_assert_max_num_queries(3):
        assert notices.hand_over(now=minutes(1)) == 0
    assert JournalEntry.objects.count() == entries


def test_a_shift_that_ends_without_a_successor_puts_what_presses_before_the_superior(city):
    calm, urgent = tell("street"), tell("street", key="b", urgency="urgent")
    evening = NOON + timedelta(hours=6, minutes=1)  # 18:01; nobody follows
    assert notices.hand_over(now=evening) == 1
    assert set(Notice.objects.filter(pk__in=[calm, urgent]).values_list("before", flat=True)) == {
        ""
    }
    copies = Notice.objects.filter(post="district")
    assert [(copy.mark, copy.origin_id) for copy in copies] == [("nobody_on_duty", urgent)]
    assert notices.outbox_state(now=evening).unattended == 2


def test_the_inbox_shows_red_first_and_the_shelf_last(city):
    calm = tell(now=NOON - timedelta(hours=1))
    red_on_shelf = tell(key="b", urgency="red", now=NOON - timedelta(minutes=10))
    red = tell(key="c", urgency="red")
    urgent = tell(key="d", urgency="urgent", now=minutes(1))
    notices.shelve(DISTRICT, red_on_shelf, until=minutes(9), now=NOON)
    order = [notice.id for notice in notices.open_notices("district")]
    assert order == [red, urgent, calm, red_on_shelf]


def test_after_everything_state_rebuilt_equals_live_state(city):
    number = tell("street", urgency="red")
    sweep_until(45, step=5)
    notices.hand_over(now=NOON + timedelta(hours=7))
    notices.acknowledge(at_post("street"), number, now=NOON + timedelta(hours=8))
    entries = JournalEntry.objects.order_by("seq")
    assert journal.replay_images(entries) == journal.live_state()
