"""One call for a post, one line for a matter: nobody is told twice, and nothing red is forgotten."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest

from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Role
from anlan.notices import public as notices
from anlan.notices.domain.words import Channel, Occasion
from anlan.notices.models import Delivery, Notice
from tests.notices.city import NOON, Mailbox, at_post, tell, ways

pytestmark = pytest.mark.django_db(databases="__all__")
DISTRICT = at_post("district")
COMMANDER = at_post("commander", Role.COMMANDER)


def minutes(n):
    return NOON + timedelta(minutes=n)


def sweep_until(last, first=1):
    for minute in range(first, last + 1):
        notices.sweep_notices(now=minutes(minute))


def send(now):
    box = Mailbox()
    notices.send_due(now=now, transports=ways(box, Mailbox(Channel.WEBHOOK)))
    return box.taken


def reminders(post="district"):
    entries = JournalEntry.objects.filter(event="NoticeReminded", payload__post=post)
    return [
        ((entry.at - NOON).total_seconds() / 60, entry.payload["notices"], entry.payload["wake"])
        for entry in entries.order_by("seq")
    ]


def test_one_reminder_names_every_red_matter_of_a_post(city):
    first, second = tell(urgency="red"), tell(key="b", urgency="red")
    tell(key="calm", urgency="urgent")
    sweep_until(12)
    assert reminders() == [(5, [first, second], "deputy"), (10, [first, second], "superior")]


def test_the_message_counts_them_and_names_the_oldest(city):
    tell(urgency="red", subject="notice.delivery_given_up")
    tell(key="b", urgency="red", now=minutes(2))
    send(minutes(3))
    notices.sweep_notices(now=minutes(5))
    taken = {message.holder: message for message in send(minutes(5))}
    assert set(taken) == {"amy", "bob"}
    assert "2 件红色事项未应答，最早自 2026-11-23 12:00" in taken["amy"].text.title
    assert "2 red matters unanswered, the oldest since" in taken["bob"].text.title
    assert "A message could not be delivered" in taken["bob"].text.body
    assert len(taken["amy"].facts["unanswered"]) == 2


def test_a_reminder_of_one_matter_says_what_it_is(city):
    tell(urgency="red", subject="notice.delivery_given_up", params={"holder": "x"})
    send(NOON)
    notices.sweep_notices(now=minutes(5))
    (title,) = {message.text.title for message in send(minutes(5)) if message.holder == "bob"}
    assert title.startswith("[RED - answer now] [Reminder] A message could not be delivered: x")


def test_a_reminder_on_its_way_goes_on_for_what_is_left(city):
    first, second = tell(urgency="red"), tell(key="b", urgency="red", now=minutes(1))
    send(minutes(1))
    notices.sweep_notices(now=minutes(5))
    notices.acknowledge(DISTRICT, first, now=minutes(5))
    waiting = Delivery.objects.filter(occasion=Occasion.REMINDED.value)
    assert {(row.notice_id, row.state) for row in waiting} == {(second, "waiting")}
    notices.acknowledge(DISTRICT, second, now=minutes(5))
    assert {row.state for row in waiting.all()} == {"unneeded"}


def test_more_about_a_known_matter_neither_restarts_the_call_nor_sends_the_same_again(city):
    first = tell(about="case:7", key="r0", urgency="red")
    for minute in range(1, 61):
        tell(about="case:7", key=f"r{minute}", urgency="red", now=minutes(minute))
        notices.sweep_notices(now=minutes(minute))
    assert [at for at, _, _ in reminders()] == [5, 10, 25, 55]
    posted = Delivery.objects.filter(notice__post="district", occasion="posted")
    assert set(posted.values_list("notice_id", flat=True)) == {first}
    (line,) = notices.open_notices("district")
    assert (line.count, line.since, line.urgency) == (61, NOON, "red")
    assert line.id == Notice.objects.filter(post="district").latest("pk").pk


def test_a_new_matter_restarts_the_five_minutes_whatever_the_pause(city):
    tell(urgency="red")
    sweep_until(60)
    new = tell(key="b", urgency="red", now=minutes(61))
    sweep_until(200, first=61)
    late = [(at, wake) for at, named, wake in reminders() if at > 60]
    # 5 minutes after it came, 5 more to the superior, then an hour for everything.
    assert late[:3] == [(66, "deputy"), (71, "superior"), (131, "again")]
    assert new in reminders()[4][1]


def test_louder_or_other_words_go_out_at_once_the_same_words_once_a_day(city):
    def sent(key, *, urgency, subject="notice.a", at=0):
        number = tell(about="case:7", key=key, urgency=urgency, subject=subject, now=minutes(at))
        return Delivery.objects.filter(notice_id=number).exists()

    assert sent("1", urgency="normal")
    assert not sent("2", urgency="normal", at=1)
    assert sent("3", urgency="urgent", at=2)
    assert not sent("4", urgency="normal", at=3)
    assert sent("5", urgency="urgent", subject="notice.b", at=4)
    assert sent("6", urgency="red", at=5)
    assert not sent("7", urgency="red", at=6)
    assert not sent("8", urgency="urgent", subject="notice.b", at=24 * 60)
    assert sent("9", urgency="urgent", subject="notice.b", at=24 * 60 + 4)
    # Once somebody answered, the next word is news again.
    line = notices.open_notices("district")[0]
    notices.acknowledge(DISTRICT, line.id, now=minutes(25 * 60))
    assert sent("10", urgency="red", at=25 * 60)


def test_answering_a_line_answers_what_came_before_and_not_what_came_after(city):
    numbers = [tell(about="case:7", key=f"k{n}", urgency="red", now=minutes(n)) for n in range(3)]
    sweep_until(12)
    seen = notices.acknowledge(DISTRICT, numbers[1], now=minutes(12))
    assert (seen.id, seen.acknowledged_at) == (numbers[1], minutes(12))
    (left,) = notices.open_notices("district")
    assert (left.id, left.count) == (numbers[2], 1)
    # What came while somebody answered is called for anew.
    assert Notice.objects.get(pk=numbers[2]).next_wake_at == minutes(17)
    (entry,) = JournalEntry.objects.filter(event="NoticeAnswered", payload__what="acknowledged")
    assert (entry.payload["notice"], entry.payload["also"]) == (numbers[1], [numbers[0]])
    answered = notices.open_notices("district")
    assert len(answered) == 1


def test_a_line_is_as_loud_as_its_loudest_and_says_the_latest(city):
    tell(about="case:7", key="a", urgency="red", subject="notice.a")
    tell(about="case:7", key="b", urgency="normal", subject="notice.b", now=minutes(1))
    (line,) = notices.open_notices("district")
    assert (line.subject, line.urgency, line.count) == ("notice.b", "red", 2)


def test_what_is_said_of_a_matter_on_the_shelf_waits_there_with_it(city):
    number = tell(about="case:7", key="a", urgency="red")
    notices.shelve(DISTRICT, number, until=minutes(20), now=minutes(1))
    tell(about="case:7", key="b", urgency="red", now=minutes(2))
    assert Notice.objects.get(key="b@district").shelved_until == minutes(20)
    # Other words bring the line back at once.
    tell(about="case:7", key="c", urgency="red", subject="notice.c", now=minutes(3))
    assert Notice.objects.get(key="c@district").next_wake_at == minutes(8)
    sweep_until(20)
    assert not Notice.objects.filter(shelved_until__isnull=False).exists()
    woken = JournalEntry.objects.filter(event="NoticeAnswered", payload__what="woken")
    assert [entry.payload["also"] for entry in woken] == [[number]]


def test_a_superior_gets_one_copy_of_a_matter_however_often_it_is_told(city):
    for minute in range(90):
        for n in range(3):
            tell(
                "street", about=f"case:{n}", key=f"{n}:{minute}", urgency="red", now=minutes(minute)
            )
        notices.sweep_notices(now=minutes(minute))
    copies = Counter(Notice.objects.exclude(mark="").values_list("post", "about"))
    assert copies == {
        (post, f"case:{n}"): 1 for post in ("district", "commander") for n in range(3)
    }
    # The second step up takes the superior's own ten minutes.
    posted = Notice.objects.filter(post="commander").values_list("posted_at", flat=True)
    assert set(posted) == {minutes(20)}


def test_a_superior_who_answered_gets_the_next_silence_of_that_post_again(city):
    first = tell("street", urgency="red")
    sweep_until(15)
    notices.acknowledge(at_post("street"), first, now=minutes(15))
    tell("street", about="case:7", key="again", urgency="red", now=minutes(16))
    sweep_until(30, first=16)
    assert Notice.objects.filter(post="district", mark="unanswered").count() == 2


def test_a_post_without_anyone_sends_news_up_once_the_superior_has_answered(city):
    def told(key, at):
        tell("empty", about="case:7", key=key, urgency="urgent", now=minutes(at))
        return Notice.objects.filter(post="street").count()

    assert (told("a", 0), told("b", 1)) == (1, 1)
    (line,) = notices.open_notices("street")
    notices.acknowledge(at_post("street"), line.id, now=minutes(2))
    assert told("c", 3) == 2


@pytest.mark.parametrize(
    ("matters", "repeats", "spread_m"),
    [
        (1, 1, 0),
        (6, 4, 45),
        *(
            pytest.param(matters, repeats, spread_m, marks=pytest.mark.long)
            for matters in (2, 5)
            for repeats in (1, 4)
            for spread_m in (0, 45, 300)
        ),
    ],
)
def test_in_a_storm_reminders_grow_with_hours_and_new_matters_never_with_repeats(
    city, matters, repeats, spread_m
):
    """K matters told M times each, nobody answers for a day."""
    tells = [
        (spread_m * n // (matters * repeats), n % matters, n) for n in range(matters * repeats)
    ]
    for minute in range(0, 24 * 60, 5):
        for _, matter, n in [one for one in tells if minute <= one[0] < minute + 5]:
            tell("street", about=f"case:{matter}", key=f"s{n}", urgency="red", now=minutes(minute))
        notices.sweep_notices(now=minutes(minute))
    for post in ("street", "district", "commander"):
        found = reminders(post)
        # At most two for each instant at which a matter was new; else 15 min doubling to 4 h.
        starts = len(set(Notice.objects.filter(post=post, silent=False).values_list("posted_at")))
        assert 8 <= len(found) <= 2 * starts + 4 + 24 / 4
        assert all(later - earlier >= 5 for (earlier, *_), (later, *_) in pairwise(found))
        assert len(found[-1][1]) == matters, "every open matter is named"
    assert Notice.objects.exclude(mark="").count() == 2 * matters


def test_after_a_storm_state_rebuilt_equals_live_state(city):
    for n in range(6):
        tell("street", about=f"case:{n % 2}", key=f"s{n}", urgency="red", now=minutes(n))
        notices.sweep_notices(now=minutes(n))
    sweep_until(40, first=6)
    (line, *_) = notices.open_notices("commander")
    notices.acknowledge(COMMANDER, line.id, now=minutes(41))
    entries = JournalEntry.objects.order_by("seq")
    assert journal.replay_images(entries) == journal.live_state()
