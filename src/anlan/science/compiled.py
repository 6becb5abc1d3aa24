"""Loops that become machine code at their first call, kept on the disk for the next process.

Numba itself is imported at that first call only: most processes never run a loop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property, lru_cache, update_wrapper
from pathlib import Path
from typing import Any, TypeVar, cast

Loop = TypeVar("Loop", bound=Callable[..., object])


def compiled(loop: Loop) -> Loop:
    """Return ``loop`` so that it is compiled when first called, without Python's own objects.

    Loops may call each other.  A loop is compiled anew when a source in its folder has changed.
    """
    return cast("Loop", _Compiled(loop))


class _Compiled:
    def __init__(self, loop: Callable[..., object]) -> None:
        self._loop = loop
        update_wrapper(self, loop)

    def __call__(self, *arguments: object) -> object:
        return self._machine_code(*arguments)

    @property
    def _numba_type_(self) -> Any:
        """What Numba asks for when another loop calls this one: there it is a loop like any."""
        return self._machine_code._numba_type_

    @cached_property
    def _machine_code(self) -> Any:
        import numba

        made: Any = numba.njit(self._loop)
        made.enable_caching()
        # Numba looks at the file of the loop alone; what it calls and counts on is in others.
        folder = Path(self._loop.__code__.co_filename).parent
        made._cache._cache_file._source_stamp = _stamp(folder)
        return made


@lru_cache
def _stamp(folder: Path) -> str:
    """Return a hash of all sources of a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
