"""Named places where a test may make the process fail, to prove that nothing is lost.

``ANLAN_FAILPOINT=<name>:raise`` or ``<name>:kill`` (optionally ``<name>:kill:<n>``
for the n-th passage) arms one of them.  Unarmed, a failpoint costs one
dictionary look-up.
"""

from __future__ import annotations

import os
import signal

_armed: dict[str, tuple[str, int]] = {}
_traced: dict[str, int] | None = None


class FailpointError(RuntimeError):
    """Raised where a failpoint was armed with ``raise``."""


def arm(spec: str) -> None:
    """Arm one failpoint from ``name:action[:count]``; an empty text disarms all.

    ``trace`` arms none and counts the passages of each instead (:func:`traced`).
    """
    global _traced  # noqa: PLW0603  one process, one armed failpoint
    _armed.clear()
    _traced = {} if spec == "trace" else None
    if spec and spec != "trace":
        name, action, *count = spec.split(":")
        if action not in {"raise", "kill"}:
            raise ValueError(f"unknown failpoint action {action!r}")
        _armed[name] = (action, int(count[0]) if count else 1)


def reach(name: str) -> None:
    """Pass the failpoint ``name``; fail here when it is armed and its turn has come."""
    if _traced is not None:
        _traced[name] = _traced.get(name, 0) + 1
    if not _armed or name not in _armed:
        return
    action, left = _armed[name]
    if left > 1:
        _armed[name] = (action, left - 1)
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    _armed.clear()
    raise FailpointError(name)


def traced() -> dict[str, int]:
    """Return how often each failpoint was passed since tracing began."""
    return dict(_traced or {})


arm(os.environ.get("ANLAN_FAILPOINT", ""))
