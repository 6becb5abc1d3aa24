"""Why a stream is doubted, in words: the same on its page, its case, the board and every alert."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any, Protocol

from anlan.entrypoints.web.wording import say
from anlan.registry import public as registry
from anlan.sensing import public as sensing
from anlan.warning.public import AlertInstance

STREAM = "stream:"
WITH_UNIT = frozenset({"stuck", "drift", "battery"})


class Fault(Protocol):
    """What is told of a fault: a row of sensing."""

    stream: str
    kind: str
    since: datetime
    found: float
    limit: float


def fault_name(kind: str, language: str) -> str:
    """Return what a kind of fault is called."""
    return say(f"fault.{kind}", language)


def fault_text(fault: Fault, language: str, *, zone: tzinfo, unit: str = "") -> str:
    """Return why a stream is doubted, with what was found and the limit."""
    found, limit = fault.found, fault.limit
    key, figures = f"fault.says.{fault.kind}", {"found": f"{found:g}", "limit": f"{limit:g}"}
    if fault.kind == "clock":
        key += ".ahead" if found < 0 else ".behind"
        figures = {"found": f"{abs(found) / 60:.1f}", "limit": f"{abs(limit) / 60:g}"}
    elif fault.kind == "gaps":
        figures = {"found": f"{found:.0%}", "limit": f"{limit:.0%}"}
    elif fault.kind == "drift":
        figures["found"] = f"{found:+.3g}"
    local = fault.since.astimezone(zone)
    return say(key, language, unit=unit, since=f"{local:%Y-%m-%d %H:%M}", **figures)


def doubted_text(faults: Iterable[Fault], language: str, *, zone: tzinfo) -> str:
    """Return that a stream is doubted, and since when for what; empty when it is not."""
    parts = [
        say(
            "fault.since",
            language,
            what=fault_name(fault.kind, language),
            since=f"{fault.since.astimezone(zone):%Y-%m-%d %H:%M}",
        )
        for fault in faults
    ]
    if not parts:
        return ""
    return say("fault.doubted", language, what=say("fault.and", language).join(parts))


def tell_doubts(
    signs: Iterable[dict[str, Any]], alerts: Mapping[int, AlertInstance], language: str
) -> None:
    """Say of each sign of a case which fault it is, or how the stream of its alert is doubted.

    Three queries, however many signs there are.
    """
    told = list(signs)
    numbers = {one["row"].sign: _number(one["row"].sign, "fault") for one in told}
    faults = sensing.faults_named({n for n in numbers.values() if n is not None})
    streams = {
        n: row.subject.removeprefix(STREAM)
        for n, row in alerts.items()
        if row.subject.startswith(STREAM)
    }
    doubts = sensing.doubts_of(set(streams.values())) if streams else {}
    units, zone = _units(faults.values(), language), registry.timezone()
    for one in told:
        fault = faults.get(numbers[one["row"].sign] or 0)
        alert = _number(one["row"].sign, "alert")
        one["doubt"] = doubted_text(
            doubts.get(streams.get(alert or 0, ""), ()), language, zone=zone
        )
        if fault is not None:
            why = fault_text(fault, language, zone=zone, unit=units.get(fault.stream, ""))
            one["why"] = f"{fault.stream}: {why}"


def _number(sign: str, kind: str) -> int | None:
    name, _, number = sign.partition(":")
    return int(number) if name == kind and number.isdigit() else None


def _units(faults: Iterable[Fault], language: str) -> dict[str, str]:
    quantities = registry.quantities_of(
        {fault.stream for fault in faults if fault.kind in WITH_UNIT}
    )
    units = registry.unit_texts(language) if quantities else {}
    return {code: units.get(quantity, "") for code, quantity in quantities.items()}
