"""Whatever becomes of a city, and in whatever order: what is shown is the whole city, read anew."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from msgspec.structs import replace

from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.registry.domain.edits import SensorEdit
from anlan.registry.domain.entry_edits import EntriesEdit
from anlan.sensing.domain.multidatastreams import KnownMulti
from anlan.sensing.services import multidatastreams
from anlan.sensing.sta import catalogue as made
from tests.registry.small_city import ADMIN, parsed
from tests.sensing.conftest import NOW, small_law
from tests.sensing.sta.conftest import WEST, a_place, load, stream
from tests.sensing.sta.following import TODAY, entry, followed, forget, take

pytestmark = pytest.mark.django_db(databases="__all__")
ME = system_actor("test")


@pytest.fixture(autouse=True)
def nothing_kept():
    forget()
    yield
    forget()


def random_city(chance):
    """Return some places and streams, each of them somewhere."""
    areas = ("410100", "410102", "410102001", WEST)
    spots = [a_place(f"P{n}", chance.choice(areas), lat=34 + chance.random()) for n in range(6)]
    there = chance.sample(spots, chance.randint(0, 6))
    streams = [
        stream(
            f"s{n}", chance.choice([None, *(one.code for one in there)]),
            area=chance.choice(areas), lat=34.0, lon=113.0,
            **chance.choice([{}, {"quantity": "gas", "unit": "%LEL"}, {"quantity": "unknown"}]),
        )
        for n in range(8)
    ]  # fmt: skip
    return there, chance.sample(streams, chance.randint(0, 8))


def random_step(chance, seconds):
    """Change the city in one of several ways; return by when."""
    now = NOW + timedelta(seconds=seconds)
    known = registry.sensors(at=now)
    multis = multidatastreams.multis_in_force()
    what = chance.choice(["load", "area", "stream", "end", "together", "apart"])
    if what == "area":
        parents = {"410102001": (WEST, "410102"), "kfq": (WEST, "410100")}
        code = chance.choice(list(parents))
        was = entry("areas", code)
        parent = next(one for one in parents[code] if one != was.parent)
        city = registry.city_pack(ADMIN)
        areas = tuple(replace(was, parent=parent) if x.code == code else x for x in city.areas)
        registry.load_city(ME, parsed(replace(city, areas=areas)), parsed(small_law()), now=now)
    elif what in {"stream", "end"} and known:
        code = chance.choice(known).code
        one = replace(entry("sensors", code), name_zh=f"{seconds}")
        edit = EntriesEdit("sensors", (one,), TODAY, key=code)
        take(SensorEdit(code, in_force=False, on=TODAY) if what == "end" else edit, now=now)
    elif what == "together" and len(known) > 1:
        streams = tuple(one.code for one in chance.sample(known, 2))
        multi = KnownMulti(f"M{seconds}", "井", "", streams, ("OM_Measurement",) * 2)
        multidatastreams.put_together(ME, multi, why="x", now=now)
    elif what == "apart" and multis:
        multidatastreams.end(ME, multis[0].code, why="x", now=now)
    else:
        there, streams = random_city(chance)
        city = replace(registry.city_pack(ADMIN), risk_points=there, sensors=streams)
        registry.load_city(ME, parsed(city), parsed(small_law()), now=now)
    return now


@pytest.mark.parametrize("seed", range(8))
def test_whatever_becomes_of_a_city(seed):
    chance = random.Random(seed)
    load(*random_city(chance))
    made.catalogue(now=NOW)
    for number in range(12):
        now = random_step(chance, 2 * number + 1)
        if chance.random() < 0.7:  # else the next look sees two changes at once
            assert followed(now) == 0
