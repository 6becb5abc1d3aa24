"""Who has to do what in an incident: each post once, whatever the number of its places."""

from __future__ import annotations

from collections.abc import Iterable

from anlan.kernel.errors import NotFoundError
from anlan.registry import public as registry
from anlan.response.domain.grounds import Ground, basis_of, ground_of_task
from anlan.response.domain.opening import GivenTask, Member
from anlan.response.services import tasks
from anlan.response.services.desk import Desk
from anlan.warning import public as warning

OWN_PLACES = {
    "zh": "查看本单位在集中报警中的点位并回报",
    "en": "See to your own places among these alarms and report",
}
WITHIN = "30m"  # where the packs hold the rule no more


def give(desk: Desk, incident: warning.Incident, members: Iterable[Member]) -> None:
    """Give the tasks of the members' rules, each post once for each; and every other owner its own.

    What a rule gives to the owner goes to the post that owns the member's place, where there
    is one.  Such a post whose alerts bring no task is asked to look after its places.
    """
    wanted: dict[str, tuple[GivenTask, Ground]] = {}
    stem = f"case:{desk.case.pk}:{incident.pk}"
    for member in members:
        owner = _owner_of(member.opening.place, desk) or desk.case.owner_post
        rule, has_own = member.rule, False
        for number, task in enumerate(rule.then.tasks, start=1):
            post = owner if task.post == "owner" else task.post
            has_own = has_own or post == owner
            key = f"{stem}:{rule.id}:{number}:{post}"[:200]
            if key not in wanted:
                title = {"zh": task.title.zh, "en": task.title.en}
                ground = ground_of_task(rule.id, rule.version, task.within, basis_of(rule))
                wanted[key] = (GivenTask(key, title, task.within, post), ground)
        if owner != desk.case.owner_post and not has_own:
            key = f"{stem}:own:{owner}"[:200]
            if key not in wanted:
                wanted[key] = _own(desk, incident, key, owner)
    tasks.give_each(desk, list(wanted.values()))


def _owner_of(place: str, desk: Desk) -> str:
    """Return the post that answers for a place; empty when none does."""
    if not place:
        return ""
    try:
        owner = registry.place(place).owner_post
    except NotFoundError:
        return ""
    return owner if owner and registry.is_post(owner, at=desk.now) else ""


def _own(desk: Desk, incident: warning.Incident, key: str, post: str) -> tuple[GivenTask, Ground]:
    rule = registry.incident_rule(incident.case, incident.hazard, at=desk.now)
    within = rule.duty if rule else WITHIN
    ground = ground_of_task(
        incident.rule, incident.rule_version, within, basis_of(rule) if rule else {}
    )
    return GivenTask(key, OWN_PLACES, within, post), ground
