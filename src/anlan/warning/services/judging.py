"""One tick of the judge: fetch what is new, step, write findings and memory together."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

import msgspec
from django.db import transaction
from django.db.models import Q

from anlan.infra import failpoints
from anlan.registry import public as registry
from anlan.sensing import public as sensing
from anlan.warning.domain.instants import instant, micros
from anlan.warning.domain.judge import step
from anlan.warning.domain.memory import CityMemory, Memory, StreamMemory
from anlan.warning.domain.signs import Batch, Observation, World
from anlan.warning.models import JudgeState, WarningInForce
from anlan.warning.services import inbox
from anlan.warning.services.findings import keep_findings
from anlan.warning.services.signals import end_expired
from anlan.warning.services.surroundings import rules_at, world_at

log = logging.getLogger(__name__)

CITY = "city"
STREAM = "stream:"
BATCHES_AT_ONCE = 200
ROUNDS = 50  # of one tick; what is left waits for the next one
KEYS_AT_ONCE = 5_000
LOOK_AGAIN = timedelta(minutes=10)  # rules and sensors may begin or end with the time
UNJUDGED = frozenset({sensing.Quality.BAD, sensing.Quality.OUT_OF_RANGE})

MemoryT = TypeVar("MemoryT", CityMemory, StreamMemory)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a tick did."""

    readings: int = 0
    changes: int = 0  # alert instances raised, changed or cleared
    too_late: int = 0  # readings that came later than the judge waits


class Round(NamedTuple):
    """What one round of a tick takes up."""

    batches: tuple[sensing.Batch, ...]
    signs: inbox.Signs
    as_of: datetime
    more: bool


def judge(*, now: datetime) -> Judged:
    """Judge everything that is new and everything that time alone has changed.

    An idle tick costs a few small queries.  Findings, memory and cursors
    commit together, so a crash repeats nothing and loses nothing.
    """
    total = Judged()
    for _ in range(ROUNDS):
        if not _has_work(now=now):
            break
        done, more = _round(now=now)
        total = Judged(
            readings=total.readings + done.readings,
            changes=total.changes + done.changes,
            too_late=total.too_late + done.too_late,
        )
        if not more:
            break
    if total.too_late:
        log.warning("readings came too late to be judged", extra={"readings": total.too_late})
    return total


def _has_work(*, now: datetime) -> bool:
    rows = JudgeState.objects.filter(Q(pk=CITY) | Q(next_at__lte=now)).defer("blob")[:2]
    states = {row.key: row for row in rows}
    revision = registry.revision()
    if not revision:
        return False
    city = states.pop(CITY, None)
    if states or city is None or (city.next_at is not None and city.next_at <= now):
        return True
    cursors = city.cursors
    return (
        revision != cursors.get("revision")
        or sensing.last_batch_id() > cursors.get("batch", 0)
        or inbox.waiting()
    )


@transaction.atomic
def _round(*, now: datetime) -> tuple[Judged, bool]:
    state, _ = JudgeState.objects.select_for_update().get_or_create(key=CITY)
    cursors = dict(state.cursors)
    revision = registry.revision()
    taken = _take(cursors, now=now)
    end_expired(now=now)
    world = world_at(revision, at=taken.as_of)
    memory, vanished = _remembered(
        state, taken, world, everything=revision != cursors.get("revision"), now=now
    )
    rules = rules_at(_versions(memory), at=taken.as_of)
    batch = Batch(tuple(_observations(taken.batches)), taken.signs.reports, taken.signs.signals)
    done = step(rules, memory, batch, world, now=taken.as_of)
    if done.unusable:
        log.warning("rules with an unknown unit", extra={"rules": sorted(done.unusable)})
    paths = {**world.area_paths, **taken.signs.area_paths}
    root = registry.city().root_area
    changes = keep_findings(done.findings, root=root, area_paths=paths, now=now)
    failpoints.reach("judge.findings_kept")
    if taken.batches:
        cursors["batch"] = taken.batches[-1].id
    cursors |= {**taken.signs.cursors, "revision": revision}
    _keep(state, done.memory, cursors, vanished=vanished, now=now)
    inbox.clear(taken.signs)
    return Judged(len(batch.observations), changes, done.too_late), taken.more


def _take(cursors: dict[str, int], *, now: datetime) -> Round:
    batches = sensing.batches_after(cursors.get("batch", 0), BATCHES_AT_ONCE)
    more = len(batches) == BATCHES_AT_ONCE
    # With batches still to come the judge must not take for silence what it has not read yet.
    as_of = min(now, batches[-1].received_at) if more else now
    signs = inbox.Signs() if more else inbox.take(cursors)
    return Round(batches, signs, as_of, more)


def _observations(batches: Iterable[sensing.Batch]) -> Iterator[Observation]:
    for batch in batches:
        for item in batch.observations:
            value = None if item.quality in UNJUDGED else item.value
            yield Observation(item.stream, item.at, value, batch.received_at)


def _remembered(
    state: JudgeState, taken: Round, world: World, *, everything: bool, now: datetime
) -> tuple[Memory, set[str]]:
    """Return the part of the memory that a step needs, and the streams that are no more."""
    city = _decoded(bytes(state.blob), CityMemory()) if state.blob else CityMemory()
    vanished = set(city.known) - set(world.streams)
    touched = {item.stream for batch in taken.batches for item in batch.observations}
    rows = JudgeState.objects.filter(key__startswith=STREAM)
    if everything:
        found = list(rows)
    else:
        found = list(rows.filter(next_at__lte=now))
        keys = sorted({STREAM + code for code in touched | vanished} - {row.key for row in found})
        for first in range(0, len(keys), KEYS_AT_ONCE):
            found += JudgeState.objects.filter(key__in=keys[first : first + KEYS_AT_ONCE])
    streams: dict[str, StreamMemory] = {}
    for row in found:
        code = row.key.removeprefix(STREAM)
        blank = StreamMemory(since=micros(taken.as_of))
        streams[code] = _decoded(bytes(row.blob), blank)
    return Memory(city, streams), vanished


def _decoded(blob: bytes, blank: MemoryT) -> MemoryT:
    try:
        return msgspec.msgpack.decode(blob, type=type(blank))
    except msgspec.DecodeError:
        # Written by another version: judged afresh; open instances are found by their rows.
        log.warning("the judge forgets what it cannot read")
        return blank


def _versions(memory: Memory) -> set[tuple[str, int]]:
    """Return the rule versions that open instances began with."""
    found = {(item.rule, item.version) for item in memory.city.clusters}
    found |= {(item.rule, item.version) for item in memory.city.standing}
    for stream in memory.streams.values():
        found |= {(item.rule, item.version) for item in stream.rules if item.told}
        if stream.silence is not None:
            found.add((stream.silence.rule, stream.silence.version))
    return found


def _keep(
    state: JudgeState,
    memory: Memory,
    cursors: dict[str, object],
    *,
    vanished: set[str],
    now: datetime,
) -> None:
    rows = [
        JudgeState(
            key=STREAM + code,
            blob=msgspec.msgpack.encode(item),
            next_at=None if item.next_at is None else instant(item.next_at),
        )
        for code, item in memory.streams.items()
    ]
    JudgeState.objects.bulk_create(
        rows,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["blob", "next_at"],
    )
    if vanished:
        JudgeState.objects.filter(key__in=[STREAM + code for code in vanished]).delete()
    state.blob = msgspec.msgpack.encode(memory.city)
    state.cursors = cursors
    state.next_at = _next_at(memory.city, now=now)
    state.save()


def _next_at(city: CityMemory, *, now: datetime) -> datetime:
    """Return when the city as a whole must be looked at again."""
    due = [now + LOOK_AGAIN]
    if city.next_at is not None:
        due.append(instant(city.next_at))
    for began, ends in WarningInForce.objects.filter(ended_at__isnull=True).values_list(
        "began_at", "ends_at"
    ):
        due += [at for at in (began, ends) if at is not None and at > now]
    return min(due)
