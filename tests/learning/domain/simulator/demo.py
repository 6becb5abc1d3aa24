"""A small simulated city for the tests."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from anlan.learning.domain.simulator.cityplan import simulated_city
from anlan.learning.domain.simulator.planting import Planted, plant
from anlan.learning.domain.simulator.run import Readings, Run, readings
from anlan.registry.domain.city import City
from anlan.registry.domain.jurisdiction import Jurisdiction
from anlan.registry.domain.parse import (
    city_folder,
    jurisdiction_folder,
    read_city,
    read_jurisdiction,
)

BEGINS = datetime(2026, 7, 20, tzinfo=ZoneInfo("Asia/Shanghai"))  # a Monday


@cache
def packs() -> tuple[City, Jurisdiction]:
    return read_city(city_folder("demo")).pack, read_jurisdiction(jurisdiction_folder("cn")).pack


@cache
def planted(
    sensors: int = 200, hours: float = 8, seed: int = 1, each: int = 1, faults: float = 0.1
) -> Planted:
    city, law = packs()
    made = simulated_city(city, law, sensors=sensors, seed=seed)
    return plant(made, law, begins=BEGINS, hours=hours, seed=seed, each=each, faults=faults)


def all_of(run: Run, minutes: float = 60) -> Readings:
    parts = list(readings(run, step=timedelta(minutes=minutes)))
    return Readings(*(np.concatenate(column) for column in zip(*parts, strict=True)))
