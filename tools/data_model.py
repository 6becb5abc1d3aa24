"""The page of tables, from the models themselves: columns, bounds, and what the journal holds."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from django.apps import apps
from django.db import models

HEAD = """# Data model 数据模型

Every table, in the order of the rooms. **Journalled** tables are the state: they change only with an entry of the
journal, and can be rebuilt from it. The others are technical or derived, for the reason given. All instants are UTC.
`…_content` names an item of the content store, which is the only place for names, free text and photos.
"""


def _kind(field: models.Field) -> str:
    """Return the type of a column with its size or target."""
    kind = field.get_internal_type().removesuffix("Field")
    if isinstance(field, models.ForeignKey):
        target = field.related_model
        return f"→ {target._meta.object_name}" if inspect.isclass(target) else "→"
    return f"{kind}({field.max_length})" if field.max_length else kind


def _bounds(field: models.Field) -> str:
    """Return what the database holds about one column."""
    said = (
        ("key", field.primary_key),
        ("unique", field.unique and not field.primary_key),
        ("may be null", field.null),
        ("indexed", field.db_index and not field.unique),
    )
    return ", ".join(word for word, holds in said if holds)


def _table(model: type[models.Model]) -> Iterator[str]:
    meta = model._meta
    yield f"### {meta.object_name}\n"
    yield f"`{meta.db_table}`. {inspect.getdoc(model) or ''}\n"
    left_out = getattr(model, "journal_left_out", ())
    if getattr(model, "journalled", False):
        apart = f"; without {', '.join(f'`{name}`' for name in left_out)}" if left_out else ""
        yield f"**Journalled**{apart}.\n"
    else:
        yield f"Not journalled: {model.technical}.\n"  # type: ignore[attr-defined]
    yield "| column | kind | |\n|---|---|---|"
    for field in meta.concrete_fields:
        yield f"| `{field.column}` | {_kind(field)} | {_bounds(field)} |"
    held = [f"`{item.name}`" for item in (*meta.constraints, *meta.indexes)]
    yield f"\nConstraints and indexes: {', '.join(held)}.\n" if held else ""


def data_model_page() -> str:
    """Return the page of tables."""
    lines = [HEAD]
    for app in apps.get_app_configs():
        own = [item for item in app.get_models() if item.__module__.startswith("anlan.")]
        if own:
            lines.append(f"## {app.label}\n")
            for model in own:
                lines += _table(model)
    return "\n".join(lines).rstrip() + "\n"


BUILDERS = {"data-model.md": data_model_page}
