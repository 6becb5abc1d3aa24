"""Machine code from the annotations of a function: one version of each, kept on the disk.

Compiled when a module is first imported on a machine (a minute for all of
them), read from beside it afterwards.  No interpreter's lock is held, so
threads may run it at once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba import types

from anlan.warning.columns import layout

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
INTERPRETED = frozenset(
    {"__init__.py", "judge.py", "programs.py", "resuming.py", "sharing.py", "spoken.py", "state.py"}
)
_WHOLE, _REAL, _SMALL = types.int64, types.float64, types.int8


def _records(*kinds: Any) -> list[Any]:
    return [numba.from_dtype(kind)[::1] for kind in kinds]


_NAMED: dict[str, Any] = {
    "int": _WHOLE,
    "float": _REAL,
    "bool": types.boolean,
    "None": types.void,
    "I8": _SMALL[::1],
    "I32": types.int32[::1],
    "I64": _WHOLE[::1],
    "F64": _REAL[::1],
    "Turns": _WHOLE[:, ::1],
    "Tables": types.NamedTuple(
        [
            *_records(layout.RULE, layout.LIMIT, layout.SILENCE, layout.PROGRAM),
            _WHOLE[::1], types.boolean[::1],
        ],
        layout.Tables,
    ),
    "Columns": types.NamedTuple(
        [
            *_records(layout.HOT),
            types.int32[::1], _WHOLE[::1], _WHOLE[::1],
            *_records(layout.COLD, layout.LANE),
            _SMALL[:, :, ::1], _WHOLE[:, :, ::1], *_records(layout.RING),
            types.int32[::1],
            _WHOLE[::1], _REAL[::1], _WHOLE[::1],
        ],
        layout.Columns,
    ),
    "Batch": types.NamedTuple(
        [types.int32[::1], _WHOLE[::1], _REAL[::1], types.uint8[::1], types.uint32[::1]],
        layout.Batch,
    ),
    "Out": types.NamedTuple(
        [_WHOLE[::1], *_records(layout.ROW), _WHOLE[::1], _REAL[::1]], layout.Out
    ),
    "Room": types.NamedTuple(
        [
            _WHOLE[:, ::1], _WHOLE[::1], _WHOLE[:, ::1], _SMALL[:, ::1], _WHOLE[:, ::1],
            _WHOLE[::1],
        ],
        layout.Room,
    ),
    "Told": types.NamedTuple([_WHOLE[::1], _WHOLE[::1], _WHOLE[:, ::1]], layout.Told),
}  # fmt: skip


def _type_of(said: str) -> Any:
    several = re.fullmatch(r"tuple\[(.*)\]", said)
    if several is None:
        return _NAMED[said]
    return types.Tuple([_type_of(part.strip()) for part in several[1].split(",")])


def compiled(function: FunctionT) -> FunctionT:
    """Return ``function`` compiled for the types that it states."""
    return _compiled(function, forceinline=False)


def woven(function: FunctionT) -> FunctionT:
    """Return a small ``function`` compiled into its callers: a call hands over every column."""
    return _compiled(function, forceinline=True)


def _compiled(function: FunctionT, *, forceinline: bool) -> FunctionT:
    said = dict(function.__annotations__)
    gives = _type_of(said.pop("return"))
    made: Any = numba.njit(nogil=True, error_model="numpy", forceinline=forceinline)(function)
    made.enable_caching()
    # Numba looks at the file of the function alone; what it calls and counts on is in others.
    made._cache._cache_file._source_stamp = _stamp()
    made.compile(gives(*[_type_of(kind) for kind in said.values()]))
    made.disable_compile()
    return cast("FunctionT", made)


@lru_cache
def _stamp() -> str:
    """Return a hash of all sources of this package that machine code rests on."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.name not in INTERPRETED:
            digest.update(path.read_bytes())
    return digest.hexdigest()
