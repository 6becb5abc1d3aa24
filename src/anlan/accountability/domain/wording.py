"""What Anlan says about itself, in both languages, from the room's catalogues."""

from __future__ import annotations

from collections.abc import Mapping

from anlan.kernel.catalogues import words_of

LANGUAGES = ("zh", "en")
ROOM = "anlan.accountability"


def title(subject: str, params: Mapping[str, object]) -> dict[str, str]:
    """Return the title of a message in each language."""
    texts = words_of(ROOM, "messages.toml")[subject]
    return {lang: texts[f"{lang}_title"].format_map(dict(params)) for lang in LANGUAGES}


def finding_text(kind: str, language: str) -> str:
    """Return what a kind of finding means, in "zh" or "en"."""
    return words_of(ROOM, "findings.toml")[kind]["zh" if language == "zh" else "en"]


def summary_text(name: str, language: str, **values: object) -> str:
    """Return a sentence of the summary of a verification."""
    return words_of(ROOM, "findings.toml")[f"summary-{name}"][
        "zh" if language == "zh" else "en"
    ].format_map(values)
