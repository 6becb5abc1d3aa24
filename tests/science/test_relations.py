"""How streams go together: twins by explicit loops, planted breaks, and what is left out."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from anlan.science import relations
from anlan.science.alarmscale import THRESHOLD, score_of_state
from anlan.science.assetwatch import AssetWatch
from tests.science import naive


def loop(count: int, rng: np.random.Generator) -> np.ndarray:
    """A pump loop: flow follows speed, pressure follows flow, temperature goes its own way."""
    speed = 50 + np.cumsum(rng.normal(size=count)) * 0.03 + rng.normal(size=count)
    flow = 2 * speed + rng.normal(size=count)
    pressure = 0.1 * flow + 0.2 * rng.normal(size=count)
    return np.column_stack([speed, flow, pressure, 20 + rng.normal(size=count) * 0.1])


def naive_sizes(head: np.ndarray, rows: np.ndarray) -> list[float]:
    width = head.shape[1]
    centre, scale = [], []
    for k in range(width):
        given = sorted(v for v in head[:, k] if math.isfinite(v))
        centre.append(float(np.median(given)))
        away = sorted(abs(v - centre[k]) for v in given)
        scale.append(1.4826 * float(np.median(away)) + 0.1 * float(np.std(given)))

    def z_of(row: np.ndarray) -> list[float]:
        found = []
        for k in range(width):
            away = row[k] - centre[k] if math.isfinite(row[k]) else 0.0
            if scale[k] > 0:
                away /= scale[k]
            elif away:
                away = math.copysign(1000.0, away)
            found.append(max(-1000.0, min(1000.0, away)))
        return found

    matrix = [[0.03 if i == j else 0.0 for j in range(width)] for i in range(width)]
    for row in head:
        z = [max(-3.0, min(3.0, one)) for one in z_of(row)]
        for i in range(width):
            for j in range(width):
                matrix[i][j] += z[i] * z[j] / len(head)
    return [
        math.sqrt(np.dot(z_of(row), np.linalg.solve(np.array(matrix), z_of(row))) / width)
        for row in rows
    ]


def planted(rng: np.random.Generator) -> np.ndarray:
    rows = loop(900, rng)
    rows = np.column_stack([rows, np.full(900, 7.0)])  # a stream that never moves
    rows[rng.integers(0, 900, 40), rng.integers(0, 4, 40)] = np.nan
    rows[[10, 700], 1] = np.inf, -np.inf
    rows[50:90] = rows[10:50]
    rows[800, 4] = 7.5
    rows[850] = np.nan
    return rows


def test_sizes_and_states_equal_their_twins_with_anything_planted() -> None:
    rows = planted(np.random.default_rng(31))
    head, rest = rows[:400], rows[400:]
    model = relations.learn(head)
    z = relations.standard(rest, model.centre, model.scale)
    np.testing.assert_allclose(
        relations.sizes_of(z, model.precision), naive_sizes(head, rest), rtol=1e-8
    )
    tail = naive.Tail(64)
    for start in range(0, 400, 100):
        others = np.concatenate([head[:start], head[start + 100 :]])
        for size in naive_sizes(others, head[start : start + 100]):
            tail.step(size)
    unusual, states = 0.0, []
    for size in naive_sizes(head, rest):
        place = (math.log2(size / tail.mean) + 6) * 4 if size else 0.0
        p = 10 ** -min(4.0, tail.surprise(max(0.0, min(62.9999, place))))
        unusual = unusual * 0.995 + (1 - unusual) * 0.001
        evidence = 0.1 * p**-0.9
        unusual = min(unusual * evidence / (unusual * evidence + 1 - unusual), 1 - 1e-6)
        states.append(unusual)
    np.testing.assert_allclose(relations.watch(model, rest).unusual, states, rtol=1e-4)


def test_pieces_give_what_the_whole_gives_and_later_rows_change_nothing() -> None:
    rows = planted(np.random.default_rng(32))
    model = relations.learn(rows[:400])
    whole = relations.watch(model, rows[400:])
    first = relations.watch(model, rows[400:521])
    second = relations.watch(model, rows[521:], before=float(first.unusual[-1]))
    for name in ("unusual", "stream", "partner"):
        both = np.concatenate([getattr(first, name), getattr(second, name)])
        np.testing.assert_array_equal(both, getattr(whole, name))


def test_a_broken_relation_is_told_with_its_stream_while_it_lasts() -> None:
    rows = loop(1_500, np.random.default_rng(33))
    rows[900:1_200, 2] -= 2.5  # pressure no longer goes with flow, yet each is within its range
    watched = relations.watch(relations.learn(rows[:600]), rows[600:])
    told = score_of_state(watched.unusual) >= THRESHOLD
    assert told[320:600].mean() > 0.95
    assert told[:300].mean() < 0.05
    assert told[700:].mean() < 0.05
    assert np.bincount(watched.stream[320:600]).argmax() == 2
    partners = watched.partner[320:600][watched.stream[320:600] == 2]
    assert set(partners.tolist()) <= {-1, 0, 1, 3}


def test_a_stream_that_is_far_off_by_itself_has_no_partner() -> None:
    rows = loop(800, np.random.default_rng(34))
    rows[700:, 3] += 50.0
    watched = relations.watch(relations.learn(rows[:400]), rows[400:])
    assert (watched.stream[300:] == 3).all()
    assert (watched.partner[300:] == -1).all()


def test_rows_without_any_value_say_nothing() -> None:
    rows = loop(600, np.random.default_rng(35))
    model = relations.learn(rows[:400])
    watched = relations.watch(model, np.full((50, 4), np.nan))
    assert watched.unusual.max() < 0.01


def test_no_number_spoils_the_model() -> None:
    rng = np.random.default_rng(40)
    rows = loop(900, rng)
    rows[::9] = rng.choice([1e308, -1e308, 1e149, np.inf, np.nan, 0.0], rows[::9].shape)
    assert np.isfinite(AssetWatch(4).feed(rows).unusual).all()


def test_a_change_of_unit_changes_nothing() -> None:
    rows = loop(700, np.random.default_rng(36))
    factors = np.array([2.0, 0.25, 1024.0, 1.0])
    one = relations.watch(relations.learn(rows[:400]), rows[400:])
    other = relations.watch(relations.learn(rows[:400] * factors), rows[400:] * factors)
    np.testing.assert_allclose(one.unusual, other.unusual, rtol=1e-9)


def test_too_little_to_learn_from_is_refused() -> None:
    for head in (np.zeros((99, 3)), np.zeros((400, 1)), np.zeros(400)):
        with pytest.raises(ValueError, match="need"):
            relations.learn(head)


def test_what_is_kept_of_an_asset_is_as_large_as_it_says() -> None:
    model = relations.learn(loop(400, np.random.default_rng(37)))
    assert model.nbytes == 8 * (4 + 4 + 16 + 68 + 1)


def naive_watch(rows: np.ndarray, head: int) -> list[float]:
    """Row by row as the definition says, everything learnt anew when it has to be."""
    kept, waiting = [list(row) for row in rows[:head]], []
    model = relations.learn(np.array(kept))
    before, fresh, unusual, answers = 0.0, 0, 0, [0.0] * head
    for k in range(head, len(rows)):
        before = float(relations.watch(model, rows[k : k + 1], before=before).unusual[0])
        answers.append(before)
        if before < 0.5:
            unusual = 0
            waiting.append(list(rows[k]))
            if len(waiting) > head // 8:
                kept.append(waiting.pop(0))
                fresh += 1
        else:
            waiting, unusual = [], unusual + 1
        if (k + 1 - head) % 20 == 0:
            if unusual >= 3 * head:
                kept, before, unusual, fresh = [list(row) for row in rows[k + 1 - head : k + 1]], 0.0, 0, 0  # fmt: skip
                model = relations.learn(np.array(kept))
            elif fresh >= head // 4:
                model, fresh = relations.learn(np.array(kept[-head:])), 0
    return answers


def moved(count: int, rng: np.random.Generator) -> np.ndarray:
    """A loop that drifts, has two short faults, and from two thirds on is set to a new point."""
    rows = loop(count, rng)
    rows[:, 3] += np.linspace(0, 3, count)
    rows[count // 5 : count // 5 + 40, 2] += 3
    rows[count // 4, :] = np.nan
    rows[2 * count // 3 :, 1] += 30
    return rows


@pytest.mark.parametrize("head", [100, 170])
def test_watching_equals_its_twin_however_rows_are_fed(head: int) -> None:
    rows = moved(1_500, np.random.default_rng(38))
    watched = AssetWatch(4, head).feed(rows)
    np.testing.assert_allclose(watched.unusual, naive_watch(rows, head), rtol=1e-9, atol=1e-15)
    again = AssetWatch(4, head)
    pieces = [again.feed(rows[a:b]) for a, b in pairwise([0, 1, 99, 101, 640, 641, 1_500])]
    for name in ("unusual", "stream", "partner"):
        both = np.concatenate([getattr(piece, name) for piece in pieces])
        np.testing.assert_array_equal(both, getattr(watched, name))


def test_a_slow_drift_is_learnt_and_a_new_set_point_accepted_in_the_end() -> None:
    rows = moved(6_000, np.random.default_rng(39))
    asset = AssetWatch(4)
    told = score_of_state(asset.feed(rows).unusual) >= THRESHOLD
    assert told[1_205:1_240].all()
    assert told[1_300:4_000].mean() < 0.05
    assert told[4_000:5_100].mean() > 0.95
    assert told[5_300:].mean() < 0.05
    frozen = relations.watch(relations.learn(rows[:400]), rows[400:]).unusual
    assert (score_of_state(frozen) >= THRESHOLD)[3_000:3_600].mean() > 0.5
    assert asset.nbytes == 8 * (2 * 400 + 50) * 4 + relations.learn(rows[:400]).nbytes


def test_wrong_rows_and_heads_are_refused() -> None:
    for arguments in ((1,), (4, 99)):
        with pytest.raises(ValueError, match="need a head"):
            AssetWatch(*arguments)
    with pytest.raises(ValueError, match="need rows"):
        AssetWatch(3).feed(np.zeros((5, 2)))
