"""Cases whose post has left the packs: the arbiter's, with a deadline, until somebody owns them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from anlan.kernel.actor import Actor
from anlan.registry import public as registry
from anlan.response.domain.events import CaseMoved
from anlan.response.domain.words import CaseState, Trigger
from anlan.response.models import Case
from anlan.response.services.desk import Desk
from anlan.response.services.effects import own

POST_ENDED = "post_ended"


@transaction.atomic
def give_orphans_to_arbiter(actor: Actor, *, now: datetime) -> int:
    """Give every open case of a post that is no more to the arbiter; return how many.

    A suspended case stays so, until its end or until the arbiter lets it run on.
    """
    posts = [post.code for post in registry.posts()]
    rows = Case.objects.select_for_update(of=("self",)).filter(is_open=True)
    orphans = list(rows.exclude(owner_post__in=posts).order_by("id"))
    for case in orphans:
        desk = Desk(case, actor=actor, now=now, trigger=Trigger.RETURN)
        before, owner = desk.state, case.owner_post
        case.owner_post, case.owner_basis = registry.city().arbiter_post, "arbiter"
        if before not in (CaseState.SUSPENDED, CaseState.ARBITRATING):
            case.state = CaseState.ARBITRATING.value
            desk.end_stage(met=False, reason=POST_ENDED)
            desk.start_stage()
        desk.record(
            CaseMoved(
                case=case.pk,
                trigger=Trigger.RETURN.value,
                before=before.value,
                after=desk.state.value,
                reason=POST_ENDED,
            )
        )
        own(desk, owner, why=POST_ENDED)
    return len(orphans)
