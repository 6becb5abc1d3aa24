"""Run by test_following.py: a process that looks at a city which other processes change.

Called with the name of a change it is such another process; ``restored`` puts the database back as it
was before the changes, under the feet of the first.
"""

# Django must be set up before the rest is imported; the parent test reads what is printed.
# ruff: noqa: E402, T201
from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import date

import django

django.setup()

from django.conf import settings
from django.db import connection
from msgspec.structs import replace

from anlan.infra.tables import bring_in_step
from anlan.registry import public as registry
from anlan.registry.domain.edits import SensorEdit
from anlan.registry.domain.entry_edits import EntriesEdit
from anlan.sensing.sta import catalogue as made
from tests.registry.small_city import ADMIN
from tests.sensing.conftest import NOW
from tests.sensing.sta.conftest import a_place, load, stream
from tests.sensing.sta.following import followed

TODAY = date(2026, 7, 20)


def change(what: str) -> None:
    """Change the city in one way."""
    one = next(x for x in registry.city_pack(ADMIN).sensors if x.code == "s1")
    edit = {
        "changed": EntriesEdit("sensors", (replace(one, name_zh="改名"),), TODAY, key="s1"),
        "ended": SensorEdit("s2", in_force=False, on=TODAY),
        "entered": EntriesEdit("sensors", (stream("N", "P1"),), TODAY, key="N", is_new=True),
    }[what]
    seen = registry.fingerprint_of("sensors", getattr(edit, "matter", edit.key))
    registry.take_edit(ADMIN, edit, seen=seen, reason="notice 12", now=NOW)


def elsewhere(what: str) -> None:
    """Have another process change the city."""
    subprocess.run([sys.executable, "-m", "tests.sensing.sta.following_child", what], check=True)


def told(what: str, code: str) -> None:
    """Say how often all was read for the next look, and the name of a stream in it."""
    whole = followed()
    known = {one.code: one.name_zh for one in made.catalogue(now=NOW).streams}
    print(what, whole, known.get(code, "gone"))


def look() -> None:
    """Look at a city again after each change."""
    bring_in_step("contents")
    bring_in_step("default")
    load([a_place("P1")], [stream("s1", "P1"), stream("s2", "P1")])
    made.catalogue(now=NOW)
    database, kept = settings.DATABASES["default"]["NAME"], f"{settings.WORKSPACE.root}.kept"
    with sqlite3.connect(database) as here, sqlite3.connect(kept) as there:
        here.backup(there)
    for what, code in (("changed", "s1"), ("ended", "s2"), ("entered", "N")):
        elsewhere(what)
        told(what, code)
    with sqlite3.connect(kept) as here, sqlite3.connect(database) as there:
        here.backup(there)
    connection.close()
    elsewhere("entered")
    told("restored", "s1")
    elsewhere("changed")
    told("changed", "s1")


if len(sys.argv) > 1:
    change(sys.argv[1])
else:
    look()
