"""Many alerts of one cause and place are one case; nothing is lost, nobody is told twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.notices.models import Notice
from anlan.response import public as response
from anlan.response.models import Case, CaseFollower, CaseIncident, CaseTask
from anlan.warning.domain.findings import What
from anlan.warning.models import AlertInstance, Incident
from tests.response.builders import DUTY, MINUTE, NOW, pull, stands
from tests.response.storms import COMMUNITY, OTHER, STREET, finding, heard, kept, silent, storm

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]


def told(subject, **more):
    return Notice.objects.filter(subject=subject, mark="", **more)


def test_a_storm_is_one_case_with_every_alert_in_it():
    kept(*storm(30))
    heard()
    heard()  # at least once
    (incident,) = Incident.objects.all()
    (case,) = Case.objects.all()
    stands(case)
    assert (incident.members, incident.area, incident.level) == (30, STREET, "yellow")
    assert (case.cause, case.area, case.level) == (f"incident:{incident.pk}", STREET, "yellow")
    assert CaseFollower.objects.filter(case=case).count() == 30
    assert set(AlertInstance.objects.values_list("incident", flat=True)) == {incident.pk}
    (notice,) = told("case.incident")
    assert (notice.post, notice.params["members"]) == (case.owner_post, 30)
    assert not told("case.opened").exists()
    assert not told("case.joined").exists()
    held = CaseIncident.objects.get()
    assert (held.members, held.told, held.tell_at) == (30, 30, None)
    assert CaseTask.objects.count() == 2  # the rule's two, not sixty


def test_ten_times_as_many_alarms_of_one_place_ask_hardly_more():
    kept(*storm(25))
    heard()  # the city's facts are known from here on
    spent = []
    for count, area in ((25, OTHER), (250, "410108001")):
        found = storm(count, first=count * 10, area=area)
        with CaptureQueriesContext(connection) as asked:
            kept(*found)
            heard()
        spent.append(len(asked))
    assert Incident.objects.count() == 3
    assert spent[1] <= spent[0] + 10, spent


def test_few_alarms_keep_a_case_each():
    kept(*storm(19))
    heard()
    assert not Incident.objects.exists()
    assert Case.objects.count() == 19
    assert told("case.opened").count() == 19


def test_places_and_causes_are_told_apart():
    kept(
        *storm(25),
        *storm(25, first=101, area=OTHER),
        *(silent(201 + n) for n in range(25)),
    )
    heard()
    dangers = Case.objects.filter(kind="hidden_danger")
    assert {case.area for case in dangers} == {STREET, OTHER}
    assert (dangers.count(), Incident.objects.count()) == (2, 3)
    assert Case.objects.get(kind="device").cause == f"device.many|area:{STREET}"
    assert CaseFollower.objects.count() == 75


def test_the_first_few_end_into_the_case_of_the_storm_without_a_word():
    kept(*storm(12))
    heard()
    before = Notice.objects.count()
    kept(*storm(12, first=13, now=NOW + MINUTE), now=NOW + MINUTE)
    heard(now=NOW + MINUTE)
    case = Case.objects.get(is_open=True)
    stands(case)
    assert CaseFollower.objects.filter(case=case).count() == 24
    assert Case.objects.filter(state="merged", merged_into=case).count() == 12
    assert told("case.incident").get().params["members"] == 24
    assert not told("case.closed").exists()
    assert Notice.objects.count() == before + 3  # of the incident and its two tasks


def test_what_somebody_has_in_hand_stays_a_case_of_its_own():
    kept(*storm(12))
    heard()
    mine = Case.objects.order_by("pk").first()
    response.pull(DUTY, mine.pk, "begin", now=NOW)
    kept(*storm(12, first=13, now=NOW + MINUTE), now=NOW + MINUTE)
    heard(now=NOW + MINUTE)
    assert Case.objects.filter(is_open=True).count() == 2
    mine.refresh_from_db()
    assert mine.is_open
    incident = Incident.objects.get()
    sign = CaseFollower.objects.get(case=mine).sign
    assert AlertInstance.objects.get(pk=int(sign.partition(":")[2])).incident == incident


def test_one_that_is_worse_raises_the_case_and_is_told_of_once():
    kept(*storm(30))
    heard()
    later = NOW + MINUTE
    kept(
        finding(99, at=later, level="red", place="RP-METRO-5", rule="water.ponding_deep"), now=later
    )
    heard(now=later)
    (case,) = Case.objects.filter(is_open=True)
    stands(case)
    assert (case.level, case.priority) == ("red", 1)
    (worse,) = told("case.incident_worse")
    assert worse.post == case.owner_post
    assert worse.urgency == "red"
    assert "5" in worse.params["worst"]["en"]
    kept(finding(98, at=later, level="red", rule="water.ponding_deep"), now=later)
    heard(now=later)
    assert told("case.incident_worse").count() == 1


def test_who_owns_a_place_among_the_members_gets_a_duty_of_its_own():
    kept(*storm(24), finding(99, place="RP-METRO-5"))
    heard()
    (case,) = Case.objects.all()
    assert case.owner_post != "P-METRO"
    tasks = CaseTask.objects.filter(case=case, post="P-METRO")
    assert tasks.count() == 2  # what its rule gives to the owner
    assert told("case.task", post="P-METRO").count() == 2
    stands(case)


def test_those_that_join_later_are_told_of_together_after_a_while():
    kept(*storm(30))
    heard()
    for n in range(3):
        at = NOW + (n + 1) * MINUTE
        kept(finding(100 + n, at=at), now=at)
        heard(now=at)
    assert not told("case.incident_grew").exists()
    assert response.tell_of_grown(now=NOW + 5 * MINUTE) == 0
    assert response.tell_of_grown(now=NOW + 31 * MINUTE) == 1
    assert response.tell_of_grown(now=NOW + 32 * MINUTE) == 0
    (notice,) = told("case.incident_grew")
    assert (notice.params["told"], notice.params["members"]) == (30, 33)
    assert not notice.silent


def test_a_clock_that_is_put_back_does_not_silence_an_incident():
    kept(*storm(30), now=NOW + timedelta(days=2))
    heard(now=NOW + timedelta(days=2))
    kept(finding(100, at=NOW + MINUTE), now=NOW + timedelta(days=2))
    heard(now=NOW + timedelta(days=2))
    assert response.tell_of_grown(now=NOW) == 1


def test_members_clear_one_by_one_and_the_last_one_is_told_of():
    kept(*storm(30))
    heard()
    some = NOW + 5 * MINUTE
    kept(*(finding(n, What.CLEARED, at=some) for n in range(1, 30)), now=some)
    heard(now=some)
    case = Case.objects.get()
    assert CaseFollower.objects.filter(cleared_at__isnull=False).count() == 29
    assert not told("case.cleared").exists()
    assert not told("case.incident_calm").exists()
    assert JournalEntry.objects.filter(event="MembersCleared").count() == 1
    kept(finding(30, What.CLEARED, at=some), now=some)
    heard(now=some)
    (calm,) = told("case.incident_calm")
    assert calm.params["members"] == 30
    stands(case)
    assert case.is_open


def test_one_that_alarms_again_after_the_case_was_closed_is_a_duty_again():
    kept(*storm(30))
    heard()
    calm = NOW + 3 * MINUTE
    kept(*(finding(n, What.CLEARED, at=calm) for n in range(1, 31)), now=calm)
    heard(now=calm)
    case = Case.objects.get()
    response.pull(DUTY, case.pk, "begin", now=calm)
    response.pull(DUTY, case.pk, "self_check", now=calm)
    response.pull(DUTY, case.pk, "recheck", now=calm)
    response.pull(DUTY, case.pk, "close", now=calm)
    again = NOW + 5 * MINUTE
    kept(finding(7, at=again), now=again)
    heard(now=again)
    fresh = Case.objects.get(is_open=True)
    stands(fresh)
    assert fresh.pk != case.pk
    alert = AlertInstance.objects.get(cleared_at__isnull=True)
    assert CaseFollower.objects.get(sign=f"alert:{alert.pk}").case == fresh
    assert CaseTask.objects.filter(case=fresh).count() == 2


def test_a_case_merged_by_hand_hands_its_incident_on():
    kept(*storm(25), *storm(25, first=101, area=OTHER))
    heard()
    into, case = Case.objects.order_by("pk")
    held = CaseIncident.objects.get(case=case)
    pull(DUTY, case, "merge", reason="same_matter", other=into.pk)
    assert Case.objects.get(pk=case.pk).merged_into_id == into.pk
    held.refresh_from_db()
    assert (held.case_id, held.members) == (into.pk, 25)
    assert CaseFollower.objects.filter(case=into).count() == 50
    stands(Case.objects.get(pk=into.pk))


def test_the_state_follows_from_the_journal():
    kept(*storm(12))
    heard()
    kept(*storm(20, first=8, now=NOW + MINUTE), now=NOW + MINUTE)
    kept(*(finding(n, What.CLEARED, at=NOW + 2 * MINUTE) for n in range(4, 9)), now=NOW + MINUTE)
    heard(now=NOW + 2 * MINUTE)
    response.tell_of_grown(now=NOW + timedelta(hours=1))
    rebuilt = journal.replay_images(JournalEntry.objects.order_by("seq"))
    live = journal.live_state()
    rooms = [name for name in live if name.startswith(("warning.", "response.", "notices."))]
    assert {"warning.incident", "response.caseincident"} <= set(rooms)
    assert {name: rebuilt[name] for name in rooms} == {name: live[name] for name in rooms}


def test_a_city_may_say_where_a_storm_begins(monkeypatch):
    import msgspec

    from anlan.registry import public as registry

    rule = registry.incident_rule("hidden_danger", "flood.urban", at=NOW)
    sooner = msgspec.structs.replace(rule, at_least=3, area="community")
    monkeypatch.setattr(registry, "incident_rule", lambda *_, **__: sooner)
    kept(*storm(3), *storm(2, first=50, area=OTHER))
    heard()
    assert Incident.objects.get().area == COMMUNITY
    assert Case.objects.count() == 3
