"""Try messages side by side: one thread for each place, so that a dead one stalls nobody else.

The threads touch no database; they get a message and give back an outcome.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anlan.notices.domain.outgoing import Outcome, Outgoing, Transport, Verdict

log = logging.getLogger(__name__)

#: How long one round waits for all its servers together.  This is the machine's own patience
#: with a slow peer, not workspace time, so it is measured on the machine's monotonic clock.
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed message and its way out."""

    delivery: int
    place: str
    way: Transport
    message: Outgoing


Result = tuple[Job, Outcome | None]  # no outcome: not tried, its place is away


def try_all(jobs: Sequence[Job], *, patience_s: float = PATIENCE_S) -> Iterator[Result]:
    """Yield jobs as they come back; a job still open when patience ends is not yielded."""
    results: queue.SimpleQueue[Result] = queue.SimpleQueue()
    places: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        places[job.place].append(job)
    for waiting in places.values():
        # Daemons: a peer that never hangs up must not keep the process from ending.
        threading.Thread(target=_try_place, args=(waiting, results), daemon=True).start()
    end = time.monotonic() + patience_s
    for _ in jobs:
        try:
            yield results.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            log.warning("servers did not answer in time", extra={"jobs": len(jobs)})
            return


def _try_place(jobs: Sequence[Job], results: queue.SimpleQueue[Result]) -> None:
    away = False
    for job in jobs:
        outcome = None if away else _try(job)
        away = away or (outcome is not None and outcome.verdict is Verdict.UNREACHABLE)
        results.put((job, outcome))


def _try(job: Job) -> Outcome:
    try:
        return job.way.send(job.message)
    except Exception as error:  # noqa: BLE001  a thread must answer; the message is tried again
        # The class only: a message or a trace could hold the address.
        log.error("transport failed", extra={"kind": type(error).__name__})  # noqa: TRY400
        return Outcome(Verdict.DEFERRED, "internal")
