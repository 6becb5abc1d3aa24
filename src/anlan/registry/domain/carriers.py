"""What devices that fail together have in common, and how it is written."""

from __future__ import annotations

GATEWAY = "gateway:"
OPERATOR = "operator:"


def carrier_of(gateway: str, operator: str | None) -> str:
    """Return what carries a sensor: its gateway, else who looks after it; empty where neither is known."""
    if gateway:
        return f"{GATEWAY}{gateway}"
    return f"{OPERATOR}{operator}" if operator else ""


def shared_in(carrier: str, area: str) -> str:
    """Return what devices of one carrier in one area share.

    A gateway is one wherever they lie; an operator, or none, only within the area.
    """
    if carrier.startswith(GATEWAY):
        return carrier
    return f"{carrier}@{area}" if carrier else f"area:{area}"
