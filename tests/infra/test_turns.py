"""Writers to SQLite queue; whoever does not get a turn still has SQLite's own lock."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import Counter

import pytest
from django.db import connection, transaction

from anlan.infra.models import ParkedEvent

pytestmark = [
    pytest.mark.sqlite_only,
    pytest.mark.django_db(transaction=True, databases="__all__"),
]


def turn_file(ending="-turn"):
    return f"{connection.settings_dict['NAME']}{ending}"


def is_free(ending="-turn"):
    handle = os.open(turn_file(ending), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def test_a_turn_is_held_for_the_transaction_and_given_back():
    with transaction.atomic():
        assert not is_free()
    assert is_free()


def test_a_failed_transaction_gives_its_turn_back():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raise ZeroDivisionError
    assert is_free()


def test_a_closed_connection_gives_its_turn_back():
    connection.set_autocommit(False)
    connection.close()
    assert is_free()


def test_who_gets_no_turn_in_time_goes_on_to_the_databases_own_lock(monkeypatch):
    held = os.open(turn_file(), os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.02)
    try:
        with transaction.atomic():
            ParkedEvent.objects.count()
    finally:
        os.close(held)


def test_writers_at_once_all_get_their_turns():
    done = []

    def write(writer):
        try:
            for _ in range(20):
                with transaction.atomic():
                    ParkedEvent.objects.filter(pk=0).update(error="x")
                done.append(writer)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(done) == dict.fromkeys(range(4), 20)


def test_nobody_takes_two_turns_while_another_waits():
    order = []

    def write():
        try:
            with transaction.atomic():
                order.append("other")
        finally:
            connection.close()

    other = threading.Thread(target=write)
    with connection.turn():
        other.start()
        end = time.monotonic() + 20
        while is_free("-next") and time.monotonic() < end:
            time.sleep(0.001)
    with transaction.atomic():  # at once again, and yet the other comes first
        order.append("this one")
    other.join(20)
    assert order == ["other", "this one"]
