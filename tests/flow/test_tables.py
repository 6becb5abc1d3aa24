"""Every table is either part of the rebuilt state or technical for a stated reason."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import models

from anlan.infra import journal

FRAMEWORKS_OWN = {"contenttypes.contenttype", "auth.permission", "auth.group"}


@pytest.mark.parametrize("model", apps.get_models(), ids=lambda m: m._meta.label_lower)
def test_every_table_is_journalled_or_says_why_not(model):
    technical = str(getattr(model, "technical", "")).strip()
    journalled = getattr(model, "journalled", False)
    if model._meta.label_lower in FRAMEWORKS_OWN:
        assert not journalled
        assert not technical
    else:
        assert journalled != bool(technical)


@pytest.mark.parametrize("model", journal.journalled_models(), ids=lambda m: m._meta.label_lower)
def test_a_journalled_table_holds_no_free_text_or_file(model):
    for field in model._meta.concrete_fields:
        assert not isinstance(field, models.FileField | models.BinaryField | models.TextField), (
            f"{field}: free text and files belong to the content store"
        )
        personal = ("phone", "email", "photo", "person_name", "contact_text")
        assert not any(word == field.name for word in personal), field
