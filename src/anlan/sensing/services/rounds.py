"""The clockwork's own look at what is sealed: a round a day, some bytes at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from anlan.sensing.services.framing import to_us
from anlan.sensing.services.here import workspace_here
from anlan.sensing.store.rounds import Rounds
from anlan.sensing.store.verify import StoreFault

_reading = threading.Lock()
_knowing = threading.Lock()
_rounds: dict[Path, Rounds] = {}


def prove_on(
    *, now: datetime, most_bytes: int, goes_on: Callable[[], bool] = lambda: True
) -> tuple[StoreFault, ...]:
    """Read on in the round of the sealed files; return those of which harm is known.

    Costs no query.  A harmed file that is put in its place again is proven with the next call.
    """
    with _reading:
        _here().go_on(now_us=to_us(now), most_bytes=most_bytes, goes_on=goes_on)
    return harmed_files()


def harmed_files() -> tuple[StoreFault, ...]:
    """Return the files that were not what was written when they were last read, by name.

    Waits for no disk, whoever is reading.
    """
    return tuple(StoreFault(harm.name, harm.fault) for harm in _here().harms)


def _here() -> Rounds:
    root = workspace_here().observations
    with _knowing:
        if root not in _rounds:
            _rounds[root] = Rounds(root)
        return _rounds[root]
