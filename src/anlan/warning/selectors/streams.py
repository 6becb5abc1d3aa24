"""What alerts and rules say of streams."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from anlan.kernel.actor import Actor
from anlan.registry import public as registry
from anlan.registry.domain.rulespecs import SilenceRule
from anlan.warning.models import AlertInstance
from anlan.warning.selectors.alerts import LEVELS, MOST_ROWS, inside


def silences() -> frozenset[tuple[str, int]]:
    """Return the versions of the rules that tell of streams which say nothing.

    The reason of an alert does not tell: what mending found again has one of its own.
    """
    if not registry.is_loaded():
        return frozenset()
    found = registry.rule_versions()
    return frozenset((one.code, one.version) for one in found if isinstance(one.entry, SilenceRule))


def open_on_streams(streams: Iterable[str]) -> list[AlertInstance]:
    """Return the open alerts about some streams (one query); the caller checks areas."""
    subjects = [f"stream:{code}" for code in streams]
    return list(
        AlertInstance.objects.filter(subject__in=subjects, cleared_at__isnull=True).order_by("pk")
    )


def levels_of_streams() -> dict[str, str]:
    """Return the highest level of danger open on each stream, silence apart (one query)."""
    rows = AlertInstance.objects.filter(subject__startswith="stream:", cleared_at__isnull=True)
    found: dict[str, str] = {}
    of_silence = silences()
    for subject, level, *named in rows.values_list("subject", "level", "rule", "rule_version"):
        if tuple(named) in of_silence:
            continue
        code = subject.removeprefix("stream:")
        found[code] = min(found.get(code, level), level, key=LEVELS.index)
    return found


def still_silent(alerts: Collection[int]) -> int:
    """Return how many of some alerts say that a stream is silent still (one query)."""
    if not alerts:
        return 0
    # By the range of their keys: there may be more than a statement takes by name.
    of_silence, wanted = silences(), set(alerts)
    rows = AlertInstance.objects.filter(
        pk__gte=min(wanted),
        pk__lte=max(wanted),
        cleared_at__isnull=True,
        rule__in={rule for rule, _ in of_silence},
    )
    found = rows.values_list("pk", "rule", "rule_version")
    return sum(key in wanted and tuple(named) in of_silence for key, *named in found)


def streams_held(beside: Iterable[int]) -> frozenset[str]:
    """Return the streams on whose readings open alerts, and those of ``beside``, rest."""
    rows = AlertInstance.objects.filter(Q(cleared_at__isnull=True) | Q(pk__in=list(beside)))
    held: set[str] = set()
    for subject, evidence in rows.values_list("subject", "evidence").iterator(2_000):
        held.add(subject)
        held.update(item["stream"] for item in evidence.get("readings", ()))
    return frozenset(held)


def alerts_during(
    actor: Actor, subjects: Collection[str], *, start: datetime, end: datetime, limit: int
) -> list[AlertInstance]:
    """Return alerts of some subjects that stood at any time in a period, the newest first."""
    rows = AlertInstance.objects.filter(inside(actor), subject__in=list(subjects))
    rows = rows.filter(Q(cleared_at__isnull=True) | Q(cleared_at__gt=start), raised_at__lt=end)
    return list(rows.order_by("-raised_at", "-pk")[: max(1, min(limit, MOST_ROWS))])


class RaisedAlert(NamedTuple):
    """What counting needs of an alert."""

    id: int
    rule: str
    area_path: str
    recorded_at: datetime


def raised_between(
    since: datetime, until: datetime, *, rules: Collection[str], at_once: int
) -> Iterator[list[RaisedAlert]]:
    """Yield the alerts of some rules raised in a period, by parts (one query for each part)."""
    rows = AlertInstance.objects.filter(raised_at__gte=since, raised_at__lt=until, rule__in=rules)
    last: tuple[datetime, int] | None = None
    while True:
        some = rows
        if last is not None:
            some = rows.filter(Q(raised_at__gt=last[0]) | Q(raised_at=last[0], pk__gt=last[1]))
        found = list(
            some.order_by("raised_at", "pk").values_list(
                "pk", "rule", "area_path", "recorded_at", "raised_at"
            )[:at_once]
        )
        if not found:
            return
        yield [RaisedAlert(*row[:4]) for row in found]
        last = found[-1][4], found[-1][0]


def highest_on_streams(*, most: int) -> dict[str, str]:
    """Return the highest level that stands open on each stream, by code (one query).

    Of more than ``most`` open alerts the newest count.
    """
    rows = AlertInstance.objects.filter(subject__startswith="stream:", cleared_at__isnull=True)
    found = dict[str, str]()
    for subject, level in rows.order_by("-pk").values_list("subject", "level")[:most]:
        code = subject.partition(":")[2]
        before = found.get(code)
        found[code] = level if before is None else min(before, level, key=LEVELS.index)
    return found


def open_levels(subjects: Collection[str]) -> dict[str, str]:
    """Return the highest level that stands open on each of some subjects (a query for each 500)."""
    wanted, found = list(subjects), dict[str, str]()
    for start in range(0, len(wanted), 500):
        rows = AlertInstance.objects.filter(
            subject__in=wanted[start : start + 500], cleared_at__isnull=True
        )
        for subject, level in rows.values_list("subject", "level"):
            before = found.get(subject)
            found[subject] = level if before is None else min(before, level, key=LEVELS.index)
    return found
