"""Watch: what is wrong first, in as many queries for many as for few, and as it stood before."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan import flow
from anlan.entrypoints import clock, probes
from anlan.entrypoints.web import assets
from anlan.entrypoints.web.watching import picture, streams
from anlan.infra import delivery
from anlan.kernel.actor import Actor, Role
from anlan.kernel.scales import WarningLevel
from anlan.notices import public as notices
from anlan.registry import public as registry
from anlan.response import public as response
from anlan.response.public import Asked, CaseFilters, Trigger
from anlan.warning.models import AlertInstance, WarningInForce
from tests.entrypoints.test_pages import NOW, TEST, an_account, browser, send, signed_in
from tests.readings import heard

pytestmark = pytest.mark.django_db(databases="__all__")
EARLIER = NOW - timedelta(minutes=30)
WHOLE = Actor("account:1", Role.COMMANDER, areas=("",))


@pytest.fixture(autouse=True)
def demo(demo_of_the_module, db, monkeypatch, settings):
    class Standing:
        def now(self):
            return NOW

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(clock, "_current", Standing())


def a_case(*, level="", area="410102", hazard="met.rainstorm", at=NOW, **given):
    opening = response.Opening(
        kind="service", hazard=hazard, area=area, origin="manual", known_at=at, level=level, **given
    )
    return response.open_case(TEST, opening, now=at)


def an_alert(*, level="orange", area="410102", at=NOW, rule="R-NONE", subject="place:X"):
    path = registry.area_path(area)
    return AlertInstance.objects.create(
        rule=rule,
        rule_version=1,
        subject=subject,
        hazard="met.rainstorm",
        level=level,
        peak_level=level,
        area=area,
        area_path=path,
        active_at=at,
        raised_at=at,
        level_at=at,
        reason={"code": "threshold.over", "params": {}},
        evidence={},
        recorded_at=at,
    )


def a_warning(*, level="red", at=EARLIER, areas=("410102",), extent="x"):
    return WarningInForce.objects.create(
        sender="met@example",
        hazard="met.rainstorm",
        level=level,
        areas=list(areas),
        extent=extent,
        signal=1,
        began_at=at,
        level_at=at,
    )


def shown(client, address="/watch?lang=en"):
    answer = client.get(address)
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def order_of(text):
    return re.findall(r'<h2 id="group-(\w+)"', text)


class TestLists:
    def test_a_quiet_city_is_nearly_empty_and_says_when_it_last_heard(self):
        text = shown(signed_in(an_account("duty_officer")))
        assert order_of(text) == []
        assert "Nothing is open" in text
        assert "does not mean all is well" in text
        assert "never heard" in text
        assert "not started: no clock runs" in text

    def test_what_is_fresh_is_told_from_what_is_stale_and_from_what_never_spoke(self):
        probes.beat(NOW)
        first, second, *others = registry.sensors(at=NOW)
        for sensor, age in ((first, timedelta(0)), (second, second.interval * 4)):
            heard(sensor.code, NOW - age)
        text = shown(signed_in(an_account("duty_officer")))
        assert "1 fresh" in text
        assert "1 stale" in text
        assert f"{len(others)} never heard" in text

    def test_what_is_wrong_comes_first(self):
        a_case(hazard="met.rainstorm")
        late = a_case(hazard="urban.waterlogging")
        response.sweep(now=late.next_at + timedelta(minutes=1))
        a_case(hazard="fire.building", area="")
        a_warning()
        text = shown(signed_in(an_account("duty_officer")))
        assert order_of(text)[0] == "unanswered"
        assert text.index('id="group-unanswered"') < text.index('id="in-force"')
        assert text.index('id="in-force"') < text.index('id="heard"')

    def test_each_case_is_listed_once_and_counted_everywhere(self):
        case = a_case()
        response.sweep(now=case.next_at + timedelta(seconds=1))
        found = response.watched(WHOLE, now=NOW, limit=5)
        assert (found.counts.unanswered, found.counts.overdue) == (1, 1)
        assert [len(found.unanswered), len(found.overdue)] == [1, 0]

    def test_the_official_level_stands_first(self):
        for level in ("blue", "", "red", "yellow", "orange"):
            a_case(level=level)
        found = response.watched(WHOLE, now=NOW, limit=9)
        assert [case.level for case in found.unanswered] == ["red", "orange", "yellow", "blue", ""]
        assert [case.level for case in found.red] == ["red"]

    def test_whoever_answers_or_acts_ends_the_waiting(self):
        answered, acted = a_case(), a_case()
        desk = Actor("account:9", Role.DUTY_OFFICER, areas=("",), scopes=frozenset({"*"}))
        (notice, *_) = notices.notices_about(f"case:{answered.pk}")
        holder = Actor("account:7", Role.STREET_OFFICER, post=notice.post, areas=("",))
        notices.acknowledge(holder, notice.id, now=NOW)
        response.pull(desk, acted.pk, Trigger.ACCEPT, now=NOW)
        found = response.watched(WHOLE, now=NOW, limit=5)
        assert (found.unanswered, found.counts.unanswered, found.counts.open) == ([], 0, 2)
        then = response.cases_as_of(WHOLE, NOW).cases
        assert response.watched_among(then, now=NOW, limit=5).counts == found.counts
        filters = CaseFilters(unanswered=True)
        assert response.cases(WHOLE, filters).cases == []

    def test_danger_to_life_comes_before_a_lower_level(self):
        a_case(level="yellow")
        first = a_case(priority=1)
        found = response.watched(WHOLE, now=NOW, limit=5)
        assert found.unanswered[0].pk == first.pk

    def test_a_line_says_level_place_owner_time_and_leads_to_the_case(self):
        case = a_case(level="orange")
        text = shown(signed_in(an_account("duty_officer")))
        line = re.search(rf'<li data-case="{case.pk}">.*?</li>', text, re.DOTALL).group()
        assert f'href="/cases/{case.pk}"' in line
        assert 'class="level orange">Level 2 (orange) warning' in line
        assert registry.names_of(posts=[case.owner_post]).post(case.owner_post, "en") in line
        assert " left" in line
        assert "told" in line

    def test_a_case_without_a_level_says_so(self):
        a_case()
        assert 'class="level unknown">No level' in shown(signed_in(an_account("duty_officer")))

    def test_an_alert_that_rose_leads_to_its_case_unless_that_is_listed(self):
        an_alert()
        text = shown(signed_in(an_account("duty_officer")))
        assert order_of(text) == ["rising"]
        assert "notice only, no case" in text

    def test_an_old_alert_is_not_rising(self):
        an_alert(at=NOW - timedelta(hours=2))
        assert order_of(shown(signed_in(an_account("duty_officer")))) == []

    def test_what_lies_elsewhere_is_not_shown_nor_counted(self):
        a_case(area="410102", level="red")
        an_alert(area="410102")
        text = shown(signed_in(an_account("street_officer", ("410103",))))
        assert order_of(text) == []
        assert "data-key" not in text

    def test_every_row_of_a_list_asks_nothing_more(self):
        few = signed_in(an_account("duty_officer"))
        codes = [area.code for area in registry.areas_under("410100")]
        many = signed_in(an_account("street_officer", tuple(codes[1:25]), name="many"))
        one = signed_in(an_account("street_officer", (codes[1],), name="one"))
        asked = []
        for wanted in (2, 20):
            for number in range(wanted):
                a_case(level=("red", "blue")[number % 2], area=codes[1 + number % 8])
                an_alert(area=codes[1 + number % 8], subject=f"place:{wanted}-{number}")
                a_warning(extent=f"{wanted}-{number}", areas=codes[:number])
            for client in (few, many, one):
                shown(client)  # the first call notes the session's use
                with CaptureQueriesContext(connection) as seen:
                    shown(client)
                asked.append(len(seen))
        assert asked[:3] == asked[3:]
        assert asked[1] == asked[2]  # of many areas and of one
        assert max(asked) <= 42

    def test_the_whole_of_a_list_is_one_click_away(self):
        for _ in range(picture.MOST + 2):
            a_case()
        client = signed_in(an_account("duty_officer"))
        assert 'href="/cases?view=unanswered">All 12' in shown(client)
        text = shown(client, "/cases?view=unanswered&lang=en")
        assert text.count('class="whole"') == picture.MOST + 2

    def test_the_page_is_whole_without_the_built_map(self, monkeypatch):
        monkeypatch.setattr(assets, "_assets", lambda _folder: {})
        a_case()
        text = shown(signed_in(an_account("duty_officer")))
        assert "has not been built" in text
        assert order_of(text) == ["unanswered"]

    def test_no_other_host_is_named_and_no_script_is_inline(self):
        answer = signed_in(an_account("duty_officer")).get("/watch")
        policy = answer["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "blob:" not in policy
        assert "http" not in policy
        assert not re.search(r"<script(?![^>]* src=)| style=| on\w+=", answer.content.decode())


class TestThen:
    def test_the_past_is_shown_as_it_was_known(self):
        case = a_case(level="yellow", at=EARLIER)
        desk = Actor("account:9", Role.DUTY_OFFICER, areas=("",), scopes=frozenset({"*"}))
        response.pull(
            desk, case.pk, Trigger.RAISE, Asked(priority=1, reason="danger_to_life"), now=NOW
        )
        client = signed_in(an_account("duty_officer"))
        at = (EARLIER + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        text = shown(client, f"/watch?at={at}&lang=en")
        assert "You look at the past: 2026-11-23 11:31" in text
        assert "Back to now" in text
        assert order_of(text) == ["unanswered"]
        assert 'data-live=""' in text
        before = shown(client, "/watch?at=2026-11-23T11:00&lang=en")
        assert order_of(before) == []
        assert "is not kept" in before

    def test_it_equals_what_was_shown_then(self):
        """The lists rebuilt from the journal are those that the tables gave at that instant."""
        seen = []
        for step, level in enumerate(("blue", "red", "", "orange", "yellow", "red")):
            at = EARLIER + timedelta(minutes=step)
            case = a_case(level=level, at=at)
            response.sweep(now=at)
            if step == 3:
                desk = Actor("account:9", Role.DUTY_OFFICER, areas=("",), scopes=frozenset({"*"}))
                response.pull(desk, case.pk, Trigger.URGE, Asked(note="x"), now=at)
                asked = Asked(reason="nothing_found")
                other = Actor("account:8", Role.COMMANDER, areas=("",), scopes=frozenset({"*"}))
                response.pull(other, case.pk, Trigger.DISMISS, asked, now=at)
            found = response.watched(WHOLE, now=at, limit=50)
            seen.append((at, found.counts, [c.pk for c in found.unanswered]))
        for at, counts, unanswered in seen:
            then = response.cases_as_of(WHOLE, at)
            again = response.watched_among(then.cases, now=at, limit=50)
            assert again.counts == counts
            assert [case.pk for case in again.unanswered] == unanswered

    def test_many_cases_cost_as_many_queries_as_few(self):
        asked = []
        for wanted in (2, 20):
            for _ in range(wanted):
                a_case(at=EARLIER)
            with CaptureQueriesContext(connection) as seen:
                response.cases_as_of(WHOLE, NOW)
            asked.append(len(seen))
        assert asked[0] == asked[1] <= 4

    def test_what_one_may_not_see_now_one_may_not_see_then(self):
        a_case(area="410102", at=EARLIER)
        there = Actor("account:1", Role.STREET_OFFICER, areas=(registry.area_path("410103"),))
        assert response.cases_as_of(there, NOW).cases == []

    @pytest.mark.parametrize("at", ["yesterday", "2026-13-01T00:00", "0001-01-01T00:00"])
    def test_a_time_that_is_none_is_refused_in_words(self, at):
        answer = signed_in(an_account("duty_officer")).get(f"/watch?at={at}&lang=en")
        assert answer.status_code == 422
        assert "Traceback" not in answer.content.decode()

    def test_the_future_is_now(self):
        answer = signed_in(an_account("duty_officer")).get("/watch?at=2027-01-01T00:00")
        assert (answer.status_code, answer["Location"]) == (303, "/watch")


def test_the_live_stream_needs_the_server():
    """Without a server behind it there is no turn to take: the page then asks by itself."""
    assert signed_in(an_account("duty_officer")).get("/watch/live").status_code == 204
    assert browser().get("/watch/live").status_code == 302


def test_a_new_report_is_unanswered():
    send(browser(), "/report", "/report", text="隧道积水很深", key="k")
    delivery.settle(flow.REACTIONS, now=NOW)
    (case,) = response.cases(TEST, CaseFilters()).cases
    assert f'data-case="{case.pk}"' in shown(signed_in(an_account("duty_officer")))


def test_levels_have_letters():
    from anlan.entrypoints.web.wording import knows

    assert [one for one in WarningLevel if not knows(f"watch.letter.{one.value}")] == []


def test_a_stream_is_stale_after_three_missed_readings():
    sensor = registry.sensors(at=NOW)[0]
    assert streams.is_fresh(sensor, NOW - 3 * sensor.interval, now=NOW)
    assert not streams.is_fresh(sensor, NOW - 3.1 * sensor.interval, now=NOW)
    assert not streams.is_fresh(sensor, None, now=NOW)
    assert clock.now() == NOW
