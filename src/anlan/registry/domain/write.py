"""Write a pack back into a folder: reading it again gives an equal pack."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from datetime import date, time
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import yaml

from anlan.registry.domain.city import City, Shape
from anlan.registry.domain.jurisdiction import Jurisdiction
from anlan.registry.domain.parse import CITY_LISTS, CITY_TABLES, JURISDICTION_LISTS
from anlan.registry.domain.tables import several_valued


class _Dumper(yaml.SafeDumper):
    """Plain block style, no anchors: packs may not hold aliases."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def write_city(pack: City, folder: Path) -> None:
    """Write ``pack`` into ``folder``, which is made when missing; comments are not kept.

    Raises
    ------
    ValueError
        When a value has no form in a pack, such as ``;`` inside one of several values.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_yaml(folder / "city.yaml", as_written(pack.info))
    for section, (stem, kind) in CITY_TABLES.items():
        _write_table(folder / f"{stem}.csv", kind, getattr(pack, section))
    if pack.shapes:
        _write_outlines(folder / "areas.geojson", pack.shapes)
    _write_lists(pack, CITY_LISTS, folder)


def write_jurisdiction(pack: Jurisdiction, folder: Path) -> None:
    """Write ``pack`` into ``folder``, one file per section."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_yaml(folder / "jurisdiction.yaml", as_written(pack.info))
    _write_lists(pack, JURISDICTION_LISTS, folder)


def _write_lists(pack: City | Jurisdiction, sections: Mapping[str, object], folder: Path) -> None:
    for section in sections:
        entries = getattr(pack, section)
        if entries:
            _write_yaml(folder / f"{section}.yaml", [as_written(entry) for entry in entries])


def _write_yaml(path: Path, data: object) -> None:
    text = yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100)
    path.write_text(text, encoding="utf-8")


def as_written(value: Any) -> Any:
    """Return ``value`` as pack files hold it: text and numbers, defaults left out."""
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        written = {config.tag_field: config.tag} if config.tag_field else {}
        for item in msgspec.structs.fields(value):
            inside = getattr(value, item.name)
            if item.required or inside != item.default:
                written[item.name] = as_written(inside)
        return written
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: as_written(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [as_written(item) for item in value]
    if isinstance(value, date | time):
        return value.isoformat()
    return value


def columns_of(kind: type[msgspec.Struct]) -> list[str]:
    """Return the columns of a table of a pack."""
    return [item.name for item in msgspec.structs.fields(kind)]


def cells_of(row: msgspec.Struct) -> list[Any]:
    """Return the cells of an entry in a table of a pack; numbers stay numbers."""
    written, several = as_written(row), several_valued(type(row))
    cells = []
    for name in columns_of(type(row)):
        value = written.get(name)
        is_number = isinstance(value, int | float)
        cells.append(value if is_number else _cell(value, name in several))
    return cells


def _write_table(path: Path, kind: type[msgspec.Struct], rows: Iterable[msgspec.Struct]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns_of(kind))
        writer.writerows(cells_of(row) for row in rows)


def _cell(value: Any, is_several: bool) -> str:  # noqa: FBT001  a fact of the column
    if value is None:
        return ""
    if not is_several:
        return str(value)
    parts = [str(part) for part in value]
    if any(not part.strip() or ";" in part for part in parts):
        raise ValueError(f"cannot stand as several values in one cell: {parts!r}")
    return ";".join(parts)


def _write_outlines(path: Path, shapes: Iterable[Shape]) -> None:
    lines = [
        json.dumps(
            {
                "type": "Feature",
                "properties": {"code": shape.code, "schematic": shape.schematic},
                "geometry": shape.geometry,
            },
            ensure_ascii=False,
        )
        for shape in shapes
    ]
    head, tail = '{"type": "FeatureCollection", "features": [\n', "\n]}\n"
    path.write_text(head + ",\n".join(lines) + tail, encoding="utf-8")
