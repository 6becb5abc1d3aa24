"""From the bytes of a CAP message to a :class:`CapAlert`, or to the place where it is broken.

Accepted beside CAP 1.2: 1.1 and 1.0.  Tolerated, because refusing would lose
a warning and nothing is ambiguous: empty optional elements, any order of
elements, ``Z`` for UTC, elements of foreign namespaces (ignored).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from anlan.kernel.canonical import parse_instant
from anlan.sensing.domain import cap
from anlan.sensing.domain.cap import CapAlert, CapArea, CapCircle, CapInfo, CapReference
from anlan.sensing.domain.captree import SIGNATURE_NAMESPACE, Node, read_tree
from anlan.sensing.domain.errors import CapError

T = TypeVar("T")

VERSIONS = {
    "urn:oasis:names:tc:emergency:cap:1.2": "1.2",
    "urn:oasis:names:tc:emergency:cap:1.1": "1.1",
    "http://www.incident.com/cap/1.0": "1.0",
}
MAX_NAME = 300
MAX_POINTS = 50_000
MANY = 10_000
# Element -> how often it may stand; at least once is checked where it is read.
ALERT_ELEMENTS = {
    "identifier": 1,
    "sender": 1,
    "sent": 1,
    "status": 1,
    "msgType": 1,
    "source": 1,
    "scope": 1,
    "restriction": 1,
    "addresses": 1,
    "note": 1,
    "references": 1,
    "incidents": 1,
    "password": 1,  # CAP 1.0
    "code": MANY,
    "info": MANY,
}
INFO_ELEMENTS = {
    "language": 1,
    "category": MANY,
    "event": 1,
    "responseType": MANY,
    "urgency": 1,
    "severity": 1,
    "certainty": 1,
    "audience": 1,
    "eventCode": MANY,
    "effective": 1,
    "onset": 1,
    "expires": 1,
    "senderName": 1,
    "headline": 1,
    "description": 1,
    "instruction": 1,
    "web": 1,
    "contact": 1,
    "parameter": MANY,
    "resource": MANY,
    "area": MANY,
}
AREA_ELEMENTS = {
    "areaDesc": 1,
    "polygon": MANY,
    "circle": MANY,
    "geocode": MANY,
    "altitude": 1,
    "ceiling": 1,
}
RESOURCE_ELEMENTS = {
    "resourceDesc": 1,
    "mimeType": 1,
    "size": 1,
    "uri": 1,
    "derefUri": 1,
    "digest": 1,
    "contentType": 1,  # CAP 1.0's name of mimeType
}
NEED_REFERENCES = ("Update", "Cancel", "Ack", "Error")
# CAP 1.0 had "Very Likely"; the later standards ask to read it as Likely.
OLD_CERTAINTIES = {"Very Likely": "Likely"}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?([+-]\d\d:\d\d|Z)")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_NAME = re.compile(r"[^\s,<&]+")


def parse_cap(data: bytes) -> CapAlert:
    """Read a CAP message.

    Raises
    ------
    CapError
        With a code and the path of the faulty element.
    """
    root = read_tree(data)
    version = VERSIONS.get(root.namespace)
    if root.name != "alert" or version is None:
        raise CapError("cap.not_cap", root.name[:80])
    _only(root, ALERT_ELEMENTS, "alert")
    references = _references(root)
    alert = CapAlert(
        version=version,
        identifier=_name(root, "identifier"),
        sender=_name(root, "sender"),
        sent=_instant(_required(root, "sent", "alert"), "alert/sent"),
        status=_enum(root, "status", cap.STATUSES, "alert"),
        msg_type=_enum(root, "msgType", cap.MSG_TYPES, "alert"),
        scope=_enum(root, "scope", cap.SCOPES, "alert"),
        references=references,
        infos=tuple(
            _info(node, f"alert/info[{index}]", version)
            for index, node in enumerate(root.each("info"))
        ),
        signed=any(child.namespace == SIGNATURE_NAMESPACE for child in root.children),
    )
    _check_together(root, alert)
    return alert


def _check_together(root: Node, alert: CapAlert) -> None:
    if alert.scope == "Restricted" and not _text(root, "restriction"):
        raise CapError("cap.missing_element", "alert/restriction")
    if alert.scope == "Private" and not _text(root, "addresses"):
        raise CapError("cap.missing_element", "alert/addresses")
    if alert.msg_type in NEED_REFERENCES and not alert.references:
        raise CapError("cap.references_missing", "alert/references")
    points = sum(len(ring) for info in alert.infos for area in info.areas for ring in area.polygons)
    if points > MAX_POINTS:
        raise CapError("cap.too_many_points", "alert", limit=MAX_POINTS)


def _info(node: Node, where: str, version: str) -> CapInfo:
    _only(node, INFO_ELEMENTS, where)
    for index, resource in enumerate(node.each("resource")):
        _check_resource(resource, f"{where}/resource[{index}]")
    return CapInfo(
        language=_language(node, where),
        categories=_enums(node, "category", cap.CATEGORIES, where, least=int(version != "1.0")),
        event=_required(node, "event", where),
        urgency=_enum(node, "urgency", cap.URGENCIES, where),
        severity=_enum(node, "severity", cap.SEVERITIES, where),
        certainty=_enum(node, "certainty", cap.CERTAINTIES, where),
        response_types=_enums(node, "responseType", cap.RESPONSE_TYPES, where, least=0),
        event_codes=_named(node, "eventCode", where),
        parameters=_named(node, "parameter", where),
        effective=_optional(node, "effective", _instant, where),
        onset=_optional(node, "onset", _instant, where),
        expires=_optional(node, "expires", _instant, where),
        headline=_text(node, "headline"),
        description=_text(node, "description"),
        instruction=_text(node, "instruction"),
        areas=tuple(
            _area(area, f"{where}/area[{index}]") for index, area in enumerate(node.each("area"))
        ),
    )


def _area(node: Node, where: str) -> CapArea:
    _only(node, AREA_ELEMENTS, where)
    if _text(node, "ceiling") and not _text(node, "altitude"):
        raise CapError("cap.missing_element", f"{where}/altitude")
    for name in ("altitude", "ceiling"):
        _optional(node, name, _number, where)
    return CapArea(
        desc=_required(node, "areaDesc", where),
        polygons=tuple(_each_filled(node, "polygon", _polygon, where)),
        circles=tuple(_each_filled(node, "circle", _circle, where)),
        geocodes=_named(node, "geocode", where),
    )


def _check_resource(node: Node, where: str) -> None:
    _only(node, RESOURCE_ELEMENTS, where)
    _required(node, "resourceDesc", where)


def _only(node: Node, known: dict[str, int], where: str) -> None:
    """Refuse elements of CAP's own namespace that do not belong here, or stand too often."""
    seen: dict[str, int] = {}
    for child in node.children:
        if child.namespace != node.namespace:
            continue
        if child.name not in known:
            raise CapError("cap.unknown_element", f"{where}/{child.name[:80]}")
        seen[child.name] = seen.get(child.name, 0) + 1
        if seen[child.name] > known[child.name]:
            raise CapError("cap.repeated_element", f"{where}/{child.name}")


def _text(node: Node, name: str) -> str:
    return next((child.text for child in node.each(name)), "")


def _required(node: Node, name: str, where: str) -> str:
    text = _text(node, name)
    if not text:
        raise CapError("cap.missing_element", f"{where}/{name}")
    return text


def _optional(node: Node, name: str, read: Callable[[str, str], T], where: str) -> T | None:
    text = _text(node, name)
    return read(text, f"{where}/{name}") if text else None


def _each_filled(node: Node, name: str, read: Callable[[str, str], T], where: str) -> list[T]:
    return [
        read(child.text, f"{where}/{name}[{index}]")
        for index, child in enumerate(node.each(name))
        if child.text
    ]


def _name(root: Node, name: str) -> str:
    """Return an identifier or sender: no spaces, commas, ``<`` or ``&`` (CAP 1.2 §3.2.1)."""
    text = _required(root, name, "alert")
    if len(text) > MAX_NAME:
        raise CapError("cap.too_long", f"alert/{name}", limit=MAX_NAME)
    if not _NAME.fullmatch(text):
        raise CapError("cap.bad_name", f"alert/{name}")
    return text


def _enum(node: Node, name: str, allowed: tuple[str, ...], where: str) -> str:
    return _allowed(_required(node, name, where), allowed, f"{where}/{name}")


def _enums(
    node: Node, name: str, allowed: tuple[str, ...], where: str, *, least: int
) -> tuple[str, ...]:
    found = tuple(
        _allowed(child.text, allowed, f"{where}/{name}") for child in node.each(name) if child.text
    )
    if len(found) < least:
        raise CapError("cap.missing_element", f"{where}/{name}")
    return found


def _allowed(text: str, allowed: tuple[str, ...], where: str) -> str:
    text = OLD_CERTAINTIES.get(text, text) if where.endswith("/certainty") else text
    if text not in allowed:
        raise CapError("cap.bad_value", where, allowed=" ".join(allowed))
    return text


def _language(node: Node, where: str) -> str:
    text = _text(node, "language") or "en-US"  # the standard's default
    if not _LANGUAGE.fullmatch(text) or len(text) > 40:
        raise CapError("cap.bad_value", f"{where}/language", allowed="RFC 3066")
    return text


def _instant(text: str, where: str) -> datetime:
    try:
        if not _INSTANT.fullmatch(text):
            raise CapError("cap.bad_time", where)
        return parse_instant(text)
    except (ValueError, OverflowError):
        raise CapError("cap.bad_time", where) from None


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise CapError("cap.bad_number", where) from None
    if not math.isfinite(value):
        raise CapError("cap.bad_number", where)
    return value


def _position(text: str, where: str) -> tuple[float, float]:
    parts = text.split(",")
    if len(parts) != 2:
        raise CapError("cap.bad_position", where)
    lat, lon = (_number(part, where) for part in parts)
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise CapError("cap.bad_position", where)
    return lat, lon


def _polygon(text: str, where: str) -> tuple[tuple[float, float], ...]:
    points = tuple(_position(part, where) for part in text.split())
    if len(points) < 4:
        raise CapError("cap.polygon_too_short", where)
    if points[0] != points[-1]:
        raise CapError("cap.polygon_open", where)
    return points


def _circle(text: str, where: str) -> CapCircle:
    parts = text.split()
    if len(parts) != 2:
        raise CapError("cap.bad_circle", where)
    radius = _number(parts[1], where)
    if radius < 0:
        raise CapError("cap.bad_circle", where)
    return CapCircle(_position(parts[0], where), radius)


def _named(node: Node, name: str, where: str) -> tuple[tuple[str, str], ...]:
    """Return the (valueName, value) pairs; CAP 1.0 writes them ``name=value``."""
    found = []
    for index, child in enumerate(node.each(name)):
        if not child.children and "=" in child.text:
            before, _, after = child.text.partition("=")
            found.append((before.strip(), after.strip()))
            continue
        label = _required(child, "valueName", f"{where}/{name}[{index}]")
        found.append((label, _text(child, "value")))
    return tuple(found)


def _references(root: Node) -> tuple[CapReference, ...]:
    """Return ``sender,identifier,sent`` triples, separated by white space (CAP 1.2 §3.2.1)."""
    found = []
    for part in _text(root, "references").split():
        sender, _, rest = part.partition(",")
        identifier, _, sent = rest.rpartition(",")
        if not (sender and identifier and sent):
            raise CapError("cap.bad_reference", "alert/references")
        found.append(CapReference(sender, identifier, _instant(sent, "alert/references")))
    return tuple(found)
