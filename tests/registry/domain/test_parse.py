"""Reading and writing packs: nothing lost, nothing executed, every fault with its place."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anlan.registry.domain import city as c
from anlan.registry.domain.parse import (
    PACKS,
    PackUnknownError,
    PackUnreadableError,
    city_folder,
    iter_areas,
    jurisdiction_folder,
    law_folder,
    read_city,
    read_jurisdiction,
)
from anlan.registry.domain.write import write_city, write_jurisdiction
from tests.registry.domain.pack_strategies import CITIES
from tests.registry.domain.tidy_pack import FILES, put, write

# --- round trip ------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(pack=CITIES)
def test_what_is_written_is_read_back_equal(
    pack: c.City, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("pack")
    write_city(pack, folder)
    read = read_city(folder)
    assert read.findings == ()
    assert read.pack == pack


@pytest.mark.parametrize("name", sorted(path.name for path in (PACKS / "cities").iterdir()))
def test_a_shipped_city_survives_export(name: str, tmp_path: Path) -> None:
    before = read_city(city_folder(name))
    assert before.findings == ()
    write_city(before.pack, tmp_path)
    assert read_city(tmp_path).pack == before.pack


@pytest.mark.parametrize("name", ["cn", "generic"])
def test_a_shipped_jurisdiction_survives_export(name: str, tmp_path: Path) -> None:
    before = read_jurisdiction(jurisdiction_folder(name))
    assert before.findings == ()
    write_jurisdiction(before.pack, tmp_path)
    after = read_jurisdiction(tmp_path)
    for section in before.pack.__struct_fields__:
        mine, theirs = getattr(before.pack, section), getattr(after.pack, section)
        assert mine == theirs, section


def test_a_value_that_no_cell_can_hold_is_refused(tmp_path: Path) -> None:
    area = c.Area(code="C", kind="city", name_zh="城", external_codes=("a;b",))
    pack = read_city(city_folder("demo")).pack
    with pytest.raises(ValueError, match="a;b"):
        write_city(c.City(info=pack.info, areas=(area,)), tmp_path)


# --- places ----------------------------------------------------------------------------------


def test_every_entry_knows_its_line(tmp_path: Path) -> None:
    write(tmp_path)
    read = read_city(tmp_path / "city")
    assert read.where("areas", "D2") == ("areas.csv", 4)
    assert read.where("rules", "own.cluster/1") == ("rules.yaml", 12)
    assert read.where("shapes", "D2") == ("areas.geojson", 4)
    assert read.where("areas", "NOWHERE") == ("areas.csv", 0)


def test_a_cell_with_line_breaks_does_not_shift_the_lines_after_it(tmp_path: Path) -> None:
    write(tmp_path)
    put(tmp_path, "city/holders.csv", 'code,name,email\nH1,"甲\n乙\n丙",a@x\nH2,丁,b@x\n')
    read = read_city(tmp_path / "city")
    assert read.pack.holders[0].name == "甲\n乙\n丙"
    assert read.where("holders", "H2") == ("holders.csv", 5)


def test_lists_may_be_spread_over_a_folder(tmp_path: Path) -> None:
    write(tmp_path)
    put(tmp_path, "city/rules/a.yaml", FILES["city/rules.yaml"].replace("own.", "more."))
    read = read_city(tmp_path / "city")
    assert [rule.id for rule in read.pack.rules] == [
        "own.gas",
        "own.cluster",
        "more.gas",
        "more.cluster",
    ]
    assert read.where("rules", "more.gas/1") == ("rules/a.yaml", 1)


# --- plain values ------------------------------------------------------------------------------


def test_plain_values_mean_what_the_schema_says(tmp_path: Path) -> None:
    write(tmp_path)
    head = FILES["city/city.yaml"]
    # Neither octal, nor a truth value, nor minutes and seconds.
    for plain in ("0123", "on", "12:30", "1_000", "0x10", "410100", "no"):
        put(tmp_path, "city/city.yaml", head.replace("root_area: C", f"root_area: {plain}"))
        assert read_city(tmp_path / "city").pack.info.root_area == plain
    put(tmp_path, "city/city.yaml", head.replace("root_area: C", 'root_area: "null"'))
    assert read_city(tmp_path / "city").pack.info.root_area == "null"
    put(tmp_path, "city/city.yaml", head.replace("root_area: C", "root_area: null"))
    assert not read_city(tmp_path / "city").is_readable


def test_times_of_day_are_written_as_people_write_them(tmp_path: Path) -> None:
    write(tmp_path)
    read = read_city(tmp_path / "city")
    assert read.pack.shifts[1].start == time(8, 0)
    read_law = read_jurisdiction(tmp_path / "law")
    assert read_law.pack.calendars[0].hours[0].end == time(17, 0)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("limit: 4d", "limit: '4d\n'", "entry.span"),
        ("limit: 4d", "limit: ４d", "entry.span"),
        ("limit: 4d", "limit: 99999999d", "entry.span"),
        ("id: own.handle", "id: Own", "entry.name"),
        ("effective_from: 2020-01-01", "effective_from: 1719360000", "entry.date"),
    ],
)
def test_near_misses_are_refused(old: str, new: str, code: str, tmp_path: Path) -> None:
    write(tmp_path)
    put(tmp_path, "city/clocks.yaml", FILES["city/clocks.yaml"].replace(old, new))
    found = read_city(tmp_path / "city").findings
    assert [item.code for item in found] == [code]


# --- hostile and broken content: findings, never exceptions -------------------------------------

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b]\n"
HOSTILE: list[bytes] = [
    b"",
    b"\x00",
    b"\xff\xfe\x00\x00",
    b"\xef\xbb\xbf",
    "名,称\n".encode("gb18030"),
    BOMB.encode(),
    b"[" * 100_000,
    b"{" * 5_000,
    b'{"a":' * 5_000,
    b"!!python/object/apply:os.system [id]",
    b"%YAML 9.9\n---\n- a",
    b"- \t- :\n  ?",
    b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>",
    b'code,name\n"open',
    b"code\n" + b"\r" * 50,
    b'{"type": "FeatureCollection", "features": [1, null, {}, {"type": "Feature"}]}',
    b'{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"code": "C"}, '
    b'"geometry": {"type": "Polygon", "coordinates": [[[1e999, 0], [1, 0], [1, 1], [1e999, 0]]]}}]}',
    b'{"type": "FeatureCollection", "features": NaN}',
    b'{"a": 1, "a": 2}',
    b"null",
    b"- null\n- 1\n- []\n- {}",
]  # fmt: skip


@pytest.mark.parametrize("file", sorted(FILES))
def test_hostile_content_becomes_findings(file: str, tmp_path: Path) -> None:
    write(tmp_path)
    read = read_city if file.startswith("city/") else read_jurisdiction
    for content in HOSTILE:
        put(tmp_path, file, content)
        for item in read((tmp_path / file).parent).findings:
            assert item.file == file.split("/")[1]
            assert item.words("zh").what
            assert item.words("en").what


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    content=st.binary(max_size=300)
    | st.text(max_size=300).map(lambda t: t.encode("utf-8", "replace"))
)
@pytest.mark.parametrize("file", ["city/rules.yaml", "city/sensors.csv", "city/areas.geojson"])
def test_any_bytes_become_findings(
    file: str, content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("any")
    put(root, "city/city.yaml", FILES["city/city.yaml"])
    put(root, file, content)
    for item in read_city(root / "city").findings:
        assert item.file == Path(file).name


def test_a_folder_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    read = read_city(tmp_path / "nowhere")
    assert [item.code for item in read.findings] == ["file.missing"]
    with pytest.raises(PackUnreadableError):
        _ = read.pack


@pytest.mark.parametrize("name", ["nowhere", "../cn", "", "cities"])
def test_only_shipped_packs_are_found_by_name(name: str) -> None:
    with pytest.raises(PackUnknownError):
        jurisdiction_folder(name)
    with pytest.raises(PackUnknownError):
        city_folder(name)


def test_the_law_beside_a_city_goes_before_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert law_folder(tmp_path / "city", "cn") == jurisdiction_folder("cn")
    put(tmp_path / "cn", "jurisdiction.yaml", "id: cn\n")
    assert law_folder(tmp_path / "city", "cn") == tmp_path / "cn"
    (tmp_path / "city").mkdir()
    monkeypatch.chdir(tmp_path / "city")
    assert law_folder(Path(), "cn") == tmp_path / "cn"
    with pytest.raises(PackUnknownError):
        law_folder(tmp_path / "city", "nowhere")


# --- large ---------------------------------------------------------------------------------------


def test_areas_stream_row_by_row(tmp_path: Path) -> None:
    put(tmp_path, "areas.csv", "code,kind,name_zh\nA,city,甲\nB,planet,乙\nC,grid,丙\n")
    rows = iter_areas(tmp_path)
    first = next(rows)
    assert (first.line, first.entry.code if first.entry else None) == (2, "A")
    assert [(row.line, row.fault is None) for row in rows] == [(3, False), (4, True)]


def test_a_pack_may_be_read_without_its_areas(tmp_path: Path) -> None:
    write(tmp_path)
    assert read_city(tmp_path / "city", with_areas=False).pack.areas == ()
