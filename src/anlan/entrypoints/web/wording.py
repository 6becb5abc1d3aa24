"""The words of the pages, in both languages, from the catalogues in ``wordings/``."""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
log = logging.getLogger(__name__)


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return ``{key: {zh, en[, en_one]}}`` of all pages.

    Raises
    ------
    ValueError
        When two files word one key.
    """
    found: dict[str, dict[str, str]] = {}
    for source in sorted(
        (files("anlan.entrypoints.web") / "wordings").iterdir(), key=lambda one: one.name
    ):
        if not source.name.endswith(".toml"):
            continue
        own = tomllib.loads(source.read_text(encoding="utf-8"))
        if twice := sorted(found.keys() & own.keys()):
            raise ValueError(f"{source.name} words again: {', '.join(twice)}")
        found |= own
    return found


def say(key: str, language: str, **params: object) -> str:
    """Return the wording of ``key``; ``n`` = 1 picks the singular where there is one."""
    texts = catalogue().get(key)
    if texts is None:
        log.error("a page lacks words", extra={"key": key})
        return key
    lang = language if language in LANGUAGES else "en"
    text = texts[lang]
    if params.get("n") == 1:
        text = texts.get(f"{lang}_one", text)
    return text.format(**params) if params else text


def name_in(language: str, zh: str, en: str) -> str:
    """Return a name in a language: the Chinese one where there is no other."""
    return (en if language == "en" else "") or zh


def in_words(params: Mapping[str, object], language: str) -> dict[str, object]:
    """Return what a refusal names, with the pages' words for codes: 待复查, not ``rechecking``.

    ``known`` lists reasons: each is worded.
    """

    def word(name: str, value: object) -> object:
        key = f"{name}.{value}"
        return say(key, language) if knows(key) else value

    worded = {name: word(name, value) for name, value in params.items()}
    if "known" in worded:
        join = "、" if language == "zh" else ", "
        codes = str(worded["known"]).split(", ")
        worded["known"] = join.join(str(word("reason", word("read", code))) for code in codes)
    return worded


def knows(key: str) -> bool:
    """Return whether a key has words."""
    return key in catalogue()
