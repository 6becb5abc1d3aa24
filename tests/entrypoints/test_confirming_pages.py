"""Pages of accounts' safety: a second person for administrators, known devices at the door."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.entrypoints import here
from anlan.kernel.actor import Role
from anlan.registry import public as registry
from anlan.registry.domain import onetime
from anlan.registry.models import Account
from tests.entrypoints.keeping import NOW, text_of
from tests.entrypoints.test_pages import PASSWORD, TEST, an_account, browser, send, signed_in

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def security(demo):
    return signed_in(an_account("security_admin"), Role.SECURITY_ADMIN)


def invited(client, name):
    page = f"/users/{Account.objects.get(username=name).pk}"
    answer = send(client, page, f"{page}/invite")
    assert answer.status_code == 201, answer.content.decode()
    text = answer.content.decode()
    return re.search(r"invitation=([\w-]+)", text).group(1), text


class TestSecondPerson:
    def test_an_administrator_is_invited_by_two(self, demo, admin, security):
        name = an_account("audit_admin")
        secret, text = invited(security, name)
        assert "核准" in text
        closed = browser().get(f"/welcome?invitation={secret}")
        assert (closed.status_code, "signin.invitation_waits" in closed.content.decode()) == (
            401,
            True,
        )
        own = text_of(security, "/confirmations")
        assert "somebody else confirms it" in own
        number = re.search(r'action="/confirmations/(\d+)/refuse"', own).group(1)
        act = f"/confirmations/{number}/confirm"
        refused = send(security, "/confirmations", act)
        assert refused.status_code == 403
        assert "account.second_administrator" in refused.content.decode()
        seen = text_of(admin, "/confirmations")
        for words in (name, "seat-security_admin", "no password yet"):
            assert words in seen
        assert send(admin, "/confirmations", act)["Location"] == "/confirmations?done=confirmed"
        assert "link works now" in text_of(admin, "/confirmations?done=confirmed")
        assert browser().get(f"/welcome?invitation={secret}").status_code == 200
        assert send(admin, "/confirmations", act).status_code == 404

    def test_the_holder_sees_that_somebody_asks_for_the_own_account(self, demo, admin, security):
        secret, _ = invited(security, "seat-system_admin")
        seen = text_of(admin, "/confirmations")
        assert "your account" in seen
        assert "replaces it" in seen
        number = re.search(r'action="/confirmations/(\d+)/refuse"', seen).group(1)
        done = send(admin, "/confirmations", f"/confirmations/{number}/refuse")
        assert done["Location"] == "/confirmations?done=refused"
        assert browser().get(f"/welcome?invitation={secret}").status_code == 401
        assert "No invitation waits" in text_of(admin, "/confirmations")

    def test_it_is_for_administrators(self, demo, officer, admin):
        assert officer.get("/confirmations").status_code == 403
        assert 'href="/confirmations"' not in text_of(officer, "/settings")
        assert 'href="/confirmations"' in text_of(admin, "/settings")

    def test_the_list_costs_the_same_however_long(self, demo, admin, security):
        asked = []
        for number in range(6):
            name = an_account("audit_admin", name=f"audit-{number}")
            invited(security, name)
            if number in (1, 5):
                admin.get("/confirmations")
                with CaptureQueriesContext(connection) as seen:
                    admin.get("/confirmations")
                asked.append(len(seen))
        assert asked[0] == asked[1]


class TestKnownDevices:
    def enter(self, client, name, password=PASSWORD, **more):
        return send(client, "/sign-in", "/sign-in", username=name, password=password, **more)

    def rest(self, name):
        stranger = browser()
        for _ in range(6):
            assert self.enter(stranger, name, "wrong password entirely").status_code == 401

    def test_the_mark_is_signed_kept_long_and_out_of_reach_of_scripts(self, demo):
        name = an_account("duty_officer")
        client = signed_in(name)
        cookie = client.cookies["anlan_device"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert cookie["max-age"] == int(registry.DEVICE_LASTS.total_seconds())
        assert name not in cookie.value
        assert PASSWORD not in cookie.value

    def test_the_holder_comes_in_while_a_stranger_guesses(self, demo):
        name = an_account("duty_officer")
        mine = signed_in(name)
        send(mine, "/settings", "/sign-out")
        self.rest(name)
        assert self.enter(browser(), name).status_code == 401
        before = mine.cookies["anlan_device"].value
        assert self.enter(mine, name).status_code == 303
        assert mine.cookies["anlan_device"].value != before
        self.rest(name)
        send(mine, "/settings", "/sign-out")
        assert self.enter(mine, name).status_code == 303

    def test_an_administrator_too_with_a_code(self, demo):
        name = an_account("system_admin")
        _, invitation = registry.invite(TEST, name, now=NOW)
        secret = registry.offered_factor(invitation, key=here.workspace().secret)
        client = browser()
        code = onetime.code_of(secret, onetime.step_of(NOW))
        fields = {"invitation": invitation, "password": PASSWORD, "code": code}
        assert (
            send(client, f"/welcome?invitation={invitation}", "/welcome", **fields).status_code
            == 303
        )
        self.rest(name)
        demo.at = NOW + timedelta(minutes=1)
        code = onetime.code_of(secret, onetime.step_of(demo.at))
        assert self.enter(browser(), name, code="000000").status_code == 401
        assert self.enter(client, name, code=code).status_code == 303

    def test_a_new_password_is_known_in_this_browser_only(self, demo):
        name = an_account("duty_officer")
        here_, there = signed_in(name), browser()
        self.enter(there, name)
        new = "another four plain words"
        changed = send(here_, "/settings", "/settings/password", old=PASSWORD, new=new)
        assert changed.status_code == 303
        self.rest(name)
        assert self.enter(there, name, new).status_code == 401
        assert self.enter(here_, name, new).status_code == 303
