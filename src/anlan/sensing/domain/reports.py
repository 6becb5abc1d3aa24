"""A person's report: what may come in, and what is made of it without asking back."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from anlan.kernel.geometry import Point
from anlan.registry.domain.jurisdiction import Lexicon
from anlan.sensing.domain.errors import TextTooLongError

MAX_TEXT = 10_000
"""Characters of a report's text; a longer one is refused before it is acknowledged."""
MAX_SHORT = 500
"""Characters of the description of a place and of each contact field."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""A phone's clock may be ahead by this much before the report is flagged."""
LONG_AGO = timedelta(days=30)
_CHANNEL = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")

CLOCK_AHEAD = "clock_ahead"  # claims to have known in our future
KNOWN_LONG_AGO = "known_long_ago"
EMPTY = "empty"  # nothing but the fact that somebody reported
BAD_POSITION = "bad_position"  # coordinates that are not a place on Earth
OUTSIDE_CITY = "outside_city"
UNKNOWN_AREA = "unknown_area"
UNKNOWN_HAZARD = "unknown_hazard"
AREA_CONTRADICTS = "area_contradicts_position"  # the named area is not where the position lies
ODD_CHANNEL = "odd_channel"
TIME_WITHOUT_ZONE = "time_without_zone"
BAD_TIME = "bad_time"  # a year in which no reporter of ours lived
PHOTO_LOST = "photo_lost"  # sent beforehand in pieces, and not there when the report came
MANY_FROM_ONE_SOURCE = "many_from_one_source"  # looked at together; see domain/floods.py
EXTRA_FIELDS = "extra_fields"  # something came that the interface does not know, or is wrong


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach the reporter (联系方式); every field is personal data."""

    name: str = ""
    phone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class ReportIn:
    """A report as it came through a door; every field may be missing (I3).

    ``photos`` are the bytes of image files.  ``known_at`` is when the reporter
    knew, by the sender's clock.
    """

    text: str = ""
    lat: float | None = None
    lon: float | None = None
    area: str = ""
    place_text: str = ""
    hazard: str = ""
    photos: tuple[bytes, ...] = ()
    contact: Contact | None = None
    channel: str = ""
    language: str = ""
    known_at: datetime | None = None
    photos_lost: bool = False  # some came beforehand and are not there any more
    extra: str = ""  # what came beside these fields or could not be read, as JSON


@dataclass(frozen=True, slots=True)
class HazardWords:
    """The words of one hazard: each as it stands in the lexicon, and folded for comparison."""

    hazard: str
    words: tuple[tuple[str, str], ...]
    strong: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Recognised:
    """What the lexicon sees in a text."""

    hazard: str
    words: tuple[str, ...]
    strong: bool


@dataclass(frozen=True, slots=True)
class KnownAt:
    """The time of knowledge: what counts, what was claimed, what was odd about it."""

    at: datetime
    claimed: datetime | None
    flags: tuple[str, ...]


def refuse_long(report: ReportIn) -> None:
    """Refuse text that no person writes in a report.

    Raises
    ------
    TextTooLongError
        With the field, its length and the limit.
    """
    contact = report.contact or Contact()
    sizes = (
        ("text", report.text, MAX_TEXT),
        ("place", report.place_text, MAX_SHORT),
        ("other fields", report.extra, MAX_TEXT),
        ("contact.name", contact.name, MAX_SHORT),
        ("contact.phone", contact.phone, MAX_SHORT),
        ("contact.email", contact.email, MAX_SHORT),
    )
    for name, value, limit in sizes:
        if len(value) > limit:
            raise TextTooLongError(field=name, length=len(value), limit=limit)


def time_of_knowledge(claimed: datetime | None, *, received_at: datetime) -> KnownAt:
    """Return when the reporter knew: as claimed, but never later than we received it.

    The claim itself is kept beside it, so that a wrong clock stays visible.  A
    claim without a time zone says nothing certain: the time of receipt counts.
    """
    if claimed is None:
        return KnownAt(received_at, None, ())
    if claimed.tzinfo is None:
        return KnownAt(received_at, None, (TIME_WITHOUT_ZONE,))
    if not 1970 < claimed.year < 9999:
        return KnownAt(received_at, None, (BAD_TIME,))
    if claimed > received_at:
        ahead = claimed - received_at > CLOCK_TOLERANCE
        return KnownAt(received_at, claimed, (CLOCK_AHEAD,) if ahead else ())
    old = received_at - claimed > LONG_AGO
    return KnownAt(claimed, claimed, (KNOWN_LONG_AGO,) if old else ())


def point_of(lat: float | None, lon: float | None) -> tuple[Point | None, tuple[str, ...]]:
    """Return the place and flags; half a position, NaN or one off the Earth is no place."""
    if lat is None and lon is None:
        return None, ()
    if lat is None or lon is None:
        return None, (BAD_POSITION,)
    try:
        return Point(lat, lon), ()
    except ValueError:
        return None, (BAD_POSITION,)


def channel_of(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the channel's name, or "other" and a flag when it is not a name."""
    if not text:
        return "", ()
    name = text.strip().lower()
    return (name, ()) if _CHANNEL.fullmatch(name) else ("other", (ODD_CHANNEL,))


def language_of(text: str) -> str:
    """Return a language tag such as ``zh`` or ``en-GB``; empty when it is none."""
    return text if _LANGUAGE.fullmatch(text) and len(text) <= 16 else ""


def words_of(lexicon: Sequence[Lexicon]) -> tuple[HazardWords, ...]:
    """Return a lexicon made ready for :func:`recognise`: some hundred words, folded once."""
    return tuple(
        HazardWords(entry.hazard, _folded(entry.words), _folded(entry.strong)) for entry in lexicon
    )


def _folded(words: dict[str, tuple[str, ...]]) -> tuple[tuple[str, str], ...]:
    return tuple((word, word.casefold()) for group in words.values() for word in group if word)


@lru_cache(maxsize=8192)
def _pattern(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z]){re.escape(word)}(?![a-z])")


def _stands_alone(folded: str, text: str) -> bool:
    # Chinese is written without gaps; in Latin letters "gas" must not be found in "pegasus".
    return not folded.isascii() or _pattern(folded).search(text) is not None


def _found(text: str, words: tuple[tuple[str, str], ...]) -> list[str]:
    return [word for word, folded in words if folded in text and _stands_alone(folded, text)]


def recognise(text: str, lexicon: Sequence[HazardWords]) -> Recognised:
    """Return the hazard whose words ``text`` uses, all words found, and whether one is strong.

    The hazard with the most strong words wins, then the one with the most
    words, then the one with the longest word; a tie goes to the lexicon's order.
    """
    folded = text.casefold()
    best: tuple[tuple[int, int, int], str] | None = None
    words: dict[str, None] = {}
    any_strong = False
    for entry in lexicon if folded else ():
        strong = _found(folded, entry.strong)
        found = strong + [word for word in _found(folded, entry.words) if word not in strong]
        if not found:
            continue
        words.update(dict.fromkeys(found))
        any_strong = any_strong or bool(strong)
        score = (len(strong), len(found), max(len(word) for word in found))
        if best is None or score > best[0]:
            best = (score, entry.hazard)
    return Recognised(best[1] if best else "", tuple(words), any_strong)


def number_of(running: int, local_day: str) -> str:
    """Return a receipt number such as ``AL-20210720-000123``; ``local_day`` is ``YYYYMMDD``."""
    return f"AL-{local_day}-{running:06d}"


def follow_hash(secret: str) -> str:
    """Return what is stored of the secret for following a report."""
    return hashlib.sha256(secret.encode()).hexdigest()


def may_follow(secret: str, stored: str) -> bool:
    """Return whether ``secret`` is the one whose hash was stored, in constant time."""
    return bool(stored) and hmac.compare_digest(follow_hash(secret), stored)
