"""Taking over other rules or other streams: every lane finds its place among the new ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from anlan.registry.domain.rulespecs import SilenceRule, ThresholdRule, WindowRule
from anlan.warning.columns.bare import bare_columns, bare_room, bare_tables
from anlan.warning.columns.compiled import compiled
from anlan.warning.columns.folding import turn
from anlan.warning.columns.lanes import was_told
from anlan.warning.columns.layout import (
    BLOCK,
    DEAD,
    GONE,
    I64,
    KEPT,
    MOVING,
    NEW,
    RUN,
    TAKES_OVER,
    TIMED,
    Columns,
    Room,
    Tables,
    Told,
    Turns,
)
from anlan.warning.columns.one import tidy
from anlan.warning.columns.programs import (
    City,
    Compiled,
    Named,
    compile_city,
    readings_needed,
    usable_book,
)
from anlan.warning.columns.ring import catch_up, settled
from anlan.warning.columns.rings import seat
from anlan.warning.columns.state import BY_RUN, State, blank
from anlan.warning.domain.silence import patience

NOTHING_TOLD = Told(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 3), np.int64))


def adopt(state: State, city: City, *, now: int) -> Told:
    """Let a city's rules and streams hold from now on; return what was told and may yet change.

    Streams that are no more must have been ended.  The step that follows judges every stream.
    """
    widen(state, len(city.facts.there))
    old, columns = state.tables, state.columns
    _settle_all(old, columns)
    told = _all_told(old, columns)
    lanes = columns.lane
    is_open = (lanes["told"] > 0) & (lanes["flags"] & DEAD == 0) & (_belongs(columns) >= 0)
    kept = [state.rules[x] for x in np.unique(lanes["rule"][is_open]).tolist()]
    silent_streams = np.flatnonzero(columns.cold["s_height"])
    named = np.unique(columns.cold["s_named"][silent_streams])
    silent = [state.silences[x] for x in named.tolist()]
    made = compile_city(city, kept, silent, unjudged=old.unjudged)
    fresh = np.flatnonzero((columns.hot["program"] < 0) & (made.program >= 0))
    told = _move_lanes(state, made, city, told)
    columns = state.columns
    columns.cold["since"][fresh] = now
    columns.hot["program"] = made.program
    _move_silences(state, made, city, silent_streams)
    state.tables, state.rules, state.silences = made.tables, made.rules, made.silences
    state.unusable = made.unusable
    _make_room(state)
    return told


def widen(state: State, streams: int) -> None:
    """Make the columns of the streams long enough."""
    columns = state.columns
    if streams <= len(columns.hot):
        return
    longer = {}
    by_run = [(name, RUN) for name in BY_RUN]
    for name, unit in (("hot", 1), *by_run, ("cold", 1), ("look_at", BLOCK)):
        column = getattr(columns, name)
        longer[name] = np.concatenate([column, blank(name, -(-streams // unit) - len(column))])
    state.columns = columns._replace(**longer)


def _make_room(state: State) -> None:
    """Give rings to streams that have none yet."""
    hot = state.columns.hot
    fresh = np.flatnonzero((hot["program"] >= 0) & (hot["row"] < 0))
    seat(state, fresh, readings_needed(state.tables)[hot["program"][fresh]])


def _belongs(columns: Columns) -> I64:
    """Return the stream of each lane; -1: of a stream that is no more."""
    found = np.full(len(columns.lane), -1, np.int64)
    there = np.flatnonzero((columns.hot["program"] >= 0) & (columns.cold["lanes"] > 0))
    lanes = columns.cold["lanes"][there].astype(np.int64)
    first = np.repeat(columns.cold["lane0"][there].astype(np.int64), lanes)
    within = np.arange(len(first)) - np.repeat(np.cumsum(lanes) - lanes, lanes)
    found[first + within] = np.repeat(there, lanes)
    return found


@compiled
def _settle_all(t: Tables, c: Columns) -> None:
    t, c = bare_tables(t), bare_columns(c)
    for s in range(len(c.hot)):
        catch_up(c, s)
        c.cold[s].settled = settled(c, s)
        if c.hot[s].program >= 0:
            tidy(t, c, s, c.cold[s].settled)


def _all_told(t: Tables, columns: Columns) -> Told:
    """Return, by lane, the turns told after the settled readings, as the rules so far see them."""
    lanes = len(columns.lane)
    told = Told(np.zeros(lanes, np.int64), np.zeros(lanes, np.int64), np.zeros((64, 3), np.int64))
    hot = columns.hot
    streams = np.flatnonzero((hot["program"] >= 0) & (hot["state"] == MOVING))
    most = int(hot["count"][streams].max(initial=0)) + 1
    width = columns.on.shape[2]
    room = scratch((most + 1) * (width + 1) + width + 1, 1, width)
    turns = _write_told(t, columns, streams, told, room)
    return Told(told.first, told.number, turns)


@compiled
def _write_told(t: Tables, c: Columns, streams: I64, told: Told, room: Room) -> Turns:
    t, c, room = bare_tables(t), bare_columns(c), bare_room(room)
    turns = told.turns
    n = 0
    for s in streams:
        for lane in range(c.cold[s].lane0, c.cold[s].lane0 + c.cold[s].lanes):
            if c.lane[lane].flags & DEAD:
                continue
            count = was_told(t, c, s, lane, room.turns, 0, room)
            while n + count > len(turns):
                longer = np.zeros((2 * len(turns), 3), np.int64)
                for i in range(n):
                    turn(longer, i, turns[i, 0], turns[i, 1], turns[i, 2])
                turns = longer
            told.first[lane] = n
            told.number[lane] = count
            for i in range(count):
                n = turn(turns, n, room.turns[i, 0], room.turns[i, 1], room.turns[i, 2])
    return turns


def scratch(turns: int, lanes: int, width: int) -> Room:
    """Return scratch for streams of so many lanes, each with so many turns."""
    return Room(
        told=np.zeros((turns * lanes, 3), np.int64),
        told_first=np.zeros(lanes + 1, np.int64),
        turns=np.zeros((turns, 3), np.int64),
        on=np.zeros((2, width), np.int8),
        begun=np.zeros((2, width), np.int64),
        tally=np.zeros(3, np.int64),
    )


class _Plan:
    """Which lane goes where: lists of old and new lanes, versions and flags."""

    def __init__(self, lanes: int) -> None:
        self.source = np.full(lanes, -1, np.int64)
        self.rule = np.zeros(lanes, np.int64)
        self.next = np.full(lanes, -1, np.int64)
        self.flags = np.full(lanes, NEW, np.int8)


def _move_lanes(state: State, made: Compiled, city: City, told: Told) -> Told:
    """Lay out the lanes anew and carry over what they hold."""
    old, program = state.columns, made.program
    lists = _lists(made.tables)
    special = _special(state, made, lists)
    counts = np.zeros(len(program), np.int64)
    there = np.flatnonzero(program >= 0)
    counts[there] = made.tables.program["rules"][program[there]]
    plans = {s: _special_lanes(state, made, city, lists, s) for s in special}
    for s, laid_out in plans.items():
        counts[s] = len(laid_out)
    lane0 = np.cumsum(counts) - counts
    plan = _Plan(int(counts.sum()))
    _plan_groups(state, made, lists, lane0, np.setdiff1d(there, list(plans)), plan)
    for s, lanes in plans.items():
        for x, (source, rule, following, flags) in enumerate(lanes):
            spot = int(lane0[s]) + x
            plan.source[spot], plan.rule[spot] = source, rule
            plan.next[spot], plan.flags[spot] = following, flags
    width = max(1, int(made.tables.rule["limits"].max(initial=1)))
    state.columns = old._replace(**_carried(old, plan, width, _widths(state, made, plan)))
    state.columns.cold["lane0"] = lane0
    state.columns.cold["lanes"] = counts
    has = plan.source >= 0
    first = np.where(has, told.first[plan.source], 0) if len(told.first) else plan.source * 0
    count = np.where(has, told.number[plan.source], 0) if len(told.first) else plan.source * 0
    spare = np.zeros(1, np.int64)  # never empty: it says that the rules changed
    return Told(np.append(first, spare), np.append(count, spare), told.turns)


def _lists(tables: Tables) -> list[list[int]]:
    """Return the rules of every program."""
    programs = tables.program
    pairs = zip(programs["first"].tolist(), programs["rules"].tolist(), strict=True)
    return [tables.listed[first : first + count].tolist() for first, count in pairs]


def _special(state: State, made: Compiled, lists: list[list[int]]) -> list[int]:
    """Return the streams whose lanes are not simply those of their program, before or after."""
    columns = state.columns
    belongs = _belongs(columns)
    lanes = columns.lane
    odd = belongs[(lanes["flags"] & (KEPT | DEAD) != 0) & (belongs >= 0)]
    found = set(odd.tolist())
    in_program = [{made.rules[rule] for rule in rules} for rules in lists]
    for lane in np.flatnonzero((lanes["told"] > 0) & (belongs >= 0)).tolist():
        s = int(belongs[lane])
        p = int(made.program[s])
        if p >= 0 and state.rules[lanes["rule"][lane]] not in in_program[p]:
            found.add(s)
    return sorted(s for s in found if made.program[s] >= 0)


def _special_lanes(
    state: State, made: Compiled, city: City, lists: list[list[int]], s: int
) -> list[tuple[int, int, int, int]]:
    """Return the lanes of one stream: where from, rule, the one that follows, flags."""
    book, _ = usable_book(city)
    index = {named: number for number, named in enumerate(made.rules)}
    current = {made.rules[rule][0]: rule for rule in lists[made.program[s]]}
    before: dict[str, int] = {}
    cold, lane_of = state.columns.cold[s], state.columns.lane
    for lane in range(int(cold["lane0"]), int(cold["lane0"]) + int(cold["lanes"])):
        if not lane_of["flags"][lane] & DEAD:
            before[state.rules[lane_of["rule"][lane]][0]] = lane
    lanes: list[tuple[int, int, int, int]] = []
    for rule_id in sorted(current.keys() | before.keys()):
        lane, new = before.get(rule_id, -1), current.get(rule_id, -1)
        if lane < 0:
            lanes.append((-1, new, -1, NEW))
            continue
        named = state.rules[lane_of["rule"][lane]]
        timed = int(lane_of["flags"][lane]) & TIMED
        if new >= 0 and made.rules[new] == named:
            lanes.append((lane, new, -1, timed))
        elif not lane_of["told"][lane]:
            if new >= 0:
                lanes.append((-1, new, -1, NEW | TAKES_OVER))
        else:
            kept = book.version(*named)
            if not isinstance(kept, ThresholdRule | WindowRule):
                gone = (lane, index[named], -1, GONE)
                lanes.append(gone if new < 0 else (-1, new, -1, NEW | TAKES_OVER))
                continue
            rule = index[kept.id, kept.version]
            lanes.append((lane, rule, new, timed if rule == new else timed | KEPT))
    return lanes


def _plan_groups(
    state: State, made: Compiled, lists: list[list[int]], lane0: I64, streams: I64, plan: _Plan
) -> None:
    """Plan the lanes of ordinary streams, all of one old and one new program at once."""
    old_lists = _lists(state.tables)
    columns = state.columns
    old = columns.hot["program"][streams].astype(np.int64)
    pair = (old + 1) * (len(lists) + 1) + made.program[streams]
    order = np.argsort(pair, kind="stable")
    streams, pair = streams[order], pair[order]
    ends = np.append(np.flatnonzero(np.diff(pair)) + 1, len(pair))
    begin = 0
    for end in ends.tolist():
        group = streams[begin:end]
        begin = end
        if not len(group):
            continue
        was = int(columns.hot["program"][group[0]])
        before = [state.rules[rule] for rule in old_lists[was]] if was >= 0 else []
        ids = {rule_id for rule_id, _ in before}
        for x, rule in enumerate(lists[made.program[group[0]]]):
            spots = lane0[group] + x
            named = made.rules[rule]
            plan.rule[spots] = rule
            if named in before:
                plan.source[spots] = columns.cold["lane0"][group] + before.index(named)
                plan.flags[spots] = columns.lane["flags"][plan.source[spots]] & TIMED
            elif named[0] in ids:
                plan.flags[spots] = NEW | TAKES_OVER


def _widths(state: State, made: Compiled, plan: _Plan) -> I64:
    """Return for each lane how many latches it takes over: none when the rule has others."""
    before, after_all = state.tables.rule["limits"], made.tables.rule["limits"]
    keeps = np.zeros(len(plan.source), np.int64)
    has = np.flatnonzero(plan.source >= 0)
    was = before[state.columns.lane["rule"][plan.source[has]]]
    is_now = after_all[plan.rule[has]]
    keeps[has] = np.where(was == is_now, is_now, 0)
    return keeps


def _carried(old: Columns, plan: _Plan, width: int, keeps: I64) -> dict[str, Any]:
    """Return the columns by lane and by latch after the move."""
    lanes = len(plan.source)
    has = np.flatnonzero(plan.source >= 0)
    lane = blank("lane", lanes)
    lane[has] = old.lane[plan.source[has]]
    lane["rule"], lane["next"], lane["flags"] = plan.rule, plan.next, plan.flags
    both = min(width, old.on.shape[2])
    kept = np.flatnonzero(keeps > 0)
    found: dict[str, Any] = {"lane": lane}
    for name in ("on", "begun"):
        column = blank(name, lanes, 2, width)
        column[kept, :, :both] = getattr(old, name)[plan.source[kept], :, :both]
        found[name] = column
    return found


def _move_silences(state: State, made: Compiled, city: City, streams: I64) -> None:
    """Let open silence alerts keep the version they began with; else the rule for their stream."""
    book, _ = usable_book(city)
    index: dict[Named, int] = {named: number for number, named in enumerate(made.silences)}
    columns = state.columns
    for s in streams.tolist():
        cold, program = columns.cold[s], int(made.program[s])
        named = state.silences[cold["s_named"]]
        rule = book.version(*named)
        cold["s_named"] = index[named]
        if program < 0:
            continue
        if not isinstance(rule, SilenceRule):
            rule = book.silence_for(made.samples[program])
        cold["s_rule"] = -1 if rule is None else index[rule.id, rule.version]
        if rule is not None:
            cold["s_wait"] = patience(rule, made.samples[program])
