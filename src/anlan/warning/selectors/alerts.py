"""Alert instances: lists, clusters, incidents, and how they stood at an earlier instant."""

from __future__ import annotations

from collections.abc import Collection, Iterable
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
from anlan.kernel.scales import WarningLevel
from anlan.registry import public as registry
from anlan.warning.models import AlertInstance

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


class Crowded(NamedTuple):
    """An open alert on a stream that came together with others: the incident, subject and level."""

    incident: int
    subject: str
    level: str
    hazard: str


def crowded(actor: Actor, *, most: int, which: Q | None = None) -> list[Crowded]:
    """Return open members of incidents inside the actor's areas, the newest first (one query)."""
    rows = AlertInstance.objects.filter(
        inside(actor),
        which or Q(),
        cleared_at__isnull=True,
        incident__isnull=False,
        subject__startswith="stream:",
    )
    found = rows.order_by("-pk").values_list("incident", "subject", "level", "hazard")[:most]
    return [Crowded._make(row) for row in found]


@dataclass(frozen=True, slots=True)
class Members:
    """One page of the alerts of some incidents, and how all of them stand."""

    rows: list[AlertInstance]
    standing: dict[str, int]  # by level, those that are open
    over: int
    areas: list[tuple[str, int, int]]  # code, how many, how many of them open
    more_areas: int


def members(
    incidents: Collection[int], *, page: int, size: int, areas: int, open_only: bool
) -> Members:
    """Return alerts of incidents: open before cleared, the worst first (three queries).

    All are counted, also where only open ones are listed.
    """
    rows = AlertInstance.objects.filter(incident__in=list(incidents))
    is_over = When(cleared_at__isnull=False, then=Value(1))
    over = CaseWhen(is_over, default=Value(0), output_field=IntegerField())
    wanted = rows.filter(cleared_at__isnull=True) if open_only else rows
    listed = wanted.order_by(over, _RANK, "-level_at", "pk")
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
    latest = last_images(AlertInstance, entries.order_by("-seq")[:MOST_ROWS])
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
    found: list[AlertInstance] = last_images(AlertInstance, entries.order_by("-seq"))
    standing = [row for row in found if row.cleared_at is None]
    return sorted(standing, key=lambda row: -row.pk)[:limit]


def _place(row: AlertInstance) -> tuple[int, int]:
    return LEVELS.index(row.level), -row.pk


def last_images(model: type[Model], entries: Iterable[JournalEntry]) -> list[Any]:
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
