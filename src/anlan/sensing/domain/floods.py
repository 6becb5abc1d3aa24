"""Many public reports from one source within minutes: when they are looked at together.

None is refused and none is lost (I3).  One source may be a single person who presses all day
long, or hundreds behind one address of a mobile network after a storm; what tells them apart is
whether the reports name the same place.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import timedelta

from anlan.kernel.geometry import Point

MARK_LETTERS = 32
CELL_DEGREES = 0.005  # about 500 m: as far apart as two callers place one event in a street
HOME_BITS = 64  # a household or a telephone has that many bits of IPv6 to itself


@dataclass(frozen=True, slots=True)
class FloodRule:
    """More than ``reports`` of one source ``within`` a span are looked at together."""

    reports: int
    within: timedelta


@dataclass(frozen=True, slots=True)
class Source:
    """Where a public report came from, and the rule for floods from there."""

    address: str
    rule: FloodRule


@dataclass(frozen=True, slots=True)
class Marked:
    """What is counted of a report's source: keyed hashes, which say nothing without their salt."""

    mark: str
    likeness: str
    rule: FloodRule


def network_of(address: str) -> str:
    """Return the network that counts as one source; empty when ``address`` is none.

    That is one IPv4 address, or the 64 bits of IPv6 that one line has.
    """
    try:
        found = ipaddress.ip_address(address.strip())
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found.packed, HOME_BITS), strict=False))
    return str(found)


def marked(
    source: Source, salt: bytes, *, hazard: str, point: Point | None, words: str
) -> Marked | None:
    """Return the marks of a report; ``None`` where its source is unknown or floods are let pass.

    Two reports are alike when hazard and place are the same; where one of them is not known, when
    they say the same words.
    """
    network = network_of(source.address)
    if not network or source.rule.reports <= 0:
        return None
    said = "".join(letter for letter in words.casefold() if letter.isalnum())
    place = ""
    if point is not None:
        place = f"{point.lat // CELL_DEGREES:.0f},{point.lon // CELL_DEGREES:.0f}"
    like = f"{hazard}\n{place}" if hazard and place else f"{hazard}\n{place}\n{said}"
    return Marked(_keyed(salt, f"source\n{network}"), _keyed(salt, f"like\n{like}"), source.rule)


def _keyed(salt: bytes, text: str) -> str:
    return hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()[:MARK_LETTERS]
