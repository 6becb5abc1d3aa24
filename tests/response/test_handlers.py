"""Alerts become what their rule asks for; levels rise with them; clearing closes nothing."""

from __future__ import annotations

import pytest

from anlan.infra.models import JournalEntry
from anlan.kernel.events import Told
from anlan.notices.models import Notice
from anlan.registry import public as registry
from anlan.response import handlers
from anlan.response.domain.asking import Asked
from anlan.response.domain.words import CaseState
from anlan.response.models import Case, CaseFollower, CaseTask
from anlan.response.services.desk import Desk
from anlan.response.services.effects import end
from anlan.sensing.domain.events import ReportReceived
from anlan.warning.domain.events import (
    AlertCleared,
    AlertLevelChanged,
    AlertRaised,
    WarningInForceChanged,
)
from anlan.warning.models import AlertInstance
from tests.response.builders import MINUTE, NOW, SYSTEM, report_of, stands

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]


def a_rule(**wanted):
    """A rule in force whose consequences are as wanted."""
    for rule in registry.rules_in_force(at=NOW):
        if all(check(rule.then) for check in wanted.values()):
            return rule
    raise LookupError(wanted)


def alert_of(
    rule, *, number=1, place="RP-METRO-5", level="red", subject="place:RP-METRO-5", **more
):
    area = "410102002001" if place else "410102"
    AlertInstance.objects.create(
        pk=number,
        rule=rule.id,
        rule_version=rule.version,
        subject=subject,
        hazard=rule.hazard,
        level=level,
        peak_level=level,
        area=area,
        place=place,
        active_at=NOW,
        raised_at=NOW,
        level_at=NOW,
        reason={"code": "x", "params": {}},
        evidence=more.get("evidence", {}),
        recorded_at=NOW,
    )
    return AlertRaised(
        alert=number,
        rule=rule.id,
        rule_version=rule.version,
        subject=subject,
        hazard=rule.hazard,
        level=level,
        area=area,
        place=place,
        at=NOW,
    )


def tell(listener, event, *, at=NOW):
    listener(Told(event=event, seq=1, at=at, actor="system:judge"), now=at)


def test_an_alert_becomes_a_case_with_the_rules_tasks_and_watchers():
    rule = a_rule(case=lambda then: then.case == "hidden_danger" and then.tasks and then.tell)
    event = alert_of(rule)
    tell(handlers.on_alert_raised, event)
    tell(handlers.on_alert_raised, event)  # at least once
    (case,) = Case.objects.all()
    stands(case)
    assert (case.kind, case.place, case.origin) == ("hidden_danger", "RP-METRO-5", "alert:1")
    assert case.title["zh"] == rule.title.zh
    assert case.evidence_to_close == rule.then.evidence_to_close
    assert CaseTask.objects.count() == len(rule.then.tasks)
    task = CaseTask.objects.order_by("id").first()
    assert task.title == {"zh": rule.then.tasks[0].title.zh, "en": rule.then.tasks[0].title.en}
    assert task.clock.rule_id == rule.id
    assert task.clock.basis["title"] == rule.basis.title
    assert CaseFollower.objects.get().sign == "alert:1"
    told = set(Notice.objects.filter(about=f"case:{case.pk}").values_list("post", flat=True))
    assert {"P-METRO", "P-COMMANDER"} <= told


def test_rules_of_one_matter_share_a_case_and_the_higher_alert_raises_it():
    orange, red = (
        next(rule for rule in registry.rules_in_force(at=NOW) if rule.id == f"lag.rainstorm_{end}")
        for end in ("orange", "red")
    )
    assert orange.then.matter == red.then.matter
    said = {"place": "", "subject": "area:410102"}
    tell(handlers.on_alert_raised, alert_of(orange, number=1, level="orange", **said))
    tell(handlers.on_alert_raised, alert_of(red, number=2, level="red", **said), at=NOW + MINUTE)
    elsewhere = alert_of(red, number=3, level="red", place="", subject="area:410105")
    tell(handlers.on_alert_raised, elsewhere, at=NOW + MINUTE)
    case, other = Case.objects.order_by("id")
    stands(case)
    assert (case.level, case.priority, other.origin) == ("red", 1, "alert:3")
    assert set(CaseFollower.objects.filter(case=case).values_list("sign", flat=True)) == {
        "alert:1",
        "alert:2",
    }
    tasks = len(orange.then.tasks) + len(red.then.tasks)
    assert CaseTask.objects.filter(case=case).count() == tasks


def test_every_rule_in_force_leads_to_a_duty_or_a_notice():
    for number, rule in enumerate(registry.rules_in_force(at=NOW), start=1):
        event = alert_of(rule, number=number, subject=f"place:{number}")
        before = Notice.objects.count(), CaseFollower.objects.count()
        tell(handlers.on_alert_raised, event)
        after = Notice.objects.count(), CaseFollower.objects.count()
        assert after[0] > before[0], rule.id
        if rule.then.case != "none":
            assert after[1] == before[1] + 1, rule.id
    for case in Case.objects.all():
        stands(case)


def test_a_rule_that_asks_for_no_case_tells_the_commander(monkeypatch):
    rule = registry.rules_in_force(at=NOW)[0]
    then = rule.then.__class__(case="none", tell=("commander",))
    quiet = rule.__class__(
        **{name: getattr(rule, name) for name in rule.__struct_fields__ if name != "then"},
        then=then,
    )
    monkeypatch.setattr(handlers.registry, "rule", lambda _id, _version: quiet)
    tell(handlers.on_alert_raised, alert_of(rule))
    assert not Case.objects.exists()
    (notice,) = Notice.objects.filter(mark="")
    assert (notice.post, notice.subject, notice.urgency) == ("P-COMMANDER", "alert.raised", "red")


def test_a_cluster_joins_the_case_of_its_reports():
    from anlan.response import public as response

    rule = a_rule(case=lambda then: then.case == "hidden_danger")
    case = response.take_sign(SYSTEM, report_of(31, hazard=rule.hazard), now=NOW)
    event = alert_of(
        rule, place="", subject="cluster:31", level="orange", evidence={"reports": [31, 32]}
    )
    tell(handlers.on_alert_raised, event)
    stands(case)
    assert Case.objects.count() == 1
    assert case.level == "orange"


def received(number, *, hazard):
    return ReportReceived(
        report=number,
        number=f"AL-{number}",
        hazard=hazard,
        area="410102",
        lat=None,
        lon=None,
        words=(),
        strong=False,
        known_at=NOW,
    )


def test_a_report_heard_after_its_cluster_joins_the_clusters_case():
    rule = a_rule(case=lambda then: then.case == "hidden_danger")
    event = alert_of(
        rule, place="", subject="cluster:31", level="orange", evidence={"reports": [31, 32]}
    )
    tell(handlers.on_alert_raised, event)
    (case,) = Case.objects.all()
    signs = case.signs
    for number in (31, 33):
        tell(handlers.on_report_received, received(number, hazard=rule.hazard))
    stands(case)
    assert case.signs == signs + 1  # the other report is no part of the cluster
    assert Case.objects.count() == 2


def relayed(hazard, level, *, what="began", areas=("410102",)):
    return WarningInForceChanged(
        in_force=7, hazard=hazard, level=level, areas=areas, what=what, at=NOW
    )


@pytest.mark.parametrize(
    ("hazard", "level", "priority"),
    [("", "red", 1), ("", "", 2), ("met.rainstorm", "", 2), ("met.hail", "orange", 2)],
)
def test_a_warning_that_no_rule_acts_on_gets_an_owner_and_a_clock(hazard, level, priority):
    for _ in range(2):  # at least once
        tell(handlers.on_warning_in_force_changed, relayed(hazard, level))
    (case,) = Case.objects.all()
    stands(case)
    assert (case.priority, case.level, case.area) == (priority, level, "410102")
    assert CaseFollower.objects.get().sign == "warning:7"
    assert Notice.objects.filter(about=f"case:{case.pk}", post="P-COMMANDER").exists()
    tell(handlers.on_warning_in_force_changed, relayed(hazard, level, what="ended"))
    stands(case)
    assert CaseFollower.objects.get().cleared_at is None  # its end proves nothing


@pytest.mark.parametrize(("first", "priority"), [("orange", 2), ("", 2)])
@pytest.mark.parametrize("closed", [False, True])
def test_a_warning_that_rises_takes_its_case_with_it(first, priority, closed):
    tell(handlers.on_warning_in_force_changed, relayed("met.hail", first))
    (case,) = Case.objects.all()
    assert case.priority == priority
    if closed:
        desk = Desk(case, actor=handlers.ACTOR, now=NOW)
        end(desk, CaseState.DISMISSED, Asked(), how="second_person")
    for _ in range(2):  # at least once
        rise = relayed("met.hail", "red", what="changed")
        tell(handlers.on_warning_in_force_changed, rise, at=NOW + MINUTE)
    (case,) = Case.objects.all()
    stands(case)
    assert (case.is_open, case.priority, case.level) == (True, 1, "red")
    about = Notice.objects.filter(about=f"case:{case.pk}", subject="case.level")
    assert about.filter(post=case.owner_post, urgency="red").count() == 1


@pytest.mark.parametrize(
    ("hazard", "level"), [("met.rainstorm", "red"), ("met.hail", "blue"), ("met.hail", "yellow")]
)
def test_a_warning_that_a_rule_reads_or_that_is_slight_opens_nothing_by_itself(hazard, level):
    tell(handlers.on_warning_in_force_changed, relayed(hazard, level))
    assert not Case.objects.exists()


def test_a_warning_of_unknown_ground_is_the_whole_citys():
    tell(handlers.on_warning_in_force_changed, relayed("", "red", areas=("999999",)))
    (case,) = Case.objects.all()
    assert case.area == registry.city().root_area


def changed(event, before, level):
    return AlertLevelChanged(
        alert=event.alert,
        rule=event.rule,
        subject=event.subject,
        hazard=event.hazard,
        area=event.area,
        place=event.place,
        before=before,
        level=level,
        at=NOW + MINUTE,
    )


def test_the_case_rises_with_its_alert_and_the_commander_hears_of_red():
    rule = a_rule(case=lambda then: then.case == "hidden_danger")
    event = alert_of(rule, level="yellow")
    tell(handlers.on_alert_raised, event)
    (case,) = Case.objects.all()
    assert case.priority == 3
    tell(handlers.on_alert_level_changed, changed(event, "yellow", "red"), at=NOW + MINUTE)
    stands(case)
    assert (case.priority, case.level) == (1, "red")
    about = Notice.objects.filter(about=f"case:{case.pk}")
    assert about.filter(subject="case.level", post="P-METRO", urgency="red").exists()
    assert about.filter(subject="case.watch", post="P-COMMANDER").exists()


@pytest.mark.parametrize(
    ("reason", "proof"),
    [
        ("threshold.calm", True),
        ("window.calm", True),
        ("silence.heard_again", True),
        ("rule.gone", False),
        ("conjunction.signal_ended", False),
        ("cluster.no_more", False),
    ],
)
def test_clearing_closes_nothing_and_is_proof_only_where_readings_fell(reason, proof):
    rule = a_rule(case=lambda then: then.case == "hidden_danger")
    event = alert_of(rule)
    tell(handlers.on_alert_raised, event)
    cleared = AlertCleared(
        alert=1, rule=event.rule, subject=event.subject, reason=reason, at=NOW + MINUTE
    )
    tell(handlers.on_alert_cleared, cleared, at=NOW + MINUTE)
    (case,) = Case.objects.all()
    stands(case)
    assert case.is_open
    assert (CaseFollower.objects.get().cleared_at is not None) is proof
    assert Notice.objects.filter(subject="case.cleared", post=case.owner_post).exists()


def test_what_nobody_follows_is_heard_without_harm():
    gone = AlertCleared(alert=77, rule="r", subject="s", reason="threshold.calm", at=NOW)
    tell(handlers.on_alert_cleared, gone)
    assert not JournalEntry.objects.filter(event="CaseSignCleared").exists()
