"""What the response room hears: alerts and reports become duties, or join one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import cast

from anlan.infra.delivery import Runs, in_runs
from anlan.kernel.actor import system_actor
from anlan.kernel.errors import NotFoundError
from anlan.kernel.events import Event, Told
from anlan.kernel.scales import WarningLevel
from anlan.notices import public as notices
from anlan.registry import public as registry
from anlan.registry.domain.rulespecs import RuleSpec, SilenceRule
from anlan.response.domain.grounds import basis_of
from anlan.response.domain.joining import priority_by_level
from anlan.response.domain.opening import CaseKind, GivenTask, Member, Opening, opening_of_report
from anlan.response.services import telling
from anlan.response.services.devices import of_silent
from anlan.response.services.gathering import gather
from anlan.response.services.incidents import draw_in, join_members
from anlan.response.services.orphans import give_orphans_to_arbiter
from anlan.response.services.signs import (
    change_level,
    change_levels,
    clear_members,
    clear_sign,
    take_sign,
)
from anlan.sensing.domain.events import ReportReceived
from anlan.warning import public as warning
from anlan.warning.domain.events import (
    AlertCleared,
    AlertLevelChanged,
    AlertRaised,
    IncidentGrew,
    WarningInForceChanged,
)
from anlan.warning.domain.incidents import TOLD_ONLY

ACTOR = system_actor("response")
# The judge clears for other causes too: a warning ended, a rule or sensor left the packs.
# Only calm readings say that a danger is gone.
MEASURED = frozenset({"threshold.calm", "window.calm", "reading.corrected", "silence.heard_again"})


def _incident_of(told: Told) -> str | None:
    """Return the matter of an alert's event; none when it came alone."""
    incident = getattr(told.event, "incident", 0)
    return f"{told.event.name}:{incident}" if incident else None


def hear_alerts(told: Sequence[Told], *, now: datetime) -> None:
    """Hear what happened to many alerts of one incident, all of one kind."""
    first = told[0].event
    events = [one.event for one in told]
    if isinstance(first, AlertRaised):
        _join_incident(first.incident, cast("list[AlertRaised]", events), now=now)
    elif isinstance(first, AlertLevelChanged):
        levels: dict[str, str] = {}
        for event in cast("list[AlertLevelChanged]", events):
            levels[f"alert:{event.alert}"] = event.level
        change_levels(ACTOR, levels, now=now)
    elif isinstance(first, AlertCleared):
        cleared = {
            f"alert:{event.alert}": event.at if event.reason in MEASURED else None
            for event in cast("list[AlertCleared]", events)
        }
        clear_members(ACTOR, first.incident, cleared, now=now)
    else:
        for one in told:
            on_incident_grew(one, now=now)


@in_runs(Runs(of=_incident_of, hear=hear_alerts))
def on_alert(told: Told, *, now: datetime) -> None:
    """Hear what happens to alerts, all of it in one order: a level that rose belongs behind its raising.

    What is of an incident is heard together with its neighbours, as if many had come at once.
    """
    if _incident_of(told):
        hear_alerts([told], now=now)
    else:
        _ALONE[type(told.event)](told, now=now)


def on_incident_grew(told: Told, *, now: datetime) -> None:
    """Let the cases of alerts that had come alone end into that of their incident."""
    event = cast("IncidentGrew", told.event)
    if event.drawn:
        draw_in(ACTOR, warning.incident(event.incident), event.drawn, now=now)


def _join_incident(incident_id: int, events: Sequence[AlertRaised], *, now: datetime) -> None:
    incident = warning.incident(incident_id)
    rules = {
        (event.rule, event.rule_version): registry.rule(event.rule, event.rule_version)
        for event in events
    }
    if incident.case == TOLD_ONLY:
        worst = min(events, key=lambda event: priority_by_level(event.level))
        rule = rules[worst.rule, worst.rule_version]
        _tell_only(worst, rule, now=now, about=f"incident:{incident_id}", members=incident.members)
        return
    bases = {key: basis_of(rule) for key, rule in rules.items()}
    members = [
        Member(opening_of_alert(event, rules[key], basis=bases[key]), rules[key])
        for event in events
        for key in [(event.rule, event.rule_version)]
    ]
    join_members(ACTOR, incident, members, now=now)


def on_alert_raised(told: Told, *, now: datetime) -> None:
    """Turn an alert into what its rule asks for: a case with tasks, or only a notice."""
    event = cast("AlertRaised", told.event)
    rule = registry.rule(event.rule, event.rule_version)
    if rule.then.case == "none" and not rule.then.tasks:
        _tell_only(event, rule, now=now)
        return
    alert = warning.alert(event.alert)
    reports = (alert.evidence or {}).get("reports", ()) if alert is not None else ()
    beside = [f"report:{number}" for number in reports]
    opening = opening_of_alert(event, rule)
    if isinstance(rule, SilenceRule) and alert is not None:
        opening = of_silent(opening, alert.carrier, alert.area_path, now=now)
    take_sign(ACTOR, opening, now=now, beside=beside)


def opening_of_alert(
    event: AlertRaised, rule: RuleSpec, *, basis: dict[str, object] | None = None
) -> Opening:
    """Return the matter that an alert speaks of; ``basis`` is that of the rule, if known."""
    then = rule.then
    kind: CaseKind = "service" if then.case == "none" else then.case
    tasks = tuple(
        GivenTask(
            key=f"alert:{event.alert}:{number}",
            title={"zh": task.title.zh, "en": task.title.en},
            within=task.within,
            post=task.post,
        )
        for number, task in enumerate(then.tasks, start=1)
    )
    return Opening(
        kind=kind,
        hazard=event.hazard,
        area=event.area,
        origin=f"alert:{event.alert}",
        known_at=event.at,
        place=event.place,
        level=event.level,
        cause=f"{then.matter or event.rule}|{event.subject}"[:200],
        title={
            "rule": event.rule,
            "rule_version": event.rule_version,
            "subject": event.subject,
            "zh": rule.title.zh,
            "en": rule.title.en,
        },
        evidence_to_close=then.evidence_to_close,
        found_by_rule=True,
        tasks=tasks,
        tell=then.tell,
        basis=basis_of(rule) if basis is None else basis,
        rule=(event.rule, event.rule_version),
    )


def _tell_only(
    event: AlertRaised, rule: RuleSpec, *, now: datetime, about: str = "", members: int = 1
) -> None:
    """Tell of an alert that asks for no case; of many of one incident once for each level."""
    about, end = (about, event.level) if about else (f"alert:{event.alert}", "raised")
    city = registry.city()
    words = rule.then.tell or ("commander",)
    posts = [city.commander_post if word in {"commander", "superior"} else word for word in words]
    urgency = {1: "red", 2: "urgent"}.get(priority_by_level(event.level), "normal")
    notices.tell(
        posts,
        about=about,
        key=f"{about}:{end}",
        subject="alert.raised" if members == 1 else "alert.raised_many",
        params={
            "members": members,
            "rule": {"zh": rule.title.zh, "en": rule.title.en},
            "advice": {"zh": rule.advice.zh[:200], "en": rule.advice.en[:200]},
            "where": telling.where_of(event.place, event.area),
            "level": telling.level_words(event.level),
        },
        urgency=urgency,
        actor=ACTOR,
        now=now,
    )


def on_alert_level_changed(told: Told, *, now: datetime) -> None:
    """Let the case of an alert rise with it; it never falls by itself."""
    event = cast("AlertLevelChanged", told.event)
    change_level(ACTOR, f"alert:{event.alert}", event.level, now=now)


def on_alert_cleared(told: Told, *, now: datetime) -> None:
    """Note that the readings behind an alert fell below its limit: proof for a closing (I5)."""
    event = cast("AlertCleared", told.event)
    measured = event.reason in MEASURED
    clear_sign(ACTOR, f"alert:{event.alert}", at=event.at, measured=measured, now=now)


_ALONE: dict[type[Event], Callable[..., None]] = {
    AlertRaised: on_alert_raised,
    AlertLevelChanged: on_alert_level_changed,
    AlertCleared: on_alert_cleared,
}

#: A relayed warning of these levels must not lie where no rule reads it.
GRAVE = frozenset({WarningLevel.RED.value, WarningLevel.ORANGE.value})
UNREAD_ZH = "收到外部预警，没有规则处理：请读原文并作出决定"
UNREAD_EN = "An outside warning that no rule acts on: read it and decide"


def on_warning_in_force_changed(told: Told, *, now: datetime) -> None:
    """Give a relayed warning that no rule acts on to a person: its message is a sign too.

    That is one whose hazard or level no pack knows, and a grave one that no rule reads.
    Its case rises with it, also one that somebody closed at a lower level.
    """
    event = cast("WarningInForceChanged", told.event)
    sign = f"warning:{event.in_force}"
    if event.what == "ended":
        clear_sign(ACTOR, sign, at=event.at, measured=False, now=now)
        return
    known = bool(event.hazard and event.level)
    if known and (event.level not in GRAVE or warning.is_read(event.hazard, event.level, at=now)):
        return
    opening = Opening(
        kind="service",
        hazard=event.hazard,
        area=_area_of(event.areas),
        origin=sign,
        known_at=event.at,
        level=event.level,
        # Unknown is not small: somebody reads it as soon as what is orange.
        priority=None if event.level else 2,
        cause=f"warning.unread|{event.in_force}",
        title={"zh": UNREAD_ZH, "en": UNREAD_EN},
        tell=("commander",),
    )
    change_level(ACTOR, sign, event.level, now=now)
    take_sign(ACTOR, opening, now=now)


def _area_of(codes: tuple[str, ...]) -> str:
    """Return the one area that a warning names and the city knows; else the whole city."""
    root = registry.city().root_area
    if len(codes) != 1:
        return root
    try:
        return registry.area(codes[0]).code
    except NotFoundError:
        return root


def on_city_loaded(told: Told, *, now: datetime) -> None:  # noqa: ARG001  what is in force counts
    """Find an owner for the cases of posts that the packs hold no more."""
    give_orphans_to_arbiter(ACTOR, now=now)


def on_report_received(told: Told, *, now: datetime) -> None:
    """Give a report an owner and a clock, or join it to the case of the same matter."""
    event = cast("ReportReceived", told.event)
    opening = opening_of_report(event.report, event)
    # Where the cluster was heard before its reports, they belong to its case.
    clusters = warning.clusters_of_report(event.report, event.hazard) if event.hazard else []
    beside = [f"alert:{number}" for number in clusters]
    if event.flood:
        gather(ACTOR, opening, flood=event.flood, repeats=event.repeats, now=now, beside=beside)
        return
    take_sign(ACTOR, opening, now=now, beside=beside)
