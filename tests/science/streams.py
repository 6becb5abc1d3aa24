"""Seeded series with what breaks methods planted in them."""

from __future__ import annotations

import numpy as np


def times(count: int, step_s: float = 300.0, start: float = 1_700_000_000.0) -> np.ndarray:
    return start + step_s * np.arange(count)


def slots_of(at: np.ndarray, slots: int = 48) -> np.ndarray:
    return ((at % 86_400) // (86_400 // slots)).astype(np.int64)


def kinds_of(at: np.ndarray) -> np.ndarray:
    """0 for workdays, 1 for Saturday and Sunday; the first of January 1970 was a Thursday."""
    return (((at // 86_400) + 3) % 7 >= 5).astype(np.int64)


def daily(count: int, rng: np.random.Generator, *, noise: float = 0.1) -> np.ndarray:
    at = times(count)
    return 10 + 3 * np.sin(2 * np.pi * at / 86_400) + noise * rng.normal(size=count)


def broken(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a copy with missing values, infinities, a constant stretch and doubled values."""
    found = values.copy()
    places = rng.permutation(values.size)
    found[places[: values.size // 50]] = np.nan
    found[places[-3:]] = [np.inf, -np.inf, np.nan]
    found[[0, -1]] = np.nan
    found[values.size // 2 : values.size // 2 + 40] = 4.25
    found[1::97] = found[0::97][: found[1::97].size]
    return found
