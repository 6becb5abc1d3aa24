"""Texts of notices: a code and parameters in, a sentence in Chinese or English out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from string import Formatter

from anlan.kernel.canonical import instant_text, parse_instant
from anlan.kernel.errors import InvalidInputError
from anlan.notices.domain.words import Mark, Occasion, Urgency

LANGUAGES = ("zh", "en")
MAX_PARAM = 200
UNKNOWN = "notice.unknown"

# What a parameter must never be: an address or a mobile number (I12).
_CONTACT = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+|(?<![\w-])1[3-9]\d{9}(?![\w-])")

Catalogue = Mapping[str, Mapping[str, str]]


class NoticeParamError(InvalidInputError):
    """A notice was to carry free text or contact data."""

    code = "notice.param"


@dataclass(frozen=True, slots=True)
class NoticeText:
    """What a person reads: one line, and what to do."""

    title: str
    body: str


def check_params(params: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters as they are kept; refuse free text and contact data.

    A value is a short text, a number, a truth value, an instant, nothing, or one
    short text in each language (``{"zh": …, "en": …}``).
    """
    kept: dict[str, object] = {}
    for name, value in params.items():
        if isinstance(value, Mapping):
            if set(value) != set(LANGUAGES):
                raise NoticeParamError(param=name, problem="languages")
            kept[name] = {lang: _short(name, value[lang]) for lang in LANGUAGES}
        else:
            kept[name] = _short(name, value)
    return kept


def _short(name: str, value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return instant_text(value)
    if not isinstance(value, str):
        raise NoticeParamError(param=name, problem="type")
    if len(value) > MAX_PARAM or "\n" in value or "\r" in value:
        raise NoticeParamError(param=name, problem="long")
    if _CONTACT.search(value):
        raise NoticeParamError(param=name, problem="contact")
    return str(value)


class _Gentle(Formatter):
    """Fill what is known; a dash stands for what is not; attributes are out of reach."""

    def get_field(
        self,
        field_name: str,
        args: object,  # noqa: ARG002  the parent's signature
        kwargs: object,
    ) -> tuple[object, str]:
        value = kwargs.get(field_name, "–") if isinstance(kwargs, Mapping) else "–"
        return value, field_name


def shown(value: object, language: str, zone: tzinfo) -> str:
    """Return one parameter as text: instants in local time, words in the language."""
    if isinstance(value, Mapping):
        return str(value.get(language) or value.get("zh") or "–")
    if value is None:
        return "–"
    if isinstance(value, bool):
        words = {"zh": ("否", "是"), "en": ("no", "yes")}
        return words.get(language, words["en"])[value]
    if isinstance(value, float):
        return f"{value:g}"
    return local_text(value, zone) if isinstance(value, str) else str(value)


def local_text(value: str, zone: tzinfo) -> str:
    """Return an instant in local time to the minute; any other text as it is."""
    if len(value) < 20 or value[4:5] != "-" or "T" not in value:
        return value
    try:
        instant: datetime = parse_instant(value)
        return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError):
        return value  # no instant, or one at the end of time: one odd text must not hide an inbox


def fill(
    texts: Mapping[str, str], params: Mapping[str, object], language: str, zone: tzinfo
) -> NoticeText:
    """Return title and body of a catalogue entry, filled."""
    lang = language if language in LANGUAGES else "en"
    values = {name: shown(value, lang, zone) for name, value in params.items()}
    filler = _Gentle()
    return NoticeText(
        title=filler.vformat(texts[f"{lang}_title"], (), values),
        body=filler.vformat(texts[f"{lang}_body"], (), values),
    )


def entry_of(catalogue: Catalogue, subject: str) -> Mapping[str, str]:
    """Return the wording of a subject; a plain one where there is none, so nothing stays unsaid."""
    return catalogue.get(subject) or catalogue[UNKNOWN]


@dataclass(frozen=True, slots=True)
class Framing:
    """What stands around the text of a notice when it is shown or sent."""

    urgency: Urgency
    mark: Mark = Mark.NONE
    occasion: Occasion = Occasion.POSTED
    exercise: bool = False
    for_post: str = ""  # the post it was first meant for, when it carries a mark


def framed(
    text: NoticeText, framing: Framing, catalogue: Catalogue, language: str, zone: tzinfo
) -> NoticeText:
    """Return the text with its prefixes: exercise first, then urgency, mark and occasion."""
    codes = []
    if framing.exercise:
        codes.append("frame.exercise")
    if framing.urgency is not Urgency.NORMAL:
        codes.append(f"frame.urgency.{framing.urgency.value}")
    if framing.mark is not Mark.NONE:
        codes.append(f"frame.mark.{framing.mark.value}")
    if framing.occasion is not Occasion.POSTED:
        codes.append(f"frame.occasion.{framing.occasion.value}")
    params = {"post": framing.for_post}
    parts = [fill(catalogue[code], params, language, zone) for code in codes]
    notes = [part.body for part in parts if part.body]
    return NoticeText(
        title="".join(part.title for part in parts) + text.title,
        body="\n".join([text.body, *notes]),
    )


def notice_text(
    catalogue: Catalogue,
    subject: str,
    params: Mapping[str, object],
    framing: Framing,
    *,
    language: str,
    zone: tzinfo,
) -> NoticeText:
    """Return a notice as a person reads it."""
    text = fill(entry_of(catalogue, subject), params, language, zone)
    return framed(text, framing, catalogue, language, zone)
