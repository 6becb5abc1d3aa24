"""The glossary knows every table and every scale, and no class bears a word it forbids."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import ModuleType

from django.apps import apps

import anlan

ROOT = Path(__file__).resolve().parents[2]
TERMS = tomllib.loads((ROOT / "docs/reference/glossary.toml").read_text(encoding="utf-8"))["term"]
KEYS = {"id", "zh", "en", "code", "definition", "source"}


def models() -> list[type]:
    return [model for model in apps.get_models() if model.__module__.startswith("anlan.")]


def words_and_decisions() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(anlan.__path__, "anlan."):
        if found.name.startswith("anlan.kernel.") or ".domain." in found.name:
            yield importlib.import_module(found.name)


def own_classes() -> list[type]:
    return [
        item
        for module in words_and_decisions()
        for name, item in vars(module).items()
        if inspect.isclass(item) and item.__module__ == module.__name__ and name[0] != "_"
    ]


def test_every_term_says_all_of_itself_once():
    for term in TERMS:
        assert set(term) - {"not"} == KEYS, term
        assert all(term[key].strip() for key in KEYS), term
    for key in ("id", "zh", "en"):
        twice = [word for word, count in Counter(t[key] for t in TERMS).items() if count > 1]
        assert twice == []


def test_every_table_and_every_scale_has_a_term():
    named = Counter(term["code"] for term in TERMS)
    scales = [item for item in own_classes() if issubclass(item, StrEnum)]
    wanted = Counter(item.__name__ for item in [*models(), *scales])
    assert {name: count for name, count in wanted.items() if named[name] < count} == {}


def test_no_class_and_no_table_bears_a_forbidden_word():
    taken = {term["code"] for term in TERMS}
    forbidden = {word for term in TERMS for word in term.get("not", [])} - taken
    names = {item.__name__ for item in [*models(), *own_classes()]}
    tables = {part for model in models() for part in model._meta.db_table.split("_")}
    assert forbidden & names == set()
    assert {word.lower() for word in forbidden} & tables == set()


def worded(node: object) -> Iterator[tuple[str, str]]:
    """Every sentence of a catalogue that stands there in both languages."""
    if isinstance(node, dict):
        for key, text in node.items():
            twin = node.get(key.replace("zh", "en")) if key.startswith("zh") else None
            if isinstance(text, str) and isinstance(twin, str):
                yield text, twin
            yield from worded(text)


def test_a_case_has_one_name_in_chinese():
    """事项 is a matter, in the law's sense and everybody's; 案件 and 立项 are the police's and a project's."""
    catalogues = sorted((ROOT / "src/anlan").rglob("*.toml"))
    sentences = [
        pair for path in catalogues for pair in worded(tomllib.loads(path.read_text("utf-8")))
    ]
    assert len(sentences) > 2_000
    about_cases = [zh for zh, en in sentences if re.search(r"\bcases?\b", en, re.IGNORECASE)]
    assert len(about_cases) > 50
    assert [zh for zh in about_cases if "事项" in zh] == []
    assert [zh for zh, _ in sentences if "案件" in zh or "立项" in zh] == []
