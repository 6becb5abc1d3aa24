"""The whole city under any order of signs, buttons and time: what must be true stays true."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connections, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from anlan.accountability import public as accountability
from anlan.accountability.models import Breach
from anlan.entrypoints import clock, probes, worker
from anlan.infra.models import JournalEntry, ParkedEvent
from anlan.infra.workspace import WorkspaceKind, create
from anlan.kernel.actor import Actor, Role, system_actor
from anlan.kernel.errors import AnlanError
from anlan.registry import public as registry
from anlan.response import public as response
from anlan.response.models import Case, CaseClock, CaseFollower
from anlan.sensing.models import Report
from tests.cap import a_signal
from tests.cities import load_demo

START = datetime(2026, 7, 20, 2, 0, tzinfo=UTC)
SECRETS = ("王秘密", "13900001234", "secret@example.invalid", "三单元七零二室")
TEXTS = (
    f"桥下积水很深，{SECRETS[0]}的车熄火了",
    f"{SECRETS[3]}燃气味很大，请打 {SECRETS[1]}",
    f"井盖没了 {SECRETS[2]}",
    "",
)
PLACES = ((34.75, 113.64), (34.7501, 113.6401), (34.80, 113.70), (0.0, 0.0), None)
BUTTONS = [item.value for item in response.Trigger]
pytestmark = pytest.mark.django_db(databases="__all__")


class Wall:
    at = START

    def now(self):
        return self.at


class City(RuleBasedStateMachine):
    """The model: which reports were acknowledged, and who had each case in hand."""

    secret = ""
    wall = Wall()

    def __init__(self):
        super().__init__()
        self.undo = ExitStack()
        for alias in ("default", "contents"):
            whole = transaction.atomic(using=alias)
            whole._from_testcase = True  # as a test's own: durable blocks may stand inside
            self.undo.enter_context(whole)
            self.undo.callback(transaction.set_rollback, True, using=alias)
        self.undo.enter_context(fresh_workspace())
        self.wall.at = START
        self.works = worker.clockwork()
        self.client = Client(headers={"Authorization": f"Bearer {self.secret}"})
        self.acknowledged: dict[str, str] = {}
        self.hands: dict[int, set[str]] = {}
        self.sent = 0

    def teardown(self):
        self.undo.close()

    def post(self, path, body, kind="application/json", key=None):
        if key is None:
            self.sent += 1
            key = f"key-{self.sent}"
        answer = self.client.post(
            f"/api/v1/{path}", data=body, content_type=kind, headers={"Idempotency-Key": key}
        )
        assert answer.status_code < 500, answer.content
        return answer

    @rule(text=st.sampled_from(TEXTS), place=st.sampled_from(PLACES), twice=st.booleans())
    def a_report(self, text, place, twice):
        said = {"text": text, "contact": {"name": SECRETS[0], "phone": SECRETS[1]}}
        if place is not None:
            said |= {"lat": place[0], "lon": place[1]}
        body = json.dumps(said).encode()
        answer = self.post("reports", body)
        assert answer.status_code < 300, "a report is never refused for what it lacks"
        self.acknowledged[answer.json()["number"]] = text
        if twice:
            again = self.post("reports", body, key=f"key-{self.sent}")
            assert again.json()["number"] == answer.json()["number"], "one sending, one report"

    @rule(value=st.sampled_from([0.0, 0.3, 5.0, 1e9]), back=st.integers(0, 30))
    def readings(self, value, back):
        at = (self.wall.at - timedelta(minutes=back)).isoformat()
        streams = sorted(one.code for one in registry.sensors(at=START))[::7]
        rows = [{"stream": stream, "at": at, "value": value} for stream in streams]
        self.post("observations", json.dumps({"observations": rows}).encode())

    @rule(level=st.sampled_from(["blue", "yellow"]))
    def a_signal(self, level):
        name = f"signal-{self.sent}"
        self.post("signals", a_signal(level, self.wall.at, identifier=name), "application/xml")

    @rule(body=st.binary(max_size=60), path=st.sampled_from(["reports", "observations", "signals"]))
    def rubbish(self, body, path):
        self.post(path, body, "application/xml" if path == "signals" else "application/json")

    @rule(minutes=st.sampled_from([0, 0.1, 1, 16, 70, 1500]))
    def time_passes(self, minutes):
        self.wall.at += timedelta(minutes=minutes)
        self.works.tick(now=self.wall.at)
        assert self.works.failing == {}
        for report in Report.objects.all():
            assert CaseFollower.objects.filter(sign=f"report:{report.pk}").exists(), "I4"

    @precondition(lambda self: Case.objects.exists())
    @rule(
        which=st.integers(0, 50),
        button=st.sampled_from(BUTTONS),
        who=st.sampled_from(["owner", "mate", "commander", "stranger"]),
        reason=st.sampled_from(["", "not_my_duty", "nothing_found", "danger_returned"]),
    )
    def press(self, which, button, who, reason):
        cases = list(Case.objects.order_by("pk"))
        case = cases[which % len(cases)]
        actor = self.person(who, case)
        asked = response.Asked(reason=reason, until=self.wall.at + timedelta(days=1), rating=3)
        try:
            with transaction.atomic():
                response.pull(actor, case.pk, button, asked, now=self.wall.at)
        except AnlanError:
            return
        hands = self.hands.setdefault(case.pk, set())
        if button in {"begin", "self_check", "handle", "feed_back"}:
            hands.add(actor.id)
        if button == "reopen":
            hands.clear()
        after = Case.objects.get(pk=case.pk)
        if button == "close" and after.state == "closed" and not after.closing.get("measured"):
            assert actor.id not in hands, "I5: who handled it does not close it alone"

    @staticmethod
    def person(who, case):
        commander = registry.city().commander_post
        return Actor(
            id=f"account:{who}",
            role=Role.COMMANDER if who == "commander" else Role.DEPARTMENT,
            post=commander if who == "commander" else case.owner_post,
            areas=("nowhere",) if who == "stranger" else ("",),
            scopes=frozenset({"cases:read", "cases:act"}),
        )

    @invariant()
    def every_open_case_has_owner_clock_and_next_instant(self):
        for case in Case.objects.filter(is_open=True).select_related("running_clock"):
            assert case.owner_post, "I1"
            stands = case.running_clock
            assert (stands.met_at, stands.missed_at, stands.stopped_at) == (None, None, None), "I1"
            assert case.next_at == stands.due_at, "I1"

    @invariant()
    def every_deadline_names_its_ground(self):
        assert not CaseClock.objects.filter(rule_id="").exists(), "I2"
        assert not CaseClock.objects.filter(start_event="").exists(), "I2"
        assert not CaseClock.objects.filter(basis={}).exists(), "I2"

    @invariant()
    def nothing_acknowledged_is_lost(self):
        kept = set(Report.objects.values_list("number", flat=True))
        assert set(self.acknowledged) <= kept, "I3"

    @invariant()
    def nothing_is_parked_or_broken(self):
        assert not ParkedEvent.objects.exists()
        assert not Breach.objects.exists()

    @invariant()
    def state_is_what_the_journal_says(self):
        assert accountability.rebuild() == [], "I16"

    @invariant()
    def no_secret_lies_outside_the_content_store(self):
        for name, found in places_of(SECRETS):
            pytest.fail(f"I12: {found} lies in {name}")

    @invariant()
    def the_ledger_holds(self):
        accountability.seal(now=self.wall.at)
        verdict = accountability.verify()
        assert verdict.holds, f"I17: {verdict.findings}"


def places_of(secrets):
    """Look into every table of the default database, whatever the type of its columns."""
    with connections["default"].cursor() as cursor:
        for model in apps.get_models():
            table = model._meta.db_table
            if model._meta.label_lower == "infra.contentitem":
                continue
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                whole = " ".join(
                    bytes(cell).decode("utf-8", "replace")
                    if isinstance(cell, bytes | memoryview)
                    else str(cell)
                    for cell in row
                )
                for secret in secrets:
                    # JSON may be kept with its letters escaped.
                    if secret in whole or json.dumps(secret)[1:-1] in whole:
                        yield table, secret


def fresh_workspace():
    """A folder of its own for keys, segments and checkpoints of one run."""
    import tempfile
    from pathlib import Path

    stack = ExitStack()
    root = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "workspace"
    place = create(root, kind=WorkspaceKind.LIVE)
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    patch.setattr(settings, "WORKSPACE", place)
    patch.setattr(settings, "ANLAN", replace(settings.ANLAN, workspace=str(root), checkpoints=""))
    patch.setattr(clock, "_current", City.wall)
    patch.setattr(probes, "disk_share", lambda: 0.5)
    patch.setattr(probes, "clock_jump_s", lambda: 0.0)
    return stack


@pytest.fixture
def demo(db):
    load_demo(START)
    actor = system_actor("test")
    post = registry.city().commander_post
    account = registry.create_account(
        actor, "desk", "duty_officer", post=post, areas=("",), now=START
    )
    _, City.secret = registry.issue_token(
        actor, account, None, None, START + timedelta(days=90), now=START
    )


def live_a_while(examples, steps):
    run_state_machine_as_test(
        City,
        settings=hypothesis_settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(
                Phase.generate,
            ),  # to shrink a city's life takes hours: the log names its steps
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_few_days_of_a_city(demo):
    live_a_while(examples=2, steps=10)


@pytest.mark.long
def test_many_days_of_a_city(demo):
    live_a_while(examples=60, steps=30)


def test_a_planted_secret_would_be_found(demo):
    assert list(places_of(SECRETS)) == []
    entry = JournalEntry.objects.order_by("-seq").first()
    JournalEntry.objects.filter(pk=entry.pk).update(payload={"said": SECRETS[0]})
    assert ("infra_journalentry", SECRETS[0]) in set(places_of(SECRETS))
