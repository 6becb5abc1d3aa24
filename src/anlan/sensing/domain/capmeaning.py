"""What a CAP message means here: hazard, warning level, areas, period.  Data first, words last.

The message is never rewritten.  Everything that is concluded says from what:
``hazard_from`` and ``level_from`` are stored beside the conclusion.

Order for the hazard: a parameter or event code named ``anlan.hazard``; an
event code whose ``valueName`` is a code scheme that the jurisdiction pack maps
(``cn12379``, ``gbt35561``, …); last, the pack's words in event and headline.

Order for the level: a parameter from :data:`LEVEL_PARAMETERS`; an event code
of :data:`CODE_LEVELS`; a colour word in event or headline; last, the table :data:`SEVERITY_LEVELS`, a conversion
between two scales (I9) that is recorded as such.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from anlan.kernel.scales import CapSeverity, WarningLevel, rank
from anlan.sensing.domain.cap import CapAlert, CapInfo, polygon_text, ring_of
from anlan.sensing.domain.reports import HazardWords, recognise

HAZARD_NAMES = ("anlan.hazard",)
# Parameters whose value is a colour of the statutory scale, as gateways write it.
LEVEL_PARAMETERS = ("anlan.level", "warninglevel", "alertlevel", "colorlevel", "colour", "color")
COLOUR_WORDS: dict[str, WarningLevel] = {
    "red": WarningLevel.RED,
    "orange": WarningLevel.ORANGE,
    "yellow": WarningLevel.YELLOW,
    "blue": WarningLevel.BLUE,
    "红色": WarningLevel.RED,
    "橙色": WarningLevel.ORANGE,
    "黄色": WarningLevel.YELLOW,
    "蓝色": WarningLevel.BLUE,
    "红": WarningLevel.RED,
    "橙": WarningLevel.ORANGE,
    "黄": WarningLevel.YELLOW,
    "蓝": WarningLevel.BLUE,
}
# Code schemes whose last two digits are the colour: weathercn writes type, then level.
CODE_LEVELS: dict[str, dict[str, WarningLevel]] = {
    "weathercn": {
        "01": WarningLevel.BLUE,
        "02": WarningLevel.YELLOW,
        "03": WarningLevel.ORANGE,
        "04": WarningLevel.RED,
    }
}
# Anlan's default: colours that Chinese senders give to CAP severities (confidence M:H).
# Used only when the message states no colour.
SEVERITY_LEVELS: dict[CapSeverity, WarningLevel] = {
    CapSeverity.EXTREME: WarningLevel.RED,
    CapSeverity.SEVERE: WarningLevel.ORANGE,
    CapSeverity.MODERATE: WarningLevel.YELLOW,
    CapSeverity.MINOR: WarningLevel.BLUE,
}
FROM_SEVERITY = "conversion:cap_severity"
# In running text only whole colour words count: 红旗 in a place name is not a colour.
_SPOKEN = re.compile(
    r"(红色|橙色|黄色|蓝色)|\b(red|orange|yellow|blue)\b(?=\s+(alert|warning|signal|level|code))",
    re.IGNORECASE,
)
AREA_LIMIT = 500

HazardOfCode = Callable[[str, str], str | None]
KnowsHazard = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What was concluded from a message, and from what."""

    hazard: str
    hazard_from: str
    level: str
    level_from: str
    severity: str
    urgency: str
    certainty: str
    starts_at: datetime
    ends_at: datetime | None
    all_clear: bool
    geocodes: tuple[str, ...]
    polygons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dictionary:
    """What the registry knows of codes and words."""

    hazard_of_code: HazardOfCode
    knows_hazard: KnowsHazard
    lexicon: Sequence[HazardWords]


def meaning_of(alert: CapAlert, words: Dictionary) -> Meaning:
    """Return what ``alert`` means: one hazard, its highest level, all its places.

    Blocks of information are often the same one in several languages, or one
    per area.  The block that leads is the one with a known hazard and the
    highest level; blocks of another hazard than the leading one add no areas.
    """
    read = [(info, *_hazard(info, words), *_level(info)) for info in alert.infos]
    if not read:
        return _nothing(alert)
    lead = min(read, key=lambda item: (not item[1], _order(item[3])))
    same = [item[0] for item in read if item[1] in {lead[1], ""}]
    return Meaning(
        hazard=lead[1],
        hazard_from=lead[2],
        level=lead[3],
        level_from=lead[4],
        severity=lead[0].severity,
        urgency=lead[0].urgency,
        certainty=lead[0].certainty,
        starts_at=min(info.onset or info.effective or alert.sent for info in same),
        ends_at=_end(same),
        all_clear=all("AllClear" in info.response_types for info in same),
        geocodes=_geocodes(same),
        polygons=_polygons(same),
    )


def _nothing(alert: CapAlert) -> Meaning:
    return Meaning("", "", "", "", "", "", "", alert.sent, None, False, (), ())  # noqa: FBT003


def _order(level: str) -> int:
    return rank(WarningLevel(level)) if level else len(WarningLevel)


def _end(infos: Sequence[CapInfo]) -> datetime | None:
    """Return the latest expiry; none when one block has no end."""
    ends = [info.expires for info in infos]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def _hazard(info: CapInfo, words: Dictionary) -> tuple[str, str]:
    for name, value in (*info.event_codes, *info.parameters):
        if name.lower() in HAZARD_NAMES and words.knows_hazard(value):
            return value, name.lower()
    for scheme, code in info.event_codes:
        for name in dict.fromkeys((scheme, scheme.lower())) if code else ():
            slug = words.hazard_of_code(name, code)
            if slug:
                return slug, f"code:{name}"[:120]
    slug = recognise(f"{info.event} {info.headline}", words.lexicon).hazard
    return slug, "words" if slug else ""


def _level(info: CapInfo) -> tuple[str, str]:
    for name, value in info.parameters:
        label = name.lower().replace("_", "").replace("-", "")
        level = COLOUR_WORDS.get(value.strip().lower())
        if label in LEVEL_PARAMETERS and level is not None:
            return level.value, f"parameter:{name}"[:120]
    for scheme, code in info.event_codes:
        level = CODE_LEVELS.get(scheme.lower(), {}).get(code[-2:])
        if level is not None:
            return level.value, f"code:{scheme.lower()}"
    spoken = _spoken_level(f"{info.event} {info.headline}")
    if spoken is not None:
        return spoken.value, "words"
    converted = SEVERITY_LEVELS.get(CapSeverity(info.severity))
    return (converted.value, FROM_SEVERITY) if converted is not None else ("", "")


def _spoken_level(text: str) -> WarningLevel | None:
    """Return the colour that a text names, if it names only one."""
    found = {COLOUR_WORDS[(zh or en).lower()] for zh, en, _ in _SPOKEN.findall(text)}
    return found.pop() if len(found) == 1 else None


def _geocodes(infos: Iterable[CapInfo]) -> tuple[str, ...]:
    """Return the values of all geocodes, once each; which are area codes, the registry knows."""
    values: dict[str, None] = {}
    for info in infos:
        for area in info.areas:
            values.update((value, None) for _, value in area.geocodes if value)
    return tuple(values)[:AREA_LIMIT]


def _polygons(infos: Iterable[CapInfo]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for info in infos:
        for area in info.areas:
            rings = (*area.polygons, *(ring_of(circle) for circle in area.circles))
            found.update((polygon_text(ring), None) for ring in rings)
    return tuple(found)


def area_code_forms(geocode: str) -> tuple[str, ...]:
    """Return the forms in which a registry may hold a division's code, most literal first.

    National division codes are written with 6, 9 or 12 digits; the shorter
    form drops trailing zeros by level (``410102000000`` is ``410102``).
    """
    forms = [geocode]
    if geocode.isascii() and geocode.isdigit() and len(geocode) in {6, 9, 12}:
        short = geocode
        for keep in (9, 6):
            if len(short) > keep and not short[keep:].strip("0"):
                short = short[:keep]
                forms.append(short)
        forms.extend(geocode.ljust(size, "0") for size in (9, 12) if len(geocode) < size)
    return tuple(dict.fromkeys(forms))
