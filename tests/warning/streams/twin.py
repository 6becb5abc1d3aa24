"""The slow, obvious judge, fed the same history in one go, and the instances that it leads to."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from anlan.infra import failpoints
from anlan.infra.here import workspace
from anlan.registry import public as registry
from anlan.sensing import public as sensing
from anlan.sensing.services import hands
from anlan.warning.domain.findings import Finding, What, higher
from anlan.warning.domain.instants import instant
from anlan.warning.domain.judge import step
from anlan.warning.domain.memory import CityMemory, Memory
from anlan.warning.domain.signs import Batch, Observation, World
from anlan.warning.models import AlertInstance
from anlan.warning.services.streams import here
from anlan.warning.services.surroundings import city_at, rules_at

BAD = {2, 3, 4, 255}
Told = tuple[Any, ...]


def observations(frame: sensing.Frame) -> list[Observation]:
    """Return a frame as readings; the number of the message decides, not anybody's clock."""
    columns = (frame.stream, frame.at_us, frame.value, frame.quality)
    return [
        Observation(
            sensing.stream_codes(stream)[stream],
            instant(at),
            None if quality in BAD else value,
            instant(frame.seq),
        )
        for stream, at, value, quality in zip(*(x.tolist() for x in columns), strict=True)
    ]


@dataclass
class Twin:
    """Judges all streams at every step, and never forgets."""

    memory: Memory = field(default_factory=Memory)
    frame: int = 0
    too_late: int = 0
    open: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    over: list[Told] = field(default_factory=list)

    def judge(self, *, now: datetime) -> None:
        """Take every frame since the last step."""
        frames = sensing.frames_after(self.frame, 10_000)
        self.frame = frames[-1].seq if frames else self.frame
        self.hear([item for frame in frames for item in observations(frame)], now=now)

    def hear(self, news: list[Observation], *, now: datetime) -> None:
        """Take readings, and let time go on."""
        city = city_at(registry.revision(), at=now)
        world = World(streams=city.streams, units=city.units)
        rules = rules_at((), at=now)
        known = Memory(CityMemory(known=self.memory.city.known), self.memory.streams)
        done = step(rules, known, Batch(tuple(news)), world, now=now)
        self.memory = done.memory
        self.too_late += done.too_late
        for finding in done.findings:
            if finding.subject.startswith("stream:"):
                self._tell(finding)

    def _tell(self, item: Finding) -> None:
        key = (item.rule, item.subject)
        row = self.open.get(key)
        if item.what is What.CLEARED:
            if row is not None:
                _, at, level, peak = self.open.pop(key)
                self.over.append((*key, at, level, peak, max(item.at, at), item.reason.code))
        elif row is None:
            self.open[key] = [item.since, item.at, item.level, item.level]
        else:
            row[2], row[3] = item.level, higher(row[3], item.level)

    @property
    def instances(self) -> list[Told]:
        """Every instance: rule, subject, raised, level, peak, cleared and why."""
        still = [
            (*key, at, level, peak, None, "") for key, (_, at, level, peak) in self.open.items()
        ]
        return sorted([*self.over, *still], key=str)


@contextlib.contextmanager
def an_afternoon() -> Iterator[None]:
    """A city of one example's own; nothing of it stays."""
    with contextlib.ExitStack() as stack:
        stack.callback(_clear)
        for alias in ("default", "contents"):
            stack.enter_context(transaction.atomic(using=alias))
            stack.callback(transaction.set_rollback, True, using=alias)
        yield


def _clear() -> None:
    failpoints.arm("")
    here.forget()
    hands.let_go()
    for folder in (workspace().observations, workspace().judge):
        shutil.rmtree(folder, ignore_errors=True)


def instances() -> list[Told]:
    """Return what is in the database of streams."""
    rows = AlertInstance.objects.filter(subject__startswith="stream:")
    found = [
        (x.rule, x.subject, x.raised_at, x.level, x.peak_level, x.cleared_at, x.cleared_reason)
        for x in rows
    ]
    return sorted(found, key=str)
