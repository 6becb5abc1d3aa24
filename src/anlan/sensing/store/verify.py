"""Proving that what a store names is there and unchanged, without stopping its writer."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from anlan.kernel.errors import IntegrityBreachError
from anlan.sensing.store import log, segments
from anlan.sensing.store.manifest import FrameTable, Manifest, SegmentFile, ThinFile, load
from anlan.sensing.store.names import StreamNames
from anlan.sensing.store.places import Places

LOOKS = 5


class StoreFault(NamedTuple):
    """Something that is not as it was kept: ``missing``, ``changed``, ``unknown_file``, ``log``."""

    name: str
    fault: str


def verify(root: Path) -> tuple[StoreFault, ...]:
    """Compare every file with its hash, and every frame of the log with its checksum and number.

    Files that the writer replaces meanwhile are looked at again.
    """
    places = Places(root)
    for _ in range(LOOKS):
        found = load(places.manifest)
        faults = [*_files(places, found), *_names(places, found), *_log(places, found)]
        if load(places.manifest) == found:
            break
    return tuple(faults)


def _files(places: Places, found: Manifest) -> list[StoreFault]:
    faults = []
    named: list[SegmentFile | FrameTable | ThinFile]
    named = [*found.segments, *found.tables, *found.thinned]
    for item in named:
        path = places.segments / item.name
        if not path.is_file():
            faults.append(StoreFault(item.name, "missing"))
        elif segments.hashed(path) != (item.sha256, item.size_bytes):
            faults.append(StoreFault(item.name, "changed"))
    there = {str(x.relative_to(places.segments)) for x in places.segments.rglob("*.parquet")}
    strange = there - {item.name for item in named} - set(found.leaving)
    return faults + [StoreFault(name, "unknown_file") for name in sorted(strange)]


def _names(places: Places, found: Manifest) -> list[StoreFault]:
    """Compare the codes of the streams with what they were at the last sealing."""
    names = StreamNames(places.names, writing=False)
    if len(names.codes) < found.names:
        return [StoreFault(places.names.name, "missing")]
    is_same = not found.names or names.digest(found.names) == found.names_sha256
    return [] if is_same else [StoreFault(places.names.name, "changed")]


def _log(places: Places, found: Manifest) -> list[StoreFault]:
    last = found.sealed
    try:
        for frame in log.Tail(places.log).after(found.sealed):
            if frame.seq != last + 1:
                return [StoreFault(f"frame {last + 1}", "log")]
            last = frame.seq
    except FileNotFoundError:
        return [StoreFault(f"frame {last + 1}", "log")]
    except IntegrityBreachError as error:
        return [StoreFault(str(error.params.get("what", "log")), "log")]
    return []
