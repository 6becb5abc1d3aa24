"""Signing in: one invitation, one password of one's own, one shift; strangers learn nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from anlan.accountability.selectors.rebuild import rebuild
from anlan.infra.models import JournalEntry
from anlan.registry import public
from anlan.registry.domain import errors, onetime
from anlan.registry.models import Account, Token
from anlan.registry.services import signing_in
from tests.registry.small_city import (
    ADMIN,
    KEEPER,
    NOW,
    TERMINAL,
    a_city,
    a_jurisdiction,
    parsed,
)

pytestmark = pytest.mark.django_db(databases="__all__")
KEY = "the server's own secret"
PASSWORD = "four unrelated words here"


@pytest.fixture(autouse=True)
def _city(settings):
    # Hashing is slow on purpose; what it hashes to is the framework's own promise.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    signing_in._nobody.cache_clear()
    public.load_city(ADMIN, parsed(a_city()), parsed(a_jurisdiction()), now=NOW)


def an_account(name="desk", role="duty_officer"):
    areas = ["410102"] if role == "duty_officer" else [""]
    post = "operator" if role == "duty_officer" else None
    return public.create_account(KEEPER, name, role, post=post, areas=areas, now=NOW)


def an_invitation(name="desk"):
    by = KEEPER if name == "desk" else TERMINAL  # an administrator's needs a second person else
    return public.invite(by, name, now=NOW)[1]


def welcomed(name="desk", password=PASSWORD, code=""):
    return public.answer_invitation(an_invitation(name), password, code, key=KEY, now=NOW)[1]


def the_code(invitation, at=NOW):
    secret = public.offered_factor(invitation, key=KEY)
    return onetime.code_of(secret, onetime.step_of(at))


class TestInvitation:
    def test_it_leads_to_a_session_of_the_account(self):
        account = an_account()
        actor = public.authenticate(welcomed(), now=NOW)
        assert (actor.id, actor.post) == (f"account:{account.pk}", "operator")
        assert actor.scopes

    def test_it_works_once(self):
        an_account()
        invitation = an_invitation()
        public.answer_invitation(invitation, PASSWORD, "", key=KEY, now=NOW)
        with pytest.raises(errors.InvitationUnknownError):
            public.answer_invitation(invitation, PASSWORD, "", key=KEY, now=NOW)

    def test_a_later_one_ends_it(self):
        an_account()
        first = an_invitation()
        an_invitation()
        with pytest.raises(errors.InvitationUnknownError):
            public.invited(first, now=NOW)

    def test_it_ends_by_itself(self):
        an_account()
        invitation = an_invitation()
        assert public.invited(invitation, now=NOW + timedelta(days=6)).username == "desk"
        with pytest.raises(errors.InvitationUnknownError):
            public.invited(invitation, now=NOW + timedelta(days=7))

    def test_it_opens_no_other_door(self):
        an_account()
        with pytest.raises(errors.TokenUnknownError):
            public.authenticate(an_invitation(), now=NOW)

    def test_a_session_is_no_invitation(self):
        an_account()
        with pytest.raises(errors.InvitationUnknownError):
            public.invited(welcomed(), now=NOW)

    @pytest.mark.parametrize(
        "password", ["", "short", "x" * 11, "my-desk-is-a-nice-one", "DESKDESKDESK"]
    )
    def test_a_weak_password_changes_nothing(self, password):
        an_account()
        invitation = an_invitation()
        entries = JournalEntry.objects.count()
        with pytest.raises(errors.PasswordWeakError):
            public.answer_invitation(invitation, password, "", key=KEY, now=NOW)
        assert JournalEntry.objects.count() == entries
        assert public.invited(invitation, now=NOW)

    def test_a_new_password_ends_old_sessions(self):
        an_account()
        old = welcomed()
        welcomed(password="four quite different words")
        with pytest.raises(errors.TokenRevokedError):
            public.authenticate(old, now=NOW)


class TestSignIn:
    def enter(self, password=PASSWORD, code="", name="desk", at=NOW):
        return public.sign_in(name, password, code, key=KEY, now=at)[1]

    def test_with_the_password_for_one_shift(self):
        an_account()
        welcomed()
        session = self.enter()
        last = NOW + public.SESSION - timedelta(microseconds=1)
        assert public.authenticate(session, now=last).post == "operator"
        with pytest.raises(errors.TokenExpiredError):
            public.authenticate(session, now=NOW + public.SESSION)

    @pytest.mark.parametrize("name", ["desk", "nobody", "", "desk\x00"])
    def test_a_stranger_hears_one_thing_only(self, name):
        an_account()
        welcomed()
        with pytest.raises(errors.SignInRefusedError) as caught:
            self.enter("wrong password entirely", name=name)
        assert caught.value.params == {}

    def test_an_account_without_a_password_cannot(self):
        an_account()
        with pytest.raises(errors.SignInRefusedError):
            self.enter("")

    def test_a_closed_account_cannot(self):
        an_account()
        welcomed()
        public.close_account(KEEPER, "desk", now=NOW)
        with pytest.raises(errors.SignInRefusedError):
            self.enter()

    def test_guessing_gets_slower_and_slower_and_ends(self):
        an_account()
        welcomed()
        at, tries = NOW, 0
        while at < NOW + timedelta(hours=1):
            with pytest.raises(errors.SignInRefusedError):
                self.enter(f"guess number {tries:06d}", at=at)
            tries += 1
            at += timedelta(seconds=10)
        assert tries > signing_in.FREE_FAILURES
        assert Account.objects.get(username="desk").failures <= 16
        assert self.enter(at=at + timedelta(minutes=15))
        assert Account.objects.get(username="desk").failures == 0

    def test_the_right_password_waits_too(self):
        an_account()
        welcomed()
        for _ in range(signing_in.FREE_FAILURES):
            with pytest.raises(errors.SignInRefusedError):
                self.enter("wrong password entirely")
        with pytest.raises(errors.SignInRefusedError):
            self.enter()
        assert self.enter(at=NOW + timedelta(seconds=31))

    def test_wrong_passwords_leave_nothing_in_the_journal(self):
        an_account()
        welcomed()
        entries = JournalEntry.objects.count()
        with pytest.raises(errors.SignInRefusedError):
            self.enter("wrong password entirely")
        assert JournalEntry.objects.count() == entries

    def test_signing_out_ends_it_and_again_does_nothing(self):
        an_account()
        session = welcomed()
        public.sign_out(session, now=NOW)
        entries = JournalEntry.objects.count()
        public.sign_out(session, now=NOW)
        public.sign_out("nonsense", now=NOW)
        assert JournalEntry.objects.count() == entries
        with pytest.raises(errors.TokenRevokedError):
            public.authenticate(session, now=NOW)


class TestSecondFactor:
    def test_an_administrator_cannot_do_without(self):
        an_account("boss", "security_admin")
        invitation = an_invitation("boss")
        with pytest.raises(errors.SecondFactorWrongError):
            public.answer_invitation(invitation, PASSWORD, "", key=KEY, now=NOW)
        assert public.answer_invitation(
            invitation, PASSWORD, the_code(invitation), key=KEY, now=NOW
        )
        with pytest.raises(errors.SignInRefusedError):
            public.sign_in("boss", PASSWORD, "", key=KEY, now=NOW)

    def test_each_code_works_once(self):
        an_account("boss", "security_admin")
        invitation = an_invitation("boss")
        public.answer_invitation(invitation, PASSWORD, the_code(invitation), key=KEY, now=NOW)
        with pytest.raises(errors.SignInRefusedError):
            public.sign_in("boss", PASSWORD, the_code(invitation), key=KEY, now=NOW)
        later = NOW + timedelta(minutes=1)
        assert public.sign_in("boss", PASSWORD, the_code(invitation, later), key=KEY, now=later)

    def test_who_became_an_administrator_needs_a_new_invitation(self):
        an_account()
        welcomed()
        public.change_account(KEEPER, "desk", role="audit_admin", now=NOW)
        with pytest.raises(errors.SignInRefusedError):
            public.sign_in("desk", PASSWORD, "", key=KEY, now=NOW)

    def test_the_secret_is_not_readable_in_the_database_or_the_journal(self):
        an_account("boss", "security_admin")
        invitation = an_invitation("boss")
        public.answer_invitation(invitation, PASSWORD, the_code(invitation), key=KEY, now=NOW)
        secret = public.offered_factor(invitation, key=KEY)
        account = Account.objects.get(username="boss")
        assert account.second_factor
        assert onetime.secret_text(secret) not in account.second_factor
        images = str(list(JournalEntry.objects.values_list("images", flat=True)))
        assert account.second_factor not in images
        assert account.password not in images
        assert not any(row.digest in images for row in Token.objects.all())


def test_state_rebuilt_from_the_journal_equals_live_state():
    an_account()
    session = welcomed()
    public.sign_out(session, now=NOW)
    assert rebuild() == []
