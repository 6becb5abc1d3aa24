"""Payload maps as files: those that come with Anlan, and those of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from anlan.kernel.errors import AnlanError
from anlan.sensing.domain.connector_errors import MapUnknownError, MapWrongError
from anlan.sensing.domain.payload_map import MAX_MAP_BYTES, PayloadMap, map_from_toml

READY = Path(__file__).resolve().parent.parent / "maps"
"""The maps that come with Anlan, to use as they are or to copy and change."""


def read_map(path: Path, *, name_matters: bool = True) -> PayloadMap:
    """Return the map in a file; ``name_matters`` unless it only lies beside what it reads.

    Raises
    ------
    MapWrongError
        When it is none, or its ``id`` is not the file's name.
    """
    name = path.stem[:50]
    try:
        with path.open("rb") as file:
            text = file.read(MAX_MAP_BYTES + 1).decode("utf-8")
    except UnicodeDecodeError as error:
        problem = f"byte {error.start} is not UTF-8"
        raise MapWrongError("connector.map_unreadable", map_id=name, problem=problem) from None
    found = map_from_toml(text, name=name)
    if name_matters and found.id != path.stem:
        raise MapWrongError("connector.id_not_file", map_id=found.id, place="id", text=path.name)
    return found


def files_in(folder: Path) -> tuple[Path, ...]:
    """Return the files of maps in a folder, by name; none when there is no folder."""
    return tuple(sorted(folder.glob("*.toml")))


def maps_in(folder: Path) -> tuple[tuple[PayloadMap, ...], tuple[AnlanError, ...]]:
    """Return the maps of a folder and what is wrong with the others: one bad file stops no other."""
    maps: list[PayloadMap] = []
    faults: list[AnlanError] = []
    for path in files_in(folder):
        try:
            maps.append(read_map(path))
        except MapWrongError as error:
            faults.append(error)
    return tuple(maps), tuple(faults)


def file_of(name: str, folders: Sequence[Path]) -> Path:
    """Return the file that a name stands for: a path, or a map of the first folder that has it.

    Raises
    ------
    MapUnknownError
        When there is none.
    """
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    for folder in folders:
        if name in {item.stem for item in files_in(folder)}:
            return folder / f"{name}.toml"
    known = sorted({item.stem for folder in folders for item in files_in(folder)})
    raise MapUnknownError(name=name, known=", ".join(known) or "–")
