"""Folding readings into quality: the loop does what its slow twin does, whatever comes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.sensing.quality import state as states
from anlan.sensing.quality.limits import Limits, table_of
from anlan.sensing.quality.state import FAULTS, blank
from anlan.sensing.quality.taking import take
from anlan.sensing.store.frames import Frame
from anlan.sensing.store.latest import NEVER
from tests.sensing.quality.naive import DAY, HOUR, NaiveStream

MINUTE = 60_000_000
START = 20_000 * DAY
BASE = {"interval_us": 10 * MINUTE}
KINDS = (
    Limits(**BASE),
    Limits(**BASE, stuck_us=40 * MINUTE, stuck_readings=3, stuck_within=0.5, rests_upto=0.0),
    Limits(**BASE, spike_away=2.0, spike_spreads=3.0, spike_times=2, repeat_times=2),
    Limits(**BASE, ahead_s=120.0, behind_s=1500.0, low=2.0, recovers_at=4.0, repeat_times=1),
    Limits(**BASE, stuck_us=HOUR, stuck_readings=4, spike_away=1.0, spike_times=1, ahead_s=60.0),
)
VALUES = st.sampled_from([0.0, 1.0, 1.4, 1.8, 3.0, 5.0, 9.0, np.nan, np.inf, -np.inf])
STEPS = st.sampled_from([0, 10, 10, 10, 10, 10, 20, 45, -10, -30, 300, 1500, 4000])
ROWS = st.tuples(
    st.integers(0, 2),  # stream
    STEPS,  # minutes after the stream's newest reading
    VALUES,
    st.sampled_from([0, 0, 0, 0, 0, 0, 1, 2, 3, 4]),
    st.sampled_from([0] * 9 + [7]),
)
FRAMES = st.lists(
    st.tuples(st.lists(ROWS, min_size=1, max_size=9), st.sampled_from([0, 1, 1, 1, 5, 40, -3])),
    min_size=1,
    max_size=40,
)


def frames_of(drawn):
    """The frames that are meant: instants go on from the newest one of each stream."""
    newest = dict.fromkeys(range(3), START)
    frames = []
    for seq, (rows, late) in enumerate(drawn, start=1):
        stream, at, value, quality, about = [], [], [], [], []
        for s, step, x, q, meant in rows:
            when = newest[s] + step * MINUTE
            newest[s] = max(newest[s], when)
            (
                stream.append(s),
                at.append(when),
                value.append(x),
                quality.append(q),
                about.append(meant),
            )
        received = max(newest.values()) + late * MINUTE
        frames.append(
            Frame(
                seq, received, "", np.array(stream, np.int32), np.array(at), np.array(value),
                np.array(quality, np.uint8), about=np.array(about) if any(about) else None,
            )
        )  # fmt: skip
    return frames


def naive_of(frames, kinds):
    streams = [NaiveStream(limits) for limits in kinds]
    for frame in frames:
        about = np.zeros(frame.rows, np.int64) if frame.about is None else frame.about
        columns = (frame.stream, frame.at_us, frame.value, frame.quality, about)
        for s, at, x, q, meant in zip(*(c.tolist() for c in columns), strict=True):
            streams[s].take(at, x, q, meant, frame.seq, frame.received_us)
    return streams


def changes_of(found):
    return [
        (s, FAULTS[fault], since, None if until == NEVER else until)
        for s, fault, since, until, *_ in found.tolist()
    ]


@given(drawn=FRAMES, kinds=st.tuples(*[st.sampled_from(KINDS)] * 3))
@settings(max_examples=300)
def test_what_is_found_equals_the_slow_twin(drawn, kinds):
    frames = frames_of(drawn)
    state, which, table = blank(3), np.arange(3, dtype=np.int32), table_of(kinds)
    found = [change for frame in frames for change in changes_of(take(state, which, table, frame))]
    twins = naive_of(frames, kinds)
    for s, twin in enumerate(twins):
        assert [change[1:] for change in found if change[0] == s] == twin.changes
        assert state["hours"][s].sum() == twin.in_a_day(twin.counted)
        assert state["first_us"][s] == min(twin.counted, default=NEVER)
        assert state["last_us"][s] == (twin.values[-1][0] if twin.values else NEVER)
        days = {at // DAY for at in twin.counted}
        kept = [at for at in twin.counted if max(days, default=0) - at // DAY < 8]
        assert state["days"][s].sum() == len(kept)


@given(drawn=FRAMES, cut=st.integers(0, 40))
@settings(max_examples=100)
def test_a_saved_state_goes_on_as_if_nothing_had_happened(drawn, cut, tmp_path_factory):
    frames = frames_of(drawn)
    kinds, which = KINDS[1:4], np.arange(3, dtype=np.int32)
    whole, part = blank(3), blank(3)
    told = [changes_of(take(whole, which, table_of(kinds), frame)) for frame in frames]
    for frame in frames[:cut]:
        take(part, which, table_of(kinds), frame)
    path = tmp_path_factory.mktemp("state") / "quality.npz"
    states.save(path, states.Kept(part, min(cut, len(frames)), 5, START))
    part, seq, *rest = states.load(path)
    assert (seq, rest) == (min(cut, len(frames)), [5, START])
    assert [changes_of(take(part, which, table_of(kinds), f)) for f in frames[seq:]] == told[seq:]
    assert whole.tobytes() == part.tobytes()


def one_stream(limits, values, *, step=10, start=START, seq=1):
    """Changes found in readings of one stream, one message each, received a minute later."""
    state, which, table = blank(1), np.zeros(1, np.int32), table_of([limits])
    found = []
    for place, x in enumerate(values):
        at = start + place * step * MINUTE
        frame = Frame(
            seq + place, at + MINUTE, "", np.zeros(1, np.int32), np.array([at]),
            np.array([x], float), np.zeros(1, np.uint8),
        )  # fmt: skip
        found += changes_of(take(state, which, table, frame))
    return found, state


def test_a_stuck_value_is_doubted_from_its_first_reading_until_it_moves():
    found, _ = one_stream(KINDS[1], [2.0, 7.0, 7.0, 7.2, 7.0, 7.0, 9.0])
    begun, ended = START + 10 * MINUTE, START + 60 * MINUTE
    assert found == [(0, "stuck", begun, None), (0, "stuck", begun, ended)]


def test_a_dry_road_may_stand_still_as_long_as_it_likes():
    found, _ = one_stream(KINDS[1], [0.0] * 300)
    assert found == []


def test_one_wild_reading_is_no_broken_device_and_several_are():
    calm = [5.0, 5.1, 5.0, 5.2, 5.1, 5.0, 5.1, 5.0]
    once, state = one_stream(KINDS[2], [*calm[:4], 50.0, *calm])
    assert once == []
    assert state["spikes"].sum() == 1
    twice, _ = one_stream(KINDS[2], [*calm[:4], 50.0, *calm, -40.0, *calm])
    assert [change[1] for change in twice] == ["spike"]


def test_a_flood_is_no_spike():
    rising = [1.0, 1.0, 1.1, 1.0, 4.0, 9.0, 14.0, 20.0, 26.0, 31.0, 33.0, 33.5]
    found, state = one_stream(KINDS[2], rising)
    assert found == []
    assert state["spikes"].sum() == 0


def test_what_waited_in_a_gateway_is_no_wrong_clock():
    limits = KINDS[3]
    state, which, table = blank(1), np.zeros(1, np.int32), table_of([limits])
    got = START + 10 * HOUR
    for place in range(50):  # one old reading in each message, all within a minute
        at = START + place * 10 * MINUTE
        frame = Frame(
            place + 1, got + place * 1_000_000, "", np.zeros(1, np.int32), np.array([at]),
            np.array([5.0]), np.zeros(1, np.uint8),
        )  # fmt: skip
        assert changes_of(take(state, which, table, frame)) == []


def test_a_clock_that_is_off_is_found_both_ways_and_taken_back():
    for off in (-30, 90):
        state, which, table = blank(1), np.zeros(1, np.int32), table_of([KINDS[3]])
        found = []
        for place in range(12):
            at = START + place * 10 * MINUTE
            wrong = off * MINUTE if place < 6 else 0
            frame = Frame(
                place + 1, at + wrong, "", np.zeros(1, np.int32), np.array([at]),
                np.array([5.0]), np.zeros(1, np.uint8),
            )  # fmt: skip
            found += changes_of(take(state, which, table, frame))
        assert [change[1] for change in found] == ["clock", "clock"]
        assert found[1][3] is not None


def test_a_new_device_begins_anew_and_keeps_what_is_the_streams():
    found, state = one_stream(KINDS[1], [7.0] * 9)
    assert [change[1] for change in found] == ["stuck"]
    counted, first = state["hours"].sum(), state["first_us"][0]
    states.forget_device(state, np.array([0]))
    assert (state["since"] == NEVER).all()
    assert state["run_count"][0] == state["ring_count"][0] == state["delay_count"][0] == 0
    assert (state["hours"].sum(), state["first_us"][0]) == (counted, first)


def test_what_one_stream_costs_is_stated():
    assert states.bytes_per_stream() == 518
    assert blank(1000).nbytes == 518_000
