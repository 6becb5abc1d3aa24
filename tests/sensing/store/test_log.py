"""The log: whole or not there, after every way in which a commit can be cut."""

import errno
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.kernel.errors import IntegrityBreachError, UnavailableError
from anlan.sensing.store import frame_of, frames, log
from anlan.sensing.store.log import LogWriter, Tail


def a_frame(number, rows=3, **more):
    return frame_of(
        np.arange(rows), np.full(rows, number), np.full(rows, number / 4), source="box", **more
    )


def numbers(folder, after=0):
    return [(frame.seq, frame.rows) for frame in Tail(folder).after(after)]


def last_file(folder):
    return log.files_of(folder)[-1].path


@given(
    rows=st.integers(0, 50),
    text=st.booleans(),
    late=st.booleans(),
    about=st.booleans(),
    source=st.text(max_size=20).filter(lambda text: "\n" not in text),
    key=st.text(max_size=20),
)
def test_a_frame_comes_back_as_it_was(rows, text, late, about, source, key):
    made = frame_of(
        np.arange(rows) * 7,
        np.arange(rows) + 10**15,
        np.where(np.arange(rows) % 3, np.arange(rows) / 8, np.nan),
        np.arange(rows) % 5,
        source=source,
        key=key,
        received_us=-5,
        text=[b'"%d"' % item if item % 2 else b"" for item in range(rows)] if text else None,
        result_us=np.arange(rows) if late else None,
        about=np.arange(rows) if about else None,
    )._replace(seq=9)
    data = memoryview(frames.encode(made, 3))
    assert frames.scan(data) == (((0, len(data)),), len(data))
    found = frames.decode(data)
    for name in frames.Frame._fields:
        np.testing.assert_equal(getattr(found, name), getattr(made, name))
    assert frames.header_at(data, 0).place == 3


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="different lengths"):
        frames.encode(a_frame(1)._replace(value=np.zeros(2)))


@settings(max_examples=200, deadline=None)
@given(cut=st.integers(1, 2000), harm=st.integers(0, 10**6), data=st.data())
def test_whatever_is_left_of_the_last_commit_what_was_acknowledged_stays(
    tmp_path_factory, cut, harm, data
):
    folder = tmp_path_factory.mktemp("log")
    writer = LogWriter(folder, 0)
    writer.append([a_frame(1), a_frame(2)])
    size = last_file(folder).stat().st_size
    writer.append([a_frame(3), a_frame(4, rows=9), a_frame(5)])
    writer.close()
    whole = last_file(folder).read_bytes()
    # Pages of an unfinished commit reach the disk in any order: some are missing, some are zero.
    tail = bytearray(whole[size : max(size, len(whole) - cut % 400)])
    for _ in range(data.draw(st.integers(0, 3))):
        if tail:
            place = harm % len(tail)
            tail[place : place + 60] = bytes(len(tail[place : place + 60]))
            harm //= 7
    last_file(folder).write_bytes(whole[:size] + tail)
    again = LogWriter(folder, 0)
    assert numbers(folder)[:2] == [(1, 3), (2, 3)]
    (kept,) = again.append([a_frame(6)])
    again.close()
    found = [seq for seq, _ in numbers(folder)]
    assert found == list(range(1, kept.seq + 1))


def test_harm_to_an_acknowledged_frame_is_told_apart_from_a_crash(tmp_path):
    writer = LogWriter(tmp_path, 0)
    for number in (1, 2, 3):
        writer.append([a_frame(number)])
    writer.close()
    data = bytearray(last_file(tmp_path).read_bytes())
    data[len(data) // 2] ^= 1
    last_file(tmp_path).write_bytes(data)
    with pytest.raises(IntegrityBreachError):
        LogWriter(tmp_path, 0)


def test_a_hole_where_a_whole_commit_was_is_harm(tmp_path):
    writer = LogWriter(tmp_path, 0)
    sizes = [writer.append([a_frame(number)]) and writer._size for number in (1, 2, 3)]
    writer.close()
    data = bytearray(last_file(tmp_path).read_bytes())
    data[sizes[0] : sizes[1]] = bytes(sizes[1] - sizes[0])
    last_file(tmp_path).write_bytes(data)
    with pytest.raises(IntegrityBreachError):
        LogWriter(tmp_path, 0)


@pytest.mark.parametrize("some", [0, 100])
def test_what_the_disk_refuses_is_not_there_and_the_next_is(tmp_path, monkeypatch, some):
    writer = LogWriter(tmp_path, 0)
    writer.append([a_frame(1)])

    write = os.pwritev

    def full(handle, parts, at, how):
        if some and not calls:
            calls.append(1)
            return write(handle, [parts[0][:some]], at, how)
        raise OSError(errno.ENOSPC, "No space left on device")

    calls = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwritev", full)
        with pytest.raises(UnavailableError):
            writer.append([a_frame(2), a_frame(3)])
    assert numbers(tmp_path) == [(1, 3)]
    writer.append([a_frame(4, rows=4)])
    writer.close()
    assert numbers(tmp_path) == [(1, 3), (2, 4)]
    LogWriter(tmp_path, 0).close()
    assert numbers(tmp_path) == [(1, 3), (2, 4)]


@pytest.mark.parametrize("missing", ["in Python", "in the file system"])
def test_where_one_call_cannot_do_both_it_takes_two(tmp_path, monkeypatch, missing):
    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    synced = []
    if missing == "in Python":
        monkeypatch.delattr(os, "RWF_DSYNC", raising=False)
    else:
        monkeypatch.setattr(os, "pwritev", refuse)
    monkeypatch.setattr(os, "fsync", synced.append)
    writer = LogWriter(tmp_path, 0)
    writer.append([a_frame(1)])
    assert synced[-1] == writer._file
    assert numbers(tmp_path) == [(1, 3)]
    writer.close()


def test_what_is_kept_is_kept_although_readers_cannot_be_told(tmp_path, monkeypatch):
    writer = LogWriter(tmp_path, 0)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writer, "_point", full)
        assert [frame.seq for frame in writer.append([a_frame(1)])] == [1]
    assert numbers(tmp_path) == []
    writer.append([a_frame(2)])
    assert [seq for seq, _ in numbers(tmp_path)] == [1, 2]
    writer.close()


def test_a_reader_that_follows_sees_each_frame_once_over_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "ROLL_BYTES", 300)
    writer = LogWriter(tmp_path, 0)
    tail = Tail(tmp_path)
    for number in range(1, 30):
        writer.append([a_frame(number)])
        assert [frame.seq for frame in tail.after(0)] == list(range(1, number + 1))
    assert len(log.files_of(tmp_path)) > 5
    writer.forget_before(20)
    assert [seq for seq, _ in numbers(tmp_path, 20)] == list(range(21, 30))
    with pytest.raises(FileNotFoundError):
        numbers(tmp_path, 3)
    assert [frame.seq for frame in tail.after(20)] == list(range(21, 30))


def test_a_reader_never_sees_what_is_not_on_the_disk_yet(tmp_path, monkeypatch):
    writer = LogWriter(tmp_path, 0)
    writer.append([a_frame(1)])
    seen = []
    write = os.pwritev

    def look(handle, parts, at, how):
        assert how == os.RWF_DSYNC
        written = write(handle, parts, at, how)
        seen.append(numbers(tmp_path))
        return written

    monkeypatch.setattr(os, "pwritev", look)
    writer.append([a_frame(2)])
    assert seen == [[(1, 3)]]
    assert numbers(tmp_path) == [(1, 3), (2, 3)]
