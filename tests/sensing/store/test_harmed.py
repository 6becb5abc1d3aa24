"""Files that a disk has harmed, and a disk that is full: said aloud, and nothing else is lost by it."""

from __future__ import annotations

import random
import resource
from contextlib import contextmanager

import numpy as np
import pytest

from anlan.kernel.errors import IntegrityBreachError, UnavailableError
from anlan.sensing.quality import state as quality
from anlan.sensing.store import StoreReader, StoreWriter, frame_of, sealing
from anlan.sensing.store import retiring as going
from anlan.sensing.store.latest import Latest
from anlan.sensing.store.verify import verify

NOW = 1_700_000_000_000_000
LATER = NOW + 3 * sealing.DAY_US
ROWS = 2_000


def frame(number):
    at = NOW + number * 10_000_000 + np.arange(ROWS)
    stream = np.arange(ROWS) % 3
    return frame_of(stream, at, np.sqrt(at - NOW + number), received_us=int(at[-1]))


def a_store(root, messages=3, *, now_us=NOW):
    """Keep some messages, each in a segment of its own, of a day that is not over by ``now_us``."""
    with StoreWriter(root) as writer:
        writer.names.number_all(["S0", "S1", "S2"])
        for number in range(messages):
            writer.append([frame(number)])
            writer.seal(now_us=now_us)
        return [root / "segments" / item.name for item in writer.manifest.segments]


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)


def harm(path, how):
    if how == "flipped":
        flip(path, path.stat().st_size // 3)
    elif how == "torn":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        path.unlink()


def flipped(path, dice):
    """Return a copy of a file that is cut off, or in which one bit is another."""
    data = bytearray(path.read_bytes())
    if dice.random() < 0.3:
        return data[: dice.randrange(len(data))]
    # Most likely where the form of the file is described, and not the readings.
    place = dice.choice([dice.randrange(len(data)), dice.randrange(300), -dice.randrange(1, 900)])
    data[place] ^= 1 << dice.randrange(8)
    return data


@pytest.mark.parametrize("how", ["flipped", "torn"])
def test_newest_readings_that_cannot_be_read_are_made_again(tmp_path, how):
    a_store(tmp_path)
    whole = [column.copy() for column in StoreReader(tmp_path).newest()]
    harm(tmp_path / "latest.npz", how)
    with StoreWriter(tmp_path) as writer:
        for found in (StoreReader(tmp_path).newest(), writer.latest.newest):
            for column, right in zip(found, whole, strict=True):
                assert np.array_equal(column[:3], right[:3])


@pytest.mark.parametrize("kind", ["latest", "quality"])
def test_no_flipped_bit_of_a_saved_state_is_more_than_its_loss(tmp_path, kind):
    path, dice = tmp_path / "state.npz", random.Random(5)
    if kind == "latest":
        kept = Latest()
        kept.note(frame(1)._replace(seq=7))
        kept.save(path)
    else:
        quality.save(path, quality.Kept(quality.blank(3), 7, 2, NOW))
    whole = path.read_bytes()
    lost = 0
    for _ in range(300):
        path.write_bytes(flipped(path, dice))
        found = Latest.load(path) if kind == "latest" else quality.load(path)
        assert found.seq in {0, 7}
        lost += found.seq == 0
        path.write_bytes(whole)
    assert lost > 150


@pytest.mark.parametrize("how", ["flipped", "torn"])
def test_a_harmed_segment_is_named_and_never_read_as_readings(tmp_path, how):
    first, *_ = a_store(tmp_path)
    whole = StoreReader(tmp_path).read(None)
    harm(first, how)
    with pytest.raises(IntegrityBreachError, match=first.name):
        StoreReader(tmp_path).read(None)
    rest = StoreReader(tmp_path).read(None, NOW + 10_000_000)
    assert np.array_equal(rest.value, whole.take(whole.at_us >= NOW + 10_000_000).value)


@pytest.mark.parametrize("how", ["flipped", "torn", "gone"])
def test_harm_is_not_merged_away_and_the_rest_is_merged(tmp_path, how):
    paths = a_store(tmp_path, 4)
    harm(paths[1], how)
    fault = "missing" if how == "gone" else "changed"
    with StoreWriter(tmp_path) as writer:
        writer.append([frame(9)])
        for _ in range(3):
            writer.seal(now_us=LATER)
        assert len(writer.manifest.segments) == 2
        assert [(x.name.rpartition("/")[2], x.fault) for x in verify(tmp_path)] == [
            (paths[1].name, fault)
        ]
        # Nor does any of its day go: nobody could say what went.
        leaving = [going.Going("old", np.arange(3, dtype=np.int32), 0)]
        before = writer.manifest
        assert (
            writer.retire(before.segments[0].day, leaving, worthless=(), told=frozenset()) == before
        )


def test_lost_names_are_not_given_to_others(tmp_path):
    a_store(tmp_path)
    names = tmp_path / "streams.txt"
    names.write_text("S0\nS1\n")
    assert [(x.name, x.fault) for x in verify(tmp_path)] == [("streams.txt", "missing")]
    with pytest.raises(IntegrityBreachError, match=r"streams\.txt"):
        StoreWriter(tmp_path)
    names.write_text("S0\nS1\nT2\n")
    assert [(x.name, x.fault) for x in verify(tmp_path)] == [("streams.txt", "changed")]
    names.write_text("S0\nS1\nS2\nS3\n")
    assert verify(tmp_path) == ()
    StoreWriter(tmp_path).close()  # the refusal let go of the lock


@contextmanager
def no_file_over(size):
    """Let no file grow beyond ``size`` bytes: a disk that takes the beginning and then no more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def files(root):
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_a_disk_that_fills_up_while_sealing_is_not_filled_by_trying(tmp_path):
    a_store(tmp_path, 1)
    with StoreWriter(tmp_path) as writer:
        writer.append([frame(1)])
        before, readings = files(tmp_path), StoreReader(tmp_path).read(None)
        for size in (100, 3_000, 6_000):
            with no_file_over(size), pytest.raises(UnavailableError, match="segments"):
                writer.seal(now_us=NOW)
            assert files(tmp_path) == before
            assert np.array_equal(StoreReader(tmp_path).read(None).value, readings.value)
            writer.append([frame(2 + size)])
            readings = StoreReader(tmp_path).read(None)
        writer.seal(now_us=NOW)
        assert np.array_equal(StoreReader(tmp_path).read(None).value, readings.value)
        assert verify(tmp_path) == ()
