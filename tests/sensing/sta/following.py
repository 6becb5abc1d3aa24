"""Editing a city, and comparing what is shown then with what is made of all of it, read anew."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import numpy as np
from msgspec import structs

from anlan.registry import public as registry
from anlan.registry.domain.entry_edits import EntriesEdit
from anlan.sensing.services import multidatastreams
from anlan.sensing.sta import catalogue as made
from anlan.sensing.sta import parts
from anlan.sensing.sta.multis import multis_of
from tests.registry.small_city import ADMIN
from tests.sensing.conftest import NOW

TODAY = date(2026, 7, 20)
MADE_LATER = {"columns", "store_numbers"}  # when they are first asked for


def forget():
    """Forget the city, as a process does that has just begun."""
    for kept in (made._whole, made._read, made._multis):
        kept.cache_clear()
    parts._kept.clear()


def followed(now=NOW):
    """Look at the city as a running process does; return how often all of it was read."""
    asked, whole = [], parts.read_whole
    parts.read_whole = lambda **given: asked.append(given) or whole(**given)
    try:
        shown = made.catalogue(now=now)
    finally:
        parts.read_whole = whole
    same(shown, fresh(now))
    return len(asked)


def fresh(now=NOW):
    """Return the city as a process that has just begun reads it; what is kept stays."""
    plain = made._made_of(parts.read_whole(at=now))
    known = multidatastreams.multis_in_force()
    found = multis_of(known, plain.stream_number, plain.thing_of, plain.quantity_of)
    return replace(plain, multis=found)


def same(one, other):
    """Compare two catalogues, or their MultiDatastreams, name by name."""
    assert type(one) is type(other)
    for name in (field.name for field in fields(one) if field.name not in MADE_LATER):
        here, there = getattr(one, name), getattr(other, name)
        if name == "multis":
            same(here, there)
        elif isinstance(here, np.ndarray):
            assert here.dtype == there.dtype, name
            assert here.tolist() == there.tolist(), name
        elif isinstance(here, dict):
            assert list(here.items()) == list(there.items()), name
        else:
            assert here == there, name


def take(edit, *, now=NOW):
    """Put an edit in force."""
    key = registry.fingerprint_of(edit.section, getattr(edit, "matter", edit.key))
    return registry.take_edit(ADMIN, edit, seen=key, reason="notice 12", now=now)


def entry(section, code):
    """Return an entry of the city in force."""
    return next(one for one in getattr(registry.city_pack(ADMIN), section) if one.code == code)


def changed(section, code, **given):
    """Have an entry say something else from today on."""
    take(EntriesEdit(section, (structs.replace(entry(section, code), **given),), TODAY, key=code))
