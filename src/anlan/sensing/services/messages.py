"""Messages of other systems: read by a payload map, kept like every other batch of readings."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from anlan.kernel.actor import Actor
from anlan.sensing.domain.connector_errors import MapUnknownError, PayloadRefusedError
from anlan.sensing.domain.map_files import files_in, maps_in, read_map
from anlan.sensing.domain.observations import BatchReceipt
from anlan.sensing.domain.payload_map import PayloadMap
from anlan.sensing.domain.payloads import decode
from anlan.sensing.services.here import workspace_here
from anlan.sensing.services.observations import keep_observations
from anlan.sensing.services.once import Once
from anlan.sensing.services.quarantine import keep_aside


def maps_here() -> tuple[PayloadMap, ...]:
    """Return the whole maps of this workspace; files that changed are read again."""
    folder = workspace_here().connectors
    stats = ((path.name, path.stat()) for path in files_in(folder))
    return _maps_of(folder, tuple((name, x.st_mtime_ns, x.st_size) for name, x in stats))


@lru_cache(maxsize=4)
def _maps_of(folder: Path, _state: tuple[tuple[str, int, int], ...]) -> tuple[PayloadMap, ...]:
    return maps_in(folder)[0]


def map_here(name: str) -> PayloadMap:
    """Return one map of this workspace.

    Raises
    ------
    MapUnknownError
        When there is none of that name.
    MapWrongError
        When it is not whole.
    """
    folder = workspace_here().connectors
    found = next((one for one in maps_here() if one.id == name), None)
    if found is not None:
        return found
    names = [path.stem for path in files_in(folder)]
    if name not in names:
        raise MapUnknownError(name=name, known=", ".join(names) or "–")
    return read_map(folder / f"{name}.toml")


def keep_message(
    actor: Actor,
    payload_map: PayloadMap,
    topic: str | None,
    payload: bytes,
    *,
    door: str,
    now: datetime,
    once: Once | None = None,
) -> BatchReceipt:
    """Keep the rows of a message; one that cannot be read at all is kept aside as it came.

    ``once`` is the door's own key for the message, used where the map names none.  Of a key of the
    map the content counts too: a device whose counter began anew says something new.

    Raises
    ------
    PayloadRefusedError
        When it cannot be read; its number in the quarantine is told.
    """
    digest = hashlib.sha256(payload).hexdigest()
    try:
        found = decode(payload_map, topic, payload, now=now)
    except PayloadRefusedError as error:
        aside = keep_aside(
            actor,
            door,
            payload,
            error=error.code,
            place=f"{payload_map.id}: {error.params.get('place', '')}",
            now=now,
            once=once or Once(f"{door}:{digest[:40]}", digest),
        )
        error.params["quarantine"] = aside.pk
        raise
    if found.key:
        told = hashlib.sha256(f"{payload_map.id}\n{found.key}\n{digest}".encode()).hexdigest()
        once = Once(f"map:{told[:40]}", digest)
    if not found.batch.rows:
        return BatchReceipt(None, 0)
    return keep_observations(actor, found.batch, now=now, once=once)
