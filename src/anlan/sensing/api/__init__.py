"""The doors of this room over HTTP: reports, readings and how streams stand, relayed warnings, what was kept aside."""

from ninja import Router

from anlan.sensing.api import health, observations, quarantine, reports, signals, webhooks

router = Router(tags=["signs"])
for part in (reports, observations, signals, quarantine, webhooks, health):
    router.add_router("", part.router)

__all__ = ["router"]
