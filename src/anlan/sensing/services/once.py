"""The same message sent twice has one effect: keys of senders, kept with the answer given.

The key's row commits in the same transaction as the effect.  Of two messages
with one key at the same moment the second breaks on the unique constraint,
its effect is undone, and it gets the answer of the first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django.db import IntegrityError, connection
from django.db.models import QuerySet

from anlan.infra import failpoints, rows, together
from anlan.infra.models import ContentItem
from anlan.kernel.actor import Actor
from anlan.sensing.domain.errors import KeyMalformedError, KeyReusedError
from anlan.sensing.models import IdempotencyKey

KEPT_FOR = timedelta(days=7)
MAX_KEY = 200

Answer = dict[str, Any]  # JSON


@dataclass(frozen=True, slots=True)
class Once:
    """A sender's key and the SHA-256 of what came with it."""

    key: str
    request_sha256: str

    def __post_init__(self) -> None:
        if not (0 < len(self.key) <= MAX_KEY and self.key.isprintable()):
            raise KeyMalformedError(limit=MAX_KEY)


_GIVEN = (
    "SELECT request_sha256, answer, used_at > %s FROM sensing_idempotencykey"
    " WHERE account = %s AND key = %s"
)


def earlier_answer(actor: Actor, once: Once | None, *, now: datetime) -> Answer | None:
    """Return the answer that this key was given before, or None.

    Raises
    ------
    KeyReusedError
        When the key came with another body.
    """
    if once is None:
        return None
    since = connection.ops.adapt_datetimefield_value(now - KEPT_FOR)
    # In plain SQL, as it is asked before every sign: compiling it would cost more than it does.
    with connection.cursor() as cursor:
        cursor.execute(_GIVEN, [since, actor.id, once.key])
        given = cursor.fetchone()
    if given is None:
        return None
    request_sha256, answer, counts = given
    if not counts:  # not swept yet, and in the way of whoever uses the key anew
        _old(now).filter(account=actor.id, key=once.key).delete()
        return None
    if request_sha256 != once.request_sha256:
        raise KeyReusedError(what="idempotency key")
    return cast("Answer", json.loads(answer) if isinstance(answer, str) else answer)


def run_once(
    actor: Actor,
    once: Once | None,
    effect: Callable[[], Answer],
    *,
    now: datetime,
    items: Sequence[ContentItem] = (),
) -> tuple[Answer, bool]:
    """Keep ``items``, run ``effect`` in one transaction with its key; return its answer.

    The second value says whether it ran.  ``effect`` must reach the outside through the
    default database only, and may run in another thread (:mod:`anlan.infra.together`).
    """

    def whole() -> Answer:
        answer = effect()
        if once is not None:
            _remember(actor, once, answer, now=now)
        failpoints.reach("sensing.before_commit")
        return answer

    try:
        answer = together.commit(whole, items=items)
    except IntegrityError:
        # Somebody with the same key was faster; without such a row the error is another one.
        found = earlier_answer(actor, once, now=now)
        if found is None:
            raise
        return found, False
    failpoints.reach("sensing.committed")
    return answer, True


def _remember(actor: Actor, once: Once, answer: Answer, *, now: datetime) -> None:
    key = IdempotencyKey(
        account=actor.id,
        key=once.key,
        request_sha256=once.request_sha256,
        answer=answer,
        used_at=now,
    )
    rows.insert(key)


def forget_keys(*, now: datetime) -> int:
    """Delete keys older than :data:`KEPT_FOR`; return how many."""
    return _old(now).delete()[0]


def _old(now: datetime) -> QuerySet[IdempotencyKey]:
    return IdempotencyKey.objects.filter(used_at__lte=now - KEPT_FOR)
