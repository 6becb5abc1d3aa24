"""The reference pages say what the schema and the catalogue say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from anlan.registry.domain.findings import catalogue
from anlan.registry.domain.parse import CITY_TABLES

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pack_pages", ROOT / "tools" / "pack_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["packs.md", "linter.md"])
def test_the_page_is_in_step(name: str, pages: ModuleType) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert written == pages.NOTE + pages.BUILDERS[name](), "run tools/pack_pages.py"


def test_every_column_and_every_finding_is_there(pages: ModuleType) -> None:
    packs, linter = pages.packs_page(), pages.linter_page()
    for stem, kind in CITY_TABLES.values():
        section = packs.split(f"### `{stem}.csv`")[1].split("###")[0]
        for item in msgspec.structs.fields(kind):
            assert f"| `{item.name}` |" in section
    for code in catalogue():
        assert f"### `{code}`" in linter
