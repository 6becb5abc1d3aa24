"""Findings written into columns: which turns are told, and what they rest on (``domain/telling.py``)."""

from __future__ import annotations

import math

from anlan.warning.columns.compiled import compiled
from anlan.warning.columns.folding import windowed
from anlan.warning.columns.layout import (
    BY_RULE,
    CLEARED,
    CORRECTED,
    EVIDENCE,
    LEVEL,
    RAISED,
    THRESHOLD,
    Columns,
    Out,
    Tables,
    Turns,
)
from anlan.warning.columns.ring import after, place


@compiled
def note(
    out: Out, s: int, named: int, what: int, why: int, height: int, before: int, since: int, at: int
) -> int:
    """Write a finding without readings and return its place."""
    n = out.size[0]
    out.row[n].stream = s
    out.row[n].named = named
    out.row[n].what = what
    out.row[n].why = why
    out.row[n].height = height
    out.row[n].before = before
    out.row[n].since = since
    out.row[n].at = at
    out.row[n].limit = -1
    out.row[n].value = math.nan
    out.row[n].coverage = 1.0
    out.row[n].e_first = out.size[1]
    out.row[n].e_count = 0
    out.size[0] += 1
    return n


@compiled
def emit(
    t: Tables, c: Columns, s: int, rule: int, turns: Turns, i: int, before: int, late: bool, out: Out
) -> None:  # fmt: skip
    """Write the finding that tells turn ``i``, with the readings it rests on."""
    at, height, since = turns[i, 0], turns[i, 1], turns[i, 2]
    what = CLEARED if height == 0 else LEVEL if before else RAISED
    why = CORRECTED if late and height == 0 else BY_RULE
    level = height or before
    n = note(out, s, rule, what, why, level, before, since, at)
    limit = 0
    for k in range(t.rule[rule].limits - 1, -1, -1):
        if t.limit[t.rule[rule].first + k].height == level:
            limit = k
    out.row[n].limit = limit
    upto = after(c, s, at, 0, int(c.hot[s].count))
    if upto == 0:
        return
    if t.rule[rule].kind == THRESHOLD:
        out.row[n].value = c.r_value[place(c, s, upto - 1)]
    else:
        value, coverage, there = windowed(t, c, s, upto - 1, rule, limit)
        out.row[n].value = value if there else math.nan
        out.row[n].coverage = coverage
    first = max(0, upto - EVIDENCE)
    spot = out.size[1]
    for k in range(first, upto):
        source = place(c, s, k)
        out.e_at[spot] = c.r_at[source]
        out.e_value[spot] = c.r_value[source]
        spot += 1
    out.size[1] = spot
    out.row[n].e_count = upto - first


@compiled
def tell_chain(
    t: Tables,
    c: Columns,
    s: int,
    rule: int,
    turns: Turns,
    n: int,
    first: int,
    before: int,
    out: Out,
) -> int:
    """Tell the turns from ``first`` on, one after another; return the level that stands."""
    for i in range(first, n):
        emit(t, c, s, rule, turns, i, before, False, out)
        before = turns[i, 1]
    return before


@compiled
def tell(
    t: Tables,
    c: Columns,
    s: int,
    rule: int,
    height: int,
    told: Turns,
    turns: Turns,
    n: int,
    out: Out,
) -> bool:
    """Tell what listeners must hear so that they know ``turns`` after they heard ``told``.

    Return whether any of what was told is no more as it was, also where that is not worth telling.
    """
    n_told = len(told)
    same = 0
    while (
        same < min(n_told, n)
        and told[same, 0] == turns[same, 0]
        and told[same, 1] == turns[same, 1]
        and told[same, 2] == turns[same, 2]
    ):
        same += 1
    heard = told[n_told - 1, 1] if n_told else height
    if same == n_told:
        tell_chain(t, c, s, rule, turns, n, same, heard, out)
        return False
    last = n - 1
    if n == 0:
        # What was told last is taken back: nothing has turned since the settled reading.
        at = told[n_told - 1, 0]
        turns[0, 0], turns[0, 1], turns[0, 2] = at, height, at
        last = 0
    peak = same if same < n else last
    for i in range(same, n):
        if turns[i, 1] > turns[peak, 1]:
            peak = i
    known = heard
    for i in range(same, n_told):
        known = max(known, told[i, 1])
    if turns[peak, 1] > known:
        emit(t, c, s, rule, turns, peak, heard, True, out)
        heard = turns[peak, 1]
    if turns[last, 1] != heard:
        emit(t, c, s, rule, turns, last, heard, True, out)
    return True
