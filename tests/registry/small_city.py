"""A city of three areas levels, small enough to read: the packs of these tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import msgspec

from anlan.kernel.actor import Actor, Role, system_actor
from anlan.registry.domain import city as c
from anlan.registry.domain import jurisdiction as j
from anlan.registry.domain.packwords import Basis, Confidence, Text
from anlan.registry.domain.parse import Parsed
from anlan.registry.domain.rulespecs import Limit, ResponseAsked, ThresholdRule

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # noon in Shanghai
ADMIN = Actor(id="account:1", role=Role.SYSTEM_ADMIN, areas=("",), scopes=frozenset({"*"}))
#: Whoever sits at the server: the only one to give tokens of administrators.
TERMINAL = system_actor("terminal")
KEEPER = Actor(id="account:900002", role=Role.SECURITY_ADMIN, areas=("",), scopes=frozenset({"*"}))
BASIS = Basis(title="Decision No 1")
GROUNDED: dict[str, Any] = {
    "basis": BASIS,
    "confidence": Confidence.LOCAL,
    "effective_from": date(2020, 1, 1),
}


def text(word: str) -> Text:
    return Text(zh=f"{word}（中）", en=word)


def square(west: float, south: float, size: float) -> dict[str, Any]:
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def a_rule(name: str = "gas.high", *, raise_at: float = 10.0, **given: Any) -> ThresholdRule:
    return ThresholdRule(
        **{
            **GROUNDED,
            "id": name,
            "title": text("Gas high"),
            "hazard": "gas.leak",
            "advice": text("Keep away"),
            "quantity": "gas",
            "unit": "%LEL",
            "limits": (Limit(level="red", raise_at=raise_at, clear_at=raise_at / 2),),
            **given,
        }
    )


def a_clock(name: str = "clock.accept", **given: Any) -> j.ClockRule:
    return j.ClockRule(
        **{
            **GROUNDED,
            "id": name,
            "title": text("Accept"),
            "stage": "accept",
            "starts_on": "CaseOpened",
            "limit": "30m",
            "calendar": "natural",
            **given,
        }
    )


def a_shift(post: str, holder: str, **given: Any) -> c.Shift:
    return c.Shift(post=post, holder=holder, **{"valid_from": date(2026, 1, 1), **given})


def a_duty(area: str, hazard: str, post: str, **given: Any) -> c.Duty:
    return c.Duty(
        area=area,
        hazard=hazard,
        post=post,
        **{"valid_from": date(2026, 1, 1), "basis": "Decision No 1", **given},
    )


def _people() -> dict[str, Any]:
    """Return organisations, posts, their holders, shifts and duties."""
    return {
        "organisations": (
            c.Organisation(code="gov", name_zh="市政府", kind="government", area="410100"),
            c.Organisation(code="east", name_zh="东区应急局", kind="department", area="410102"),
        ),
        "posts": (
            c.Post(code="commander", name_zh="指挥长", organisation="gov", area="410100"),
            c.Post(code="operator", name_zh="值班台", organisation="gov", area="410100"),
            c.Post(
                code="east-desk",
                name_zh="东区值班",
                organisation="east",
                area="410102",
                superior="commander",
            ),
        ),
        "holders": (
            c.Holder(code="h1", name="值班员甲", email="a@example.invalid", phone="000-1"),
            c.Holder(code="h2", name="值班员乙", email="b@example.invalid", language="en"),
        ),
        "shifts": (
            a_shift("commander", "h1", deputy="h2"),
            a_shift("operator", "h1", start=time(8), end=time(20), deputy="h2"),
            a_shift("operator", "h2", start=time(20), end=time(8)),
            a_shift("east-desk", "h2", weekdays=(1, 2, 3, 4, 5)),
        ),
        "duties": (
            a_duty("410100", "*", "operator"),
            a_duty("410102", "met.*", "east-desk"),
            a_duty("410102", "met.rain", "commander", level="red"),
        ),
    }


def _places() -> dict[str, Any]:
    """Return one risk point with its sensor, and one without."""
    return {
        "risk_points": (
            c.RiskPoint(
                code="culvert-1",
                name_zh="涵洞",
                kind="underpass",
                area="410102001",
                lat=34.2,
                lon=113.2,
                grade="major",
                owner_post="east-desk",
                plan="plan-flood",
            ),
            c.RiskPoint(code="mall-1", name_zh="商场", kind="mall", area="kfq"),
        ),
        "sensors": (
            c.Sensor(
                code="s1",
                name_zh="水位",
                quantity="ponding",
                unit="m",
                interval="5m",
                area="410102001",
                risk_point="culvert-1",
            ),
        ),
    }


def _areas() -> dict[str, Any]:
    """Return four areas and a zone, three of them with outlines."""
    return {
        "areas": (
            c.Area(code="410100", kind="city", name_zh="小城"),
            c.Area(code="410102", kind="district", name_zh="东区", parent="410100"),
            c.Area(code="410103", kind="district", name_zh="西区", parent="410100"),
            c.Area(
                code="410102001",
                kind="street",
                name_zh="河街",
                parent="410102",
                touches=("410103",),
                external_codes=("HJ-1",),
            ),
            c.Area(code="kfq", kind="zone", name_zh="开发区", parent="410100"),
        ),
        "shapes": (
            c.Shape(code="410100", schematic=True, geometry=square(113.0, 34.0, 1.0)),
            c.Shape(code="410102", schematic=True, geometry=square(113.0, 34.0, 0.5)),
            c.Shape(code="410102001", schematic=True, geometry=square(113.1, 34.1, 0.2)),
        ),
    }


def a_city(**given: Any) -> c.City:
    """Return a city pack; ``given`` replaces whole sections."""
    sections: dict[str, Any] = {
        "info": c.CityInfo(
            format=1,
            id="small",
            name=text("Small city"),
            version="1",
            jurisdiction="plain",
            timezone="Asia/Shanghai",
            calendar="plain",
            root_area="410100",
            commander_post="commander",
            system_post="operator",
            arbiter_post="commander",
        ),
        **_areas(),
        **_people(),
        **_places(),
        "ladders": (
            c.Ladder(
                **GROUNDED,
                id="ladder.any",
                name=text("Any"),
                rungs=(c.Rung(after="0s"), c.Rung(after="1h", post="commander")),
            ),
        ),
        "plans": (
            c.Plan(
                **GROUNDED,
                id="plan-flood",
                name=text("Flood"),
                hazards=("met.rain",),
                reviewed_on=date(2026, 1, 1),
                response_asked=(ResponseAsked(hazard="met.rain", warning="orange", response="II"),),
            ),
        ),
        "rules": (),
        "clocks": (),
    }
    return c.City(**{**sections, **given})


def a_jurisdiction(**given: Any) -> j.Jurisdiction:
    """Return a jurisdiction pack; ``given`` replaces whole sections."""
    sections: dict[str, Any] = {
        "info": j.JurisdictionInfo(
            format=1,
            id="plain",
            name=text("Plain law"),
            version="1",
            timezone="Asia/Shanghai",
            emergency_numbers={"fire": "119"},
        ),
        "hazards": (
            j.HazardKind(
                id="met.rain", name=text("Rain"), event_class="natural", codes={"cn": ("11B03",)}
            ),
            j.HazardKind(id="gas.leak", name=text("Gas leak"), event_class="accident"),
        ),
        "quantities": (j.Quantity(id="gas", name=text("Gas"), unit="%LEL"),),
        "rules": (a_rule(),),
        "clocks": (a_clock(), a_clock("clock.gas", hazard="gas.leak", limit="10m")),
        "calendars": (
            j.Calendar(
                id="plain",
                name=text("Plain"),
                weekend=(6, 7),
                hours=(j.WorkHours(start=time(9), end=time(17)),),
                years=(j.CalendarYear(year=2026, published=True, source="test", holidays=()),),
            ),
        ),
        "lexicon": (j.Lexicon(hazard="gas.leak", words={"zh": ("燃气",)}),),
        "reasons": (j.Reason(id="wrong", use="return", name=text("Wrong owner")),),
        "level_names": (j.LevelName(scale="warning", level="red", name=Text(zh="红色", en="Red")),),
    }
    return j.Jurisdiction(**{**sections, **given})


def parsed(pack: Any, folder: Path = Path()) -> Parsed[Any]:
    """Return a pack as the reader gives it: levels as enums, whatever a test wrote."""
    typed = msgspec.convert(msgspec.to_builtins(pack), type(pack), strict=False)
    return Parsed(folder=folder, found_pack=typed, findings=(), places={})


def with_info(pack: Any, **given: Any) -> Any:
    return msgspec.structs.replace(pack, info=msgspec.structs.replace(pack.info, **given))


def registry_state(state: dict[str, Any]) -> dict[str, Any]:
    """Return that part of a journal state which is the registry's."""
    return {table: rows for table, rows in state.items() if table.startswith("registry.")}
