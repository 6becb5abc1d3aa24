"""A call that comes again with its key has one effect: a double click, an answer that was lost."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from django.http import HttpRequest

from anlan.infra.doors import KEY_HEADER
from anlan.kernel.errors import AnlanError
from anlan.sensing import public as sensing


def once(request: HttpRequest, effect: Callable[[], int]) -> int:
    """Return the number of the row that ``effect`` changed, now or when the key came before.

    Only the number is kept with the key: what people wrote is shown from its own store.

    Raises
    ------
    KeyReusedError
        When the key came before with another body, or to another address.
    """
    actor, now = request.actor, request.now  # type: ignore[attr-defined]
    key = request.headers.get(KEY_HEADER, "")
    if not key:
        return effect()
    hashed = sha256(f"{request.path}\n".encode() + request.body).hexdigest()
    call = sensing.Once(key, hashed)
    known = sensing.earlier_answer(actor, call, now=now)
    if known is None:
        try:
            known, _ = sensing.run_once(actor, call, lambda: {"row": effect()}, now=now)
        except AnlanError:
            # The same call at the same moment was faster, and its effect left nothing to do.
            known = sensing.earlier_answer(actor, call, now=now)
            if known is None:
                raise
    return int(known["row"])
