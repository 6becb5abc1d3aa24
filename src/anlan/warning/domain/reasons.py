"""The wording of reasons, in both languages, from ``reasons.toml`` beside this room."""

from __future__ import annotations

import operator
from collections.abc import Mapping

from anlan.kernel.catalogues import Words, words_of

NOTHING = "–"
BEYOND = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}


def catalogue() -> Words:
    """Return ``{code: {zh, en}}``."""
    return words_of("anlan.warning", "reasons.toml")


def _shown(value: object) -> object:
    return f"{value:g}" if isinstance(value, float) else NOTHING if value == "" else value


class _Filled(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return NOTHING


def eased(code: str, params: Mapping[str, object]) -> str:
    """Return the code by which a turn is told: a level that fell leaves a reading within its limit."""
    value, limit = params.get("value"), params.get("limit")
    kind, _, end = code.partition(".")
    if end != "beyond" or not isinstance(value, int | float) or not isinstance(limit, int | float):
        return code
    is_beyond = BEYOND.get(str(params.get("compare")))
    return code if is_beyond is None or is_beyond(value, limit) else f"{kind}.eased"


def reason_text(code: str, params: Mapping[str, object], language: str) -> str:
    """Return why, in "zh" or "en"; the bare code when the catalogue does not know it.

    An empty or missing parameter is shown as a dash.
    """
    texts = catalogue().get(eased(code, params))
    if texts is None:
        return code
    shown = {name: _shown(value) for name, value in params.items()}
    return texts["en" if language == "en" else "zh"].format_map(_Filled(shown))
