"""Accounts and tokens: no more than the role, no longer than said, never the secret."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import NotAllowedError
from anlan.registry import public
from anlan.registry.domain import errors, permissions
from anlan.registry.models import Account, Token
from anlan.registry.selectors.accounts import paths_of
from tests.registry.small_city import ADMIN, KEEPER, NOW, TERMINAL, a_city, a_jurisdiction, parsed

pytestmark = pytest.mark.django_db(databases="__all__")
WEEK = NOW + timedelta(days=7)


@pytest.fixture
def city():
    public.load_city(ADMIN, parsed(a_city()), parsed(a_jurisdiction()), now=NOW)


def an_account(name="desk", role="duty_officer", **given):
    given = {"post": "operator", "areas": ["410102"], **given}
    return public.create_account(KEEPER, name, role, now=NOW, **given)


def a_token(account, scopes=None, areas=None, expires_at=WEEK):
    return public.issue_token(TERMINAL, account, scopes, areas, expires_at, now=NOW)


@pytest.mark.usefixtures("city")
class TestTokens:
    def test_a_token_stands_for_its_account(self):
        account = an_account()
        _, secret = a_token(account)
        actor = public.authenticate(secret, now=NOW)
        assert actor == Actor(
            id=f"account:{account.pk}",
            role=Role.DUTY_OFFICER,
            post="operator",
            areas=("410100/410102",),
            scopes=permissions.PERMISSIONS[Role.DUTY_OFFICER],
        )
        assert actor.covers("410100/410102/410102001")
        assert not actor.covers("410100/410103")

    def test_only_a_digest_of_the_secret_is_kept(self):
        token, secret = a_token(an_account())
        kept = str(list(Token.objects.values())) + str(list(JournalEntry.objects.values("images")))
        assert secret not in kept
        assert secret.removeprefix("anlan_")[6:] not in kept
        assert token.digest not in str(list(JournalEntry.objects.values("images", "payload")))

    @pytest.mark.parametrize(
        ("spoil", "code"),
        [
            (lambda token, secret: (secret + "x", NOW), "token.unknown"),
            (lambda token, secret: ("", NOW), "token.unknown"),
            (lambda token, secret: (token.digest, NOW), "token.unknown"),
            (lambda token, secret: (secret, WEEK), "token.expired"),
            (lambda token, secret: (secret, WEEK + timedelta(days=1)), "token.expired"),
        ],
    )
    def test_what_does_not_open_the_door(self, spoil, code):
        given_secret, at = spoil(*a_token(an_account()))
        with pytest.raises(errors.NotAuthenticatedError) as caught:
            public.authenticate(given_secret, now=at)
        assert caught.value.code == code

    def test_it_opens_up_to_its_last_instant(self):
        _, secret = a_token(an_account())
        assert public.authenticate(secret, now=WEEK - timedelta(microseconds=1)).post == "operator"

    def test_a_token_taken_back(self):
        token, secret = a_token(an_account())
        public.revoke_token(KEEPER, token.pk, now=NOW)
        entries = JournalEntry.objects.count()
        public.revoke_token(KEEPER, token.pk, now=NOW)
        assert JournalEntry.objects.count() == entries
        with pytest.raises(errors.TokenRevokedError):
            public.authenticate(secret, now=NOW)

    def test_a_closed_account(self):
        _, secret = a_token(an_account())
        public.close_account(KEEPER, "desk", now=NOW)
        with pytest.raises(errors.AccountClosedError):
            public.authenticate(secret, now=NOW)
        with pytest.raises(errors.AccountClosedError):
            a_token(public.account_named("desk"))

    def test_never_more_than_the_role_or_the_areas(self):
        account = an_account()
        with pytest.raises(errors.ScopeBeyondRoleError):
            a_token(account, scopes=["registry:read", "accounts:write"])
        for areas in (["410103"], [""], ["410100"]):
            with pytest.raises(errors.AreaBeyondAccountError):
                a_token(account, areas=areas)
        with pytest.raises(errors.AreaUnknownError):
            a_token(account, areas=["nowhere"])
        _, secret = a_token(account, scopes=["cases:read"], areas=["410100/410102/410102001"])
        actor = public.authenticate(secret, now=NOW)
        assert actor.scopes == {"cases:read"}
        assert actor.areas == ("410100/410102/410102001",)

    @pytest.mark.parametrize("days", [0, -1, 401])
    def test_an_end_is_needed(self, days):
        with pytest.raises(errors.TokenExpiryError):
            a_token(an_account(), expires_at=NOW + timedelta(days=days))
        with pytest.raises(errors.TokenExpiryError):
            a_token(public.account_named("desk"), expires_at=WEEK.replace(tzinfo=None))

    def test_a_change_of_the_account_reaches_its_tokens_at_once(self):
        account = an_account(areas=[""])
        _, secret = a_token(account, areas=["410102"])
        public.change_account(KEEPER, "desk", role="program", areas=["410102001"], now=NOW)
        actor = public.authenticate(secret, now=NOW)
        assert actor.role is Role.PROGRAM
        assert actor.scopes == permissions.PERMISSIONS[Role.PROGRAM]
        assert actor.areas == ()  # the token is for the whole district, the account no longer

    def test_areas_follow_a_district_that_moves(self):
        account = an_account()
        _, secret = a_token(account)
        import msgspec

        moved = tuple(
            msgspec.structs.replace(area, parent="kfq") if area.code == "410102" else area
            for area in a_city().areas
        )
        public.load_city(ADMIN, parsed(a_city(areas=moved)), parsed(a_jurisdiction()), now=NOW)
        assert public.authenticate(secret, now=NOW).areas == ("410100/kfq/410102",)

    def test_use_is_noted_now_and_then_without_a_journal_entry(self):
        token, secret = a_token(an_account(areas=[""]))
        entries = JournalEntry.objects.count()
        public.authenticate(secret, now=NOW)
        token.refresh_from_db()
        assert token.last_used_at == NOW
        with CaptureQueriesContext(connection) as queries:
            public.authenticate(secret, now=NOW + timedelta(minutes=4))
        assert len(queries) == 1
        assert JournalEntry.objects.count() == entries


@pytest.mark.usefixtures("city")
class TestAccounts:
    @pytest.mark.parametrize(
        "name", ["ab", "Desk", "desk one", "13800000000", "a@b.cn", "", "x" * 65, "王五", "../etc"]
    )
    def test_a_name_is_that_of_a_seat(self, name):
        with pytest.raises(errors.AccountNameError):
            an_account(name)

    def test_what_an_account_cannot_be(self):
        an_account()
        with pytest.raises(errors.AccountTakenError):
            an_account()
        with pytest.raises(errors.RoleUnknownError):
            an_account("other", role="system")
        with pytest.raises(errors.RoleUnknownError):
            an_account("other", role="king")
        with pytest.raises(errors.PostUnknownError):
            an_account("other", post="ghost")
        with pytest.raises(errors.AreaUnknownError):
            an_account("other", areas=["nowhere"])
        with pytest.raises(errors.AccountUnknownError):
            public.close_account(KEEPER, "ghost", now=NOW)
        assert Account.objects.count() == 1

    @pytest.mark.parametrize("role", sorted(set(Role) - {Role.SECURITY_ADMIN, Role.SYSTEM}))
    def test_only_the_keeper_of_accounts_keeps_them(self, role):
        account = an_account()
        token, _ = a_token(account)
        actor = Actor(id="account:99", role=role, areas=("",), scopes=frozenset({"*"}))
        with pytest.raises(NotAllowedError):
            public.create_account(actor, "mine", "commander", now=NOW)
        with pytest.raises(NotAllowedError):
            public.change_account(actor, "desk", role="commander", now=NOW)
        with pytest.raises(NotAllowedError):
            public.close_account(actor, "desk", now=NOW)
        with pytest.raises(NotAllowedError):
            public.issue_token(actor, account, None, None, WEEK, now=NOW)
        with pytest.raises(errors.TokenUnknownToActorError):
            public.revoke_token(actor, token.pk, now=NOW)

    def test_one_may_take_back_one_s_own_token(self):
        account = an_account()
        token, secret = a_token(account)
        public.revoke_token(public.authenticate(secret, now=NOW), token.pk, now=NOW)
        with pytest.raises(errors.TokenRevokedError):
            public.authenticate(secret, now=NOW)


def test_the_first_administrator_is_made_once_and_without_a_city():
    first = public.create_first_admin("keeper", now=NOW)
    assert first.role == Role.SECURITY_ADMIN
    with pytest.raises(errors.AdminExistsError):
        public.create_first_admin("second", now=NOW)
    _, secret = public.issue_token(TERMINAL, first, None, None, WEEK, now=NOW)
    actor = public.authenticate(secret, now=NOW)
    public.create_account(actor, "city-keeper", "system_admin", areas=[""], now=NOW)
    with pytest.raises(errors.LastAdminError):
        public.close_account(actor, "keeper", now=NOW)
    with pytest.raises(errors.LastAdminError):
        public.change_account(KEEPER, "keeper", role="program", now=NOW)
    public.create_account(actor, "keeper-two", "security_admin", areas=[""], now=NOW)
    assert not public.close_account(actor, "keeper", now=NOW).is_active


def test_the_three_administrators_are_apart():
    table = permissions.PERMISSIONS
    assert "accounts:write" in table[Role.SECURITY_ADMIN]
    assert "registry:write" in table[Role.SYSTEM_ADMIN]
    assert "ledger:write" in table[Role.AUDIT_ADMIN]
    powers = {"accounts:write", "registry:write", "ledger:write"}
    for role in permissions.GIVEN:
        assert len(powers & table[role]) == (role in permissions.ADMINISTRATORS)
    # Administrators run the system; they do not work its cases.
    for role in (*permissions.ADMINISTRATORS, Role.AUDITOR):
        assert not {"cases:act", "signs:write", "response:declare"} & table[role]


class NeverMore(TestCase):
    """Whatever a token asks for, it never reaches beyond its account."""

    databases = "__all__"

    def setUp(self):
        public.load_city(ADMIN, parsed(a_city()), parsed(a_jurisdiction()), now=NOW)
        self.number = 0

    @settings(max_examples=40, deadline=None)
    @given(
        st.sampled_from(sorted(permissions.GIVEN)),
        st.lists(st.sampled_from(["", "410100", "410102", "410102001", "kfq"]), max_size=2),
        st.none() | st.sets(st.sampled_from(sorted(permissions.EVERY)), max_size=3),
        st.none() | st.lists(st.sampled_from(["", "410102", "410102001", "kfq"]), max_size=2),
    )
    def test_scopes_and_areas(self, role, held, scopes, areas):
        self.number += 1
        account = an_account(f"desk-{self.number}", role, areas=held)
        try:
            _, secret = a_token(account, None if scopes is None else sorted(scopes), areas)
        except (errors.ScopeBeyondRoleError, errors.AreaBeyondAccountError):
            return
        actor = public.authenticate(secret, now=NOW)
        assert actor.scopes <= permissions.PERMISSIONS[role]
        reach = Actor(id="", role=role, areas=paths_of(held))
        assert all(reach.covers(path) for path in actor.areas)
