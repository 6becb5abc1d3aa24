"""Many lives of an inbox, in any order of steps: what must always be true stays true."""

import random
from datetime import timedelta

import pytest

from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.kernel.errors import AnlanError
from anlan.notices import public as notices
from anlan.notices.domain.outgoing import SENT, Outcome, Verdict
from anlan.notices.domain.words import PENDING, Channel, Urgency, at_least
from anlan.notices.models import Delivery, Notice
from tests.notices.city import NOON, POSTS, Mailbox, at_post, tell, ways

pytestmark = pytest.mark.django_db(databases="__all__")
ANSWERS = [
    SENT,
    Outcome(Verdict.DEFERRED, "smtp_451"),
    Outcome(Verdict.REFUSED, "smtp_550"),
    Outcome(Verdict.UNREACHABLE, "timeout"),
]


class Life:
    """One run with its own dice and clock."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.now = NOON
        self.told = 0
        answer = lambda message: self.dice.choice(ANSWERS)  # noqa: E731
        self.ways = ways(Mailbox(answer=answer), Mailbox(Channel.WEBHOOK, answer=answer))

    def tell(self):
        self.told += 1
        post = self.dice.choice(POSTS).code
        urgency = self.dice.choice(["normal", "urgent", "red"])
        # A key now and then comes twice, a matter often.
        key, about = f"k{self.dice.randint(0, self.told)}", f"case:{self.dice.randint(1, 4)}"
        tell(post, key=key, about=about, urgency=urgency, now=self.now)

    def answer(self):
        rows = list(Notice.objects.order_by("pk"))
        if not rows:
            return
        row = self.dice.choice(rows)
        actor = at_post(self.dice.choice([row.post, row.post, "operator"]))
        try:
            if self.dice.random() < 0.5:
                notices.acknowledge(actor, row.pk, now=self.now)
            else:
                until = self.now + timedelta(minutes=self.dice.randint(-5, 45))
                notices.shelve(actor, row.pk, until=until, now=self.now)
        except AnlanError:
            fresh = Notice.objects.get(pk=row.pk)
            assert journal.image_of(fresh) == journal.image_of(row), "a refusal changes nothing"

    def wait(self):
        self.now += timedelta(minutes=self.dice.choice([1, 5, 15, 90, 600]))

    def clockwork(self):
        notices.sweep_notices(now=self.now)
        notices.hand_over(now=self.now)
        notices.send_due(now=self.now, transports=self.ways)

    def check(self):
        for row in Notice.objects.all():
            if row.acknowledged_at is None and row.urgency == "red":
                assert row.next_wake_at or row.shelved_until or row.call_id
            if row.origin_id:
                assert row.mark
                assert row.origin.origin_id is None
                assert row.post != row.origin.post
        pending = list(
            Delivery.objects.filter(state__in=PENDING).values_list("notice", "holder", "channel")
        )
        assert len(pending) == len(set(pending))
        answered = Delivery.objects.filter(notice__acknowledged_at__isnull=False)
        assert not answered.filter(state__in=PENDING).exists()


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_steps(city, seed):
    life = Life(seed)
    steps = [life.tell, life.answer, life.wait, life.clockwork]
    for _ in range(50):
        life.dice.choice(steps)()
        life.check()
    notices.sweep_notices(now=life.now)
    assert not Notice.objects.filter(next_wake_at__lte=life.now).exists()
    assert not Notice.objects.filter(call__next_wake_at__lte=life.now).exists()
    assert not Notice.objects.filter(shelved_until__lte=life.now).exists()
    # Whoever is on duty somewhere above has every open matter of an empty post before them.
    for row in Notice.objects.filter(acknowledged_at__isnull=True, mark="", post="empty"):
        above = Notice.objects.filter(
            origin__post="empty", about=row.about, urgency__in=at_least(Urgency(row.urgency))
        )
        assert above.exists()
        assert row.params == {"case": 7}
    entries = JournalEntry.objects.order_by("seq")
    assert journal.replay_images(entries) == journal.live_state()
