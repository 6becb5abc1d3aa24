"""A handler says that the danger is over: the claim goes to the case's own door (I5).

Nothing is measured and no second person confirms, so the case must stay open.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from anlan.kernel.events import Told
from anlan.learning.domain.doors import Rehearsal, Reply
from anlan.learning.domain.scenario import HandlerClaim, Scenario
from anlan.learning.domain.summary import ClaimRow
from anlan.response.domain.events import CaseMoved, CaseOpened, CaseOwnerChanged, CasesMerged

# What a handler does who says "done", by kind of case, and the move that would then end it.
WORK: dict[str, tuple[str, ...]] = {
    "hidden_danger": ("begin", "self_check"),
    "service": ("handle", "feed_back"),
    "device": ("feed_back",),
}
ENDING = {"hidden_danger": "recheck", "service": "close", "device": "close"}
CLOSED = frozenset({"closed", "rated", "dismissed", "merged"})


def open_case_of(told: Sequence[Told], claim: HandlerClaim) -> tuple[CaseOpened, str] | None:
    """Return the latest open case of the kind (at the place, if one names it) and its owner."""
    cases: dict[int, CaseOpened] = {}
    owners: dict[int, str] = {}
    for heard in told:
        event = heard.event
        if isinstance(event, CaseOpened):
            cases[event.case], owners[event.case] = event, event.owner
        elif isinstance(event, CaseOwnerChanged):
            owners[event.case] = event.owner
        elif isinstance(event, CasesMerged) or (
            isinstance(event, CaseMoved) and event.after in CLOSED
        ):
            cases.pop(event.case, None)
    fitting = [case for case in cases.values() if case.hazard == claim.hazard]
    at_place = [case for case in fitting if case.place == claim.place]
    chosen = (at_place or fitting)[-1:]
    return (chosen[0], owners[chosen[0].case]) if chosen else None


def put_claim(
    scenario: Scenario,
    claim: HandlerClaim,
    told: Sequence[Told],
    rehearsal: Rehearsal,
    *,
    now: datetime,
) -> list[ClaimRow]:
    """Say "done" as the handler, then try to end the case on that word alone.

    First the handler tries, then the duty officer who took the handler's word: a second
    person, but still no measurement.  The rows say what the doors answered.
    """
    found = open_case_of(told, claim)
    at = now.astimezone(scenario.instant(claim.known_at).tzinfo).isoformat()[:19]
    if found is None:
        return [
            ClaimRow(
                at=at, by=claim.by, claim=claim.claim, case=None, refused=True,
                code="no_case", trigger="", tried_by="",
            )
        ]  # fmt: skip
    case, owner = found
    handler, officer = rehearsal.tokens.of_post(owner), rehearsal.tokens.duty_officer()
    for trigger in WORK[case.kind]:
        _pull(rehearsal, case.case, trigger, claim, handler)
    rows = []
    for who, token in (("handler", handler), ("duty_officer", officer)):
        reply = _pull(rehearsal, case.case, ENDING[case.kind], claim, token)
        rows.append(
            ClaimRow(
                at=at, by=claim.by, claim=claim.claim, case=case.case, refused=not reply.ok,
                code=reply.error_code(), trigger=ENDING[case.kind], tried_by=who,
            )
        )  # fmt: skip
    return rows


def _pull(rehearsal: Rehearsal, case: int, trigger: str, claim: HandlerClaim, token: str) -> Reply:
    return rehearsal.door(
        "POST",
        f"/api/v1/cases/{case}/{trigger}",
        body=msgspec.json.encode({"note": claim.claim.en}),
        headers={"Authorization": f"Bearer {token}", "Accept-Language": "en"},
    )
