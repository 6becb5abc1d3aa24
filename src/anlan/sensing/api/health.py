"""How streams stand, over HTTP: fresh, complete, believed."""

from datetime import datetime
from typing import Annotated, Any

import numpy as np
from ninja import Query, Router, Schema
from pydantic import Field

from anlan.infra.doors import Call, needs
from anlan.registry import public as registry
from anlan.sensing.healthy import StreamHealth, health, health_of
from anlan.sensing.quality.health import TRUSTS

router = Router()
MOST = 500


class FaultOut(Schema):
    """Why a stream is doubted; figures in the unit that follows from the kind (``docs/methods/quality.md``)."""

    kind: str
    check: str
    since: datetime
    found: float
    limit: float


class StreamHealthOut(Schema):
    """How one stream stands."""

    stream: str
    trust: str
    last: datetime | None
    in_maintenance: bool
    shares: dict[str, float | None]
    counted_at: datetime | None
    faults: list[FaultOut]


class HealthOut(Schema):
    """Counts of all streams in the caller's areas, and some of the streams by code."""

    counts: dict[str, int]
    streams: list[StreamHealthOut]


class Wanted(Schema):
    """Which streams are told; ``after`` continues a list."""

    stream: Annotated[str, Field(max_length=32_000, description="Codes, comma-separated")] = ""
    state: Annotated[str, Field(max_length=16, description=", ".join(TRUSTS))] = ""
    area: Annotated[str, Field(max_length=64, description="At or below this area")] = ""
    after: Annotated[str, Field(max_length=64)] = ""
    limit: Annotated[int, Field(ge=1, le=MOST)] = 100


@router.get("/streams/health", response=HealthOut, summary="How streams stand")
@needs("registry:read")
def get_health(request: Call, wanted: Query[Wanted]) -> dict[str, Any]:
    """Return counts by trust, and streams by code: fresh, complete, believed, each with reasons."""
    found = health(now=request.now)
    path = registry.area_path(wanted.area) if wanted.area else ""
    below = path + "/"
    mask = np.array(
        [
            request.actor.covers(x.area_path)
            and (not path or x.area_path == path or x.area_path.startswith(below))
            for x in found.sensors
        ],
        bool,
    )
    counts = (
        np.bincount(found.trust[mask], minlength=len(TRUSTS)).tolist()
        if len(mask)
        else [0] * len(TRUSTS)
    )
    if wanted.state:
        state = TRUSTS.index(wanted.state) if wanted.state in TRUSTS else -1
        mask &= found.trust == state
    named = set(wanted.stream.split(",")) if wanted.stream else None
    codes = [found.sensors[row].code for row in np.flatnonzero(mask).tolist()]
    codes = [x for x in codes if x > wanted.after and (named is None or x in named)]
    told = health_of(codes[: wanted.limit], now=request.now)
    return {
        "counts": dict(zip(TRUSTS, counts, strict=True)),
        "streams": [_told(one) for one in told],
    }


def _told(one: StreamHealth) -> dict[str, Any]:
    return {
        "stream": one.sensor.code,
        "trust": one.trust,
        "last": one.last,
        "in_maintenance": one.is_worked_on,
        "shares": dict(one.shares),
        "counted_at": one.counted_at,
        "faults": [
            {
                "kind": fault.kind,
                "check": fault.rule,
                "since": fault.since,
                "found": fault.found,
                "limit": fault.limit,
            }
            for fault in one.faults
        ],
    }
