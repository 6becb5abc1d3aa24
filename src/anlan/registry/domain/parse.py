"""Read a folder into a city or jurisdiction pack, with the place of every entry.

Bad content never raises: it becomes a :class:`Finding` with file and line.
``docs/reference/packs.md`` describes the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from anlan.kernel.errors import InvalidInputError, NotFoundError
from anlan.registry.domain import city as c
from anlan.registry.domain import jurisdiction as j
from anlan.registry.domain.checkspecs import CheckSpec
from anlan.registry.domain.entries import EntryProblem, entry_problem, is_sound, key_of
from anlan.registry.domain.findings import Finding, finding
from anlan.registry.domain.located import Node, read_yaml
from anlan.registry.domain.outlines import read_outlines
from anlan.registry.domain.rulespecs import RuleSpec
from anlan.registry.domain.tables import Row, read_table

PACKS = Path(__file__).resolve().parent.parent / "packs"

# What looks like data; other files (notes, licences) may lie in a pack.
DATA_SUFFIXES = frozenset({".csv", ".yaml", ".yml", ".geojson", ".json", ".xlsx", ".xls"})

PackT = TypeVar("PackT", c.City, j.Jurisdiction)
EntryT = TypeVar("EntryT")

# Section -> (file stem, type of one entry).
CITY_TABLES: Mapping[str, tuple[str, type[msgspec.Struct]]] = {
    "areas": ("areas", c.Area),
    "organisations": ("organisations", c.Organisation),
    "posts": ("posts", c.Post),
    "holders": ("holders", c.Holder),
    "shifts": ("rosters", c.Shift),
    "duties": ("duties", c.Duty),
    "risk_points": ("risk_points", c.RiskPoint),
    "sensors": ("sensors", c.Sensor),
}
CITY_LISTS: Mapping[str, Any] = {
    "ladders": c.Ladder,
    "plans": c.Plan,
    "rules": RuleSpec,
    "clocks": j.ClockRule,
    "incidents": j.IncidentRule,
    "checks": CheckSpec,
}
JURISDICTION_LISTS: Mapping[str, Any] = {
    "hazards": j.HazardKind,
    "place_kinds": j.PlaceKind,
    "quantities": j.Quantity,
    "units": j.Unit,
    "domains": j.Domain,
    "rules": RuleSpec,
    "clocks": j.ClockRule,
    "incidents": j.IncidentRule,
    "checks": CheckSpec,
    "calendars": j.Calendar,
    "lexicon": j.Lexicon,
    "reasons": j.Reason,
    "accident_tables": j.AccidentTable,
    "risk_methods": j.RiskMethod,
    "signals": j.SignalLevel,
    "level_names": j.LevelName,
}


class PackUnreadableError(InvalidInputError):
    """The head of a pack (city.yaml, jurisdiction.yaml) cannot be read."""

    code = "pack.unreadable"


class PackUnknownError(NotFoundError):
    """No pack of that name is shipped with Anlan."""

    code = "pack.unknown"


@dataclass(frozen=True)
class Parsed(Generic[PackT]):
    """A pack as read: what it holds, where each entry stands, and what is wrong with it."""

    folder: Path
    found_pack: PackT | None
    findings: tuple[Finding, ...]
    places: Mapping[tuple[str, str], tuple[str, int]] = field(repr=False)

    @property
    def pack(self) -> PackT:
        """The pack; raises PackUnreadableError when its head file is missing or broken."""
        if self.found_pack is None:
            first = self.findings[0]
            raise PackUnreadableError(file=first.file, line=first.line, finding=first.code)
        return self.found_pack

    @property
    def is_readable(self) -> bool:
        """Whether the pack could be read at all."""
        return self.found_pack is not None

    def where(self, section: str, key: str) -> tuple[str, int]:
        """Return the file and line of an entry; line 0 when only the file is known.

        ``key`` is :func:`entries.key_of` of the entry; for rules and other
        versioned entries ``id/version``.
        """
        return self.places.get((section, key)) or (_file_of(section), 0)


def _file_of(section: str) -> str:
    if section in CITY_TABLES:
        return f"{CITY_TABLES[section][0]}.csv"
    heads = {"shapes": "areas.geojson", "info": "city.yaml"}
    return heads.get(section, f"{section}.yaml")


class _Reading:
    """Gathers entries, places and findings of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.findings: list[Finding] = []
        self.places: dict[tuple[str, str], tuple[str, int]] = {}

    def head(self, name: str, kind: type[EntryT]) -> EntryT | None:
        """Read the one-entry file at the head of a pack."""
        path = self.folder / name
        if not path.is_file():
            self.findings.append(finding("file.missing", name, 0))
            return None
        node, found = read_yaml(path, name)
        self.findings += found
        if node is None:
            return None
        self.places["info", ""] = (name, 1)
        for key, line in (node.key_lines or {}).items():
            self.places["info", key] = (name, line)
        return self.convert(node, name, kind)

    def convert(self, node: Node, file: str, kind: Any) -> Any | None:
        """Return the typed entry of a node, or None after a finding."""
        try:
            entry = msgspec.convert(_times(node.plain()), kind, strict=False)
        except msgspec.ValidationError as error:
            problem = entry_problem(error)
            line = node.line_of(problem.path)
            if problem.params.get("key") == "basis" and not problem.path:
                self.findings.append(_groundless(node, file))
            else:
                self.findings.append(problem.at(file, line))
            return None
        if not is_sound(entry):
            self.findings.append(EntryProblem("entry.number", {}, ()).at(file, node.line))
            return None
        return entry

    def place(self, section: str, entry: object, file: str, line: int) -> bool:
        """Note where an entry stands; False when an entry with its key came before."""
        key = key_of(section, entry)
        first = self.places.setdefault((section, key), (file, line))
        if first == (file, line):
            return True
        self.findings.append(
            finding("entry.twice", file, line, key=key, first_file=first[0], first_line=first[1])
        )
        return False

    def entries(self, section: str, kind: Any) -> tuple[Any, ...]:
        """Read ``section.yaml`` and every ``section/*.yaml``: lists of entries."""
        gathered: list[Any] = []
        paths = [self.folder / f"{section}.yaml"]
        paths += sorted((self.folder / section).glob("*.yaml"))
        for path in paths:
            if path.is_file():
                gathered += self.entries_of(section, path, kind)
        return tuple(gathered)

    def entries_of(self, section: str, path: Path, kind: Any) -> Iterator[Any]:
        """Yield the entries of one YAML list."""
        file = path.relative_to(self.folder).as_posix()
        node, found = read_yaml(path, file)
        self.findings += found
        if node is None or node.value is None:
            return
        if not isinstance(node.value, list):
            self.findings.append(finding("yaml.not_a_list", file, node.line))
            return
        for item in node.value:
            entry = self.convert(item, file, kind)
            if entry is not None and self.place(section, entry, file, item.line):
                yield entry

    def table(self, section: str) -> tuple[Any, ...]:
        """Read a CSV table of a city pack."""
        stem, kind = CITY_TABLES[section]
        file = f"{stem}.csv"
        path = self.folder / file
        gathered: list[Any] = []
        for row in read_table(path, file, kind) if path.is_file() else ():
            if row.fault is not None:
                self.findings.append(row.fault)
            elif self.place(section, row.entry, file, row.line):
                gathered.append(row.entry)
        return tuple(gathered)

    def outlines(self) -> tuple[c.Shape, ...]:
        """Read areas.geojson when there is one."""
        file = "areas.geojson"
        path = self.folder / file
        if not path.is_file():
            return ()
        shapes, found = read_outlines(path, file)
        self.findings += found
        return tuple(shape for line, shape in shapes if self.place("shapes", shape, file, line))

    def strangers(self, known: set[str], lists: Iterable[str]) -> None:
        """Point at data files that nothing reads: most often a misspelt name."""
        read = {self.folder / name for name in known}
        paths = sorted(self.folder.iterdir())
        for section in lists:
            inside = sorted((self.folder / section).glob("*"))
            read |= {path for path in inside if path.suffix == ".yaml"}
            paths += inside
        for path in paths:
            if path.suffix.lower() in DATA_SUFFIXES and (path not in read or path.is_dir()):
                file = path.relative_to(self.folder).as_posix()
                self.findings.append(finding("file.unknown", file, 0))

    def parsed(self, pack: PackT | None) -> Parsed[PackT]:
        """Return what was read."""
        return Parsed(
            folder=self.folder,
            found_pack=pack,
            findings=tuple(self.findings),
            places=self.places,
        )


def _groundless(node: Node, file: str) -> Finding:
    """Return the finding about an entry that states no ground: a fault of its own kind."""
    named = node.value.get("id") if isinstance(node.value, dict) else None
    identity = named.value if named is not None else ""
    return finding("rule.no_basis", file, node.line, what=file, id=identity)


def _times(value: object) -> object:
    """Let a time of day be written as ``08:30``: add the seconds that the schema wants."""
    if isinstance(value, dict):
        return {
            key: f"{item}:00"
            if key in ("start", "end") and isinstance(item, str) and len(item) == 5
            else _times(item)
            for key, item in value.items()
        }
    return [_times(item) for item in value] if isinstance(value, list) else value


def read_city(folder: Path, *, with_areas: bool = True) -> Parsed[c.City]:
    """Read a city pack.

    ``with_areas=False`` leaves ``areas`` empty for packs of a whole country:
    stream them with :func:`iter_areas` instead.
    """
    reading = _Reading(folder)
    if not folder.is_dir():
        reading.findings.append(finding("file.missing", "city.yaml", 0))
        return reading.parsed(None)
    info = reading.head("city.yaml", c.CityInfo)
    content: dict[str, Any] = {
        section: reading.table(section)
        for section in CITY_TABLES
        if with_areas or section != "areas"
    }
    content["shapes"] = reading.outlines()
    for section, kind in CITY_LISTS.items():
        content[section] = reading.entries(section, kind)
    tables = {f"{stem}.csv" for stem, _ in CITY_TABLES.values()}
    lists = {f"{section}.yaml" for section in CITY_LISTS}
    reading.strangers({"city.yaml", "areas.geojson"} | tables | lists, CITY_LISTS)
    return reading.parsed(c.City(info=info, **content) if info is not None else None)


def iter_areas(folder: Path) -> Iterator[Row[c.Area]]:
    """Yield the rows of areas.csv one by one, in the order of the file."""
    path = folder / "areas.csv"
    if path.is_file():
        yield from read_table(path, "areas.csv", c.Area)


def read_jurisdiction(folder: Path) -> Parsed[j.Jurisdiction]:
    """Read a jurisdiction pack."""
    reading = _Reading(folder)
    if not folder.is_dir():
        reading.findings.append(finding("file.missing", "jurisdiction.yaml", 0))
        return reading.parsed(None)
    info = reading.head("jurisdiction.yaml", j.JurisdictionInfo)
    content = {
        section: reading.entries(section, kind) for section, kind in JURISDICTION_LISTS.items()
    }
    lists = {f"{section}.yaml" for section in JURISDICTION_LISTS}
    reading.strangers({"jurisdiction.yaml"} | lists, JURISDICTION_LISTS)
    return reading.parsed(j.Jurisdiction(info=info, **content) if info is not None else None)


def jurisdiction_folder(name: str) -> Path:
    """Return the folder of a jurisdiction pack that is shipped with Anlan."""
    return _shipped(PACKS, name, "jurisdiction.yaml")


def law_folder(city: Path, name: str) -> Path:
    """Return the folder of the jurisdiction pack that the city pack in ``city`` names.

    One that lies beside the city goes before the shipped one of the same name.

    Raises
    ------
    PackUnknownError
        When it is neither beside the city nor shipped.
    """
    beside = city.resolve().parent / name  # "." has no parent of its own
    return beside if (beside / "jurisdiction.yaml").exists() else jurisdiction_folder(name)


def city_folder(name: str) -> Path:
    """Return the folder of a city pack that is shipped with Anlan."""
    return _shipped(PACKS / "cities", name, "city.yaml")


def _shipped(root: Path, name: str, head: str) -> Path:
    names = sorted(path.parent.name for path in root.glob(f"*/{head}"))
    if name not in names:
        raise PackUnknownError(name=name, known=", ".join(names))
    return root / name
