"""The wording of every error code, in both languages, from the rooms' ``errors.toml``."""

from __future__ import annotations

from functools import cache
from string import Formatter

from anlan.kernel.catalogues import Words, together

ROOMS = (
    "infra",
    "registry",
    "notices",
    "sensing",
    "warning",
    "response",
    "accountability",
    "learning",
    "entrypoints",
)
PACKAGES = tuple(f"anlan.{room}" for room in ROOMS)
LANGUAGES = ("zh", "en")


@cache
def entries() -> Words:
    """Return ``{code: {zh_what, zh_do, en_what, en_do}}`` of all rooms.

    Raises
    ------
    ValueError
        When two rooms define one code.
    """
    return together(PACKAGES, "errors.toml")


class _Gentle(Formatter):
    """Fill what is known; leave a dash for what is not."""

    def get_value(self, key: int | str, _args: object, kwargs: object) -> object:
        return kwargs.get(str(key), "–") if isinstance(kwargs, dict) else "–"


def refusal_body(code: str, params: dict[str, object], language: str) -> dict[str, object]:
    """Return a refusal as programs get it: code, what happened, what to do, the values."""
    texts = wording(code, params, language)
    return {"error": {"code": code, **texts, "params": {k: str(v) for k, v in params.items()}}}


def wording(code: str, params: dict[str, object], language: str) -> dict[str, str]:
    """Return ``{"what", "do"}`` of an error in ``language`` ("zh" or "en")."""
    texts = entries().get(code) or entries()["internal"]
    lang = language if language in LANGUAGES else "en"
    fill = _Gentle()
    return {
        part: fill.vformat(texts[f"{lang}_{part}"], (), {k: str(v) for k, v in params.items()})
        for part in ("what", "do")
    }
