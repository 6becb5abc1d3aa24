"""How the readings of each quantity run when nothing is wrong, in the unit of its pack.

Levels are plain working values, [assumed] throughout: far from any limit where the
thing watched is normally at rest, close to it where the trade runs close (chlorine,
loads as a share of the design).  ``spike`` is what a faulty reading adds.
"""

from __future__ import annotations

from collections.abc import Mapping

from anlan.learning.domain.ordinary import Usual

RAIN_QUANTITY = "rainfall"
RAINSTORM = "met.rainstorm"  # the hazard slug of the week's yellow signal

USUAL: Mapping[str, Usual] = {
    "ponding_depth": Usual(level=0.0, noise=0.4, per_mm=0.25, spike=60.0),  # cm
    "tunnel_water_depth": Usual(level=0.0, noise=0.4, per_mm=0.15, spike=60.0),  # cm
    "flood_board_share": Usual(level=0.0, noise=0.5, per_mm=0.3, spike=90.0),  # %
    "yard_water_depth": Usual(level=0.0, noise=0.4, per_mm=0.2, spike=60.0),  # cm
    "reservoir_level": Usual(level=182.5, noise=0.02, per_mm=0.002, floor=-50, spike=4.0),  # m
    "reservoir_over_limit": Usual(level=-2.0, noise=0.02, per_mm=0.002, floor=-100, spike=4.0),
    "river_level": Usual(level=82.0, noise=0.03, per_mm=0.01, floor=-50, spike=4.0),
    "river_over_warning": Usual(level=-2.5, noise=0.03, per_mm=0.01, floor=-50, spike=4.0),
    "river_over_guarantee": Usual(level=-4.0, noise=0.03, per_mm=0.01, floor=-50, spike=5.0),
    "gas_lel": Usual(level=0.2, noise=0.15, spike=60.0),  # %LEL
    "gas_industrial_lel": Usual(level=0.3, noise=0.2, spike=60.0),
    "carbon_monoxide": Usual(level=2.0, daily=1.0, noise=1.0, spike=200.0),  # ppm
    "hydrogen_sulfide": Usual(level=0.3, noise=0.2, spike=30.0),  # ppm
    "oxygen": Usual(level=20.8, noise=0.05, spike=4.0),  # %vol
    "crowd_density": Usual(level=0.6, daily=0.5, noise=0.15, spike=5.0),  # persons/m2
    "people": Usual(level=6000.0, daily=4500.0, noise=600.0, spike=60000.0),
    "occupancy": Usual(level=35.0, daily=25.0, noise=4.0, spike=80.0),  # %
    "lift_trapped_minutes": Usual(level=0.0, spike=35.0),
    "leakage_current": Usual(level=60.0, daily=20.0, noise=10.0, spike=800.0),  # mA
    "cable_temperature": Usual(level=36.0, daily=6.0, noise=1.0, spike=60.0),  # degC
    "hydrant_pressure": Usual(level=0.28, daily=-0.03, noise=0.01, spike=-0.28),  # MPa
    "fire_points_down": Usual(level=0.0, spike=3.0),
    "turbidity": Usual(level=0.3, noise=0.05, per_mm=0.002, spike=3.0),  # NTU
    "free_chlorine": Usual(level=0.35, noise=0.03, spike=-0.3),  # mg/L
    "bridge_load_share": Usual(level=35.0, daily=10.0, noise=3.0, spike=90.0),  # %
    "pit_alarm_share": Usual(level=30.0, noise=1.0, spike=80.0),  # %
    "building_tilt": Usual(level=1.0, daily=0.1, noise=0.02, spike=8.0),  # permille
    "slope_displacement": Usual(level=5.0, noise=0.1, per_mm=0.01, floor=-100, spike=60.0),  # mm
    "wind_gust": Usual(level=5.0, daily=2.0, noise=1.5, per_mm=0.1, spike=30.0),  # m/s
    "air_temperature": Usual(level=27.0, daily=4.5, noise=0.8, floor=-60, spike=15.0),  # degC
    "visibility": Usual(level=12000.0, noise=1500.0, per_mm=-300.0, floor=200, spike=-11900.0),
}
