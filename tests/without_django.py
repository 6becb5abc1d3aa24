"""A plugin for a test process in which Django is not installed, nor anything that needs it.

The decisions of every room must run on their own: see ``test_pure.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

MISSING = frozenset({"django", "ninja", "psycopg", "granian"})


class NotInstalled:
    """Answers the import of a missing package as a machine without it does."""

    @staticmethod
    def find_spec(
        name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Refuse what is missing; leave all else to the next finder."""
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


sys.meta_path.insert(0, NotInstalled)  # type: ignore[arg-type]  # a finder may be a class
