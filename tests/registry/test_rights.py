"""Rights that must not grow: by oneself, by an invitation, by guessing, by a race."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import AnlanError
from anlan.registry import public
from anlan.registry.domain import errors
from anlan.registry.domain.permissions import ADMINISTRATORS, PERMISSIONS
from anlan.registry.models import Account, Token
from anlan.registry.services import signing_in
from tests.registry.small_city import NOW
from tests.registry.test_signing_in import (  # noqa: F401  the fixture loads the city
    KEY,
    PASSWORD,
    _city,
    an_account,
    an_invitation,
    welcomed,
)

pytestmark = pytest.mark.django_db(databases="__all__")
WEEK = NOW + timedelta(days=7)
WRONG = "not the right words"


def the_keeper(account, areas=("",)):
    return Actor(
        id=f"account:{account.pk}", role=Role.SECURITY_ADMIN, areas=areas,
        scopes=PERMISSIONS[Role.SECURITY_ADMIN],
    )  # fmt: skip


@pytest.fixture
def keeper():
    """A security administrator for the whole city, with a second one beside it."""
    an_account("keeper-two", "security_admin")
    return the_keeper(an_account("keeper-one", "security_admin"))


class TestOneself:
    """Who keeps accounts keeps those of others: a left-open session is no way to more."""

    @pytest.mark.parametrize(
        "more", [{"role": "audit_admin"}, {"post": "operator"}, {"areas": ["410102"]}]
    )
    def test_nobody_changes_the_own_account(self, keeper, more):
        before = Account.objects.get(username="keeper-one")
        with pytest.raises(errors.OwnAccountError):
            public.change_account(keeper, "keeper-one", now=NOW, **more)
        after = Account.objects.get(username="keeper-one")
        assert (after.role, after.post_id, after.areas) == (
            before.role, before.post_id, before.areas,
        )  # fmt: skip

    def test_nobody_invites_oneself_to_a_new_password(self, keeper):
        with pytest.raises(errors.OwnAccountError):
            public.invite(keeper, "keeper-one", now=NOW)

    def test_nobody_gives_oneself_a_token_without_the_password(self, keeper):
        account = Account.objects.get(username="keeper-one")
        with pytest.raises(errors.OwnAccountError):
            public.issue_token(keeper, account, None, None, WEEK, now=NOW)


class TestAdministratorsApart:
    @pytest.mark.parametrize("role", sorted(ADMINISTRATORS))
    def test_the_keeper_of_accounts_gets_no_token_of_another_administrator(self, keeper, role):
        account = an_account("other-admin", role.value)
        with pytest.raises(errors.AdministratorTokenError):
            public.issue_token(keeper, account, None, None, WEEK, now=NOW)

    def test_a_keeper_of_one_district_is_not_the_last_resort(self):
        first = an_account("keeper-one", "security_admin")
        local = public.create_account(
            the_keeper(first), "keeper-local", "security_admin", areas=["410102"], now=NOW
        )
        assert local.is_active
        other = Actor(id="account:999999", role=Role.SECURITY_ADMIN, areas=("",))
        for act in (
            lambda: public.close_account(the_keeper(first), "keeper-one", now=NOW),
            lambda: public.change_account(other, "keeper-one", role="auditor", now=NOW),
            lambda: public.change_account(other, "keeper-one", areas=["410102"], now=NOW),
            lambda: public.change_account(other, "keeper-one", areas=[], now=NOW),
        ):
            with pytest.raises(errors.LastAdminError):
                act()
        assert Account.objects.get(username="keeper-one").areas == [""]


class TestCredentials:
    def test_a_post_can_be_taken_away(self, keeper):
        an_account()
        public.change_account(keeper, "desk", post="", now=NOW)
        assert Account.objects.get(username="desk").post_id is None

    def test_of_two_answers_to_one_invitation_at_once_the_first_counts(self, monkeypatch):
        an_account()
        invitation, found = an_invitation(), signing_in.invited

        def overtaken(secret, *, now):
            account = found(secret, now=now)
            monkeypatch.setattr(signing_in, "invited", found)
            public.answer_invitation(secret, PASSWORD, "", key=KEY, now=now)
            return account

        monkeypatch.setattr(signing_in, "invited", overtaken)
        with pytest.raises(errors.InvitationUnknownError):
            public.answer_invitation(invitation, "words of a thief here", "", key=KEY, now=NOW)


def heard(name, password=WRONG, now=NOW):
    """Return what somebody at the door hears."""
    try:
        public.sign_in(name, password, "", key=KEY, now=now)
    except AnlanError as error:
        return error.code, dict(error.params)
    return "in"


class TestGuessing:
    def test_however_often_one_tries_a_name_that_is_not_there_sounds_like_one_that_is(self):
        an_account()
        welcomed()
        for _ in range(8):
            assert heard("desk") == heard("nobody-here")
        assert heard("desk", PASSWORD) == heard("nobody-here", PASSWORD)

    def test_a_name_that_is_not_there_or_rests_takes_as_long(self, monkeypatch):
        an_account()
        welcomed()
        asked = []
        check = signing_in.check_password
        monkeypatch.setattr(
            signing_in, "check_password", lambda *given: asked.append(1) or check(*given)
        )
        for tries in range(1, 9):
            heard("desk")
            assert len(asked) == tries

    @pytest.mark.parametrize("name", ["a\0b", "desk\0", "\0", "x" * 5000, "安" * 64])
    def test_whatever_is_typed_as_a_name_is_refused_in_words(self, name):
        assert heard(name)[0] == "signin.refused"

    @pytest.mark.parametrize("code", ["\0", "１２３４５６", "", "9" * 20])
    def test_whatever_is_typed_as_a_code(self, code):
        an_account()
        with pytest.raises(errors.SignInRefusedError):
            public.sign_in("desk", PASSWORD, code, key=KEY, now=NOW)

    def test_a_guess_that_was_right_after_others_used_up_the_tries_does_not_open(self, monkeypatch):
        an_account()
        welcomed()
        check = signing_in.check_password

        def meanwhile(password, encoded):
            Account.objects.filter(username="desk").update(failures=9, failed_at=NOW)
            return check(password, encoded)

        monkeypatch.setattr(signing_in, "check_password", meanwhile)
        before = Token.objects.count()
        assert heard("desk", PASSWORD) != "in"
        assert Token.objects.count() == before


@pytest.mark.django_db(databases="__all__", transaction=True)
def test_hashing_a_password_does_not_keep_the_city_from_writing(monkeypatch):
    """Anybody may try to sign in; the database's write lock must not be held meanwhile."""
    an_account()
    session = welcomed()
    actor = public.authenticate(session, now=NOW)
    held = []
    check = signing_in.check_password

    def checked(*given):
        held.append(connection.in_atomic_block)
        return check(*given)

    monkeypatch.setattr(signing_in, "check_password", checked)
    heard("nobody-here")
    heard("desk")
    assert heard("desk", PASSWORD) == "in"
    public.change_password(
        actor, PASSWORD, "another four plain words", "", session=session, key=KEY, now=NOW
    )
    assert held == [False] * 4
