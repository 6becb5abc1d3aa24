"""One's own account: proven before it changes, and never anybody else's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from anlan.kernel.actor import system_actor
from anlan.kernel.errors import NotAllowedError, NotAuthenticatedError
from anlan.registry import public
from anlan.registry.domain import errors
from anlan.registry.models import Token
from tests.registry.small_city import KEEPER, NOW, TERMINAL
from tests.registry.test_signing_in import (  # noqa: F401  the fixture loads the city
    KEY,
    PASSWORD,
    _city,
    an_account,
    the_code,
    welcomed,
)

pytestmark = pytest.mark.django_db(databases="__all__")
NEW = "another four plain words"
MONTH = timedelta(days=30)


@pytest.fixture
def desk():
    an_account()
    secret = welcomed()
    return public.authenticate(secret, now=NOW), secret


def a_session(name="desk", password=PASSWORD, now=NOW):
    return public.sign_in(name, password, "", key=KEY, now=now)[1]


def change(desk, old=PASSWORD, new=NEW):
    actor, session = desk
    return public.change_password(actor, old, new, "", session=session, key=KEY, now=NOW)


def issue(desk, scopes=("cases:read",), password=PASSWORD, lasting=MONTH, code=""):
    return public.issue_own_token(
        desk[0], scopes, NOW + lasting, password=password, code=code, key=KEY, now=NOW
    )


class TestPassword:
    def test_the_new_one_works_and_the_old_one_does_not(self, desk):
        change(desk)
        a_session(password=NEW)
        with pytest.raises(errors.SignInRefusedError):
            a_session()

    def test_other_sessions_end_and_this_one_stays(self, desk):
        other = a_session()
        assert change(desk) == 1
        public.authenticate(desk[1], now=NOW)
        with pytest.raises(NotAuthenticatedError):
            public.authenticate(other, now=NOW)

    def test_a_token_stays(self, desk):
        _, secret = issue(desk)
        change(desk)
        public.authenticate(secret, now=NOW)

    @pytest.mark.parametrize("new", ["short", "my desk has a long name"])
    def test_a_weak_one_is_refused(self, desk, new):
        with pytest.raises(errors.PasswordWeakError):
            change(desk, new=new)
        a_session()

    def test_who_does_not_know_the_old_one_changes_nothing_and_waits_after_a_few(self, desk):
        for _ in range(5):
            with pytest.raises(errors.PasswordWrongError):
                change(desk, old="guessed words they are")
        with pytest.raises(errors.SignInWaitError):
            change(desk)

    def test_who_is_no_account_has_none(self):
        with pytest.raises(NotAllowedError):
            public.own_account(system_actor("test"))


class TestSessions:
    def test_only_what_still_works_is_listed(self, desk):
        a_session()
        issue(desk)
        public.invite(KEEPER, "desk", now=NOW)
        found = public.own_tokens(desk[0], now=NOW)
        assert sorted(row.purpose for row in found) == ["interface", "session", "session"]
        assert [public.is_session(row, desk[1]) for row in found].count(True) == 1
        assert public.own_tokens(desk[0], now=NOW + timedelta(days=200)) == []

    def test_ending_all_others(self, desk):
        secrets = [a_session() for _ in range(3)]
        assert public.end_other_sessions(desk[0], session=desk[1], now=NOW) == 3
        assert public.end_other_sessions(desk[0], session=desk[1], now=NOW) == 0
        for secret in secrets:
            with pytest.raises(NotAuthenticatedError):
                public.authenticate(secret, now=NOW)
        public.authenticate(desk[1], now=NOW)

    def test_nobody_ends_somebody_else_s(self, desk):
        public.create_account(KEEPER, "other", "auditor", areas=[""], now=NOW)
        welcomed("other")
        theirs = Token.objects.get(account__username="other", purpose="session")
        with pytest.raises(errors.TokenUnknownToActorError):
            public.end_own(desk[0], theirs.pk, now=NOW)

    def test_ending_one_twice_changes_nothing(self, desk):
        made, _ = issue(desk)
        first = public.end_own(desk[0], made.pk, now=NOW)
        again = public.end_own(desk[0], made.pk, now=NOW + MONTH)
        assert again.revoked_at == first.revoked_at == NOW


class TestTokens:
    def test_it_has_what_was_asked_and_no_more(self, desk):
        _, secret = issue(desk, ("cases:read", "signs:read"))
        actor = public.authenticate(secret, now=NOW)
        assert actor.scopes == {"cases:read", "signs:read"}
        assert (actor.id, actor.areas) == (desk[0].id, desk[0].areas)

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"scopes": ()}, errors.ScopeMissingError),
            ({"scopes": ("accounts:write",)}, errors.ScopeBeyondRoleError),
            ({"password": "not the password"}, errors.PasswordWrongError),
            ({"lasting": timedelta(0)}, errors.TokenExpiryError),
            ({"lasting": public.LONGEST_OWN + timedelta(seconds=1)}, errors.TokenExpiryError),
        ],
    )
    def test_more_is_refused(self, desk, changes, error):
        with pytest.raises(error):
            issue(desk, **changes)
        assert not Token.objects.filter(purpose="interface").exists()

    def test_a_token_s_own_scopes_bound_what_it_can_give(self, desk):
        _, secret = issue(desk, ("cases:read",))
        narrow = (public.authenticate(secret, now=NOW), secret)
        with pytest.raises(errors.ScopeBeyondRoleError):
            issue(narrow, ("signs:read",))

    def test_an_administrator_proves_with_a_code_too(self):
        an_account("keeper", "security_admin")
        _, invitation = public.invite(TERMINAL, "keeper", now=NOW)
        _, secret = public.answer_invitation(
            invitation, PASSWORD, the_code(invitation), key=KEY, now=NOW
        )
        keeper = (public.authenticate(secret, now=NOW), secret)
        with pytest.raises(errors.PasswordWrongError):
            issue(keeper, ("accounts:read",))
        later = NOW + timedelta(minutes=2)
        code = the_code(invitation, later)
        public.issue_own_token(
            keeper[0], ("accounts:read",), later + MONTH,
            password=PASSWORD, code=code, key=KEY, now=later,
        )  # fmt: skip
