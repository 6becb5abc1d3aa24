"""After an edit the findings about the city are what a look at the whole city finds."""

from __future__ import annotations

import os
from datetime import timedelta
from random import Random

import pytest
from msgspec.structs import replace

from anlan.kernel.errors import AnlanError
from anlan.registry import public
from anlan.registry.domain.entry_edits import EntriesEdit
from anlan.registry.models import RiskPoint, Sensor
from anlan.registry.services import examining
from anlan.registry.services.versions import version_edit
from tests.registry.busy_city import TODAY, fill, more, the_city, the_law
from tests.registry.edits_made_up import KINDS_OF_EDIT, Keeper, rows_read, take
from tests.registry.loads import load
from tests.registry.small_city import ADMIN, NOW

pytestmark = pytest.mark.django_db(databases="__all__")
LATER = NOW + timedelta(minutes=5)
FEW, MANY = {"places": 4, "streams": 12}, {"places": 12, "streams": 60}
SEEDS, TURNS = int(os.environ.get("ANLAN_EDIT_SEEDS", "2")), 3  # more on request


@pytest.fixture
def since(monkeypatch):
    """Return a list of whether each look was one at what edits moved."""
    looks, real = [], examining._since

    def seen(last, today):
        found = real(last, today)
        looks.append(found is not None)
        return found

    monkeypatch.setattr(examining, "_since", seen)
    return looks


def told(examined):
    """Return what is told, in its order; the lines of a list that nobody sees apart."""
    return [
        (x.matter, x.finding.severity, dict(x.finding.params), x.area_path) for x in examined.found
    ]


def the_whole():
    kept, before = list(examining._last), examining._last
    examining.forget_examined()
    found = public.examined(now=LATER)
    before[:] = kept
    return found


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_is_found_after_edits_is_what_the_whole_city_tells(seed, since):
    load(the_city(), the_law())
    fill(Random(seed), **(MANY if seed % 2 else FEW))
    public.examined(now=LATER)
    taken = 0
    for turn in range(TURNS):
        for kind in KINDS_OF_EDIT:
            try:
                take(Keeper(f"{seed} {turn} {kind}").edit(kind), LATER)
            except AnlanError:
                continue
            taken += 1
            if taken % 3 == 0:  # at times several edits come between two looks
                continue
            assert told(public.examined(now=LATER)) == told(the_whole()), kind
    assert sum(since) > taken / 3


def a_stream(turn=0):
    made = replace(public.record(ADMIN, "sensors", "n0", at=NOW).entry, name_zh=f"新{turn}")
    return EntriesEdit("sensors", (made,), TODAY, key="n0")


def test_a_rule_that_moves_untouched_streams_has_all_looked_at(since):
    load(the_city(), the_law())
    fill(Random(1), **MANY)
    public.examined(now=LATER)
    take(version_edit("rules", "tilt.high", {"hold": "3m"}, on=TODAY, today=TODAY), LATER)
    assert told(public.examined(now=LATER)) == told(the_whole())
    take(version_edit("rules", "tilt.high", None, on=TODAY, today=TODAY), LATER)
    assert told(public.examined(now=LATER)) == told(the_whole())
    assert since == [True, False]


def test_streams_at_a_place_that_changed_were_touched_with_it(since):
    load(the_city(), the_law())
    fill(Random(1), **FEW)
    Sensor.objects.filter(pk="n0").update(quantity="gas", risk_point="p0", valid_to=None)
    RiskPoint.objects.filter(pk="p0").update(kind="mall")
    public.examined(now=LATER)
    made = replace(public.record(ADMIN, "risk_points", "p0", at=NOW).entry, kind="underpass")
    take(EntriesEdit("risk_points", (made,), TODAY, key="p0"), LATER)
    assert told(public.examined(now=LATER)) == told(the_whole())
    assert since == [True]


def test_a_stream_in_an_area_that_changed_does_not_stand_for_others():
    load(the_city(), the_law())
    fill(Random(1), **FEW)
    alike = {"quantity": "tilt", "interval": "1m", "risk_point": None, "valid_to": None}
    Sensor.objects.update(quantity="gas")
    Sensor.objects.filter(pk="n0").update(area="410102", **alike)
    Sensor.objects.filter(pk="n5").update(area="410103", **alike)
    public.examined(now=LATER)
    made = replace(public.record(ADMIN, "areas", "410102", at=NOW).entry, name_zh="改名")
    take(EntriesEdit("areas", (made,), TODAY, key="410102"), LATER)
    take(version_edit("rules", "tilt.high", None, on=TODAY, today=TODAY), LATER)
    assert told(public.examined(now=LATER)) == told(the_whole())


def test_a_load_or_another_day_has_all_looked_at(since):
    load(the_city(), the_law())
    fill(Random(1), **MANY)
    public.examined(now=LATER)
    public.examined(now=LATER + timedelta(days=1))
    take(a_stream(), LATER)
    public.examined(now=LATER + timedelta(days=1))
    load(replace(the_city(), clocks=()), the_law(), now=LATER)
    public.examined(now=LATER + timedelta(days=1))
    assert since == [False, True, False]


def test_the_number_of_streams_and_places_costs_nothing(monkeypatch):
    load(the_city(), the_law())
    fill(Random(1), places=100, streams=800)
    public.examined(now=LATER)
    take(a_stream(), LATER)
    town = rows_read(monkeypatch, lambda: public.examined(now=LATER))
    more()
    examining.forget_examined()
    public.examined(now=LATER)
    take(a_stream(1), LATER)
    city = rows_read(monkeypatch, lambda: public.examined(now=LATER))
    assert city <= town + 40, (town, city)
    assert city < 500, (town, city)
