"""What an endpoint says of itself: which permission it needs, or that anyone may call it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotAllowedError, NotAuthenticatedError

P = ParamSpec("P")
R = TypeVar("R")


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
