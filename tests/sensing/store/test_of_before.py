"""A store that was put back as it was before: it goes on under numbers of its own, and nothing is destroyed."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from anlan.infra import failpoints
from anlan.kernel.errors import IntegrityBreachError, UnavailableError
from anlan.sensing.store import StoreReader, StoreWriter, frame_of, sealing
from anlan.sensing.store.log import files_of
from anlan.sensing.store.verify import verify
from anlan.sensing.store.writer import PASSED_OVER, Known, alone, catch_up, nothing_known

NOW = 1_700_000_000_000_000
ROWS = 50


def frame(number, value=None):
    at = NOW + number * 10_000_000 + np.arange(ROWS)
    values = np.full(ROWS, float(number if value is None else value))
    return frame_of(np.arange(ROWS) % 3, at, values, received_us=NOW + number)


def knowing(frame_number, at_us=NOW + 99):
    return lambda: Known(frame_number, at_us)


def life(root, numbers, *, sealed=(), known=nothing_known):
    """Keep messages; after those in ``sealed`` the log becomes segments."""
    with StoreWriter(root, known) as writer:
        writer.names.number_all(["S0", "S1", "S2"])
        for number in numbers:
            writer.append([frame(number)])
            if number in sealed:
                writer.seal(now_us=NOW)
        return writer.log.last


@pytest.fixture
def before(tmp_path):
    """Four messages, two of them sealed."""
    root = tmp_path / "store"
    life(root, range(1, 5), sealed=(2,))
    return root


def values(root):
    return sorted(set(StoreReader(root).read(None).value.tolist()))


def test_a_store_that_knows_as_much_goes_on_without_a_gap(before):
    assert life(before, [5], known=knowing(4)) == 5
    assert StoreReader(before).lost() is None


def test_numbers_that_others_know_are_not_used_again(before):
    last = life(before, [7, 8], known=knowing(6))
    assert last == 6 + PASSED_OVER + 2
    reader = StoreReader(before)
    lost = reader.lost()
    assert (lost.after, lost.upto) == (4, 6 + PASSED_OVER)
    assert (lost.since_us, lost.until_us) == (NOW + 4, NOW + 99)
    assert values(before) == [1.0, 2.0, 3.0, 4.0, 7.0, 8.0]
    assert reader.last() == last
    assert verify(before) == ()


def test_once_passed_over_the_next_opening_is_like_any_other(before):
    first = life(before, [7], known=knowing(6))
    assert life(before, [8], known=knowing(first)) == first + 1
    assert verify(before) == ()
    assert len(StoreReader(before)._manifest.load().lost) == 1


def test_who_follows_the_frames_comes_past_the_gap(before):
    last = life(before, range(7, 12), known=knowing(6), sealed=(9,))
    reader = StoreReader(before)
    seen, cursor = [], 0
    while frames := reader.frames(cursor, cursor + 2):
        seen += [int(one.value[0]) for one in frames]
        cursor = frames[-1].seq
    assert seen == [1, 2, 3, 4, 7, 8, 9, 10, 11]
    assert cursor == last
    # Less than was asked for means: there are no more, also where the gap lies in between.
    assert [int(one.value[0]) for one in reader.frames(2, 6)] == [3, 4, 7, 8]
    assert [int(one.value[0]) for one in reader.frames(0, 100)] == seen
    assert [int(one.value[0]) for one in reader.frames(0, 4)] == [1, 2, 3, 4]
    for inside in (4, 5, 6, 1000, 6 + PASSED_OVER - 1):
        assert [int(x.value[0]) for x in reader.frames(inside, inside + 1)] == [7]


def test_the_newest_readings_are_those_that_are_there(before):
    life(before, [7], known=knowing(6))
    for root in (before,):
        assert StoreReader(root).newest().value[:3].tolist() == [7.0] * 3
    (before / "latest.npz").unlink()
    with StoreWriter(before) as writer:
        assert writer.latest.newest.value[:3].tolist() == [7.0] * 3


def test_an_empty_folder_in_the_place_of_a_store(tmp_path):
    last = life(tmp_path, [7], known=knowing(6))
    assert last == 6 + PASSED_OVER + 1
    lost = StoreReader(tmp_path).lost()
    assert (lost.after, lost.since_us) == (0, 0)
    assert values(tmp_path) == [7.0]


def test_the_newest_readings_of_a_later_time_are_not_believed(before, tmp_path):
    later = tmp_path / "later"
    shutil.copytree(before, later)
    life(later, [5, 6])
    shutil.copy2(later / "latest.npz", before / "latest.npz")
    with StoreWriter(before) as writer:
        assert writer.latest.newest.value[:3].tolist() == [4.0] * 3


def test_segments_that_a_manifest_of_before_does_not_name_are_put_aside(before, tmp_path):
    """Somebody copied an older folder over a newer one: what is newer lies there without a name."""
    old = tmp_path / "old"
    shutil.copytree(before, old)
    life(before, [5, 6], sealed=(5, 6))
    newer = {path.name for path in before.rglob("obs-*.parquet")}
    for path in before.glob("log/*"):
        path.unlink()
    shutil.copytree(old, before, dirs_exist_ok=True)
    (before / "segments" / "half.parquet.part").write_bytes(b"what a crash left")
    life(before, [7], known=knowing(6))
    kept = {path.name for path in before.rglob("*.parquet")}
    assert newer <= kept
    aside = sorted(path.name for path in (before / "aside").rglob("obs-*.parquet"))
    assert len(aside) == 2
    assert not list(before.rglob("*.part"))
    assert verify(before) == ()
    assert values(before) == [1.0, 2.0, 3.0, 4.0, 7.0]


@pytest.mark.parametrize("moved", [0, 1])
def test_a_disk_that_fails_while_files_are_put_aside_costs_none_of_them(
    before, tmp_path, monkeypatch, moved
):
    old = tmp_path / "old"
    shutil.copytree(before, old)
    life(before, [5, 6], sealed=(5, 6))
    for path in before.glob("log/*"):
        path.unlink()
    shutil.copytree(old, before, dirs_exist_ok=True)
    there = sorted(path.name for path in before.rglob("*.parquet"))
    whole, done = Path.replace, []

    def failing(self, target):
        if "aside" in Path(target).parts:
            if len(done) == moved:
                raise OSError(5, "Input/output error")
            done.append(target)
        return whole(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", failing)
        with pytest.raises(UnavailableError, match="Input/output error"):
            StoreWriter(before, knowing(6))
    assert len(done) == moved
    assert sorted(path.name for path in before.rglob("*.parquet")) == there
    life(before, [7], known=knowing(6))
    assert set(there) <= {path.name for path in before.rglob("*.parquet")}
    assert values(before) == [1.0, 2.0, 3.0, 4.0, 7.0]


@pytest.mark.parametrize("of_before", [False, True])
def test_a_manifest_that_does_not_go_with_the_log_is_refused_and_nothing_is_removed(
    before, of_before
):
    manifest = before / "manifest.json"
    older = manifest.read_bytes()
    life(before, [5, 6], sealed=(5, 6))
    there = sorted(path.name for path in before.rglob("*.parquet"))
    whole = manifest.read_bytes()
    manifest.write_bytes(older) if of_before else manifest.unlink()
    with pytest.raises(IntegrityBreachError, match=r"manifest\.json"):
        StoreWriter(before)
    assert sorted(path.name for path in before.rglob("*.parquet")) == there
    manifest.write_bytes(whole)
    life(before, [7])
    assert verify(before) == ()
    assert values(before) == [float(number) for number in range(1, 8)]


def test_a_full_disk_while_it_passes_over_leaves_it_as_it_was(before, monkeypatch):
    there = sorted(path.name for path in before.rglob("*") if path.suffix in {".log", ".parquet"})

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(sealing, "write_segment", full)
        with pytest.raises(UnavailableError):
            StoreWriter(before, knowing(6))
    assert there == sorted(
        path.name for path in before.rglob("*") if path.suffix in {".log", ".parquet"}
    )
    assert life(before, [7], known=knowing(6)) == 6 + PASSED_OVER + 1
    assert values(before) == [1.0, 2.0, 3.0, 4.0, 7.0]


def test_readers_are_told_of_whole_frames_only_and_nothing_is_cut_for_them(before):
    pointer = before / "log" / "synced"
    (file,) = files_of(before / "log")
    with file.path.open("ab") as opened:
        opened.write(b"ANL1 what a power cut left of a commit")
    size = file.path.stat().st_size
    for stale in (b"", pointer.read_bytes()[:-1], bytes(24)):
        pointer.write_bytes(stale)
        catch_up(before)
        assert StoreReader(before).last() == 4
        assert file.path.stat().st_size == size
    assert life(before, [5]) == 5


def test_readers_wait_for_who_opens_a_store_and_not_for_ever(before):
    pointer = before / "log" / "synced"
    pointer.write_bytes(b"")
    lock = alone(before / "writer.lock")
    catch_up(before, patience_s=0.1)
    assert pointer.read_bytes() == b""
    later = threading.Timer(0.2, os.close, [lock])
    later.start()
    catch_up(before, patience_s=60.0)
    later.join()
    assert StoreReader(before).last() == 4


def test_a_log_that_is_harmed_keeps_no_reader_from_what_is_whole(before):
    (file,) = files_of(before / "log")
    data = bytearray(file.path.read_bytes())
    data[60] ^= 1
    file.path.write_bytes(data)
    (before / "log" / "synced").write_bytes(b"")
    catch_up(before)
    assert values(before) == [1.0, 2.0]


CHILD = """
import sys
from pathlib import Path
from anlan.infra import failpoints
from anlan.sensing.store import StoreWriter
from anlan.sensing.store.writer import Known
failpoints.arm(sys.argv[2])
StoreWriter(Path(sys.argv[1]), lambda: Known(6, 99)).close()
"""


@pytest.mark.parametrize(
    "step", ["store.segments_written", "store.latest_saved", "store.latest_saved:2",
             "store.manifest_saved", "store.loss_noted"],
)  # fmt: skip
def test_killed_while_it_passes_over(before, step):
    name, _, count = step.partition(":")
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, str(before), f"{name}:kill:{count or 1}"],
        env={**os.environ, "PYTHONPATH": "src"}, capture_output=True, check=False,
    )  # fmt: skip
    assert ended.returncode == -9, ended.stderr
    last = life(before, [7, 8], known=knowing(6))
    assert last == 6 + PASSED_OVER + 2
    assert values(before) == [1.0, 2.0, 3.0, 4.0, 7.0, 8.0]
    assert len(StoreReader(before)._manifest.load().lost) == 1
    assert verify(before) == ()
    assert StoreReader(before).newest().value[:3].tolist() == [8.0] * 3


def test_a_torn_commit_behind_the_gap_is_still_torn(before):
    """Two crashes: one in passing over, one in the first commit behind it."""
    failpoints.arm("store.loss_noted:raise:1")
    try:
        with pytest.raises(failpoints.FailpointError):
            StoreWriter(before, knowing(6))
    finally:
        failpoints.arm("")
    with StoreWriter(before, knowing(6)) as writer:
        writer.append([frame(7), frame(8), frame(9)])
        path = files_of(writer.places.log)[-1].path
    data = bytearray(path.read_bytes())
    data[: len(data) // 3] = bytes(len(data) // 3)  # its first page never came to the disk
    path.write_bytes(data)
    life(before, [10], known=knowing(6))
    assert values(before) == [1.0, 2.0, 3.0, 4.0, 10.0]


def test_lives_and_stores_of_before_at_random(tmp_path):
    """Copies are put back at any moment: no number means two readings, and what is there is read."""
    dice = random.Random(7)
    root, told, copies = tmp_path / "store", {}, []
    known, number, here = 0, 0, set()
    for turn in range(40):
        with StoreWriter(root, knowing(known)) as writer:
            writer.names.number_all(["S0", "S1", "S2"])
            for _ in range(dice.randrange(4)):
                number += 1
                (kept,) = writer.append([frame(number)])
                assert kept.seq not in told, turn
                told[kept.seq] = number
                here.add(float(number))
                if dice.random() < 0.4:
                    writer.seal(now_us=NOW)
            known = max(known, writer.log.last)
        assert set(values(root)) == here, turn
        assert verify(root) == (), turn
        if dice.random() < 0.3:
            copy = Path(shutil.copytree(root, tmp_path / f"copy-{turn}"))
            copies.append((copy, set(here)))
        if copies and dice.random() < 0.3:
            copy, here = dice.choice(copies)
            here = set(here)
            shutil.rmtree(root)
            shutil.copytree(copy, root)
    assert len(copies) > 5
    assert len(StoreReader(root)._manifest.load().lost) > 1
