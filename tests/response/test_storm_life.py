"""Storms in any order: cut ticks, doubled messages, clocks that jump, failures, closed cases.

The model is the plain list of what was found; who is crowded is counted by hand from it.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from anlan.infra import failpoints, journal
from anlan.infra.models import JournalEntry, ListenerCursor, ParkedEvent
from anlan.notices.models import Notice
from anlan.registry import public as registry
from anlan.response.domain.asking import Asked
from anlan.response.domain.words import CaseState
from anlan.response.models import Case, CaseFollower, CaseIncident
from anlan.response.services.desk import Desk
from anlan.response.services.effects import end
from anlan.warning.domain.findings import What
from anlan.warning.models import AlertInstance, Incident
from tests.response.builders import MINUTE, NOW, SYSTEM, stands
from tests.response.storms import COMMUNITY, OTHER, finding, heard, kept

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]

AT_LEAST, WITHIN = 3, 2 * MINUTE
LISTENER = "response.handlers.on_alert"
LEVELS = ("yellow", "orange", "red")
BREAKS = (
    "delivery.run_heard:raise",
    "delivery.heard:raise",
    "journal.appended:raise",
    "journal.appended:raise:3",
    "journal.rows_saved:raise:2",
)
ROOMS = ("warning.", "response.", "notices.")


class StormLife(RuleBasedStateMachine):
    """Twelve sensors in two streets; three that alarm within two minutes are an incident."""

    def __init__(self):
        super().__init__()
        self.undo = [transaction.atomic(using=alias) for alias in ("default", "contents")]
        for part in self.undo:
            part.__enter__()
        self.patch = pytest.MonkeyPatch()
        known = registry.incident_rule("hidden_danger", "flood.urban", at=NOW)
        small = msgspec.structs.replace(known, at_least=AT_LEAST, within="2m")
        self.patch.setattr(registry, "incident_rule", lambda *_, **__: small)
        self.now, self.at = NOW, NOW
        self.open: dict[int, str] = {}
        self.raised: list[tuple[int, object]] = []  # sensor, instant: every alert there ever was
        self.said: list[tuple] = []

    def teardown(self):
        try:
            self.everything_is_heard()
        finally:
            self.patch.undo()
            for alias, part in zip(("contents", "default"), reversed(self.undo), strict=True):
                transaction.set_rollback(True, using=alias)
                part.__exit__(None, None, None)

    def _tick(self, numbers, level, cut):
        """Let sensors that are quiet alarm and those that alarm rise, in one tick or in two."""
        findings = []
        for place, number in enumerate(numbers):
            at = self.at + timedelta(seconds=5 * place)
            area = COMMUNITY if number % 2 else OTHER
            if number not in self.open:
                self.raised.append((number, at))
                findings.append(finding(number, at=at, level=level, area=area))
            elif self.open[number] != level:
                findings.append(finding(number, What.LEVEL, at=at, level=level, area=area))
            self.open[number] = level
        self.at += timedelta(seconds=5 * len(numbers) + 1)
        for some in (findings[:cut], findings[cut:]):
            kept(*some, now=self.now)
        self.said.append(tuple(findings))

    @rule(
        numbers=st.lists(st.integers(0, 11), min_size=1, max_size=10, unique=True),
        level=st.sampled_from(LEVELS),
        cut=st.integers(0, 10),
    )
    def alarms(self, numbers, level, cut):
        self._tick(numbers, level, cut)

    @rule(numbers=st.lists(st.integers(0, 11), min_size=1, max_size=12, unique=True))
    def calm(self, numbers):
        findings = [
            finding(n, What.CLEARED, at=self.at, level=self.open.pop(n))
            for n in numbers
            if n in self.open
        ]
        kept(*findings, now=self.now)

    @rule()
    def the_same_is_told_again(self):
        if self.said:
            again = [item for item in self.said[-1] if item.what is What.RAISED]
            before = AlertInstance.objects.count()
            kept(*again, now=self.now)
            assert AlertInstance.objects.count() == before

    @rule(days=st.sampled_from([-1, 0, 1]), minutes=st.integers(0, 4))
    def time_passes_and_the_clock_jumps(self, days, minutes):
        self.at += minutes * MINUTE
        self.now += timedelta(days=days, minutes=minutes)

    @rule(most=st.sampled_from([1, 3, 20]), armed=st.sampled_from((*BREAKS, "")))
    def some_is_heard(self, most, armed):
        failpoints.arm(armed)
        try:
            heard(now=self.now, most=most)
        finally:
            failpoints.arm("")

    @rule(back=st.integers(1, 15))
    def a_listener_forgets_how_far_it_was(self, back):
        """At least once: what was heard may be heard again."""
        for cursor in ListenerCursor.objects.filter(listener=LISTENER):
            cursor.seq = max(0, cursor.seq - back)
            cursor.save()

    @rule(which=st.integers(0, 5))
    def somebody_closes_a_case(self, which):
        cases = list(Case.objects.filter(is_open=True).order_by("pk"))
        if cases:
            case = cases[which % len(cases)]
            desk = Desk(case, actor=SYSTEM, now=self.now)
            end(desk, CaseState.CLOSED, Asked(), how="second_person")

    @rule()
    def everything_is_heard(self):
        for _ in range(12):  # a listener that failed waits a little before it tries again
            heard(now=self.now)
            self.now += timedelta(minutes=6)
        assert not ParkedEvent.objects.exists()
        self._nothing_is_lost()
        self._who_is_crowded_is_of_an_incident()
        self._nobody_is_told_twice()
        self._the_journal_tells_the_same()

    def _nothing_is_lost(self):
        alerts = list(AlertInstance.objects.order_by("pk"))
        standing = {
            int(row.subject.removeprefix("stream:T")): row.level
            for row in alerts
            if row.cleared_at is None
        }
        assert standing == self.open
        assert len(alerts) == len(self.raised)
        signs = CaseFollower.objects.values_list("sign", flat=True)
        assert sorted(signs) == sorted(f"alert:{row.pk}" for row in alerts)
        for case in Case.objects.all():
            stands(case)
        for held in CaseIncident.objects.select_related("case"):
            followers = CaseFollower.objects.filter(case=held.case).count()
            assert held.case.title["members"] == held.members == followers

    def _who_is_crowded_is_of_an_incident(self):
        for odd in (0, 1):
            mine = [(n, at) for n, at in self.raised if n % 2 == odd]
            crowded = set()
            for _, begin in mine:
                stretch = [(n, at) for n, at in mine if begin <= at <= begin + WITHIN]
                if len({n for n, _ in stretch}) >= AT_LEAST:
                    crowded |= set(stretch)
            rows = AlertInstance.objects.filter(incident__isnull=False)
            found = {(int(row.subject.removeprefix("stream:T")), row.raised_at) for row in rows}
            assert {one for one in found if one[0] % 2 == odd} == crowded
        for incident in Incident.objects.all():
            rows = incident.alerts.all()
            assert incident.members == rows.count()
            assert incident.first_at == min(row.raised_at for row in rows)
            assert incident.last_at == max(row.raised_at for row in rows)

    def _nobody_is_told_twice(self):
        told = Notice.objects.filter(subject="case.incident", mark="")
        assert told.count() == Case.objects.filter(cause__startswith="incident:").count()
        worse = Notice.objects.filter(subject="case.incident_worse", mark="", silent=False)
        assert len({(one.about, one.params["level"]["en"]) for one in worse}) == worse.count()

    def _the_journal_tells_the_same(self):
        rebuilt = journal.replay_images(JournalEntry.objects.order_by("seq"))
        live = journal.live_state()
        for table in (name for name in live if name.startswith(ROOMS)):
            assert rebuilt[table] == live[table]


def life(examples, steps, **more):
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )


def test_no_order_of_a_storm_loses_an_alert_or_tells_twice():
    run_state_machine_as_test(StormLife, settings=life(4, 12, derandomize=True))


@pytest.mark.long
def test_no_long_storm_loses_an_alert_or_tells_twice():
    run_state_machine_as_test(StormLife, settings=life(120, 30))
