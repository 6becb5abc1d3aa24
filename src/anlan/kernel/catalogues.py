"""Catalogues of words: TOML files beside the packages whose words they hold."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

Words = dict[str, dict[str, str]]


@cache
def words_of(package: str, name: str) -> Words:
    """Return what the file ``name`` of a package says of each code; nothing when it has none."""
    source = files(package).joinpath(name)
    return tomllib.loads(source.read_text(encoding="utf-8")) if source.is_file() else {}


def together(packages: Iterable[str], name: str) -> Words:
    """Return the catalogues of one name of several packages as one.

    Raises
    ------
    ValueError
        When two packages word one code.
    """
    found: Words = {}
    for package in packages:
        own = words_of(package, name)
        if twice := sorted(found.keys() & own.keys()):
            raise ValueError(f"{name} of {package} words again: {', '.join(twice)}")
        found |= own
    return found
