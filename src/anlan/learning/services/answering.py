"""Answers that a stated policy gives in a rehearsal, through the same API as people use."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from anlan.kernel.durations import parse_span
from anlan.kernel.events import Told
from anlan.learning.domain.doors import Rehearsal, Reply
from anlan.learning.domain.policy import Move, Policy
from anlan.notices.domain.events import NoticePosted


@dataclass(frozen=True, slots=True, order=True)
class _Act:
    """Something a post will do at an instant."""

    at: datetime
    order: int
    post: str = field(compare=False)
    notice: int | None = field(compare=False)
    case: int | None = field(compare=False)
    move: Move | None = field(compare=False)


@dataclass(slots=True)
class Answerer:
    """Schedules what the policy says for each new notice, and does it when its time comes."""

    policy: Policy
    rehearsal: Rehearsal
    refused: list[tuple[datetime, str, str]] = field(default_factory=list)  # instant, what, code
    _waiting: list[_Act] = field(default_factory=list)
    _count: int = 0
    _moved: set[tuple[str, int]] = field(default_factory=set)

    def hear(self, told: Iterable[Told]) -> None:
        """Schedule the answers to notices that are new."""
        for heard in told:
            event = heard.event
            if not isinstance(event, NoticePosted):
                continue
            answer = self.policy.answer_of(event.post)
            if answer is None:
                continue
            due = heard.at + answer.acknowledge_after()
            self._wait(due, event.post, notice=event.notice)
            what, _, number = event.about.partition(":")
            if what != "case" or not number.isdecimal():
                continue
            # One post moves one case through its list once, however often it is reminded.
            if (event.post, int(number)) in self._moved:
                continue
            self._moved.add((event.post, int(number)))
            for move in answer.moves:
                at = heard.at + parse_span(move.after)
                self._wait(at, event.post, case=int(number), move=move)

    def _wait(
        self,
        at: datetime,
        post: str,
        *,
        notice: int | None = None,
        case: int | None = None,
        move: Move | None = None,
    ) -> None:
        self._count += 1
        heapq.heappush(self._waiting, _Act(at, self._count, post, notice, case, move))

    def next_at(self) -> datetime | None:
        """Return when somebody acts next."""
        return self._waiting[0].at if self._waiting else None

    def act(self, *, now: datetime) -> None:
        """Do what is due."""
        while self._waiting and self._waiting[0].at <= now:
            self._do(heapq.heappop(self._waiting))

    def _do(self, act: _Act) -> None:
        if act.notice is not None:
            path, body = f"/api/v1/inbox/{act.notice}/acknowledge", {}
        elif act.move is not None:
            path = f"/api/v1/cases/{act.case}/{act.move.trigger}"
            body = {"reason": act.move.reason} if act.move.reason else {}
        else:
            return
        reply = self._post(act, path, body)
        if not reply.ok:
            # A refusal is a result of the policy (a post may not do this), so it is shown.
            what = f"{act.post} {path.removeprefix('/api/v1/')}"
            self.refused.append((act.at, what, reply.error_code()))

    def _post(self, act: _Act, path: str, body: object) -> Reply:
        return self.rehearsal.door(
            "POST",
            path,
            body=msgspec.json.encode(body),
            headers={
                "Authorization": f"Bearer {self.rehearsal.tokens.of_post(act.post)}",
                "Idempotency-Key": f"policy-{act.order}",
                "Accept-Language": "en",
            },
        )
