"""Work that is run as if it were a request leaves and finds its connections as a request does."""

from __future__ import annotations

import pytest
from django.db import connection, connections

from anlan.entrypoints.web import intake

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def test_a_connection_that_broke_is_opened_anew_for_the_next_work(monkeypatch):
    monkeypatch.setattr(intake, "WORKERS", 1)  # so that the next work meets the same connection
    desk = intake.Intake(lambda _environ, _start: [], limit=1)

    def asks():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone()[0]

    def breaks():
        asks()
        connection.connection.close()  # as when the database was started again
        connection.is_usable = lambda: False
        asks()

    try:
        with pytest.raises(Exception, match="closed"):
            desk.in_turn(breaks)
        assert desk.in_turn(asks) == 1
    finally:
        desk.in_turn(connections.close_all)
        desk._workers.shutdown()
