"""The secret of a receipt: with it a reporter follows the report, and nobody else."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode

from django.utils.crypto import salted_hmac

from anlan.kernel.actor import Actor
from anlan.sensing.services.once import Once


def follow_secret(actor: Actor, once: Once | None) -> str:
    """Return the secret of a receipt: 144 bits; the same again for the same key and body.

    Derived from the server's secret, so that a repeated call can be answered
    like the first although only the hash of the secret is stored.
    """
    if once is None:
        return secrets.token_urlsafe(18)
    text = f"{actor.id}\n{once.key}\n{once.request_sha256}"
    derived = salted_hmac("anlan.sensing.follow", text, algorithm="sha256").digest()[:18]
    return urlsafe_b64encode(derived).decode()
