"""The parts of the detector, each against its twin."""

from __future__ import annotations

import math

import numpy as np
import pytest

from anlan.science import forecast, nearest, news, season
from tests.science import naive


@pytest.mark.parametrize("ring", [70, 100, 256])
def test_the_nearest_windows_are_found(ring: int) -> None:
    rng = np.random.default_rng(21)
    values = np.round(np.sin(np.arange(600) / 9) + rng.normal(size=600) * 0.1, 3)
    values[300:340] = 1.0  # a constant
    values[400:450] = values[350:400]  # a double: distance zero
    state = np.zeros(nearest.nearest_width(ring))
    found = [nearest.nearest_step(state, value) for value in values]
    twin = [naive.nearest(values[: k + 1].tolist(), ring) for k in range(values.size)]
    np.testing.assert_allclose(found, twin, rtol=1e-12, atol=1e-12)


def test_profiles_equal_their_twin() -> None:
    rng = np.random.default_rng(22)
    slots, twin = 6, naive.Season()
    state = np.zeros(season.season_width(slots))
    for k in range(1_500):
        slot, kind = k % slots, int(k // slots % 7 >= 5)
        where = season.season_choice(state, slots, slot, kind)
        usual = twin.usual(slots, slot, kind)
        known = state[season.HEAD + 6 * slots + where] >= 1
        assert known == (usual is not None)
        if usual:
            assert state[season.HEAD + where] == pytest.approx(usual[0], rel=1e-12)
            assert state[season.HEAD + 3 * slots + where] == pytest.approx(usual[1], rel=1e-12)
        value = slot * 2.0 - kind * 5.0 + rng.normal() + (50.0 if k == 700 else 0.0)
        season.season_learn(state, slots, slot, kind, value, 1.5)
        twin.learn(slot, kind, value, 1.5)
    assert season.season_choice(state, slots, 2, 1) == 2 * slots + 2  # the weekend's own


def test_forecasts_equal_their_twin() -> None:
    rng = np.random.default_rng(23)
    state, parts, twin = np.zeros(forecast.WIDTH), np.zeros(5), naive.Forecast()
    for k in range(400):
        value = math.sin(k / 5) + 0.1 * rng.normal() + (30.0 if k == 200 else 0.0)
        usual = math.sin(k / 5) if k > 10 else None
        forecast.forecast_parts(state, math.nan if usual is None else usual, parts)
        plain = twin.parts(usual)
        np.testing.assert_allclose(parts, plain, rtol=1e-12)
        spread = 0.0 if k < 3 else 0.5
        assert forecast.forecast_of(state, parts, spread) == pytest.approx(
            twin.combined(plain, spread), rel=1e-9
        )
        forecast.forecast_learn(state, parts, math.nan if usual is None else usual, value)
        twin.learn(plain, usual, value)
    # Of all forecasts the one that is right is believed.
    forecast.forecast_parts(state, math.sin(80), parts)
    assert forecast.forecast_of(state, parts, 0.5) == pytest.approx(math.sin(80), abs=0.1)


def test_what_was_told_raises_the_bar_and_the_bar_sinks() -> None:
    state = np.zeros(news.WIDTH)
    told = [news.news_step(state, at, found, 100.0) for at, found in (
        (0.0, 4.0), (10.0, 3.0), (20.0, 3.5), (30.0, 4.1), (31.0, 1.0), (90.0, 1.7), (91.0, 1.8), (90.0, 9.0),
    )]  # fmt: skip
    # 3.0 and 3.5 last on, so the bar of 4.0 does not sink; 1.7 at 90 s is above 4.1 x 0.4.
    assert told == [4.0, 0.0, 0.0, 4.1, 0.0, 1.7, 1.8, 9.0]


def test_news_equals_its_twin_with_clocks_that_are_set_back() -> None:
    rng = np.random.default_rng(24)
    state, twin = np.zeros(news.WIDTH), naive.News()
    for _ in range(500):
        at, found = float(rng.integers(0, 400)), float(rng.exponential())
        assert news.news_step(state, at, found, 60.0) == twin.step(at, found, 60.0)
