"""The judge's memory is written beside its steps, once at a time, and again when that failed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from anlan.warning.services.streams import memory, saving
from anlan.warning.services.streams.saving import Saving


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was noted in the database, which is not there."""
    found: list[Any] = []
    monkeypatch.setattr(saving.cuts, "note_checkpoint", lambda *said: found.append(said))
    return found


def held(at: int) -> memory.Memory:
    found = memory.fresh("a")
    found.mark = found.mark._replace(at=at)
    return found


def test_steps_go_on_while_it_is_written(tmp_path: Path, written: list[Any], monkeypatch) -> None:
    go_on, threads = threading.Event(), []

    def slowly(_memory: memory.Memory, _root: Path) -> None:
        threads.append(threading.current_thread())
        go_on.wait(30)

    monkeypatch.setattr(memory, "save", slowly)
    this, one = Saving(tmp_path), held(1)
    one.due = True
    this.begin_beside()
    assert this.is_due(one)
    this.write(one)
    assert not this.is_due(one)  # one at a time
    assert not written
    go_on.set()
    this.end_beside()  # waits for it
    assert threads[0] is not threading.current_thread()
    assert len(written) == 1
    this.write(one)  # at once from now on
    assert threads[1] is threading.current_thread()
    assert len(written) == 2


def test_what_failed_is_tried_again_a_minute_later(
    tmp_path: Path, written: list[Any], monkeypatch
) -> None:
    def full(_memory: memory.Memory, _root: Path) -> None:
        raise OSError(28, "No space left on device")

    this = Saving(tmp_path)
    this.begin_beside()
    with monkeypatch.context() as patch:
        patch.setattr(memory, "save", full)
        this.write(held(1))
        this.end_beside()
    assert not written
    assert not this.is_due(held(saving.CUTS_US - 1))
    assert this.is_due(held(saving.CUTS_US))
    this.write(held(saving.CUTS_US))
    assert len(written) == 1
    assert not this.is_due(held(saving.CUTS_US))
    assert memory.load(tmp_path) is not None


def test_much_is_written_soon_but_not_too_often(tmp_path: Path) -> None:
    this, one = Saving(tmp_path), held(saving.READINGS_US)
    one.readings = saving.READINGS
    assert this.is_due(one)
    one.saved_at = 1
    assert not this.is_due(one)
    one.cuts = saving.CUTS
    assert this.is_due(one)
    one.saved_at = one.mark.at - saving.CUTS_US + 1
    assert not this.is_due(one)


def test_a_forked_child_waits_for_no_thread_of_its_parent(tmp_path: Path, monkeypatch) -> None:
    this, one = Saving(tmp_path), held(1)
    one.due = True
    go_on = threading.Event()
    monkeypatch.setattr(memory, "save", lambda *_: go_on.wait(30))
    monkeypatch.setattr(saving.cuts, "note_checkpoint", lambda *_: None)
    this.begin_beside()
    this.write(one)
    this.drop()
    assert this.is_due(one)
    go_on.set()
