"""Findings of one step of the judge, written with where that step lay: its cut.

A step follows from the state before it, the frames it took and its instant.  A cut keeps the
latter two, so a judge that starts again from an older state does the same step again and knows
which of its findings are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction

from anlan.infra import failpoints
from anlan.infra.recall import recalling
from anlan.kernel.errors import ConflictError
from anlan.warning import columns
from anlan.warning.domain.findings import Finding
from anlan.warning.models import JudgeCut, JudgeState
from anlan.warning.services.findings import keep_findings
from anlan.warning.services.streams.city import JudgedCity

STREAMS = "streams"
KNOWN = 200
"""So many growths of the city are remembered."""
AT_ONCE = 2_000
"""Findings of one transaction: in a storm others want to write, too, and wait up to a second then.

With fewer, an incident grows in as many more steps, and each of them is journalled and heard.
"""


class Mark(NamedTuple):
    """How far the judge has come: the last frame it took, and the instant of its last step (µs)."""

    frame: int
    at: int


@dataclass(slots=True)
class Cut:
    """A step that found something, and how much of that is written."""

    number: int
    before: Mark
    after: Mark
    step: columns.Step
    city: JudgedCity
    new_city: bool
    told: int = 0
    _findings: tuple[Finding, ...] | None = field(default=None)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What it found, in an order that is always the same."""
        if self._findings is None:
            found = columns.findings_of(self.step, self.city.columns, self.city.stream_of)
            self._findings = tuple(found)
        return self._findings


class Written(NamedTuple):
    """What the database knows: the last cut, and up to where everything is judged and written."""

    id: str
    number: int
    mark: Mark | None
    known: tuple[
        tuple[int, int], ...
    ] = ()  # how many streams there were from which instant on (µs)


def read_written() -> Written | None:
    """Return where the database stands; None when nothing was ever judged."""
    row = JudgeState.objects.filter(key=STREAMS).first()
    if row is None:
        return None
    said = row.cursors
    # A row that another judge left knows the frame, and not the instant.
    mark = Mark(said["frame"], said["at"]) if "at" in said else None
    if mark is None and "judged_to" in said:
        mark = Mark(said["judged_to"], 0)
    known = tuple((count, at) for count, at in said.get("known", ()))
    return Written(said.get("id", ""), said.get("cut", 0), mark, known)


def cuts_after(number: int) -> list[JudgeCut]:
    """Return the cuts with greater numbers, in order."""
    return list(JudgeCut.objects.filter(number__gt=number).order_by("number"))


def write_some(cut: Cut, identity: str, *, now: datetime) -> int:
    """Write the next findings of a cut with it, together; return how many instances changed.

    Raises
    ------
    ConflictError
        When the database has moved on by another hand: this memory is not to be trusted.
    """
    some = _some(cut.findings, cut.told)
    whole = cut.told + len(some) == len(cut.findings)
    with transaction.atomic(), recalling():
        row = _locked(identity)
        if row.cursors.get("cut", 0) != cut.number - (0 if cut.told else 1):
            raise ConflictError(what="another process judges the streams of this workspace")
        changed = keep_findings(
            some,
            root=cut.city.of.root,
            area_paths=cut.city.of.area_paths,
            now=now,
            told_once=True,
            new_rules=cut.new_city,
            coming=cut.findings[cut.told + len(some) :],
        )
        failpoints.reach("judge.findings_kept")
        JudgeCut.objects.update_or_create(
            number=cut.number,
            defaults={
                "before_frame": cut.before.frame,
                "before_us": cut.before.at,
                "frame": cut.after.frame,
                "at_us": cut.after.at,
                "city": cut.new_city,
                "told": cut.told + len(some),
                "whole": whole,
            },
        )
        row.cursors["cut"] = cut.number
        if cut.new_city:
            _note_known(row.cursors, len(cut.city.columns.facts.there), cut.after.at)
        if whole:
            row.cursors |= {"frame": cut.after.frame, "at": cut.after.at}
        row.save(update_fields=["cursors"])
    failpoints.reach("judge.cut_written")
    cut.told += len(some)
    return changed


def _note_known(cursors: dict[str, Any], count: int, at: int) -> None:
    """Note since when there are so many streams: patience with those that never speak begins then."""
    known = cursors.setdefault("known", [])
    if count > max((number for number, _ in known), default=0):
        known.append([count, at])
        del known[:-KNOWN]


def _some(findings: Sequence[Finding], begin: int) -> Sequence[Finding]:
    """Return the next findings; those of one subject stay together."""
    end = min(begin + AT_ONCE, len(findings))
    while begin < end < len(findings) and findings[end].subject == findings[end - 1].subject:
        end += 1
    return findings[begin:end]


def _locked(identity: str) -> JudgeState:
    row, made = JudgeState.objects.select_for_update().get_or_create(
        key=STREAMS, defaults={"cursors": {"id": identity}}
    )
    if not made and row.cursors.setdefault("id", identity) != identity:
        raise ConflictError(what="another memory judges the streams of this workspace")
    return row


def note_checkpoint(mark: Mark, number: int, identity: str) -> None:
    """Say that everything up to ``mark`` is judged, written and in a checkpoint."""
    with transaction.atomic():
        row = _locked(identity)
        if mark.frame >= row.cursors.get("frame", 0) and mark.at >= row.cursors.get("at", 0):
            # Else a cut that was written while the checkpoint was has come further already.
            row.cursors |= {"frame": mark.frame, "at": mark.at}
            row.save(update_fields=["cursors"])
        JudgeCut.objects.filter(number__lte=number).delete()
