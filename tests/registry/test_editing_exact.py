"""An edit shows exactly what the linter finds in the whole city before and after it."""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from msgspec.structs import replace

from anlan.kernel.errors import AnlanError
from anlan.registry import public
from anlan.registry.domain import city as c
from anlan.registry.domain.edits import HolderEdit
from anlan.registry.domain.entry_edits import EntriesEdit
from anlan.registry.models import RiskPoint, Sensor
from anlan.registry.services import editing
from anlan.registry.services.exporting import pack_in_force
from anlan.registry.services.versions import version_edit
from tests.registry.busy_city import TODAY, fill, more, the_city, the_law
from tests.registry.edits_made_up import KINDS_OF_EDIT, Keeper, rows_read, take
from tests.registry.loads import load
from tests.registry.small_city import ADMIN, NOW

pytestmark = pytest.mark.django_db(databases="__all__")
LATER = NOW + timedelta(minutes=5)
FEW, MANY = {"places": 4, "streams": 12}, {"places": 12, "streams": 60}
SEEDS, TURNS = int(os.environ.get("ANLAN_EDIT_SEEDS", "3")), 8  # more on request


def told(found):
    return Counter(
        (x.matter, x.finding.severity, tuple(sorted(x.finding.params.items()))) for x in found
    )


def by_the_whole(edit):
    """The slow way: the whole pack before and after."""
    return editing._judged(edit, pack_in_force(), today=TODAY).shown


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_is_shown_is_what_the_whole_city_tells(seed):
    load(the_city(), the_law())
    fill(Random(seed), **(MANY if seed % 2 else FEW))
    held = set()
    for turn in range(TURNS):
        for kind in KINDS_OF_EDIT:
            keeper = Keeper(f"{seed} {turn} {kind}")
            try:
                edit = keeper.edit(kind)
                shown = public.show_edit(ADMIN, edit, now=LATER)
            except AnlanError:
                continue  # it cannot be meant: nobody judges it
            held.add(kind)
            slow = by_the_whole(edit)
            assert told(shown.opened) == told(slow.opened), edit
            assert told(shown.closed) == told(slow.closed), edit
            assert told(shown.refused) == told(slow.refused), edit
            if turn % 2 and not shown.refused:
                take(edit, LATER)
    assert held == set(KINDS_OF_EDIT)


def test_a_rule_that_ends_leaves_every_stream_that_only_it_judged():
    """One stands for all alike, and all are told."""
    load(the_city(), the_law())
    fill(Random(1), places=12, streams=60)
    edit = version_edit("rules", "tilt.high", None, on=TODAY, today=TODAY)
    shown = public.show_edit(ADMIN, edit, now=LATER)
    tilt = {x.code for x in pack_in_force().sensors if x.quantity == "tilt"}
    left = {x.key for x in shown.opened if x.finding.code == "sensor.no_rule"}
    assert left < tilt
    assert len(left) > 5


def test_the_fastest_stream_that_is_left_is_told():
    """A rule that looks back too far over one stream still does over the next like it."""
    load(the_city(), the_law())
    streams(("a-slow", "5m", "p0"), ("fast", "1s", "p0"), ("next", "1s", "p0"))
    made = replace(_entry("sensors", "fast"), interval="5m")
    shown = public.show_edit(ADMIN, EntriesEdit("sensors", (made,), TODAY, key="fast"), now=LATER)
    assert "rule.window_budget" not in {x.finding.code for x in shown.closed}


def test_streams_at_a_place_that_changes_stand_for_no_others():
    load(the_city(), the_law())
    streams(("at-p0", "1s", "p0"), ("at-p1", "1s", "p1"))
    made = replace(_entry("risk_points", "p0"), kind="mall")
    shown = public.show_edit(ADMIN, EntriesEdit("risk_points", (made,), TODAY, key="p0"), now=LATER)
    assert "rule.window_budget" not in {x.finding.code for x in shown.closed}


def streams(*wanted):
    """Put streams of gas into the city, at schools, where a rule looks back over a day."""
    RiskPoint.objects.bulk_create(
        RiskPoint(code=code, name_zh=code, kind="school", area_id="kfq")
        for code in sorted({at for *_, at in wanted})
    )
    Sensor.objects.bulk_create(
        Sensor(
            code=code, name_zh=code, quantity="gas", unit="m", interval=interval, area_id="kfq",
            risk_point_id=at,
        )
        for code, interval, at in wanted
    )  # fmt: skip


ONE_EDIT = {
    "a stream": lambda n: EntriesEdit(
        "sensors", (replace(_entry("sensors", "n0"), name_zh=f"新{n}"),), TODAY, key="n0"
    ),
    "a place": lambda n: EntriesEdit(
        "risk_points", (replace(_entry("risk_points", "p0"), name_zh=f"新{n}"),), TODAY, key="p0"
    ),
    "a contact": lambda n: HolderEdit("h1", TODAY, {"phone": f"000-{n}"}),
    "a duty": lambda n: EntriesEdit(
        "duties",
        (
            c.Duty(
                area="410103", hazard=("met.rain", "gas.leak")[n], post="operator",
                valid_from=TODAY, basis="No 2",
            ),
        ),
        TODAY,
        key="410103",
    ),
    "a rule": lambda n: version_edit(
        "rules", "gas.high", {"hold": f"{n + 1}m"}, on=TODAY + timedelta(days=n), today=TODAY
    ),
}  # fmt: skip


def _entry(section, key):
    return public.record(ADMIN, section, key, at=NOW).entry


def cost_of(edit, monkeypatch):
    """Return how many queries an edit asks, and how many rows become entries for the linter."""
    with CaptureQueriesContext(connection) as asked:
        rows = rows_read(monkeypatch, lambda: take(edit, LATER))
    return len(asked.captured_queries), rows


@pytest.mark.parametrize("name", ONE_EDIT)
def test_the_number_of_streams_and_places_costs_nothing(name, monkeypatch):
    load(the_city(), the_law())
    fill(Random(1), places=100, streams=800)
    town = cost_of(ONE_EDIT[name](0), monkeypatch)
    more()
    city = cost_of(ONE_EDIT[name](1), monkeypatch)
    assert city[0] <= town[0] + 8, (town, city)  # the second version has a first one beside it
    assert city[1] <= town[1] + 40, (town, city)
    assert city[1] < 500, (town, city)
