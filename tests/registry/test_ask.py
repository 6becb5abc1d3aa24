"""Areas, places, sensors and words: what other rooms may ask."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from anlan.kernel.geometry import Point, distance_m
from anlan.registry import public
from anlan.registry.domain import city as c
from anlan.registry.domain import errors
from anlan.registry.models import Area, RiskPoint
from tests.registry import small_city as small
from tests.registry.small_city import ADMIN, NOW, a_city, a_jurisdiction, parsed

pytestmark = [pytest.mark.django_db(databases="__all__")]


@pytest.fixture
def city():
    public.load_city(ADMIN, parsed(a_city()), parsed(a_jurisdiction()), now=NOW)


def codes(found):
    return [item.code for item in found]


@pytest.mark.usefixtures("city")
class TestAreas:
    @pytest.mark.parametrize(
        ("lat", "lon", "code"),
        [
            (34.2, 113.2, "410102001"),
            (34.45, 113.45, "410102"),
            (34.9, 113.9, "410100"),
            (34.5, 113.5, "410102"),  # on the border of a district: inside it
            (35.5, 113.5, None),
        ],
    )
    def test_the_most_specific_area_with_an_outline(self, lat, lon, code):
        found = public.area_at(Point(lat=lat, lon=lon))
        assert (found.code if found else None) == code

    def test_a_new_outline_counts_at_once(self):
        assert public.area_at(Point(lat=34.9, lon=113.9)).code == "410100"
        more = (
            *a_city().shapes,
            c.Shape(code="kfq", schematic=True, geometry=small.square(113.8, 34.8, 0.2)),
        )
        public.load_city(ADMIN, parsed(a_city(shapes=more)), parsed(a_jurisdiction()), now=NOW)
        assert public.area_at(Point(lat=34.9, lon=113.9)).code == "kfq"

    def test_below_an_area(self):
        assert codes(public.areas_under("410102")) == ["410102", "410102001"]
        assert public.area("410102001").touches == ("410103",)
        assert public.shape_of("kfq") is None
        with pytest.raises(errors.AreaUnknownError):
            public.area("nowhere")
        with pytest.raises(errors.AreaUnknownError):
            public.shape_of("nowhere")

    def test_a_path_is_not_a_prefix_of_its_neighbour(self):
        Area.objects.create(code="4101020", path="410100/4101020", kind="district", name_zh="x")
        Area.objects.create(code="A", path="410100/410102/A", kind="grid", name_zh="x")
        found = Area.objects.filter(public.under("410100/410102", "path"))
        assert sorted(codes(found)) == ["410102", "410102001", "A"]
        assert Area.objects.filter(public.under("", "path")).count() == 7
        assert not Area.objects.filter(public.under("410100/410102/a", "path")).exists()

    def test_a_question_by_area_uses_the_index(self):
        if connection.vendor != "sqlite":
            pytest.skip("the plan of a small table says nothing there")
        plan = Area.objects.filter(public.under("410100/410102", "path")).explain()
        assert "SCAN" not in plan
        assert "path" in plan


@pytest.mark.usefixtures("city")
class TestPosts:
    def test_posts_of_an_area_and_those_above_it(self):
        assert codes(public.posts_covering("410102001")) == ["east-desk", "commander", "operator"]
        assert codes(public.posts_covering("410103")) == ["commander", "operator"]
        assert public.posts_covering("nowhere") == ()

    def test_the_one_above(self):
        assert public.superior_of("east-desk") == "commander"
        assert public.superior_of("commander") is None
        with pytest.raises(errors.PostUnknownError):
            public.superior_of("ghost")
        with pytest.raises(errors.PostUnknownError):
            public.post("ghost")

    def test_nobody_sits_where_the_roster_is_empty(self):
        sunday = NOW - timedelta(days=1)
        found = public.on_duty("east-desk", at=sunday)
        assert (found.holder, found.until) == (None, None)
        assert public.on_duty("ghost", at=NOW).holder is None

    def test_an_owner_is_found_in_few_questions(self):
        public.city()
        with CaptureQueriesContext(connection) as queries:
            public.responsible_post("410102001", "met.rain", "red", at=NOW)
        assert len(queries) <= 3


@pytest.mark.usefixtures("city")
class TestPlaces:
    def test_risk_points(self):
        place = public.place("culvert-1")
        assert (place.owner_post, place.grade, place.plan) == ("east-desk", "major", "plan-flood")
        assert codes(public.places(kinds={"mall"}, at=NOW)) == ["mall-1"]
        assert public.places(kinds=(), at=NOW) == ()
        assert public.place("mall-1").point is None
        near = Point(lat=34.2001, lon=113.2)
        assert codes(public.places_near(near, 12, at=NOW)) == ["culvert-1"]
        assert public.places_near(near, 11, at=NOW) == ()
        assert public.places_near(near, 12, {"mall"}, at=NOW) == ()
        with pytest.raises(errors.PlaceUnknownError):
            public.place("ghost")

    def test_sensors(self):
        sensor = public.sensor("s1", at=NOW)
        assert sensor.interval == timedelta(minutes=5)
        assert sensor.place_kind == "underpass"
        assert sensor.point == Point(lat=34.2, lon=113.2)
        assert sensor.area_path == "410100/410102/410102001"
        assert codes(public.sensors(at=NOW)) == ["s1"]
        with pytest.raises(errors.SensorUnknownError):
            public.sensor("ghost", at=NOW)


@pytest.mark.usefixtures("city")
class TestWords:
    def test_hazards_quantities_reasons(self):
        assert public.hazard("gas.leak").event_class == "accident"
        assert public.hazard_of_code("cn", "11B03") == "met.rain"
        assert public.hazard_of_code("cn", "99") is None
        assert public.quantity("gas").unit == "%LEL"
        assert public.lexicon()[0].words["zh"] == ("燃气",)
        assert [reason.id for reason in public.reasons("return")] == ["wrong"]
        assert public.reasons("merge") == ()
        assert public.level_name("warning", "red", "zh") == "红色"
        assert public.level_name("warning", "blue", "zh") == "blue"
        for ask in (public.hazard, public.quantity, public.place_kind, public.plan):
            with pytest.raises(errors.EntryUnknownError):
                ask("ghost")

    def test_the_calendar(self):
        assert public.calendar(at=NOW).last_year == 2026
        assert public.calendar(at=NOW) is public.calendar(at=NOW)

    def test_the_packs_are_decoded_once(self):
        public.rules_in_force(at=NOW)
        with CaptureQueriesContext(connection) as queries:
            public.rules_in_force(at=NOW)
            public.clock_rule("service", "accept", "gas.leak", 1, at=NOW)
        assert len(queries) == 2  # the revision, each time: another process may have loaded


class Near(TestCase):
    """Places near a point: the box that the table is asked for never loses one."""

    databases = "__all__"

    def setUp(self):
        public.load_city(ADMIN, parsed(a_city()), parsed(a_jurisdiction()), now=NOW)

    @settings(max_examples=60, deadline=None)
    @given(
        st.floats(-90, 90),
        st.floats(-180, 180),
        st.floats(-0.05, 0.05),
        st.floats(-0.05, 0.05),
        st.floats(1, 10_000),
    )
    def test_as_if_every_place_were_measured(self, lat, lon, north, east, within_m):
        there = Point(lat=max(-90.0, min(90.0, lat + north)), lon=(lon + east + 540) % 360 - 180)
        here = Point(lat=lat, lon=lon)
        RiskPoint.objects.filter(pk="culvert-1").update(lat=there.lat, lon=there.lon)
        found = codes(public.places_near(here, within_m, at=NOW))
        assert found == (["culvert-1"] if distance_m(here, there) <= within_m else [])
