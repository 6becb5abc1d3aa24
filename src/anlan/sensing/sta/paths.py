"""Where an address leads: ``Things('A')/Datastreams('B')/Observations``."""

from __future__ import annotations

import re
from typing import NamedTuple

from anlan.sensing.domain.sta_errors import EntityUnknownError
from anlan.sensing.sta.model import SETS

LONGEST = 2000
MOST_STEPS = 20
_STEP = re.compile(
    r"/?(?P<name>[$A-Za-z][\w.]*)(?:\((?:'(?P<text>(?:[^']|'')*)'|(?P<number>-?\d{1,19}))\))?(?=/|\Z)"
)


class Step(NamedTuple):
    """One step of a path; ``id`` is None where none is named."""

    name: str
    id: str | int | None


def steps_of(path: str) -> list[Step]:
    """Return the steps of a path below the root, which begins with the name of a set.

    Raises
    ------
    EntityUnknownError
        When it is none.
    """
    found: list[Step] = []
    place = 0
    path = path.strip("/")
    while place < len(path) and len(path) <= LONGEST and len(found) <= MOST_STEPS:
        step = _STEP.match(path, place)
        if step is None:
            break
        text, number = step["text"], step["number"]
        id_ = int(number) if number else None if text is None else text.replace("''", "'")
        found.append(Step(step["name"], id_))
        place = step.end()
    if place < len(path) or not found or found[0].name not in SETS or len(found) > MOST_STEPS:
        raise EntityUnknownError(what="path", id=path[:80])
    return found
