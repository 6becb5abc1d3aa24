"""Proof over HTTP: the ledger, what is broken, what is sick, the state as of an instant."""

from __future__ import annotations

import tempfile
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from django.http import FileResponse, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from anlan.accountability import public
from anlan.accountability.access import whole_city_only
from anlan.accountability.domain.precision import RuleWeeks
from anlan.accountability.selectors import standing
from anlan.accountability.selectors.asof import state_as_of
from anlan.accountability.selectors.checkpoints import checkpoints, newest_checkpoint
from anlan.accountability.selectors.rule_weeks import rule_board
from anlan.accountability.services import retention
from anlan.infra.doors import Call, language_of, needs
from anlan.kernel.errors import InvalidInputError

router = Router(tags=["accountability"])


class CheckpointOut(Schema):
    """A signed checkpoint; ``note`` is the exact signed text."""

    size: int
    root: str
    signed_at: datetime
    note: str


class CheckpointsOut(Schema):
    """Checkpoints in the order of their size, from ``after`` on."""

    checkpoints: list[CheckpointOut]


class FindingOut(Schema):
    """One thing that is not as it must be; ``meaning`` is in the language asked for."""

    kind: str
    subject: str
    detail: str
    meaning: str


class VerdictOut(Schema):
    """What a full verification of the running ledger found."""

    holds: bool
    entries: int
    sealed: int
    root: str
    checkpoints: int
    outside: int
    later: int
    contents_kept: int
    contents_destroyed: int
    findings: list[FindingOut]


class ProofOut(Schema):
    """That an entry is under a signed checkpoint; save it and give it to ``anlan_verify.py``."""

    format: str
    origin: str
    seq: int
    entry: str
    proof: list[str]
    checkpoint: str
    keys: list[dict[str, Any]]


class GrowthOut(Schema):
    """That the ledger at one checkpoint only added to an earlier one."""

    format: str
    origin: str
    old_checkpoint: str
    new_checkpoint: str
    proof: list[str]
    keys: list[dict[str, Any]]


class WeekOut(Schema):
    """How many alerts a rule raised in a local week, named by its Monday."""

    week: date
    raised: int


class RuleWeeksOut(Schema):
    """What became of the alerts of one rule in the last eight weeks.

    ``precision`` is confirmed / (confirmed + false), null while none is settled; ``posts`` says on how
    many alerts each post acted and is no order of merit; ``wait_s`` is the median to the first act.
    """

    rule: str
    weeks: list[WeekOut]
    raised: int
    confirmed: int
    false: int
    aside: int
    open: int
    told: int
    acted: int
    precision: float | None
    is_ignored: bool
    posts: dict[str, int]
    wait_s: float | None


class RuleBoardOut(Schema):
    """Rules that raised something; ``still_counting`` weeks of rules are being counted anew."""

    rules: list[RuleWeeksOut]
    still_counting: int


class BreachOut(Schema):
    """Something that must always be true was found not to be."""

    id: int
    invariant: str
    subject: str
    detail: str
    found_at: datetime
    mended_at: datetime | None
    case: int | None


class SicknessOut(Schema):
    """A part of the system that is not well; ``title`` by language."""

    id: int
    part: str
    ailment: str
    params: dict[str, Any]
    texts: dict[str, str]
    since: datetime
    well_at: datetime | None
    case: int | None


class RowOut(Schema):
    """A row as it stood; ``entry`` is the journal entry that made it so."""

    pk: Any
    entry: int
    fields: dict[str, Any]


class StateOut(Schema):
    """What was known at an instant; personal data is named only as kept or destroyed."""

    at: datetime
    entry: int
    counts: dict[str, int]
    rows: list[RowOut]
    more: bool


class DestroyIn(Schema):
    """Content items to destroy before their end date, and why (a code from the list)."""

    ids: Annotated[list[UUID], Field(min_length=1, max_length=1000)]
    reason: str


class DestroyedOut(Schema):
    """How many items were still kept and are now gone."""

    destroyed: int


@router.get("/ledger/checkpoint", summary="The newest signed checkpoint, as its exact text")
@needs("ledger:read")
def read_checkpoint(request: Call) -> HttpResponse:  # noqa: ARG001  ninja's signature
    """Return the newest checkpoint note as plain text: keep it where the operator cannot reach."""
    return HttpResponse(newest_checkpoint().note, content_type="text/plain; charset=utf-8")


@router.get("/ledger/checkpoints", response=CheckpointsOut, summary="Signed checkpoints")
@needs("ledger:read")
def read_checkpoints(
    request: Call,  # noqa: ARG001  ninja's signature
    after: Annotated[int, Field(ge=0)] = 0,
    limit: Annotated[int, Field(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Return checkpoints of a size above ``after``."""
    return {"checkpoints": checkpoints(after=after, limit=limit)}


@router.get("/ledger/proof/{int:seq}", response=ProofOut, summary="The proof of one entry")
@needs("ledger:read")
def read_proof(request: Call, seq: int, size: int | None = None) -> dict[str, Any]:
    """Return the proof that entry ``seq`` is under the newest checkpoint, or the one of ``size``."""
    whole_city_only(request.actor)
    return public.proof(seq, size=size)


@router.get("/ledger/growth", response=GrowthOut, summary="The proof that nothing was rewritten")
@needs("ledger:read")
def read_growth(request: Call, old: int, new: int) -> dict[str, Any]:  # noqa: ARG001
    """Return the consistency proof between two checkpoints."""
    return public.consistency(old, new)


@router.get("/ledger/export", summary="The sealed ledger as a ZIP")
@needs("ledger:read")
def read_export(request: Call, up_to: int | None = None) -> FileResponse:
    """Return an export that can be verified without Anlan."""
    whole_city_only(request.actor)
    with tempfile.TemporaryDirectory(prefix="anlan-export-") as folder:
        target = Path(folder) / "anlan-ledger.zip"
        made = public.export(target, up_to=up_to, now=request.now)
        packed = target.open("rb")  # stays readable after its name is gone
    return FileResponse(packed, as_attachment=True, filename=f"anlan-ledger-{made.entries}.zip")


@router.get("/ledger/verdict", response=VerdictOut, summary="Verify the whole ledger now")
@needs("ledger:read")
def read_verdict(request: Call) -> dict[str, Any]:
    """Recompute everything: ten to twenty seconds per hundred thousand entries."""
    whole_city_only(request.actor)
    return public.verify().as_dict(language_of(request))


@router.get("/audit/breaches", response=list[BreachOut], summary="What the watcher found broken")
@needs("audit:read")
def read_breaches(
    request: Call,
    mended: bool = False,  # noqa: FBT001, FBT002  a query parameter
) -> Any:
    """Return open breaches, or those already mended, the newest first."""
    whole_city_only(request.actor)
    return standing.breaches(mended=mended)


@router.get("/audit/as-of", response=StateOut, summary="The state as of an instant")
@needs("asof:read")
def read_as_of(
    request: Call,
    at: datetime,
    table: str | None = None,
    key: str | None = None,
    after: Annotated[int, Field(ge=0)] = 0,
) -> Any:
    """Return how many rows each table held, or the rows of one table, or one row."""
    if at.tzinfo is None:
        raise InvalidInputError(where="at", problem="no offset")
    return state_as_of(
        request.actor,
        at,
        table=table,
        key=key,
        after=after,
    )


@router.post("/contents/destroy", response=DestroyedOut, summary="Destroy personal data early")
@needs("ledger:write")
def destroy(request: Call, body: DestroyIn) -> dict[str, int]:
    """Erase content items for good; the journal keeps that it was done, and why."""
    whole_city_only(request.actor)
    destroyed = retention.destroy_contents(
        request.actor,
        body.ids,
        body.reason,
        now=request.now,
    )
    return {"destroyed": destroyed}


@router.get("/health/sicknesses", response=list[SicknessOut], summary="What is not well")
@needs("health:read")
def read_sicknesses(
    request: Call,  # noqa: ARG001  ninja's signature
    healed: bool = False,  # noqa: FBT001, FBT002  a query parameter
) -> Any:
    """Return the parts of the system that are not well, or that were and are again."""
    return standing.sicknesses(healed=healed)


@router.get(
    "/rules/precision",
    response=RuleBoardOut,
    summary="How often each rule was right in the last eight weeks",
)
@needs("alerts:read")
def get_rule_precision(request: Call) -> dict[str, Any]:
    """Return what became of the alerts of each rule inside the caller's areas."""
    board = rule_board(request.actor, now=request.now)
    return {
        "rules": [as_plain(board.rules[rule]) for rule in sorted(board.rules)],
        "still_counting": board.stale,
    }


def as_plain(one: RuleWeeks) -> dict[str, Any]:
    """Return the weeks of a rule as plain values."""
    names = ("rule", "raised", "confirmed", "false", "aside", "open", "told", "acted")
    return {name: getattr(one, name) for name in names} | {
        "weeks": [{"week": week, "raised": number} for week, number in one.weeks],
        "precision": one.precision,
        "is_ignored": one.is_ignored,
        "posts": dict(one.posts),
        "wait_s": one.wait_s,
    }
