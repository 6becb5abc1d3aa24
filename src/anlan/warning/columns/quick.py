"""The quick way for what happens nearly always, and the walk over all streams of a step.

A reading that is later than all before it, moves nothing and finds its stream
at rest, or standing as it was told, is only put behind the others.  Everything else goes to ``one.py``.
"""

from __future__ import annotations

import numpy as np

from anlan.warning.columns.bare import (
    bare_batch,
    bare_columns,
    bare_out,
    bare_room,
    bare_tables,
    bare_told,
)
from anlan.warning.columns.compiled import compiled, woven
from anlan.warning.columns.layout import (
    AT_REST,
    BLOCK,
    I32,
    I64,
    LATE,
    MOVING,
    NEVER,
    NONE,
    RUN,
    RUN_SHIFT,
    SHIFT,
    WITHIN,
    Batch,
    Columns,
    Out,
    Room,
    Tables,
    Told,
)
from anlan.warning.columns.one import (
    DONE,
    NO_ROOM,
    due_at,
    end_one,
    judge_one,
    moves,
    moves_value,
)
from anlan.warning.columns.ring import (
    append,
    catch_up,
    drop_oldest,
    newest,
    place,
    settled,
    size_of,
    trim,
)
from anlan.warning.columns.runs import take_run

LARGEST = np.finfo(np.float64).max


@compiled
def take_for_windows(t: Tables, c: Columns, s: int, batch: Batch, j: int, now: int) -> bool:
    """Do what ``take_one`` does for a stream that windows judge, too: such a one is never ahead."""
    p = c.hot[s].program
    count = int(c.hot[s].count)
    if p < 0 or t.program[p].plain or c.hot[s].state == MOVING or not 0 < count < size_of(c, s):
        return False
    value, at = batch.value[j], batch.at_us[j]
    # Written so that NaN is not finite.
    if not -LARGEST <= value <= LARGEST or t.unjudged[batch.quality[j]]:
        return False
    if now - at > t.program[p].wait or at <= c.r_at[place(c, s, count - 1)]:
        return False
    append(c, s, at, value)
    if moves(t, c, s, count):
        c.hot[s].count -= 1
        return False
    c.cold[s].settled = settled(c, s)
    if c.cold[s].settled != NONE:
        trim(c, s, c.cold[s].settled - t.program[p].lookback)
    return True


@woven
def take_one(t: Tables, c: Columns, batch: Batch, now: int, j: int, s: int) -> bool:
    """Put a reading behind the others if that is all there is to do; else change nothing.

    Of streams that only thresholds judge.  A full ring gives up one for one: neighbours that speak
    alike stay alike (``runs.py``).
    """
    # Places are cast: an index that might be negative costs a step at each look.
    at, value = batch.at_us[np.uint64(j)], batch.value[np.uint64(j)]
    catch_up(c, s)
    hot = c.hot[np.uint64(s)]
    count, head = int(hot.count), int(hot.head)
    if hot.state == MOVING or hot.program < 0 or count < 1:
        return False
    program = t.program[np.uint64(hot.program)]
    ring = c.bundle[np.uint64(hot.row >> SHIFT)]
    size, first = ring.size, ring.base + (hot.row & WITHIN)
    behind = head + count - (size if head + count >= size else 0)
    before = behind - 1 if behind else size - 1
    if not (
        program.plain
        and (
            program.low <= value <= program.high
            if hot.state == AT_REST
            else -LARGEST <= value <= LARGEST and not moves_value(t, c, s, value)
        )
        and now - at <= program.wait
        and at > c.r_at[np.uint64(first + before * ring.step)]
        and not t.unjudged[np.uint64(batch.quality[np.uint64(j)])]
    ):
        return False
    if count == size:
        following = head + 1 if head + 1 < size else 0
        if c.r_at[np.uint64(first + following * ring.step)] > at - LATE:
            return False
        hot.head = following
    else:
        hot.count = count + 1
    spot = np.uint64(first + behind * ring.step)
    c.r_at[spot] = at
    c.r_value[spot] = value
    return True


@compiled
def take_in(t: Tables, c: Columns, batch: Batch, now: int, low: int, high: int, hard: I64) -> int:
    """Take the rows ``low`` to ``high``, of rising streams; return how many are left, in ``hard``."""
    t, c, batch = bare_tables(t), bare_columns(c), bare_batch(batch)
    left = 0
    streams = len(c.hot)
    j = low
    while j < high:
        s = int(batch.stream[np.uint64(j)])
        if not 0 <= s < streams:
            hard[left] = j
            left += 1
            j += 1
            continue
        if s % RUN == 0 and j + RUN <= high:
            last = batch.stream[np.uint64(j + RUN - 1)]
            # Rising: the number of the last one tells those in between.
            if last == s + RUN - 1 and last < streams and take_run(t, c, batch, now, j, s):
                j += RUN
                continue
        if not (take_one(t, c, batch, now, j, s) or take_for_windows(t, c, s, batch, j, now)):
            hard[left] = j
            left += 1
        j += 1
    return left


@woven
def _made_room(c: Columns, s: int, more: int, last: int) -> bool:
    """Drop what ``last`` settles if a ring lacks room for so many more; return whether it has it then.

    What was dropped is gone also if not: of a stream at rest it can move nothing any more.
    """
    if c.hot[s].count + more > size_of(c, s):
        c.cold[s].settled = settled(c, s)  # first: it may rest on a reading that goes
        while c.hot[s].count > 1 and c.r_at[place(c, s, 1)] <= last - LATE:
            drop_oldest(c, s)
    return bool(c.hot[s].count + more <= size_of(c, s))


@compiled
def take_several(t: Tables, c: Columns, s: int, batch: Batch, rows: I64, now: int) -> bool:
    """Put several rising readings behind the others if that is all there is to do."""
    catch_up(c, s)
    p = c.hot[s].program
    count = int(c.hot[s].count)
    if p < 0 or c.hot[s].state != AT_REST or not t.program[p].plain or count == 0:
        return False
    last = c.r_at[place(c, s, count - 1)]
    for j in rows:
        if batch.at_us[j] <= last or t.unjudged[batch.quality[j]]:
            return False
        if not t.program[p].low <= batch.value[j] <= t.program[p].high:
            return False
        last = batch.at_us[j]
    if now - last > t.program[p].wait or not _made_room(c, s, len(rows), last):
        return False
    for j in rows:
        append(c, s, batch.at_us[j], batch.value[j])
    c.cold[s].settled = settled(c, s)
    if c.cold[s].settled != NONE:
        trim(c, s, c.cold[s].settled)
    return True


@compiled
def take_in_groups(
    t: Tables, c: Columns, batch: Batch, now: int, order: I64, starts: I64, low: int, high: int, hard: I64
) -> int:  # fmt: skip
    """Take the groups ``low`` to ``high`` of rows of one stream each; return how many are left."""
    t, c, batch = bare_tables(t), bare_columns(c), bare_batch(batch)
    left = 0
    streams = len(c.hot)
    for g in range(low, high):
        first, end = starts[g], starts[g + 1]
        s = int(batch.stream[order[first]])
        easy = False
        if 0 <= s < streams:
            if end == first + 1:
                j = order[first]
                easy = take_one(t, c, batch, now, j, s) or take_for_windows(t, c, s, batch, j, now)
            else:
                easy = take_several(t, c, s, batch, order[first:end], now)
        if not easy:
            hard[left] = g
            left += 1
    return left


@compiled
def walk(
    t: Tables, c: Columns, batch: Batch, now: int, streams: I64, order: I64, starts: I64,
    low: int, high: int, told: Told, room: Room, out: Out, crowded: I64,
) -> tuple[int, int, int]:  # fmt: skip
    """Judge streams ``low`` to ``high``; return where it stopped, why, and how many lack room.

    Those whose ring is too small are left out, and their places noted in ``crowded``.
    """
    t, c, batch = bare_tables(t), bare_columns(c), bare_batch(batch)
    told, room, out = bare_told(told), bare_room(room), bare_out(out)
    lacking = 0
    for g in range(low, high):
        rows = order[starts[g] : starts[g + 1]]
        why = DONE
        if 0 <= streams[g] < len(c.hot):
            why = judge_one(t, c, streams[g], batch, rows, now, told, room, out)
        else:
            room.tally[1] += len(rows)
        if why == NO_ROOM:
            crowded[lacking] = g
            lacking += 1
        elif why != DONE:
            return g, why, lacking
    return high, DONE, lacking


@compiled
def end_all(c: Columns, streams: I64, low: int, now: int, out: Out) -> int:
    """End streams from ``low`` on; return where the paper ran out."""
    for g in range(low, len(streams)):
        if end_one(c, streams[g], now, out) != DONE:
            return g
    return len(streams)


@woven
def _none_due(t: Tables, c: Columns, run: int, now: int) -> int:
    """Return an instant before which nothing is due in a run that is ahead; else NONE."""
    if c.ahead[run] == 0:
        return NONE
    # All of it are at rest: nothing but silence can be due.
    wait = t.program[c.hot[run << RUN_SHIFT].program].wait
    at = NEVER if wait == NEVER else c.newest_low[run] + wait + 1
    return at if at > now else NONE


@woven
def _due_at(t: Tables, c: Columns, s: int) -> int:
    """Return when something is due on a stream, or NEVER."""
    hot = c.hot[s]
    if hot.program < 0:
        return NEVER
    catch_up(c, s)
    if hot.state == MOVING or hot.count == 0:
        return due_at(t, c, s)
    # Nothing but silence can be due, and only from the newest reading.
    wait = t.program[hot.program].wait
    return NEVER if wait == NEVER else newest(c, s) + wait + 1


@compiled
def find_due(t: Tables, c: Columns, now: int, low: int, high: int, found: I64) -> int:
    """Write the streams of blocks ``low`` to ``high`` for which something is due into ``found``.

    Return how many.  Blocks that were looked into are told anew when to look again.
    """
    t, c = bare_tables(t), bare_columns(c)
    n = 0
    for block in range(low, high):
        if c.look_at[block] > now:
            continue
        nearest = NEVER
        s, end = block * BLOCK, min((block + 1) * BLOCK, len(c.hot))
        while s < end:
            at = _none_due(t, c, s >> RUN_SHIFT, now) if s % RUN == 0 else NONE
            if at != NONE:
                s += RUN
            else:
                at = _due_at(t, c, s)
                if at <= now:
                    found[n] = s
                    n += 1
                    at = NEVER
                s += 1
            nearest = min(nearest, at)
        c.look_at[block] = nearest
    return n


@compiled
def rises(stream: I32) -> bool:
    """Return whether each number is greater than the one before."""
    size = len(stream)
    for low in range(1, size, BLOCK):
        so_far = True
        for i in range(low, min(low + BLOCK, size)):
            so_far &= stream[np.uint64(i)] > stream[np.uint64(i - 1)]
        if not so_far:
            return False
    return True


@compiled
def group_up(stream: I32, order: I64, starts: I64) -> int:
    """Write where each stream's rows begin in ``order``; return how many streams there are."""
    n = 0
    for i in range(len(order)):
        if i == 0 or stream[order[i]] != stream[order[i - 1]]:
            starts[n] = i
            n += 1
    starts[n] = len(order)
    return n
