"""What an endpoint says of itself, and what it is handed.

It names the permission it needs, or says that anyone may call it; it is handed a :class:`Call`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar

from django.http import HttpRequest

from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotAllowedError, NotAuthenticatedError

P = ParamSpec("P")
R = TypeVar("R")

#: The language a person chose on a page.
LANGUAGE_COOKIE = "anlan_lang"
KEY_HEADER = "Idempotency-Key"
KEY_PARAMETER = {
    "in": "header",
    "name": KEY_HEADER,
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
    "description": "The same key with the same body has one effect, for seven days.",
}


def allowed(actor: Actor, permission: str) -> bool:
    """Return whether the actor's credential carries ``permission``."""
    return permission in actor.scopes or "*" in actor.scopes


def check(actor: Actor | None, permission: str) -> Actor:
    """Return the actor when its credential carries ``permission``; refuse otherwise."""
    if actor is None:
        raise NotAuthenticatedError
    if not allowed(actor, permission):
        raise NotAllowedError(permission=permission)
    return actor


def needs(permission: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let an endpoint be called only by an actor whose credential carries ``permission``."""

    def around(endpoint: Callable[P, R]) -> Callable[P, R]:
        @wraps(endpoint)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            check(getattr(args[0], "actor", None), permission)
            return endpoint(*args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        # Resolved where the endpoint stands: the names of its schemas are unknown in this module.
        guarded.__signature__ = inspect.signature(endpoint, eval_str=True)  # type: ignore[attr-defined]
        return guarded

    return around


def open_to_all(endpoint: Callable[P, R]) -> Callable[P, R]:
    """Say on purpose that an endpoint needs no credential."""
    endpoint.permission = None  # type: ignore[attr-defined]
    return endpoint


def permission_of(endpoint: Callable[..., Any]) -> str | None:
    """Return what the endpoint needs; ``None`` when it is open.

    Raises
    ------
    LookupError
        When the endpoint says neither.
    """
    try:
        found: str | None = endpoint.permission  # type: ignore[attr-defined]
    except AttributeError:
        raise LookupError(f"{endpoint.__qualname__} says neither needs() nor open_to_all") from None
    return found


class Call(HttpRequest):
    """A request as an endpoint that needs a permission gets it."""

    actor: Actor
    now: datetime
    exercise: bool  # a rehearsal's door: whatever is shown says so (I10)


def language_of(request: HttpRequest) -> Literal["zh", "en"]:
    """Return "zh" or "en": what the caller asked for, else Chinese."""
    asked = (
        request.GET.get("lang")
        or request.COOKIES.get(LANGUAGE_COOKIE)
        or request.headers.get("Accept-Language", "")
    )
    return language_in(asked)


def language_in(asked: str) -> Literal["zh", "en"]:
    """Return the first language of a header ``Accept-Language`` that we speak, else Chinese."""
    for part in asked.split(","):
        tag = part.split(";")[0].strip().lower()
        if tag.startswith("en"):
            return "en"
        if tag.startswith("zh"):
            return "zh"
    return "zh"
