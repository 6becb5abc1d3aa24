"""The connections of a pool of threads end with it, also where an event loop runs."""

from __future__ import annotations

import asyncio

import pytest
from django.db import connection, connections

from anlan.infra.asking import AskingThreads


def asked(links):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        links.append(connection.connection)
        return cursor.fetchone()


@pytest.mark.django_db(transaction=True)
def test_a_pool_leaves_no_connection_behind(monkeypatch):
    closed, links = [], []

    async def whole():
        pool = AskingThreads(1, "asking")
        assert pool.submit(asked, links).result() == (1,)
        for link in pool._links:
            close = link.close
            monkeypatch.setattr(link, "close", lambda close=close: (close(), closed.append(1)))
        pool.shutdown()

    asyncio.run(whole())
    assert links
    assert len(closed) == len(list(connections))
