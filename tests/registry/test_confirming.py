"""An administrator's invitation works only once a second person has confirmed it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from anlan.accountability.selectors.rebuild import rebuild
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import NotAllowedError
from anlan.registry import public
from anlan.registry.domain import errors, onetime
from anlan.registry.domain.permissions import ADMINISTRATORS
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
AUDIT = Actor(id="account:900003", role=Role.AUDIT_ADMIN, areas=("",))


@pytest.fixture(autouse=True)
def _city(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    signing_in._nobody.cache_clear()
    public.load_city(ADMIN, parsed(a_city()), parsed(a_jurisdiction()), now=NOW)


def account(role="system_admin", name="boss"):
    return public.create_account(KEEPER, name, role, areas=[""], now=NOW)


def answer(secret, at=NOW):
    factor = public.offered_factor(secret, key=KEY)
    code = onetime.code_of(factor, onetime.step_of(at))
    return public.answer_invitation(secret, PASSWORD, code, key=KEY, now=at)


@pytest.mark.parametrize("role", sorted(ADMINISTRATORS))
def test_who_gave_it_cannot_answer_it(role):
    account(role.value)
    token, secret = public.invite(KEEPER, "boss", now=NOW)
    assert token.waits
    with pytest.raises(errors.InvitationWaitsError):
        public.invited(secret, now=NOW)
    with pytest.raises(errors.InvitationWaitsError):
        answer(secret)
    with pytest.raises(errors.SecondAdministratorError):
        public.confirm_invitation(KEEPER, token.pk, now=NOW)
    assert Account.objects.get(username="boss").second_factor == ""


def test_another_administrator_confirms_it():
    account()
    token, secret = public.invite(KEEPER, "boss", now=NOW)
    (waiting,) = public.waiting_invitations(AUDIT, now=NOW)
    assert (waiting.pk, waiting.account.username) == (token.pk, "boss")
    public.confirm_invitation(AUDIT, token.pk, now=NOW)
    last = JournalEntry.objects.order_by("-seq").first()
    assert (last.event, last.actor) == ("TokenChanged", AUDIT.id)
    assert (last.payload["what"], last.payload["account"]) == ("confirmed", "boss")
    assert public.waiting_invitations(AUDIT, now=NOW) == []
    assert answer(secret)
    assert Token.objects.get(pk=token.pk).confirmed_by == AUDIT.id
    assert rebuild() == []


def test_the_account_s_holder_confirms_it():
    boss = account()
    _, first = public.invite(TERMINAL, "boss", now=NOW)
    session = answer(first)[1]
    holder = public.authenticate(session, now=NOW)
    assert holder.id == f"account:{boss.pk}"
    token, secret = public.invite(KEEPER, "boss", now=NOW)
    public.confirm_invitation(holder, token.pk, now=NOW)
    later = NOW + timedelta(minutes=1)
    assert answer(secret, later)


def test_it_is_ended_instead():
    account()
    token, secret = public.invite(KEEPER, "boss", now=NOW)
    public.refuse_invitation(AUDIT, token.pk, now=NOW)
    with pytest.raises(errors.InvitationUnknownError):
        public.invited(secret, now=NOW)
    with pytest.raises(errors.TokenUnknownToActorError):
        public.confirm_invitation(AUDIT, token.pk, now=NOW)


def test_one_that_was_confirmed_or_is_over_waits_no_more():
    account()
    token, _ = public.invite(KEEPER, "boss", now=NOW)
    week = NOW + timedelta(days=7)
    with pytest.raises(errors.TokenUnknownToActorError):
        public.confirm_invitation(AUDIT, token.pk, now=week)
    public.confirm_invitation(AUDIT, token.pk, now=NOW)
    with pytest.raises(errors.TokenUnknownToActorError):
        public.confirm_invitation(AUDIT, token.pk, now=NOW)
    later, _ = public.invite(KEEPER, "boss", now=NOW)
    assert later.waits  # a new one waits anew, and ended the one that was confirmed
    assert Token.objects.get(pk=token.pk).revoked_at == NOW


@pytest.mark.parametrize("role", ["duty_officer", "auditor", "commander", "street_officer"])
def test_others_neither_see_nor_confirm(role):
    account()
    token, _ = public.invite(KEEPER, "boss", now=NOW)
    actor = Actor(id="account:7", role=Role(role), areas=("",), scopes=frozenset({"*"}))
    for act in (public.confirm_invitation, public.refuse_invitation):
        with pytest.raises(NotAllowedError):
            act(actor, token.pk, now=NOW)
    with pytest.raises(NotAllowedError):
        public.waiting_invitations(actor, now=NOW)


def test_an_administrator_of_a_part_confirms_no_one_of_the_whole_city():
    account()
    token, _ = public.invite(KEEPER, "boss", now=NOW)
    part = Actor(id="account:7", role=Role.AUDIT_ADMIN, areas=("410100/410102",))
    assert public.waiting_invitations(part, now=NOW) == []
    with pytest.raises(errors.TokenUnknownToActorError):
        public.confirm_invitation(part, token.pk, now=NOW)


def test_everybody_else_s_invitation_works_at_once():
    public.create_account(KEEPER, "desk", "duty_officer", post="operator", areas=[], now=NOW)
    token, secret = public.invite(KEEPER, "desk", now=NOW)
    assert not token.waits
    assert public.answer_invitation(secret, PASSWORD, "", key=KEY, now=NOW)


def test_an_account_that_is_raised_after_it_was_invited_is_no_way_round():
    public.create_account(KEEPER, "desk", "duty_officer", areas=[""], now=NOW)
    _, secret = public.invite(KEEPER, "desk", now=NOW)
    public.change_account(KEEPER, "desk", role="system_admin", now=NOW)
    with pytest.raises(errors.InvitationWaitsError):
        answer(secret)
    assert public.waiting_invitations(AUDIT, now=NOW) == []  # only a new one can be confirmed
    token, secret = public.invite(KEEPER, "desk", now=NOW)
    public.confirm_invitation(AUDIT, token.pk, now=NOW)
    assert answer(secret)


def test_nor_is_one_that_is_lowered_while_it_waits():
    account()
    _, secret = public.invite(KEEPER, "boss", now=NOW)
    public.change_account(KEEPER, "boss", role="duty_officer", now=NOW)
    with pytest.raises(errors.InvitationWaitsError):
        public.invited(secret, now=NOW)


def test_who_confirmed_one_office_has_not_confirmed_another():
    account("audit_admin")
    token, secret = public.invite(KEEPER, "boss", now=NOW)
    public.confirm_invitation(AUDIT, token.pk, now=NOW)
    public.change_account(KEEPER, "boss", role="system_admin", now=NOW)
    with pytest.raises(errors.InvitationWaitsError):
        answer(secret)
    (waiting,) = public.waiting_invitations(AUDIT, now=NOW)
    assert waiting.account.role == "system_admin"
    public.confirm_invitation(AUDIT, token.pk, now=NOW)
    assert answer(secret)
    assert rebuild() == []


def test_nor_other_areas():
    public.create_account(KEEPER, "boss", "system_admin", areas=["410102"], now=NOW)
    token, secret = public.invite(KEEPER, "boss", now=NOW)
    public.confirm_invitation(AUDIT, token.pk, now=NOW)
    public.change_account(KEEPER, "boss", areas=[""], now=NOW)
    with pytest.raises(errors.InvitationWaitsError):
        answer(secret)


@pytest.mark.parametrize("through", [(), ("duty_officer",)])
def test_an_administrator_of_one_kind_becomes_no_other_without_a_second_person(through):
    account("audit_admin")
    token, secret = public.invite(KEEPER, "boss", now=NOW)
    public.confirm_invitation(AUDIT, token.pk, now=NOW)
    answer(secret)
    for role in (*through, "system_admin"):
        public.change_account(KEEPER, "boss", role=role, now=NOW)
    later = NOW + timedelta(minutes=2)
    code = onetime.code_of(public.offered_factor(secret, key=KEY), onetime.step_of(later))
    with pytest.raises(errors.SignInRefusedError):
        public.sign_in("boss", PASSWORD, code, key=KEY, now=later)
