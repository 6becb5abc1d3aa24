"""Many alerts of one incident are one case: one owner, one clock, its members listed.

Each member follows the case as any alert does.  What somebody has in hand already stays a case
of its own; whose own places are among the members gets a duty of its own within the case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from anlan.infra import rows as rows_of
from anlan.kernel.actor import Actor, system_actor
from anlan.kernel.durations import parse_span
from anlan.kernel.errors import NotFoundError
from anlan.registry import public as registry
from anlan.registry.domain.jurisdiction import IncidentRule
from anlan.response.domain import joining
from anlan.response.domain.asking import Asked
from anlan.response.domain.events import CasesMerged, IncidentTold, MembersJoined
from anlan.response.domain.grounds import basis_of
from anlan.response.domain.opening import Crowd, Member, Opening
from anlan.response.domain.words import CaseState, Proof, Trigger
from anlan.response.models import Case, CaseFollower, CaseIncident, CaseNote, CaseTask
from anlan.response.selectors.watching import WAITING_STATES
from anlan.response.services import devices, duties, telling
from anlan.response.services.desk import Desk
from anlan.response.services.effects import end_unheard
from anlan.response.services.joining import follow_up, raise_priority
from anlan.response.services.opening import open_case
from anlan.warning import public as warning

ACTOR = system_actor("response")
#: Where the packs hold the rule no more by which it was one.
TELL_AGAIN = timedelta(minutes=30)
#: Nobody waits longer to hear that an incident has grown.
LONGEST_WAIT = timedelta(days=1)


def cause_of(incident: warning.Incident) -> str:
    """Return the cause under which there is one open case of an incident.

    Devices that failed together have one case for what they share: a gateway that fails each
    hour is one duty, not one each hour.
    """
    if incident.case == "device":
        return joining.cause_of_many(incident.carrier, incident.area)
    return f"incident:{incident.pk}"


@transaction.atomic(savepoint=False)
def join_members(
    actor: Actor, incident: warning.Incident, members: Sequence[Member], *, now: datetime
) -> None:
    """Give alerts of an incident their case: the open one of the incident, or a new one.

    An alert whose own matter, or whose place, has an open case that is another's joins that one,
    as it would alone.  Telling twice of an alert joins nothing twice.
    """
    signs = [member.opening.sign for member in members]
    known = set(CaseFollower.objects.filter(sign__in=signs).values_list("sign", flat=True))
    fresh = [member for member in members if member.opening.sign not in known]
    if not fresh:
        return
    case, apart = _cases_of(incident, fresh, now=now)
    joining_here = [member for member in fresh if member.opening.sign not in apart]
    if joining_here:
        worst = min(joining_here, key=lambda one: joining.priority_by_level(one.opening.level))
        if case is None:
            case = open_case(actor, _opening_of(incident, worst, joining_here, now=now), now=now)
            joining_here = [member for member in joining_here if member is not worst]
        _join(Desk(case, actor=actor, now=now), incident, joining_here, worst)
        duties.give(Desk(case, actor=actor, now=now), incident, [*joining_here, worst])
    for member in fresh:
        if member.opening.sign in apart:
            follow_up(actor, apart[member.opening.sign], member.opening, now=now)


def _cases_of(
    incident: warning.Incident, members: Sequence[Member], *, now: datetime
) -> tuple[Case | None, dict[str, Case]]:
    """Return the locked open case of the incident, and those that members belong to by themselves.

    All are locked before anything is recorded, in the order of their numbers.
    """
    cause = cause_of(incident)
    causes = {member.opening.cause for member in members}
    places = {member.opening.place for member in members} - {""}
    since = now - joining.SAME_WITHIN
    at_place = Q(hazard=incident.hazard, place__in=places, last_sign_at__gte=since)
    found = Case.objects.select_for_update(of=("self",)).filter(
        Q(cause__in=[cause, *causes]) | at_place, is_open=True
    )
    by_cause: dict[str, Case] = {}
    by_place: dict[tuple[str, bool], Case] = {}
    for case in found.order_by("pk"):
        by_cause.setdefault(case.cause, case)
        by_place.setdefault((case.place, case.kind == "device"), case)
    apart = {}
    for member in members:
        opening = member.opening
        here = by_cause.get(opening.cause)
        # Devices of one place are of one cause no more than those beside them.
        if here is None and opening.place and incident.case != "device":
            here = by_place.get((opening.place, opening.kind == "device"))
        if here is not None:
            apart[opening.sign] = here
    return by_cause.get(cause), apart


def _opening_of(
    incident: warning.Incident, first: Member, members: Sequence[Member], *, now: datetime
) -> Opening:
    """Return the matter of the whole incident, opened by one member."""
    strict = any(one.opening.evidence_to_close == "measurement" for one in members)
    rule = rule_of(incident, now=now)
    return replace(
        first.opening,
        area=incident.area,
        place="",
        known_at=min(one.opening.known_at for one in members),
        level=joining.higher_level(incident.level, first.opening.level),
        cause=cause_of(incident),
        title={"incident": incident.pk, **_title(incident)},
        evidence_to_close="measurement" if strict else "second_person",
        tasks=(),
        tell=_watchers(members),
        incident=Crowd(incident.pk, incident.members, first.opening.place, first.opening.area),
        basis=basis_of(rule) if rule else first.opening.basis,
        rule=(incident.rule, incident.rule_version),
    )


def _title(incident: warning.Incident) -> dict[str, object]:
    if incident.case == "device":
        return {**devices.title_of_many(incident.carrier), "subject": incident.carrier}
    try:
        name = registry.hazard(incident.hazard).name
    except NotFoundError:
        hazard = incident.hazard
        return {"zh": f"{hazard}：集中报警", "en": f"{hazard}: many alarms at once"}
    return {"zh": f"{name.zh}：集中报警", "en": f"{name.en}: many alarms at once"}


def _watchers(members: Sequence[Member]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for one in members for word in one.opening.tell))


def rule_of(incident: warning.Incident, *, now: datetime) -> IncidentRule | None:
    """Return the rule that counts for such an incident now; None where the packs hold none."""
    return registry.incident_rule(incident.case, incident.hazard, at=now)


def _join(desk: Desk, incident: warning.Incident, members: Sequence[Member], worst: Member) -> None:
    """Let alerts follow the incident's case; a worse one raises it, and is told of by itself."""
    case, before = desk.case, desk.case.level
    followers = [
        CaseFollower(case_id=case.pk, sign=member.opening.sign, joined_at=desk.now)
        for member in members
    ]
    if followers:
        case.last_sign_at = desk.now
        if any(one.opening.evidence_to_close == "measurement" for one in members):
            case.evidence_to_close = "measurement"
        case.level = joining.higher_level(before, worst.opening.level)
        signs = tuple(follower.sign for follower in followers)
        held, is_new = grown(desk, incident, by=len(followers))
        if is_new:
            held.told, held.tell_at = incident.members, None
        _count(case, held)
        rows_of.insert_many(followers)
        joined = MembersJoined(case=case.pk, incident=incident.pk, signs=signs)
        desk.record(joined, rows=[*followers, held], made=followers)
        if is_new:
            _tell_again(desk, incident, worst)
    telling.tell(
        desk,
        [telling.named_post(word, case) for word in _watchers(members)],
        "case.watch",
        key="watch",
    )
    if case.level != before:
        raise_priority(desk, joining.priority_by_level(case.level), why="level")
        telling.tell(
            desk,
            [case.owner_post],
            telling.of_many(case, "case.incident_worse"),
            key=f"worse:{case.level}",
            members=incident.members,
            worst=telling.where_of(worst.opening.place, worst.opening.area),
        )


def _count(case: Case, held: CaseIncident) -> None:
    """Let the case itself say how many it holds, for every list, also of an earlier instant."""
    case.title = {**case.title, "members": held.members}


def _tell_again(desk: Desk, incident: warning.Incident, worst: Member) -> None:
    """Tell the owner of an open case that the same happened once more."""
    telling.tell(
        desk,
        [desk.case.owner_post],
        telling.of_many(desk.case, "case.incident"),
        key=f"again:{incident.pk}",
        members=incident.members,
        worst=telling.where_of(worst.opening.place, worst.opening.area),
    )


def grown(desk: Desk, incident: warning.Incident, *, by: int) -> tuple[CaseIncident, bool]:
    """Return how far the case's incident has grown, not saved, and whether it is new to the case.

    More than was told is told later.
    """
    held = CaseIncident.objects.filter(case=desk.case, incident=incident.pk).first()
    is_new = held is None
    if held is None:
        held = CaseIncident(
            case=desk.case, incident=incident.pk, members=0, told=0, told_at=desk.now
        )
    held.members += by
    if incident.members > held.told and held.tell_at is None:
        rule = rule_of(incident, now=desk.now)
        again = parse_span(rule.tell_again) if rule else TELL_AGAIN
        # Told long ago, or by a clock that was put back since: soon, and never later than that.
        held.tell_at = min(max(held.told_at + again, desk.now), desk.now + again)
    return held, is_new


@transaction.atomic
def draw_in(
    actor: Actor, incident: warning.Incident, alerts: Sequence[int], *, now: datetime
) -> None:
    """Let cases of alerts that had come alone end into that of their incident.

    What somebody has in hand, what a report follows too, and what was given another deadline or
    owner stays as it is.  Whoever was told of such a case is not told again.
    """
    signs = [f"alert:{number}" for number in alerts]
    keys = set(CaseFollower.objects.filter(sign__in=signs).values_list("case_id", flat=True))
    found = Case.objects.select_for_update(of=("self",)).filter(
        Q(pk__in=keys) | Q(cause=cause_of(incident)), is_open=True
    )
    cases = list(found.order_by("pk"))
    into = next((case for case in cases if case.cause == cause_of(incident)), None)
    if into is None:
        return
    desk = Desk(into, actor=actor, now=now)
    for case in cases:
        if case is not into and _is_untouched(case, signs):
            _merge(desk, Desk(case, actor=actor, now=now, trigger=Trigger.MERGE), incident)


def _is_untouched(case: Case, signs: Sequence[str]) -> bool:
    begun = (
        case.hands,
        case.urged,
        case.extended,
        case.reopened,
        case.returned_once,
        case.listed_until,
        case.enforcement_at,
    )
    if any(begun) or case.state not in WAITING_STATES:
        return False
    others = CaseFollower.objects.filter(case=case).exclude(sign__in=signs).exists()
    return not (
        others
        or CaseNote.objects.filter(case=case).exists()
        or CaseTask.objects.filter(case=case).exclude(state="given").exists()
    )


def _merge(desk: Desk, gone: Desk, incident: warning.Incident) -> None:
    into, case = desk.case, gone.case
    followers = list(CaseFollower.objects.filter(case=case).order_by("pk"))
    for follower in followers:
        follower.case, follower.came_from = into, follower.came_from or case
    before = into.level
    into.level = joining.higher_level(into.level, case.level)
    if case.evidence_to_close == "measurement":
        into.evidence_to_close = "measurement"
    case.merged_into = into
    asked = Asked(reason="same_incident")
    end_unheard(gone, CaseState.MERGED, asked, how=Proof.MERGED.value)
    held, _ = grown(desk, incident, by=len(followers))
    _count(into, held)
    desk.record(CasesMerged(case=case.pk, into=into.pk), rows=[*followers, held])
    if into.level != before:
        raise_priority(desk, joining.priority_by_level(into.level), why="merged")


@transaction.atomic
def tell_of_growth(actor: Actor, case_id: int, incident_id: int, *, now: datetime) -> bool:
    """Tell the owner once how many alerts joined since they were told; return whether it was due."""
    case = Case.objects.select_for_update(of=("self",)).get(pk=case_id)
    held = CaseIncident.objects.filter(case=case, incident=incident_id).first()
    if held is None or held.tell_at is None or not _is_due(held.tell_at, now=now):
        return False
    incident = warning.incident(incident_id)
    told, held.told, held.told_at, held.tell_at = held.told, incident.members, now, None
    desk = Desk(case, actor=actor, now=now)
    desk.record(IncidentTold(case=case.pk, incident=incident_id, members=held.told), rows=[held])
    if case.is_open and held.told > told:
        telling.tell(
            desk,
            [case.owner_post],
            telling.of_many(case, "case.incident_grew"),
            key=f"grew:{incident_id}:{held.told}",
            members=held.told,
            told=told,
            standing=warning.standing_in(incident_id),
        )
    return True


def _is_due(at: datetime, *, now: datetime) -> bool:
    """Return whether it is time; what lies too far ahead was set by a clock that was put back."""
    return at <= now or at > now + LONGEST_WAIT


def tell_of_grown(*, now: datetime, limit: int = 200) -> int:
    """Tell of every incident that has grown since it was told of, and whose time has come."""
    waiting = CaseIncident.objects.filter(tell_at__isnull=False).order_by("tell_at", "pk")
    columns = waiting.values_list("case_id", "incident", "tell_at")
    due = [
        (case, incident) for case, incident, at in columns[:limit] if at and _is_due(at, now=now)
    ]
    return sum(tell_of_growth(ACTOR, case, incident, now=now) for case, incident in due)
