"""A round over what is sealed: bounded, resumed, undisturbed by merging, and sure of what it says."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from anlan.infra import failpoints
from anlan.sensing.store import StoreWriter, frame_of, manifest, retiring, rounds, sealing
from anlan.sensing.store.rounds import FILE, Rounds

NOW = 1_700_000_000_000_000
DAY = sealing.DAY_US
LATER = NOW + 3 * DAY
ROWS = 2_000
ALL = 1 << 40


def frame(number):
    at = NOW + number * 10_000_000 + np.arange(ROWS)
    return frame_of(np.arange(ROWS) % 3, at, np.sqrt(at - NOW + number), received_us=int(at[-1]))


def keep(writer, number, *, now_us=NOW):
    writer.append([frame(number)])
    writer.seal(now_us=now_us)


@pytest.fixture
def store(tmp_path):
    with StoreWriter(tmp_path) as writer:
        writer.names.number_all(["S0", "S1", "S2"])
        for number in range(3):
            keep(writer, number)
    return tmp_path


@pytest.fixture(autouse=True)
def begun(monkeypatch):
    """Every round that a test began; what it still reads is let go at the end."""
    every = []
    begin = Rounds.__init__

    def noting(self, root):
        begin(self, root)
        every.append(self)

    monkeypatch.setattr(Rounds, "__init__", noting)
    yield
    for one in every:
        one.close()


def named(root):
    found = manifest.load(root / "manifest.json")
    files = (*found.segments, *found.tables, *found.thinned)
    return ["streams.txt", *(f"segments/{item.name}" for item in files)]


def size_of(root):
    return sum((root / name).stat().st_size for name in named(root))


def whole_round(root, *, now_us=LATER):
    found = Rounds(root)
    found.go_on(now_us=now_us, most_bytes=ALL)
    return found


def told(found):
    return [(harm.name, harm.fault) for harm in found.harms]


def turn_a_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)


def a_segment(root, which=1):
    return root / "segments" / manifest.load(root / "manifest.json").segments[which].name


def put_back(copy, path):
    """Put a file in its place again as a person would, with the times that it had."""
    shutil.copy2(copy, path)


@pytest.fixture
def copies(store, tmp_path_factory):
    """Everything once more, as a backup has it."""
    return Path(shutil.copytree(store, tmp_path_factory.mktemp("backup") / "observations"))


def test_a_whole_store_is_read_once_a_day_and_nothing_is_found(store):
    found = Rounds(store)
    assert found.go_on(now_us=LATER, most_bytes=ALL) == size_of(store)
    assert found.harms == ()
    assert found.go_on(now_us=LATER + DAY - 1, most_bytes=ALL) == 0
    assert found.go_on(now_us=LATER + DAY, most_bytes=ALL) == size_of(store)


def test_a_call_reads_no_more_than_it_may(store):
    found, read = Rounds(store), []
    while not read or read[-1]:
        read.append(found.go_on(now_us=LATER, most_bytes=1_000))
    assert max(read) == 1_000
    assert sum(read) == size_of(store)
    assert found.harms == ()


def test_a_call_ends_when_it_is_told_to(store):
    left = iter([True, True, False])
    found = Rounds(store)
    found.go_on(now_us=LATER, most_bytes=ALL, goes_on=lambda: next(left))
    assert found.standing.under_way


def test_nothing_is_read_where_nothing_is_sealed(tmp_path):
    found = whole_round(tmp_path)
    assert found.harms == ()
    assert not found.standing.under_way


@pytest.mark.parametrize("most", [700, ALL])
@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        (turn_a_bit, "changed"),
        (lambda path: os.truncate(path, path.stat().st_size // 2), "changed"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "changed"),
        (lambda path: os.truncate(path, 0), "changed"),
        (Path.unlink, "missing"),
    ],
)
def test_harm_is_named_and_ends_when_it_is_mended(store, copies, harm, fault, most):
    path = a_segment(store)
    name = str(path.relative_to(store))
    harm(path)
    found = Rounds(store)
    while found.go_on(now_us=LATER, most_bytes=most):
        pass
    assert told(found) == [(name, fault)]
    found.go_on(now_us=LATER + 1, most_bytes=ALL)
    assert told(found) == [(name, fault)]
    put_back(copies / name, path)
    while found.go_on(now_us=LATER + 2, most_bytes=most):
        pass
    assert told(found) == []
    assert told(Rounds(store)) == []


@pytest.mark.parametrize("name", ["streams.txt", "frames"])
def test_the_names_of_streams_and_the_tables_of_frames_are_proven_too(store, name):
    name = next(one for one in named(store) if name in one)
    turn_a_bit(store / name)
    assert told(whole_round(store)) == [(name, "changed")]


def test_streams_that_came_since_are_no_harm_and_lost_lines_are(store):
    with StoreWriter(store) as writer:
        writer.names.number_all([f"N{number}" for number in range(5)])
        assert told(whole_round(store)) == []
        keep(writer, 3)
    assert told(whole_round(store, now_us=LATER + DAY)) == []
    lines = (store / "streams.txt").read_bytes().splitlines(keepends=True)
    (store / "streams.txt").write_bytes(b"".join(lines[:-1]))
    found = Rounds(store)
    while found.go_on(now_us=LATER + 2 * DAY, most_bytes=3):
        pass
    assert told(found) == [("streams.txt", "changed")]


def test_a_second_harm_to_a_file_that_was_put_back_is_seen_at_once(store, copies):
    path = a_segment(store)
    path.unlink()
    found = whole_round(store)
    put_back(copies / path.relative_to(store), path)
    turn_a_bit(path)
    found.go_on(now_us=LATER + 1, most_bytes=ALL)
    assert [harm.fault for harm in found.harms] == ["changed"]


def test_what_is_known_outlives_the_process_and_the_round_goes_on_where_it_stood(store):
    first, *_ = sorted(named(store))
    turn_a_bit(store / first)
    found = Rounds(store)
    found.go_on(now_us=LATER, most_bytes=(store / first).stat().st_size)
    assert told(found) == [(first, "changed")]
    after = Rounds(store)
    assert told(after) == [(first, "changed")]
    assert after.go_on(now_us=LATER + 1, most_bytes=ALL) == (
        size_of(store) - (store / first).stat().st_size
    )


def test_where_it_stands_is_written_once_a_minute_at_most(store, monkeypatch):
    written = []
    put_whole = rounds.put_whole
    monkeypatch.setattr(rounds, "put_whole", lambda *said: (written.append(1), put_whole(*said)))
    found = Rounds(store)
    for second in range(59):
        found.go_on(now_us=LATER + second * 1_000_000, most_bytes=300)
    assert len(written) == 1
    assert found.standing.under_way
    found.go_on(now_us=LATER + 61 * 1_000_000, most_bytes=300)
    assert len(written) == 2


@pytest.mark.parametrize("content", [b"", b"{", b'{"began_us": "x"}'])
def test_a_note_that_cannot_be_read_begins_the_round_anew(store, content):
    whole_round(store)
    (store / FILE).write_bytes(content)
    assert Rounds(store).go_on(now_us=LATER, most_bytes=ALL) == size_of(store)


def test_a_full_disk_leaves_it_knowing_what_it_found(store, monkeypatch):
    path = a_segment(store)
    path.unlink()

    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(rounds, "put_whole", full)
    assert [harm.fault for harm in whole_round(store).harms] == ["missing"]


def test_a_clock_that_was_put_back_does_not_end_the_rounds(store):
    found = whole_round(store, now_us=LATER)
    assert found.go_on(now_us=NOW, most_bytes=ALL) == size_of(store)


def test_files_merged_away_in_the_middle_are_no_harm(store):
    """Wherever a round stands the writer merges, and the old files go."""
    for part in range(12):
        root = store.with_name(f"at-{part}")
        shutil.copytree(store, root)
        found = Rounds(root)
        found.go_on(now_us=LATER, most_bytes=1 + part * size_of(store) // 12)
        with StoreWriter(root) as writer:
            writer.seal(now_us=LATER)
            keep(writer, 4, now_us=LATER)
            keep(writer, 5, now_us=LATER)
        found.go_on(now_us=LATER + 1, most_bytes=ALL)
        assert told(found) == [], part


def test_a_file_that_goes_between_the_look_and_the_reading_is_no_harm(store, monkeypatch):
    found = Rounds(store)
    find = found._next
    gone = []

    def merged_meanwhile(now_us):
        name = find(now_us)
        if name is not None and "obs-" in name and (store / name).exists():
            with StoreWriter(store) as writer:
                writer.seal(now_us=LATER)
                keep(writer, 4, now_us=LATER)
            gone.append(not (store / name).exists())
        return name

    monkeypatch.setattr(found, "_next", merged_meanwhile)
    found.go_on(now_us=LATER, most_bytes=ALL)
    assert any(gone)
    assert told(found) == []


def test_harm_to_a_file_that_counts_no_more_is_forgotten(store):
    path = a_segment(store)
    turn_a_bit(path)
    found = whole_round(store)
    assert len(found.harms) == 1
    kept = manifest.load(store / "manifest.json")
    rest = tuple(item for item in kept.segments if item.name not in str(path))
    manifest.save(store / "manifest.json", msgspec.structs.replace(kept, segments=rest))
    found.go_on(now_us=LATER + 1, most_bytes=ALL)
    assert told(found) == []


def test_readings_that_went_by_their_class_are_no_harm(store):
    found = Rounds(store)
    found.go_on(now_us=LATER, most_bytes=600)
    with StoreWriter(store) as writer:
        writer.seal(now_us=LATER)
        day = writer.manifest.segments[0].day
        going = [retiring.Going("short", np.arange(2, dtype=np.int32), 60_000_000)]
        writer.retire(day, going, worthless=(), told=frozenset())
        keep(writer, 4, now_us=LATER)
    found.go_on(now_us=LATER + 1, most_bytes=ALL)
    assert told(found) == []
    assert any("thin-" in name for name in named(store))


@pytest.mark.parametrize(
    "number", [errno.EIO, errno.EACCES, errno.EUCLEAN, errno.EBADMSG, errno.ENODATA, errno.ESTALE]
)
def test_a_file_that_cannot_be_read_is_named_until_a_round_can_read_it(store, monkeypatch, number):
    name = str(a_segment(store).relative_to(store))
    some = rounds._Reading.some

    def broken(self, most):
        if self.name == name:
            raise OSError(number, "no")
        return some(self, most)

    with monkeypatch.context() as patched:
        patched.setattr(rounds._Reading, "some", broken)
        found = whole_round(store)
    assert told(found) == [(name, "unreadable")]
    found.go_on(now_us=LATER + DAY, most_bytes=ALL)
    assert told(found) == []


@pytest.mark.parametrize("in_its_place", ["a link to itself", "a file for its folder"])
def test_what_cannot_be_opened_is_named_and_the_round_goes_on(store, in_its_place):
    path = a_segment(store)
    name = str(path.relative_to(store))
    if in_its_place == "a link to itself":
        path.unlink()
        path.symlink_to(path.name)
    else:
        path.parent.rename(store / "elsewhere")
        path.parent.write_bytes(b"")
    found = whole_round(store)
    assert (name, "unreadable") in told(found)
    assert not found.standing.under_way


def test_an_error_of_the_process_is_no_fault_of_a_file(store, monkeypatch):
    def none_left(*_):
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(rounds, "_Reading", none_left)
    found = Rounds(store)
    with pytest.raises(OSError, match="too many"):
        found.go_on(now_us=LATER, most_bytes=ALL)
    assert found.harms == ()


KILLED = """
import sys
from pathlib import Path
from anlan.infra import failpoints
from anlan.sensing.store.rounds import Rounds
failpoints.arm("rounds.noted:kill:1")
Rounds(Path(sys.argv[1])).go_on(now_us=int(sys.argv[2]), most_bytes=1 << 40)
"""


def test_killed_as_it_notes_harm_the_next_process_knows_it(store):
    path = a_segment(store)
    path.unlink()
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(store), str(LATER)],
        env={**os.environ, "PYTHONPATH": "src"}, capture_output=True, check=False,
    )  # fmt: skip
    assert ended.returncode == -9, ended.stderr
    assert [harm.fault for harm in Rounds(store).harms] == ["missing"]


def test_a_break_before_the_note_finds_it_again(store):
    a_segment(store).unlink()
    failpoints.arm("rounds.noted:raise:1")
    try:
        with pytest.raises(failpoints.FailpointError):
            whole_round(store)
    finally:
        failpoints.arm("")
    assert [harm.fault for harm in whole_round(store).harms] == ["missing"]
