"""How the readings of each quantity run, and what stands at which kind of place.

All magnitudes are plain working values of the trade, [assumed], unless a source is named in
docs/methods/simulator.md; none was fitted to a real city.  A city's limits are not in here: they
come from its packs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anlan.science.synthesis import Floats

QUARTERS = 96


def _day(*hours: float) -> Floats:
    """Return 97 quarters of an hour from 24 hourly values; the day ends as it began."""
    places = np.arange(QUARTERS + 1) / 4
    return np.interp(places, np.arange(25), [*hours, hours[0]])


_FLAT = _day(*([0.0] * 24))
_AFTERNOON = np.sin(2 * np.pi * (np.arange(QUARTERS + 1) / QUARTERS - 9 / 24))  # highest at 15:00
SHAPES: Mapping[str, tuple[Floats, Floats]] = {  # on working days, on days of rest
    "flat": (_FLAT, _FLAT),
    "afternoon": (_AFTERNOON, _AFTERNOON),
    "traffic": (
        _day(.10, .06, .05, .05, .08, .2, .5, .9, 1, .8, .65, .6, .55, .6, .65, .7, .85, 1, .95, .7,
             .5, .4, .3, .18),
        _day(.14, .1, .07, .05, .07, .12, .25, .4, .55, .7, .8, .8, .75, .75, .8, .8, .8, .8, .75,
             .65, .55, .45, .35, .22),
    ),
    "visitors": (
        _day(0, 0, 0, 0, 0, .02, .08, .2, .3, .35, .42, .5, .6, .55, .5, .5, .55, .7, .9, 1, .9, .6,
             .25, .08),
        _day(.05, 0, 0, 0, 0, .02, .1, .2, .4, .6, .8, .9, .9, .95, 1, 1, 1, 1, 1, 1, .95, .7, .35, .12),
    ),
    "load": (
        _day(.35, .25, .2, .18, .18, .22, .35, .55, .75, .9, .95, 1, .85, .85, .9, .9, .85, .85, .95,
             1, .95, .8, .6, .45),
        _day(.4, .3, .22, .2, .2, .22, .3, .4, .55, .65, .75, .8, .75, .7, .7, .7, .7, .75, .9, 1, .95,
             .8, .65, .5),
    ),
    "water_use": (
        _day(.2, .12, .1, .1, .15, .35, .8, 1, .85, .65, .55, .6, .65, .5, .45, .45, .5, .65, .85, .95,
             .85, .65, .45, .3),
        _day(.25, .15, .1, .1, .12, .25, .5, .8, .95, .9, .75, .7, .75, .6, .5, .5, .55, .65, .85, .95,
             .85, .7, .5, .35),
    ),
}  # fmt: skip
"""Shares of the daily swing by hour of the day."""

#: How water answers rain: minutes of the linear reservoir that stands for the drains; 0: not at all.
RESPONSES: Mapping[str, float] = {
    "none": 0.0,
    "road": 15.0,
    "low": 30.0,
    "stream": 90.0,
    "lake": 600.0,
}


@dataclass(frozen=True, slots=True)
class Profile:
    """One quantity when nothing is wrong, in its unit."""

    level: float
    daily: float = 0.0
    shape: str = "flat"
    spread: float = 0.15  # between one instrument and another, as a share of level and swing
    slow: float = 0.0  # standard deviation of slow noise, memory about an hour
    fast: float = 0.0  # of the noise of each reading
    root: float = 0.0  # of counts: times the root of the value
    warmth: float = 0.0  # for each degree above the city's mean
    response: str = "none"
    per_mm: float = 0.0  # rise that one mm of rain would cause if none of it ran off
    floor: float = 0.0
    ceiling: float = 1e9
    steps: float = 10.0  # steps of resolution in one unit
    minutes: float = 1.0  # between readings
    spike: float = 0.0  # what one wild reading adds


PROFILES: Mapping[str, Profile] = {
    "rainfall": Profile(0.0, steps=10, minutes=5, spike=20.0, ceiling=200),
    "ponding_depth": Profile(0.0, slow=0.15, fast=0.1, response="road", per_mm=0.35, spike=60.0),
    "tunnel_water_depth": Profile(0.0, slow=0.15, fast=0.1, response="road", per_mm=0.3, spike=60.0),
    "flood_board_share": Profile(0.0, slow=0.2, fast=0.2, response="road", per_mm=0.4, spike=90.0),
    "yard_water_depth": Profile(0.0, slow=0.15, fast=0.1, response="low", per_mm=0.3, spike=60.0),
    "reservoir_level": Profile(182.5, spread=0.001, slow=0.01, fast=0.004, response="lake",
                               per_mm=0.006, floor=-50, steps=100, minutes=5, spike=4.0),
    "reservoir_over_limit": Profile(-2.0, slow=0.01, fast=0.004, response="lake", per_mm=0.006,
                                    floor=-100, steps=100, minutes=5, spike=4.0),
    "river_level": Profile(82.0, spread=0.001, slow=0.02, fast=0.005, response="stream", per_mm=0.02,
                           floor=-50, steps=100, minutes=5, spike=4.0),
    "river_over_warning": Profile(-2.5, slow=0.02, fast=0.005, response="stream", per_mm=0.02,
                                  floor=-50, steps=100, minutes=5, spike=4.0),
    "river_over_guarantee": Profile(-4.0, slow=0.02, fast=0.005, response="stream", per_mm=0.02,
                                    floor=-50, steps=100, minutes=5, spike=5.0),
    "gas_lel": Profile(0.3, daily=0.1, shape="afternoon", slow=0.08, fast=0.05, spike=60.0,
                       ceiling=100),
    "gas_industrial_lel": Profile(0.4, daily=0.1, shape="load", slow=0.1, fast=0.05, spike=60.0,
                                  ceiling=100),
    "carbon_monoxide": Profile(1.0, daily=3.0, shape="traffic", slow=0.4, fast=0.3, spike=200.0),
    "hydrogen_sulfide": Profile(0.4, daily=0.3, shape="afternoon", slow=0.1, fast=0.1, spike=30.0),
    "oxygen": Profile(20.8, spread=0.003, slow=0.04, fast=0.03, spike=4.0, ceiling=30),
    "crowd_density": Profile(0.1, daily=1.0, shape="visitors", slow=0.05, root=0.06, steps=100,
                             spike=5.0),
    "people": Profile(200.0, daily=9000.0, shape="visitors", spread=0.4, slow=150.0, root=2.0, steps=1,
                      spike=60000.0),
    "occupancy": Profile(3.0, daily=50.0, shape="visitors", slow=1.5, root=0.15, spike=80.0),
    "lift_trapped_minutes": Profile(0.0, steps=1, spike=35.0),
    "leakage_current": Profile(40.0, daily=40.0, shape="load", spread=0.3, slow=6.0, fast=2.0, steps=1,
                               spike=800.0),
    "cable_temperature": Profile(30.0, daily=8.0, shape="load", spread=0.05, slow=0.5, fast=0.1,
                                 warmth=0.3, spike=60.0, floor=-40),
    "hydrant_pressure": Profile(0.32, daily=-0.06, shape="water_use", spread=0.08, slow=0.005,
                                fast=0.002, steps=1000, minutes=5, spike=-0.3),
    "fire_points_down": Profile(0.0, steps=1, minutes=5, spike=3.0),
    "turbidity": Profile(0.3, slow=0.03, fast=0.02, steps=100, minutes=5, spike=3.0),
    "free_chlorine": Profile(0.4, daily=-0.08, shape="afternoon", slow=0.02, fast=0.01, steps=100,
                             minutes=5, spike=-0.35),
    "bridge_load_share": Profile(18.0, daily=26.0, shape="traffic", slow=1.5, root=0.3, warmth=0.35,
                                 spike=90.0),
    "pit_alarm_share": Profile(35.0, spread=0.1, slow=0.6, fast=0.3, warmth=0.1, minutes=10, spike=80.0),
    "building_tilt": Profile(1.0, spread=0.3, slow=0.01, fast=0.01, warmth=0.01, steps=100, minutes=10,
                             spike=8.0),
    "slope_displacement": Profile(5.0, slow=0.05, fast=0.05, warmth=0.02, floor=-100, minutes=10,
                                  spike=60.0),
    "wind_gust": Profile(5.0, daily=1.5, shape="afternoon", slow=1.0, fast=0.6, minutes=5, spike=30.0),
    "air_temperature": Profile(26.0, spread=0.02, warmth=1.0, slow=0.2, fast=0.1, floor=-60, minutes=10,
                               spike=15.0),
    "visibility": Profile(12000.0, slow=900.0, fast=100.0, floor=50, ceiling=20000, steps=1, minutes=10,
                          spike=-11900.0),
}  # fmt: skip

#: Share of the places of a simulated city by kind, and what is measured there.
PLACES: Mapping[str, tuple[float, tuple[str, ...]]] = {
    "gas_pipe": (20, ("gas_lel",)),
    "low_point": (12, ("ponding_depth",)),
    "lift": (12, ("lift_trapped_minutes",)),
    "high_rise": (10, ("leakage_current", "cable_temperature", "fire_points_down")),
    "underpass": (5, ("ponding_depth",)),
    "bridge": (5, ("bridge_load_share",)),
    "road_tunnel": (3, ("tunnel_water_depth", "carbon_monoxide")),
    "underground_garage": (4, ("flood_board_share", "carbon_monoxide")),
    "underground_station": (3, ("flood_board_share", "crowd_density")),
    "rail_yard": (1, ("yard_water_depth",)),
    "square": (3, ("crowd_density", "people")),
    "mall": (4, ("occupancy", "leakage_current")),
    "market": (3, ("leakage_current", "gas_lel")),
    "sewer_well": (4, ("hydrogen_sulfide", "oxygen")),
    "old_dwelling": (3, ("building_tilt",)),
    "deep_pit": (2, ("pit_alarm_share",)),
    "slope": (2, ("slope_displacement",)),
    "river_section": (2, ("river_over_warning",)),
    "reservoir": (1, ("reservoir_over_limit",)),
    "waterworks": (1, ("turbidity", "free_chlorine")),
    "chemical_plant": (1, ("gas_industrial_lel",)),
}
#: What stands in the open, as shares of all sensors.
OPEN_AIR: Mapping[str, float] = {
    "rainfall": 0.03, "air_temperature": 0.01, "wind_gust": 0.01, "visibility": 0.005,
    "hydrant_pressure": 0.03,
}  # fmt: skip
