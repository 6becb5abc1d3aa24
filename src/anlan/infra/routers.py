"""Which table lives in which database."""

from __future__ import annotations

from typing import Any

HOME_OF_CONTENTS = "infra"
"""The one room with tables in the database of contents."""
APART = {"contentitem"}


class ContentsApart:
    """Keep the content store in its own database, and everything else out of it."""

    def db_for_read(self, model: type[Any], **_hints: object) -> str | None:
        """Route reads of content items."""
        return "contents" if model._meta.model_name in APART else None

    db_for_write = db_for_read

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **_hints: object
    ) -> bool | None:
        """Make the content table in its database only."""
        apart = app_label == HOME_OF_CONTENTS and (model_name or "").lower() in APART
        return apart if db == "contents" else not apart
