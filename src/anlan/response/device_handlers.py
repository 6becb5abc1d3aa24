"""What the response room hears of devices: faults of streams become duties, or join one."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import cast

from anlan.kernel.actor import system_actor
from anlan.kernel.events import Told
from anlan.registry import public as registry
from anlan.response.services.devices import faulty_with, of_many, opening_of_fault
from anlan.response.services.signs import clear_sign, take_sign
from anlan.sensing.domain.events import StreamFaultEnded, StreamFaultFound

ACTOR = system_actor("response")


def on_stream_fault_found(told: Told, *, now: datetime) -> None:
    """Give a device that is doubted an owner and a clock, unless it is only shown."""
    event = cast("StreamFaultFound", told.event)
    if not event.asks:
        return
    check = registry.check(event.check, event.check_version)
    failed = partial(faulty_with, event.kind, now=now)
    opening = of_many(opening_of_fault(event, check), event.stream, failed, now=now)
    take_sign(ACTOR, opening, now=now)


def on_stream_fault_ended(told: Told, *, now: datetime) -> None:
    """Note that readings are as they should be again: proof for a closing (I5)."""
    event = cast("StreamFaultEnded", told.event)
    measured = event.why == "over"
    clear_sign(ACTOR, f"fault:{event.fault}", at=event.at, measured=measured, now=now)
