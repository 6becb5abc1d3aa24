"""The detector of one stream: its twin, what it may know, what it keeps, and the reasons it gives."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from anlan.science.alarmscale import P_TOLD, score_of_surprise, surprise_of_score
from anlan.science.normal import FULL, LEAN, Reason, Shape, new_state, score_stream, score_tick
from tests.science import naive
from tests.science.streams import broken, daily, kinds_of, slots_of, times

SMALL = Shape(slots=24, bins=32, ring=100)
TOLD = -np.log10(P_TOLD)


def scored(
    at: np.ndarray, values: np.ndarray, shape: Shape = LEAN, state: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    return score_stream(
        new_state(shape)[0] if state is None else state,
        at, values, slots_of(at, shape.slots), kinds_of(at), shape=shape,
    )  # fmt: skip


@pytest.mark.parametrize("shape", [SMALL, Shape(slots=48, bins=64, ring=0)])
@pytest.mark.parametrize("kind", ["daily", "steps", "constant"])
def test_it_equals_its_twin_with_anything_planted(shape: Shape, kind: str) -> None:
    rng = np.random.default_rng(7)
    # Half-hourly, so that all profiles of a week are met; with gaps, doubled and set-back clocks.
    at = times(700, 1_800.0)
    at[300:] += 20_000
    at[400], at[500] = at[399], at[480]
    values = {
        "daily": 10 + 3 * np.sin(2 * np.pi * at / 86_400) + 0.2 * rng.normal(size=at.size),
        "steps": np.cumsum(rng.integers(-1, 2, at.size)).astype(float),
        "constant": np.full(at.size, 5.0),
    }[kind]
    values = broken(values, rng) if kind != "constant" else np.where(at == at[600], 6.0, values)
    found, reasons = scored(at, values, shape)
    twin = naive.Normal(shape.slots, shape.bins, shape.ring)
    told = [
        twin.step(*each, 86_400.0)
        for each in zip(
            at.tolist(), values.tolist(), slots_of(at, shape.slots).tolist(),
            kinds_of(at).tolist(), strict=True,
        )
    ]  # fmt: skip
    np.testing.assert_allclose(found, [one for one, _ in told], rtol=1e-7, atol=1e-9)
    clear = found > 0.5  # below, two members may weigh the same to the last digit
    np.testing.assert_array_equal(reasons[clear], np.array([which for _, which in told])[clear])


@pytest.mark.parametrize("shape", [SMALL, LEAN])
def test_a_row_is_scored_from_itself_and_what_came_before(shape: Shape) -> None:
    rng = np.random.default_rng(8)
    at, values = times(900), broken(daily(900, rng), rng)
    whole = scored(at, values, shape)
    for end in (1, 49, 51, 300, 777):
        part = scored(at[:end], values[:end], shape)
        np.testing.assert_array_equal(part[0], whole[0][:end])
        np.testing.assert_array_equal(part[1], whole[1][:end])


def test_pieces_give_what_the_whole_gives() -> None:
    rng = np.random.default_rng(9)
    at, values = times(800), broken(daily(800, rng), rng)
    state = new_state(SMALL)[0]
    pieces = [
        scored(at[start:end], values[start:end], SMALL, state)
        for start, end in pairwise([0, 3, 200, 201, 800])
    ]
    np.testing.assert_array_equal(
        np.concatenate([one for one, _ in pieces]), scored(at, values, SMALL)[0]
    )


@pytest.mark.parametrize("shape", [SMALL, LEAN])
def test_no_number_spoils_the_state(shape: Shape) -> None:
    rng = np.random.default_rng(19)
    at, values = times(600), rng.normal(size=600)
    values[::7] = rng.choice([1e308, -1e308, 1e149, -1e149, 5e-324, 0.0, np.nan], values[::7].size)
    state = new_state(shape)[0]
    found, _ = scored(at, values, shape, state)
    assert np.isfinite(found).all()
    assert np.isfinite(state).all()


def test_inputs_are_left_as_they_were() -> None:
    rng = np.random.default_rng(10)
    at, values = times(300), broken(daily(300, rng), rng)
    before = at.copy(), values.copy()
    scored(at, values)
    np.testing.assert_array_equal(at, before[0])
    np.testing.assert_array_equal(values, before[1])


def test_a_change_of_unit_changes_nothing() -> None:
    rng = np.random.default_rng(11)
    at, values = times(1_500), daily(1_500, rng)
    np.testing.assert_array_equal(scored(at, values, FULL)[0], scored(at, values * 256.0, FULL)[0])


def test_the_state_is_as_large_as_it_says_and_never_grows() -> None:
    cities = new_state(LEAN, streams=50)
    assert cities.shape == (50, LEAN.width)
    assert cities.nbytes == 50 * LEAN.nbytes
    # What the page on the method says.
    assert (LEAN.nbytes, FULL.nbytes) == (6_824, 12_664)
    at = times(400)
    for row, state in enumerate(cities[:3]):
        scored(at, daily(400, np.random.default_rng(row)), LEAN, state)
    assert np.isfinite(cities).all()
    assert not cities[3:].any()


@pytest.mark.parametrize("shape", [SMALL, LEAN])
def test_many_streams_at_a_tick_are_each_scored_as_if_alone(shape: Shape) -> None:
    rng = np.random.default_rng(20)
    at = times(300)
    streams = np.array([broken(daily(300, rng), rng) for _ in range(7)])
    cities = new_state(shape, streams=7)
    slots, kinds = slots_of(at, shape.slots), kinds_of(at)
    ticks = [
        score_tick(
            cities, np.full(7, at[k]), streams[:, k].copy(), np.full(7, slots[k]), np.full(7, kinds[k]),
            shape=shape,
        )
        for k in range(300)
    ]  # fmt: skip
    for row, values in enumerate(streams):
        alone = scored(at, values, shape)
        np.testing.assert_array_equal([found[row] for found, _ in ticks], alone[0])
        np.testing.assert_array_equal([reasons[row] for _, reasons in ticks], alone[1])
    with pytest.raises(ValueError, match="states must"):
        score_tick(cities[:3], at[:7], at[:7], slots[:7], kinds[:7], shape=shape)


def first_told(values: np.ndarray, at: np.ndarray, start: int, shape: Shape = FULL) -> list[Reason]:
    found, reasons = scored(at, values, shape)
    return [Reason(reasons[k]) for k in np.flatnonzero(found >= TOLD) if k >= start]


def test_a_spike_is_told_at_once_and_once() -> None:
    at, values = times(3_000), daily(3_000, np.random.default_rng(12))
    values[2_500:2_503] += 4
    found, reasons = scored(at, values)
    told = np.flatnonzero(found >= TOLD)
    assert told[(told >= 2_490) & (told < 2_600)].tolist() == [2_500]
    assert Reason(reasons[2_500]) in {Reason.JUMP, Reason.RANGE, Reason.SEASON}


def test_the_usual_value_of_noon_is_unusual_at_midnight() -> None:
    rng = np.random.default_rng(13)
    at = times(3_500)
    day = (at // 86_400).astype(int)
    values = np.where((at % 86_400) // 3_600 == 12, 20.0, 5.0) + rng.normal(size=at.size) * 0.3
    night = (day == day[3_000]) & ((at % 86_400) // 3_600 == 3)
    values[night] = 20 + rng.normal(size=night.sum()) * 0.3
    assert Reason.SEASON in first_told(values, at, 2_900)


def test_weekends_have_a_profile_of_their_own() -> None:
    rng = np.random.default_rng(14)
    at = times(48 * 7 * 12, 1_800.0)
    free = kinds_of(at) == 1
    values = np.where(free, 3.0, 9.0) + rng.normal(size=at.size) * 0.4
    day = (at // 86_400).astype(int)
    saturday = day == day[free][-96]  # a Saturday on which people work
    values[saturday] += 6.0
    alike = score_stream(
        new_state(LEAN)[0], at, values, slots_of(at, 24), np.zeros_like(day), shape=LEAN
    )[0]
    assert scored(at, values)[0][saturday].max() >= TOLD > alike[saturday].max()


def test_silence_is_told_when_the_next_row_comes_even_without_a_value() -> None:
    at, values = times(2_000), daily(2_000, np.random.default_rng(15))
    at[1_800:] += 6 * 3_600
    values[1_800] = np.nan
    found, reasons = scored(at, values)
    assert found[1_800] >= TOLD
    assert Reason(reasons[1_800]) is Reason.MISSING


def test_a_frozen_sensor_is_told() -> None:
    at, values = times(3_000), daily(3_000, np.random.default_rng(16), noise=0.5)
    values[2_500:2_700] = values[2_500]
    assert {Reason.FROZEN, Reason.DRIFT, Reason.SEASON} & set(first_told(values, at, 2_500))
    reasons = scored(at, np.where(at < at[2_000], values, values[1_999]))[1]
    assert Reason.FROZEN in {Reason(one) for one in reasons[2_001:2_300]}


def test_a_new_course_of_a_machine_is_told_by_its_pattern() -> None:
    rng = np.random.default_rng(17)
    beat = np.arange(4_000) / 37.0
    beat[3_500:] += 0.5  # half a beat is left out
    values = np.sign(np.sin(2 * np.pi * beat)) + rng.normal(size=4_000) * 0.05
    at = times(4_000)
    assert Reason.PATTERN in first_told(values, at, 3_490)[:3]


@pytest.mark.parametrize("law", ["normal", "heavy", "counts"])
def test_noise_is_told_about_about_as_rarely_whatever_its_law(law: str) -> None:
    rng = np.random.default_rng(18)
    values = {
        "normal": rng.normal(size=20_000),
        "heavy": rng.standard_t(2, 20_000),
        "counts": rng.poisson(3, 20_000).astype(float),
    }[law]
    told = (scored(times(20_000), values)[0] >= TOLD)[1_000:].mean()
    assert 1 / 3_000 < told < 1 / 300


def test_nothing_is_told_of_what_never_moves() -> None:
    assert scored(times(2_000), np.full(2_000, 20.0), FULL)[0].max() < 0.1


def test_wrong_shapes_are_refused() -> None:
    at, values = times(10), np.zeros(10)
    none = np.zeros(10, dtype=np.int64)
    for arguments in (
        (np.zeros(3), at, values, none, none),
        (new_state(LEAN)[0], at[:5], values, none, none),
        (new_state(LEAN)[0], at, values, none + 24, none),
        (new_state(LEAN)[0], at, values, none - 1, none),
        (new_state(LEAN)[0], at, values, none, none + 2),
    ):
        with pytest.raises(ValueError, match="must"):
            score_stream(*arguments, shape=LEAN)


def test_the_scale_crosses_its_middle_where_things_are_told_and_loses_nothing() -> None:
    surprise = np.array([0.0, 1.0, TOLD, 5.0, 40.0])
    score = score_of_surprise(surprise)
    assert score[2] == 0.5
    assert (np.diff(score) > 0).all()
    np.testing.assert_allclose(surprise_of_score(score), surprise)
