"""The small city full of places and streams that differ in all that the linter asks of them."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from anlan.kernel.scales import WarningLevel
from anlan.registry.domain import city as c
from anlan.registry.domain import jurisdiction as j
from anlan.registry.domain.rulespecs import (
    ConjunctionRule,
    Limit,
    ReportCondition,
    SilenceRule,
    ThresholdRule,
    WindowLimit,
    WindowRule,
)
from anlan.registry.models import RiskPoint, Sensor
from tests.registry.small_city import GROUNDED, a_city, a_jurisdiction, text

TODAY = date(2026, 11, 23)
AREAS = ("410100", "410102", "410103", "410102001", "kfq")
KINDS = ("underpass", "mall", "school", "station")
QUANTITIES = ("gas", "ponding", "rainfall", "tilt")
INTERVALS = ("1s", "10s", "1m", "60s", "5m")
POSTS = (None, "commander", "operator", "east-desk", "yard")
FEW = 12
ENDS = (None, None, None, None, TODAY, TODAY + timedelta(days=1), TODAY + timedelta(days=3))


def _rule(kind: type[Any], name: str, **given: Any) -> Any:
    made = {"title": text(name), "hazard": "gas.leak", "advice": text("Keep away")}
    return kind(**{**GROUNDED, **made, "id": name, **given})


def a_limit(kind: type[Any] = Limit, **given: Any) -> Any:
    return kind(level=WarningLevel.RED, raise_at=10.0, clear_at=5.0, **given)


def the_law() -> j.Jurisdiction:
    """Return a law under which some streams are judged at some places only, and some by nothing."""
    window = a_limit(WindowLimit, window="1d")
    return a_jurisdiction(
        quantities=tuple(j.Quantity(id=x, name=text(x), unit="m") for x in QUANTITIES),
        place_kinds=tuple(j.PlaceKind(id=x, name=text(x)) for x in KINDS),
        rules=(
            _rule(
                ThresholdRule, "gas.high", quantity="gas", unit="m", limits=(a_limit(),),
                only_place_kinds=("mall", "station"),
            ),
            _rule(WindowRule, "pond.day", quantity="ponding", unit="m", function="sum", limits=(window,)),
            _rule(
                WindowRule, "gas.day", quantity="gas", unit="m", function="mean", limits=(window,),
                only_place_kinds=("school",),
            ),
            _rule(SilenceRule, "rain.silent", quantity="rainfall"),
            _rule(
                ConjunctionRule, "near", place_kinds=("mall",), level=WarningLevel.RED,
                report=ReportCondition(hazard="gas.leak", within_m=100.0, within="1h"),
            ),
        ),
    )  # fmt: skip


def the_city() -> Any:
    """Return a city with a rule of its own, and a post that answers for places only."""
    yard = c.Post(code="yard", name_zh="场站", organisation="east", area="410100")
    own = _rule(ThresholdRule, "tilt.high", quantity="tilt", unit="m", limits=(a_limit(),))
    return a_city(rules=(own,), posts=(*a_city().posts, yard))


def fill(chance: Random, *, places: int, streams: int) -> None:
    """Put places and streams into it, in rows: a load would refuse some of them.

    Few streams differ in little, so that one of a group stands for the others.
    """
    few = streams <= FEW
    ends, intervals = (ENDS[:1], INTERVALS[:1]) if few else (ENDS, INTERVALS)
    kinds, quantities = (KINDS[:2], QUANTITIES) if few else (KINDS, (*QUANTITIES, "nothing"))
    RiskPoint.objects.bulk_create(
        RiskPoint(
            code=f"p{n}", name_zh=f"点位{n}", kind=chance.choice(kinds), area_id=chance.choice(AREAS),
            owner_post_id=chance.choice(POSTS), grade=chance.choice(("", "low")),
            plan=chance.choice(("", "plan-flood")), valid_to=chance.choice(ends),
            **chance.choice(({}, {"lat": 34.2, "lon": 113.2}, {"lat": 35.5, "lon": 113.2})),
        )
        for n in range(places)
    )  # fmt: skip
    Sensor.objects.bulk_create(
        Sensor(
            code=f"n{n}", name_zh=f"测点{n}", quantity=chance.choice(quantities),
            unit=chance.choice(("m", "m", "m", "ft")), interval=chance.choice(intervals),
            area_id=chance.choice(AREAS), operator_id=chance.choice((None, "gov", "east")),
            risk_point_id=chance.choice((None, f"p{chance.randrange(places)}")),
            valid_to=chance.choice(ends),
            **chance.choice(({}, {"lat": 34.2, "lon": 113.2}, {"lat": 35.5, "lon": 113.2})),
        )
        for n in range(streams)
    )  # fmt: skip


def more() -> None:
    """Make the city four times as large, of what there is already."""
    for model, letter in ((RiskPoint, "p"), (Sensor, "n")):
        rows = list(model.objects.filter(pk__startswith=letter))
        codes = [row.pk for row in rows]
        for times in range(3):
            for row, code in zip(rows, codes, strict=True):
                row.pk = f"{code}-{times}"
            model.objects.bulk_create(rows, batch_size=500)
