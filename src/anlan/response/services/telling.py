"""Who is told what of a case; notices commit with the change that caused them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from anlan.kernel.canonical import instant_text
from anlan.kernel.errors import NotFoundError
from anlan.notices import public as notices
from anlan.registry import public as registry
from anlan.registry.domain.errors import PostUnknownError
from anlan.response.models import Case
from anlan.response.services.desk import Desk


def urgency_of(case: Case) -> str:
    """Return how loudly the case speaks: red breaks quiet hours and must be answered."""
    if case.level == "red" or case.priority == 1:
        return "red"
    return "urgent" if case.priority == 2 else "normal"


def is_red(case: Case) -> bool:
    """Return whether the commander hears of the case as well."""
    return urgency_of(case) == "red"


def superior(post: str) -> str | None:
    """Return the post above ``post``; ``None`` at the top or when the post is unknown."""
    try:
        return registry.superior_of(post)
    except PostUnknownError:
        return None


def named_post(word: str, case: Case) -> str:
    """Return the post that a pack's word means for ``case``; empty when there is none."""
    if word == "owner":
        return case.owner_post
    if word == "superior":
        return superior(case.owner_post) or registry.city().commander_post
    if word == "commander":
        return registry.city().commander_post
    return word


def tell(
    desk: Desk,
    posts: Iterable[str],
    subject: str,
    *,
    key: str,
    urgency: str = "",
    **params: object,
) -> None:
    """Put a notice of the case before ``posts``; a post hears it once for each ``key``."""
    case = desk.case
    params = {"due_at": case.next_at, **params}
    told = tuple(dict.fromkeys(post for post in posts if post))
    if not told:
        return
    notices.tell(
        told,
        about=f"case:{case.pk}",
        key=f"case:{case.pk}:{key}",
        subject=subject,
        params={
            "number": case.number or "",
            **_names(case),
            "level": case.level,
            "priority": case.priority,
            "owner": case.owner_post,
            **{name: _plain(value) for name, value in params.items()},
        },
        urgency=urgency or urgency_of(case),
        actor=desk.actor,
        now=desk.now,
        due_at=case.next_at,
    )


def _names(case: Case) -> dict[str, object]:
    """Return hazard, area and place in both languages; the code where there is no name."""
    named: dict[str, object] = {}
    for word, code, find in (
        ("hazard", case.hazard, lambda slug: registry.hazard(slug).name),
        ("area", case.area, registry.area),
        ("place", case.place, registry.place),
    ):
        named[word] = code
        if not code:
            continue
        try:
            found = find(code)
        except NotFoundError:
            continue
        zh = getattr(found, "zh", "") or getattr(found, "name_zh", "") or code
        en = getattr(found, "en", "") or getattr(found, "name_en", "") or code
        named[word] = {"zh": zh, "en": en}
    return named


def _plain(value: object) -> object:
    """Return an instant as text: what a notice keeps is JSON."""
    return instant_text(value) if isinstance(value, datetime) else value
