"""Loading the small city, and looking at what came of it."""

from __future__ import annotations

import msgspec

from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.registry import public
from tests.registry.small_city import ADMIN, NOW, a_city, a_jurisdiction, parsed


def load(city=None, law=None, now=NOW):
    return public.load_city(
        ADMIN, parsed(city or a_city()), parsed(law or a_jurisdiction()), now=now
    )


def changed(city, **sections):
    return msgspec.structs.replace(city, **sections)


def without(rows, code):
    return tuple(row for row in rows if row.code != code)


def registry_rows(state):
    return {table: rows for table, rows in state.items() if table.startswith("registry.")}


def live():
    found = {}
    for model in journal.journalled_models():
        if model._meta.app_label == "registry":
            images = [journal.image_of(row) for row in model._default_manager.all()]
            if images:
                found[model._meta.label_lower] = {i["pk"]: i["fields"] for i in images}
    return found


def rebuilt():
    return journal.replay_images(JournalEntry.objects.order_by("seq"))


def in_order(pack):
    """Return a pack with each section sorted: a pack's order has no meaning."""
    sections = {
        name: tuple(sorted(getattr(pack, name), key=repr))
        for name in pack.__struct_fields__
        if name != "info"
    }
    return msgspec.structs.replace(pack, **sections)
