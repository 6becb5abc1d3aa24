"""One-time codes by time (RFC 6238 TOTP: SHA-1, 30 s, six digits, as authenticator apps expect)."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime
from urllib.parse import quote

STEP_S = 30
DIGITS = 6
#: Steps before and after the present one that are still taken: telephones' clocks differ.
TOLERANCE = 1


def step_of(at: datetime) -> int:
    """Return the number of the time step of an instant, counted from 1970."""
    return int(at.timestamp()) // STEP_S


def code_of(secret: bytes, step: int) -> str:
    """Return the code of one time step (RFC 4226 §5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_matched(secret: bytes, code: str, *, at: datetime, after: int) -> int | None:
    """Return the step whose code was given, or ``None``.

    ``after`` is the last step that was used: a code that was seen once works no more.
    """
    given = "".join(code.split())
    now = step_of(at)
    for step in range(now - TOLERANCE, now + TOLERANCE + 1):
        if step > after and hmac.compare_digest(code_of(secret, step).encode(), given.encode()):
            return step
    return None


def secret_text(secret: bytes) -> str:
    """Return a secret as people type it into an authenticator."""
    return base64.b32encode(secret).decode().rstrip("=")


def address_of(secret: bytes, *, account: str, issuer: str) -> str:
    """Return the ``otpauth`` address that an authenticator reads."""
    label = quote(f"{issuer}:{account}", safe=":")
    return f"otpauth://totp/{label}?secret={secret_text(secret)}&issuer={quote(issuer)}"
