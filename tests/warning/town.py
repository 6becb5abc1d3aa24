"""Signs of one afternoon in the demo city, sent the way live ones come."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.db import transaction

from anlan.infra import journal
from anlan.infra.delivery import deliver
from anlan.infra.here import workspace
from anlan.kernel.actor import Actor, Role, system_actor
from anlan.sensing import public as sensing
from anlan.sensing.domain.events import ReportReceived, SignalReceived
from anlan.warning import handlers
from anlan.warning.public import ResponseDeclaration, judge
from anlan.warning.services.streams import here

NOW = datetime(2021, 7, 19, 14, 0, tzinfo=UTC)
CITY = "410100"
SENDER = system_actor("test")
FLOW = {
    ReportReceived: (handlers.on_report_received,),
    SignalReceived: (handlers.on_signal,),
}
_numbers = count(1)


def at(minutes: float) -> datetime:
    """Return an instant of that afternoon."""
    return NOW + timedelta(minutes=minutes)


def an_officer(*areas: str) -> Actor:
    """Return a duty officer of some areas (the whole city when none is named)."""
    scopes = frozenset({"alerts:read", "response:declare"})
    return Actor("officer", Role.DUTY_OFFICER, "P-DUTY", areas or ("",), scopes)


def readings(stream: str, *values: float | None, start: float = 0, every: float = 1) -> None:
    """Send readings of one stream in one batch."""
    rows = tuple(
        sensing.RowIn(stream=stream, at=at(start + every * number), value=value)
        for number, value in enumerate(values)
    )
    received = at(start + every * (len(values) - 1))
    receipt = sensing.keep_observations(SENDER, sensing.BatchIn(rows), now=received)
    assert not receipt.refused


def tell(event: Any, minutes: float) -> None:
    """Journal an event of the sensing room and let this room hear it."""
    with transaction.atomic():
        journal.record(event, actor=SENDER, now=at(minutes))
    deliver(FLOW, now=at(minutes))


def a_report(minutes: float, **said: Any) -> int:
    """Send a report of a crowd in the square; return its number."""
    number = next(_numbers)
    values = {
        "hazard": "security.crowd",
        "area": "410108001002",
        "lat": 34.764,
        "lon": 113.690,
        "words": (),
        "strong": False,
        "known_at": at(minutes),
    } | said
    tell(ReportReceived(report=number, number=f"R{number}", **values), minutes)
    return number


def a_signal(minutes: float, level: str = "red", **said: Any) -> str:
    """Send a rainstorm warning for the city, valid for twelve hours; return its identifier."""
    number = next(_numbers)
    values = {
        "identifier": f"cap-{number}",
        "sender": "weather@example.invalid",
        "status": "Actual",
        "msg_type": "Alert",
        "hazard": "met.rainstorm",
        "areas": (CITY,),
        "polygons": (),
        "references": (),
        "sent_at": at(minutes),
        "starts_at": at(minutes),
        "ends_at": at(minutes + 720),
        "acts": True,
    } | said
    tell(SignalReceived(signal=number, level=level, **values), minutes)
    return values["identifier"]


def a_declaration(level: str = "II", **said: Any) -> ResponseDeclaration:
    """Return a declaration that states everything."""
    values = {
        "hazard": "met.rainstorm",
        "area": CITY,
        "matter": "暴雨",
        "measures": "停课、停工",
        "expected_until": at(24 * 60),
    } | said
    return ResponseDeclaration(level=level, **values)


def tick(minutes: float):
    """Let the judge look."""
    return judge(now=at(minutes))


def begin_anew(*, keep_file: bool = True) -> None:
    """Let the judge die with what it has in memory, or also with the file that it left."""
    here.forget()
    if not keep_file:
        shutil.rmtree(workspace().judge, ignore_errors=True)
