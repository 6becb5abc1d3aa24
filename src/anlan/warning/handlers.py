"""What the warning room hears: it relays outside warnings and puts signs before the judge."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from anlan.infra import rows
from anlan.kernel.canonical import plain
from anlan.kernel.events import Told
from anlan.sensing.domain.events import SignalReceived
from anlan.warning.models import JudgeInbox
from anlan.warning.services.signals import relay


def on_signal(told: Told, *, now: datetime) -> None:
    """Bring the warnings in force in line with a message on which we may act."""
    signal = cast("SignalReceived", told.event)
    if not signal.acts:
        return
    relay(signal, now=now)
    _for_the_judge(told, "signal")


def on_report_received(told: Told, *, now: datetime) -> None:  # noqa: ARG001  every listener has one shape
    """Put a report before the judge: several of them near each other may be a sign."""
    _for_the_judge(told, "report")


def _for_the_judge(told: Told, kind: str) -> None:
    payload = plain(told.event.payload())
    rows.insert_once(JudgeInbox(seq=told.seq, kind=kind, payload=payload))
