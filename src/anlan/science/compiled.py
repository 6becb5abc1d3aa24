"""Compiled loops, kept on disk between runs and made anew when any method has changed.

Numba looks only at the file that a function stands in; a loop also holds what it calls from other
files.  So the folder of what is kept carries a digest of all methods.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

# Numba fills its settings when it is imported; no type checker sees them.
config: Any = numba.config

Loop = TypeVar("Loop", bound=Callable[..., object])


def _digest() -> str:
    found = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


_FOLDER = str(
    Path(config.CACHE_DIR or Path(__file__).parent / "__pycache__") / f"loops-{_digest()}"
)


def compiled(loop: Loop) -> Loop:
    """Return ``loop`` compiled when it is first called, without Python's own objects."""
    before = config.CACHE_DIR
    try:
        config.CACHE_DIR = _FOLDER
        Path(_FOLDER).mkdir(parents=True, exist_ok=True)
        return cast("Loop", numba.njit(cache=True)(loop))
    except OSError:
        config.CACHE_DIR = before  # the program's folder is read-only: Numba finds a place
        return cast("Loop", numba.njit(cache=True)(loop))
    finally:
        config.CACHE_DIR = before
