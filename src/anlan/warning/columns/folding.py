"""The latches of one lane over readings: the same steps as ``domain/latches.py``, on numbers."""

from __future__ import annotations

from anlan.warning.columns.compiled import compiled, woven
from anlan.warning.columns.layout import I8, I64, NEVER, NONE, THRESHOLD, Columns, Tables, Turns
from anlan.warning.columns.ring import after, place
from anlan.warning.columns.sums import ring_sum

BEYOND, BETWEEN, CALM = 1, 0, -1
AT_LEAST, ABOVE, AT_MOST = 0, 1, 2
SUM, MEAN, CHANGE = 0, 1, 2
HOUR = 3_600_000_000


@woven
def classify(compare: int, value: float, raise_at: float, clear_at: float) -> int:
    """Return whether a value is beyond the limit, calm, or between the two."""
    if compare == AT_LEAST:
        beyond, calm = value >= raise_at, value <= clear_at
    elif compare == ABOVE:
        beyond, calm = value > raise_at, value <= clear_at
    elif compare == AT_MOST:
        beyond, calm = value <= raise_at, value >= clear_at
    else:
        beyond, calm = value < raise_at, value >= clear_at
    return BEYOND if beyond else CALM if calm else BETWEEN


@compiled
def windowed(t: Tables, c: Columns, s: int, i: int, rule: int, k: int) -> tuple[float, float, bool]:
    """Return what a limit's window says at reading ``i``: value, coverage, and whether there is one."""
    interval = t.program[c.hot[s].program].interval
    window = t.limit[t.rule[rule].first + k].window
    function = t.rule[rule].function
    end = c.r_at[place(c, s, i)]
    if function in (SUM, MEAN):
        first = after(c, s, end - window, 0, i + 1)
        number = i + 1 - first
        coverage = min(1.0, (number * interval) / window)
        total = ring_sum(c, s, first, i + 1)
        return (total if function == SUM else total / number), coverage, True
    first = after(c, s, end - window - 1, 0, i + 1)
    begin = c.r_at[place(c, s, first)]
    coverage = min(1.0, (end - begin) / window)
    if first == i:
        return 0.0, coverage, False
    change = c.r_value[place(c, s, i)] - c.r_value[place(c, s, first)]
    if function == CHANGE:
        return change, coverage, True
    return change / ((end - begin) / HOUR), coverage, True


@compiled
def seen(t: Tables, c: Columns, s: int, i: int, rule: int, k: int) -> int:
    """Return how one limit of a rule sees reading ``i`` of a stream."""
    limit = t.rule[rule].first + k
    if t.rule[rule].kind == THRESHOLD:
        value = c.r_value[place(c, s, i)]
        return classify(
            t.rule[rule].compare, value, t.limit[limit].raise_at, t.limit[limit].clear_at
        )
    value, coverage, there = windowed(t, c, s, i, rule, k)
    if not there:
        return BETWEEN
    found = classify(t.rule[rule].compare, value, t.limit[limit].raise_at, t.limit[limit].clear_at)
    raises = found == BEYOND and t.rule[rule].function in (SUM, CHANGE)
    return found if raises or coverage >= t.rule[rule].coverage else BETWEEN


@woven
def highest_on(t: Tables, rule: int, on: I8) -> int:
    """Return the height of the highest latch that is on."""
    height = 0
    for k in range(t.rule[rule].limits):
        if on[k]:
            height = max(height, int(t.limit[t.rule[rule].first + k].height))
    return height


@woven
def turn(turns: Turns, n: int, at: int, height: int, since: int) -> int:
    """Note a turn and return how many there are."""
    turns[n, 0], turns[n, 1], turns[n, 2] = at, height, since
    return n + 1


@woven
def due_of(t: Tables, rule: int, on: int, begun: int) -> int:
    """Return when a latch turns if nothing changes."""
    return begun + (t.rule[rule].clear_hold if on else t.rule[rule].hold)


@compiled
def run_on(  # noqa: C901
    t: Tables, rule: int, stale: int, on: I8, begun: I64, height: int, last: int, until: int,
    before: bool, turns: Turns, n: int,
) -> tuple[int, int]:  # fmt: skip
    """Let time alone go on to ``until`` (with ``before``: up to it); return height and turns."""
    if last == NONE:
        return height, n
    limits = t.rule[rule].limits
    end = last + stale
    while True:
        at = NEVER
        for k in range(limits):
            if begun[k] != NONE:
                at = min(at, due_of(t, rule, on[k], begun[k]))
        if at > end or at > until or at == NEVER or (before and at == until):
            break
        since = at
        for k in range(limits):
            if begun[k] != NONE and due_of(t, rule, on[k], begun[k]) == at:
                since = min(since, begun[k])
                on[k] = 1 - on[k]
                begun[k] = NONE
        now_height = highest_on(t, rule, on)
        if now_height != height:
            n = turn(turns, n, at, now_height, since)
            height = now_height
    if end < until:
        # Nothing fresh any more: a "while" that has not ended begins anew.
        for k in range(limits):
            begun[k] = NONE
    return height, n


@compiled
def read(
    t: Tables, c: Columns, s: int, i: int, rule: int, on: I8, begun: I64, height: int,
    turns: Turns, n: int,
) -> tuple[int, int, bool]:  # fmt: skip
    """Let the latches see reading ``i``; return height, turns, and whether any latch moved."""
    at = c.r_at[place(c, s, i)]
    since, moved = at, False
    for k in range(t.rule[rule].limits):
        if seen(t, c, s, i, rule, k) != (CALM if on[k] else BEYOND):
            begun[k] = NONE
            continue
        moved = True
        began = at if begun[k] == NONE else begun[k]
        if due_of(t, rule, on[k], began) <= at:
            on[k] = 1 - on[k]
            begun[k] = NONE
            since = min(since, began)
        else:
            begun[k] = began
    if not moved:
        return height, n, False
    now_height = highest_on(t, rule, on)
    if now_height != height:
        n = turn(turns, n, at, now_height, since)
    return now_height, n, True


@compiled
def fold(
    t: Tables, c: Columns, s: int, low: int, high: int, rule: int, on: I8, begun: I64,
    height: int, last: int, turns: Turns, n: int,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Take the readings ``low`` to ``high``; return height, last instant, turns, last mover."""
    stale = t.program[c.hot[s].program].stale
    moved = NONE
    for i in range(low, high):
        at = c.r_at[place(c, s, i)]
        height, n = run_on(t, rule, stale, on, begun, height, last, at, True, turns, n)
        height, n, moves = read(t, c, s, i, rule, on, begun, height, turns, n)
        last = at
        if moves:
            moved = at
    return height, last, n, moved


@compiled
def next_due(t: Tables, rule: int, stale: int, on: I8, begun: I64, last: int, until: int) -> int:
    """Return when time alone may next turn a latch after ``until``, or NEVER."""
    found = NEVER
    if last == NONE:
        return found
    for k in range(t.rule[rule].limits):
        if begun[k] != NONE:
            at = due_of(t, rule, on[k], begun[k])
            if until < at <= last + stale:
                found = min(found, at)
    return found
