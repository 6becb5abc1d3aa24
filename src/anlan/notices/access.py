"""Who may see and answer which notice."""

from __future__ import annotations

from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import InvalidInputError, NotFoundError
from anlan.notices.models import Notice
from anlan.registry import public as registry
from anlan.registry.domain.errors import PostUnknownError

#: Roles that may look into the inbox of another post in their own area; they cannot answer there.
OVERSEERS = frozenset({Role.COMMANDER, Role.DUTY_OFFICER, Role.AUDITOR})


class NoPostError(InvalidInputError):
    """The credential belongs to no post, so it has no inbox."""

    code = "notice.no_post"


def inbox_post(actor: Actor, post: str | None = None) -> str:
    """Return the post whose inbox ``actor`` may read: the own one, or one in the own area."""
    wanted = post or actor.post
    if not wanted:
        raise NoPostError
    if wanted == actor.post or actor.role is Role.SYSTEM:
        return wanted
    if actor.role not in OVERSEERS or not _covers(actor, wanted):
        raise NotFoundError(post=wanted)  # never reveal that it exists
    return wanted


def _covers(actor: Actor, post: str) -> bool:
    try:
        return actor.covers(registry.post(post).area_path)
    except PostUnknownError:
        return False


def notice_of(actor: Actor, notice_id: int) -> Notice:
    """Return a notice that ``actor`` may answer: one of the own post."""
    notice = Notice.objects.filter(pk=notice_id).first()
    if notice is None or (notice.post != actor.post and actor.role is not Role.SYSTEM):
        raise NotFoundError(notice=notice_id)
    return notice
