"""Five official scales that share words and colours, kept as five types (I9).

A conversion between two of them is a rule with a legal basis, never a cast.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar


class WarningLevel(StrEnum):
    """预警级别: how urgent a danger ahead is.  Red is the highest."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    BLUE = "blue"


class ResponseLevel(StrEnum):
    """响应级别: how far the response has been raised.  I is the highest."""

    I = "I"  # noqa: E741  the law's own numeral
    II = "II"
    III = "III"
    IV = "IV"


class RiskGrade(StrEnum):
    """风险分级: how bad a standing risk is."""

    MAJOR = "major"  # 重大
    CONSIDERABLE = "considerable"  # 较大
    GENERAL = "general"  # 一般
    LOW = "low"  # 低


class AccidentGrade(StrEnum):
    """事故等级 (国务院令第493号 Art 3)."""

    EXTREMELY_SERIOUS = "extremely_serious"  # 特别重大
    SERIOUS = "serious"  # 重大
    CONSIDERABLE = "considerable"  # 较大
    ORDINARY = "ordinary"  # 一般


class CapSeverity(StrEnum):
    """Severity as CAP 1.2 spells it."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


LevelT = TypeVar("LevelT", WarningLevel, ResponseLevel)


def rank(level: WarningLevel | ResponseLevel | RiskGrade | AccidentGrade | CapSeverity) -> int:
    """Return the place of ``level`` in its own scale: 0 is the highest."""
    return list(type(level)).index(level)


def at_least(level: LevelT, floor: LevelT) -> bool:
    """Return whether ``level`` is as high as ``floor`` on one and the same scale."""
    return rank(level) <= rank(floor)
