"""The columns of the judge: what each of them holds, and the numbers that stand for "none".

A *stream* has a number.  A *lane* is one rule on one stream; the lanes of a
stream lie side by side, in order of the rules' ids.  A *program* is what all
streams have in common that the same rules judge in the same way: the rules,
the interval and the patience.  Every instant is in µs since 1970 UTC.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.registry.domain.rulespecs import LATENESS
from anlan.warning.domain.findings import HIGHEST_FIRST
from anlan.warning.domain.instants import span_micros

I8 = NDArray[np.int8]
U8 = NDArray[np.uint8]

I32 = NDArray[np.int32]
U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]
Turns = NDArray[np.int64]  # (turn, 3): at, height, since
Records = Any  # an array of one of the record types below: a checker knows no fields

NONE = np.iinfo(np.int64).min  # no instant
NEVER = np.iinfo(np.int64).max >> 1  # an instant that does not come
LATE = span_micros(LATENESS)
SHIFT = 7
BUNDLE = 1 << SHIFT  # rings of one size that lie side by side: neighbours share cache lines
ABREAST = 256  # bundles made together lie side by side too: memory is best read far ahead
WITHIN = BUNDLE - 1
RUN_SHIFT = 6
RUN = 1 << RUN_SHIFT  # neighbours that are taken at once; what they took may be noted once for all
BLOCK = 1024  # streams with one "when to look again"; also where threads part
EVIDENCE = 12  # readings kept with a finding

# How a stream stands: nothing on; something on and nothing about to change; in motion.
AT_REST, STANDING, MOVING = 0, 1, 2
# How a lane stands.
TIMED = 1  # time alone has turned a latch since the newest reading
NEW = 2  # to be judged for the first time
TAKES_OVER = 4  # a version that takes over tells how it stands, not what it would have told
KEPT = 8  # an open instance keeps the version it began with; `l_next` is the one in force
GONE = 16  # its rule exists no more in any version
DEAD = 32  # nothing is judged here any more
UNUSED = NEW | TAKES_OVER | KEPT | GONE | DEAD

THRESHOLD, WINDOW = 0, 1
COMPARES = (">=", ">", "<=", "<")
FUNCTIONS = ("sum", "mean", "change", "rate")

# What a finding says, and why.
RAISED, LEVEL, CLEARED = 0, 1, 2
MISSED = 3  # no finding: news came later than the budget, for `at` and later
WHATS = ("raised", "level", "cleared")
(
    BY_RULE, CORRECTED, NOTHING_HEARD, LAST_LEVEL, HEARD_AGAIN, RULE_GONE, SILENCE_RULE_GONE,
    STREAM_ENDED, SILENCE_ENDED,
) = range(9)  # fmt: skip


def height_of(level: str) -> int:
    """Return how high a warning level is: 0 for none, 4 for red."""
    return len(HIGHEST_FIRST) - HIGHEST_FIRST.index(level) if level else 0


def level_of(height: int) -> str:
    """Return the warning level of a height; empty for none."""
    return HIGHEST_FIRST[len(HIGHEST_FIRST) - height] if height else ""


def _record(**fields: str) -> np.dtype[np.void]:
    return np.dtype(list(fields.items()), align=True)


RULE = _record(
    kind="i8", compare="i8", function="i8", hold="i8", clear_hold="i8", coverage="f8",
    lookback="i8",
    first="i8",  # limit
    limits="i8",  # how many
)  # fmt: skip
LIMIT = _record(raise_at="f8", clear_at="f8", window="i8", height="i8")
SILENCE = _record(height="i8")
PROGRAM = _record(
    first="i8", rules="i8",  # of its rules in `listed`, and how many
    interval="i8", stale="i8", silence="i8",
    wait="i8",  # how long it may be silent; NEVER: for ever
    lookback="i8",
    plain="i8",  # thresholds only
    low="f8", high="f8",  # between them no reading is beyond a limit
)  # fmt: skip
HOT = _record(
    program="i4",  # -1: no such stream
    row="i4",  # of its ring; -1: none
    head="i2", count="i2",  # of its readings, in its ring, before what `ahead` says
    state="i1",
)  # fmt: skip
COLD = _record(
    settled="i8",  # readings up to this one are final (at rest: or those the readings imply)
    since="i8",  # when the judge first knew the stream
    due="i8",  # when time alone may next turn a latch
    moved="i8",  # the last unsettled reading that moved a latch
    s_last="i8", s_wait="i8",  # of the open silence alert
    lane0="i4",
    lanes="i2",
    s_rule="i2",  # by which it is judged; -1: none
    s_named="i2",  # with which it began
    s_height="i1",  # 0: none is open
)  # fmt: skip
LANE = _record(
    until="i8",  # up to when it was judged
    rule="i4", next="i4", flags="i1",
    height="i1",  # at the settled reading
    told="i1",
)  # fmt: skip
RING = _record(
    base="i8", size="i8",
    step="i8",  # from one slot to the next
)  # fmt: skip
ROW = _record(
    since="i8", at="i8", value="f8", coverage="f8",
    e_first="i8",  # of the readings it rests on
    stream="i4",
    named="i4",  # rule version; for silence the silence rule
    limit="i2",  # -1: none
    what="i1", why="i1", height="i1", before="i1", e_count="i1",
)  # fmt: skip


class Tables(NamedTuple):
    """The rules as numbers."""

    rule: Records  # RULE, by version
    limit: Records  # LIMIT
    silence: Records  # SILENCE, by version
    program: Records  # PROGRAM
    listed: I64  # the rules of the programs, each in order of the rules' ids
    unjudged: Flags  # by quality: counts as no value


class Columns(NamedTuple):
    """Everything that changes.  Few columns: compiled code is handed each of them at each call."""

    hot: Records  # HOT, by stream: all that the quick way needs
    ahead: I32  # by run of streams: how many readings all of them took that `hot` does not say yet
    newest_low: I64  # by run that is ahead: the newest reading of each of its streams is no earlier
    newest_high: I64  # … and no later
    cold: Records  # COLD, by stream
    lane: Records  # LANE
    on: NDArray[np.int8]  # by lane, at the settled reading (0) and at the newest (1), by limit
    begun: I64  # the same
    bundle: Records  # RING, by bundle of rows
    owner: I32  # by row: the stream whose ring it is; -1: free
    r_at: I64  # by reading
    r_value: F64
    look_at: I64  # by block of streams: nothing is due before


class Batch(NamedTuple):
    """Readings in the order of their arrival.

    ``arrival`` is the number of the message that brought a reading; it never
    falls.  Of several readings for one instant the later message stands, and
    of one message the greatest.  What a message says of one instant of a
    stream comes in one step: the judge does not keep the numbers.
    """

    stream: I32
    at_us: I64
    value: F64
    quality: U8
    arrival: U32


class Out(NamedTuple):
    """Findings as columns: what each says, and the readings it rests on."""

    size: I64  # findings, readings
    row: Records  # ROW
    e_at: I64
    e_value: F64


class Room(NamedTuple):
    """Scratch of one thread."""

    told: Turns
    told_first: I64  # by lane of the stream
    turns: Turns
    on: NDArray[np.int8]  # (2, limits): as they run, and as they stood at the settled reading
    begun: I64
    tally: I64  # too late, unknown, told otherwise


class Told(NamedTuple):
    """Turns told before the rules changed, by lane; empty columns when they did not."""

    first: I64
    number: I64
    turns: Turns
