"""The wording of reasons, in both languages, from ``reasons.toml`` beside this room."""

from __future__ import annotations

from collections.abc import Mapping

from anlan.kernel.catalogues import Words, words_of

NOTHING = "–"


def catalogue() -> Words:
    """Return ``{code: {zh, en}}``."""
    return words_of("anlan.warning", "reasons.toml")


class _Filled(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return NOTHING


def reason_text(code: str, params: Mapping[str, object], language: str) -> str:
    """Return why, in "zh" or "en"; the bare code when the catalogue does not know it.

    An empty or missing parameter is shown as a dash.
    """
    texts = catalogue().get(code)
    if texts is None:
        return code
    shown = {name: NOTHING if value == "" else value for name, value in params.items()}
    return texts["en" if language == "en" else "zh"].format_map(_Filled(shown))
