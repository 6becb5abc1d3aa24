"""Findings outside of the steps: what a memory made again, or news that came too late, has to tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from anlan.infra import failpoints
from anlan.warning import columns
from anlan.warning.domain.findings import Finding
from anlan.warning.models import AlertInstance
from anlan.warning.services.findings import keep_findings, keep_over
from anlan.warning.services.streams import mending
from anlan.warning.services.streams.city import JudgedCity
from anlan.warning.services.streams.mending import Episode


@dataclass(frozen=True, slots=True)
class Told:
    """Findings of now, and instances that were over when they were found.

    They follow from the alert instances and the store; what is lost before it is written is found again.
    """

    findings: tuple[Finding, ...]
    over: tuple[Episode, ...]
    city: JudgedCity

    def write(self, *, now: datetime) -> int:
        """Write all of it, together; return how many instances changed."""
        root, paths = self.city.of.root, self.city.of.area_paths
        with transaction.atomic():
            changed = keep_findings(
                self.findings, root=root, area_paths=paths, now=now, told_once=True
            )
            for item in self.over:
                assert item.cleared is not None  # noqa: S101  it is over
                keep_over(
                    item.raised, item.peak, item.cleared, root=root, area_paths=paths, now=now
                )
            failpoints.reach("judge.mended")
        return changed + len(self.over)


def of_now(findings: tuple[Finding, ...], city: JudgedCity) -> Told:
    """Return what a memory that was made again has to tell."""
    return Told(findings, (), city)


def of_the_past(
    standing: Iterable[columns.Standing],
    found: Sequence[Finding],
    rows: Sequence[AlertInstance],
    city: JudgedCity,
    *,
    since: datetime,
    now: datetime,
) -> Told | None:
    """Return what news that came too late, for ``since`` and later, has to tell; None: nothing."""
    still_open = [row for row in rows if row.cleared_at is None]
    told = mending.differences(standing, still_open, found, city, now=now)
    over = mending.untold(mending.episodes(found), rows, since=since)
    if not told and not over:
        return None
    late = tuple(Episode(mending.late(x.raised), mending.late(x.peak), x.cleared) for x in over)
    return Told(tuple(mending.late(item) for item in told), late, city)
