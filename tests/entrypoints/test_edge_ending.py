"""How the edge ends: whatever one part does, every other is let go."""

from __future__ import annotations

import asyncio

import pytest

from anlan.entrypoints.edge.serving import end_all


def test_what_does_not_end_keeps_nothing_else_open():
    ended = []

    def stuck():
        ended.append("mqtt")
        raise TimeoutError

    with pytest.raises(TimeoutError):
        asyncio.run(end_all(stuck, lambda: ended.append("gatherer"), lambda: ended.append("store")))
    assert ended == ["mqtt", "gatherer", "store"]
