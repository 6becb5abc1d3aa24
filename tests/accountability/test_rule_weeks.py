"""How often rules were right: what is counted ahead equals plain counting, through any life of cases."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from statistics import median

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.accountability import public as accountability
from anlan.accountability.domain.precision import (
    Outcome,
    outcome_of,
    precision_of,
    week_of,
    weeks_to,
)
from anlan.accountability.models import RuleWeek
from anlan.accountability.services import rule_weeks
from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.kernel.errors import AnlanError
from anlan.notices import public as notices
from anlan.notices.models import Notice
from anlan.registry import public as registry
from anlan.response import public as response
from anlan.response.models import Case, CaseFollower
from anlan.warning.domain.events import AlertRaised
from anlan.warning.models import AlertInstance
from tests.response import storms
from tests.response.builders import (
    COMMANDER,
    DAY,
    HOUR,
    METRO,
    METRO_MATE,
    NOW,
    STRANGER,
    SYSTEM,
    matter,
    person,
)

pytestmark = pytest.mark.django_db(databases="__all__")
RULES = ("water.tunnel", "device.silence", "gas.leak_beside")


@pytest.fixture
def demo(demo_of_the_module, db):
    return NOW


def raised(rule, at, *, area_path="410100/410105", subject):
    row = AlertInstance(
        rule=rule, rule_version=1, subject=subject, hazard="rail.disruption", level="yellow",
        peak_level="yellow", area=area_path.rsplit("/", 1)[-1], area_path=area_path,
        active_at=at, raised_at=at, level_at=at, cleared_at=at, recorded_at=at,
        reason={"code": "x", "params": {}}, evidence={},
    )  # fmt: skip
    row.save()
    event = AlertRaised(
        alert=row.pk, rule=rule, rule_version=1, subject=subject, hazard=row.hazard,
        level="yellow", area=row.area, place="", at=at,
    )  # fmt: skip
    journal.record(event, actor=SYSTEM, now=at, rows=[row])
    return row


def answered_by_case(alert, at, **changes):
    return response.take_sign(SYSTEM, matter(origin=f"alert:{alert.pk}", **changes), now=at)


def first_act(case):
    """When somebody first acted, by reading the whole journal."""
    acts = [
        entry.at
        for entry in JournalEntry.objects.filter(event="CaseMoved", payload__case=case)
        if not entry.actor.startswith(("system:", "public:"))
    ]
    acts += Notice.objects.filter(about=f"case:{case}", acknowledged_at__isnull=False).values_list(
        "acknowledged_at", flat=True
    )
    return min(acts, default=None)


def slowly(paths, now):
    """The board by plain counting over every alert: the oracle."""
    zone = registry.timezone()
    weeks = weeks_to(week_of(now, zone))
    lines = {}
    for alert in AlertInstance.objects.all():
        week = week_of(alert.raised_at, zone)
        inside = any(not p or (alert.area_path + "/").startswith(p + "/") for p in paths)
        if week not in weeks or not inside:
            continue
        line = lines.setdefault(
            alert.rule, {"weeks": dict.fromkeys(weeks, 0), "acted": 0, "waits": [], "posts": 0}
            | {one.value: 0 for one in Outcome},
        )  # fmt: skip
        line["weeks"][week] += 1
        case = response.case_of_sign(f"alert:{alert.pk}")
        if case is None:
            became = "told"
        elif case.is_open:
            became = "open"
        elif case.state in ("closed", "rated"):
            became = "confirmed"
        elif case.state == "dismissed" and case.closing["reason"] != "drill_or_test":
            became = "false"
        else:
            became = "aside"
        line[became] += 1
        act = first_act(case.pk) if case is not None else None
        if act is not None:
            line["acted"] += 1
            if act >= alert.recorded_at:
                line["waits"].append(int((act - alert.recorded_at).total_seconds()))
    return lines


def agrees(actor, now):
    board = accountability.rule_board(actor, now=now)
    wanted = slowly(actor.areas, now)
    assert board.rules.keys() == wanted.keys()
    for rule, line in wanted.items():
        got = board.rules[rule]
        assert dict(got.weeks) == line["weeks"]
        for one in Outcome:
            assert getattr(got, one.value) == line[one.value], (rule, one)
        assert got.acted == line["acted"] == sum(n for _, n in got.posts)
        assert got.wait_s == (median(line["waits"]) if line["waits"] else None)
    return board


def moved(case, what, now):
    """One thing that people do to a case; what is not allowed changes nothing."""
    Asked = response.Asked
    ways = {
        "begin": [(METRO, "begin", Asked())],
        "done": [
            (METRO, "begin", Asked()),
            (METRO, "self_check", Asked()),
            (METRO_MATE, "recheck", Asked()),
            (METRO_MATE, "close", Asked()),
        ],
        "false": [(COMMANDER, "dismiss", Asked(reason="nothing_found"))],
        "drill": [(COMMANDER, "dismiss", Asked(reason="drill_or_test"))],
        "reopen": [(METRO_MATE, "reopen", Asked(reason="danger_returned"))],
    }
    if what == "answer":
        for notice in Notice.objects.filter(about=f"case:{case.pk}", acknowledged_at=None)[:1]:
            actor = person("whoever", notice.post)
            notices.acknowledge(actor, notice.pk, now=now)
        return
    for actor, trigger, asked in ways[what]:
        try:
            response.pull(actor, case.pk, response.Trigger(trigger), asked, now=now)
        except AnlanError:
            return


WAYS = ("begin", "done", "false", "drill", "reopen", "answer")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_counted_ahead_equals_plain_counting(demo, seed):
    chance = random.Random(seed)
    now, cases = NOW, []
    for step in range(40):
        now += timedelta(hours=chance.choice([1, 7, 30]))
        if chance.random() < 0.5 or not cases:
            path = chance.choice(["410100/410105", "410100/410122", "410100"])
            alert = raised(chance.choice(RULES), now, area_path=path, subject=f"place:P{step}")
            if chance.random() < 0.8:
                cases.append(answered_by_case(alert, now))
        else:
            moved(chance.choice(cases), chance.choice(WAYS), now)
        if chance.random() < 0.4:
            accountability.count_rules(now=now)
    accountability.count_rules(now=now)
    board = agrees(SYSTEM, now)
    agrees(STRANGER, now)
    found = [one for line in board.rules.values() for one in Outcome if getattr(line, one.value)]
    assert len(set(found)) >= 3  # the life was no empty one
    accountability.count_rules(now=now)  # once more changes nothing
    agrees(SYSTEM, now)


def test_two_signs_of_one_case_are_two_alerts_and_one_answer(demo):
    first, second = (raised("water.tunnel", NOW, subject=f"place:{n}") for n in "AB")
    case = answered_by_case(first, NOW)
    assert answered_by_case(second, NOW + HOUR).pk == case.pk
    moved(case, "begin", NOW + 2 * HOUR)
    accountability.count_rules(now=NOW + DAY)
    line = accountability.rule_board(SYSTEM, now=NOW + DAY).rules["water.tunnel"]
    assert (line.raised, line.open, line.acted, line.wait_s) == (2, 2, 2, 7200)
    assert line.precision is None


def test_a_rule_that_nobody_acts_on_is_named(demo):
    before = NOW - 7 * DAY
    for number in range(3):
        alert = raised("water.tunnel", before, subject=f"place:{number}")
        case = answered_by_case(alert, before)
        alert = raised("gas.leak_beside", NOW, subject=f"gas:{number}")  # of this week: too early
        answered_by_case(alert, NOW, cause=f"gas {number}")
        raised("device.silence", before, subject=f"stream:{number}")  # told only: nobody was called
    accountability.count_rules(now=NOW)
    board = accountability.rule_board(SYSTEM, now=NOW)
    assert [rule for rule, one in board.rules.items() if one.is_ignored] == ["water.tunnel"]
    moved(case, "begin", NOW + HOUR)
    accountability.count_rules(now=NOW + HOUR)
    assert not accountability.rule_board(SYSTEM, now=NOW).rules["water.tunnel"].is_ignored


def test_a_district_sees_its_own_and_nothing_counts_twice(demo):
    raised("water.tunnel", NOW, subject="place:1", area_path="410100/410122/410122001")
    raised("water.tunnel", NOW, subject="place:2", area_path="410100/410105")
    accountability.count_rules(now=NOW)
    own = person("d", "P-410122", areas=("410100/410122", "410100/410122/410122001"))
    assert accountability.rule_board(own, now=NOW).rules["water.tunnel"].raised == 1
    assert accountability.rule_board(SYSTEM, now=NOW).rules["water.tunnel"].raised == 2
    nowhere = person("n", None, areas=())
    assert accountability.rule_board(nowhere, now=NOW).rules == {}


def test_what_was_heard_half_way_is_heard_again_and_old_weeks_go(demo, monkeypatch):
    raised("water.tunnel", NOW, subject="place:1")
    monkeypatch.setattr(rule_weeks, "_count", lambda *_: (_ for _ in ()).throw(RuntimeError))
    with pytest.raises(RuntimeError):
        accountability.count_rules(now=NOW)
    monkeypatch.undo()
    assert accountability.rule_board(SYSTEM, now=NOW).stale == 1
    accountability.count_rules(now=NOW)
    board = accountability.rule_board(SYSTEM, now=NOW)
    assert (board.stale, board.rules["water.tunnel"].raised) == (0, 1)
    accountability.count_rules(now=NOW + timedelta(weeks=30))
    assert not RuleWeek.objects.exists()


def test_the_board_asks_as_much_of_many_alerts_as_of_one(demo):
    asked = []
    for many in (1, 60):
        for number in range(many):
            at = NOW - timedelta(days=number % 50)
            alert = raised(RULES[number % 3], at, subject=f"place:{many}-{number}")
            answered_by_case(alert, at, cause=f"cause {many}-{number}")
        accountability.count_rules(now=NOW)
        with CaptureQueriesContext(connection) as seen:
            accountability.rule_board(SYSTEM, now=NOW)
        asked.append(len(seen))
    assert asked[0] == asked[1] <= 4
    agrees(SYSTEM, NOW)


@pytest.mark.parametrize(
    ("state", "is_open", "reason", "wanted"),
    [
        (None, False, "", "told"),
        ("assigned", True, "", "open"),
        ("closed", False, "", "confirmed"),
        ("rated", False, "", "confirmed"),
        ("dismissed", False, "nothing_found", "false"),
        ("dismissed", False, "drill_or_test", "aside"),
        ("merged", False, "", "aside"),
    ],
)
def test_outcomes_by_definition(state, is_open, reason, wanted):
    spares = frozenset({"drill_or_test"})
    assert outcome_of(state, is_open=is_open, reason=reason, spares=spares) == wanted


def test_precision_by_definition():
    assert precision_of(0, 0) is None
    assert precision_of(3, 1) == 0.75
    assert json.dumps(precision_of(0, 2)) == "0.0"


@pytest.mark.parametrize("seed", [1, 2])
def test_members_of_an_incident_count_by_its_case_however_late_they_are_heard(demo, seed):
    chance, now = random.Random(seed), NOW
    for first in (1, 19, 40):  # alone at first, then crowded, then more of the same
        storms.kept(*storms.storm(18, first=first, now=now), now=now)
        accountability.count_rules(now=now)  # before anybody has heard of them
        for _ in range(2):
            storms.heard(now=now, most=chance.choice([1, 5, 20]))
            accountability.count_rules(now=now)
            now += timedelta(seconds=20)
        storms.heard(now=now)
    accountability.count_rules(now=now)
    line = agrees(SYSTEM, now).rules[storms.RULE]
    assert (line.raised, line.open, line.told, line.acted) == (54, 54, 0, 0)
    (case,) = Case.objects.filter(cause__startswith="incident:")
    owner = person("whoever", case.owner_post)
    now += HOUR
    response.pull(owner, case.pk, response.Trigger("begin"), response.Asked(), now=now)
    accountability.count_rules(now=now)
    line = agrees(SYSTEM, now).rules[storms.RULE]
    assert line.acted == CaseFollower.objects.filter(case=case).count() == 54


def test_a_rule_whose_storms_nobody_heeds_is_named(demo):
    storms.kept(*storms.storm(25))
    accountability.count_rules(now=NOW)  # before anybody heard that they are a case
    storms.heard()
    later = NOW + timedelta(days=8)
    accountability.count_rules(now=later)
    line = agrees(SYSTEM, later).rules[storms.RULE]
    assert (line.called_before, line.is_ignored) == (25, True)
