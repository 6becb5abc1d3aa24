"""Outside warnings and responses in force, now and at an earlier instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import Q

from anlan.infra.models import JournalEntry
from anlan.kernel.scales import ResponseLevel, WarningLevel, at_least, rank
from anlan.registry import public as registry
from anlan.registry.domain.packwords import Text
from anlan.registry.public import Names
from anlan.warning.domain import reasons
from anlan.warning.domain.ruletext import Words, span_words
from anlan.warning.models import ResponseInForce, WarningInForce
from anlan.warning.selectors.alerts import LEVELS, MOST_ROWS, last_images


def is_read(hazard: str, level: str, *, at: datetime) -> bool:
    """Return whether a rule in force reads a relayed warning of that hazard and level."""
    if not hazard or not level:
        return False
    wanted = WarningLevel(level)
    signals = (getattr(rule, "signal", None) for rule in registry.rules_in_force(at=at))
    return any(
        signal is not None
        and signal.hazard == hazard
        and at_least(wanted, signal.at_least)
        and (signal.at_most is None or at_least(signal.at_most, wanted))
        for signal in signals
    )


def warnings_in_force(*, at: datetime) -> list[WarningInForce]:
    """Return the relayed warnings in force at ``at``, highest level first.

    A warning that has ended since shows the level it ended with; the level of
    a past instant is in the journal.
    """
    rows = WarningInForce.objects.filter(began_at__lte=at).filter(
        Q(ended_at__isnull=True) | Q(ended_at__gt=at)
    )
    rows = rows.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at))
    return _highest_first(rows)


def _highest_first(rows: Iterable[WarningInForce]) -> list[WarningInForce]:
    order = {level: place for place, level in enumerate(LEVELS)}
    return sorted(rows, key=lambda row: (order.get(row.level, 4), row.began_at, row.pk))


def responses_in_force(*, at: datetime) -> list[ResponseInForce]:
    """Return the responses in force at ``at``."""
    rows = ResponseInForce.objects.filter(began_at__lte=at).filter(
        Q(ended_at__isnull=True) | Q(ended_at__gt=at)
    )
    return list(rows.order_by("began_at", "pk"))


def response_in_force(hazard: str, area: str) -> ResponseInForce | None:
    """Return the highest response in force for a hazard that covers the area."""
    path = registry.area_path(area)
    rows = ResponseInForce.objects.filter(hazard=hazard, ended_at__isnull=True)
    covering = [
        row for row in rows if path == row.area_path or path.startswith(row.area_path + "/")
    ]
    return min(covering, key=lambda row: rank(ResponseLevel(row.level)), default=None)


def rule_words() -> Words:
    """Return the names that the packs in force give to what rules speak of."""
    names = registry.names_of()
    return Words(
        hazards=registry.names_in("hazards"),
        quantities=registry.names_in("quantities"),
        place_kinds=registry.names_in("place_kinds"),
        levels={level: Text(zh=zh, en=en) for level, (zh, en) in names.levels.items()},
        units=names.units,
    )


def reason_text(code: str, params: Mapping[str, object], names: Names, language: str) -> str:
    """Return why an alert was raised, changed or cleared, as it is told to people.

    Units and spans stand in the reason as programs write them; here as people do.
    """
    told = dict(params)
    if isinstance(unit := told.get("unit"), str):
        told["unit"] = names.unit(unit, language)
    if isinstance(span := told.get("window"), str):
        told["window"] = span_words(span, language)
    return reasons.reason_text(code, told, language)


def warnings_as_of(*, at: datetime) -> list[WarningInForce]:
    """Return the relayed warnings in force at ``at`` as they stood then (two queries)."""
    rows = WarningInForce.objects.filter(began_at__lte=at)
    rows = rows.exclude(ended_at__lte=at).order_by("-began_at")
    keys = list(rows.values_list("pk", flat=True)[:MOST_ROWS])
    entries = JournalEntry.objects.filter(
        event="WarningInForceChanged", at__lte=at, payload__in_force__in=keys
    )
    found: list[WarningInForce] = last_images(WarningInForce, entries.order_by("-seq"))
    return _highest_first(
        row
        for row in found
        if row.began_at <= at
        and (row.ended_at is None or row.ended_at > at)
        and (row.ends_at is None or row.ends_at > at)
    )
