"""The pages: for whom they are, in which words, and a danger's way through them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from anlan import flow
from anlan.conf import urls
from anlan.entrypoints import clock, here
from anlan.entrypoints.web import wording
from anlan.infra import delivery
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Role, system_actor
from anlan.registry import public as registry
from anlan.registry.domain import onetime
from anlan.registry.domain.permissions import ADMINISTRATORS, GIVEN, PERMISSIONS
from anlan.response import public as response
from anlan.response.public import CaseFilters

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
TEST = system_actor("test")
WEB = Path(wording.__file__).parent
PASSWORD = "four unrelated words here"
pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture(autouse=True)
def _quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


class Clock:
    """A clock that stands until a test moves it."""

    at = NOW

    def now(self):
        return self.at

    def passes(self, **span):
        self.at += timedelta(**span)


@pytest.fixture
def demo(demo_of_the_module, db, monkeypatch):
    standing = Clock()
    monkeypatch.setattr(clock, "_current", standing)
    return standing


def an_account(role, areas=("",), post=None, name=None):
    name = name or f"seat-{role}"
    registry.create_account(TEST, name, role, areas=areas, post=post, now=NOW)
    return name


def browser(**given):
    return Client(enforce_csrf_checks=True, raise_request_exception=False, **given)


def signed_in(name, role=Role.DUTY_OFFICER, **given):
    """Return a browser in which the holder of a seat answered an invitation."""
    _, invitation = registry.invite(TEST, name, now=NOW)
    client = browser(**given)
    code = ""
    if Role(role) in ADMINISTRATORS:
        secret = registry.offered_factor(invitation, key=here.workspace().secret)
        code = onetime.code_of(secret, onetime.step_of(NOW))
    answer = send(
        client,
        f"/welcome?invitation={invitation}",
        "/welcome",
        invitation=invitation,
        password=PASSWORD,
        code=code,
    )
    assert answer.status_code == 303, answer.content.decode()
    return client


def send(client, page, action, **fields):
    """Open a page and send one of its forms, as a browser without scripts does."""
    shown = client.get(page)
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', shown.content.decode())
    assert found is not None, shown.content.decode()
    return client.post(action, {"csrfmiddlewaretoken": found.group(1), **fields})


def pages():
    """Return (address, permission) of every page that can be got without knowing more."""
    for pattern in urls.urlpatterns:
        view = getattr(pattern, "callback", None)
        if view is not None and hasattr(view, "permission"):
            address = "/" + re.sub(r"<int:\w+>", "987654", str(pattern.pattern))
            yield filled(address), view.permission


#: What stands for a part of an address in the walk: a kind there is, a code there is not.
STANDS_FOR = {
    "trigger": "urge",
    "kind": "posts",
    "key": "987654",
    "rule": "987654",
    "token": "987654",
    "clock": "987654",
    "code": "987654",
}


def filled(address):
    return re.sub(r"<str:(\w+)>", lambda found: STANDS_FOR[found[1]], address)


PAGES = sorted(pages(), key=str)
#: What a page's own script asks for, and what is taken away; everything else is read by people.
FOR_SCRIPTS = {
    "/watch/features": "application/geo+json",
    "/report/areas": "application/geo+json",
    "/uploads/987654": "application/json",
    "/registry/table/posts.csv": "text/csv",
}


def test_every_page_says_whom_it_is_for():
    told = {str(pattern.pattern) for pattern in get_resolver().url_patterns}
    # No pages: the interface of SensorThings asks for its permissions by entity and verb.
    plain = {"", "healthz", "metrics", "api/", r"^sta/v1\.1(?:/(?P<path>.*))?\Z", r"^sta(?:/.*)?\Z"}
    saying = {
        str(one.pattern)
        for one in urls.urlpatterns
        if hasattr(getattr(one, "callback", None), "permission")
    }
    assert told - plain == saying


def test_a_stranger_is_led_to_sign_in_or_served(demo):
    for address, permission in PAGES:
        answer = browser().get(address)
        if permission and answer.status_code != 405:
            assert answer.status_code == 302, address
            assert answer["Location"].startswith("/sign-in?next=%2F") or answer[
                "Location"
            ].startswith("/sign-in?next=/")
        else:
            unknown = (404,) if "987654" in address else ()
            assert answer.status_code in (200, 401, 405, *unknown), address


@pytest.mark.parametrize("role", sorted(GIVEN), ids=str)
@pytest.mark.parametrize("areas", [("",), ("410102",), ()], ids=["city", "district", "nowhere"])
def test_every_role_sees_its_own_pages_only(demo, role, areas):
    client = signed_in(an_account(role.value, areas), role)
    for number, (address, permission) in enumerate(PAGES):
        # In both languages for who sees most; a district and nowhere take turns, as refusals do.
        whole = areas == ("",) and permission in PERMISSIONS[role]
        for language in ("zh", "en") if whole else (("zh", "en")[(number + len(areas)) % 2],):
            answer = client.get(f"{address}?lang={language}")
            text = answer.content.decode()
            assert answer.status_code < 500, (address, text)
            assert "Traceback" not in text
            if permission and permission not in PERMISSIONS[role] and answer.status_code != 405:
                assert answer.status_code == 403, address
            elif "987654" in address:
                assert answer.status_code in (404, 405), address
            if answer.status_code != 302:
                wanted = FOR_SCRIPTS.get(address, "text/html")
                assert answer["Content-Type"].startswith((wanted, "text/html"))
                assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text)


def words_used():
    """Return (file, key) of every literal key that a template or a page asks for."""
    for path in [*WEB.rglob("*.html"), *WEB.rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        pattern = (
            r'{% t ["\']([\w.]+)["\']' if path.suffix == ".html" else r'\bsay\(\s*"([a-z][\w.]+)"'
        )
        for key in re.findall(pattern, text):
            yield path.name, key


def test_every_word_is_in_both_languages_and_no_page_lacks_one():
    known = wording.catalogue()
    for key, texts in known.items():
        assert {"zh", "en"} <= texts.keys() <= {"zh", "en", "en_one"}, key
        assert all(text.strip() for text in texts.values()), key
        names = [set(re.findall(r"{(\w+)}", texts[one])) for one in ("zh", "en")]
        assert names[0] == names[1], key
    lacking = [
        (file, key)
        for file, key in words_used()
        if key not in known and not any(one.startswith(f"{key}.") for one in known)
    ]
    assert lacking == []


def test_every_state_and_move_has_words():
    for kind, names in (
        ("state", response.CaseState),
        ("trigger", response.Trigger),
        ("trigger_done", response.Trigger),
    ):
        assert [one for one in names if not wording.knows(f"{kind}.{one.value}")] == []


class TestSignIn:
    def test_in_and_out_again(self, demo):
        name = an_account("duty_officer")
        signed_in(name)
        client = browser()
        answer = send(
            client,
            "/sign-in",
            "/sign-in",
            username=name,
            password=PASSWORD,
            next="/cases?view=open",
        )
        assert (answer.status_code, answer["Location"]) == (303, "/cases?view=open")
        cookie = client.cookies["anlan_session"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert client.get("/cases").status_code == 200
        assert send(client, "/cases", "/sign-out").status_code == 303
        client.cookies["anlan_session"] = cookie.value
        assert client.get("/cases").status_code == 302

    @pytest.mark.parametrize(
        "there", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "x"]
    )
    def test_it_leads_nowhere_else(self, demo, there):
        name = an_account("duty_officer")
        signed_in(name)
        answer = send(
            browser(), "/sign-in", "/sign-in", username=name, password=PASSWORD, next=there
        )
        assert answer["Location"] == "/duties"

    def test_a_wrong_password_gives_the_page_back_without_it(self, demo):
        answer = send(browser(), "/sign-in", "/sign-in", username="nobody", password="guessed-it")
        text = answer.content.decode()
        assert answer.status_code == 401
        assert "signin.refused" in text
        assert 'value="nobody"' in text
        assert "guessed-it" not in text

    def test_a_form_from_elsewhere_changes_nothing(self, demo):
        client = signed_in(an_account("duty_officer"))
        entries = JournalEntry.objects.count()
        answer = client.post("/sign-out")
        assert answer.status_code == 403
        assert "form.foreign" in answer.content.decode()
        assert JournalEntry.objects.count() == entries

    def test_a_session_is_no_key_to_the_interface(self, demo):
        client = signed_in(an_account("duty_officer"))
        assert client.get("/api/v1/cases").status_code == 401

    def test_an_unknown_invitation_is_told_so(self, demo):
        answer = browser().get("/welcome?invitation=anlan_nonsense")
        assert answer.status_code == 401
        assert "signin.invitation" in answer.content.decode()

    def test_the_language_is_kept(self, demo):
        client = browser(headers={"Accept-Language": "zh-CN"})
        assert 'lang="zh-Hans"' in client.get("/sign-in").content.decode()
        send(client, "/sign-in", "/language", to="en", back="/sign-in")
        assert 'lang="en"' in client.get("/sign-in").content.decode()


class TestCase:
    def a_case(self):
        send(browser(), "/report", "/report", text="隧道积水很深", key="k")
        delivery.settle(flow.REACTIONS, now=NOW)
        (case,) = response.cases(TEST, CaseFilters()).cases
        return case

    def test_from_undecided_to_closed_by_a_second_person(self, demo, monkeypatch):
        case = self.a_case()
        post = registry.posts()[0].code
        desk = signed_in(an_account("duty_officer", name="desk"))
        other = signed_in(an_account("duty_officer", name="other"))
        page = f"/cases/{case.pk}"
        for client, trigger, fields in (
            (desk, "decide", {"post": post, "note": "就近"}),
            (desk, "handle", {}),
            (desk, "feed_back", {}),
        ):
            answer = send(client, page, f"{page}/{trigger}", **fields)
            assert answer.status_code == 303, answer.content.decode()
        refused = send(desk, page, f"{page}/close")
        assert refused.status_code in (403, 409, 422)
        assert "second_person" in refused.content.decode()
        assert send(other, page, f"{page}/close").status_code == 303
        text = other.get(page + "?lang=en").content.decode()
        assert "closed" in text
        assert "就近" in text

    def test_the_law_is_one_click_away(self, demo):
        case = self.a_case()
        clock_of = case.running_clock
        text = signed_in(an_account("duty_officer")).get(f"/cases/{case.pk}").content.decode()
        assert clock_of.basis["title"] in text
        assert clock_of.rule_id in text

    def test_a_number_that_is_none_is_refused_in_words(self, demo):
        case = self.a_case()
        client = signed_in(an_account("duty_officer"))
        page = f"/cases/{case.pk}"
        answer = send(client, page, f"{page}/raise", priority="many", reason="growing")
        assert answer.status_code == 422
        assert "Traceback" not in answer.content.decode()
        assert send(client, page, f"{page}/explode").status_code == 422

    def test_what_lies_elsewhere_is_not_found(self, demo):
        case = self.a_case()
        client = signed_in(an_account("street_officer", ("410102",)))
        assert client.get(f"/cases/{case.pk}").status_code == 404

    def test_the_list_asks_as_much_of_many_cases_as_of_two(self, demo):
        client = signed_in(an_account("duty_officer"))
        client.get("/cases")  # the first call notes the session's use
        asked = []
        for wanted in (2, 20):
            for hazard in list(registry.hazards())[len(asked) * 2 : wanted]:
                opening = response.Opening(
                    kind="service", hazard=hazard.id, area="410102", origin="manual", known_at=NOW
                )
                response.open_case(TEST, opening, now=NOW)
            with CaptureQueriesContext(connection) as seen:
                shown = client.get("/cases").content.decode()
            assert shown.count('class="whole"') == min(wanted, len(registry.hazards()))
            asked.append(len(seen))
        assert asked[0] == asked[1] <= 16


class TestDuties:
    def test_what_waits_is_shown_and_answered(self, demo):
        TestCase().a_case()
        arbiter = registry.city().arbiter_post
        client = signed_in(an_account("duty_officer", post=arbiter))
        text = client.get("/duties").content.decode()
        number = re.search(r'action="(/duties/\d+/answer)"', text).group(1)
        answer = send(client, "/duties", number)
        assert answer["Location"].startswith("/cases/")
        assert "answer" not in client.get("/duties").content.decode()

    def test_a_quiet_post_has_a_calm_page(self, demo):
        post = registry.posts()[0].code
        client = signed_in(an_account("street_officer", post=post))
        assert "目前没有需要您应答的事" in client.get("/duties?lang=zh").content.decode()

    def test_a_seat_without_a_post_is_told_so(self, demo):
        client = signed_in(an_account("auditor"))
        assert "no duties" in client.get("/duties?lang=en").content.decode()


def test_a_page_of_public_use_is_small_and_needs_no_script(demo):
    for address in ("/report", "/follow", "/sign-in"):
        text = browser().get(address).content.decode()
        named = r"/static/web/([\w.]+)(?:\?v=\w+)?"
        scripts = re.findall(rf'<script type="module" src="{named}"></script>', text)
        assert text.count("<script") == len(scripts)  # a file of our own, and nothing in the page
        styles = re.findall(rf'<link rel="stylesheet" href="{named}">', text)
        assert text.count('rel="stylesheet"') == len(styles) >= 1
        later = re.findall(rf'data-uploads="{named}"', text)  # what a script loads by itself
        assert len(later) == (address == "/report")
        # Nothing of the map is loaded before somebody asks for it.
        assert not re.search(r'(?:src|href)="/static/built', text)
        files = {*scripts, *styles, *later}
        sizes = [(WEB / "static" / "web" / name).stat().st_size for name in files]
        assert len(text.encode()) + sum(sizes) < 100_000


def test_every_script_and_sheet_is_named_with_what_it_holds():
    """Browsers keep them for a day: an old one must not meet a page of after an upgrade."""
    for template in (WEB / "templates").rglob("*.html"):
        assert "/static/web/" not in template.read_text(encoding="utf-8"), template


def test_times_are_the_city_s_own(demo):
    text = browser().get("/report").content.decode()
    assert re.search(
        r'<time datetime="2026-11-23T12:00:00\+08:00">12:00:00</time> Asia/Shanghai', text
    )
