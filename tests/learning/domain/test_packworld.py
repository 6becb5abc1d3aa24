"""The judge's world from packs alone."""

from datetime import UTC, date, datetime, timedelta

from anlan.kernel.scales import ResponseLevel, WarningLevel
from anlan.learning.domain.ordinary import Ground
from anlan.learning.domain.packworld import area_paths, ground_of, pack_world
from anlan.registry.domain.city import Area, City, CityInfo, Plan, RiskPoint, Sensor, Shape
from anlan.registry.domain.jurisdiction import Jurisdiction, JurisdictionInfo, Quantity
from anlan.registry.domain.packwords import Basis, Confidence, Text
from anlan.registry.domain.rulespecs import Limit, ResponseAsked, ThresholdRule

AT = datetime(2024, 7, 1, tzinfo=UTC)


def grounded(**values):
    return {
        "basis": Basis(title="b"),
        "confidence": Confidence.DEFAULT,
        "effective_from": date(2020, 1, 1),
        **values,
    }


def a_rule(name, **values):
    return ThresholdRule(
        id=name, title=Text(zh="题", en="t"), hazard="h", advice=Text(zh="做", en="do"),
        quantity="depth", unit="m",
        limits=(Limit(level=WarningLevel.RED, raise_at=1, clear_at=0.5),), **grounded(**values),
    )  # fmt: skip


CITY = City(
    info=CityInfo(
        format=1, id="c", name=Text(zh="城", en="C"), version="1", jurisdiction="x",
        timezone="Asia/Shanghai", calendar="cal", root_area="C", commander_post="P",
        system_post="P", arbiter_post="P",
    ),
    areas=(
        Area(code="C", kind="city", name_zh="城"),
        Area(code="D", kind="district", name_zh="区", parent="C"),
    ),
    shapes=(
        Shape(
            code="D", schematic=True,
            geometry={"type": "Polygon", "coordinates": [[[113.5, 34.6], [113.9, 34.6], [113.9, 34.9], [113.5, 34.6]]]},
        ),
    ),
    risk_points=(
        RiskPoint(code="T", name_zh="隧道", kind="road_tunnel", area="D", lat=34.7, lon=113.6),
        RiskPoint(code="OLD", name_zh="旧", kind="mall", area="D", valid_to=date(2024, 1, 1)),
    ),
    sensors=(
        Sensor(code="S", name_zh="水深", quantity="depth", unit="m", interval="10m", area="D", risk_point="T"),
        Sensor(
            code="NEW", name_zh="新", quantity="depth", unit="m", interval="10m", area="D",
            valid_from=date(2025, 1, 1),
        ),
    ),
    plans=(
        Plan(
            id="PLAN", name=Text(zh="案", en="plan"), hazards=("rain",), reviewed_on=date(2023, 1, 1),
            response_asked=(
                ResponseAsked(hazard="rain", warning=WarningLevel.RED, response=ResponseLevel.I),
            ),
            **grounded(),
        ),
    ),
    rules=(a_rule("own", version=3), a_rule("shared", version=2)),
)  # fmt: skip
LAW = Jurisdiction(
    info=JurisdictionInfo(
        format=1, id="x", name=Text(zh="法", en="x"), version="1", timezone="Asia/Shanghai",
        emergency_numbers={},
    ),
    quantities=(Quantity(id="depth", name=Text(zh="深", en="depth"), unit="m", accepts={"cm": 0.01}),),
    rules=(
        a_rule("shared"),
        a_rule("over", effective_to=date(2024, 1, 1)),
        a_rule("later", effective_from=date(2024, 7, 2)),
    ),
)  # fmt: skip


def test_the_city_own_rule_comes_before_the_law_of_that_name_and_only_what_is_in_force():
    packs = pack_world(CITY, LAW, at=AT)
    assert {(rule.id, rule.version) for rule in packs.rules.in_force} == {("own", 3), ("shared", 2)}


def test_streams_and_places_are_those_of_the_day():
    world = pack_world(CITY, LAW, at=AT).world
    assert list(world.streams) == ["S"]
    assert world.streams["S"].place_kind == "road_tunnel"
    assert world.streams["S"].interval == timedelta(minutes=10)
    assert [place.code for place in world.places] == ["T"]
    assert world.asked == {("rain", "red"): ResponseLevel.I}
    assert world.units["depth"].factor("cm") == 0.01


def test_paths_follow_the_governing_parents():
    assert area_paths(CITY) == {"C": "C", "D": "C/D"}


def test_the_ground_is_the_rectangle_around_the_shapes_or_the_places():
    assert ground_of(CITY) == Ground(34.6, 113.5, 34.9, 113.9)
    bare = City(info=CITY.info, risk_points=CITY.risk_points)
    assert ground_of(bare) == Ground(34.7, 113.6, 34.7, 113.6)
