"""The judge of the streams of this process's workspace."""

from __future__ import annotations

import os
from pathlib import Path

from anlan.infra.here import workspace
from anlan.warning.services.streams.judge import StreamJudge

_judges: dict[Path, StreamJudge] = {}


def stream_judge() -> StreamJudge:
    """Return the one judge of streams that this process has for its workspace."""
    root = workspace().judge
    if root not in _judges:
        _judges[root] = StreamJudge(root)
    return _judges[root]


def stop() -> None:
    """Save what is remembered of every workspace, and let others judge."""
    while _judges:
        _judges.popitem()[1].close()


def forget() -> None:
    """Forget what is remembered of every workspace, and let others judge; nothing is saved."""
    while _judges:
        _judges.popitem()[1].drop()


os.register_at_fork(after_in_child=forget)
