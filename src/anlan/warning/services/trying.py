"""Try a rule on what came in once: what it would have raised, beside what was raised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Actor
from anlan.kernel.canonical import parse_instant
from anlan.kernel.errors import ConflictError, InvalidInputError
from anlan.kernel.scales import ResponseLevel, WarningLevel
from anlan.registry import public as registry
from anlan.registry.domain.rulespecs import (
    ConjunctionRule,
    RuleSpec,
    SilenceRule,
    ThresholdRule,
    WindowRule,
)
from anlan.sensing import public as sensing
from anlan.warning.domain.playback import Past, TooManyStepsError, Would, lookback, play
from anlan.warning.domain.signs import (
    Observation,
    ReportSign,
    ResponseStanding,
    SignalInForce,
    SignalSign,
    Stream,
    World,
)
from anlan.warning.models import AlertInstance, ResponseInForce, WarningInForce
from anlan.warning.selectors.alerts import inside
from anlan.warning.services.inbox import report_sign, signal_sign
from anlan.warning.services.judging import UNJUDGED
from anlan.warning.services.surroundings import City, asked_at, city_at, ground_of, place_of

RowT = TypeVar("RowT", bound=Model)
LONGEST = timedelta(days=7)
MOST_READINGS = 200_000
MOST_SIGNS = 5_000
MOST_LOOKS = 2_000_000  # at a warning, to see whether it stood: some seconds
SAME = timedelta(minutes=15)  # the judge's lateness: raised so close together it is one alert


class PeriodInvalidError(InvalidInputError):
    """A period ends before it begins, or is longer than can be tried at once."""

    code = "try.period"


class TooMuchPastError(ConflictError):
    """So much came in within the period that trying it would take too long."""

    code = "try.too_much"


@dataclass(frozen=True, slots=True)
class Looked:
    """What a rule was tried on: so that "nothing" is not mistaken for "no data"."""

    streams: int
    readings: int
    reports: int
    warnings: int

    @property
    def is_nothing(self) -> bool:
        """Whether there was nothing at all to judge."""
        return not (self.readings or self.reports or self.warnings)


@dataclass(frozen=True, slots=True)
class Compared:
    """One alert of either kind, or of both when they are the same."""

    would: Would | None
    was: AlertInstance | None

    @property
    def at(self) -> datetime:
        """When it was raised, or would have been."""
        if self.was is not None:
            return self.was.raised_at
        assert self.would is not None  # noqa: S101  one of the two is there
        return self.would.raised_at


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a try."""

    looked: Looked
    alerts: tuple[Compared, ...]  # oldest first
    both: int
    only_would: int
    only_was: int


def try_rule(actor: Actor, rule: RuleSpec, *, start: datetime, end: datetime) -> Tried:
    """Run one version of a rule over a past period; writes nothing and tells nobody.

    Sensors, places and areas are those of today.  Only alerts in the actor's areas are shown.

    Raises
    ------
    PeriodInvalidError
        When the period is empty or longer than :data:`LONGEST`.
    TooMuchPastError
        When more came in than can be judged within a few seconds.
    """
    if not start < end or end - start > LONGEST:
        raise PeriodInvalidError(days=LONGEST.days)
    began = start - lookback(rule)
    ground = _Ground(rule, began, end)
    try:
        would = play(rule, ground.past, ground.world, start=start, end=end)
    except TooManyStepsError:
        raise TooMuchPastError(what="signs") from None
    paths = ground.paths
    mine = [item for item in would if actor.covers(paths.get(item.area, ""))]
    was = AlertInstance.objects.filter(
        inside(actor), rule=rule.id, raised_at__gte=start, raised_at__lt=end
    ).order_by("raised_at", "pk")
    return _compare(ground.looked, mine, _whole(was))


def _whole(rows: QuerySet[RowT]) -> list[RowT]:
    """Return all rows; of more than can be judged none, for a part of them would tell wrongly."""
    found = list(rows[: MOST_SIGNS + 1])
    if len(found) > MOST_SIGNS:
        raise TooMuchPastError(what="signs")
    return found


def _compare(looked: Looked, would: Iterable[Would], was: list[AlertInstance]) -> Tried:
    left = list(was)
    found: list[Compared] = []
    for item in would:
        near = [
            row
            for row in left
            if row.subject == item.subject and abs(row.raised_at - item.raised_at) <= SAME
        ]
        same = min(near, key=lambda row: abs(row.raised_at - item.raised_at), default=None)
        if same is not None:
            left.remove(same)
        found.append(Compared(item, same))
    found += [Compared(None, row) for row in left]
    return Tried(
        looked=looked,
        alerts=tuple(sorted(found, key=lambda item: item.at)),
        both=sum(item.would is not None and item.was is not None for item in found),
        only_would=sum(item.was is None for item in found),
        only_was=len(left),
    )


class _Ground:
    """The past as it was known: signs from what was kept, warnings as the journal has them."""

    def __init__(self, rule: RuleSpec, began: datetime, end: datetime) -> None:
        self.rule, self.began, self.end = rule, began, end
        self.revision = registry.revision()
        self.city = city_at(self.revision, at=end)
        self.paths: dict[str, str] = dict(self.city.area_paths)
        self.streams = self._streams()
        self.warnings = self._warnings()
        self.responses = self._responses()
        self.places = tuple(place_of(item) for item in self.city.places)
        self.told: dict[tuple[int, int], SignalInForce] = {}
        self.looks = 0
        self.past = Past(
            observations=self._observations(),
            reports=self._reports(),
            signals=self._signals(),
            moments=self._moments(),
        )
        self.looked = Looked(
            streams=len(self.streams),
            readings=len(self.past.observations),
            reports=len(self.past.reports),
            warnings=len(self.warnings),
        )

    def _streams(self) -> dict[str, Stream]:
        """Return the streams the rule looks at."""
        rule = self.rule
        found = self.city.streams.items()
        if isinstance(rule, ThresholdRule | WindowRule | SilenceRule):
            kinds = rule.only_place_kinds
            return {
                code: item
                for code, item in found
                if rule.quantity in {"*", item.quantity} and (not kinds or item.place_kind in kinds)
            }
        if isinstance(rule, ConjunctionRule) and rule.reading is not None:
            asked = rule.reading.quantity
            return {code: item for code, item in found if item.place and item.quantity == asked}
        return {}

    def _observations(self) -> tuple[Observation, ...]:
        if not self.streams:
            return ()
        kept = sensing.read_many(frozenset(self.streams), self.began, self.end, most=MOST_READINGS)
        if len(kept) > MOST_READINGS:
            raise TooMuchPastError(what="readings")
        return tuple(
            Observation(
                item.stream, item.at, None if item.quality in UNJUDGED else item.value, item.at
            )
            for item in kept
        )

    def _events(self, name: str) -> list[JournalEntry]:
        found = JournalEntry.objects.filter(event=name, at__gte=self.began, at__lt=self.end)
        return _whole(found.order_by("seq").defer("images"))

    @property
    def _of_streams(self) -> bool:
        return isinstance(self.rule, ThresholdRule | WindowRule | SilenceRule)

    def _reports(self) -> tuple[tuple[datetime, ReportSign], ...]:
        if self._of_streams:
            return ()
        return tuple(
            (entry.at, report_sign(entry.payload, self.revision, self.paths))
            for entry in self._events("ReportReceived")
        )

    def _signals(self) -> tuple[tuple[datetime, SignalSign], ...]:
        if self._of_streams:
            return ()
        return tuple(
            (entry.at, signal_sign(entry.payload, self.revision))
            for entry in self._events("SignalReceived")
            if entry.payload["acts"]
        )

    def _warnings(self) -> dict[int, list[tuple[datetime, Mapping[str, Any]]]]:
        """Return what each outside warning was, from which instant on: levels rise and fall."""
        if self._of_streams:
            return {}
        rows = WarningInForce.objects.filter(began_at__lt=self.end).exclude(ended_at__lt=self.began)
        began = {row.pk: row.began_at for row in _whole(rows.order_by("pk"))}
        if not began:
            return {}
        entries = JournalEntry.objects.filter(
            event="WarningInForceChanged", at__gte=min(began.values()), at__lt=self.end
        )
        table = WarningInForce._meta.label_lower
        found: dict[int, list[tuple[datetime, Mapping[str, Any]]]] = {}
        for entry in _whole(entries.order_by("seq")):
            for image in entry.images:
                if image["table"] == table and image["pk"] in began:
                    found.setdefault(image["pk"], []).append((entry.at, image["fields"]))
        return found

    def _responses(self) -> list[ResponseInForce]:
        if self._of_streams:
            return []
        rows = ResponseInForce.objects.filter(began_at__lt=self.end)
        return _whole(rows.exclude(ended_at__lt=self.began).order_by("pk"))

    def _moments(self) -> tuple[datetime, ...]:
        """Return when what stands changes."""
        found: set[datetime] = set()
        for images in self.warnings.values():
            found |= {at for at, _ in images}
            found |= {
                at
                for _, fields in images
                for at in (_instant(fields[x]) for x in ("began_at", "ends_at", "ended_at"))
                if at is not None
            }
        for row in self.responses:
            found |= {at for at in (row.began_at, row.ended_at) if at is not None}
        return tuple(sorted(at for at in found if self.began < at < self.end))

    def world(self, now: datetime) -> World:
        """Return what stood at ``now``, in the city of today."""
        signals = self._in_force(now)
        return World(
            streams=self.streams,
            places=self.places,
            signals=signals,
            responses=tuple(
                ResponseStanding(
                    id=row.pk,
                    hazard=row.hazard,
                    level=ResponseLevel(row.level),
                    area_path=row.area_path,
                    ended=row.ended_at if row.ended_at and row.ended_at <= now else None,
                )
                for row in self.responses
                if row.began_at <= now
            ),
            asked=asked_at(signals, at=now),
            area_paths=self.paths,
            units=self.city.units,
        )

    def _in_force(self, now: datetime) -> tuple[SignalInForce, ...]:
        self.looks += len(self.warnings)
        if self.looks > MOST_LOOKS:
            raise TooMuchPastError(what="signs")
        found = []
        for pk, images in self.warnings.items():
            known = sum(at <= now for at, _ in images)
            if known and _holds(images[known - 1][1], now):
                key = (pk, known)
                if key not in self.told:
                    self.told[key] = self._signal(images[known - 1][1])
                found.append(self.told[key])
        return tuple(found)

    def _signal(self, fields: Mapping[str, Any]) -> SignalInForce:
        city: City = self.city
        ground = ground_of(fields["areas"], fields["polygons"], city, self.revision)
        for code, path in zip(ground.areas, ground.paths, strict=False):
            self.paths.setdefault(code, path)
        return SignalInForce(
            id=fields["signal"],
            hazard=fields["hazard"],
            level=WarningLevel(fields["level"]),
            since=parse_instant(fields["level_at"]),
            areas=ground.areas,
            places=frozenset(place.code for place in city.places if ground.holds(place)),
        )


def _instant(text: str | None) -> datetime | None:
    return parse_instant(text) if text else None


def _holds(fields: Mapping[str, Any], now: datetime) -> bool:
    if not fields["hazard"] or not fields["level"]:
        return False
    ends = [at for at in (_instant(fields[x]) for x in ("ends_at", "ended_at")) if at is not None]
    began = parse_instant(fields["began_at"])
    return began <= now and all(now < at for at in ends)
