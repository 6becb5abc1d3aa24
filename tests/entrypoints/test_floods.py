"""Many public reports from one network address: all kept, none ownerless, the desk not drowned."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from anlan import flow
from anlan.accountability import public as accountability
from anlan.conf import env
from anlan.entrypoints import worker
from anlan.entrypoints.web import origins
from anlan.entrypoints.web.pages.uploads import RESIDENT
from anlan.infra import contents, delivery, journal
from anlan.infra.models import ContentItem, JournalEntry
from anlan.response import public as response
from anlan.response.models import Case, CaseClock, CaseFollower
from anlan.response.services import gathering
from anlan.response.services.gathering import is_gathering
from anlan.sensing import public as sensing
from anlan.sensing.models import Report, ReportSource
from anlan.sensing.public import ReportIn, Source
from anlan.sensing.services import sources
from tests.entrypoints.test_pages import TEST, an_account, browser, send, signed_in

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]
LIMIT = 5
SPAN = timedelta(minutes=10)
MOBILE = "203.0.113.7"


@pytest.fixture(autouse=True)
def _small_limit(settings):
    settings.ANLAN = env.Settings(flood_reports=str(LIMIT), flood_minutes="10")
    sources._salt.cache_clear()


class Street:
    """People who report from one address, each with a browser of their own."""

    def __init__(self, time):
        self.time, self.sent = time, 0

    def report(self, address=MOBILE, **fields):
        self.sent += 1
        self.time.passes(milliseconds=10)
        client = browser(REMOTE_ADDR=address)
        answer = send(client, "/report", "/report", key=f"key-{self.sent}", **fields)
        assert answer.status_code == 303, answer.content.decode()
        delivery.settle(flow.REACTIONS, now=self.time.at)
        return answer["Location"]

    def reports(self, count):
        """Bring many reports of one address at once, each in words of its own."""
        source = Source(MOBILE, origins.flood_rule())
        for _ in range(count):
            self.sent += 1
            said = ReportIn(text=f"快来人 {self.sent}")
            sensing.keep_report(RESIDENT, said, secret="s", now=self.time.at, source=source)
        delivery.settle(flow.REACTIONS, now=self.time.at)

    def place(self, number, **fields):
        """Report water standing at a place of its own, a kilometre from the one before."""
        lat, lon = 34.66 + number // 20 * 0.01, 113.52 + number % 20 * 0.012
        return self.report(text="积水很深", lat=f"{lat}", lon=f"{lon}", **fields)


@pytest.fixture
def street(demo):
    return Street(demo)


def open_cases():
    return list(Case.objects.filter(is_open=True).order_by("pk"))


def joint_cases():
    return [case for case in open_cases() if is_gathering(case)]


def every_report_has_an_owner_and_a_clock():
    """Hold I1 and I3 for all that was acknowledged."""
    for number in Report.objects.values_list("pk", flat=True):
        case = response.case_of_sign(f"report:{number}")
        assert case is not None, number
        assert case.is_open
        assert case.owner_post
        running = CaseClock.objects.filter(case=case, met_at=None, missed_at=None, stopped_at=None)
        assert running.exists()
        assert case.next_at == min(one.due_at for one in running)


def test_a_flood_is_kept_whole_and_is_one_thing_for_the_desk(street):
    links = [street.report(text="快来人") for _ in range(20)]
    assert Report.objects.count() == 20
    every_report_has_an_owner_and_a_clock()
    (joint,) = joint_cases()
    assert (joint.signs, joint.priority) == (20 - LIMIT, 2)
    assert len(open_cases()) == LIMIT + 1
    told = JournalEntry.objects.filter(event="NoticePosted")
    about = [one for one in told if one.payload.get("about") == f"case:{joint.pk}"]
    assert len(about) == 1  # the desk hears of it once, not fifteen times
    page = browser().get(links[-1] + "&lang=en").content.decode()
    assert "Yours is not lost" in page
    # The same words over and over get no case of their own, however long it takes.
    for _ in range(5):
        street.time.passes(minutes=11)
        response.release_gathered(most=LIMIT, within=SPAN, now=street.time.at)
    assert len(open_cases()) == LIMIT + 1
    assert accountability.rebuild() == []


def test_after_a_storm_each_place_gets_its_case_in_time(street):
    """Hundreds of people stand behind one address of a mobile network."""
    people = LIMIT * 5
    for number in range(people):
        street.place(number)
    every_report_has_an_owner_and_a_clock()
    (joint,) = joint_cases()
    assert joint.signs == people - LIMIT
    for _ in range(people // LIMIT):
        street.time.passes(minutes=10, seconds=1)
        before = len(open_cases())
        response.release_gathered(most=LIMIT, within=SPAN, now=street.time.at)
        response.release_gathered(most=LIMIT, within=SPAN, now=street.time.at)
        assert len(open_cases()) - before <= LIMIT  # never faster than a desk can follow
        every_report_has_an_owner_and_a_clock()
    own = [case for case in open_cases() if not is_gathering(case)]
    assert len(own) == people
    joint.refresh_from_db()
    assert (joint.signs, joint.is_open) == (0, True)
    assert not CaseFollower.objects.filter(waits=True).exists()
    assert accountability.rebuild() == []


def test_reports_of_the_same_place_join_its_case_without_waiting(street):
    for _ in range(LIMIT * 2):
        street.report(text="积水很深", lat="34.757", lon="113.60")
    assert joint_cases() == []
    (case,) = open_cases()
    assert case.signs == LIMIT * 2


def test_what_was_held_joins_a_case_that_opens_beside_it_later(street):
    for number in range(LIMIT):
        street.place(number)
    street.place(50)
    street.place(50)
    (joint,) = joint_cases()
    assert joint.signs == 2
    street.report(address="198.51.100.1", text="积水很深", lat="34.68", lon="113.64")
    response.release_gathered(most=0, within=SPAN, now=street.time.at)
    joint.refresh_from_db()
    assert joint.signs == 0
    assert response.case_of_sign("report:6").signs == 3
    every_report_has_an_owner_and_a_clock()


def test_words_of_danger_to_life_have_the_first_turn(street):
    for number in range(LIMIT + 8):
        street.place(number)
    street.report(text="有人被困，水还在涨", lat="34.80", lon="113.80")
    street.time.passes(minutes=11)
    response.release_gathered(most=1, within=SPAN, now=street.time.at)
    last = Report.objects.order_by("-pk").first()
    assert last.strong
    assert not is_gathering(response.case_of_sign(f"report:{last.pk}"))


def test_whoever_looked_at_all_of_them_ends_the_flood_and_the_turns(street):
    for number in range(LIMIT * 3):
        street.place(number)
    (joint,) = joint_cases()
    desk = signed_in(an_account("duty_officer"))
    page = f"/cases/{joint.pk}"
    shown = desk.get(page + "?lang=en").content.decode()
    assert "Many reports from one network" in shown
    reason = re.search(r'id="dismiss-reason".*?<option value="(\w+)">', shown, re.DOTALL).group(1)
    answer = send(desk, page, f"{page}/dismiss", reason=reason)
    assert answer.status_code == 303, answer.content.decode()
    street.time.passes(minutes=11)
    assert response.release_gathered(most=LIMIT, within=SPAN, now=street.time.at) == 0
    assert len(open_cases()) == LIMIT
    # Whoever was held hears the outcome, and may say that the danger is still there.
    last = Report.objects.order_by("-pk").first()
    assert response.can_contest(response.case_of_sign(f"report:{last.pk}"), now=street.time.at)


def test_others_are_not_held_and_neither_is_a_source_that_has_calmed_down(street):
    for number in range(LIMIT * 2):
        street.place(number)
    street.place(70, address="198.51.100.1")
    street.time.passes(minutes=11)
    street.place(71)
    for number in (LIMIT * 2 + 1, LIMIT * 2 + 2):
        assert not is_gathering(response.case_of_sign(f"report:{number}"))


def test_heard_twice_a_report_is_gathered_once(street):
    for _ in range(LIMIT + 2):
        street.report(text="快来人")
    entry = JournalEntry.objects.filter(event="ReportReceived").order_by("-seq").first()
    from anlan.response.handlers import on_report_received

    on_report_received(journal.told(entry), now=street.time.at)
    (joint,) = joint_cases()
    assert joint.signs == 2


def test_no_address_is_kept_and_what_stands_for_it_goes(street):
    for _ in range(LIMIT + 2):
        street.report(text="快来人")
    assert ReportSource.objects.count() == LIMIT + 2
    kept = str(list(ReportSource.objects.values())) + str(list(JournalEntry.objects.values()))
    assert MOBILE not in kept
    salt = ContentItem.objects.using(contents.ALIAS).get(kind="source_salt")
    assert bytes(salt.data).hex() not in kept
    marks = {one.mark for one in ReportSource.objects.all()}
    assert not any(mark in str(list(JournalEntry.objects.values())) for mark in marks)
    street.time.passes(minutes=11)
    worker.reset()
    worker.tick(now=street.time.at)
    assert not ReportSource.objects.exists()
    accountability.expire_contents(now=street.time.at + timedelta(days=1))
    salt.refresh_from_db()
    assert (salt.data, salt.destroyed_reason) == (None, "expired")


def test_the_clockwork_gives_the_turns(street):
    for number in range(LIMIT * 2):
        street.place(number)
    worker.reset()
    worker.tick(now=street.time.at)  # the budget of the span: the first turns at once
    street.time.passes(minutes=11)
    worker.tick(now=street.time.at)
    own = Case.objects.filter(origin__startswith="report:", cause="")
    assert own.count() == LIMIT * 2


def test_reports_as_many_as_one_likes_where_the_city_says_so(street, settings):
    settings.ANLAN = env.Settings(flood_reports="0")
    for _ in range(12):
        street.report(text="快来人")
    assert joint_cases() == []
    assert not ReportSource.objects.exists()


def test_a_repeated_form_is_not_counted_twice(street):
    client = browser(REMOTE_ADDR=MOBILE)
    for _ in range(LIMIT * 2):
        send(client, "/report", "/report", key="one", text="快来人")
    assert (Report.objects.count(), ReportSource.objects.count()) == (1, 1)


def test_many_more_reports_ask_no_more_of_the_release(street, monkeypatch):
    monkeypatch.setattr(gathering, "LOOKED_AT_ONCE", 3)

    def asked():
        with CaptureQueriesContext(connection) as queries:
            response.release_gathered(most=0, within=SPAN, now=street.time.at)
        return len(queries)

    street.reports(LIMIT + 3)
    asked()  # what a process keeps is there from now on
    few = asked()
    street.reports(10)
    assert CaseFollower.objects.filter(waits=True).count() == 13
    assert asked() == few


@pytest.mark.parametrize(
    ("name", "value"),
    [("FLOOD_REPORTS", "many"), ("FLOOD_MINUTES", "1e99"), ("PROXIES", "10.0.0.1/8")],
)
def test_a_slip_in_a_setting_is_found_at_the_start_and_costs_no_report(name, value):
    with pytest.raises(ValueError, match=f"ANLAN_{name}"):
        env.load({f"ANLAN_{name}": value}).check()
    env.load({}).check()


def test_the_page_of_a_large_flood_is_bounded(street):
    street.reports(LIMIT + 60)
    (joint,) = joint_cases()
    text = signed_in(an_account("duty_officer")).get(f"/cases/{joint.pk}?lang=en").content.decode()
    assert text.count("<summary>Show what was reported") == 50
    assert "10 earlier ones are not listed" in text
    assert "these reports came within minutes" in text.lower()


@pytest.mark.parametrize(
    ("proxies", "connection", "forwarded", "found"),
    [
        ("127.0.0.0/8", "203.0.113.7", "", "203.0.113.7"),
        ("127.0.0.0/8", "203.0.113.7", "198.51.100.1", "203.0.113.7"),  # a claim of a stranger
        ("127.0.0.0/8", "127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.0/8", "127.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.0/8,10.0.0.0/8", "127.0.0.1", "198.51.100.1, 10.1.1.1", "198.51.100.1"),
        ("127.0.0.0/8", "127.0.0.1", "", ""),  # a proxy that names nobody is nobody
        ("127.0.0.0/8", "127.0.0.1", "unknown", ""),
        ("::1/128", "::1", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.0/8", "::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),  # listens on both
        ("10.0.0.0/8", "::ffff:203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("", "203.0.113.7", "", "203.0.113.7"),
    ],
)
def test_whose_address_counts(settings, proxies, connection, forwarded, found):
    settings.ANLAN = env.Settings(proxies=proxies)
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory().get("/report", REMOTE_ADDR=connection, headers=headers)
    assert origins.address_of(request) == found
    assert (origins.source_of(request) is None) == (found == "")


def test_a_city_s_own_programs_are_not_held(street):
    for number in range(LIMIT * 2):
        sensing.keep_report(
            TEST, sensing.ReportIn(text=f"快来人 {number}"), secret="s", now=street.time.at
        )
    delivery.settle(flow.REACTIONS, now=street.time.at)
    assert joint_cases() == []
