"""One lane: a rule on a stream, brought up to the readings and the time."""

from __future__ import annotations

from anlan.warning.columns.compiled import compiled, woven
from anlan.warning.columns.folding import fold, highest_on, next_due, run_on
from anlan.warning.columns.layout import (
    CLEARED,
    DEAD,
    GONE,
    KEPT,
    NEVER,
    NEW,
    NONE,
    RULE_GONE,
    TAKES_OVER,
    TIMED,
    UNUSED,
    Columns,
    Out,
    Room,
    Tables,
    Turns,
)
from anlan.warning.columns.ring import after, place
from anlan.warning.columns.telling import emit, note, tell, tell_chain

SETTLED, NEWEST, FRESH = 0, 1, 2


@woven
def _start(c: Columns, lane: int, room: Room, which: int) -> None:
    """Set the latches as they stand at the settled reading, at the newest one, or new."""
    for k in range(c.on.shape[2]):
        fresh = which == FRESH
        room.on[0, k] = 0 if fresh else c.on[lane, which, k]
        room.begun[0, k] = NONE if fresh else c.begun[lane, which, k]


@compiled
def was_told(t: Tables, c: Columns, s: int, lane: int, turns: Turns, n: int, room: Room) -> int:
    """Write the turns that were told after the settled reading; return how many there are now.

    They are not kept: the readings after the settled one give them again.
    """
    rule = int(c.lane[lane].rule)
    _start(c, lane, room, SETTLED)
    settled = c.cold[s].settled
    count = int(c.hot[s].count)
    first = after(c, s, settled, 0, count) if settled != NONE else 0
    height, last, n, _ = fold(
        t,
        c,
        s,
        first,
        count,
        rule,
        room.on[0],
        room.begun[0],
        int(c.lane[lane].height),
        settled,
        turns,
        n,
    )
    stale = t.program[c.hot[s].program].stale
    until = c.lane[lane].until
    _, n = run_on(t, rule, stale, room.on[0], room.begun[0], height, last, until, False, turns, n)
    return n


@woven
def _keep(c: Columns, lane: int, room: Room, row: int, which: int) -> None:
    for k in range(c.on.shape[2]):
        c.on[lane, which, k] = room.on[row, k]
        c.begun[lane, which, k] = room.begun[row, k]


@compiled
def _run_to_now(
    t: Tables, c: Columns, s: int, lane: int, height: int, last: int, until: int, n: int, room: Room
) -> tuple[int, int]:
    """Keep the latches at the newest reading, then let time go on; return turns and what is due."""
    rule = int(c.lane[lane].rule)
    stale = t.program[c.hot[s].program].stale
    _keep(c, lane, room, 0, NEWEST)
    before = n
    _, n = run_on(
        t, rule, stale, room.on[0], room.begun[0], height, last, until, False, room.turns, n
    )
    c.lane[lane].until = until
    flags = c.lane[lane].flags & ~TIMED
    c.lane[lane].flags = flags | TIMED if n > before else flags
    return n, next_due(t, rule, stale, room.on[0], room.begun[0], last, until)


@compiled
def go_on(
    t: Tables, c: Columns, s: int, lane: int, old: int, settled: int, now: int, room: Room, out: Out
) -> tuple[int, int]:
    """Take the readings from ``old`` on, all later than those before; return due and last mover."""
    rule = int(c.lane[lane].rule)
    count = int(c.hot[s].count)
    before = c.cold[s].settled
    if settled != before:
        _start(c, lane, room, SETTLED)
        low = after(c, s, before, 0, count) if before != NONE else 0
        high = after(c, s, settled, 0, count)
        height, _, _, _ = fold(
            t,
            c,
            s,
            low,
            high,
            rule,
            room.on[0],
            room.begun[0],
            int(c.lane[lane].height),
            before,
            room.turns,
            0,
        )
        c.lane[lane].height = height
        _keep(c, lane, room, 0, SETTLED)
    _start(c, lane, room, NEWEST)
    last = NONE if old == 0 else c.r_at[place(c, s, old - 1)]
    height = highest_on(t, rule, room.on[0])
    height, last, n, moved = fold(
        t, c, s, old, count, rule, room.on[0], room.begun[0], height, last, room.turns, 0
    )
    n, due = _run_to_now(t, c, s, lane, height, last, now, n, room)
    c.lane[lane].told = tell_chain(t, c, s, rule, room.turns, n, 0, int(c.lane[lane].told), out)
    return due, moved


@compiled
def _from_settled(
    t: Tables,
    c: Columns,
    s: int,
    lane: int,
    settled: int,
    now: int,
    told: Turns,
    room: Room,
    out: Out,
) -> tuple[int, int]:
    rule = int(c.lane[lane].rule)
    flags = int(c.lane[lane].flags)
    _start(c, lane, room, FRESH if flags & NEW else SETTLED)
    before = c.cold[s].settled
    count = int(c.hot[s].count)
    low = after(c, s, before, 0, count) if before != NONE else 0
    middle = after(c, s, settled, low, count) if settled != NONE else low
    base = 0 if flags & TAKES_OVER else int(c.lane[lane].height)
    turns = room.turns
    height, last, n, _ = fold(
        t, c, s, low, middle, rule, room.on[0], room.begun[0], base, before, turns, 0
    )
    for k in range(room.on.shape[1]):
        room.on[1, k] = room.on[0, k]
        room.begun[1, k] = room.begun[0, k]
    at_settled = height
    height, last, n, moved = fold(
        t, c, s, middle, count, rule, room.on[0], room.begun[0], height, last, turns, n
    )
    until = max(now, told[len(told) - 1, 0]) if len(told) else now
    n, due = _run_to_now(t, c, s, lane, height, last, until, n, room)
    after_all = turns[n - 1, 1] if n else base
    if flags & TAKES_OVER:
        if after_all:
            emit(t, c, s, rule, turns, n - 1, 0, False, out)
    elif tell(t, c, s, rule, base, told, turns, n, out):
        room.tally[2] += 1
    c.lane[lane].told = after_all
    c.lane[lane].height = at_settled
    _keep(c, lane, room, 1, SETTLED)
    keep = TIMED | (KEPT if c.lane[lane].told else 0)
    c.lane[lane].flags &= keep
    return due, moved


@compiled
def again(
    t: Tables,
    c: Columns,
    s: int,
    lane: int,
    settled: int,
    now: int,
    told: Turns,
    room: Room,
    out: Out,
) -> tuple[int, int]:
    """Judge from the settled reading on; return due and last mover.

    What is open keeps its version; once it has cleared, the one in force takes over.
    """
    flags = int(c.lane[lane].flags)
    if flags & GONE:
        height = int(c.lane[lane].told)
        note(out, s, int(c.lane[lane].rule), CLEARED, RULE_GONE, height, height, now, now)
        c.lane[lane].told = 0
        c.lane[lane].flags = DEAD
        return NEVER, NONE
    due, moved = _from_settled(t, c, s, lane, settled, now, told, room, out)
    if flags & KEPT and c.lane[lane].told == 0:
        if c.lane[lane].next < 0:
            c.lane[lane].flags = DEAD
            return NEVER, NONE
        c.lane[lane].rule = c.lane[lane].next
        c.lane[lane].flags = NEW | TAKES_OVER
        due, moved = _from_settled(t, c, s, lane, settled, now, told[:0], room, out)
    return due, moved


@woven
def rests(c: Columns, lane: int) -> bool:
    """Return whether a lane stands at its newest reading as at the settled one, all calm."""
    if c.lane[lane].flags & DEAD:
        return True
    if c.lane[lane].flags & (UNUSED | TIMED):
        return False
    for k in range(c.on.shape[2]):
        begun = c.begun[lane, 0, k] != NONE or c.begun[lane, 1, k] != NONE
        if begun or c.on[lane, 0, k] != c.on[lane, 1, k]:
            return False
    return True
