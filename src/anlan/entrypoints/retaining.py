"""Letting go of old readings, when few look: what open alerts and cases rest on is held."""

from __future__ import annotations

from datetime import datetime

from anlan.entrypoints import here
from anlan.infra.workspace import WorkspaceKind

NIGHT = range(2, 5)
"""Local hours in which it is done."""


def held() -> frozenset[str]:
    """Return the streams of which nothing goes (two queries)."""
    from anlan.response import public as response
    from anlan.warning import public as warning

    return warning.streams_held(response.alerts_of_open_cases())


def at_night(now: datetime) -> object:
    """Let go of what is due, at night only; a rehearsal keeps everything it was given."""
    from anlan.registry import public as registry
    from anlan.sensing import public as sensing

    if here.workspace().kind is not WorkspaceKind.LIVE or not registry.is_loaded():
        return None
    if now.astimezone(registry.timezone()).hour not in NIGHT:
        return None
    return sensing.retire_due(held=held(), now=now)
