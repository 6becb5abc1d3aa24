"""Any order of buttons, pressed by anyone, with time passing: duties are never dropped."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from anlan.infra import journal
from anlan.kernel.errors import AnlanError
from anlan.response import public as response
from anlan.response.models import Case, CaseClock, CaseFollower, CaseNote, CaseTask
from anlan.response.services.signs import change_level, clear_sign
from tests.response.builders import (
    AUDITOR,
    COMMANDER,
    DUTY,
    FIRE,
    LEAD,
    METRO,
    METRO_LEAD,
    METRO_MATE,
    NOW,
    STRANGER,
    SYSTEM,
    matter,
    report_of,
)

PEOPLE = (METRO, METRO_MATE, METRO_LEAD, DUTY, LEAD, COMMANDER, FIRE, STRANGER, AUDITOR)
REASONS = (
    "",
    "not_my_duty",
    "funding",
    "work_is_larger",
    "nothing_found",
    "same_matter",
    "danger_returned",
    "danger_to_life",
)
MEASURES = (
    None,
    response.Measurement(value=0.2, limit=1.0, unit="m", points=2, minutes=5),
    response.Measurement(value=3.0, limit=1.0, unit="m", points=2, minutes=5),
)
PLACES = ("RP-METRO-5", "RP-YARD-WLK", "RP-HOSP-FW", "")
TABLES = (Case, CaseClock, CaseTask, CaseFollower, CaseNote)
HANDS_ON = {"begin", "self_check", "handle", "feed_back"}
# The ways to an end are rare among all buttons: press them more often.
BUTTONS = [item.value for item in response.Trigger] + ["recheck", "close", "self_check"] * 3


class CaseLife(RuleBasedStateMachine):
    """The model: who had each case in hand, its end, and the followers it ever had."""

    cases = Bundle("cases")

    def __init__(self):
        super().__init__()
        self.undo = [transaction.atomic(using=alias) for alias in ("default", "contents")]
        for part in self.undo:
            part.__enter__()
        self.now = NOW
        self.city_loaded = journal.JournalHead.objects.get().seq
        self.signs = 0
        self.hands: dict[int, set[str]] = {}
        self.followed: set[str] = set()
        self.known: dict[int, object] = {}
        self.ladders: dict[int, object] = {}

    def teardown(self):
        for alias, part in zip(("contents", "default"), reversed(self.undo), strict=True):
            transaction.set_rollback(True, using=alias)
            part.__exit__(None, None, None)

    def _know(self, case):
        self.hands.setdefault(case.pk, set())
        self.known.setdefault(case.pk, case.known_at)
        self.ladders.setdefault(case.pk, case.ladder)
        return case.pk

    @rule(
        target=cases,
        kind=st.sampled_from(["hidden_danger", "service", "device"]),
        place=st.sampled_from(PLACES),
        level=st.sampled_from(["red", "orange", "yellow", ""]),
        evidence=st.sampled_from(["second_person", "second_person", "measurement"]),
        by_rule=st.booleans(),
    )
    def an_alert(self, kind, place, level, evidence, by_rule):
        self.signs += 1
        sign = f"alert:{self.signs}"
        opening = matter(
            kind=kind,
            place=place,
            level=level,
            origin=sign,
            evidence_to_close=evidence,
            found_by_rule=by_rule,
            known_at=self.now,
            cause=f"{kind}|{place}",
            tasks=(
                response.GivenTask(key=f"{sign}:1", title={"zh": "查", "en": "Look"}, within="45m"),
            ),
        )
        case = response.take_sign(SYSTEM, opening, now=self.now)
        self.followed.add(sign)
        return self._know(case)

    @rule(target=cases, lat=st.sampled_from([34.757, 34.759, 34.80]), strong=st.booleans())
    def a_report(self, lat, strong):
        self.signs += 1
        before = {case.pk: case.priority for case in Case.objects.filter(is_open=True)}
        opening = report_of(self.signs, lat=lat, strong=strong, at=self.now)
        case = response.take_sign(SYSTEM, opening, now=self.now)
        self.followed.add(f"report:{self.signs}")
        assert case.priority <= before.get(case.pk, 4)
        return self._know(case)

    @rule(
        case=cases,
        who=st.sampled_from(PEOPLE),
        button=st.sampled_from(BUTTONS),
        reason=st.sampled_from(REASONS),
        hours=st.sampled_from([None, -1, 1, 30, 2000]),
        post=st.sampled_from(["", "P-FIRE", "P-METRO", "P-NOBODY"]),
        measurement=st.sampled_from(MEASURES),
        other=cases,
    )
    def press(self, case, who, button, reason, hours, post, measurement, other):
        before = Case.objects.filter(pk=case).values().get()
        entries = journal.JournalEntry.objects.count()
        asked = response.Asked(
            reason=reason,
            until=None if hours is None else self.now + timedelta(hours=hours),
            post=post,
            measurement=measurement,
            other=other,
            priority=1,
            rating=3,
            method="ls",
            factors={"L": 3, "S": 4},
        )
        try:
            with transaction.atomic():
                response.pull(who, case, button, asked, now=self.now)
        except AnlanError:
            assert Case.objects.filter(pk=case).values().get() == before
            assert journal.JournalEntry.objects.count() == entries
            return
        assert (
            who not in (STRANGER, AUDITOR)
            or before["owner_post"] == who.post
            or (before["area_path"].startswith("410100/410122"))
        )
        self._judge(case, who, button, before, measurement)

    def _judge(self, case, who, button, before, measurement):
        """I5, and what a pressed button may have done."""
        after = Case.objects.get(pk=case)
        if button in HANDS_ON:
            self.hands[case].add(who.id)
        if button == "reopen":
            self.hands[case] = set()
            assert after.overdue_since is None
        if button == "return":
            assert not before["returned_once"]
        if after.state == "closed" and button == "close":
            alerts = CaseFollower.objects.filter(case=case, sign__startswith="alert:")
            by_readings = alerts.exists() and not alerts.filter(cleared_at=None).exists()
            assert by_readings or who.id not in self.hands[case]
            if before["evidence_to_close"] == "measurement":
                assert by_readings or measurement is MEASURES[1]

    @rule(minutes=st.sampled_from([1, 10, 45, 70, 600, 6000]))
    def time_passes(self, minutes):
        self.now += timedelta(minutes=minutes)
        assert response.sweep(now=self.now).failed == 0
        assert not Case.objects.filter(is_open=True, next_at__lte=self.now).exists()

    @rule(case=cases, level=st.sampled_from(["red", "orange", "yellow"]))
    def an_alert_changes(self, case, level):
        for follower in CaseFollower.objects.filter(case=case, sign__startswith="alert:")[:1]:
            change_level(SYSTEM, follower.sign, level, now=self.now)

    @rule(case=cases, measured=st.booleans())
    def an_alert_clears(self, case, measured):
        for follower in CaseFollower.objects.filter(case=case, sign__startswith="alert:")[:1]:
            clear_sign(SYSTEM, follower.sign, at=self.now, measured=measured, now=self.now)

    @rule(who=st.sampled_from(PEOPLE), outcome=st.sampled_from(["done", "refused"]))
    def a_task_is_answered(self, who, outcome):
        task = response.tasks_of(who)[:1]
        if task and task[0].case.is_open:
            response.answer_task(who, task[0].pk, outcome, now=self.now)

    @rule(target=cases)
    def nothing(self):
        return multiple()

    @invariant()
    def every_open_case_has_owner_clock_and_instant(self):
        """I1."""
        running = {}
        for clock in CaseClock.objects.filter(met_at=None, missed_at=None, stopped_at=None):
            running.setdefault(clock.case_id, []).append(clock)
        for case in Case.objects.all():
            clocks = running.get(case.pk, [])
            if not case.is_open:
                assert not clocks
                assert case.closed_at is not None
                continue
            assert case.owner_post
            earliest = min(clocks, key=lambda clock: (clock.due_at, clock.pk))
            assert case.next_at == earliest.due_at
            assert case.running_clock_id == earliest.pk
            stages = [clock for clock in clocks if clock.kind == "stage"]
            assert len(stages) <= 1
            if case.state == "suspended":
                assert [clock.kind for clock in clocks].count("suspension") == 1
            elif case.overdue_since is None:
                assert len(stages) == 1

    @invariant()
    def every_deadline_names_its_ground(self):
        """I2."""
        for clock in CaseClock.objects.all():
            assert clock.rule_id
            assert clock.calendar
            assert clock.start_event
            assert clock.basis["title"]
            assert clock.due_at >= clock.started_at

    @invariant()
    def nobody_who_gave_a_sign_is_dropped(self):
        """I4; and the ladder and the instant of knowledge stay what they were (I3)."""
        assert set(CaseFollower.objects.values_list("sign", flat=True)) == self.followed
        for case in Case.objects.all():
            assert case.known_at == self.known[case.pk]
            assert case.ladder == self.ladders[case.pk]

    @invariant()
    def the_journal_tells_the_same(self):
        """I16."""
        entries = journal.JournalEntry.objects.filter(seq__gt=self.city_loaded).order_by("seq")
        rebuilt = journal.replay_images(entries)
        for model in TABLES:
            live = {row.pk: journal.image_of(row)["fields"] for row in model.objects.all()}
            assert rebuilt.get(model._meta.label_lower, {}) == live


@pytest.mark.django_db(databases="__all__")
def test_no_order_of_buttons_drops_a_duty(demo):
    run_state_machine_as_test(
        CaseLife,
        settings=settings(
            max_examples=5,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.long
@pytest.mark.django_db(databases="__all__")
def test_no_long_life_drops_a_duty(demo):
    run_state_machine_as_test(
        CaseLife,
        settings=settings(
            max_examples=150,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
