"""Alerts, warnings in force, responses and rules over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from ninja import Query, Router, Schema, Status
from pydantic import Field

from anlan.infra.doors import Call, needs
from anlan.kernel.errors import InvalidInputError
from anlan.registry import public as registry
from anlan.registry.domain.rulespecs import RuleSpec
from anlan.warning import access
from anlan.warning.domain.ruletext import Words, basis_text, describe
from anlan.warning.models import AlertInstance, ResponseInForce
from anlan.warning.selectors import alerts as of_alerts
from anlan.warning.selectors import in_force
from anlan.warning.selectors.alerts import AlertFilters
from anlan.warning.services import responses
from anlan.warning.services.responses import ResponseDeclaration

router = Router(tags=["warning"])

Short = Annotated[str, Field(max_length=120)]


class AlertOut(Schema):
    """One alert instance with its evidence; every time is an evidence time."""

    id: int
    rule: str
    rule_version: int
    subject: str
    hazard: str
    level: str
    peak_level: str
    area: str
    place: str
    active_at: datetime
    raised_at: datetime
    level_at: datetime
    cleared_at: datetime | None
    cleared_reason: str
    reason: dict[str, Any]
    why: dict[str, str] = Field(description='The reason as pages word it, "zh" and "en"')
    evidence: dict[str, Any]
    incident: int | None = Field(description="Of which it is a member; null: it came alone")


class AlertsOut(Schema):
    """Newest first; ``before`` of the next call continues the list (None: it ends here)."""

    alerts: list[AlertOut]
    before: int | None


class AlertsAsked(Schema):
    """Filters of the alert list; what is left out does not restrict."""

    open: bool = False
    level: Short = ""
    hazard: Short = ""
    rule: Short = ""
    subject: Short = ""
    place: Short = ""
    area: Short = ""
    incident: Annotated[int | None, Field(ge=1, le=2**62)] = None
    raised_from: datetime | None = None
    raised_until: datetime | None = None
    before: Annotated[int | None, Field(ge=1, le=2**62)] = None
    limit: Annotated[int, Field(ge=1, le=of_alerts.MOST_ROWS)] = 50


class InForceOut(Schema):
    """A relayed warning as it stands."""

    id: int
    hazard: str
    level: str
    sender: str
    areas: list[str]
    signal: int
    began_at: datetime
    level_at: datetime
    ends_at: datetime | None


class ResponseOut(Schema):
    """A declared response; its wording is personal to nobody, but kept apart all the same."""

    id: int
    hazard: str
    level: str
    area: str
    began_at: datetime
    expected_until: datetime
    ended_at: datetime | None
    declared_by: str


class ResponseIn(Schema):
    """What a declaration must state (突发事件应对法 2024 Art 72); nothing may be left out."""

    hazard: Short = ""
    level: Short = ""
    area: Short = ""
    matter: Annotated[str, Field(max_length=20_000)] = ""
    measures: Annotated[str, Field(max_length=20_000)] = ""
    expected_until: datetime | None = None


class RuleOut(Schema):
    """A rule in force, in plain words."""

    id: str
    version: int
    kind: str
    title: dict[str, str]
    hazard: str
    says: dict[str, str]
    advice: dict[str, str]
    basis: str
    example: bool


def _aware(**instants: datetime | None) -> None:
    for name, value in instants.items():
        if value is not None and value.tzinfo is None:
            raise InvalidInputError(where=name, problem="no offset")


@router.get("/alerts", response=AlertsOut)
@needs("alerts:read")
def list_alerts(request: Call, asked: Query[AlertsAsked]) -> dict[str, Any]:
    """List alert instances inside the caller's areas, newest first."""
    _aware(raised_from=asked.raised_from, raised_until=asked.raised_until)
    values = asked.dict()
    filters = AlertFilters(open_only=values.pop("open"), **values)
    found = of_alerts.alerts(request.actor, filters)
    full = len(found) == asked.limit
    return {"alerts": _told(found), "before": found[-1].pk if full else None}


@router.get("/alerts/{int:alert_id}", response=AlertOut)
@needs("alerts:read")
def show_alert(request: Call, alert_id: int) -> dict[str, Any]:
    """Show one alert instance."""
    return _told([access.alert_for_actor(request.actor, alert_id)])[0]


def _told(rows: Iterable[AlertInstance]) -> list[dict[str, Any]]:
    """Return alerts as they are told, their reasons in the words of the packs."""
    names = registry.names_of()
    own = [name for name in AlertOut.model_fields if name not in {"incident", "why"}]
    return [
        {name: getattr(row, name) for name in own}
        | {
            "incident": row.incident_id,
            "why": {
                language: in_force.reason_text(
                    row.reason["code"], row.reason["params"], names, language
                )
                for language in ("zh", "en")
            },
        }
        for row in rows
    ]


@router.get("/warnings", response=list[InForceOut])
@needs("warnings:read")
def list_warnings(request: Call) -> list[Any]:
    """List the relayed warnings in force, highest level first."""
    return in_force.warnings_in_force(at=request.now)


@router.get("/responses", response=list[ResponseOut])
@needs("response:read")
def list_responses(request: Call) -> list[ResponseInForce]:
    """List the responses in force in the caller's areas or over them."""
    actor, now = request.actor, request.now
    found = in_force.responses_in_force(at=now)
    return [row for row in found if access.concerns(actor, row.area_path)]


@router.post("/responses", response={201: ResponseOut})
@needs("response:declare")
def declare(request: Call, stated: ResponseIn) -> Status[ResponseInForce]:
    """Declare a response; refused without matter, level, expected end and measures (I8)."""
    _aware(expected_until=stated.expected_until)
    declaration = ResponseDeclaration(**stated.dict())
    row = responses.declare_response(
        request.actor,
        declaration,
        now=request.now,
    )
    return Status(201, row)


@router.delete("/responses/{int:response_id}", response=ResponseOut)
@needs("response:declare")
def end(request: Call, response_id: int) -> ResponseInForce:
    """Declare the end of a response."""
    return responses.end_response(
        request.actor,
        response_id,
        now=request.now,
    )


@router.get("/rules/explained", response=list[RuleOut])
@needs("rules:read")
def explain_rules(request: Call) -> list[dict[str, Any]]:
    """Say in plain words what each rule in force does, and on what it rests."""
    rules = registry.rules_in_force(at=request.now)
    words = in_force.rule_words()
    return [_explained(rule, words) for rule in rules]


def _explained(rule: RuleSpec, words: Words) -> dict[str, Any]:
    says = describe(rule, words)
    return {
        "id": rule.id,
        "version": rule.version,
        "kind": rule.__struct_config__.tag,
        "title": {"zh": rule.title.zh, "en": rule.title.en},
        "hazard": rule.hazard,
        "says": {"zh": says.zh, "en": says.en},
        "advice": {"zh": rule.advice.zh, "en": rule.advice.en},
        "basis": basis_text(rule),
        "example": rule.example,
    }
