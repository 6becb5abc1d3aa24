"""What was known of each stream at an instant, as far back as can be looked through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from anlan.sensing.domain.observations import EARLIEST, Observation
from anlan.sensing.services.framing import observations_of, to_us
from anlan.sensing.services.hands import reader
from anlan.sensing.store import Rows
from anlan.sensing.store.latest import NEVER, Newest

#: How far back readings are looked through for what was known at an instant: the longer period if
#: it holds no more rows than :data:`MOST_LOOKED`, else the shorter one, else none.
LOOK_BACK = (timedelta(days=1), timedelta(hours=1))
MOST_LOOKED = 4_000_000


@dataclass(frozen=True, slots=True)
class KnownThen:
    """What was known of each stream at an instant.

    ``newest`` holds its newest reading.  A stream that is not in it had none after ``since``, or
    never any; ``since`` is the instant itself when there was too much to look through.
    ``spoke_later`` are the streams that have sent a reading since.
    """

    newest: dict[str, Observation]
    since: datetime
    spoke_later: frozenset[str]


def known_at(at: datetime) -> KnownThen:
    """Return the newest reading of each stream that had been measured and received by ``at``."""
    store, at_us = reader(), to_us(at)
    now = store.newest()
    still = (now.at_us != NEVER) & (now.at_us <= at_us) & (now.received_us <= at_us)
    newest = _readings(now, still)
    later = frozenset(_codes(np.flatnonzero((now.at_us != NEVER) & ~still)))
    for span in LOOK_BACK if later and at > EARLIEST else ():
        looked = store.newest_between(to_us(at - span), at_us, most=MOST_LOOKED)
        if looked is not None:
            return KnownThen(_readings(looked, looked.at_us != NEVER) | newest, at - span, later)
    return KnownThen(newest, at, later)


def _codes(numbers: np.ndarray) -> list[str]:
    codes = reader().codes(int(numbers.max(initial=-1)))
    return [codes[number] for number in numbers.tolist()]


def _readings(newest: Newest, which: np.ndarray) -> dict[str, Observation]:
    numbers = np.flatnonzero(which)
    chosen = newest.at_us[numbers]
    rows = Rows(
        id=newest.id[numbers],
        stream=numbers.astype(np.int32),
        at_us=chosen,
        result_us=chosen,
        value=newest.value[numbers],
        quality=newest.quality[numbers],
        about=np.zeros(len(numbers), np.int64),
        text=np.full(len(numbers), b"", object),
    )
    codes = reader().codes(int(numbers.max(initial=-1)))
    return {item.stream: item for item in observations_of(rows, codes)}
