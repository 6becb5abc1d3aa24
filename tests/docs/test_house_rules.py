"""The rules that only our own checker knows find what they are for, and let pass what is fine."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def house():
    """The checker, which is a program and no module of ours."""
    spec = importlib.util.spec_from_file_location("check_house", ROOT / "tools/check_house.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def breaches(house, name, text):
    return list(house.sizes(house.ROOT / "src" / name, text))


def test_what_has_grown_too_long_must_be_split(house):
    most = "def f():\n" + "    x = 1\n" * (house.FUNCTION_LINES - 1)
    assert breaches(house, "clocks.py", most) == []
    assert "must be split" in breaches(house, "clocks.py", most + "    x = 2\n")[0]
    assert breaches(house, "clocks.py", "x = 1\n" * house.FILE_LINES) == []
    assert "must be split" in breaches(house, "clocks.py", "x = 1\n" * (house.FILE_LINES + 1))[0]


def test_a_name_that_says_nothing_is_refused(house):
    assert "says nothing" in breaches(house, "utils.py", "")[0]
    assert breaches(house, "infra/sqlite/base.py", "") != []
    named = house.ROOT / "src/anlan/infra/sqlite/base.py"
    assert list(house.sizes(named, "")) == []


@pytest.mark.parametrize(
    ("line", "leaks"),
    [
        ("open('/" + "root/.cache/x')", True),
        ("cd /" + "work/here", True),
        ("--index-url https://mirror.example/py" + "pi/simple", True),
        ("see https://www.example.org/pypi-is-a-word", False),
        ("src/work/flow.py", False),
        ("framework/root", False),
    ],
)
def test_paths_of_a_machine_and_registries_are_leaks(house, line, leaks):
    assert bool(house.LEAKS.search(line)) is leaks
