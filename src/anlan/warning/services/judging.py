"""One tick of the judge: streams in columns, then what concerns the city as a whole.

Streams are judged by whoever takes readings in, where such a process runs, else here.  Clusters,
conjunctions and lags are about few things and are judged here alone: fetch what is new, step,
write findings and memory together.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from django.db import transaction

from anlan.infra import failpoints
from anlan.registry import public as registry
from anlan.sensing import public as sensing
from anlan.warning.domain.instants import instant
from anlan.warning.domain.judge import judge_city
from anlan.warning.domain.memory import CityMemory
from anlan.warning.domain.rulebook import unusable
from anlan.warning.domain.signs import Batch
from anlan.warning.models import JudgeState, WarningInForce
from anlan.warning.services import inbox
from anlan.warning.services.findings import keep_findings
from anlan.warning.services.latest import Latest
from anlan.warning.services.signals import end_expired
from anlan.warning.services.surroundings import rules_at, world_at

log = logging.getLogger(__name__)

CITY = "city"
ROUNDS = 50  # of one tick; what is left waits for the next one
LOOK_AGAIN = timedelta(minutes=10)  # rules may begin or end with the time
UNJUDGED = frozenset({sensing.Quality.BAD, sensing.Quality.OUT_OF_RANGE})

_latest = Latest()


@dataclass(frozen=True, slots=True)
class Judged:
    """What a tick did."""

    readings: int = 0
    changes: int = 0  # alert instances raised, changed or cleared
    too_late: int = 0  # readings that came later than the judge waits


class Round(NamedTuple):
    """What one round did, and whether more signs wait."""

    changes: int
    more: bool


def judge(*, now: datetime) -> Judged:
    """Judge everything that is new and everything that time alone has changed.

    An idle tick costs a few small queries.  What breaks in one half does not hold up the other.
    """
    # Not at the top: who never judges must not wait until its kernels are loaded.
    from anlan.warning.services.streams.here import stream_judge

    revision = registry.revision()
    if not revision:
        return Judged()
    try:
        streams = stream_judge().tick_if_free(now=now)
    finally:
        changes = _judge_city(revision, now=now)
    if streams.too_late:
        log.warning("readings came later than the judge waits", extra={"n": streams.too_late})
    return Judged(streams.readings, streams.changes + changes, streams.too_late)


def _judge_city(revision: str, *, now: datetime) -> int:
    changes = 0
    for _ in range(ROUNDS):
        if not _has_work(revision, now=now):
            break
        done = _round(revision, now=now)
        changes += done.changes
        if not done.more:
            break
    return changes


def _has_work(revision: str, *, now: datetime) -> bool:
    city = JudgeState.objects.filter(pk=CITY).defer("blob").first()
    if city is None or (city.next_at is not None and city.next_at <= now):
        return True
    if revision != city.cursors.get("revision") or inbox.waiting():
        return True
    return _latest.has_news()


@transaction.atomic
def _round(revision: str, *, now: datetime) -> Round:
    state, _ = JudgeState.objects.select_for_update().get_or_create(key=CITY)
    cursors = dict(state.cursors)
    signs = inbox.take(cursors)
    end_expired(now=now)
    world = world_at(revision, at=now)
    memory = _remembered(state)
    rules = rules_at(_versions(memory), at=now)
    latest = _latest.look(rules, world.streams, memory.latest)
    world = msgspec.structs.replace(world, streams=_latest.streams)
    if useless := unusable(rules.in_force, world.units):
        log.warning("rules with an unknown unit", extra={"rules": sorted(useless)})
    batch = Batch((), signs.reports, signs.signals)
    memory, findings = judge_city(rules, memory, batch, world, latest, now=now)
    paths = {**world.area_paths, **signs.area_paths}
    root = registry.city().root_area
    changes = keep_findings(findings, root=root, area_paths=paths, now=now)
    failpoints.reach("judge.city_kept")
    state.blob = msgspec.msgpack.encode(memory)
    state.cursors = cursors | {**signs.cursors, "revision": revision}
    state.next_at = _next_at(memory, now=now)
    state.save()
    inbox.clear(signs)
    return Round(changes, len(signs.seqs) >= inbox.AT_ONCE)


def _remembered(state: JudgeState) -> CityMemory:
    if not state.blob:
        return CityMemory()
    try:
        return msgspec.msgpack.decode(bytes(state.blob), type=CityMemory)
    except msgspec.DecodeError:
        # Written by another version: judged afresh; open instances are found by their rows.
        log.warning("the judge forgets what it cannot read")
        return CityMemory()


def _versions(memory: CityMemory) -> set[tuple[str, int]]:
    """Return the rule versions that open instances began with."""
    found = {(item.rule, item.version) for item in memory.clusters}
    return found | {(item.rule, item.version) for item in memory.standing}


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
