"""Edits of a city made up by chance: of every kind, and whatever they are connected with."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from msgspec.structs import replace

from anlan.kernel.scales import RiskGrade
from anlan.registry import public
from anlan.registry.domain import city as c
from anlan.registry.domain.edits import HolderEdit, RiskPointEdit, RosterEdit, SensorEdit
from anlan.registry.domain.entry_edits import EntriesEdit, following
from anlan.registry.selectors import sheets
from anlan.registry.services.exporting import pack_in_force
from anlan.registry.services.versions import version_edit
from tests.registry.busy_city import AREAS, ENDS, INTERVALS, KINDS, POSTS, QUANTITIES, TODAY
from tests.registry.small_city import ADMIN, square

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


def take(edit, now):
    """Put an edit in force as a page does."""
    seen = public.fingerprint_of(edit.section, getattr(edit, "matter", edit.key))
    return public.take_edit(ADMIN, edit, seen=seen, reason="第 3 号通知", now=now)


def rows_read(monkeypatch, done):
    """Return how many rows of tables become entries for the linter while something is done."""
    rows, sheet_entry = [], sheets.Sheet.entry

    def counted(self, row):
        rows.append(row)
        return sheet_entry(self, row)

    with monkeypatch.context() as patched:
        patched.setattr(sheets.Sheet, "entry", counted)
        done()
    return len(rows)
