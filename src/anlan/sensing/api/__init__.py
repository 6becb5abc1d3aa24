"""The doors of this room over HTTP: reports, readings, relayed warnings, what was kept aside."""

from ninja import Router

from anlan.sensing.api import observations, quarantine, reports, signals, webhooks

router = Router(tags=["signs"])
for part in (reports, observations, signals, quarantine, webhooks):
    router.add_router("", part.router)

__all__ = ["router"]
