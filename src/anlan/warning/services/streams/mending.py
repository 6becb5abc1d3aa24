"""What differs between what streams are found to be and what was told of them, and how to tell it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q
from msgspec.structs import replace

from anlan.registry.domain.rulespecs import SilenceRule
from anlan.warning import columns
from anlan.warning.columns.layout import NEVER, height_of, level_of
from anlan.warning.domain.evidence import subject_of
from anlan.warning.domain.findings import Finding, Reason, What, higher
from anlan.warning.domain.instants import micros
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.models import AlertInstance
from anlan.warning.selectors.streams import silences
from anlan.warning.services.streams.city import OF_STREAMS, JudgedCity

PREFIX = "stream:"
Key = tuple[str, str]  # rule, subject


class Episode(NamedTuple):
    """An alert instance as it should have been told: raised, at its highest, and cleared."""

    raised: Finding
    peak: Finding
    cleared: Finding | None


def open_rows(*, subject: str = "") -> list[AlertInstance]:
    """Return the open instances of stream rules, of one subject or of all."""
    rows = AlertInstance.objects.filter(cleared_at__isnull=True)
    rows = rows.filter(subject=subject) if subject else rows.filter(subject__startswith=PREFIX)
    return list(rows.order_by("subject", "rule"))


def rows_since(subject: str, floor: datetime) -> list[AlertInstance]:
    """Return the instances of stream rules on a subject that were open since ``floor``, silence apart."""
    asked = Q(cleared_at__isnull=True) | Q(cleared_at__gte=floor)
    rows = AlertInstance.objects.filter(asked, subject=subject).order_by("raised_at", "pk")
    of_silence = silences()
    return [row for row in rows if (row.rule, row.rule_version) not in of_silence]


def span_of(row: AlertInstance) -> tuple[int, int, int]:
    """Return when the condition of an instance began, when it was raised and when it ended, in µs."""
    ended = NEVER if row.cleared_at is None else micros(row.cleared_at)
    return micros(row.active_at), micros(row.raised_at), ended


def was_open(row: AlertInstance, at: int) -> bool:
    """Return whether an instance was open at an instant (µs)."""
    _, raised, ended = span_of(row)
    return raised <= at < ended


def standing_of(
    rows: Iterable[AlertInstance], numbers: Mapping[str, int], rules: RuleBook
) -> list[columns.Standing]:
    """Return open instances as the judge in columns is told of them."""
    found = []
    for row in rows:
        number = numbers.get(row.subject.removeprefix(PREFIX))
        spec = rules.version(row.rule, row.rule_version)
        if number is None or not isinstance(spec, OF_STREAMS):
            continue
        named = (row.rule, row.rule_version)
        silent = isinstance(spec, SilenceRule)
        since, at = micros(row.active_at), micros(row.raised_at)
        found.append(columns.Standing(number, named, height_of(row.level), silent, since, at))
    return found


def agrees(
    state: columns.State, city: JudgedCity, rows: Iterable[AlertInstance], but: Iterable[int]
) -> bool:
    """Return whether a state and the open instances say the same, apart from some streams."""
    left_out = {subject_of(city.stream_of(number)) for number in but}
    told = {
        (item.named[0], subject): level_of(item.height)
        for item in columns.standing_in(state)
        if (subject := subject_of(city.stream_of(item.stream))) not in left_out
    }
    known = {(x.rule, x.subject): x.level for x in rows if x.subject not in left_out}
    return told == known


def differences(
    standing: Iterable[columns.Standing],
    rows: Iterable[AlertInstance],
    found: Sequence[Finding],
    city: JudgedCity,
    *,
    now: datetime,
) -> tuple[Finding, ...]:
    """Return what must be told so that the open instances are those that stand."""
    cleared = {(x.rule, x.subject): x for x in found if x.what is What.CLEARED}
    begun = {(x.raised.rule, x.raised.subject): x for x in episodes(found) if x.cleared is None}
    stands: dict[Key, tuple[columns.Standing, str]] = {}
    for one in standing:
        subject = subject_of(city.stream_of(one.stream))
        stands[one.named[0], subject] = (one, level_of(one.height))
    known = {(row.rule, row.subject): row for row in rows}
    told: list[Finding] = []
    for key in sorted(stands.keys() | known.keys()):
        row = known.get(key)
        if key in stands:
            one, level = stands[key]
            seen = begun.get(key) or _seen(one, city, level, now=now)
            told += _raising(row, seen, level)
        elif row is not None:
            told.append(_clearing(row, cleared.get(key), city, now=now))
    return tuple(told)


def _raising(row: AlertInstance | None, seen: Episode, level: str) -> list[Finding]:
    """Return what is told of an instance that stands at a level: its raising, its peak, its level."""
    told = [] if row is not None else [replace(seen.raised, what=What.RAISED, before="")]
    heard = row.level if row is not None else seen.raised.level
    peak = row.peak_level if row is not None else heard
    if higher(peak, seen.peak.level) != peak:
        told.append(replace(seen.peak, what=What.LEVEL, before=heard))
        heard = seen.peak.level
    if heard != level:
        last = seen.peak if seen.peak.level == level else seen.raised
        told.append(replace(last, what=What.LEVEL, level=level, before=heard))
    return told


def _seen(one: columns.Standing, city: JudgedCity, level: str, *, now: datetime) -> Episode:
    """Return an episode for what stands although no reading that is left says since when."""
    stream = city.stream_of(one.stream)
    rule = city.columns.rules.version(*one.named)
    found = Finding(
        what=What.RAISED,
        rule=one.named[0],
        version=one.named[1],
        subject=subject_of(stream),
        hazard=getattr(rule, "hazard", ""),
        level=level,
        area=stream.area,
        place=stream.place,
        carrier=stream.carrier if isinstance(rule, SilenceRule) else "",
        since=now,
        at=now,
        reason=Reason("judge.found_again"),
    )
    return Episode(found, found, None)


def _clearing(
    row: AlertInstance, seen: Finding | None, city: JudgedCity, *, now: datetime
) -> Finding:
    if seen is not None and seen.at >= row.raised_at:
        return seen
    code = row.subject.removeprefix(PREFIX)
    gone = code not in city.of.streams
    spec = city.columns.rules.version(row.rule, row.rule_version)
    why = "subject.ended" if gone else "reading.corrected" if spec is not None else "rule.gone"
    return Finding(
        what=What.CLEARED,
        rule=row.rule,
        version=row.rule_version,
        subject=row.subject,
        hazard=row.hazard,
        level=row.level,
        before=row.level,
        area=row.area,
        place=row.place,
        since=now,
        at=now,
        reason=Reason(why),
    )


def episodes(found: Iterable[Finding]) -> list[Episode]:
    """Return findings as the instances that they tell of, in the order in which they end."""
    begun: dict[Key, Episode] = {}
    done = []
    for item in found:
        key = (item.rule, item.subject)
        before = begun.get(key)
        if item.what is What.CLEARED:
            if before is not None:
                done.append(begun.pop(key)._replace(cleared=item))
        elif before is None:
            begun[key] = Episode(item, item, None)
        elif higher(before.peak.level, item.level) != before.peak.level:
            begun[key] = before._replace(peak=item)
    return [*done, *begun.values()]


def untold(
    found: Iterable[Episode], rows: Sequence[AlertInstance], *, since: datetime
) -> list[Episode]:
    """Return the instances that are over and that nobody was told of, or not so high.

    Only those that end after ``since``: what came late changes nothing before its instant.
    """
    told = []
    for item in found:
        if item.cleared is None or item.cleared.at < since:
            continue
        near = [row for row in rows if _overlaps(row, item)]
        if not near:
            told.append(item)
        elif all(higher(row.peak_level, item.peak.level) != row.peak_level for row in near):
            # What was told of it stays; how high it was is told as an instance of its own.
            told.append(item._replace(raised=item.peak))
    return told


def _overlaps(row: AlertInstance, item: Episode) -> bool:
    assert item.cleared is not None  # noqa: S101  it is over
    return (
        row.rule == item.raised.rule
        and row.raised_at <= item.cleared.at
        and (row.cleared_at is None or row.cleared_at >= item.raised.since)
    )


def late(finding: Finding) -> Finding:
    """Return a finding that says that it was found late."""
    kind, _, what = finding.reason.code.partition(".")
    if kind not in {"threshold", "window"}:
        return finding
    return replace(finding, reason=Reason(f"late.{kind}_{what}", finding.reason.params))
