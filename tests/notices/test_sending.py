"""The outbox: at least once with a key, one dead place stalls nobody, and failure is seen."""

from datetime import timedelta
from threading import Event

import pytest

from anlan.infra import contents, journal, workspace
from anlan.infra.failpoints import FailpointError, arm
from anlan.infra.models import JournalEntry
from anlan.infra.workspace import WorkspaceKind
from anlan.notices import public as notices
from anlan.notices.channels import (
    LivePermit,
    MailTransport,
    RehearsalError,
    Transports,
    WebhookTransport,
)
from anlan.notices.domain.outgoing import SENT, Outcome, Verdict
from anlan.notices.domain.words import Channel
from anlan.notices.models import Delivery, Notice
from anlan.notices.services import sending, trying
from anlan.registry.models import Holder
from tests.notices.city import NOON, Mailbox, at_post, tell, ways

pytestmark = pytest.mark.django_db(databases="__all__")
AWAY = Outcome(Verdict.UNREACHABLE, "connection")
LATER = Outcome(Verdict.DEFERRED, "smtp_451")
NEVER = Outcome(Verdict.REFUSED, "smtp_550")


def minutes(n):
    return NOON + timedelta(minutes=n)


@pytest.fixture(autouse=True)
def disarmed():
    yield
    arm("")


def test_what_is_due_goes_out_once(city):
    tell()
    box = Mailbox()
    assert notices.send_due(now=NOON, transports=ways(box)).sent == 1
    assert notices.send_due(now=minutes(1), transports=ways(box)).sent == 0
    (message,) = box.taken
    assert message.address == "amy@city.example"
    row = Delivery.objects.get()
    assert (row.state, row.attempts, row.finished_at, row.key) == ("sent", 1, NOON, message.key)
    assert "amy@" not in repr(message)


def test_each_person_is_written_to_in_their_language(city):
    tell(urgency="red", subject="notice.delivery_given_up")
    box = Mailbox()
    notices.send_due(now=NOON, transports=ways(box))
    titles = {message.holder: message.text.title for message in box.taken}
    assert titles["amy"].startswith("【红色·须应答】消息未能送达")
    assert titles["bob"].startswith("[RED - answer now] A message could not be delivered")


def test_what_is_held_stays_until_the_quiet_hours_end(city):
    night, morning = NOON + timedelta(hours=11), NOON + timedelta(hours=19)
    tell("operator", now=night)
    box = Mailbox()
    assert notices.send_due(now=morning - timedelta(seconds=1), transports=ways(box)).sent == 0
    assert notices.outbox_state(now=night).channels["email"].held == 1
    assert notices.send_due(now=morning, transports=ways(box)).sent == 1


def test_red_goes_out_before_the_rest(city):
    for key, urgency in (("a", "normal"), ("b", "urgent"), ("c", "red")):
        tell("commander", key=key, urgency=urgency)
    box = Mailbox()
    notices.send_due(now=NOON, transports=ways(box), limit=1)
    assert box.taken[0].facts["urgency"] == "red"


def test_a_failure_is_seen_and_tried_again_later_and_later(city):
    tell()
    box = Mailbox(answer=LATER)
    now, pauses = NOON, []
    for attempt in range(1, 6):
        assert notices.send_due(now=now, transports=ways(box)).failed == 1
        row = Delivery.objects.get()
        assert (row.state, row.attempts, row.last_error) == ("failed", attempt, "smtp_451")
        assert notices.send_due(now=now, transports=ways(box)).failed == 0
        pauses.append(row.next_at - now)
        now = row.next_at
    assert pauses == sorted(pauses)
    state = notices.outbox_state(now=now).channels["email"]
    assert (state.failed, state.errors) == (1, {"smtp_451": 1})
    box.answer = SENT
    assert notices.send_due(now=now, transports=ways(box)).sent == 1
    assert len({message.key for message in box.taken}) == 1


def test_after_a_day_it_is_given_up_and_the_superior_told_once_a_day(city):
    tell("street", key="other", now=NOON)  # no address: nothing to give up
    tell(urgency="red")
    tell(key="second")
    box = Mailbox(answer=AWAY)
    now = NOON
    while Delivery.objects.filter(notice__post="district", next_at__isnull=False).exists():
        notices.send_due(now=now, transports=ways(box))
        now += timedelta(minutes=10)
        assert now < NOON + timedelta(hours=26)
    assert now >= NOON + timedelta(hours=24)
    told = Notice.objects.filter(subject="notice.delivery_given_up")
    # Two people, and two days as the city counts them.
    assert {notice.post for notice in told} == {"commander"}
    assert {notice.params["holder"] for notice in told} == {"amy", "bob"}
    assert notices.outbox_state(now=now).channels["email"].given_up_24h == 3


def test_what_is_never_tried_for_a_day_is_given_up_too(city):
    """A dead server and a stream of more pressing messages must not hide one that waits."""
    tell()
    box = Mailbox(answer=AWAY)
    for hour in range(26):
        tell("commander", key=f"k{hour}", urgency="red", now=NOON + timedelta(hours=hour))
        notices.send_due(now=NOON + timedelta(hours=hour), transports=ways(box))
    row = Delivery.objects.get(holder="amy")
    assert (row.state, row.attempts) == ("given_up", 0)
    assert all(message.holder != "amy" for message in box.taken)


def test_news_of_lost_news_is_not_sent_on_and_on(city):
    tell(urgency="normal")
    box = Mailbox(answer=NEVER)
    for minute in range(0, 60, 5):
        notices.send_due(now=minutes(minute), transports=ways(box))
    assert Notice.objects.count() == 2


def test_a_refusal_for_good_is_given_up_at_once(city):
    tell()
    assert notices.send_due(now=NOON, transports=ways(Mailbox(answer=NEVER))).given_up == 1
    assert Notice.objects.get(post="commander").params["error"] == "smtp_550"


def test_a_place_that_is_away_is_tried_once_a_round_and_others_go_on(city):
    for n in range(5):
        tell("operator", key=f"k{n}")
    mail, hook = Mailbox(), Mailbox(Channel.WEBHOOK, answer=AWAY)
    done = notices.send_due(now=NOON, transports=ways(mail, hook))
    assert (done.sent, done.failed, done.postponed) == (5, 1, 4)
    assert len(hook.taken) == 1
    assert notices.send_due(now=NOON, transports=ways(mail, hook)).postponed == 0
    hook.answer = SENT
    assert notices.send_due(now=minutes(1), transports=ways(mail, hook)).sent == 5


def test_a_server_that_never_answers_stalls_nobody_else(city, monkeypatch):
    tell("operator")
    monkeypatch.setattr(trying, "PATIENCE_S", 0.3)
    monkeypatch.setattr(sending, "try_all", lambda jobs: trying.try_all(jobs, patience_s=0.3))
    never = Event()

    def hang(message):
        never.wait(10)
        return SENT

    mail, hook = Mailbox(), Mailbox(Channel.WEBHOOK, answer=hang)
    done = notices.send_due(now=NOON, transports=ways(mail, hook))
    never.set()
    assert (done.sent, done.open) == (1, 1)
    row = Delivery.objects.get(channel="webhook")
    assert (row.state, row.lease_until) == ("waiting", NOON + sending.LEASE)


def test_a_transport_with_a_fault_of_its_own_fails_the_message_only(city):
    def fault(message):
        raise KeyError(message.address)

    tell()
    assert notices.send_due(now=NOON, transports=ways(Mailbox(answer=fault))).failed == 1
    assert Delivery.objects.get().last_error == "internal"


@pytest.mark.parametrize(
    "step", ["outbox.claimed", "outbox.tried", "journal.rows_saved", "journal.appended"]
)
def test_what_breaks_between_try_and_note_goes_out_again_with_the_same_key(city, step):
    tell()
    box = Mailbox()
    arm(f"{step}:raise")
    with pytest.raises(FailpointError):
        notices.send_due(now=NOON, transports=ways(box))
    assert Delivery.objects.get().state == "waiting"
    assert notices.send_due(now=minutes(1), transports=ways(box)).sent == 0, "the lease holds"
    assert notices.send_due(now=NOON + sending.LEASE, transports=ways(box)).sent == 1
    assert len(box.taken) == (1 if step == "outbox.claimed" else 2)
    assert len({message.key for message in box.taken}) == 1
    entries = JournalEntry.objects.order_by("seq")
    assert journal.replay_images(entries) == journal.live_state()


def test_what_was_answered_while_it_was_on_its_way_is_not_tried_again(city):
    number = tell()

    def answered(message):
        return LATER

    (claimed,) = sending.claim(Channel.EMAIL, now=NOON, limit=5)
    notices.acknowledge(at_post("district"), number, now=NOON)
    from anlan.notices.services.settling import settle

    assert settle(claimed.pk, answered(None), now=NOON) == "unneeded"
    assert settle(claimed.pk, SENT, now=NOON) == "sent"
    assert settle(claimed.pk, LATER, now=NOON) == "sent"


def test_two_senders_never_take_one_message(city):
    for n in range(4):
        tell(key=f"k{n}")
    first = sending.claim(Channel.EMAIL, now=NOON, limit=3)
    second = sending.claim(Channel.EMAIL, now=NOON, limit=3)
    assert (len(first), len(second)) == (3, 1)
    assert {row.pk for row in first}.isdisjoint(row.pk for row in second)


def test_an_address_that_is_gone_is_given_up_at_once(city):
    tell()
    item = Holder.objects.get(code="amy").contact_content
    contents.destroy([item], reason="asked for", now=minutes(1))
    box = Mailbox()
    assert notices.send_due(now=minutes(2), transports=ways(box)).given_up == 1
    assert Delivery.objects.get(holder="amy").last_error == "contact_gone"
    assert all(message.holder != "amy" for message in box.taken)


def test_a_channel_that_the_workspace_lacks_is_named_and_looked_for_again(city):
    tell("operator")
    box = Mailbox()
    assert notices.send_due(now=NOON, transports=ways(box)).failed == 1
    state = notices.outbox_state(now=minutes(30))
    assert (state.unserved, state.stuck) == (("webhook",), False)
    hook = Mailbox(Channel.WEBHOOK)
    assert notices.send_due(now=minutes(60), transports=ways(box, hook)).sent == 1
    assert notices.outbox_state(now=minutes(60)).unserved == ()


def test_an_outbox_that_nobody_empties_is_stuck(city):
    tell()
    assert not notices.outbox_state(now=minutes(15)).stuck
    state = notices.outbox_state(now=minutes(16))
    assert state.stuck
    assert (state.channels["email"].waiting, state.channels["email"].oldest_due_at) == (1, NOON)


def test_a_rehearsal_has_no_way_out_whatever_is_set(city, tmp_path):
    place = workspace.create(tmp_path / "drill", kind=WorkspaceKind.REHEARSAL)
    smtp = notices.SmtpSettings(host="127.0.0.1")
    hook = notices.WebhookSettings(secret=b"x")
    none = notices.open_transports(place, smtp=smtp, webhook=hook)
    assert none.rehearsal
    assert not none.by_channel
    with pytest.raises(RehearsalError):
        LivePermit(place)
    for make in (lambda: MailTransport(None, smtp), lambda: WebhookTransport(object(), hook)):
        with pytest.raises(RehearsalError):
            make()
    with pytest.raises(RehearsalError):
        Transports(rehearsal=True, by_channel={Channel.EMAIL: Mailbox()})


def test_a_live_workspace_has_the_ways_that_are_set(tmp_path):
    place = workspace.create(tmp_path / "live", kind=WorkspaceKind.LIVE)
    smtp = notices.SmtpSettings(host="127.0.0.1")
    hook = notices.WebhookSettings(secret=b"x")
    assert set(notices.open_transports(place, smtp=smtp, webhook=hook).by_channel) == set(Channel)
    assert not notices.open_transports(place, smtp=None, webhook=None).by_channel


def test_in_a_rehearsal_messages_are_shown_not_sent(city):
    tell("operator", urgency="red")
    tell(now=NOON + timedelta(hours=11), key="held")
    assert notices.send_due(now=NOON, transports=Transports(rehearsal=True)).shown == 2
    assert notices.send_due(now=NOON, transports=Transports(rehearsal=True)).shown == 0
    assert set(Delivery.objects.filter(due_at=NOON).values_list("state", flat=True)) == {"shown"}
    entries = JournalEntry.objects.order_by("seq")
    assert entries.last().payload == {"count": 2}
    assert journal.replay_images(entries) == journal.live_state()
    assert not notices.outbox_state(now=minutes(60)).stuck


def test_nothing_due_takes_no_write_lock(city, django_assert_num_queries):
    tell(now=NOON + timedelta(hours=11))
    with django_assert_num_queries(2):
        notices.send_due(now=NOON, transports=ways(Mailbox(), Mailbox(Channel.WEBHOOK)))
