"""Doors to cases: a row for an actor who may have it, or a refusal."""

from __future__ import annotations

from django.db.models import Q

from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import NotFoundError
from anlan.registry import public as registry
from anlan.registry.domain.errors import PostUnknownError
from anlan.response.domain.guards import Standing
from anlan.response.models import Case, CaseTask

OVERSEERS = frozenset({Role.DUTY_OFFICER, Role.COMMANDER})
CONFIRMERS = OVERSEERS | {Role.STREET_OFFICER, Role.DEPARTMENT}
# They see cases of their areas; what a program brings in is its sign, not our case.
VIEWERS = CONFIRMERS | {Role.AUDITOR, Role.SYSTEM}
HIGHEST = 12  # no hierarchy is deeper; a loop in the data must not hang a call


class CaseNotFoundError(NotFoundError):
    """No such case, or none that the actor may know of."""

    code = "case.not_found"


class TaskNotFoundError(NotFoundError):
    """No such task, or none that the actor may know of."""

    code = "case.task_not_found"


def visible(actor: Actor) -> Q:
    """Return the condition "the actor may see this case"."""
    if actor.role not in VIEWERS:
        return Q(pk__in=[])
    if "" in actor.areas:
        return Q()
    allowed = Q(pk__in=[])
    for area in actor.areas:
        allowed |= registry.under(area)
    if actor.post:
        allowed |= Q(owner_post=actor.post)
        allowed |= Q(pk__in=CaseTask.objects.filter(post=actor.post).values("case_id"))
    return allowed


def case_for_actor(actor: Actor, case_id: int) -> Case:
    """Return a case that the actor may see."""
    case = Case.objects.exclude(state="new").filter(visible(actor), pk=case_id).first()
    if case is None:
        raise CaseNotFoundError(case=case_id)  # never reveal that it exists
    return case


def case_for_update(actor: Actor, case_id: int) -> Case:
    """Lock and return a case that the actor may see; what may be done is the table's to say."""
    case_for_actor(actor, case_id)
    return Case.objects.select_for_update(of=("self",)).get(pk=case_id)


def task_for_update(actor: Actor, task_id: int) -> CaseTask:
    """Return a task with its case locked, for an actor who sees the case."""
    found = CaseTask.objects.filter(pk=task_id).values_list("case_id", flat=True).first()
    if found is None:
        raise TaskNotFoundError(task=task_id)
    case = case_for_update(actor, found)
    task = CaseTask.objects.select_related("clock").get(pk=task_id)
    task.case = case
    return task


def posts_above(post: str) -> list[str]:
    """Return the posts above ``post``, nearest first."""
    chain: list[str] = []
    above: str | None = post
    while above is not None and len(chain) < HIGHEST:
        try:
            above = registry.superior_of(above)
        except PostUnknownError:
            break
        if above is None or above in chain or above == post:
            break
        chain.append(above)
    return chain


def standing(actor: Actor, case: Case) -> Standing:
    """Return how the actor stands to ``case``."""
    covers = actor.covers(case.area_path)
    is_owner = actor.post is not None and actor.post == case.owner_post
    is_above = actor.role in OVERSEERS and covers and not is_owner
    if not is_above and actor.post is not None and not is_owner and actor.role in CONFIRMERS:
        is_above = actor.post in posts_above(case.owner_post)
    return Standing(
        actor=actor.id,
        is_owner=is_owner and actor.role in CONFIRMERS,
        is_above=is_above,
        is_checker=actor.role in CONFIRMERS and (covers or is_owner),
        is_clockwork=actor.role is Role.SYSTEM,
    )


def may_open(actor: Actor, area_path: str) -> bool:
    """Return whether the actor may open a case there; an unknown place is anybody's to report."""
    if actor.role is Role.SYSTEM:
        return True
    return actor.role in CONFIRMERS and (not area_path or actor.covers(area_path))
