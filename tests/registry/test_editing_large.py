"""Edits in a country of areas: the linter sees what they touch, and finds what it would in all."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from msgspec.structs import replace

from anlan.infra.models import JournalHead
from anlan.kernel.scales import RiskGrade
from anlan.registry import public
from anlan.registry.domain import city as c
from anlan.registry.domain.edits import (
    HolderEdit,
    RiskPointEdit,
    RosterEdit,
    SensorEdit,
    apply,
    days_left,
)
from anlan.registry.domain.entry_edits import EntriesEdit, applied_shapes, following
from anlan.registry.models import Area, Duty
from anlan.registry.services import editing
from anlan.registry.services.exporting import pack_in_force
from anlan.registry.services.versions import version_edit
from tests.registry.edits_made_up import rows_read, take
from tests.registry.loads import load
from tests.registry.small_city import ADMIN, NOW, a_city, square

pytestmark = pytest.mark.django_db(databases="__all__")
TODAY = date(2026, 11, 23)
LATER = NOW + timedelta(minutes=5)
MANY = 600  # far more than the bounds below


@pytest.fixture(autouse=True)
def city():
    load()


def many_areas(count=MANY):
    Area.objects.bulk_create(
        Area(
            code=f"g{number}",
            kind="community",
            name_zh=f"社区 {number}",
            parent_id="410103",
            path=f"410100/410103/g{number}",
        )
        for number in range(count)
    )


def entry(section, key):
    return public.record(ADMIN, section, key, at=NOW).entry


def an_area(code, **change):
    return EntriesEdit("areas", (replace(entry("areas", code), **change),), TODAY, key=code)


def a_duty(area, hazard, post):
    made = c.Duty(area=area, hazard=hazard, post=post, valid_from=TODAY, basis="No 1")
    return EntriesEdit("duties", (made,), TODAY, key=area)


def an_end(area, hazard):
    row = Duty.objects.get(area=area, hazard=hazard)
    line = entry("duties", str(row.pk))
    entries, gone = following("duties", (line,), None, on=TODAY, today=TODAY)
    return EntriesEdit("duties", entries, TODAY, key=area, about=str(row.pk), gone=gone)


def an_outline(code, west, south, size):
    shape = c.Shape(code=code, schematic=True, geometry=square(west, south, size))
    return EntriesEdit("areas", (entry("areas", code),), TODAY, key=code, shapes=(shape,))


EDITS = {
    "a duty ends": lambda: an_end("410102", "met.*"),
    "the duty for all ends": lambda: an_end("410100", "*"),
    "a duty more": lambda: a_duty("410103", "gas.leak", "operator"),
    "a duty of a street": lambda: a_duty("410102001", "met.rain", "operator"),
    "an area ends": lambda: an_area("410102", valid_to=TODAY + timedelta(days=1)),
    "an area moves": lambda: an_area("410102001", parent="410103"),
    "an area moves up": lambda: an_area("410102001", parent="410100"),
    "a zone becomes a district": lambda: an_area("kfq", kind="district"),
    "an outline overlaps": lambda: an_outline("410103", 113.1, 34.1, 0.6),
    "an outline fits": lambda: an_outline("410103", 113.5, 34.0, 0.5),
    "an outline shrinks": lambda: an_outline("410102", 113.0, 34.0, 0.15),
    "an owner": lambda: RiskPointEdit("mall-1", "operator", RiskGrade.LOW, None, TODAY),
    "a sensor out": lambda: SensorEdit("s1", in_force=False, on=TODAY),
    "a contact": lambda: HolderEdit("h1", TODAY, {"email": "", "phone": ""}),
    "nobody sits": lambda: RosterEdit("commander", TODAY, _line("commander"), None),
    "a rule": lambda: version_edit("rules", "gas.high", {"hold": "1m"}, on=TODAY, today=TODAY),
    "a slow clock": lambda: version_edit(
        "clocks", "clock.gas", {"limit": "5d"}, on=TODAY, today=TODAY
    ),
}


def _line(post):
    return public.records(ADMIN, "shifts", public.Wanted(of=post), at=NOW).records[0].entry


@pytest.mark.parametrize(
    ("name", "covered"),
    # Without a duty for all there is none that could end.
    [(name, yes) for yes in (True, False) for name in EDITS if yes or "duty for all" not in name],
)
def test_what_it_sees_of_the_city_tells_what_the_whole_city_would(name, covered):
    if not covered:
        pack = a_city()
        load(replace(pack, duties=tuple(x for x in pack.duties if x.hazard != "*")), now=LATER)
    many_areas(40)
    edit = EDITS[name]()
    shown = public.show_edit(ADMIN, edit, now=LATER)
    before = pack_in_force()
    after = replace(
        before, **{edit.section: apply(edit, getattr(before, edit.section), today=TODAY)}
    )
    if isinstance(edit, EntriesEdit):
        after = replace(after, shapes=applied_shapes(edit, before.shapes))
    opened, closed = editing._compared(
        before, after, days={TODAY, edit.on, *days_left(shown.differences)}
    )
    assert {x.matter for x in shown.opened} == {x.matter for x in opened}
    assert {x.matter for x in shown.closed} == {x.matter for x in closed}


def cost_of(edit, monkeypatch):
    """Return queries asked and rows told for a draft, and how many of them under the lock."""
    with CaptureQueriesContext(connection) as asked:
        told = rows_read(monkeypatch, lambda: take(edit, LATER))
    statements = [one["sql"] for one in asked.captured_queries]
    lock = next(n for n, sql in enumerate(statements) if JournalHead._meta.db_table in sql)
    return len(statements), told, len(statements) - lock


#: Two edits alike: the second one is made when the country has many areas more.
TWICE = {
    "a duty more": lambda n: a_duty("410102001", ("met.rain", "gas.leak")[n], "operator"),
    "an owner": lambda n: RiskPointEdit(
        "mall-1", "operator", (RiskGrade.LOW, RiskGrade.MAJOR)[n], None, TODAY
    ),
    "a rule": lambda n: version_edit(
        "rules", "gas.high", {"hold": f"{n + 1}m"}, on=TODAY + timedelta(days=n), today=TODAY
    ),
    "a contact": lambda n: HolderEdit("h1", TODAY, {"phone": f"000-{n}"}),
    "a sensor out": lambda n: SensorEdit("s1", in_force=bool(n), on=TODAY),
}


@pytest.mark.parametrize("name", TWICE)
def test_the_number_of_areas_costs_nothing(name, monkeypatch):
    public.examined(now=NOW)
    few = cost_of(TWICE[name](0), monkeypatch)
    many_areas()
    public.examined(now=NOW)
    country = cost_of(TWICE[name](1), monkeypatch)
    assert abs(country[0] - few[0]) <= 8  # the second version has a first one beside it
    assert country[1] <= few[1] + 4, (few, country)
    assert country[2] <= 40, (few, country)


def test_the_linter_has_looked_before_the_lock_is_taken(monkeypatch):
    """Whoever waits for the lock waits for a write, never for the linter."""
    order = []
    examine, put = editing.examine, editing._put
    monkeypatch.setattr(
        editing, "examine", lambda *a, **g: order.append("looked") or examine(*a, **g)
    )
    monkeypatch.setattr(editing, "_put", lambda *a, **g: order.append("locked") or put(*a, **g))
    public.take_edit(
        ADMIN,
        an_area("410103", name_zh="新西区"),
        seen=public.fingerprint_of("areas", "410103"),
        reason="第 3 号通知",
        now=LATER,
    )
    assert order == ["looked", "looked", "locked"]
