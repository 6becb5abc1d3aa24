"""Whoever listens to the group commit hears it in time, and cannot harm it."""

from __future__ import annotations

import pytest

from anlan.sensing.store import Hand, Message, StoreReader
from anlan.sensing.store.hand import Writing


def a_message(number: int, key: str = "") -> Message:
    import numpy as np

    return Message(
        source="test",
        key=key,
        received_us=1_000_000 + number,
        codes=("S1",),
        index=np.zeros(1, np.int32).tobytes(),
        at_us=np.array([number], np.int64).tobytes(),
        value=np.array([1.5]).tobytes(),
        quality=np.zeros(1, np.uint8).tobytes(),
    )


def test_frames_are_durable_when_they_are_heard_and_repeats_are_not_heard(tmp_path) -> None:
    heard = []

    def listen(frames) -> None:
        # A reader of another process would find them now.
        heard.append(([frame.seq for frame in frames], StoreReader(tmp_path).last()))

    hand = Hand(tmp_path)
    hand.hear(listen)
    for number, key in enumerate(["a", "b", "a"]):
        hand.keep(a_message(number, key))
    assert heard == [([1], 1), ([2], 2)]
    hand.hear(None)
    hand.keep(a_message(9, "c"))
    assert len(heard) == 2
    hand.close()


def test_an_error_of_who_listens_costs_nobody_anything(tmp_path, caplog) -> None:
    def fail(_frames) -> None:
        raise RuntimeError("no memory")

    hand = Hand(tmp_path)
    hand.hear(fail)
    assert hand.keep(a_message(1)).seq == 1
    assert hand.keep(a_message(2)).seq == 2
    assert "who listens to them failed" in caplog.text
    hand.close()


@pytest.mark.parametrize("somebody_writes", [False, True])
def test_streams_get_numbers_before_they_speak_and_nobody_becomes_the_writer(
    tmp_path, somebody_writes
) -> None:
    writing = Writing(tmp_path, lambda: None) if somebody_writes else None
    hand = Hand(tmp_path)
    hand.number(["S1", "S2"])
    hand.number(["S2", "S3"])
    assert hand.writing is None
    assert dict(StoreReader(tmp_path).all_numbers()) == {"S1": 0, "S2": 1, "S3": 2}
    if writing is not None:
        writing.close()
    assert hand.keep(a_message(1)).seq == 1
    hand.close()
