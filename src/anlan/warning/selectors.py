"""Reads: alert instances, warnings and responses, with bounded queries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.db.models import Case as CaseWhen
from django.db.models import Count, IntegerField, Max, Min, Model, Q, QuerySet, Value, When

from anlan.infra.models import JournalEntry
from anlan.infra.prepared import PreparedQuery
from anlan.infra.recall import recall
from anlan.kernel.actor import Actor
from anlan.kernel.scales import ResponseLevel, WarningLevel, at_least, rank
from anlan.registry import public as registry
from anlan.registry.domain.packwords import Text
from anlan.warning.domain.ruletext import Words
from anlan.warning.models import AlertInstance, ResponseInForce, WarningInForce

MOST_ROWS = 200
LEVELS = [level.value for level in WarningLevel]
_RANK = CaseWhen(
    *[When(level=level, then=Value(place)) for place, level in enumerate(LEVELS)],
    default=Value(len(LEVELS)),
    output_field=IntegerField(),
)
#: What ended is written down no later than so long after it did.
WRITTEN_WITHIN = timedelta(hours=1)
RISES = ("AlertRaised", "AlertLevelChanged", "AlertCleared")


@dataclass(frozen=True, slots=True)
class AlertFilters:
    """Which alerts are wanted; empty fields do not restrict.

    ``before`` continues a list: only alerts with a smaller id.
    """

    open_only: bool = False
    level: str = ""
    hazard: str = ""
    rule: str = ""
    subject: str = ""
    place: str = ""
    area: str = ""
    raised_from: datetime | None = None
    raised_until: datetime | None = None
    before: int | None = None
    limit: int = 50
    incident: int | None = None


def inside(actor: Actor) -> Q:
    """Return the condition that keeps an actor to their own areas."""
    allowed = Q(pk__in=[])
    for path in actor.areas:
        allowed |= registry.under(path, "area_path") if path else Q()
        if not path:
            return Q()
    return allowed


def alerts(actor: Actor, filters: AlertFilters) -> list[AlertInstance]:
    """Return alerts inside the actor's areas, newest first: one query."""
    wanted: QuerySet[AlertInstance] = AlertInstance.objects.filter(inside(actor))
    for name in ("level", "hazard", "rule", "subject", "place"):
        value = getattr(filters, name)
        if value:
            wanted = wanted.filter(**{name: value})
    if filters.incident is not None:
        wanted = wanted.filter(incident=filters.incident)
    if filters.open_only:
        wanted = wanted.filter(cleared_at__isnull=True)
    if filters.area:
        wanted = wanted.filter(registry.under(registry.area_path(filters.area), "area_path"))
    if filters.raised_from is not None:
        wanted = wanted.filter(raised_at__gte=filters.raised_from)
    if filters.raised_until is not None:
        wanted = wanted.filter(raised_at__lt=filters.raised_until)
    if filters.before is not None:
        wanted = wanted.filter(pk__lt=filters.before)
    return list(wanted.order_by("-pk")[: max(1, min(filters.limit, MOST_ROWS))])


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


def clusters_of_report(report: int, hazard: str) -> list[int]:
    """Return the open alerts that rest on a report among others (one query)."""
    clusters = recall(("warning.clusters", hazard), lambda: _clusters_by_report(hazard))
    return clusters.get(report, [])


def _clusters_by_report(hazard: str) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for alert, rests_on in _CLUSTERS.rows(hazard):
        for report in dict.fromkeys((rests_on or {}).get("reports", ())):
            found.setdefault(report, []).append(alert)
    return found


_CLUSTERS = PreparedQuery(
    lambda hazard: (
        AlertInstance.objects.filter(
            cleared_at__isnull=True, hazard=hazard, subject__startswith="cluster:"
        )
        .order_by("pk")
        .values_list("pk", "evidence")
    ),
    (("a", "b"),),
)


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
    levels = {
        level.value: Text(
            zh=registry.level_name("warning", level.value, "zh"),
            en=registry.level_name("warning", level.value, "en"),
        )
        for level in WarningLevel
    }
    return Words(
        hazards=registry.names_in("hazards"),
        quantities=registry.names_in("quantities"),
        place_kinds=registry.names_in("place_kinds"),
        levels=levels,
    )


def risen(actor: Actor, *, since: datetime, limit: int) -> list[AlertInstance]:
    """Return open alerts inside the actor's areas that were raised or changed level lately.

    The highest level first; of an incident the worst one stands for all.  Three queries: what
    came alone must not be hidden by thousands that came together.
    """
    rows = AlertInstance.objects.filter(inside(actor), cleared_at__isnull=True, level_at__gt=since)
    alone = list(rows.filter(incident__isnull=True).order_by("-pk")[:MOST_ROWS])
    crowds = rows.exclude(incident__isnull=True).order_by().values("incident")
    worst = crowds.annotate(rank=Min(_RANK)).values_list("incident", "rank")[:MOST_ROWS]
    one_each = [
        Q(incident=incident, level=LEVELS[rank]) for incident, rank in worst if rank < len(LEVELS)
    ]
    stand_for: list[AlertInstance] = []
    if one_each:
        chosen = rows.filter(reduce(or_, one_each)).order_by().values("incident")
        keys = chosen.annotate(one=Max("pk")).values("one")
        stand_for = list(AlertInstance.objects.filter(pk__in=keys))
    return sorted([*alone, *stand_for], key=_place)[:limit]


@dataclass(frozen=True, slots=True)
class Members:
    """One page of the alerts of some incidents, and how all of them stand."""

    rows: list[AlertInstance]
    standing: dict[str, int]  # by level, those that are open
    over: int
    areas: list[tuple[str, int, int]]  # code, how many, how many of them open
    more_areas: int


def members(incidents: Collection[int], *, page: int, size: int, areas: int) -> Members:
    """Return alerts of incidents: open before cleared, the worst first (three queries)."""
    rows = AlertInstance.objects.filter(incident__in=list(incidents))
    is_over = When(cleared_at__isnull=False, then=Value(1))
    over = CaseWhen(is_over, default=Value(0), output_field=IntegerField())
    listed = rows.order_by(over, _RANK, "-level_at", "pk")
    counted = rows.order_by().values_list(over.copy(), "level").annotate(n=Count("pk"))
    standing = dict.fromkeys(LEVELS, 0)
    ended = 0
    for is_ended, level, count in counted:
        if is_ended:
            ended += count
        else:
            standing[level] += count
    by_area = (
        rows.order_by()
        .values_list("area")
        .annotate(n=Count("pk"), open=Count("pk", filter=Q(cleared_at__isnull=True)))
        .order_by("-open", "-n", "area")
    )
    found = list(by_area)
    return Members(
        rows=list(listed[(page - 1) * size : page * size]),
        standing=standing,
        over=ended,
        areas=found[:areas],
        more_areas=max(0, len(found) - areas),
    )


def risen_as_of(actor: Actor, *, since: datetime, at: datetime, limit: int) -> list[AlertInstance]:
    """Return what :func:`risen` would have returned at ``at``, from the journal (one query)."""
    entries = JournalEntry.objects.filter(event__in=RISES, at__gt=since, at__lte=at)
    latest = _last_images(AlertInstance, entries.order_by("-seq")[:MOST_ROWS])
    rows = [row for row in latest if row.cleared_at is None and actor.covers(row.area_path)]
    return sorted(rows, key=_place)[:limit]


def open_clusters(actor: Actor, *, limit: int) -> list[AlertInstance]:
    """Return the open clusters of reports inside the actor's areas, the newest first (one query)."""
    rows = AlertInstance.objects.filter(
        inside(actor), cleared_at__isnull=True, subject__startswith="cluster:"
    )
    return list(rows.order_by("-pk")[:limit])


def clusters_as_of(actor: Actor, *, at: datetime, limit: int) -> list[AlertInstance]:
    """Return what :func:`open_clusters` would have returned at ``at`` (two queries).

    What the judge wrote down later was not known then, also when it tells of an earlier instant.
    """
    maybe = Q(cleared_at__isnull=True) | Q(cleared_at__gt=at - WRITTEN_WITHIN)
    rows = AlertInstance.objects.filter(
        inside(actor), maybe, recorded_at__lte=at, subject__startswith="cluster:"
    )
    written = dict(rows.order_by("-pk").values_list("pk", "recorded_at")[:MOST_ROWS])
    entries = JournalEntry.objects.filter(
        event__in=RISES,
        at__gte=min(written.values(), default=at),
        at__lte=at,
        payload__alert__in=list(written),
    )
    found: list[AlertInstance] = _last_images(AlertInstance, entries.order_by("-seq"))
    standing = [row for row in found if row.cleared_at is None]
    return sorted(standing, key=lambda row: -row.pk)[:limit]


def _place(row: AlertInstance) -> tuple[int, int]:
    return LEVELS.index(row.level), -row.pk


def _last_images(model: type[Model], entries: Iterable[JournalEntry]) -> list[Any]:
    """Return the rows of one table as the newest of some entries left them."""
    rows: dict[object, Model] = {}
    for entry in entries:
        for image in entry.images:
            if image["table"] != model._meta.label_lower or image["pk"] in rows:
                continue
            row = model(pk=image["pk"])
            for field in model._meta.concrete_fields:
                if field.attname in (image["fields"] or {}):
                    setattr(row, field.attname, field.to_python(image["fields"][field.attname]))
            rows[image["pk"]] = row
    return list(rows.values())


def warnings_as_of(*, at: datetime) -> list[WarningInForce]:
    """Return the relayed warnings in force at ``at`` as they stood then (two queries)."""
    rows = WarningInForce.objects.filter(began_at__lte=at)
    rows = rows.exclude(ended_at__lte=at).order_by("-began_at")
    keys = list(rows.values_list("pk", flat=True)[:MOST_ROWS])
    entries = JournalEntry.objects.filter(
        event="WarningInForceChanged", at__lte=at, payload__in_force__in=keys
    )
    found: list[WarningInForce] = _last_images(WarningInForce, entries.order_by("-seq"))
    return _highest_first(
        row
        for row in found
        if row.began_at <= at
        and (row.ended_at is None or row.ended_at > at)
        and (row.ends_at is None or row.ends_at > at)
    )
