"""What the judge carries from step to step, how large it is, and one file to keep it in."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from anlan.kernel.errors import IntegrityBreachError
from anlan.warning.columns.inuse import (
    PACK,
    SAME_PLACES,
    UNPACK,
    are_few,
    carry_in_use,
    slots_in_use,
)
from anlan.warning.columns.layout import (
    BUNDLE,
    COLD,
    HOT,
    I64,
    LANE,
    LATE,
    LIMIT,
    NEVER,
    NONE,
    PROGRAM,
    RING,
    RULE,
    RUN,
    SHIFT,
    SILENCE,
    Columns,
    Flags,
    Tables,
)
from anlan.warning.columns.programs import SPARE, Named

STEP_BYTES = 8 << 20
VERSION = 5  # of the file
UNPACKED, ABREAST_ALREADY, ALONE = 4, 3, 2
"""Files of these versions are read, too: before 4 there were no columns by run, in 2 each bundle lay alone."""
BY_READING = ("r_at", "r_value")
BY_RUN = ("ahead", "newest_low", "newest_high")
KINDS: dict[str, Any] = {
    "hot": HOT, "ahead": np.int32, "newest_low": np.int64, "newest_high": np.int64,
    "cold": COLD, "lane": LANE, "on": np.int8, "begun": np.int64, "bundle": RING, "owner": np.int32,
    "r_at": np.int64, "r_value": np.float64, "look_at": np.int64,
}  # fmt: skip
TABLE_KINDS: dict[str, Any] = {
    "rule": RULE, "limit": LIMIT, "silence": SILENCE, "program": PROGRAM, "listed": np.int64,
}  # fmt: skip
BLANKS: dict[str, int] = {"begun": NONE, "look_at": NEVER, "owner": -1}
BLANK_FIELDS: dict[str, dict[str, int]] = {
    "hot": {"program": -1, "row": -1},
    "cold": {"settled": NONE, "due": NEVER, "moved": NONE, "s_rule": -1},
    "lane": {"next": -1, "until": NONE},
}
# Qualities that count as no value: bad, out of range, missing; and 255, a reading taken back.
UNJUDGED = (2, 3, 4, 255)


@dataclass(slots=True)
class State:
    """The judge's memory in columns; ``step`` changes it in place."""

    tables: Tables
    columns: Columns
    rules: tuple[Named, ...] = ()
    silences: tuple[Named, ...] = ()
    used: int = 0  # places for readings given to rings
    unusable: tuple[str, ...] = ()
    free: dict[int, list[I64]] | None = None  # rows of rings by size; None: to be looked up

    @property
    def next_at(self) -> int | None:
        """The next instant (µs) at which time alone may change something; None: none."""
        look_at = self.columns.look_at
        at = int(look_at.min()) if len(look_at) else NEVER
        return None if at >= NEVER else at


def blank(name: str, *shape: int) -> Any:
    """Return a column of nothing."""
    column = (
        np.full(shape, BLANKS[name], KINDS[name])
        if name in BLANKS
        else np.zeros(shape, KINDS[name])
    )
    for field, value in BLANK_FIELDS.get(name, {}).items():
        column[field] = value
    return column


def qualities(codes: tuple[int, ...]) -> Flags:
    """Return a column by quality code: true where a reading counts as no value."""
    flags = np.zeros(256, np.bool_)
    flags[list(codes)] = True
    return flags


def new_state(*, unjudged: tuple[int, ...] = UNJUDGED) -> State:
    """Return the memory of a judge that knows no stream and no rule yet."""
    empty = {name: np.zeros(0, kind) for name, kind in TABLE_KINDS.items()}
    columns = {name: blank(name, 0) for name in KINDS}
    columns |= {"on": blank("on", 0, 2, 1), "begun": blank("begun", 0, 2, 1)}
    return State(Tables(unjudged=qualities(unjudged), **empty), Columns(**columns))


def bytes_of(state: State) -> dict[str, int]:
    """Return the bytes of the state by what they are for, and in all, without what is kept free."""
    c = state.columns
    sizes = {
        "streams": c.hot.nbytes
        + sum(getattr(c, name).nbytes for name in BY_RUN)
        + c.cold.nbytes
        + c.bundle.nbytes
        + c.owner.nbytes
        + c.look_at.nbytes,
        "lanes": c.lane.nbytes + c.on.nbytes + c.begun.nbytes,
        "readings": sum(_used(state)[name].nbytes for name in BY_READING),
    }
    return sizes | {"all": sum(sizes.values())}


def bytes_per_stream(interval_s: float, lookback_s: float = 0.0, *, limits: int = 1) -> float:
    """Return what one stream with one rule costs that keeps to its interval.

    ``lookback_s`` is the longest window of the rule, 0 for a threshold.
    """
    kept = -(-(lookback_s + LATE / 1_000_000) // interval_s) + SPARE
    stream = HOT.itemsize + COLD.itemsize + 4 + RING.itemsize / BUNDLE + 20 / RUN
    lane = LANE.itemsize + limits * 2 * sum(np.dtype(KINDS[x]).itemsize for x in ("on", "begun"))
    return float(stream + lane + kept * sum(np.dtype(KINDS[x]).itemsize for x in BY_READING))


class _Steadily(io.FileIO):
    """Writes to the disk as it goes: a gigabyte at once would hold up whoever syncs a few kilobytes."""

    owed = 0

    def write(self, data: Any) -> int:
        """Write, and wait for the disk now and then."""
        written = super().write(data)
        self.owed += written
        if self.owed >= STEP_BYTES:
            os.fsync(self.fileno())
            self.owed = 0
        return written


class Saved(NamedTuple):
    """A state as it was saved, the last frame that it has judged, and what was written beside it."""

    state: State
    cursor: int
    more: dict[str, Any]


def save(
    state: State, path: Path, *, cursor: int = 0, more: Mapping[str, Any] | None = None
) -> None:
    """Write the state into one file, whole or not at all; ``cursor``: the last frame judged.

    ``more`` is what the caller wants to find beside it: anything that JSON can say.
    """
    said = {
        "version": VERSION, "cursor": cursor, "more": dict(more or {}),
        "rules": state.rules, "silences": state.silences,
        "used": state.used, "unusable": state.unusable,
    }  # fmt: skip
    arrays = {f"t.{name}": column for name, column in state.tables._asdict().items()}
    arrays |= {f"c.{name}": column for name, column in _packed(state).items()}
    beside = path.with_name(path.name + ".part")
    try:
        with _Steadily(beside, "w") as file:
            np.savez(file, said=np.frombuffer(json.dumps(said).encode(), np.uint8), **arrays)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        beside.unlink(missing_ok=True)  # half of it would keep a full disk full
        raise
    beside.replace(path)
    _sync_folder(path.parent)


def _packed(state: State) -> dict[str, Any]:
    """Return the columns as they are kept in a file: rings that are mostly empty by what they hold."""
    found = _used(state)
    slots = slots_in_use(state.columns)
    if are_few(state.columns, slots):
        found["slots"] = slots
        for name in BY_READING:
            packed = np.empty(int(slots.sum()) * BUNDLE, np.int64)
            carry_in_use(state.columns, slots, found[name].view(np.int64), packed, PACK)
            found[name] = packed.view(KINDS[name])
    return found


def _used(state: State) -> dict[str, Any]:
    """Return the columns without what is kept free for further rings."""
    found = state.columns._asdict()
    return found | {name: found[name][: state.used] for name in BY_READING}


def _sync_folder(folder: Path) -> None:
    """Make the new name last: the database forgets the steps before it next."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


Spare = dict[str, NDArray[Any]]
PAGE = 4_096
SPARE_MORE = 64  # a part as large is added: commits go on while memory is got ready


def spare_for(state: State) -> Spare:
    """Return memory for a copy, and a little more, of which every page is there already.

    New pages are what takes the time of a copy: whoever has the state alone need not wait for them.
    """
    found = {}
    # Looked at while others go on: nothing may be changed, and about right is enough.
    c = state.columns
    held = c.hot["head"].sum() + c.hot["count"].sum() + RUN * c.ahead.sum(dtype=np.int64)
    few = 2 * held < state.used
    for name, column in _used(state).items():
        one = np.empty(
            (len(column) + len(column) // SPARE_MORE + 1, *column.shape[1:]), column.dtype
        )
        if not (few and name in BY_READING):
            one.reshape(-1).view(np.uint8)[::PAGE] = 0
        found[name] = one
    return found


def copied(state: State, spare: Spare | None = None) -> State:
    """Return the same, apart from what changes later; in ``spare`` as far as that is large enough."""
    columns = {}
    slots = slots_in_use(state.columns)
    few = are_few(state.columns, slots)
    for name, column in _used(state).items():
        place = (spare or {}).get(name, column[:0])[: len(column)]
        if place.shape != column.shape:
            place = np.empty(column.shape, column.dtype)
        if few and name in BY_READING:
            whole = column.view(np.int64), place.view(np.int64)
            carry_in_use(state.columns, slots, *whole, SAME_PLACES)
        else:
            np.copyto(place, column)
        columns[name] = place
    return replace(state, columns=Columns(**columns), free=None)


def load(path: Path) -> Saved:
    """Return a state that was saved.

    Raises
    ------
    IntegrityBreachError
        When the file is no such state, is harmed, or is of another version.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as kept:
            return _read(kept)
    except IntegrityBreachError:
        raise
    except Exception as error:  # harmed bytes break whoever reads zip, arrays or JSON in any way
        raise IntegrityBreachError(what=f"a state of the judge: {error}") from error


def _read(kept: NpzFile) -> Saved:
    if kept.zip is None or kept.zip.testzip() is not None:
        raise IntegrityBreachError(what="a state of the judge that is harmed")
    said = json.loads(kept["said"].tobytes())
    if said["version"] not in {VERSION, UNPACKED, ABREAST_ALREADY, ALONE}:
        raise IntegrityBreachError(what=f"a state of the judge of version {said['version']}")
    # A file forgets that its records are aligned: compiled code must know.
    tables = Tables(
        unjudged=kept["t.unjudged"],
        **{name: _as(kept[f"t.{name}"], kind) for name, kind in TABLE_KINDS.items()},
    )
    given = {name: kept[f"c.{name}"] for name in KINDS if f"c.{name}" in kept}
    if said["version"] < UNPACKED:
        runs = -(-len(given["hot"]) // RUN)
        given |= {name: blank(name, runs) for name in BY_RUN}
    if said["version"] == ALONE:
        given["bundle"] = _with_steps(given["bundle"])
    columns = Columns(**{name: _as(given[name], kind) for name, kind in KINDS.items()})
    rules = tuple((str(rule), int(version)) for rule, version in said["rules"])
    silences = tuple((str(rule), int(version)) for rule, version in said["silences"])
    state = State(tables, columns, rules, silences, int(said["used"]), tuple(said["unusable"]))
    slots = _as(kept["c.slots"], np.int64) if "c.slots" in kept else None
    if not _is_sound(state, slots):
        raise IntegrityBreachError(what="a state of the judge whose rings do not fit")
    if slots is not None:
        state.columns = _unpacked(state, slots)
    return Saved(state, int(said["cursor"]), said["more"])


def _is_sound(state: State, slots: I64 | None) -> bool:
    """Return whether every ring lies where there is room: compiled code does not look."""
    c, ring = state.columns, state.columns.bundle
    row = c.hot["row"].astype(np.int64)
    seated = row >= 0
    size = (
        np.where(seated, ring["size"][np.minimum(row, len(c.owner) - 1) >> SHIFT], 1)
        if len(ring)
        else 1
    )
    ends = ring["base"] + (ring["size"] - 1) * ring["step"] + BUNDLE
    fits = (
        len(c.owner) == len(ring) * BUNDLE
        and all(len(getattr(c, name)) == -(-len(row) // RUN) for name in BY_RUN)
        and len(c.cold) == len(row)
        and bool(((row >= -1) & (row < len(c.owner))).all())
        and np.array_equal(c.owner[row[seated]], np.flatnonzero(seated))
        and bool(((ring["size"] > 0) & (ring["step"] >= BUNDLE) & (ring["base"] >= 0)).all())
        and int(ends.max(initial=0)) <= state.used
        and bool(((c.hot["head"] >= 0) & (c.hot["head"] < size)).all())
        and bool(((c.hot["count"] >= 0) & (c.hot["count"] <= np.where(seated, size, 0))).all())
    )
    if not fits:
        return False
    if slots is not None and not np.array_equal(slots, slots_in_use(c)):
        return False
    room = state.used if slots is None else int(slots.sum()) * BUNDLE
    return len(c.r_at) == len(c.r_value) == room


def _unpacked(state: State, slots: I64) -> Columns:
    columns = {}
    for name in BY_READING:
        packed = getattr(state.columns, name)
        columns[name] = np.zeros(state.used, KINDS[name])
        whole = packed.view(np.int64), columns[name].view(np.int64)
        carry_in_use(state.columns, slots, *whole, UNPACK)
    return state.columns._replace(**columns)


def _with_steps(bundles: Any) -> Any:
    found = np.zeros(len(bundles), RING)
    found["base"], found["size"], found["step"] = bundles["base"], bundles["size"], BUNDLE
    return found


def _as(column: Any, kind: Any) -> Any:
    if column.dtype != np.dtype(kind):
        raise IntegrityBreachError(what="a state of the judge with other columns")
    return np.ascontiguousarray(column).view(kind)
