"""What waits for a disk is done beside the clockwork, and its failures are seen all the same."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from anlan.entrypoints.beside import LONGEST, Beside

NOW = datetime(2026, 7, 20, 2, 0, tzinfo=UTC)


class Disk:
    """A duty that takes as long as the test lets it."""

    def __init__(self):
        self.turns = []
        self.free = threading.Event()
        self.error = None

    def __call__(self, now):
        self.turns.append(now)
        assert self.free.wait(10)
        if self.error is not None:
            raise self.error


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def beside(disk):
    made = Beside(disk, "testing")
    yield made
    disk.free.set()
    made._thread.shutdown()


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def settle(beside):
    beside._doing.exception(10)


def test_nobody_waits_for_a_turn_and_no_second_one_begins(beside, disk):
    for second in range(5):
        beside(at(second))
    disk.free.set()
    settle(beside)
    beside(at(5))
    settle(beside)
    assert disk.turns == [at(0), at(5)]


def test_what_a_turn_raised_is_raised_until_a_turn_succeeds(beside, disk):
    disk.error = OSError("broken")
    disk.free.set()
    beside(at(0))
    settle(beside)
    disk.free.clear()
    for second in (1, 2, 3):  # also while the next turn takes its time
        with pytest.raises(OSError, match="broken"):
            beside(at(second))
    disk.error = None
    disk.free.set()
    settle(beside)
    beside(at(4))
    settle(beside)
    assert disk.turns == [at(0), at(1), at(4)]


def test_a_turn_without_an_end_is_a_failure(beside):
    beside(NOW)
    beside(NOW + LONGEST)
    with pytest.raises(TimeoutError):
        beside(NOW + LONGEST + timedelta(seconds=1))
