"""Areas, units, posts, duties, rules and clocks changed by hand: written as a load would."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import NotAllowedError
from anlan.registry import public
from anlan.registry.domain import city as c
from anlan.registry.domain.entry_edits import EntriesEdit, following
from anlan.registry.domain.errors import (
    AreaMovesManyError,
    CodeTakenError,
    EditChoiceError,
    EditEmptyError,
    EditReasonPersonalError,
    EditWorsensError,
    RecordChangedError,
    RecordUnknownError,
)
from anlan.registry.models import Duty
from anlan.registry.services import edit_changes, editing
from anlan.registry.services.versions import version_edit
from tests.registry.loads import load, registry_rows
from tests.registry.small_city import (
    ADMIN,
    KEEPER,
    NOW,
    a_city,
    a_jurisdiction,
    parsed,
    square,
)

pytestmark = pytest.mark.django_db(databases="__all__")
TODAY = date(2026, 11, 23)
SOON = TODAY + timedelta(days=3)
LATER = NOW + timedelta(minutes=5)
EAST = Actor(
    id="account:8", role=Role.SYSTEM_ADMIN, areas=("410100/410102",), scopes=frozenset({"*"})
)
WHY = "市局 2026 年第 12 号通知"


@pytest.fixture(autouse=True)
def city():
    load()


def take(edit, actor=ADMIN, now=LATER, reason=WHY):
    seen = public.fingerprint_of(edit.section, edit.matter)
    return public.take_edit(actor, edit, seen=seen, reason=reason, now=now)


def entry(section, key):
    return public.record(ADMIN, section, key, at=NOW).entry


def coded(section, code, *, is_new=False, **change):
    made = change.pop("made", None)
    found = made if made is not None else replace(entry(section, code), **change)
    return EntriesEdit(section, (found,), TODAY, key=code, is_new=is_new)


def pack_is_what_an_export_gives():
    """Loading what is taken out changes nothing, and brings a new workspace to the same."""
    pack = public.city_pack(ADMIN)
    assert public.diff_city(parsed(pack), parsed(a_jurisdiction()), now=LATER).is_empty
    rebuilt = journal.replay_images(JournalEntry.objects.order_by("seq"))
    assert registry_rows(rebuilt) == registry_rows(journal.live_state())
    return pack


class TestCoded:
    def test_an_area_is_renamed_and_its_history_tells(self):
        take(coded("areas", "410103", name_zh="新西区", name_en="New west"))
        assert public.area("410103").name_zh == "新西区"
        edit, loaded = public.history_of(ADMIN, "areas", "410103")[0]
        assert (edit.how, edit.reason, loaded.how) == ("edit", WHY, "load")
        assert ("name_zh", "西区", "新西区") in edit.turns[0].columns
        pack_is_what_an_export_gives()

    def test_everything_below_an_area_moves_with_it(self):
        take(coded("areas", "410102001", parent="kfq", touches=()))
        assert public.area("410102001").path == "410100/kfq/410102001"
        take(coded("areas", "kfq", parent="410103"))
        assert public.area("410102001").path == "410100/410103/kfq/410102001"
        assert public.place("culvert-1").area_path.endswith("410103/kfq/410102001")
        pack_is_what_an_export_gives()

    def test_a_page_moves_no_country(self, monkeypatch):
        monkeypatch.setattr(edit_changes, "MOST_MOVED", 0)
        with pytest.raises(AreaMovesManyError):
            take(coded("areas", "410102", parent="410103"))
        assert public.area("410102").path == "410100/410102"

    def test_an_area_under_itself_is_no_area(self):
        with pytest.raises(EditWorsensError):
            take(coded("areas", "410102", parent="410102001"))
        assert public.area("410102").parent == "410100"

    def test_a_new_grid_with_its_outline(self):
        made = c.Area(code="410102001-1", kind="grid", name_zh="一号网格", parent="410102001")
        shape = c.Shape(code=made.code, schematic=False, geometry=square(113.1, 34.1, 0.2))
        edit = EntriesEdit("areas", (made,), TODAY, key=made.code, shapes=(shape,), is_new=True)
        shown = take(edit)
        assert [(x.what, x.key) for x in shown.differences] == [
            ("added", made.code),
            ("added", made.code),
        ]
        assert public.area(made.code).path == "410100/410102/410102001/410102001-1"
        assert public.shape_of(made.code) == square(113.1, 34.1, 0.2)
        pack_is_what_an_export_gives()
        with pytest.raises(CodeTakenError):
            take(edit)

    def test_an_outline_that_crosses_a_neighbour_is_an_error(self):
        """The neighbour that the linter has to see is found by the ground they share."""
        shape = c.Shape(code="410103", schematic=True, geometry=square(113.0, 34.0, 0.6))
        edit = EntriesEdit("areas", (entry("areas", "410103"),), TODAY, "410103", shapes=(shape,))
        shown = public.show_edit(ADMIN, edit, now=LATER)
        assert "area.overlap" in {x.finding.code for x in shown.refused}
        with pytest.raises(EditWorsensError):
            take(edit)

    def test_units_and_posts(self):
        name = public.city_pack(ADMIN).organisations[0].code
        take(coded("organisations", name, name_zh="新名称", area="410102"))
        made = c.Post(
            code="west-desk", name_zh="西区值班", organisation=name, area="410103",
            superior="commander",
        )  # fmt: skip
        take(coded("posts", "west-desk", made=made, is_new=True))
        assert public.post("west-desk").superior == "commander"
        take(coded("posts", "west-desk", superior="operator"))
        assert public.history_of(ADMIN, "posts", "west-desk")[0][0].turns[0].columns == (
            ("superior_id", "commander", "operator"),
        )
        pack_is_what_an_export_gives()

    @pytest.mark.parametrize(
        ("section", "code", "change"),
        [
            ("areas", "410103", {"parent": None}),
            ("areas", "410100", {"parent": "410102"}),
            ("areas", "410103", {"parent": "ghost"}),
            ("areas", "410103", {"touches": ("ghost",)}),
            ("areas", "410103", {"name_zh": " "}),
            ("areas", "410103", {"name_zh": "西\u202e区"}),
            ("areas", "410103", {"name_zh": "x" * 201}),
            ("areas", "410103", {"valid_from": SOON, "valid_to": SOON}),
            ("posts", "operator", {"superior": "operator"}),
            ("posts", "operator", {"superior": "ghost"}),
            ("posts", "operator", {"organisation": "ghost"}),
            ("posts", "operator", {"area": "ghost"}),
            ("risk_points", "mall-1", {"owner_post": "east-desk"}),
            ("risk_points", "mall-1", {"plan": "ghost"}),
            ("sensors", "s1", {"risk_point": "ghost"}),
        ],
    )
    def test_what_cannot_be_meant(self, section, code, change):
        with pytest.raises(EditChoiceError):
            take(coded(section, code, **change))

    def test_a_keeper_of_a_part(self):
        take(coded("areas", "410102001", name_zh="新河街"), actor=EAST)
        with pytest.raises(CodeTakenError):
            take(coded("areas", "410103", name_zh="x"), actor=EAST)
        with pytest.raises(EditChoiceError):
            take(coded("areas", "410102001", parent="410103"), actor=EAST)
        with pytest.raises(EditChoiceError):
            take(coded("posts", "east-desk", area="410103"), actor=EAST)
        made = c.Area(code="410103001", kind="street", name_zh="他街", parent="410103")
        with pytest.raises(EditChoiceError):
            take(coded("areas", made.code, made=made, is_new=True), actor=EAST)
        with pytest.raises(NotAllowedError):
            take(coded("areas", "410103", name_zh="x"), actor=KEEPER)

    def test_what_is_not_there(self):
        made = c.Area(code="410109", kind="district", name_zh="无", parent="410100")
        with pytest.raises(RecordUnknownError):
            take(coded("areas", "410109", made=made))
        with pytest.raises(EditEmptyError):
            take(coded("areas", "410103"))

    @pytest.mark.parametrize(
        "reason", ["找老王 138 1234 5678", "见 a@example.org", "身份证 11010519491231002X"]
    )
    def test_a_reason_is_nobody_s_number(self, reason):
        with pytest.raises(EditReasonPersonalError):
            take(coded("areas", "410103", name_zh="x"), reason=reason)

    def test_a_reason_with_other_numbers(self):
        take(coded("areas", "410103", name_zh="x"), reason="文号 410102199001011233, 2026-11-23")


class TestDuties:
    def a_change(self, on, **change):
        row = Duty.objects.get(area="410102", hazard="met.*")
        line = entry("duties", str(row.pk))
        new = replace(line, **change) if change else None
        entries, gone = following("duties", (line,), new, on=on, today=TODAY)
        return EntriesEdit("duties", entries, on, key="410102", about=str(row.pk), gone=gone)

    def test_from_today_on_another_answers_and_this_morning_stays(self):
        take(self.a_change(TODAY, post="operator", basis="Decision No 2"))
        before = public.responsible_post("410102", "met.rain", "orange", at=NOW)
        after = public.responsible_post("410102", "met.rain", "orange", at=LATER)
        assert (before.post, after.post) == ("east-desk", "operator")
        assert after.basis == "Decision No 2"
        pack_is_what_an_export_gives()

    def test_from_a_later_day_on(self):
        take(self.a_change(SOON, post="operator"))
        day = timedelta(days=1)
        assert (
            public.responsible_post("410102", "met.rain", "", at=NOW + 2 * day).post == "east-desk"
        )
        assert (
            public.responsible_post("410102", "met.rain", "", at=NOW + 3 * day).post == "operator"
        )
        pack_is_what_an_export_gives()

    def test_only_its_ground_changes(self):
        take(self.a_change(TODAY, basis="Decision No 3"))
        assert public.responsible_post("410102", "met.rain", "", at=LATER).basis == "Decision No 3"
        pack_is_what_an_export_gives()

    def test_it_ends_and_the_duty_above_answers(self):
        take(self.a_change(TODAY))
        assert public.responsible_post("410102", "met.rain", "", at=LATER).post == "operator"
        pack_is_what_an_export_gives()

    def test_a_new_one_makes_no_second_answer(self):
        twice = c.Duty(
            area="410102", hazard="met.*", post="operator", valid_from=TODAY, basis="No 4"
        )
        edit = EntriesEdit("duties", (twice,), TODAY, key="410102", is_new=True)
        with pytest.raises(EditWorsensError):
            take(edit)
        take(replace_edit(edit, replace(twice, area="410103")))
        assert public.responsible_post("410103", "met.rain", "", at=LATER).basis == "No 4"
        assert public.responsible_post("410103", "met.rain", "", at=NOW).basis != "No 4"

    def test_a_gap_beside_is_seen(self):
        """A hazard that nobody answered for: a duty of one part makes a gap of the others."""
        pack = public.city_pack(ADMIN)
        some = tuple(x for x in pack.duties if x.hazard != "*")
        load(replace(pack, duties=some), now=LATER)
        made = c.Duty(
            area="410103", hazard="gas.leak", post="operator", valid_from=TODAY, basis="1"
        )
        edit = EntriesEdit("duties", (made,), TODAY, key="410103", is_new=True)
        shown = public.show_edit(ADMIN, edit, now=LATER)
        assert ("duty.none", "areas", "410102") in {x.matter for x in shown.opened}

    def test_a_duty_of_elsewhere(self):
        west = Actor(id="account:9", role=Role.SYSTEM_ADMIN, areas=("410100/410103",))
        with pytest.raises(RecordUnknownError):
            take(self.a_change(TODAY, post="operator"), actor=west)
        with pytest.raises(EditChoiceError):
            take(self.a_change(TODAY, post="ghost"))


def replace_edit(edit, made):
    return EntriesEdit(edit.section, (made,), edit.on, key=made.area, is_new=True)


class TestManyAtOnce:
    def test_an_older_pack_says_what_it_would_take_back(self):
        new = tuple(replace(entry("areas", code), name_en="X") for code in ("410102", "410103"))
        take(EntriesEdit("areas", new, TODAY))
        take(version_edit("rules", "gas.high", {"hold": "1m"}, on=TODAY, today=TODAY))
        from anlan.registry.selectors.history import edited_since_load

        watched = edited_since_load()
        assert watched == {("areas", "410102"), ("areas", "410103"), ("rules", "gas.high")}
        diff = public.diff_city(
            parsed(a_city()), parsed(a_jurisdiction()), now=LATER, watched=watched
        )
        assert diff.met == watched

    def test_the_city_changed_while_the_linter_looked(self, monkeypatch):
        """Somebody else wrote meanwhile, elsewhere: it is judged anew and written once."""
        drafted, crossed = editing._drafted, []

        def slow(actor, edit, *, now):
            found = drafted(actor, edit, now=now)
            if not crossed:
                crossed.append(1)
                take(coded("areas", "410103", name_zh="别处"))
            return found

        monkeypatch.setattr(editing, "_drafted", slow)
        take(coded("areas", "410102", name_zh="这里"))
        assert (public.area("410102").name_zh, public.area("410103").name_zh) == ("这里", "别处")
        assert JournalEntry.objects.filter(event="CityEdited").count() == 2

    def test_who_is_always_overtaken_is_told(self, monkeypatch):
        monkeypatch.setattr(editing, "_put", lambda *_args, **_given: None)
        with pytest.raises(RecordChangedError):
            take(coded("areas", "410102", name_zh="这里"))
