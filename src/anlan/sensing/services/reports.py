"""Keeping a person's report: contents first, then row, event and key in one transaction (I3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from anlan.infra import contents, journal
from anlan.infra.contents import Purpose
from anlan.infra.models import ContentItem
from anlan.kernel.actor import Actor
from anlan.kernel.geometry import Point
from anlan.sensing.domain import reports as words
from anlan.sensing.domain.errors import KeyReusedError
from anlan.sensing.domain.events import ReportReceived
from anlan.sensing.domain.floods import Marked, Source
from anlan.sensing.domain.reports import KnownAt, ReportIn
from anlan.sensing.models import Report, ReportPhoto
from anlan.sensing.services.known import CityFacts, area_named, area_of, city_facts
from anlan.sensing.services.numbering import take_number
from anlan.sensing.services.once import Answer, Once, earlier_answer, run_once
from anlan.sensing.services.photos import Photo, clean_photos
from anlan.sensing.services.retention import REPORT
from anlan.sensing.services.sources import counted, marks_of


@dataclass(frozen=True, slots=True)
class _Understood:
    """What was made of a report before anything is written."""

    hazard: str
    hazard_from: str
    words: tuple[str, ...]
    strong: bool
    area: str
    area_path: str
    lat: float | None
    lon: float | None
    channel: str
    language: str
    known: KnownAt
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Stored:
    """The personal part of a report, ready to be kept."""

    said: ContentItem | None
    photos: tuple[tuple[ContentItem, Photo], ...]

    @property
    def items(self) -> list[ContentItem]:
        """All items."""
        said = [self.said] if self.said else []
        return said + [item for item, _ in self.photos]

    def destroy(self, *, now: datetime) -> None:
        """Erase what no report names, because another one with its key was faster."""
        contents.destroy([item.id for item in self.items], reason="sent twice at once", now=now)


def keep_report(
    actor: Actor,
    report: ReportIn,
    *,
    secret: str,
    now: datetime,
    once: Once | None = None,
    source: Source | None = None,
) -> Report:
    """Keep a report durably and return its row, whose number is the receipt.

    ``secret`` lets the reporter follow it later; only its hash is stored.
    With ``once`` the same key gives the same report again.  ``source`` is where a public report
    came from: of many from there within minutes it is noted that they are looked at together.

    Raises
    ------
    TextTooLongError, or one of :func:`clean_photos`
        Before anything is kept.
    KeyReusedError
        When the key was used for another report.
    """
    earlier = earlier_answer(actor, once, now=now)
    if earlier is not None:
        return Report.objects.get(pk=earlier["report"])
    words.refuse_long(report)
    photos = clean_photos(report.photos)
    facts = city_facts()
    day = facts.local_day(now)
    understood = _understand(report, facts, now=now)
    stored = _ready(report, photos, purpose=REPORT.from_day(day), now=now)
    row = _row(actor, understood, stored, secret=secret, now=now)
    marks = _marks(source, report, understood, day=day, now=now)
    try:
        answer, ran = run_once(
            actor,
            once,
            lambda: _commit(actor, row, stored, day, marks, now=now),
            now=now,
            items=stored.items,
        )
    except KeyReusedError:
        stored.destroy(now=now)
        raise
    if not ran:
        stored.destroy(now=now)
        return Report.objects.get(pk=answer["report"])
    return row


def _marks(
    source: Source | None, report: ReportIn, found: _Understood, *, day: date, now: datetime
) -> Marked | None:
    point = None
    if found.lat is not None and found.lon is not None:
        point = Point(lat=found.lat, lon=found.lon)
    words = f"{report.text} {report.place_text}"
    return marks_of(source, hazard=found.hazard, point=point, words=words, day=day, now=now)


def _row(
    actor: Actor, understood: _Understood, stored: _Stored, *, secret: str, now: datetime
) -> Report:
    return Report(
        follow_hash=words.follow_hash(secret),
        received_at=now,
        known_at=understood.known.at,
        known_claimed_at=understood.known.claimed,
        source=actor.id,
        said_content=stored.said.id if stored.said else None,
        said_digest=stored.said.digest if stored.said else "",
        **_columns(understood),
    )


def _commit(
    actor: Actor,
    row: Report,
    stored: _Stored,
    day: date,
    marks: Marked | None,
    *,
    now: datetime,
) -> Answer:
    row.id = take_number("report")
    row.number = words.number_of(row.id, f"{day:%Y%m%d}")
    photos = [
        ReportPhoto(
            report=row,
            position=position,
            photo_content=item.id,
            photo_digest=item.digest,
            width_px=photo.width_px,
            height_px=photo.height_px,
        )
        for position, (item, photo) in enumerate(stored.photos)
    ]
    flood = counted(marks, now=now) if marks is not None else None
    if flood is not None:
        row.flags = [*row.flags, words.MANY_FROM_ONE_SOURCE]
    event = ReportReceived(
        report=row.id,
        number=row.number,
        hazard=row.hazard,
        area=row.area,
        lat=row.lat,
        lon=row.lon,
        words=tuple(row.words),
        strong=row.strong,
        known_at=row.known_at,
        flood=flood.id if flood is not None else 0,
        repeats=flood is not None and flood.repeats,
    )
    journal.record(event, actor=actor, now=now, rows=[row, *photos])
    return {"report": row.id}


def _columns(found: _Understood) -> dict[str, object]:
    return {
        "hazard": found.hazard,
        "hazard_from": found.hazard_from,
        "words": list(found.words),
        "strong": found.strong,
        "area": found.area,
        "area_path": found.area_path,
        "lat": found.lat,
        "lon": found.lon,
        "channel": found.channel,
        "language": found.language,
        "flags": list(found.flags),
    }


def _understand(report: ReportIn, facts: CityFacts, *, now: datetime) -> _Understood:
    known = words.time_of_knowledge(report.known_at, received_at=now)
    channel, channel_flags = words.channel_of(report.channel)
    found = words.recognise(f"{report.text} {report.place_text}", facts.lexicon)
    hazard, hazard_from, hazard_flags = _hazard(report.hazard, found.hazard, facts)
    point, point_flags = words.point_of(report.lat, report.lon)
    area, path, area_flags = _area(report.area, point, facts)
    extra_flags = (words.EXTRA_FIELDS,) if report.extra else ()
    if report.photos_lost:
        extra_flags = (*extra_flags, words.PHOTO_LOST)
    nothing = not (report.text or report.photos or report.hazard or report.place_text)
    empty = (words.EMPTY,) if nothing and point is None and not area else ()
    return _Understood(
        hazard=hazard,
        hazard_from=hazard_from,
        words=found.words,
        strong=found.strong,
        area=area,
        area_path=path,
        lat=point.lat if point else None,
        lon=point.lon if point else None,
        channel=channel,
        language=words.language_of(report.language),
        known=known,
        flags=(
            *known.flags,
            *channel_flags,
            *hazard_flags,
            *point_flags,
            *area_flags,
            *extra_flags,
            *empty,
        ),
    )


def _hazard(stated: str, recognised: str, facts: CityFacts) -> tuple[str, str, tuple[str, ...]]:
    if stated in facts.hazards:
        return stated, "stated", ()
    flags = (words.UNKNOWN_HAZARD,) if stated else ()
    return recognised, "recognised" if recognised else "", flags


def _area(stated: str, point: Point | None, facts: CityFacts) -> tuple[str, str, tuple[str, ...]]:
    """Return area code, its path and flags; where the danger lies beats what was named."""
    named = area_named(stated) if stated else None
    flags: tuple[str, ...] = (words.UNKNOWN_AREA,) if stated and named is None else ()
    found = area_of(point, facts) if point is not None else None
    if point is not None and found is None and facts.loaded:
        flags = (*flags, words.OUTSIDE_CITY)
    if found is None:
        return (named.code, named.path, flags) if named else ("", "", flags)
    if named is None or (found.path + "/").startswith(named.path + "/"):
        return found.code, found.path, flags
    if named.path.startswith(found.path + "/"):
        # The named area is finer than any shape that is drawn: a community without an outline.
        return named.code, named.path, flags
    return found.code, found.path, (*flags, words.AREA_CONTRADICTS)


def _ready(
    report: ReportIn, photos: tuple[Photo, ...], *, purpose: Purpose, now: datetime
) -> _Stored:
    said = _said(report)
    words = msgspec.json.encode(said)
    return _Stored(
        contents.prepared("report", words, purpose=purpose, now=now) if said else None,
        tuple(
            (contents.prepared("photo", photo.data, purpose=purpose, now=now), photo)
            for photo in photos
        ),
    )


def _said(report: ReportIn) -> dict[str, object]:
    """Return the personal part of a report, without what is empty."""
    contact = {
        key: value
        for key, value in (msgspec.to_builtins(report.contact) if report.contact else {}).items()
        if value
    }
    whole = {
        "text": report.text,
        "place": report.place_text,
        "contact": contact,
        "extra": report.extra,
    }
    return {key: value for key, value in whole.items() if value}
