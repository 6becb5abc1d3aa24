"""The tail probability against its twin, and what must hold of it."""

from __future__ import annotations

import numpy as np
import pytest

from anlan.science.tail import tail_scores, tail_width
from tests.science import naive

LAWS = {
    "normal": lambda rng, n: np.abs(rng.normal(size=n)),
    "heavy": lambda rng, n: rng.pareto(1.2, n),
    "few values": lambda rng, n: rng.integers(0, 3, n).astype(float),
    "constant": lambda rng, n: np.full(n, 2.0),
    "zeros and spikes": lambda rng, n: np.where(rng.random(n) < 0.03, 7.0, 0.0),
}


def scores(values: np.ndarray, bins: int = 64) -> np.ndarray:
    return tail_scores(np.zeros(tail_width(bins)), values)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("bins", [64, 32])
def test_it_equals_its_twin_with_anything_planted(law: str, bins: int) -> None:
    rng = np.random.default_rng(1)
    values = LAWS[law](rng, 600)
    values[[0, 5, 77, 300, 599]] = [np.nan, np.inf, -np.inf, -1.0, np.nan]
    values[400] = 1e9
    twin = naive.Tail(bins)
    np.testing.assert_allclose(
        scores(values, bins), [twin.step(value) for value in values], rtol=1e-9, atol=1e-12
    )


def test_a_change_of_unit_changes_nothing() -> None:
    values = np.random.default_rng(2).exponential(size=500)
    np.testing.assert_array_equal(scores(values), scores(values * 1024.0))


def test_a_larger_value_is_never_less_surprising() -> None:
    state = np.zeros(tail_width(64))
    tail_scores(state, np.random.default_rng(3).exponential(size=500))
    found = [tail_scores(state.copy(), np.array([size]))[0] for size in np.geomspace(0.01, 100, 60)]
    assert (np.diff(found) >= -1e-9).all()


@pytest.mark.parametrize("law", ["normal", "heavy"])
def test_of_independent_values_as_many_are_as_surprising_as_it_says(law: str) -> None:
    found = scores(LAWS[law](np.random.default_rng(4), 40_000))[2_000:]
    for level in (1.0, 2.0, 3.0):
        share = (found >= level).mean()
        assert 0.4 * 10**-level < share < 1.6 * 10**-level, level


def test_what_comes_every_day_is_not_taken_for_a_wonder() -> None:
    values = np.zeros(4_000)
    values[100::144] = 60.0
    assert scores(values)[:1_000].max() > 3
    assert scores(values)[3_000:].max() < 2.6


def test_very_long_streams_keep_their_weights_finite() -> None:
    state = np.zeros(tail_width(64))
    tail_scores(state, np.tile([1.0, 2.0, 3.0, 0.5], 300_000))
    assert np.isfinite(state).all()
    assert tail_scores(state, np.array([50.0]))[0] > 3
