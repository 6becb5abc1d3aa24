"""How the edge ends: whatever one part does, every other is let go."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from anlan.entrypoints.edge.serving import end_all


def test_what_does_not_end_keeps_nothing_else_open():
    ended = []

    def stuck():
        ended.append("mqtt")
        raise TimeoutError

    async def whole():
        await end_all(stuck, lambda: ended.append("gatherer"), lambda: ended.append("store"))

    # In a thread of its own: a browser test before this one leaves an event loop behind.
    with ThreadPoolExecutor(1) as alone, pytest.raises(TimeoutError):
        alone.submit(lambda: asyncio.run(whole())).result()
    assert ended == ["mqtt", "gatherer", "store"]
