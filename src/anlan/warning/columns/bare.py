"""Columns as bare memory: compiled code need not count who holds them while it runs.

Counting is an atomic step at every look at a column, tens of them for each
stream; whoever calls holds the columns anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from numba.extending import intrinsic

from anlan.warning.columns.compiled import compiled
from anlan.warning.columns.layout import Batch, Columns, Out, Room, Tables, Told


def _bare(typing: Any, array: Any) -> Any:  # noqa: ARG001
    """Return an array that does not know who owns its memory."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = context.make_array(signature.args[0])(context, builder, value=arguments[0])
        found.meminfo = found.meminfo.type(None)
        found.parent = found.parent.type(None)
        return found._getvalue()

    return array(array), made


bare = cast("Callable[[Any], Any]", intrinsic(_bare))


@compiled
def bare_tables(t: Tables) -> Tables:
    """Return the same tables, uncounted."""
    return Tables(
        bare(t.rule), bare(t.limit), bare(t.silence), bare(t.program), bare(t.listed),
        bare(t.unjudged),
    )  # fmt: skip


@compiled
def bare_columns(c: Columns) -> Columns:
    """Return the same columns, uncounted."""
    return Columns(
        bare(c.hot), bare(c.ahead), bare(c.newest_low), bare(c.newest_high),
        bare(c.cold), bare(c.lane), bare(c.on), bare(c.begun), bare(c.bundle), bare(c.owner),
        bare(c.r_at), bare(c.r_value), bare(c.look_at),
    )  # fmt: skip


@compiled
def bare_batch(batch: Batch) -> Batch:
    """Return the same readings, uncounted."""
    return Batch(
        bare(batch.stream), bare(batch.at_us), bare(batch.value), bare(batch.quality),
        bare(batch.arrival),
    )  # fmt: skip


@compiled
def bare_out(out: Out) -> Out:
    """Return the same paper, uncounted."""
    return Out(bare(out.size), bare(out.row), bare(out.e_at), bare(out.e_value))


@compiled
def bare_room(room: Room) -> Room:
    """Return the same scratch, uncounted."""
    return Room(
        bare(room.told), bare(room.told_first), bare(room.turns), bare(room.on), bare(room.begun),
        bare(room.tally),
    )  # fmt: skip


@compiled
def bare_told(told: Told) -> Told:
    """Return the same turns, uncounted."""
    return Told(bare(told.first), bare(told.number), bare(told.turns))
