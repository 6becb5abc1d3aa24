"""The store against a plain list: whatever is kept, sealed, merged, corrected or reopened."""

import math

import numpy as np
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from anlan.kernel.errors import ConflictError, IntegrityBreachError, InvalidInputError
from anlan.sensing.store import StoreReader, StoreWriter, cuts, frame_of, log, sealing, segments
from anlan.sensing.store.frames import MOST_ROWS
from anlan.sensing.store.rows import REMOVED
from anlan.sensing.store.verify import verify

DAY = 86_400_000_000
NOW = 1_700_000_000_000_000
READING = st.tuples(
    st.integers(0, 5),  # stream
    st.sampled_from([NOW, NOW + 1, NOW + 60_000_000, NOW - DAY, NOW + 3 * DAY]),
    st.sampled_from([0.0, 0.25, -1.5, 12.34, 1 / 3, math.nan]),
    st.sampled_from([0, 1, 4]),
    st.sampled_from([0, 0, 0, 5_000_000]),  # how much later the result was made
    st.sampled_from([b"", b"", b'"wet"', b"[1,2]"]),
)


def as_frame(readings, **more):
    stream, at, value, quality, late, text = zip(*readings, strict=True) if readings else [()] * 6
    return frame_of(
        stream,
        at,
        value,
        quality,
        result_us=np.array(at, np.int64) + np.array(late, np.int64),
        text=text,
        **more,
    )


def shown(item):
    """Return a value that equals itself, NaN too."""
    return "nan" if isinstance(item, float) and math.isnan(item) else item


def plain(rows):
    """Return rows as tuples that compare, NaN included."""
    columns = [column.tolist() for column in rows]
    return [tuple(map(shown, row)) for row in zip(*columns, strict=True)]


def _repeats(rows, first, place):
    """Return whether a reading says what an earlier one of its instant said, and all between them.

    Where one of the two messages says something else of it, too, both bear on what stands.
    """
    said = [(row[4:6], row[7]) for row in rows]
    message = [row[0] // MOST_ROWS for row in rows]
    one, other = rows[first], rows[place]
    if (one[3], one[6]) != (other[3], other[6]) or any(
        what != said[place] for what in said[first:place]
    ):
        return False
    return message[first] == message[place] or all(
        what == said[place]
        for what, number in zip(said, message, strict=True)
        if number in {message[first], message[place]}
    )


class Store(RuleBasedStateMachine):
    """The model is the list of all readings that were acknowledged, in order."""

    @initialize()
    def begin(self):
        import tempfile
        from pathlib import Path

        self.root = Path(tempfile.mkdtemp(prefix="anlan-store-"))
        self.writer = StoreWriter(self.root)
        self.writer.names.number_all([f"S{n}" for n in range(6)])
        self.reader = StoreReader(self.root)
        self.kept = []
        self.keys = {}

    def teardown(self):
        import shutil

        if hasattr(self, "writer"):
            self.writer.close()
            shutil.rmtree(self.root)

    @rule(
        batches=st.lists(st.lists(READING, max_size=6), min_size=1, max_size=3),
        key=st.integers(0, 9),
    )
    def keep(self, batches, key):
        keys = [f"k{key}" if place == 0 and key < 5 else "" for place in range(len(batches))]
        frames = [
            as_frame(batch, source="box", key=keys[place], received_us=NOW + len(self.kept))
            for place, batch in enumerate(batches)
        ]
        answers = self.writer.append(frames)
        for frame, answer, batch, name in zip(frames, answers, batches, keys, strict=True):
            if name in self.keys:
                assert answer == (*self.keys[name], True, False)
                continue
            assert answer == (answer.seq, frame.rows, False, False)
            if name:
                self.keys[name] = (answer.seq, frame.rows)
            self._remember(answer.seq, batch)

    def _remember(self, seq, batch, about=0):
        for place, (stream, at, value, quality, late, text) in enumerate(batch):
            number = seq * MOST_ROWS + place
            self.kept.append((number, stream, at, at + late, shown(value), quality, about, text))

    @rule(place=st.integers(0, 1000), removing=st.booleans())
    def correct(self, place, removing):
        standing = self._standing()
        if not standing:
            return
        number, stream, at, result, _, _, _, _ = standing[place % len(standing)]
        row = (
            stream,
            at,
            math.nan if removing else 99.5,
            REMOVED if removing else 0,
            result - at,
            b"",
        )
        frame = as_frame([row], about=np.array([number]))
        (answer,) = self.writer.append([frame])
        self._remember(answer.seq, [row], about=number)

    @rule()
    def seal(self):
        self.writer.seal(now_us=NOW + 10 * DAY)

    @rule(lose_state=st.booleans())
    def reopen(self, lose_state):
        before = self._newest()
        self.writer.close()
        if lose_state:
            self.writer.places.latest.unlink()
        self.writer = StoreWriter(self.root)
        assert self._newest() == before
        assert self.writer.names.codes == [f"S{n}" for n in range(6)]

    def _newest(self):
        newest = self.writer.latest.newest
        columns = [newest.at_us[:6], newest.value[:6], newest.quality[:6]]
        return [tuple(map(str, row)) for row in zip(*columns, strict=True)]

    def _once(self):
        """Return what was kept, without what only says again what was said last of its instant."""
        of_instant, found = {}, []
        for row in self.kept:
            of_instant.setdefault(row[1:3], []).append(row)
        for rows in of_instant.values():
            found += [
                row
                for place, row in enumerate(rows)
                if not any(_repeats(rows, first, place) for first in range(place))
            ]
        return sorted(found, key=lambda row: (row[1], row[2], row[0]))

    def _standing(self):
        once = self._once()
        gone = {row[6] for row in once if row[6]}
        return [row for row in once if row[0] not in gone and row[5] != REMOVED]

    @invariant()
    def everything_is_there_once(self):
        if not hasattr(self, "kept"):
            return
        assert plain(self.reader.read(None, history=True)) == self._once()
        assert plain(self.reader.read(None)) == self._standing()
        two = self.reader.read(np.array([4, 1], np.int32), NOW, NOW + DAY)
        wanted = [r for r in self._standing() if r[1] in {1, 4} and NOW <= r[2] < NOW + DAY]
        assert plain(two) == wanted
        assert verify(self.root) == ()


Store.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, phases=[Phase.explicit, Phase.generate]
)
TestStore = Store.TestCase


def a_store(root, readings=50, days=1):
    writer = StoreWriter(root)
    writer.names.number_all(["A", "B"])
    for number in range(readings):
        at = NOW + number * days * DAY // readings
        writer.append([frame_of([number % 2], [at], [number / 4], received_us=at)])
    return writer


def test_a_second_writer_is_refused_and_readers_are_not(tmp_path):
    with a_store(tmp_path):
        with pytest.raises(ConflictError):
            StoreWriter(tmp_path)
        assert StoreReader(tmp_path).read(None).size == 50
    StoreWriter(tmp_path).close()


def test_small_segments_of_a_day_become_one_and_nobody_is_disturbed(tmp_path):
    with a_store(tmp_path, readings=0) as writer:
        reader = StoreReader(tmp_path)
        for number in range(1, 20):
            writer.append([frame_of([0], [NOW + number], [1.0])])
            writer.seal(now_us=NOW)
            assert reader.read(None).size == number
            # Only what is named, or was until the last merge, lies there.
            assert verify(tmp_path) == ()
        assert len(writer.manifest.segments) < sealing.FANOUT + 2
    StoreWriter(tmp_path).close()
    files = {path.name for path in (tmp_path / "segments").rglob("*.parquet")}
    named = [*writer.manifest.segments, *writer.manifest.tables]
    assert {item.name.rpartition("/")[2] for item in named} <= files


def test_what_is_sealed_between_two_looks_of_a_reader_is_not_hidden(tmp_path, monkeypatch):
    """It knows the old manifest and the old end of the log; the only file left begins behind both."""
    with a_store(tmp_path, readings=0) as writer:
        reader, files_of = StoreReader(tmp_path), log.files_of
        for number, ask in enumerate([reader.last, lambda: reader.read(None).size] * 3, 1):
            writer.append([frame_of([0], [NOW + number], [1.0])])

            def look(folder):
                monkeypatch.setattr(log, "files_of", files_of)
                writer.seal(now_us=NOW)
                return files_of(folder)

            monkeypatch.setattr(log, "files_of", look)
            assert ask() == number


def test_a_day_that_is_over_becomes_one_file(tmp_path):
    with a_store(tmp_path, readings=0) as writer:
        for number in range(3):
            writer.append([frame_of([0], [NOW + number], [1.0])])
            writer.seal(now_us=NOW)
        assert len(writer.manifest.segments) == 3
        writer.seal(now_us=NOW + 2 * DAY)
        (one,) = writer.manifest.segments
        assert one.rows == 3
        assert len(one.replaces) == 3


def test_many_frame_tables_become_few_and_keys_and_times_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(sealing, "MOST_TABLES", 4)
    with a_store(tmp_path, readings=0) as writer:
        for number in range(12):
            writer.append([frame_of([0], [NOW + number], [1.0], source="g", key=f"k{number}")])
            writer.seal(now_us=NOW)
        assert len(writer.manifest.tables) <= 5
    with StoreWriter(tmp_path) as again:
        answers = again.append(
            [frame_of([0], [NOW], [1.0], source="g", key=f"k{n}") for n in range(12)]
        )
        assert [answer.repeated for answer in answers] == [True] * 12
        assert (
            again.append([frame_of([0], [NOW], [1.0], source="h", key="k1")])[0].repeated is False
        )


def test_a_key_used_twice_in_one_commit_is_kept_once(tmp_path):
    with a_store(tmp_path, readings=0) as writer:
        one = frame_of([0], [NOW], [1.0], source="g", key="k")
        first, second, other = writer.append([one, one, frame_of([0], [NOW], [2.0])])
        assert (first.repeated, second.repeated, other.repeated) == (False, True, False)
        assert first.seq == second.seq != other.seq
        assert StoreReader(tmp_path).read(None).size == 2


def test_readings_are_found_by_their_numbers_wherever_they_lie(tmp_path):
    with a_store(tmp_path, readings=4) as writer:
        writer.seal(now_us=NOW)
        writer.append([frame_of([1, 0], [NOW, NOW], [7.0, 8.0])])
        reader = StoreReader(tmp_path)
        found = [
            reader.by_id(seq * MOST_ROWS + place).value.tolist()
            for seq, place in ((2, 0), (5, 1), (77, 0), (2, 9_999))
        ]
        assert found == [[0.25], [8.0], [], []]
        number = 2 * MOST_ROWS
        own = reader.by_id(number).stream
        assert reader.by_id(number, most=0) is None  # not looked for to the end
        assert reader.by_id(5 * MOST_ROWS + 1, most=0).size == 1  # in memory
        assert reader.by_id(number, stream=own).size == 1
        assert reader.by_id(number, stream=own + 50).size == 0
        assert [reader.brought(seq) and reader.brought(seq).rows for seq in (2, 5, 77)] == [
            1,
            2,
            None,
        ]


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_row_groups_unpacked_a_few_at_once_tell_the_same(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(segments, "SMALL_GROUP", 8)
    monkeypatch.setattr(cuts, "AT_ONCE", at_once)
    readings = [
        (n % 6, NOW + n, float(n), 0, 5 * (n % 2), b'"wet"' * (n % 7 == 0)) for n in range(100)
    ]
    with a_store(tmp_path, readings=0) as writer:
        writer.names.number_all([f"S{n}" for n in range(6)])
        writer.append([as_frame(readings)])
        before = plain(StoreReader(tmp_path).read(None))
        writer.seal(now_us=NOW)
        reader = StoreReader(tmp_path)
        assert plain(reader.read(None)) == before
        for streams in ([1], [0, 5], [2, 77], []):
            found = plain(reader.read(np.array(streams, np.int32), NOW + 10, NOW + 80))
            assert found == [x for x in before if x[1] in streams and NOW + 10 <= x[2] < NOW + 80]
        assert [reader.by_id(x[0]).id.tolist() for x in before[::9]] == [
            [x[0]] for x in before[::9]
        ]


@pytest.mark.parametrize(
    ("rows_of_each", "groups"),
    [
        ([3, 3, 3, 3], [(0, 6), (6, 12)]),  # two streams fit, and the third is not cut in two
        ([20], [(0, 8), (8, 16), (16, 20)]),
        ([7, 9, 7], [(0, 7), (7, 15), (15, 23)]),  # less than half full: cut where it is full
        ([], []),
    ],
)
def test_row_groups_begin_with_a_stream_where_they_are_at_least_half_full(rows_of_each, groups):
    stream = np.repeat(np.arange(len(rows_of_each), dtype=np.int32), rows_of_each)
    assert list(segments.groups_in(stream, 8)) == groups


def test_a_code_that_is_no_line_is_refused(tmp_path):
    with a_store(tmp_path, readings=0) as writer:
        for bad in ("", "two\nlines"):
            with pytest.raises(InvalidInputError):
                writer.names.number_all([bad])
        assert writer.names.number_all(["C", "A", "C"]) == [2, 0, 2]


def test_half_a_name_is_cut_off(tmp_path):
    a_store(tmp_path, readings=2).close()
    with (tmp_path / "streams.txt").open("a") as file:
        file.write("HALF")
    with StoreWriter(tmp_path) as writer:
        assert writer.names.number_all(["WHOLE"]) == [2]
    assert (tmp_path / "streams.txt").read_text() == "A\nB\nWHOLE\n"


def test_a_changed_or_missing_or_strange_file_is_found(tmp_path):
    with a_store(tmp_path) as writer:
        writer.seal(now_us=NOW)
        segment = writer.manifest.segments[0]
    path = tmp_path / "segments" / segment.name
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"x" + whole[101:])
    assert [fault.fault for fault in verify(tmp_path)] == ["changed"]
    path.rename(path.with_name("other.parquet"))
    assert sorted(fault.fault for fault in verify(tmp_path)) == ["missing", "unknown_file"]


def test_a_broken_manifest_is_refused_not_taken_for_an_empty_store(tmp_path):
    with a_store(tmp_path) as writer:
        writer.seal(now_us=NOW)
    (tmp_path / "manifest.json").write_text('{"sealed": ')
    with pytest.raises(IntegrityBreachError):
        StoreWriter(tmp_path)
    with pytest.raises(IntegrityBreachError):
        StoreReader(tmp_path).read(None)
