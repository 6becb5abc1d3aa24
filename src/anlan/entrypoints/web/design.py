"""The design system as the style sheets have it: tokens read from them, contrast computed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SHEET = "anlan.css"
#: The steps of the 4-px grid that are in use.
SPACES = (4, 8, 12, 16, 24, 32, 48)
#: Letters must stand out by 4.5 to 1, marks of focus by 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11).
TEXT, MARK = 4.5, 3.0
PAIRS = (
    ("ink", "paper", TEXT),
    ("ink", "sheet", TEXT),
    ("ink", "field", TEXT),
    ("faint", "paper", TEXT),
    ("faint", "sheet", TEXT),
    ("faint", "field", TEXT),
    ("accent", "sheet", TEXT),
    ("on-accent", "accent", TEXT),
    ("focus", "paper", MARK),
    ("focus", "sheet", MARK),
)
LEVELS = ("red", "orange", "yellow", "blue")


@dataclass(frozen=True, slots=True)
class Token:
    """A colour by its name, in both lights."""

    name: str
    light: str
    dark: str


@dataclass(frozen=True, slots=True)
class Contrast:
    """How far two colours stand apart, and how far they must."""

    front: str
    back: str
    least: float
    light: float
    dark: float


def sheet() -> str:
    """Return the text of the style sheet that every page has."""
    folder = files("anlan.entrypoints.web") / "static" / "web"
    return (folder / SHEET).read_text(encoding="utf-8")


def _block(text: str, opening: str) -> dict[str, str]:
    found = re.search(re.escape(opening) + r"\s*{([^}]*)}", text)
    if found is None:
        raise LookupError(opening)
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", found.group(1)))


@cache
def tokens() -> tuple[Token, ...]:
    """Return the colours of the style sheet."""
    text = sheet()
    light = _block(text, ":root")
    dark = _block(text, ":root[data-theme=dark]")
    return tuple(Token(name, value, dark[name]) for name, value in light.items())


def _shine(colour: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    bright, dim = sorted((_shine(one), _shine(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@cache
def contrasts() -> tuple[Contrast, ...]:
    """Return every pair of colours that stands for letters or marks, with its ratio."""
    by_name = {token.name: token for token in tokens()}
    found = [
        Contrast(
            front, back, least,
            contrast(by_name[front].light, by_name[back].light),
            contrast(by_name[front].dark, by_name[back].dark),
        )
        for front, back, least in PAIRS
    ]  # fmt: skip
    for level in LEVELS:
        front, back = level_colours(level)
        ratio = contrast(front, back)
        found.append(Contrast(f"level {level}", back, TEXT, ratio, ratio))
    return tuple(found)


def level_colours(level: str) -> tuple[str, str]:
    """Return the colour of the letters and of the ground of an official level."""
    text = sheet()
    ground = re.search(rf"--level-{level}: (#[0-9a-f]{{6}});", text)
    usual = re.search(r"\.level {[^}]* color: (#[0-9a-f]{6})", text)
    if ground is None or usual is None:
        raise LookupError(level)
    own = re.search(rf"\.level\.{level} {{[^}}]* color: (#[0-9a-f]{{3,6}})", text)
    letters = own.group(1) if own else usual.group(1)
    if len(letters) == 4:
        letters = "#" + "".join(sign * 2 for sign in letters[1:])
    return letters, ground.group(1)
