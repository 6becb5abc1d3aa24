"""Settings, accounts, inbox: one's own things, and those of who keeps them for others."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.notices import public as notices
from anlan.notices.models import Notice
from anlan.registry import public as registry
from anlan.registry.models import Account, Token
from tests.entrypoints.test_pages import (
    NOW,
    PASSWORD,
    TEST,
    an_account,
    browser,
    send,
    signed_in,
)

pytestmark = pytest.mark.django_db(databases="__all__")
NEW = "another four plain words"


def text_of(client, address, language="en"):
    answer = client.get(address, headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


class TestSettings:
    def test_the_look_is_kept_in_this_browser(self, demo):
        client = signed_in(an_account("duty_officer"))
        assert "data-theme" not in text_of(client, "/settings")
        assert send(client, "/settings", "/settings/theme", to="dark").status_code == 303
        assert 'data-theme="dark"' in text_of(client, "/duties")
        send(client, "/settings", "/settings/theme", to="neon")
        assert 'data-theme="dark"' in text_of(client, "/duties")
        send(client, "/settings", "/settings/theme", to="auto")
        assert "data-theme" not in text_of(client, "/duties")

    def test_a_password_is_changed_and_the_session_goes_on(self, demo):
        name = an_account("duty_officer")
        client = signed_in(name)
        refused = send(client, "/settings", "/settings/password", old="wrong one here", new=NEW)
        assert refused.status_code == 422
        assert "account.password_wrong" in refused.content.decode()
        assert NEW not in refused.content.decode()
        changed = send(client, "/settings", "/settings/password", old=PASSWORD, new=NEW)
        assert changed["Location"] == "/settings?done=password"
        assert "The password is changed" in text_of(client, "/settings?done=password")
        again = send(browser(), "/sign-in", "/sign-in", username=name, password=NEW)
        assert again.status_code == 303

    def test_sessions_are_seen_and_ended(self, demo):
        name = an_account("duty_officer")
        here = signed_in(name)
        there = browser()
        send(there, "/sign-in", "/sign-in", username=name, password=PASSWORD)
        text = text_of(here, "/settings")
        assert text.count("this one") == 1
        (number,) = re.findall(r'action="/settings/tokens/(\d+)/end"', text)
        assert send(here, "/settings", f"/settings/tokens/{number}/end").status_code == 303
        assert there.get("/settings").status_code == 302
        send(there, "/sign-in", "/sign-in", username=name, password=PASSWORD)
        assert send(here, "/settings", "/settings/sessions/others").status_code == 303
        assert there.get("/settings").status_code == 302
        assert here.get("/settings").status_code == 200

    def test_signing_in_anew_ends_the_session_of_before_in_this_browser(self, demo):
        name = an_account("duty_officer")
        client = signed_in(name)
        before, form = client.cookies["anlan_session"].value, client.cookies["anlan_form"].value
        send(client, "/sign-in", "/sign-in", username=name, password=PASSWORD)
        assert client.get("/settings").status_code == 200
        assert client.cookies["anlan_form"].value != form  # nobody planted it beforehand
        old = browser()
        old.cookies["anlan_session"] = before
        assert old.get("/settings").status_code == 302

    def test_ending_this_session_signs_out(self, demo):
        client = signed_in(an_account("duty_officer"))
        number = Token.objects.get(purpose="session").pk
        answer = send(client, "/settings", f"/settings/tokens/{number}/end")
        assert answer["Location"] == "/sign-in"
        assert client.get("/settings").status_code == 302

    def test_a_token_is_shown_once_works_and_is_revoked(self, demo):
        client = signed_in(an_account("duty_officer"))
        fields = {"scope": ["cases:read"], "days": "30", "password": PASSWORD}
        made = send(client, "/settings", "/settings/tokens", **fields)
        assert made.status_code == 201
        secret = re.search(r"anlan_[\w-]+", made.content.decode().split("<code", 1)[1]).group()
        bearer = {"Authorization": f"Bearer {secret}"}
        assert client.get("/api/v1/cases", headers=bearer).status_code == 200
        assert client.get("/api/v1/alerts", headers=bearer).status_code == 403
        text = text_of(client, "/settings")
        assert secret not in text
        assert secret[6:12] in text
        number = Token.objects.get(purpose="interface").pk
        send(client, "/settings", f"/settings/tokens/{number}/end")
        assert client.get("/api/v1/cases", headers=bearer).status_code == 401

    @pytest.mark.parametrize(
        "wrong", [{"scope": []}, {"scope": ["accounts:write"]}, {"days": "4000"}, {"password": "x"}]
    )
    def test_what_may_not_be_is_refused_in_words(self, demo, wrong):
        client = signed_in(an_account("duty_officer"))
        fields = {"scope": ["cases:read"], "days": "30", "password": PASSWORD, **wrong}
        answer = send(client, "/settings", "/settings/tokens", **fields)
        assert answer.status_code in (403, 422)
        assert 'role="alert"' in answer.content.decode()
        assert not Token.objects.filter(purpose="interface").exists()

    def test_a_token_made_for_less_opens_no_settings(self, demo):
        name = an_account("duty_officer")
        client = signed_in(name)
        fields = {"scope": ["registry:read"], "days": "30", "password": PASSWORD}
        made = send(client, "/settings", "/settings/tokens", **fields)
        secret = re.search(r"anlan_[\w-]+", made.content.decode().split("<code", 1)[1]).group()
        stolen = browser(headers={"Authorization": f"Bearer {secret}"})
        assert send(stolen, "/sign-in", "/settings/sessions/others").status_code == 302
        stolen = browser()
        stolen.cookies["anlan_session"] = secret
        assert send(stolen, "/sign-in", "/settings/sessions/others").status_code == 302
        assert client.get("/settings").status_code == 200

    def test_another_one_s_session_is_not_found(self, demo):
        signed_in(an_account("auditor"))
        theirs = Token.objects.get(purpose="session").pk
        client = signed_in(an_account("duty_officer"))
        assert send(client, "/settings", f"/settings/tokens/{theirs}/end").status_code == 404

    def test_it_asks_as_much_of_many_tokens_as_of_two(self, demo):
        name = an_account("duty_officer")
        client = signed_in(name)
        client.get("/settings")
        asked = []
        for count in (2, 18):
            for _ in range(count):
                registry.sign_in(name, PASSWORD, "", key="x", now=NOW)
            with CaptureQueriesContext(connection) as seen:
                client.get("/settings")
            asked.append(len(seen))
        assert asked[0] == asked[1] <= 16


class TestUsers:
    @pytest.fixture
    def keeper(self, demo):
        return signed_in(an_account("security_admin", name="keeper"), "security_admin")

    def test_from_nothing_to_signed_in(self, keeper):
        fields = {
            "username": "desk-2",
            "role": "duty_officer",
            "post": "",
            "areas": "410102, 410103",
        }
        made = send(keeper, "/users", "/users/new", **fields)
        page = made["Location"].partition("?")[0]
        assert Account.objects.get(username="desk-2").areas == ["410102", "410103"]
        invited = send(keeper, page, f"{page}/invite")
        assert invited.status_code == 201
        link = re.search(r"/welcome\?invitation=[\w-]+", invited.content.decode()).group()
        assert link not in text_of(keeper, page)
        client = browser()
        answer = send(
            client, link, "/welcome", invitation=link.partition("=")[2], password=PASSWORD
        )
        assert answer.status_code == 303
        assert client.get("/duties").status_code == 200

    def test_what_is_refused_is_given_back(self, keeper):
        fields = {"username": "Wang Wei", "role": "duty_officer", "areas": "*"}
        answer = send(keeper, "/users", "/users/new", **fields)
        assert answer.status_code == 422
        assert 'value="Wang Wei"' in answer.content.decode()
        assert not Account.objects.filter(username="Wang Wei").exists()

    def test_role_and_areas_are_changed(self, keeper):
        key = Account.objects.get(username=an_account("street_officer", ("410102",))).pk
        fields = {"role": "auditor", "areas": "*", "post": ""}
        assert send(keeper, f"/users/{key}", f"/users/{key}/change", **fields).status_code == 303
        changed = Account.objects.get(pk=key)
        assert (changed.role, changed.areas) == ("auditor", [""])
        wrong = send(
            keeper, f"/users/{key}", f"/users/{key}/change", role="auditor", areas="999999"
        )
        assert wrong.status_code == 404
        assert Account.objects.get(pk=key).areas == [""]

    def test_closing_says_what_it_does_and_asks_once(self, keeper):
        name = an_account("duty_officer")
        client = signed_in(name)
        key = Account.objects.get(username=name).pk
        text = text_of(keeper, f"/users/{key}/close")
        assert "1 session or token stops working now" in text
        assert Account.objects.get(pk=key).is_active
        send(keeper, f"/users/{key}/close", f"/users/{key}/close")
        assert not Account.objects.get(pk=key).is_active
        assert client.get("/duties").status_code == 302
        assert "closed" in text_of(keeper, f"/users/{key}")

    def test_a_post_is_taken_away(self, keeper):
        post = registry.posts()[0].code
        key = Account.objects.get(username=an_account("duty_officer", post=post)).pk
        fields = {"role": "duty_officer", "areas": "*", "post": ""}
        assert send(keeper, f"/users/{key}", f"/users/{key}/change", **fields).status_code == 303
        assert Account.objects.get(pk=key).post_id is None

    def test_one_s_own_account_is_kept_by_somebody_else(self, keeper):
        page = f"/users/{Account.objects.get(username='keeper').pk}"
        text = text_of(keeper, page)
        assert 'method="post" action="/users' not in text.split('id="working"')[0]
        assert "another security administrator" in text
        assert send(keeper, "/users", f"{page}/invite").status_code == 403
        fields = {"role": "audit_admin", "areas": "*", "post": ""}
        assert send(keeper, "/users", f"{page}/change", **fields).status_code == 403

    def test_a_token_of_another_account_is_not_found_here(self, keeper):
        first, second = an_account("duty_officer", name="one"), an_account("auditor", name="two")
        client = signed_in(first)
        number = Token.objects.get(account__username=first, purpose="session").pk
        page = f"/users/{Account.objects.get(username=second).pk}"
        assert send(keeper, page, f"{page}/tokens/{number}/revoke").status_code == 404
        assert client.get("/duties").status_code == 200

    def test_more_areas_than_can_be_kept_are_refused_not_dropped(self, keeper):
        fields = {"username": "desk-9", "role": "auditor", "areas": "410102 " * 201}
        assert send(keeper, "/users", "/users/new", **fields).status_code == 422
        assert not Account.objects.filter(username="desk-9").exists()

    @pytest.mark.parametrize("field", ["username", "role", "post", "areas"])
    def test_what_no_column_can_hold_is_refused(self, keeper, field):
        fields = {"username": "desk-9", "role": "auditor", "areas": "*", "post": ""}
        answer = send(keeper, "/users", "/users/new", **{**fields, field: "a\0b"})
        assert 400 <= answer.status_code < 500
        assert not Account.objects.filter(username="desk-9").exists()

    def test_the_last_keeper_stays(self, keeper):
        key = Account.objects.get(username="keeper").pk
        answer = send(keeper, f"/users/{key}/close", f"/users/{key}/close")
        assert answer.status_code == 409
        assert Account.objects.get(pk=key).is_active

    def test_what_lets_an_account_in_is_taken_back(self, keeper):
        name = an_account("duty_officer")
        client = signed_in(name)
        key = Account.objects.get(username=name).pk
        number = Token.objects.get(account=key, purpose="session").pk
        page = f"/users/{key}"
        assert send(keeper, page, f"{page}/tokens/{number}/revoke").status_code == 303
        assert client.get("/duties").status_code == 302

    def test_an_administrator_without_codes_is_marked(self, keeper):
        an_account("audit_admin")
        assert "one-time codes are not set up" in text_of(keeper, "/users")

    def test_the_auditor_reads_and_changes_nothing(self, demo):
        key = Account.objects.get(username=an_account("duty_officer")).pk
        client = signed_in(an_account("auditor"))
        for address in ("/users", f"/users/{key}"):
            text = text_of(client, address)
            assert '<form method="post" action="/users' not in text
        assert client.get(f"/users/{key}/close").status_code == 403

    def test_what_lies_elsewhere_is_not_found(self, demo):
        theirs = Account.objects.get(username=an_account("duty_officer", ("410103",), name="far"))
        an_account("duty_officer", ("410102",), name="near")
        client = signed_in(an_account("auditor", ("410102",)))
        text = text_of(client, "/users")
        assert "near" in text
        assert ">far<" not in text
        assert client.get(f"/users/{theirs.pk}").status_code == 404

    def test_it_asks_as_much_of_many_accounts_as_of_two(self, demo):
        client = signed_in(an_account("auditor", ("410102",)))
        client.get("/users")
        asked = []
        for start, stop in ((0, 2), (2, 20)):
            for number in range(start, stop):
                an_account("street_officer", ("410102",), name=f"desk-{number}")
            with CaptureQueriesContext(connection) as seen:
                text = text_of(client, "/users?q=desk")
            assert text.count('class="whole"') == stop
            asked.append(len(seen))
        assert asked[0] == asked[1] <= 16


class TestHome:
    @pytest.mark.parametrize(
        ("role", "home"),
        [
            ("duty_officer", "/duties"),
            ("security_admin", "/users"),
            ("system_admin", "/registry"),
            ("audit_admin", "/registry"),
        ],
    )
    def test_who_has_no_duties_is_led_elsewhere(self, demo, role, home):
        from anlan.entrypoints.web.pages import signing

        assert signing._within(role, "/duties") == home
        client = signed_in(an_account(role), role)
        assert client.get(home).status_code == 200


class TestInbox:
    @pytest.fixture
    def post(self, demo):
        return registry.posts()[0].code

    def told(self, post, count, start=0, urgency="normal"):
        for number in range(start, start + count):
            notices.tell(
                [post], actor=TEST, about=f"case:{number + 1}", subject="case.opened", key=f"k{number}",
                params={}, urgency=notices.Urgency(urgency), now=NOW,
            )  # fmt: skip

    def test_what_waits_is_answered_in_place(self, post):
        self.told(post, 2)
        client = signed_in(an_account("duty_officer", post=post))
        first, second = re.findall(r'action="/duties/(\d+)/answer"', text_of(client, "/inbox"))
        answer = send(client, "/inbox", f"/duties/{first}/answer", back="/inbox")
        assert answer["Location"] == "/inbox"
        text = text_of(client, "/inbox")
        assert f"/duties/{first}/answer" not in text
        assert f"/duties/{second}/answer" in text
        assert "answered at" in text_of(client, "/inbox?view=answered")

    def test_an_answer_leads_nowhere_else(self, post):
        self.told(post, 1)
        client = signed_in(an_account("duty_officer", post=post))
        number = Notice.objects.get().pk
        answer = send(client, "/inbox", f"/duties/{number}/answer", back="//evil.example")
        assert answer["Location"] == "/cases/1"

    def test_it_is_put_aside_for_a_while(self, post):
        self.told(post, 1)
        client = signed_in(an_account("duty_officer", post=post))
        number = Notice.objects.get().pk
        answer = send(client, "/inbox", f"/inbox/{number}/aside", **{"for": "2h"})
        assert answer.status_code == 303
        text = text_of(client, "/inbox")
        assert "1 put aside" in text
        assert f"/duties/{number}/answer" not in text
        wrong = send(client, "/settings", f"/inbox/{number}/aside", **{"for": "9y"})
        assert wrong.status_code == 422

    def test_that_there_is_more_is_said_although_some_are_put_aside(self, post, monkeypatch):
        from anlan.entrypoints.web.pages import inbox

        monkeypatch.setattr(inbox, "MOST", 2)
        self.told(post, 2)
        client = signed_in(an_account("duty_officer", post=post))
        number = Notice.objects.latest("pk").pk
        send(client, "/inbox", f"/inbox/{number}/aside", **{"for": "2h"})
        assert "The first 2 are shown" in text_of(client, "/inbox")

    def test_red_is_not_put_aside_for_long(self, post):
        self.told(post, 1, urgency="red")
        client = signed_in(an_account("duty_officer", post=post))
        number = Notice.objects.get().pk
        assert 'value="12h"' not in text_of(client, "/inbox")
        answer = send(client, "/inbox", f"/inbox/{number}/aside", **{"for": "12h"})
        assert answer.status_code == 422
        assert "notice.shelf_end" in answer.content.decode()

    def test_another_post_s_is_not_found(self, post):
        self.told(registry.posts()[1].code, 1)
        client = signed_in(an_account("duty_officer", post=post))
        number = Notice.objects.get().pk
        assert send(client, "/settings", f"/duties/{number}/answer").status_code == 404
        assert (
            send(client, "/settings", f"/inbox/{number}/aside", **{"for": "2h"}).status_code == 404
        )

    def test_who_only_reads_cannot_answer(self, post):
        self.told(post, 1)
        client = signed_in(an_account("auditor", post=post))
        assert "/answer" not in text_of(client, "/inbox")

    def test_it_asks_as_much_of_many_as_of_two(self, post):
        client = signed_in(an_account("duty_officer", post=post))
        client.get("/inbox")
        asked = []
        for start, stop in ((0, 2), (2, 20)):
            self.told(post, stop - start, start)
            with CaptureQueriesContext(connection) as seen:
                text = text_of(client, "/inbox")
            assert text.count("/answer") == stop
            asked.append(len(seen))
        assert asked[0] == asked[1] <= 16
