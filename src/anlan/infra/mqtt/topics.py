"""Topic names and filters (MQTT 5.0 section 4.7)."""

from __future__ import annotations

LONGEST = 1024
"""Bytes of a topic; the standard allows more than any device needs."""


def is_topic(topic: str) -> bool:
    """Return whether a message may be published under ``topic``."""
    return bool(topic) and "+" not in topic and "#" not in topic


def is_filter(pattern: str) -> bool:
    """Return whether ``pattern`` may be subscribed to."""
    if not pattern:
        return False
    levels = pattern.split("/")
    if any("#" in level and level != "#" for level in levels) or "#" in levels[:-1]:
        return False
    return not any("+" in level and level != "+" for level in levels)


def matches(pattern: str, topic: str) -> bool:
    """Return whether a valid filter takes in a topic name."""
    if topic.startswith("$") and pattern[:1] in {"+", "#"}:
        return False
    wanted, given = pattern.split("/"), topic.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(given) or level not in {"+", given[place]}:
            return False
    return len(wanted) == len(given)
