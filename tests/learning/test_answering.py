"""A policy's answers: what is sent to which door, when, and what a refusal leaves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from anlan.kernel.events import Told
from anlan.learning.domain.doors import Rehearsal, Reply
from anlan.learning.domain.policy import NOBODY, PolicyError, parse_policy
from anlan.learning.services.answering import Answerer
from anlan.notices.domain.events import NoticePosted

START = datetime(2021, 7, 19, 14, tzinfo=UTC)
POLICY = parse_policy(
    """
format: 1
title: {zh: 应答, en: answers}
answers:
  - post: P-METRO
    acknowledge: 5m
    moves: [{trigger: begin, after: 10m}]
  - {post: "P-QUIET", acknowledge: 2h}
""".encode()
)


class Doors:
    def __init__(self, status: int = 200) -> None:
        self.calls: list[tuple[str, str, str]] = []
        self.status = status

    def __call__(self, method, path, *, body=b"", content_type="", headers=None):
        self.calls.append((method, path, (headers or {})["Authorization"]))
        return Reply(self.status, msgspec.json.encode({"error": {"code": "case.wrong_state"}}))

    def of_post(self, post: str) -> str:
        return f"token-of-{post}"


def answerer(policy, doors):
    rehearsal = Rehearsal(door=doors, clock=None, tick=None, tokens=doors)
    return Answerer(policy, rehearsal)


def notice(number, post, about="case:7", at=START):
    event = NoticePosted(notice=number, post=post, about=about, urgency="red")
    return Told(event=event, seq=number, at=at, actor="system:test")


def minutes(count):
    return START + timedelta(minutes=count)


def test_nobody_answers_without_a_policy():
    doors = Doors()
    quiet = answerer(NOBODY, doors)
    quiet.hear([notice(1, "P-METRO")])
    assert quiet.next_at() is None
    quiet.act(now=minutes(600))
    assert doors.calls == []


def test_answers_come_at_their_time_with_the_post_own_token():
    doors = Doors()
    some = answerer(POLICY, doors)
    some.hear([notice(1, "P-METRO"), notice(2, "P-OTHER")])
    assert some.next_at() == minutes(5)
    some.act(now=minutes(4))
    assert doors.calls == []
    some.act(now=minutes(5))
    assert doors.calls == [("POST", "/api/v1/inbox/1/acknowledge", "Bearer token-of-P-METRO")]
    some.act(now=minutes(10))
    assert doors.calls[1:] == [("POST", "/api/v1/cases/7/begin", "Bearer token-of-P-METRO")]
    assert some.next_at() is None
    assert some.refused == []


def test_a_case_is_moved_once_however_often_the_post_is_reminded():
    doors = Doors()
    some = answerer(POLICY, doors)
    some.hear([notice(1, "P-METRO"), notice(2, "P-METRO", at=minutes(3))])
    some.act(now=minutes(60))
    assert [path.rsplit("/", 1)[-1] for _, path, _ in doors.calls] == [
        "acknowledge",
        "acknowledge",
        "begin",
    ]


def test_what_is_refused_is_kept_with_its_code():
    doors = Doors(status=409)
    some = answerer(POLICY, doors)
    some.hear([notice(1, "P-QUIET", about="alert:3")])
    some.act(now=minutes(120))
    assert some.refused == [(minutes(120), "P-QUIET inbox/1/acknowledge", "case.wrong_state")]


@pytest.mark.parametrize(
    "text",
    [
        "answers: [",
        "format: 1",
        "format: 1\ntitle: {zh: a, en: b}\nanswers: [{post: x, acknowledge: soon}]",
    ],
)
def test_a_wrong_policy_is_refused(text):
    with pytest.raises(PolicyError):
        parse_policy(text.encode())
