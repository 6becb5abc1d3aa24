"""Known devices: a stranger keeps nobody out, and a mark gives nobody more than a stranger has."""

from __future__ import annotations

from datetime import timedelta

import pytest

from anlan.accountability.selectors.rebuild import rebuild
from anlan.infra.models import JournalEntry
from anlan.registry import public
from anlan.registry.domain import errors
from anlan.registry.models import Account, DeviceTries
from anlan.registry.services import devices, signing_in
from tests.registry.small_city import ADMIN, KEEPER, NOW, a_city, a_jurisdiction, parsed

pytestmark = pytest.mark.django_db(databases="__all__")
KEY = "the server's own secret"
PASSWORD = "four unrelated words here"
WRONG = "wrong password entirely"


@pytest.fixture(autouse=True)
def _city(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    signing_in._nobody.cache_clear()
    public.load_city(ADMIN, parsed(a_city()), parsed(a_jurisdiction()), now=NOW)


def seat(name="desk"):
    """Return what the browser keeps in which the holder of a seat signed in."""
    public.create_account(KEEPER, name, "duty_officer", post="operator", areas=["410102"], now=NOW)
    _, invitation = public.invite(KEEPER, name, now=NOW)
    made, _ = public.answer_invitation(invitation, PASSWORD, "", key=KEY, now=NOW)
    return public.remembered("", made.account, key=KEY, now=NOW)


def enter(password=PASSWORD, device="", name="desk", at=NOW):
    return public.sign_in(name, password, "", device=device, key=KEY, now=at)[1]


def refused(password=PASSWORD, device="", name="desk", at=NOW):
    with pytest.raises(errors.SignInRefusedError):
        enter(password, device, name, at)


def attack(device="", at=NOW, hours=2):
    """Guess without a pause, as somebody who wants the account to rest for good."""
    end = at + timedelta(hours=hours)
    while at < end:
        refused(WRONG, device, at=at)
        at += timedelta(seconds=15)
    return at


def test_an_attacker_does_not_keep_the_owner_out():
    mine = seat()
    at = attack()
    refused(at=at)  # from anywhere else the right password waits
    assert public.authenticate(enter(device=mine, at=at), now=at)
    at = attack(at=at)
    assert enter(device=mine, at=at)


def test_the_owner_s_success_gives_the_attacker_nothing():
    mine = seat()
    at = attack(hours=1)
    before = Account.objects.get(username="desk").failures
    enter(device=mine, at=at)
    assert Account.objects.get(username="desk").failures == before
    refused(at=at)


def test_who_forgot_the_password_keeps_only_this_browser_waiting():
    mine = seat()
    other = public.remembered("", Account.objects.get(username="desk"), key=KEY, now=NOW)
    for _ in range(signing_in.FREE_FAILURES):
        refused(WRONG, mine)
    refused(device=mine)
    assert enter()
    assert enter(device=other)
    assert enter(device=mine, at=NOW + timedelta(seconds=31))
    assert not DeviceTries.objects.exists()


def test_a_stolen_mark_gets_no_more_tries_than_a_stranger():
    mine = seat()
    attack(device=mine, hours=1)
    assert DeviceTries.objects.get().failures <= 16
    assert Account.objects.get(username="desk").failures == 0


def spoilt(mark):
    number, made, nonce, signature = mark.split(".")
    later = str(int(made) + 1)
    return [
        f"{number}.{later}.{nonce}.{signature}",
        f"{number}.{made}.{nonce}x.{signature}",
        f"{number}.{made}.{nonce}.{'0' * len(signature)}",
        f"{number}.{made}.{nonce}.",
        f"{number}.{made}..{signature}",
        f"{int(number) + 1}.{made}.{nonce}.{signature}",
        f"{number}.{'9' * 40}.{nonce}.{signature}",
        f"{number}.-1.{nonce}.{signature}",
        "~".join(["x.y.z.w"] * 500),
        "~~~...~",
        "\x00",
        "甲.乙.丙.丁",
    ]


def test_a_mark_that_is_not_ours_is_a_stranger_s():
    mine = seat()
    account = Account.objects.get(username="desk")
    assert devices.device_of(mine, account, key=KEY, now=NOW)
    for other in spoilt(mine):
        assert devices.device_of(other, account, key=KEY, now=NOW) == ""
    assert devices.device_of(mine, account, key="another server", now=NOW) == ""
    assert devices.device_of(mine, account, key=KEY, now=NOW + devices.LASTS) == ""
    attack(hours=1)
    for other in spoilt(mine)[:3]:
        refused(device=other, at=NOW + timedelta(hours=1))


def test_a_mark_is_of_one_account_only():
    mine = seat()
    seat("other")
    attack(device="", hours=1)
    for _ in range(signing_in.FREE_FAILURES):
        refused(WRONG, mine, "other")
    refused(device=mine, name="other")  # they counted as a stranger's


def test_with_a_new_password_every_mark_is_worth_nothing():
    mine = seat()
    actor = public.authenticate(session := enter(device=mine), now=NOW)
    public.change_password(
        actor, PASSWORD, "another four plain words", "", session=session, key=KEY, now=NOW
    )
    account = Account.objects.get(username="desk")
    assert devices.device_of(mine, account, key=KEY, now=NOW) == ""
    anew = public.remembered(mine, account, key=KEY, now=NOW)
    assert devices.device_of(anew, account, key=KEY, now=NOW)


def test_a_duty_desk_keeps_the_marks_of_its_seats():
    kept = ""
    for number in range(devices.MOST_ACCOUNTS + 2):
        seat(f"seat-{number}")
        account = Account.objects.get(username=f"seat-{number}")
        kept = public.remembered(kept, account, key=KEY, now=NOW)
    for number in range(devices.MOST_ACCOUNTS + 2):
        account = Account.objects.get(username=f"seat-{number}")
        assert bool(devices.device_of(kept, account, key=KEY, now=NOW)) is (number >= 2)
    assert len(kept) < devices.MOST_LETTERS


def test_in_one_s_own_settings_too():
    """Whoever attacks at the door does not keep the holder from changing the password."""
    mine = seat()
    session = enter(device=mine)
    actor = public.authenticate(session, now=NOW)
    at = attack(hours=1)
    new = "another four plain words"
    with pytest.raises(errors.SignInWaitError):
        public.change_password(actor, PASSWORD, new, "", session=session, key=KEY, now=at)
    public.change_password(actor, PASSWORD, new, "", session=session, device=mine, key=KEY, now=at)


def test_tries_leave_nothing_in_the_journal_and_are_forgotten():
    mine = seat()
    entries = JournalEntry.objects.count()
    refused(WRONG, mine)
    assert JournalEntry.objects.count() == entries
    assert rebuild() == []
    account = Account.objects.get(username="desk")
    devices.count_wrong("0" * 64, account, now=NOW + devices.LASTS + timedelta(days=1))
    assert list(DeviceTries.objects.values_list("pk", flat=True)) == ["0" * 64]
