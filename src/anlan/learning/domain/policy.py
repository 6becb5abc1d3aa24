"""An answering policy (应答策略): who answers in a rehearsal, how soon, and how.

Without one nobody answers.  A policy is stated beside the figures it changed.

    format: 1
    title: {zh: …, en: …}
    answers:
      - post: "*"            # or a post code
        acknowledge: 5m      # an inbox notice is acknowledged so long after it arrived
        moves:               # and the case it is about is moved on, in this order
          - {trigger: start, after: 10m}
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

import msgspec
import yaml

from anlan.kernel.durations import parse_span
from anlan.kernel.errors import InvalidInputError
from anlan.learning.domain.scenario import Fact, Words
from anlan.registry.domain.packwords import Span


class PolicyError(InvalidInputError):
    """A policy file does not say what a policy must say."""

    code = "policy.invalid"


class Move(Fact, frozen=True, kw_only=True):
    """A trigger of the case's state table, so long after the notice arrived."""

    trigger: Annotated[str, msgspec.Meta(min_length=1)]
    after: Span
    reason: str = ""


class Answer(Fact, frozen=True, kw_only=True):
    """What one post does with what reaches its inbox."""

    post: Annotated[str, msgspec.Meta(min_length=1)]
    acknowledge: Span
    moves: tuple[Move, ...] = ()

    def acknowledge_after(self) -> timedelta:
        """Return how long after its arrival a notice is acknowledged."""
        return parse_span(self.acknowledge)


class Policy(Fact, frozen=True, kw_only=True):
    """All answers; the first one that fits a post holds."""

    format: Literal[1]
    title: Words
    answers: tuple[Answer, ...]

    def answer_of(self, post: str) -> Answer | None:
        """Return what ``post`` does, or ``None`` when it never answers."""
        return next((a for a in self.answers if a.post in {post, "*"}), None)


NOBODY = Policy(format=1, title=Words(zh="无人应答", en="nobody answers"), answers=())


def everybody(after: str) -> Policy:
    """Return the policy in which every post acknowledges what reaches it, ``after`` later."""
    title = Words(zh=f"各岗位 {after} 后应答", en=f"every post answers after {after}")
    return Policy(format=1, title=title, answers=(Answer(post="*", acknowledge=after),))


def parse_policy(data: bytes) -> Policy:
    """Return the policy in a YAML file.

    Raises
    ------
    PolicyError
        When it is not YAML, or not a policy.
    """
    try:
        return msgspec.convert(yaml.safe_load(data), Policy)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise PolicyError(detail=str(error)) from error
