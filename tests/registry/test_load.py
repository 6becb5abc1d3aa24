"""Loading a city: only what differs, journalled, repeatable, and old answers stay readable."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from anlan.infra.models import ContentItem, JournalEntry
from anlan.kernel.errors import NotAllowedError
from anlan.registry import public
from anlan.registry.domain import city as c
from anlan.registry.domain import errors
from anlan.registry.domain.findings import finding
from anlan.registry.domain.parse import (
    Parsed,
    city_folder,
    jurisdiction_folder,
    read_city,
    read_jurisdiction,
)
from anlan.registry.domain.rulespecs import Limit
from anlan.registry.domain.write import write_city
from anlan.registry.models import Area, CityState, Duty, PackEntry, Post
from anlan.registry.services import loading
from anlan.registry.services.exporting import jurisdiction_pack
from tests.registry import small_city as small
from tests.registry.loads import changed, in_order, live, load, rebuilt, registry_rows, without
from tests.registry.small_city import ADMIN, KEEPER, NOW, a_city, a_jurisdiction, parsed

pytestmark = pytest.mark.django_db(databases="__all__")
LATER = NOW + timedelta(days=10)


def test_the_first_load_adds_everything():
    diff = load()
    assert diff.total("added") == 34
    assert diff.total("ended") == 0
    assert Area.objects.get(pk="410102001").path == "410100/410102/410102001"
    assert public.city().commander_post == "commander"
    last = JournalEntry.objects.order_by("-seq").first()
    assert last.event == "CityLoaded"
    assert last.payload["added"] == 34


def test_loading_again_changes_and_journals_nothing():
    load()
    before = JournalEntry.objects.count(), ContentItem.objects.using("contents").count()
    revision = public.revision()
    diff = load(now=LATER)
    assert diff.is_empty
    assert (JournalEntry.objects.count(), ContentItem.objects.using("contents").count()) == before
    assert public.revision() == revision


def test_the_difference_is_told_before_and_writes_nothing():
    load()
    city = changed(a_city(), posts=without(a_city().posts, "operator"), shifts=(), duties=())
    city = small.with_info(city, system_post="commander")
    before = live()
    told = public.diff_city(parsed(city), parsed(a_jurisdiction()), now=LATER)
    assert live() == before
    assert ("posts", 0, 0, 1) in told.table()
    assert load(city, now=LATER).as_data() == told.as_data()


def test_state_from_the_journal_equals_live_state_after_several_loads():
    load()
    city = changed(
        a_city(),
        areas=tuple(
            msgspec.structs.replace(area, parent="410103") if area.code == "410102001" else area
            for area in a_city().areas
        ),
        shapes=a_city().shapes[:2],
        duties=a_city().duties[1:],
        rules=(small.a_rule("own.rule"),),
    )
    load(city, now=LATER)
    load(a_city(), a_jurisdiction(rules=()), now=LATER + timedelta(days=1))
    assert registry_rows(rebuilt()) == live()


def test_a_moved_area_takes_what_lies_below_it_along():
    load()
    moved = tuple(
        msgspec.structs.replace(area, parent="kfq") if area.code == "410102" else area
        for area in a_city().areas
    )
    load(changed(a_city(), areas=moved), now=LATER)
    assert public.area_path("410102001") == "410100/kfq/410102/410102001"


def test_an_outline_that_is_taken_away_is_gone():
    load()
    load(changed(a_city(), shapes=()), now=LATER)
    assert not Area.objects.filter(shape__isnull=False).exists()
    assert public.shape_of("410102") is None


def test_rows_that_left_the_pack_are_ended_and_come_back():
    load()
    fewer = changed(a_city(), risk_points=a_city().risk_points[:1])
    load(fewer, now=LATER)
    assert public.place("mall-1").code == "mall-1"
    assert [place.code for place in public.places(at=LATER)] == ["culvert-1"]
    assert len(public.places(at=NOW)) == 2
    load(now=LATER + timedelta(days=1))
    assert len(public.places(at=LATER + timedelta(days=1))) == 2


class TestRefusals:
    """What cannot be loaded is refused before anything is written."""

    def refused(self, error, city=None, law=None, actor=ADMIN):
        before = JournalEntry.objects.count()
        law = law or parsed(a_jurisdiction())
        with pytest.raises(error) as caught:
            public.load_city(actor, city or parsed(a_city()), law, now=NOW)
        assert JournalEntry.objects.count() == before
        return caught.value

    def test_a_pack_with_errors(self):
        bad = Parsed(
            folder=parsed(a_city()).folder,
            found_pack=a_city(),
            findings=(finding("file.syntax", "posts.csv", 7, problem="x"),),
            places={},
        )
        error = self.refused(errors.CityHasErrorsError, bad)
        assert (error.params["file"], error.params["line"]) == ("posts.csv", 7)

    def test_another_law(self):
        law = parsed(small.with_info(a_jurisdiction(), id="other"))
        self.refused(errors.JurisdictionMismatchError, law=law)

    def test_another_city(self):
        load()
        city = parsed(small.with_info(a_city(), id="other"))
        self.refused(errors.AnotherCityError, city)
        assert public.city().id == "small"

    @pytest.mark.parametrize("role_of", [KEEPER])
    def test_who_does_not_keep_city_data(self, role_of):
        self.refused(NotAllowedError, actor=role_of)

    @pytest.mark.parametrize(
        "areas",
        [
            (c.Area(code="410100", kind="city", name_zh="x", parent="410100"),),
            (
                c.Area(code="410100", kind="city", name_zh="x"),
                c.Area(code="a", kind="street", name_zh="x", parent="b"),
                c.Area(code="b", kind="street", name_zh="x", parent="a"),
            ),
            (
                c.Area(code="410100", kind="city", name_zh="x"),
                c.Area(code="a", kind="street", name_zh="x", parent="gone"),
            ),
            (
                c.Area(code="410100", kind="city", name_zh="x"),
                c.Area(code="410100", kind="city", name_zh="y"),
            ),
        ],
        ids=["itself", "circle", "missing", "twice"],
    )
    def test_areas_without_an_order(self, areas):
        self.refused(errors.AreaBrokenError, parsed(changed(a_city(), areas=areas)))
        assert not Area.objects.exists()

    def test_a_code_that_the_pack_does_not_hold(self):
        city = changed(a_city(), duties=(small.a_duty("410100", "*", "ghost"),))
        error = self.refused(errors.UnknownCodeError, parsed(city))
        assert (error.params["section"], error.params["code"]) == ("duties", "ghost")
        for name in ("commander_post", "arbiter_post", "timezone", "calendar"):
            city = small.with_info(a_city(), **{name: "ghost"})
            error = self.refused(errors.CityHasErrorsError, parsed(city))
            assert (error.params["file"], error.params["finding"]) == ("city.yaml", "code.unknown")

    @pytest.mark.parametrize(
        ("given", "finding_code"),
        [
            ({"rules": (small.a_rule("own", unit="kelvin"),)}, "unit.rule"),
            (
                {
                    "rules": (
                        small.a_rule("own", limits=(Limit(level="red", raise_at=1, clear_at=2),)),
                    )
                },
                "rule.hysteresis",
            ),
            (
                {
                    "sensors": (
                        c.Sensor(
                            code="s1", name_zh="x", quantity="gas", unit="m", interval="5m",
                            area="410102001",
                        ),
                    )
                },
                "unit.sensor",
            ),
            (
                {
                    "shapes": (
                        c.Shape(
                            code="410102",
                            schematic=True,
                            geometry={
                                "type": "Polygon",
                                "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]],
                            },
                        ),
                    )
                },
                "area.shape_invalid",
            ),
        ],
        ids=["rule's unit", "hysteresis", "sensor's unit", "outline"],
    )  # fmt: skip
    def test_what_would_be_judged_wrongly(self, given, finding_code):
        error = self.refused(errors.CityHasErrorsError, parsed(changed(a_city(), **given)))
        assert error.params["finding"] == finding_code
        assert not Area.objects.exists()

    def test_nothing_can_be_asked_before_a_city_is_loaded(self):
        with pytest.raises(errors.NoCityError):
            public.city()
        assert public.city_name("zh") == ""
        assert not public.is_loaded()


def test_a_load_that_is_cut_off_leaves_the_old_city_and_goes_on_later(monkeypatch):
    load()
    more = (*a_city().areas, c.Area(code="410104", kind="district", name_zh="新", parent="410100"))
    city = changed(a_city(), areas=more, duties=())
    monkeypatch.setattr(loading, "_close", lambda *_: (_ for _ in ()).throw(OSError("cut")))
    with pytest.raises(OSError, match="cut"):
        load(city, now=LATER)
    monkeypatch.undo()
    assert Duty.objects.filter(ended_at__isnull=True).count() == 3
    assert public.area("410104").path == "410100/410104"  # areas come in ahead, in chunks
    load(city, now=LATER)
    assert Duty.objects.filter(ended_at__isnull=True).count() == 0
    assert registry_rows(rebuilt()) == live()


def test_two_loads_at_once_leave_one_city_and_say_so():
    began = []

    def meanwhile(_section, _done):
        if not began:
            began.append(1)
            load()

    with pytest.raises(errors.LoadCrossedError):
        public.load_city(
            ADMIN, parsed(a_city()), parsed(a_jurisdiction()), now=NOW, progress=meanwhile
        )
    assert registry_rows(rebuilt()) == live()
    assert load(now=LATER).is_empty


def test_areas_stream_from_the_folder_in_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "CHUNK", 50)
    streets = [
        c.Area(code=f"s{n}", kind="street", name_zh=f"街{n}", parent="410102") for n in range(120)
    ]
    communities = [
        c.Area(code=f"c{n}", kind="community", name_zh=f"社区{n}", parent=f"s{n % 120}")
        for n in range(300)
    ]
    # Those governed come before those that govern them: the order of a file means nothing.
    city = changed(a_city(), areas=(*communities, *streets, *a_city().areas))
    write_city(city, tmp_path)
    streamed = read_city(tmp_path, with_areas=False)
    assert streamed.pack.areas == ()
    seen = []
    diff = public.load_city(
        ADMIN, streamed, parsed(a_jurisdiction()), now=NOW, progress=lambda *s: seen.append(s)
    )
    assert diff.sections["areas"].added == 425
    assert Area.objects.get(pk="c299").path == "410100/410102/s59/c299"
    sizes = [
        entry.payload["rows"]
        for entry in JournalEntry.objects.filter(event="CityRowsLoaded", payload__section="areas")
    ]
    assert max(sizes) <= 50
    assert sum(sizes) == 425
    assert ("areas", 425) in seen
    with CaptureQueriesContext(
        connection,
    ) as queries:
        again = public.load_city(ADMIN, streamed, parsed(a_jurisdiction()), now=LATER)
    assert again.is_empty
    assert len(queries) < 80  # does not grow with the rows, only with the chunks


def test_a_streamed_pack_with_a_fault_is_refused(tmp_path):
    write_city(a_city(), tmp_path)
    with (tmp_path / "areas.csv").open("a") as stream:
        stream.write("x,planet,X,,,,,,,\n")
    with pytest.raises(errors.CityHasErrorsError) as caught:
        public.load_city(
            ADMIN, read_city(tmp_path, with_areas=False), parsed(a_jurisdiction()), now=NOW
        )
    assert caught.value.params["line"] == 7
    assert not Area.objects.exists()


def test_what_is_exported_equals_what_was_loaded(tmp_path):
    city = changed(a_city(), rules=(small.a_rule("own"),), clocks=(small.a_clock("own.clock"),))
    load(city)
    load(changed(city, posts=city.posts), now=LATER)
    given_back = public.export_city(ADMIN, tmp_path / "out")
    read = read_city(tmp_path / "out")
    assert read.findings == ()
    assert in_order(read.pack) == in_order(city) == in_order(given_back)
    assert in_order(jurisdiction_pack()) == in_order(a_jurisdiction())
    assert load(read.pack, now=LATER).is_empty
    with pytest.raises(errors.FolderNotEmptyError):
        public.export_city(ADMIN, tmp_path / "out")
    with pytest.raises(NotAllowedError):
        public.export_city(KEEPER, tmp_path / "other")


def test_a_changed_pack_is_exported_as_it_is_now():
    load()
    city = changed(
        a_city(),
        risk_points=a_city().risk_points[:1],
        ladders=tuple(msgspec.structs.replace(item, repeat="2h") for item in a_city().ladders),
    )
    load(city, now=LATER)
    assert in_order(public.city_pack(ADMIN)) == in_order(city)
    assert PackEntry.objects.filter(section="ladders").count() == 2


PARTS = {
    "duties": a_city().duties,
    "risk_points": a_city().risk_points,
    "sensors": (),
    "plans": a_city().plans,
    "shapes": a_city().shapes,
    "rules": (small.a_rule("own.a"), small.a_rule("own.b", raise_at=3.0)),
    "clocks": (small.a_clock("own.clock"),),
}
packs_drawn = st.fixed_dictionaries(
    {
        name: st.lists(st.sampled_from(rows), unique_by=repr).map(tuple)
        for name, rows in PARTS.items()
        if rows
    }
)


class AnyLoads(TestCase):
    """Whatever packs are loaded one after another."""

    databases = "__all__"

    @settings(max_examples=12, deadline=None)
    @given(st.lists(packs_drawn, min_size=1, max_size=4))
    def test_the_last_one_counts_and_the_journal_tells_the_same(self, drawn):
        for step, sections in enumerate(drawn):
            city = changed(a_city(), sensors=(), **sections)
            if not any(place.code == "culvert-1" for place in city.risk_points):
                city = changed(city, sensors=())
            now = NOW + timedelta(days=step)
            load(city, now=now)
            assert load(city, now=now + timedelta(hours=1)).is_empty
            assert in_order(public.city_pack(ADMIN)) == in_order(city)
            in_force = {rule.id for rule in public.rules_in_force(at=now)}
            assert in_force == {"gas.high"} | {rule.id for rule in city.rules}
        assert registry_rows(rebuilt()) == live()
        assert CityState.objects.count() == 1
        assert Post.objects.count() == 3


@pytest.mark.parametrize("name", ["demo", "itaewon", "shiyan", "bund"])
def test_every_shipped_city_loads_and_comes_back_equal(name):
    city = read_city(city_folder(name))
    law = read_jurisdiction(jurisdiction_folder(city.pack.info.jurisdiction))
    public.load_city(ADMIN, city, law, now=NOW)
    assert in_order(public.city_pack(ADMIN)) == in_order(city.pack)
    assert in_order(jurisdiction_pack()) == in_order(law.pack)
    assert public.load_city(ADMIN, city, law, now=LATER).is_empty
    assert public.calendar(at=NOW)
    assert public.rules_in_force(at=NOW)
