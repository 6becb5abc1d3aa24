"""One stream in one step: its new readings, its lanes, its silence (``domain/judge.py``)."""

from __future__ import annotations

from anlan.warning.columns.compiled import compiled, woven
from anlan.warning.columns.folding import BEYOND, CALM, classify, seen, turn
from anlan.warning.columns.hearing import hear_all, is_valued
from anlan.warning.columns.lanes import again, go_on, rests, was_told
from anlan.warning.columns.layout import (
    AT_REST,
    BLOCK,
    CLEARED,
    DEAD,
    EVIDENCE,
    HEARD_AGAIN,
    I64,
    LAST_LEVEL,
    LEVEL,
    MOVING,
    NEVER,
    NONE,
    NOTHING_HEARD,
    RAISED,
    SILENCE_ENDED,
    SILENCE_RULE_GONE,
    STANDING,
    STREAM_ENDED,
    Batch,
    Columns,
    Out,
    Room,
    Tables,
    Told,
)
from anlan.warning.columns.ring import (
    catch_up,
    newest,
    settled,
    size_of,
    trim,
)
from anlan.warning.columns.telling import note

DONE, NO_ROOM, NO_PAPER, NO_SCRATCH = 0, 1, 2, 3
MOST_KEPT = 20_000  # readings of one stream, as in domain/streams.py


@compiled
def moves_value(t: Tables, c: Columns, s: int, value: float) -> bool:
    """Return whether a value would move a latch of a stream that only thresholds judge."""
    for lane in range(c.cold[s].lane0, c.cold[s].lane0 + c.cold[s].lanes):
        if c.lane[lane].flags & DEAD:
            continue
        rule = int(c.lane[lane].rule)
        for k in range(t.rule[rule].limits):
            limit = t.rule[rule].first + k
            found = classify(
                t.rule[rule].compare, value, t.limit[limit].raise_at, t.limit[limit].clear_at
            )
            if found == (CALM if c.on[lane, 0, k] else BEYOND):
                return True
    return False


@compiled
def moves(t: Tables, c: Columns, s: int, i: int) -> bool:
    """Return whether reading ``i`` moves a latch of a stream at rest."""
    for lane in range(c.cold[s].lane0, c.cold[s].lane0 + c.cold[s].lanes):
        if c.lane[lane].flags & DEAD:
            continue
        rule = int(c.lane[lane].rule)
        for k in range(t.rule[rule].limits):
            if seen(t, c, s, i, rule, k) == (CALM if c.on[lane, 0, k] else BEYOND):
                return True
    return False


@woven
def _new_rows(
    t: Tables, c: Columns, s: int, batch: Batch, rows: I64, old_settled: int
) -> tuple[int, bool]:
    """Return how many readings ask for a place, and whether all are later than those before."""
    last = newest(c, s)
    more, ordered = 0, True
    for j in rows:
        at = batch.at_us[j]
        if at <= old_settled:
            continue
        if is_valued(t, batch, j):
            ordered = ordered and at > last
            more += 1
            last = max(last, at)
        elif at <= last:
            ordered = False  # it may take a reading away
    return more, ordered


@woven
def _most_turns(c: Columns, s: int, more: int) -> int:
    """Return how many turns one lane may make at most."""
    widest = c.on.shape[2]
    return (int(c.hot[s].count) + more + 1) * (widest + 1) + widest + 1


@woven
def last_heard(c: Columns, s: int) -> int:
    """Return the instant from which silence counts."""
    last = newest(c, s)
    if last == NONE:
        last = c.cold[s].settled
    return c.cold[s].since if last == NONE else last


@woven
def _silence(t: Tables, c: Columns, s: int, now: int, out: Out) -> None:
    p = c.hot[s].program
    level = 0
    for lane in range(c.cold[s].lane0, c.cold[s].lane0 + c.cold[s].lanes):
        level = max(level, int(c.lane[lane].told))
    last = last_heard(c, s)
    if c.cold[s].s_height == 0:
        if t.program[p].wait == NEVER or now <= last + t.program[p].wait:
            return
        rule = t.program[p].silence
        level = max(level, int(t.silence[rule].height))
        c.cold[s].s_height, c.cold[s].s_rule, c.cold[s].s_named = level, rule, rule
        c.cold[s].s_last, c.cold[s].s_wait = last, t.program[p].wait
        note(out, s, rule, RAISED, NOTHING_HEARD, level, 0, last, last + t.program[p].wait)
        return
    rule, named = int(c.cold[s].s_rule), int(c.cold[s].s_named)
    before = int(c.cold[s].s_height)
    if rule < 0:
        note(out, s, named, CLEARED, SILENCE_RULE_GONE, before, before, now, now)
        c.cold[s].s_height = 0
        return
    wait = c.cold[s].s_wait
    if last > c.cold[s].s_last and now <= last + wait:
        note(out, s, named, CLEARED, HEARD_AGAIN, before, before, last, last)
        c.cold[s].s_height = 0
    elif level > before:
        note(out, s, named, LEVEL, LAST_LEVEL, level, before, now, now)
        c.cold[s].s_height = level


@woven
def due_at(t: Tables, c: Columns, s: int) -> int:
    """Return when a stream must be looked at if nothing comes, or NEVER."""
    wait = t.program[c.hot[s].program].wait
    if c.cold[s].s_height or wait == NEVER:
        return c.cold[s].due
    return min(c.cold[s].due, last_heard(c, s) + wait + 1)


@woven
def _leave(t: Tables, c: Columns, s: int) -> None:
    """Forget what no longer matters, and say how the stream stands and when to look again."""
    resting, any_on, lookback = c.cold[s].s_height == 0, False, 0
    for lane in range(c.cold[s].lane0, c.cold[s].lane0 + c.cold[s].lanes):
        if c.lane[lane].flags & DEAD:
            continue
        lookback = max(lookback, t.rule[c.lane[lane].rule].lookback)
        resting = resting and rests(c, lane)
        any_on = any_on or c.lane[lane].told > 0
    if c.cold[s].settled != NONE:
        trim(c, s, c.cold[s].settled - lookback)
    if resting and c.cold[s].moved <= c.cold[s].settled:
        c.hot[s].state = STANDING if any_on else AT_REST
        c.cold[s].due = NEVER
    else:
        c.hot[s].state = MOVING
    block = s // BLOCK
    c.look_at[block] = min(c.look_at[block], due_at(t, c, s))


@woven
def _all_calm(
    t: Tables, c: Columns, s: int, batch: Batch, rows: I64, more: int, ordered: bool
) -> bool:  # fmt: skip
    """Return whether nothing that came can move a latch, wherever its place is."""
    if c.hot[s].state == MOVING:
        return False
    if more == 0 and ordered:
        return True
    if not t.program[c.hot[s].program].plain:
        return False
    for j in rows:  # noqa: SIM110  compiled code knows no generators
        if is_valued(t, batch, j) and moves_value(t, c, s, batch.value[j]):
            return False
    return True


@compiled
def _gather_told(
    t: Tables, c: Columns, s: int, told: Told, ordered: bool, room: Room
) -> None:  # fmt: skip
    """Put together, lane by lane, what was told after the settled reading, where it is asked for."""
    n = 0
    lanes = int(c.cold[s].lanes)
    for x in range(lanes):
        room.told_first[x] = n
        lane = c.cold[s].lane0 + x
        flags = int(c.lane[lane].flags)
        if len(told.first):
            first = told.first[lane]
            for i in range(first, first + told.number[lane]):
                n = turn(room.told, n, told.turns[i, 0], told.turns[i, 1], told.turns[i, 2])
        elif c.hot[s].state == MOVING and not flags & DEAD and (not ordered or flags):
            n = was_told(t, c, s, lane, room.told, n, room)
    room.told_first[lanes] = n


@compiled
def _judge_lanes(
    t: Tables, c: Columns, s: int, old: int, new_settled: int, now: int, ordered: bool,
    room: Room, out: Out,
) -> None:  # fmt: skip
    due = NEVER
    last_mover = c.cold[s].moved if ordered else NONE
    for x in range(int(c.cold[s].lanes)):
        lane = c.cold[s].lane0 + x
        flags = int(c.lane[lane].flags)
        if flags & DEAD:
            continue
        if ordered and flags == 0:
            at, moved = go_on(t, c, s, lane, old, new_settled, now, room, out)
        else:
            told = room.told[room.told_first[x] : room.told_first[x + 1]]
            at, moved = again(t, c, s, lane, new_settled, now, told, room, out)
        due = min(due, at)
        last_mover = max(last_mover, moved)
    c.cold[s].due = due
    c.cold[s].moved = last_mover


@woven
def tidy(t: Tables, c: Columns, s: int, settled_at: int) -> None:
    """Forget what the quick way has left lying: its rings stay full."""
    if c.hot[s].state != MOVING and t.program[c.hot[s].program].plain and settled_at != NONE:
        trim(c, s, settled_at)


@woven
def judge_one(
    t: Tables,
    c: Columns,
    s: int,
    batch: Batch,
    rows: I64,
    now: int,
    told: Told,
    room: Room,
    out: Out,
) -> int:
    """Judge one stream; return DONE, or what it lacks, with nothing changed."""
    if c.hot[s].program < 0:
        room.tally[1] += len(rows)
        return DONE
    catch_up(c, s)
    old_settled = settled(c, s)
    changed = len(told.first) > 0
    if not changed:
        tidy(t, c, s, old_settled)
    more, ordered = _new_rows(t, c, s, batch, rows, old_settled)
    old = int(c.hot[s].count)
    size = size_of(c, s)
    overflows = old + more > size
    if overflows:
        if size < MOST_KEPT:
            return NO_ROOM
        ordered = False  # the oldest go
    lanes = int(c.cold[s].lanes)
    need = _most_turns(c, s, more)
    if len(room.turns) < need or len(room.told) < need * lanes or len(room.told_first) <= lanes:
        return NO_SCRATCH
    bound = need * lanes * 2 + lanes + 3
    if out.size[0] + bound > len(out.row) or out.size[1] + bound * EVIDENCE > len(out.e_at):
        return NO_PAPER
    c.cold[s].settled = old_settled
    calm = not changed and _all_calm(t, c, s, batch, rows, more, ordered)
    if not calm:
        _gather_told(t, c, s, told, ordered, room)
    hear_all(t, c, s, batch, rows, room, out)
    new_settled = settled(c, s)
    if not calm:
        otherwise = room.tally[2]
        _judge_lanes(t, c, s, old, new_settled, now, ordered and not changed, room, out)
        if overflows:
            # With its oldest readings goes what was told of them, at each step: that is no news.
            room.tally[2] = otherwise
    c.cold[s].settled = new_settled
    _silence(t, c, s, now, out)
    _leave(t, c, s)
    return DONE


@compiled
def end_one(c: Columns, s: int, now: int, out: Out) -> int:
    """End what is open on a stream that is no more, and forget it."""
    lanes = int(c.cold[s].lanes)
    if out.size[0] + lanes + 1 > len(out.row):
        return NO_PAPER
    catch_up(c, s)
    for lane in range(c.cold[s].lane0, c.cold[s].lane0 + lanes):
        height = int(c.lane[lane].told)
        if height:
            note(out, s, int(c.lane[lane].rule), CLEARED, STREAM_ENDED, height, height, now, now)
    height = int(c.cold[s].s_height)
    if height:
        note(out, s, int(c.cold[s].s_named), CLEARED, SILENCE_ENDED, height, height, now, now)
    c.hot[s].program = -1
    c.hot[s].state = AT_REST
    c.cold[s].settled, c.cold[s].moved, c.cold[s].due = NONE, NONE, NEVER
    c.hot[s].count, c.hot[s].head, c.cold[s].lanes, c.cold[s].s_height = 0, 0, 0, 0
    return DONE
