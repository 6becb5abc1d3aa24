"""Known devices (熟悉的设备): browsers in which the holder of an account has signed in before.

Whoever knows an account's name can make it rest by wrong passwords.  So a browser keeps a signed
mark of each account that signed in there, and tries with such a mark are counted apart: a
stranger cannot keep the holder out, and a mark that was stolen gets no more tries than a stranger
does.  This is the device cookie that OWASP describes against guessing at the door.

The mark is bound to the password as it was: with a new one every earlier mark is worth nothing.
Only wrong tries with a good mark are written down, so nobody can fill the table.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

from anlan.registry.models import Account, DeviceTries

LASTS = timedelta(days=180)
MOST_ACCOUNTS = 8  # of one browser: a duty desk has several seats
MOST_LETTERS = 2000
NONCE_BYTES = 16


def remembered(cookie: str, account: Account, *, key: str, now: datetime) -> str:
    """Return what a browser keeps after the holder of an account signed in there.

    It carries a mark of its own for each of the last accounts; this one's is a new one.
    """
    others = [mark for mark in _marks(cookie) if mark.split(".")[0] != str(account.pk)]
    nonce = base64.urlsafe_b64encode(secrets.token_bytes(NONCE_BYTES)).decode().rstrip("=")
    body = f"{account.pk}.{int(now.timestamp())}.{nonce}"
    return "~".join([f"{body}.{_signature(body, account, key)}", *others][:MOST_ACCOUNTS])


def device_of(cookie: str, account: Account, *, key: str, now: datetime) -> str:
    """Return by what a known device of the account is told apart; empty for a stranger's."""
    for mark in _marks(cookie):
        body, _, signature = mark.rpartition(".")
        number, made, nonce = (*body.split("."), "", "", "")[:3]
        if number != str(account.pk) or not (made.isascii() and made.isdecimal()) or not nonce:
            continue
        if not hmac.compare_digest(signature, _signature(body, account, key)):
            continue
        age = now - datetime.fromtimestamp(int(made[:12]), tz=UTC)
        if timedelta(days=-1) < age < LASTS:
            return hashlib.sha256(body.encode()).hexdigest()
    return ""


def _marks(cookie: str) -> list[str]:
    found = cookie[:MOST_LETTERS].split("~") if cookie else []
    return [
        mark for mark in found if mark.count(".") == 3 and mark.isascii() and mark.isprintable()
    ]


def _signature(body: str, account: Account, key: str) -> str:
    told = f"known device {body} {account.password}".encode()
    digest = hmac.digest(key.encode(), told, "sha256")
    return binascii.hexlify(digest).decode()


def tries_of(device: str) -> tuple[int, datetime | None]:
    """Return how many wrong tries in a row came from a known device, and when the last did."""
    row = DeviceTries.objects.filter(pk=device).first()
    return (row.failures, row.failed_at) if row is not None else (0, None)


def count_wrong(device: str, account: Account, *, now: datetime) -> None:
    """Count a wrong try from a known device; what no mark can belong to any more is forgotten."""
    failures, _ = tries_of(device)
    values = {"account_id": account.pk, "failures": failures + 1, "failed_at": now}
    DeviceTries.objects.update_or_create(pk=device, defaults=values)
    DeviceTries.objects.filter(failed_at__lt=now - LASTS).delete()


def forget_wrong(device: str) -> None:
    """Forget the wrong tries of a known device: its holder signed in."""
    DeviceTries.objects.filter(pk=device).delete()
