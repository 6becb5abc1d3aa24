"""Readings of a simulated city: the same for the same seed, and such as a city has."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.learning.domain.simulator.cityplan import NothingToMeasureError, simulated_city
from anlan.learning.domain.simulator.planting import plant
from anlan.learning.domain.simulator.profiles import PLACES, PROFILES, SHAPES
from anlan.learning.domain.simulator.run import Readings, empty_run
from anlan.learning.domain.simulator.truth import series_of
from anlan.learning.domain.simulator.weather import STORM_MINUTES, hyetograph, responses
from tests.learning.domain.simulator.demo import BEGINS, all_of, packs, planted


def same(one: Readings, other: Readings) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


@settings(max_examples=8, deadline=None)
@given(minutes=st.floats(0.2, 600))
def test_pieces_of_any_length_make_the_same_bytes(minutes: float) -> None:
    run = planted(hours=4).run
    assert same(all_of(run, 60), all_of(run, minutes))


def test_the_same_seed_makes_the_same_city_and_another_another() -> None:
    assert same(all_of(planted(hours=4).run), all_of(planted.__wrapped__(hours=4).run))
    assert not same(all_of(planted(hours=4).run), all_of(planted(hours=4, seed=2).run))


def test_one_stream_alone_says_what_it_says_among_others() -> None:
    run = planted(hours=4).run
    whole, alone = all_of(run), all_of(run.only([17]))
    mine = whole.stream == 17
    assert mine.sum() > 20
    assert same(Readings(*(column[mine] for column in whole)), alone)


def test_arrival_is_in_order_and_never_before_the_measurement() -> None:
    found = all_of(planted(hours=4, faults=0).run)
    assert (np.diff(found.received_us) >= 0).all()
    delay = (found.received_us - found.at_us) / 1e6
    assert delay.min() >= 0
    assert np.median(delay) < 2
    late = (delay > 30).mean()
    assert 0.001 < late < 0.008
    again = found.at_us.size - np.unique(np.c_[found.stream, found.at_us], axis=0).shape[0]
    assert 0 < again < 0.004 * found.at_us.size
    behind = np.flatnonzero(np.diff(found.at_us) < -60_000_000)
    assert behind.size  # some overtake others by minutes


def test_values_are_what_the_quantity_can_be_at_its_resolution() -> None:
    run = planted(hours=8, faults=0, each=0).run
    found = all_of(run)
    low = {item.id: (item.low, item.high) for item in packs()[1].quantities}
    for number, sensor in enumerate(run.sensors):
        value = found.value[found.stream == number]
        least, most = low[sensor.quantity]
        assert value.min() >= least, sensor.quantity
        assert value.max() <= most, sensor.quantity
        steps = value * PROFILES[sensor.quantity].steps
        assert np.abs(steps - np.rint(steps)).max() < 1e-6


def test_readings_remember_and_instruments_differ() -> None:
    run = planted(hours=8, faults=0, each=0).run
    for quantity in ("gas_lel", "leakage_current"):
        mine = [n for n, sensor in enumerate(run.sensors) if sensor.quantity == quantity]
        values = [series_of(run, number)[1] for number in mine]
        after = [np.corrcoef(one[:-1], one[1:])[0, 1] for one in values]
        assert np.mean(after) > 0.4, quantity
        assert np.std([one.mean() for one in values]) > 0


def test_traffic_and_visitors_follow_the_hour_and_the_day() -> None:
    city, law = packs()
    made = simulated_city(city, law, sensors=400, seed=3)
    run = empty_run(made, law, begins=BEGINS, hours=24 * 7, seed=3)
    bridge = next(n for n, one in enumerate(run.sensors) if one.quantity == "bridge_load_share")
    at_us, value = series_of(run, bridge)
    hour = (at_us - at_us[0]) / 3.6e9
    mean = [value[(hour >= h) & (hour < h + 1)].mean() for h in range(24 * 7)]
    assert mean[8] > 1.4 * mean[3]
    assert mean[8] > 1.1 * mean[24 * 5 + 8]  # a Saturday has no rush hour


def test_what_a_gauge_catches_adds_up_to_the_storm_and_is_never_negative() -> None:
    run = planted(sensors=300, hours=24, faults=0).run
    gauges = [n for n, sensor in enumerate(run.sensors) if sensor.quantity == "rainfall"]
    caught = []
    for number in gauges:
        _, value = series_of(run, number)
        assert value.min() >= 0
        caught.append(value.sum())
        assert value.sum() == pytest.approx(run.amounts[number].sum(), rel=0.15, abs=0.8)
    assert max(caught) > 5
    assert np.std(caught) > 0.3  # it rains more here than there


def test_a_storm_reaches_one_end_of_the_city_before_the_other() -> None:
    run = planted(sensors=300, hours=24).run
    minutes = np.ptp(run.arrivals[:, 0]) / 6e7
    assert 10 < minutes < 240


def test_drains_hold_water_back_and_let_it_go() -> None:
    shares, rows = hyetograph(), responses()
    assert shares.sum() == pytest.approx(1)
    assert 0.3 < shares.argmax() / STORM_MINUTES < 0.5
    assert rows[0, STORM_MINUTES] == pytest.approx(1)
    peaks = rows[1:].argmax(axis=1)
    assert (np.diff(peaks) >= 0).all()  # the slower the reservoir the later its peak
    assert (rows[1:, -1] == 0).all()
    assert (rows >= 0).all()


def test_a_city_has_as_many_sensors_as_are_asked_for_and_the_packs_know_them() -> None:
    city, law = packs()
    for count in (1, 30, 1234):
        made = simulated_city(city, law, sensors=count, seed=5)
        assert len(made.sensors) == count
        assert len({one.code for one in made.sensors}) == count
        points = {one.code for one in made.risk_points}
        areas = {one.code for one in made.areas}
        units = {item.id: item.unit for item in law.quantities}
        for one in made.sensors:
            assert one.unit == units[one.quantity]
            assert one.area in areas
            assert one.risk_point is None or one.risk_point in points
    assert simulated_city(city, law, sensors=500, seed=5) == simulated_city(city, law, sensors=500, seed=5)  # fmt: skip


def test_a_city_of_which_nothing_is_known_is_refused() -> None:
    city, law = packs()
    bare = type(law)(info=law.info)
    with pytest.raises(NothingToMeasureError):
        simulated_city(city, bare, sensors=10, seed=1)


def test_every_quantity_and_place_kind_of_the_shipped_law_is_known_by_its_name() -> None:
    _, law = packs()
    of_a_device = {"battery_charge"}  # told of a sensor by itself, not measured in the city
    assert set(PROFILES) == {item.id for item in law.quantities} - of_a_device
    assert set(PLACES) <= {item.id for item in law.place_kinds}
    assert {name for _, names in PLACES.values() for name in names} <= set(PROFILES)
    assert {profile.shape for profile in PROFILES.values()} == set(SHAPES)


def test_a_run_knows_its_bounds() -> None:
    city, law = packs()
    with pytest.raises(ValueError, match="49 days"):
        empty_run(city, law, begins=BEGINS, hours=24 * 50, seed=1)
    made = plant(city, law, begins=BEGINS, hours=1, seed=1)
    assert made.incidents == ()
    assert made.run.ends - made.run.begins == timedelta(hours=1)
