"""How a receiver knows that a webhook came from Anlan, lately, and only once.

Three headers go with every POST::

    Anlan-Delivery:   the delivery key; the same key means the same message
    Anlan-Timestamp:  seconds since 1970-01-01T00:00:00Z, of this try
    Anlan-Signature:  v1=<hex of HMAC-SHA256(secret, "<timestamp>.<key>." + body)>

A receiver refuses a timestamp further than :data:`REPLAY_WINDOW` from its own
clock, compares the signature in constant time, and remembers the keys it took
for two days (messages are tried for one), so that a repetition does nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

KEY_HEADER = "Anlan-Delivery"
TIME_HEADER = "Anlan-Timestamp"
SIGNATURE_HEADER = "Anlan-Signature"
REPLAY_WINDOW = timedelta(minutes=5)


def holder_secret(root: bytes, holder: str) -> str:
    """Return the secret shared with one receiver, derived from the workspace's own."""
    return hmac.new(root, b"anlan webhook v1\n" + holder.encode(), hashlib.sha256).hexdigest()


def _signature(secret: str, timestamp: str, key: str, body: bytes) -> str:
    text = f"{timestamp}.{key}.".encode() + body
    return "v1=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def signed_headers(secret: str, key: str, body: bytes, *, at: datetime) -> dict[str, str]:
    """Return the three headers of one try."""
    timestamp = str(int(at.timestamp()))
    return {
        KEY_HEADER: key,
        TIME_HEADER: timestamp,
        SIGNATURE_HEADER: _signature(secret, timestamp, key, body),
    }


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
    """Return whether a received POST is genuine and recent: what a receiver should check."""
    timestamp = headers.get(TIME_HEADER, "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(now.timestamp() - int(timestamp)) > REPLAY_WINDOW.total_seconds():
        return False
    expected = _signature(secret, timestamp, headers.get(KEY_HEADER, ""), body)
    return hmac.compare_digest(
        expected.encode(), headers.get(SIGNATURE_HEADER, "").encode("utf-8", "replace")
    )
