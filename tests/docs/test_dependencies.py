"""What the code imports is declared, and what is declared is pinned, without an address."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# To run and to build it; to test it as well.
LOCKS = {
    "requirements.lock": [*PROJECT["dependencies"], *EXTRAS["build"]],
    "requirements-dev.lock": [*PROJECT["dependencies"], *EXTRAS["build"], *EXTRAS["dev"]],
}


def plain_name(text: str) -> str:
    """Return the name of a package as indexes compare it, without version and extras."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=~!;]", text, maxsplit=1)[0]).lower()


def imported() -> set[str]:
    """Return the packages from elsewhere that the code imports, at the top or when needed."""
    found: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {item.name.partition(".")[0] for item in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"anlan"}


def test_whatever_is_imported_is_declared():
    declared = {
        plain_name(item) for item in chain(PROJECT["dependencies"], EXTRAS["pg"], EXTRAS["china"])
    }
    known = packages_distributions()
    strangers = {
        name for name in imported() if declared.isdisjoint(map(plain_name, known.get(name, [name])))
    }
    assert strangers == set()


def test_whatever_is_declared_is_pinned_with_its_hash_and_without_an_address():
    for lock, wanted in LOCKS.items():
        text = (ROOT / lock).read_text(encoding="utf-8")
        pins = re.split(r"\n(?=\S)", text.strip())
        assert "://" not in text, lock
        for pin in pins:
            assert re.match(r"[\w.-]+==\S+", pin), pin
            assert "--hash=sha256:" in pin, pin
        assert {plain_name(item) for item in wanted} - {plain_name(pin) for pin in pins} == set()
