"""The content store: apart, purposeful, and destroyed for good."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from anlan.infra import contents
from anlan.infra.models import ContentItem

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PURPOSE = contents.Purpose("report", "突发事件应对法 Art 60", date(2027, 1, 1))
pytestmark = pytest.mark.django_db(databases="__all__")


def test_what_is_kept_is_read_back():
    ref = contents.put("text", "煤气味很大".encode(), purpose=PURPOSE, now=NOW)
    assert contents.get_text(ref.id) == "煤气味很大"
    assert contents.verify() == []


def test_the_same_text_gives_another_hash_each_time():
    one = contents.put("text", b"same", purpose=PURPOSE, now=NOW)
    two = contents.put("text", b"same", purpose=PURPOSE, now=NOW)
    assert one.digest != two.digest, "a salted hash cannot be compared or guessed"


def test_destroying_erases_data_and_salt_and_says_so():
    ref = contents.put("text", b"secret", purpose=PURPOSE, now=NOW)
    assert contents.destroy([ref.id], reason="end of purpose", now=NOW) == 1
    assert contents.destroy([ref.id], reason="end of purpose", now=NOW) == 0
    assert contents.get(ref.id) is contents.DESTROYED
    assert contents.get_text(ref.id) == ""
    item = ContentItem.objects.using("contents").get(pk=ref.id)
    assert item.salt is None
    assert item.digest == ref.digest


def test_expired_items_are_found():
    ref = contents.put("text", b"x", purpose=PURPOSE, now=NOW)
    assert contents.expired_ids(date(2027, 1, 1)) == []
    assert contents.expired_ids(date(2027, 1, 2)) == [ref.id]


def test_tampering_is_found():
    ref = contents.put("text", b"x", purpose=PURPOSE, now=NOW)
    ContentItem.objects.using("contents").filter(pk=ref.id).update(data=b"y")
    assert contents.verify() == [ref.id]


def test_contents_are_not_in_the_business_database():
    from django.db import connections

    assert "infra_contentitem" not in connections["default"].introspection.table_names()
    assert connections["contents"].introspection.table_names().count("infra_contentitem") == 1


def test_only_the_room_that_is_gone_through_may_do_anything_there():
    """The migrations of every other room are noted there without being run."""
    from django.apps import apps

    from anlan.infra.routers import HOME_OF_CONTENTS, ContentsApart

    def may(room, model=None):
        return ContentsApart().allow_migrate(contents.ALIAS, room, model)

    tables = [model._meta for model in apps.get_models(include_auto_created=True)]
    assert {one.app_label for one in tables if may(one.app_label, one.model_name)} == {
        HOME_OF_CONTENTS
    }
    assert not any(may(room.label) for room in apps.get_app_configs())
