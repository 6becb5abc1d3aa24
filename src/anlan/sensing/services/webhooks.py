"""Readings that another system posts, signed with a secret shared with it alone.

The signature is the one that Anlan's own webhooks carry (:mod:`anlan.notices.domain.signing`).  A
webhook is a payload map of the workspace with a file of secrets under ``keys/webhooks``: at most two
are valid at a time, so that a sender can change over without losing a message.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from django.db import transaction

from anlan.infra import journal
from anlan.kernel.actor import Actor, Role
from anlan.notices.domain.signing import (
    KEY_HEADER,
    SIGNATURE_HEADER,
    TIME_HEADER,
    is_genuine,
)
from anlan.sensing.domain.connector_errors import MapUnknownError, NotSignedError, ReplayedError
from anlan.sensing.domain.events import ConnectorSecretMade
from anlan.sensing.domain.observations import BatchReceipt
from anlan.sensing.domain.payload_map import may_name
from anlan.sensing.services.here import workspace_here
from anlan.sensing.services.messages import keep_message, map_here
from anlan.sensing.services.once import Answer, Once, earlier_answer, run_once
from anlan.sensing.store.places import put_whole

DOOR = "webhook"
OLD_FOR = timedelta(days=7)
NOBODY = "no webhook of this name: " + "0" * 40
"""Compared with when there is no such webhook, so that the answer takes as long."""


class Secret(msgspec.Struct, frozen=True):
    """One secret; ``until`` is None for the newest."""

    secret: str
    made_at: datetime
    until: datetime | None = None


class Webhook(msgspec.Struct, frozen=True):
    """Who may post through which map, and for which areas (governing paths; "": the whole city)."""

    areas: tuple[str, ...]
    secrets: tuple[Secret, ...]

    def valid(self, now: datetime) -> tuple[str, ...]:
        """Return the secrets that count at ``now``."""
        return tuple(x.secret for x in self.secrets if x.until is None or now < x.until)


def _file(name: str) -> Path:
    return workspace_here().keys / "webhooks" / f"{name}.json"


def webhook_of(name: str) -> Webhook | None:
    """Return the webhook of a map's name; None when it has none."""
    if not may_name(name):
        return None
    try:
        return msgspec.json.decode(_file(name).read_bytes(), type=Webhook)
    except FileNotFoundError:
        return None


def make_secret(
    actor: Actor, name: str, *, areas: tuple[str, ...], now: datetime, old_for: timedelta = OLD_FOR
) -> str:
    """Open a webhook, or give it a new secret; the one before counts for ``old_for`` longer.

    Raises
    ------
    MapUnknownError, MapWrongError
        When the workspace has no whole map of that name.
    """
    map_here(name)
    before = webhook_of(name)
    old = before.secrets[-1:] if before else ()
    made = Secret(secrets.token_urlsafe(32), now)
    ending = tuple(msgspec.structs.replace(one, until=now + old_for) for one in old)
    path = _file(name)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with transaction.atomic():
        journal.record(ConnectorSecretMade(name, areas), actor=actor, now=now)
        put_whole(path, msgspec.json.encode(Webhook(areas, (*ending, made))))
        path.chmod(0o600)
    return made.secret


def close_webhook(actor: Actor, name: str, *, now: datetime) -> None:
    """Let nobody post through a webhook any more.

    Raises
    ------
    MapUnknownError
        When it is not open.
    """
    found = webhook_of(name)
    if found is None:
        raise MapUnknownError(name=name, known="–")
    with transaction.atomic():
        journal.record(ConnectorSecretMade(name, found.areas, closed=True), actor=actor, now=now)
        _file(name).unlink()


def take_webhook(
    name: str, headers: Mapping[str, str], body: bytes, *, now: datetime
) -> BatchReceipt:
    """Keep what a signed POST says; durable when this returns.

    The same delivery signed anew is answered as the first time and has no second effect.

    Raises
    ------
    NotSignedError
        When there is no such webhook, the signature is of no valid secret, or its time is more
        than five minutes from ``now``.
    ReplayedError
        When the very same signed message came before.
    PayloadRefusedError
        When its map cannot read it.
    """
    found = webhook_of(name)
    valid = found.valid(now) if found else ()
    genuine = [is_genuine(one, headers, body, now=now) for one in (*valid, NOBODY)]
    if found is None or not any(genuine[: len(valid)]):
        raise NotSignedError
    actor = Actor(
        f"webhook:{name}", Role.PROGRAM, areas=found.areas, scopes=frozenset({"signs:write"})
    )
    signed_at = headers[TIME_HEADER]
    delivery = headers.get(KEY_HEADER, "") or headers[SIGNATURE_HEADER]
    mark = hashlib.sha256(delivery.encode()).hexdigest()[:40]
    heard = Once(f"heard:{mark}", hashlib.sha256(body).hexdigest())
    earlier = earlier_answer(actor, heard, now=now)
    if earlier is not None:
        if earlier["signed_at"] == signed_at:
            raise ReplayedError(what="webhook")
        return msgspec.convert(earlier["receipt"], BatchReceipt)
    once = Once(f"webhook:{mark}", heard.request_sha256)
    receipt = keep_message(actor, map_here(name), None, body, door=DOOR, now=now, once=once)

    def remember() -> Answer:
        return {"signed_at": signed_at, "receipt": msgspec.to_builtins(receipt)}

    run_once(actor, heard, remember, now=now)
    return receipt
