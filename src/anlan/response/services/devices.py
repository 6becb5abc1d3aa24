"""Devices that fail: one case for each, and one for many that fail together.

Silence comes as an alert of the judge, everything else as a fault that sensing found.  Both carry
the stream; the matter of rule and check makes them one case.  Of many devices behind one gateway,
of one operator in one area, or of one area, that fail within minutes, the cause is one: they share
a case, with all of them as its signs (I4), and it stands at the highest of their levels (I6).  Those
that fall silent together are an incident of the judge (services/incidents.py); who falls silent
alone joins the case that is open for what it shares, and faults share one from the fifth on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Q

from anlan.kernel.errors import NotFoundError
from anlan.registry import public as registry
from anlan.registry.domain.checkspecs import CheckSpec
from anlan.response.domain.grounds import basis_of
from anlan.response.domain.joining import SAME_WITHIN, causes_of_many
from anlan.response.domain.opening import GivenTask, Opening
from anlan.response.models import Case
from anlan.sensing import public as sensing
from anlan.sensing.domain.events import StreamFaultFound

MANY = 5
LOOKED_AT = 500  # of those that share a cause: enough to see that many failed
WITHIN = timedelta(minutes=15)
TITLE: dict[str, object] = {
    "zh": "多台设备同时故障",
    "en": "Many devices failed together",
}
STREAM = "stream:"


def opening_of_fault(event: StreamFaultFound, check: CheckSpec) -> Opening:
    """Return the matter that a fault of a stream speaks of."""
    tasks = tuple(
        GivenTask(
            key=f"fault:{event.fault}:{number}",
            title={"zh": task.title.zh, "en": task.title.en},
            within=task.within,
            post=task.post,
        )
        for number, task in enumerate(check.tasks, start=1)
    )
    return Opening(
        kind="device",
        hazard=check.hazard,
        area=event.area,
        origin=f"fault:{event.fault}",
        known_at=event.since,
        place=event.place,
        cause=f"{check.matter}|{STREAM}{event.stream}"[:200],
        title={
            "check": check.id,
            "subject": f"{STREAM}{event.stream}",
            "zh": check.title.zh,
            "en": check.title.en,
        },
        found_by_rule=True,
        tasks=tasks,
        tell=check.tell,
        basis=basis_of(check),
        rule=(check.id, check.version),
    )


def of_many(
    opening: Opening,
    stream: str,
    failed: Callable[[list[str]], Collection[str]],
    *,
    now: datetime,
) -> Opening:
    """Return the matter in which a device that failed belongs: its own, or that of many.

    ``failed`` tells which of some streams failed in the same way within minutes.
    """
    if _is_open(opening.cause):
        return opening
    try:
        shared, others = registry.behind_the_same(stream, most=LOOKED_AT, at=now)
    except NotFoundError:  # it left the city since
        return opening
    joint = replace(
        opening,
        cause=f"device.many|{shared}"[:200],
        title={**TITLE, "subject": shared},
        place="",
        point=None,
        tasks=(),
    )
    if len(others) < MANY or not (_is_open(joint.cause) or len(failed(others)) >= MANY):
        return opening
    return joint


def of_silent(opening: Opening, carrier: str, area_path: str, *, now: datetime) -> Opening:
    """Return the matter of a device that fell silent alone: its own, or that of those before it.

    Who follows many others within a day belongs to them; a case that is open for longer does not
    gather whatever fails later in its street.
    """
    causes = causes_of_many(carrier, area_path.split("/"))
    fresh = Q(cause__in=causes, incidents__told_at__gte=now - SAME_WITHIN)
    open_ones = Case.objects.filter(Q(cause=opening.cause) | fresh, is_open=True)
    found = set(open_ones.values_list("cause", flat=True))
    if opening.cause in found:
        return opening
    shared = next((cause for cause in causes if cause in found), "")
    return replace(opening, cause=shared, place="", point=None, tasks=()) if shared else opening


def faulty_with(kind: str, streams: list[str], *, now: datetime) -> Collection[str]:
    """Return which of some streams show a kind of fault that was found within the last minutes."""
    return sensing.faulty(streams, kind=kind, recorded_since=now - WITHIN)


def _is_open(cause: str) -> bool:
    return Case.objects.filter(cause=cause, is_open=True).exists()


def title_of_many(carrier: str) -> dict[str, str]:
    """Return what a case of many devices is called; ``carrier`` is what they share, if known."""
    kind, _, code = carrier.partition(":")
    if kind == "gateway":
        return {
            "zh": f"网关 {code}：多台设备同时失联",
            "en": f"Gateway {code}: many devices silent at once",
        }
    if kind == "operator":
        name = registry.names_of(organisations=[code])
        return {
            "zh": f"{name.organisation(code, 'zh')}：多台设备同时失联",
            "en": f"{name.organisation(code, 'en')}: many devices silent at once",
        }
    return {"zh": "多台设备同时失联", "en": "Many devices silent at once"}
