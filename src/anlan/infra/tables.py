"""Bringing the tables of both databases in step with the code."""

from __future__ import annotations

from django.core.management import call_command

from anlan.infra.routers import HOME_OF_CONTENTS

ALIASES = ("default", "contents")


def bring_in_step(alias: str) -> None:
    """Apply the migrations that a database lacks.

    In the database of contents only those of one room do anything: the others are noted there as
    applied without being gone through, which would take as long as the main database does.
    """
    if alias == "contents":
        _migrate(HOME_OF_CONTENTS, database=alias)
        _migrate(database=alias, fake=True)
    else:
        _migrate(database=alias)


def _migrate(*room: str, **how: object) -> None:
    call_command("migrate", *room, verbosity=0, interactive=False, **how)
