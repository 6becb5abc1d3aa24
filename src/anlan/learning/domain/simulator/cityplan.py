"""A city with as many sensors as are asked for: its own areas and places, and more of both kinds.

What is made here is registry data like any other: it goes in through the import of city packs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import timedelta

import msgspec
import numpy as np

from anlan.kernel.durations import span_text
from anlan.kernel.errors import ConflictError
from anlan.kernel.scales import RiskGrade
from anlan.learning.domain.packworld import corners_of, ground_of
from anlan.learning.domain.simulator.profiles import OPEN_AIR, PLACES, PROFILES
from anlan.registry.domain.city import City, RiskPoint, Sensor, Shape
from anlan.registry.domain.jurisdiction import Jurisdiction, Quantity

MOST_SENSORS = 1_000_000
Spot = tuple[float, float]


class NothingToMeasureError(ConflictError):
    """The packs know no quantity, place kind or area that the simulator has a profile for."""

    code = "simulate.nothing_to_measure"


def simulated_city(
    city: City, law: Jurisdiction, *, sensors: int, seed: int, every: timedelta | None = None
) -> City:
    """Return ``city`` with ``sensors`` made-up sensors in place of its own; the same seed, the same city.

    Places of the city's own are used first; further ones are made in its smallest areas, named
    as simulated.  ``every`` sets one interval for all sensors.

    Raises
    ------
    NothingToMeasureError
        When the packs know nothing of what the simulator can make.
    """
    rng = np.random.default_rng([seed, 11])
    known = {item.id: item for item in law.quantities if item.id in PROFILES}
    places = {item.id for item in law.place_kinds}
    grounds = _grounds(city)
    open_air = {name: share for name, share in OPEN_AIR.items() if name in known}
    kinds = {
        kind: (weight, tuple(name for name in measured if name in known))
        for kind, (weight, measured) in PLACES.items()
        if kind in places
    }
    kinds = {kind: found for kind, found in kinds.items() if found[1]}
    if not grounds or not (kinds or open_air):
        raise NothingToMeasureError(city=city.info.id)
    wanted = [name for name, share in open_air.items() for _ in range(math.ceil(share * sensors))][
        :sensors
    ]
    points: list[RiskPoint] = []
    rows = [(name, *grounds[int(rng.integers(len(grounds)))], "") for name in wanted]
    for point, is_new in _places(city, kinds, grounds, rng) if kinds else ():
        if len(rows) >= sensors:
            break
        points += [point] if is_new else []
        spot = (point.lat or grounds[0][1][0], point.lon or grounds[0][1][1])
        measured = kinds[point.kind][1][: sensors - len(rows)]
        rows += [(name, point.area, spot, point.code) for name in measured]
    made = tuple(
        _sensor(number, known[name], area, _near(spot, rng), point, every)
        for number, (name, area, spot, point) in enumerate(rows, 1)
    )
    return msgspec.structs.replace(city, sensors=made, risk_points=(*city.risk_points, *points))


def _sensor(
    number: int, quantity: Quantity, area: str, spot: Spot, point: str, every: timedelta | None
) -> Sensor:
    span = every or timedelta(minutes=PROFILES[quantity.id].minutes)
    return Sensor(
        code=f"SIM-{number:06d}",
        name_zh=f"模拟测点 {number}（{quantity.name.zh}）",
        name_en=f"Simulated sensor {number} ({quantity.name.en})",
        quantity=quantity.id,
        unit=quantity.unit,
        interval=span_text(span),
        area=area,
        risk_point=point or None,
        lat=round(spot[0], 6),
        lon=round(spot[1], 6),
    )


def _places(
    city: City,
    kinds: dict[str, tuple[float, tuple[str, ...]]],
    grounds: Sequence[tuple[str, Spot]],
    rng: np.random.Generator,
) -> Iterator[tuple[RiskPoint, bool]]:
    """Yield the city's own places, then made ones without end; and whether each is made."""
    for point in city.risk_points:
        if point.kind in kinds and point.valid_to is None:
            yield point, False
    names = sorted(kinds)
    weights = np.array([kinds[name][0] for name in names])
    like = {point.kind: point for point in city.risk_points}
    number = 0
    while True:
        for index in rng.choice(len(names), 512, p=weights / weights.sum()):
            number += 1
            kind = names[int(index)]
            area, middle = grounds[int(rng.integers(len(grounds)))]
            spot = _near(middle, rng, degrees=0.006)
            model = like.get(kind)
            made = RiskPoint(
                code=f"SIM-P{number:06d}",
                name_zh=f"模拟点位 {number}",
                name_en=f"Simulated place {number}",
                kind=kind,
                area=area,
                lat=round(spot[0], 6),
                lon=round(spot[1], 6),
                grade=RiskGrade.GENERAL,
                owner_post=model.owner_post if model else None,
                plan=model.plan if model else None,
            )
            yield made, True


def _near(spot: Spot, rng: np.random.Generator, *, degrees: float = 0.0005) -> Spot:
    north, east = rng.uniform(-degrees, degrees, 2)
    return spot[0] + float(north), spot[1] + float(east)


def _grounds(city: City) -> list[tuple[str, Spot]]:
    """Return the areas that govern no other, each with a point in its middle."""
    parents = {area.parent for area in city.areas if area.parent}
    leaves = [area.code for area in city.areas if area.code not in parents]
    middles = {shape.code: _middle(shape) for shape in city.shapes}
    if city.shapes or city.risk_points or city.sensors:
        ground = ground_of(city)
        anywhere = ((ground.south + ground.north) / 2, (ground.west + ground.east) / 2)
    else:
        anywhere = (0.0, 0.0)
    return [(code, middles.get(code, anywhere)) for code in leaves]


def _middle(shape: Shape) -> Spot:
    lon, lat = np.array(list(corners_of(shape.geometry["coordinates"]))).T
    return float(lat.min() + lat.max()) / 2, float(lon.min() + lon.max()) / 2
