"""The last maps of this process: a wall of viewers looks at the same one."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime

from anlan.entrypoints.web.watching.features import features_now
from anlan.entrypoints.web.watching.hub import sight_of
from anlan.entrypoints.web.watching.mapview import View
from anlan.entrypoints.web.watching.past import features_then
from anlan.infra import journal
from anlan.registry import public as registry

FRESH_S = 10


class Kept:
    """The last answers, by who looks at which part of the map.

    An answer counts until the journal moves, and no longer than :data:`FRESH_S`: readings are not
    journalled one by one.
    """

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._answers: OrderedDict[Hashable, tuple[Hashable, bytes]] = OrderedDict()

    def features(self, view: View, *, now: datetime, at: datetime | None) -> bytes:
        """Return what the map shows now, or showed at ``at``, as the bytes of GeoJSON."""
        key = (sight_of(view.actor, view.language), view.box, view.zoom, at, view.layers.key)
        age = int(now.timestamp() // FRESH_S) if at is None else 0  # the past grows no older
        state = (journal.head(), registry.revision(), age)
        kept = self._answers.get(key)
        if kept is not None and kept[0] == state:
            return kept[1]
        found = features_now(view, now=now) if at is None else features_then(view, at=at)
        answer = json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
        self._answers[key] = state, answer
        self._answers.move_to_end(key)
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)
        return answer


KEPT = Kept()
