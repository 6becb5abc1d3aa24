"""When a process that runs for good looks for objects that only hold one another."""

from __future__ import annotations

import gc


def leave_what_stays() -> None:
    """Let the search for cycles leave out what is there for good, and begin later.

    For whoever has loaded what it works with.  A message, or the alarms of a storm, are thousands of
    small objects without a cycle among them; searching a whole framework for each few hundred of
    them takes a good part of the time of a flood of single readings, or of a storm.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 10)
