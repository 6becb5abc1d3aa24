"""Every kind of finding, each from a pack that has exactly that fault."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from anlan.registry.domain import located, outlines, tables
from anlan.registry.domain.findings import Finding, Severity, catalogue
from anlan.registry.domain.lint import REFUSED, lint, why_not_loaded
from anlan.registry.domain.parse import (
    PACKS,
    city_folder,
    jurisdiction_folder,
    read_city,
    read_jurisdiction,
)
from tests.registry.domain.faults import (
    APART,
    AREAS,
    CLOCKS,
    DUTIES,
    FAULTS,
    HOLDERS,
    PLANS,
    RULES,
    SENSORS,
    SHAPES,
    TWO_RULES,
    WHOLE,
    Fault,
    text,
)
from tests.registry.domain.tidy_pack import FILES, TODAY, lint_in, put, write

# Where a broken file also takes away what others name, the reader's finding is what is asked for.
READING = ("file.", "yaml.", "csv.", "geo.", "entry.")


def place_of(fault: Fault) -> str:
    """Return the file as findings name it: below the city, or with the jurisdiction's id."""
    return (fault.at or fault.file).removeprefix("city/")


def parameters_left_open(item: Finding) -> set[str]:
    """Return the parameters that the catalogue names and the finding does not give."""
    parts = [text for part, text in catalogue()[item.code].items() if part != "severity"]
    named = {name for text in parts for name in re.findall(r"\{(\w+)\}", text)}
    return named - {*item.params, "file"}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.code}:{fault.file}")
def test_exactly_this_fault_is_found(fault: Fault, tmp_path: Path) -> None:
    write(tmp_path)
    new = fault.new if fault.old == WHOLE else text(fault.file, fault.old, str(fault.new))
    put(tmp_path, fault.file, new)

    found = lint_in(tmp_path)

    for item in found:
        assert not parameters_left_open(item)
    mine = [item for item in found if item.code == fault.code]
    if fault.code.startswith(READING):
        found = [item for item in found if item.code.startswith(READING)]
    others = {item.code for item in found} - {fault.code, *fault.also}
    assert not others
    assert len(mine) == fault.count
    assert {item.file for item in mine} == {place_of(fault)}
    if fault.line is not None:
        assert mine[0].line == fault.line
    assert {item.code for item in found} >= set(fault.also)


def test_the_tidy_pack_is_clean(tmp_path: Path) -> None:
    write(tmp_path)
    assert lint_in(tmp_path) == []


def test_every_kind_of_finding_has_a_case() -> None:
    assert {fault.code for fault in FAULTS} | APART == set(catalogue())


def test_every_kind_of_finding_has_words_in_both_languages() -> None:
    parts = {f"{language}_{part}" for language in ("zh", "en") for part in ("what", "why", "do")}
    for code, entry in catalogue().items():
        assert set(entry) == parts | {"severity"}, code
        assert all(entry.values()), code
        Severity(entry["severity"])


# --- whole files, sizes --------------------------------------------------------------------


@pytest.mark.parametrize(("folder", "head"), [("city", "city.yaml"), ("law", "jurisdiction.yaml")])
def test_a_missing_head_is_a_finding(folder: str, head: str, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / folder / head).unlink()
    found = lint_in(tmp_path)
    assert [item.code for item in found] == ["file.missing"]
    assert found[0].file.endswith(head)


@pytest.mark.parametrize(
    ("module", "limit", "file"),
    [
        (located, "MAX_YAML_BYTES", PLANS),
        (tables, "MAX_TABLE_BYTES", SENSORS),
        (outlines, "MAX_GEOJSON_BYTES", SHAPES),
    ],
)
def test_a_file_that_is_too_large_is_not_read(
    module: object, limit: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    monkeypatch.setattr(module, limit, 10)
    found = [item for item in lint_in(tmp_path) if item.code == "file.too_large"]
    assert file.removeprefix("city/") in {item.file for item in found}


def test_a_very_long_line_is_a_finding(tmp_path: Path) -> None:
    write(tmp_path)
    put(tmp_path, HOLDERS, FILES[HOLDERS] + "H3," + "x" * 200_000 + ",\n")
    found = [item for item in lint_in(tmp_path) if item.code == "csv.long_line"]
    assert [(item.file, item.line) for item in found] == [("holders.csv", 4)]


def test_after_many_faulty_rows_the_rest_is_not_listed(tmp_path: Path) -> None:
    write(tmp_path)
    put(tmp_path, AREAS, "code,kind,name_zh\n" + "x,planet,x\n" * 1000)
    found = [item for item in lint_in(tmp_path) if item.file == "areas.csv"]
    assert [item.code for item in found].count("entry.word") == tables.MAX_FAULTS
    assert [item.code for item in found].count("file.more") == 1


def test_half_a_pack_is_not_judged_and_says_so(tmp_path: Path) -> None:
    write(tmp_path)
    put(tmp_path, "city/posts.csv", text("city/posts.csv", "name_zh", "code"))
    found = lint_in(tmp_path)
    assert [(item.code, item.file, item.line) for item in found] == [
        ("csv.column_twice", "posts.csv", 1),
        ("check.stopped", "posts.csv", 0),
    ]


def test_faults_of_the_files_come_before_what_follows_from_them(tmp_path: Path) -> None:
    write(tmp_path)
    put(
        tmp_path, "city/posts.csv", text("city/posts.csv", "DESK,值班室,O,C,TOP", "DESK,值班室,O,C")
    )
    found = lint_in(tmp_path)
    assert found[0].code == "csv.width"
    assert {item.code for item in found} > {"csv.width", "code.unknown"}


def test_without_its_jurisdiction_a_city_is_told_so_at_the_line(tmp_path: Path) -> None:
    write(tmp_path)
    found = lint(read_city(tmp_path / "city"), None, today=TODAY)
    assert [(item.code, item.file, item.line) for item in found] == [
        ("code.unknown", "city.yaml", 5)
    ]


def outlined(**rings: list[list[float]]) -> str:
    """Return areas.geojson with these outlines, one to a line."""
    features = [
        {
            "type": "Feature",
            "properties": {"code": code, "schematic": True},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        for code, ring in rings.items()
    ]
    return json.dumps({"type": "FeatureCollection", "features": features})


def box(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def test_two_grids_overlap_also_where_what_governs_them_has_no_outline(tmp_path: Path) -> None:
    write(tmp_path)
    grids = "S1,street,一街,D1,,,\nS2,street,二街,D2,,,\nG1,grid,一格,S1,,,\nG2,grid,二格,S2,,,"
    put(tmp_path, AREAS, text(AREAS, "S1,street,一街,D1,,,", grids))
    put(tmp_path, SHAPES, outlined(G1=box(0, 0, 0.6, 1), G2=box(0.5, 0, 1, 1)))
    found = lint_in(tmp_path)
    assert [(item.code, item.file, item.line) for item in found] == [("area.overlap", AREAS[5:], 8)]
    put(tmp_path, SHAPES, outlined(G1=box(0, 0, 0.5, 1), G2=box(0.5, 0, 1, 1)))
    assert lint_in(tmp_path) == []


@pytest.mark.parametrize(("east", "codes"), [(1.5, []), (2.5, ["area.outside"])])
def test_a_street_in_two_districts_ends_with_them(
    east: float, codes: list[str], tmp_path: Path
) -> None:
    write(tmp_path)
    put(tmp_path, AREAS, text(AREAS, "S1,street,一街,D1,,,", "S1,street,一街,D1,D2,,"))
    whole = {"C": box(0, 0, 2, 1), "D1": box(0, 0, 1, 1), "D2": box(1, 0, 2, 1)}
    put(tmp_path, SHAPES, outlined(**whole, S1=box(0, 0, east, 1)))
    # The gap and overlap of districts are as before; the street alone is looked at.
    assert [item.code for item in lint_in(tmp_path)] == codes


# --- what keeps a pack from being loaded ----------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [fault for fault in FAULTS if fault.code in REFUSED or fault.code.startswith(READING)],
    ids=lambda fault: f"{fault.code}:{fault.file}",
)
def test_what_would_make_the_machine_judge_wrongly_is_not_loaded(
    fault: Fault, tmp_path: Path
) -> None:
    write(tmp_path)
    new = fault.new if fault.old == WHOLE else text(fault.file, fault.old, str(fault.new))
    put(tmp_path, fault.file, new)
    city, law = read_city(tmp_path / "city", with_areas=False), read_jurisdiction(tmp_path / "law")
    # What names a code of a table that stands apart is refused by the load itself.
    by_the_load = fault.code in {"code.unknown", "period.empty"} and fault.file.endswith(
        (".csv", ".geojson")
    )
    is_told = any(item.code == fault.code for item in why_not_loaded(city, law, today=TODAY))
    is_warning = fault.code == "file.unknown"
    in_areas = fault.file == AREAS  # streamed, and refused by the load
    assert is_told is not (by_the_load or is_warning or in_areas)


def test_gaps_in_people_and_duties_do_not_keep_a_city_from_being_loaded(tmp_path: Path) -> None:
    write(tmp_path)
    put(tmp_path, "city/rosters.csv", FILES["city/rosters.csv"].splitlines()[0] + "\n")
    put(tmp_path, DUTIES, text(DUTIES, "C,*,", "C,met.*,"))
    city, law = read_city(tmp_path / "city", with_areas=False), read_jurisdiction(tmp_path / "law")
    assert "ladder.unreachable" in {item.code for item in lint(city, law, today=TODAY)}
    assert why_not_loaded(city, law, today=TODAY) == []


# --- neighbours of the faults: what must not be found ---------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        # The same deadline, and one in natural days that no week makes longer.
        (CLOCKS, "limit: 4d", "limit: 5d"),
        (CLOCKS, "limit: 4d, calendar: working_days", "limit: 40h, calendar: working_hours"),
        (CLOCKS, "limit: 4d, calendar: working_days", "limit: 5d, calendar: natural"),
        # An unverified number may stand as an example.
        (RULES, "confidence: local", 'confidence: "M:L"\n  example: true'),
        # Two versions, one after the other.
        (
            RULES,
            "- {id: own.cluster",
            TWO_RULES.replace("2020-01-01", "2010-01-01").replace(
                "confidence", "effective_to: 2020-01-01\n  version: 2\n  confidence"
            )
            + "- {id: own.cluster",
        ),
        # Two duties, one after the other.
        (
            DUTIES,
            "C,*,,DESK,2020-01-01,,Duty list 1",
            "C,*,,TOP,2010-01-01,2020-01-01,Duty list 0\nC,*,,DESK,2020-01-01,,Duty list 1",
        ),
        # A zone without an outline is legal.
        (AREAS, "D2,district", "Z1,zone,开发区,C,,,\nD2,district"),
        # A duty further down for the same hazard.
        (DUTIES, "C,*,", "S1,gas.leak,,DESK,2020-01-01,,Duty list 3\nC,*,"),
        # The root's duty named hazard by hazard.
        (DUTIES, "C,*,,DESK,", "C,met.*,,DESK,2020-01-01,,a\nC,gas.*,,DESK,"),
        # An ended row may name what ended with it.
        (DUTIES, "C,*,", "OLD,gas.leak,,DESK,2010-01-01,2015-01-01,x\nC,*,"),
    ],
)
def test_a_neighbour_of_a_fault_is_clean(file: str, old: str, new: str, tmp_path: Path) -> None:
    write(tmp_path)
    put(tmp_path, file, text(file, old, new))
    assert lint_in(tmp_path) == []


def test_a_gap_is_told_where_it_begins_and_beside_a_neighbour_without_it(tmp_path: Path) -> None:
    write(tmp_path)
    put(tmp_path, DUTIES, text(DUTIES, "C,*,", "D1,*,"))
    found = [item for item in lint_in(tmp_path) if item.code == "duty.none"]
    # D1 has a post and S1 below it too; its neighbour D2 has none, nor has the city itself.
    assert [(item.line, item.params["hazard"]) for item in found] == [
        (2, "gas.leak"),
        (2, "met.rain"),
        (4, "gas.leak"),
        (4, "met.rain"),
    ]


def test_the_fastest_stream_that_a_rule_judges_is_told_whatever_stands_before_it(
    tmp_path: Path,
) -> None:
    write(tmp_path)
    window = text(RULES, "kind: threshold", "kind: window\n  function: mean")
    for level in ("red", "yellow"):
        window = window.replace(
            f"level: {level}, raise_at", f"window: 15d, level: {level}, raise_at"
        )
    window = window.replace("  quantity: gas\n", "  quantity: gas\n  only_place_kinds: [market]\n")
    put(tmp_path, RULES, window)
    slow, free = "G0,慢,gas,%LEL,5m,D1,R1,,\n", "G9,快,gas,%LEL,1m,D1,,0.5,0.5\n"
    put(tmp_path, SENSORS, text(SENSORS, "G1,", f"{slow}{free}G1,"))
    found = [item for item in lint_in(tmp_path) if item.code == "rule.window_budget"]
    assert [item.params["sensor"] for item in found] == ["G1"]


def test_a_deadline_of_an_anlan_default_binds_nobody(tmp_path: Path) -> None:
    write(tmp_path)
    put(tmp_path, "law/clocks.yaml", text("law/clocks.yaml", '"V:L"', "default"))
    put(tmp_path, CLOCKS, text(CLOCKS, "limit: 4d", "limit: 9d"))
    assert lint_in(tmp_path) == []


def test_a_pack_with_line_breaks_of_another_system_reads_the_same(tmp_path: Path) -> None:
    write(tmp_path)
    for name, content in FILES.items():
        put(tmp_path, name, content.replace("\n", "\r\n").encode("utf-8-sig"))
    assert lint_in(tmp_path) == []


# --- what is shipped -----------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.name for path in (PACKS / "cities").iterdir()))
def test_every_shipped_city_is_clean(name: str) -> None:
    city = read_city(city_folder(name))
    law = read_jurisdiction(jurisdiction_folder(city.pack.info.jurisdiction))
    found = lint(city, law, today=date(2026, 11, 23))
    assert [item for item in found if item.severity is not Severity.NOTE] == []


def test_nothing_rests_on_low_confidence_unless_it_is_an_example() -> None:
    for name in ("cn", "generic"):
        law = read_jurisdiction(jurisdiction_folder(name)).pack
        for section in ("rules", "clocks", "signals", "risk_methods", "accident_tables"):
            for entry in getattr(law, section):
                assert entry.confidence != "M:L" or entry.example, entry.id
