"""Who is told what of a case; notices commit with the change that caused them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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


def of_many(case: Case, subject: str) -> str:
    """Return what is told of many alarms; of sensors without data in words of their own."""
    return subject.replace("incident", "silence") if case.kind == "device" else subject


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
            "level": level_words(case.level),
            "priority": case.priority,
            **{name: _plain(value) for name, value in params.items()},
        },
        urgency=urgency or urgency_of(case),
        actor=desk.actor,
        now=desk.now,
        due_at=case.next_at,
    )


Words = dict[str, str]

# What stands where a case says nothing: a sentence must not have a hole.
_NAMELESS: Words = {"zh": "类别未定", "en": "matter not named"}
_NOWHERE: Words = {"zh": "地点不明", "en": "place unknown"}
_CODES: dict[str, Words] = {
    "second_person": {"zh": "他人复查确认", "en": "confirmed by a second person"},
    "measurement": {"zh": "实测合格", "en": "a measurement"},
    "false_alarm": {"zh": "误报", "en": "a false alarm"},
    "merged": {"zh": "并入另一工单", "en": "merged into another case"},
    "done": {"zh": "已完成", "en": "done"},
    "refused": {"zh": "不能承办", "en": "refused"},
}


def _names(case: Case) -> dict[str, object]:
    """Return hazard, place and owner in both languages; the code where there is no name."""
    return {
        "hazard": _matter(case),
        "where": where_of(case.place, case.area),
        "owner": _name(case.owner_post, registry.post) or "",
    }


def _matter(case: Case) -> object:
    """Return the hazard; of many devices that failed together what they share."""
    if case.kind == "device" and "incident" in case.title:
        return _own_words(case)
    return _name(case.hazard, lambda slug: registry.hazard(slug).name) or _own_words(case)


def _own_words(case: Case) -> Words:
    """Return what a case of no hazard says of itself."""
    zh, en = case.title.get("zh"), case.title.get("en")
    return {"zh": str(zh), "en": str(en)} if zh and en else _NAMELESS


def where_of(place: str, area: str) -> Words:
    """Return a place and its area in both languages."""
    found = (_name(place, registry.place), _name(area, registry.area))
    parts = [name for name in found if name is not None]
    if not parts:
        return _NOWHERE
    return {
        "zh": "".join(name["zh"] for name in parts),
        "en": ", ".join(name["en"] for name in parts),
    }


def _name(code: str, find: Callable[[str], object]) -> Words | None:
    """Return what ``code`` is called; nothing when there is no code."""
    if not code:
        return None
    try:
        found = find(code)
    except NotFoundError:
        return {"zh": code, "en": code}
    zh = getattr(found, "zh", "") or getattr(found, "name_zh", "") or code
    en = getattr(found, "en", "") or getattr(found, "name_en", "") or code
    return {"zh": zh, "en": en}


def level_words(level: str) -> Words | None:
    """Return the official word of a warning level in both languages; nothing without one."""
    if not level:
        return None
    return {
        "zh": registry.level_name("warning", level, "zh"),
        "en": registry.level_name("warning", level, "en"),
    }


def _plain(value: object) -> object:
    """Return what a notice keeps: instants as text, codes as words in both languages."""
    if isinstance(value, datetime):
        return instant_text(value)
    return _CODES.get(value, value) if isinstance(value, str) else value
