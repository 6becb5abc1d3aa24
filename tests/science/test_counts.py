"""Farrington's method: published figures, twins from the definitions, and what must hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from anlan.science import countlaws, farrington
from anlan.science.farrington import DAILY, WEEKLY, Cycle, score_counts

SHORT = Cycle(length=12, cycles=4, half_window=1, parts=4, left_out=3)


def naive_tail(count: int, mean: float, over: float) -> float:
    """Sum of probabilities, each from the one before, in logarithms."""
    total = 0.0
    for k in range(count):
        if over == 1.0:
            total += math.exp(k * math.log(mean) - mean - math.lgamma(k + 1))
        else:
            size, p = mean / (over - 1), 1 / over
            total += math.exp(
                math.lgamma(k + size) - math.lgamma(size) - math.lgamma(k + 1)
                + size * math.log(p) + k * math.log(1 - p)
            )  # fmt: skip
    return 1 - total


def test_tails_and_quantiles_are_those_that_the_r_package_surveillance_is_tested_with() -> None:
    # Its threshold after Noufaily et al., plug-in: expected 5, two-sided 5 %, observed 11.
    assert countlaws.quantile_of_count(0.975, 5.0, 1.5) == 11
    assert countlaws.quantile_of_count(0.025, 5.0, 1.5) == 1
    assert countlaws.upper_tail_of_count(11, 5.0, 1.5) == pytest.approx(0.03763657, abs=1e-8)
    assert countlaws.quantile_of_count(0.975, 5.0, 1.0) == 10
    assert countlaws.quantile_of_count(0.025, 5.0, 1.0) == 1
    assert countlaws.upper_tail_of_count(11, 5.0, 1.0) == pytest.approx(0.01369527, abs=1e-8)


def test_weights_are_those_that_it_is_tested_with() -> None:
    residuals = np.array([0.0] * 5 + [2.0] * 5)
    np.testing.assert_allclose(farrington.weights_of(residuals, 0.0), [1.6] * 5 + [0.4] * 5)
    np.testing.assert_array_equal(farrington.weights_of(np.zeros(10), 0.0), np.ones(10))


@pytest.mark.parametrize("mean", [0.01, 0.7, 5.0, 80.0, 700.0])
@pytest.mark.parametrize("over", [1.0, 1.0001, 1.5, 12.0])
def test_tails_equal_their_twin(mean: float, over: float) -> None:
    for count in (0, 1, 2, 7, 60, 300, 900):
        found = countlaws.upper_tail_of_count(count, mean, over)
        assert found == pytest.approx(naive_tail(count, mean, over), abs=1e-8)
    for p in (0.5, 0.95, 0.995):
        bound = countlaws.quantile_of_count(p, mean, over)
        assert countlaws.upper_tail_of_count(bound + 1, mean, over) <= 1 - p
        assert bound == 0 or countlaws.upper_tail_of_count(bound, mean, over) > 1 - p


def test_large_counts_cost_no_more_and_follow_the_normal_law() -> None:
    found = countlaws.quantile_of_count(0.99, 1e6, 50.0)
    assert found == pytest.approx(1e6 + 2.3263 * math.sqrt(5e7), rel=2e-4)


def test_the_past_is_cut_as_published() -> None:
    parts = farrington.parts_of(WEEKLY)
    assert parts.size == 5 * 52 + 3 + 1
    assert (parts[-27:-1] == -1).all()  # half a year before the present is left out
    assert (parts[[260 + 3 - 52 * k + d for k in range(1, 6) for d in range(-3, 4)]] == 0).all()
    between = parts[3 + 4 : 3 + 52 - 3]
    assert np.bincount(between)[1:].tolist() == [5] * 9
    seven = farrington.parts_of(DAILY)
    assert all(len(set(seven[k::7]) - {-1}) == 1 for k in range(7))  # each day is its own part


def naive_fit(design: np.ndarray, counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Newton's method on the Poisson likelihood, from far off, with explicit sums."""
    found = np.zeros(design.shape[1])
    found[0] = math.log(counts.mean() + 0.1)
    for _ in range(200):
        slope, curve = np.zeros(found.size), np.zeros((found.size, found.size))
        for row, count, weight in zip(design, counts, weights, strict=True):
            mean = math.exp(float(row @ found))
            slope += weight * (count - mean) * row
            curve += weight * mean * np.outer(row, row)
        found = found + np.linalg.solve(curve, slope)
    return found


def naive_expect(past: np.ndarray, cycle: Cycle) -> tuple[float, float]:
    parts = farrington.parts_of(cycle)[:-1]
    rows = [k for k in range(past.size) if parts[k] >= 0 and math.isfinite(past[k])]
    counts = past[rows]
    for trend in (True, False):
        design = np.array([
            [1.0, *[float(parts[k] == level) for level in range(1, cycle.parts)],
             *([(k - past.size) / past.size] if trend else [])]
            for k in rows
        ])  # fmt: skip
        weights = np.ones(len(rows))
        for again in (True, False):
            found = naive_fit(design, counts, weights)
            mean = np.exp(design @ found)
            free = len(rows) - design.shape[1]
            over = max(1.0, sum(weights * (counts - mean) ** 2 / mean) / free)
            if again:
                root = np.diag(np.sqrt(mean)) @ design
                hat = np.diag(root @ np.linalg.inv(root.T @ root) @ root.T)
                residuals = 1.5 * (counts ** (2 / 3) - mean ** (2 / 3)) / (
                    math.sqrt(over) * mean ** (1 / 6) * np.sqrt(1 - hat)
                )  # fmt: skip
                weights = np.array([r**-2 if r > 2.58 else 1.0 for r in residuals])
                weights *= weights.size / weights.sum()
        expected = math.exp(found[0])
        if expected <= counts.max():
            return expected, over
    return expected, over


@pytest.mark.parametrize("seed", range(6))
def test_expectations_equal_their_twin_with_outbreaks_and_missing_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = np.arange(SHORT.history)
    mean = 12 * np.exp(0.5 * np.sin(2 * np.pi * at / 12) + (seed - 2) * at / 150)
    past = rng.negative_binomial(mean / 0.8, 1 / 1.8).astype(float)
    past[17] *= 6
    past[[3, 30]] = np.nan
    np.testing.assert_allclose(farrington.expect(past, SHORT), naive_expect(past, SHORT), rtol=1e-5)


def test_the_count_that_is_judged_and_later_ones_change_no_expectation() -> None:
    rng = np.random.default_rng(41)
    counts = rng.poisson(8, 90).astype(float)
    whole = score_counts(counts, cycle=SHORT)
    other = counts.copy()
    other[70:] = 500
    changed = score_counts(other, cycle=SHORT)
    np.testing.assert_array_equal(whole.expected[:71], changed.expected[:71])
    np.testing.assert_array_equal(whole.upper[:71], changed.upper[:71])
    part = score_counts(counts[:70], cycle=SHORT)
    np.testing.assert_array_equal(part.p_value, whole.p_value[:70])


def test_an_outbreak_is_told_and_a_weekend_is_not() -> None:
    rng = np.random.default_rng(42)
    mean = 30 * np.where(np.arange(260) % 7 >= 5, 0.5, 1.0)
    counts = rng.poisson(mean).astype(float)
    counts[250] = 75
    found = score_counts(counts, cycle=DAILY)
    assert found.exceedance[250] > 1
    assert found.p_value[250] < 1e-6
    assert np.nanmean(found.exceedance > 1) < 0.03


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_false_alarms_are_about_as_rare_as_asked_for(alpha: float) -> None:
    rng = np.random.default_rng(43)
    told = []
    for _ in range(12):
        mean = 20 * np.where(np.arange(200) % 7 >= 5, 0.5, 1.0)
        counts = rng.negative_binomial(mean, 0.5).astype(float)
        found = score_counts(counts, cycle=DAILY, alpha=alpha).exceedance
        told.append((found[np.isfinite(found)] > 1).mean())
    # The mean of a part is fitted to some dozen counts and taken as known: up to twice as many.
    assert 0.4 * alpha < np.mean(told) < 2.5 * alpha


def test_where_nothing_was_ever_counted_the_first_one_is_too_many() -> None:
    counts = np.zeros(SHORT.history + 3)
    counts[-2] = 1
    counts[-1] = np.nan
    found = score_counts(counts, cycle=SHORT)
    assert found.exceedance[-3:-1].tolist() == pytest.approx([0.0, 1.0], abs=1e-6)
    assert found.exceedance[-2] > 1
    assert np.isnan(found.exceedance[-1])
    assert found.expected[-1] >= 0
    gone = counts.copy()
    gone[:-3] = np.nan
    assert np.isnan(score_counts(gone, cycle=SHORT).expected).all()


def test_nonsense_is_refused() -> None:
    for wrong in (np.zeros((3, 3)), np.array([1.0, np.inf]), np.array([-1.0])):
        with pytest.raises(ValueError, match="counts must"):
            score_counts(wrong)
    with pytest.raises(ValueError, match="alpha"):
        score_counts(np.zeros(3), alpha=1.0)
    with pytest.raises(ValueError, match="past must"):
        farrington.expect(np.zeros(3))
    for wrong in ((0, 5), (52, 0), (52, 5, -1), (12, 4, 1, 20), (12, 1, 1, 4, 12)):
        with pytest.raises(ValueError, match=r"lengths|parts|past"):
            Cycle(*wrong)
