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
from anlan.kernel.scales import RiskGrade
from anlan.registry import public
from anlan.registry.domain import city as c
from anlan.registry.domain.edits import HolderEdit, RiskPointEdit, RosterEdit, SensorEdit
from anlan.registry.domain.entry_edits import EntriesEdit, following
from anlan.registry.models import RiskPoint, Sensor
from anlan.registry.selectors import sheets
from anlan.registry.services import editing
from anlan.registry.services.exporting import pack_in_force
from anlan.registry.services.versions import version_edit
from tests.registry.busy_city import (
    AREAS,
    ENDS,
    INTERVALS,
    KINDS,
    POSTS,
    QUANTITIES,
    TODAY,
    fill,
    the_city,
    the_law,
)
from tests.registry.loads import load
from tests.registry.small_city import ADMIN, NOW, square

pytestmark = pytest.mark.django_db(databases="__all__")
LATER = NOW + timedelta(minutes=5)
FEW, MANY = {"places": 4, "streams": 12}, {"places": 12, "streams": 60}
SEEDS, TURNS = int(os.environ.get("ANLAN_EDIT_SEEDS", "3")), 8  # more on request
WHERE = (
    {"lat": None, "lon": None},
    {"lat": 34.2, "lon": 113.2},
    {"lat": 35.5, "lon": 113.2},
)


class Keeper:
    """Makes up edits of a city, of every kind and whatever they are connected with."""

    def __init__(self, seed):
        self.chance = Random(seed)
        self.pack = pack_in_force()

    def any(self, *choices):
        return self.chance.choice(choices)

    def day(self):
        return TODAY + timedelta(days=self.any(0, 0, 0, 1, 2))

    def one(self, section):
        return self.chance.choice(getattr(self.pack, section))

    def edit(self, kind):
        return getattr(self, kind)()

    def _changed(self, section, entry, **changes):
        name = self.chance.choice(list(changes))
        return replace(entry, **(name if isinstance(name, dict) else {name: changes[name]}))

    def stream(self, old=None):
        old = old or self.one("sensors")
        made = self._changed(
            "sensors", old, quantity=self.any(*QUANTITIES), unit=self.any("m", "ft"),
            interval=self.any(*INTERVALS), area=self.any(*AREAS), name_zh="改名",
            risk_point=self.any(None, self.one("risk_points").code), valid_to=self.any(*ENDS),
            operator=self.any(None, "gov"),
        )  # fmt: skip
        return replace(made, **self.any({}, *WHERE))

    def place(self, old=None):
        old = old or self.one("risk_points")
        made = self._changed(
            "risk_points", old, kind=self.any(*KINDS), area=self.any(*AREAS), name_zh="改名",
            grade=self.any(None, RiskGrade.LOW), plan=self.any(None, "plan-flood"),
            owner_post=self.any(*POSTS), valid_to=self.any(*ENDS),
        )  # fmt: skip
        return replace(made, **self.any({}, *WHERE))

    def a_stream(self):
        made = self.stream()
        return EntriesEdit("sensors", (made,), TODAY, key=made.code)

    def a_new_stream(self):
        made = replace(self.stream(), code=f"new{self.chance.randrange(10**6)}")
        return EntriesEdit("sensors", (made,), TODAY, key=made.code, is_new=True)

    def a_stream_out(self):
        return SensorEdit(self.one("sensors").code, in_force=self.any(True, False), on=self.day())

    def a_place(self):
        made = self.place()
        return EntriesEdit("risk_points", (made,), TODAY, key=made.code)

    def a_new_place(self):
        made = replace(self.place(), code=f"new{self.chance.randrange(10**6)}")
        return EntriesEdit("risk_points", (made,), TODAY, key=made.code, is_new=True)

    def an_owner(self):
        old = self.one("risk_points")
        grade, plan = self.any(None, RiskGrade.LOW), self.any(None, "plan-flood")
        return RiskPointEdit(old.code, self.any(*POSTS), grade, plan, TODAY)

    def many(self):
        section = self.any("sensors", "risk_points")
        make = {"sensors": self.stream, "risk_points": self.place}[section]
        olds = self.chance.sample(getattr(self.pack, section), 5)
        gone = self.any(frozenset(), frozenset({olds.pop().code, olds.pop().code}))
        return EntriesEdit(section, tuple(make(old) for old in olds), TODAY, gone=gone)

    def gone(self):
        section = self.any("organisations", "posts", "risk_points", "sensors")
        return EntriesEdit(section, (), TODAY, gone=frozenset({self.one(section).code}))

    def a_rule(self):
        code = self.any("gas.high", "gas.day", "pond.day", "tilt.high")
        change = self.any(
            {"hold": "3m"},
            {"quantity": self.any(*QUANTITIES)},
            {"only_place_kinds": list(self.any((), KINDS[:1], KINDS[1:3]))},
            None,
        )
        if change is None:
            code = "tilt.high"
        return version_edit("rules", code, change, on=self.day(), today=TODAY)

    def a_clock(self):
        change = {"limit": self.any("5m", "5d")}
        return version_edit("clocks", "clock.gas", change, on=self.day(), today=TODAY)

    def an_area(self):
        old = self.one("areas")
        made = self._changed(
            "areas", old, name_zh="改名", valid_to=self.any(*ENDS), touches=(self.any(*AREAS),),
            kind=self.any("district", "zone"),
            parent=old.parent and self.any(*AREAS[:3]),
        )  # fmt: skip
        drawn = c.Shape(
            code=old.code, schematic=True, geometry=square(113.0, 34.0, self.any(0.1, 0.5, 2.0))
        )
        return EntriesEdit("areas", (made,), TODAY, key=made.code, shapes=self.any((), (drawn,)))

    def a_unit(self):
        made = replace(self.one("organisations"), area=self.any(*AREAS))
        return EntriesEdit("organisations", (made,), TODAY, key=made.code)

    def a_post(self):
        made = replace(self.one("posts"), superior=self.any(None, "commander", "operator"))
        return EntriesEdit("posts", (made,), TODAY, key=made.code)

    def a_duty(self):
        if self.any(True, False):
            made = c.Duty(
                area=self.any(*AREAS), hazard=self.any("gas.leak", "met.*", "*"), basis="No 2",
                post=self.any(*POSTS[1:]), valid_from=self.day(),
            )  # fmt: skip
            return EntriesEdit("duties", (made,), TODAY, key=made.area)
        old = self.one("duties")
        entries, gone = following("duties", (old,), None, on=self.day(), today=TODAY)
        return EntriesEdit("duties", entries, TODAY, gone=gone)

    def a_roster(self):
        old = self.one("shifts")
        return RosterEdit(old.post, self.day(), old, None)

    def a_contact(self):
        way = self.any({"email": "", "phone": ""}, {"phone": "000-9"})
        return HolderEdit(self.one("holders").code, TODAY, way)


KINDS_OF_EDIT = tuple(
    name for name in vars(Keeper) if name.startswith(("a_", "an_")) or name in {"many", "gone"}
)


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
                seen = public.fingerprint_of(edit.section, getattr(edit, "matter", edit.key))
                public.take_edit(ADMIN, edit, seen=seen, reason="第 3 号通知", now=LATER)
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
    rows, sheet_entry = [], sheets.Sheet.entry
    seen = public.fingerprint_of(edit.section, getattr(edit, "matter", edit.key))
    with monkeypatch.context() as patched, CaptureQueriesContext(connection) as asked:
        patched.setattr(
            sheets.Sheet, "entry", lambda self, row: rows.append(row) or sheet_entry(self, row)
        )
        public.take_edit(ADMIN, edit, seen=seen, reason="第 3 号通知", now=LATER)
    return len(asked.captured_queries), len(rows)


@pytest.mark.parametrize("name", ONE_EDIT)
def test_the_number_of_streams_and_places_costs_nothing(name, monkeypatch):
    load(the_city(), the_law())
    fill(Random(1), places=100, streams=800)
    town = cost_of(ONE_EDIT[name](0), monkeypatch)
    _many_more()
    city = cost_of(ONE_EDIT[name](1), monkeypatch)
    assert city[0] <= town[0] + 8, (town, city)  # the second version has a first one beside it
    assert city[1] <= town[1] + 40, (town, city)
    assert city[1] < 500, (town, city)


def _many_more():
    """Make the city four times as large, of what there is already."""
    for model, letter in ((RiskPoint, "p"), (Sensor, "n")):
        rows = list(model.objects.filter(pk__startswith=letter))
        codes = [row.pk for row in rows]
        for times in range(3):
            for row, code in zip(rows, codes, strict=True):
                row.pk = f"{code}-{times}"
            model.objects.bulk_create(rows, batch_size=500)
