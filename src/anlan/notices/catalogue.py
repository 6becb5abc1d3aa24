"""The wording of every notice, from the rooms' ``messages.toml``."""

from __future__ import annotations

from functools import cache

from anlan.infra.catalogue import PACKAGES
from anlan.kernel.catalogues import Words, together


@cache
def messages() -> Words:
    """Return ``{subject: {zh_title, zh_body, en_title, en_body}}`` of all rooms.

    Raises
    ------
    ValueError
        When two rooms define one subject.
    """
    return together(PACKAGES, "messages.toml")
