"""Whoever listens to the group commit hears it in time, and cannot harm it."""

from __future__ import annotations

import threading

import msgspec
import pytest

from anlan.kernel.errors import InvalidInputError, UnavailableError
from anlan.sensing.store import Hand, Message, StoreReader, StoreWriter
from anlan.sensing.store.hand import Writing
from anlan.sensing.store.names import StreamNames
from anlan.sensing.store.writer import Known, nothing_known


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


def test_while_one_asks_what_is_known_of_the_store_no_other_waits_for_it(tmp_path) -> None:
    asked, answered, there = threading.Event(), threading.Event(), []

    def slow() -> Known:
        asked.set()
        assert answered.wait(60)
        return nothing_known()

    hand = Hand(tmp_path, slow)
    sender = threading.Thread(target=lambda: there.append(hand.keep(a_message(1))))
    sender.start()
    assert asked.wait(60)
    other = threading.Thread(target=hand.hear, args=[None])
    other.start()
    other.join(30)
    waited = other.is_alive()
    with StoreWriter(tmp_path):  # nor does any other process
        pass
    answered.set()
    sender.join(60)
    other.join(60)
    hand.close()
    assert not waited
    assert [kept.seq for kept in there] == [1]


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


@pytest.mark.parametrize(
    "refusing", ["anlan.sensing.store.names.os.fsync", "anlan.sensing.store.log.sync_folder"]
)
@pytest.mark.parametrize("by_hand", [False, True])
def test_whatever_the_disk_refuses_is_said_at_once_and_the_next_is_kept(
    tmp_path, monkeypatch, refusing, by_hand
) -> None:
    """Not only the log: the names of new streams, and the next file of the log."""
    mine = Hand(tmp_path)
    assert mine.keep(a_message(1)).seq == 1
    asked = Hand(tmp_path) if by_hand else mine
    monkeypatch.setattr("anlan.sensing.store.log.ROLL_BYTES", 1)

    def full(_file) -> None:
        raise OSError(28, "No space left on device")

    new = msgspec.structs.replace(a_message(2), codes=("A",))
    with monkeypatch.context() as patch:
        patch.setattr(refusing, full)
        with pytest.raises(UnavailableError) as refused:
            asked.keep(new)
    assert refused.value.params["problem"] == "No space left on device"
    assert asked.keep(msgspec.structs.replace(new, codes=("B",))).seq == 2
    assert asked.keep(new).seq == 3
    asked.close()
    mine.close()
    kept = StoreReader(tmp_path).read(None, 0, 10)
    assert [int(number) for number in kept.at_us] == [1, 2, 2]


def test_names_that_the_disk_took_by_half_leave_nothing(tmp_path, monkeypatch) -> None:
    """A shorter name over the rest of a longer one would be two names, and shift all that follow."""
    file = tmp_path / "names"
    names = StreamNames(file, writing=True)
    with monkeypatch.context() as patch:
        patch.setattr("anlan.sensing.store.names.os.fsync", _refuse)
        with pytest.raises(OSError, match="full"):
            names.number_all(["a long name", "another"])
    names.number_all(["s"])
    assert file.read_text() == "s\n"
    for code in ("x\n", "\n", "a\nb", "x\x85"):
        with pytest.raises(InvalidInputError):
            names.number_all([code])
    names.number_all(["t"])
    assert StreamNames(file, writing=False).numbers == names.numbers == {"s": 0, "t": 1}


def _refuse(_file) -> None:
    raise OSError("full")
