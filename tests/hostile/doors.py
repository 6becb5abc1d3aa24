"""Calling the doors as somebody, and making somebody."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client

from anlan.entrypoints.api import api
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


class Standing:
    """A clock that stands."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the one instant there is."""
        return self.at


def operations() -> list[tuple[str, str]]:
    """Return (method, path) of every endpoint."""
    return sorted(
        {
            (method, f"/api/v1{path}")
            for _prefix, router in api._routers
            for path, view in router.path_operations.items()
            for operation in view.operations
            for method in operation.methods
        }
    )


def token(name: str, role: str, *, areas: tuple[str, ...] = ("",), **more: Any) -> str:
    """Return a secret for a new account; ``scopes`` narrows the token."""
    actor = system_actor("test")
    scopes = more.pop("scopes", None)
    account = registry.create_account(actor, name, role, areas=areas, now=NOW, **more)
    return registry.issue_token(actor, account, scopes, None, NOW + timedelta(days=1), now=NOW)[1]


def call(
    method: str, path: str, secret: str = "", body: Any = None, **headers: str
) -> tuple[int, Any]:
    """Return status and answer; ``body`` is sent as it is when it is bytes."""
    given = {"Authorization": f"Bearer {secret}"} if secret else {}
    data = body if isinstance(body, bytes | str) else json.dumps({} if body is None else body)
    kind = headers.pop("kind", "application/json")
    answer = Client(raise_request_exception=False, headers={**given, **headers}).generic(
        method, path, data="" if method == "GET" else data, content_type=kind
    )
    text = b"".join(answer) if answer.streaming else answer.content  # type: ignore[attr-defined]
    try:
        return answer.status_code, json.loads(text)
    except ValueError:
        return answer.status_code, text


def refused_well(status: int, answer: Any) -> bool:
    """Return whether an answer is a refusal in our form, and tells nothing of the inside."""
    if not (400 <= status < 500) or not isinstance(answer, dict):
        return False
    error = answer.get("error", {})
    text = json.dumps(answer)
    inside = ("Traceback", 'File \\"', "site-packages", "sqlite3", "psycopg", "django.")
    return all(error.get(part) for part in ("code", "what", "do")) and not any(
        word in text for word in inside
    )
