"""How one stream stands, for the page of its sensor: trust, shares, doubts, maintenance."""

from __future__ import annotations

from typing import Any

from anlan.entrypoints.web import doubting
from anlan.infra.doors import Call
from anlan.registry import public as registry
from anlan.sensing import public as sensing


def standing_of(request: Call, code: str, language: str) -> dict[str, Any]:
    """Return how a stream stands and what is planned for it, for the page of its sensor."""
    found = sensing.health_of([code], now=request.now)
    if not found:
        return {}
    one, zone = found[0], registry.timezone()
    unit = registry.unit_texts(language).get(one.sensor.quantity, "")
    shares = [
        (name, None if share is None else f"{share:.0%}") for name, share in one.shares.items()
    ]
    return {
        "trust": one.trust,
        "last_value_at": one.last,
        "is_worked_on": one.is_worked_on,
        "shares": shares,
        "counted_at": one.counted_at,
        "doubts": [
            (
                doubting.fault_name(fault.kind, language),
                doubting.fault_text(fault, language, zone=zone, unit=unit),
            )
            for fault in one.faults
        ],
        "maintenance": sensing.maintenance_of(code, after=request.now),
    }
