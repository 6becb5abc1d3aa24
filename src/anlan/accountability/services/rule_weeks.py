"""Counting what became of the alerts of each rule, week by week, ahead of who asks.

The journal tells which weeks of which rules changed; these are counted anew, whole, from the
tables.  So nothing is added twice, and a storm of changes in one week is one count of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from itertools import islice
from typing import Any

import numpy as np
from django.db import transaction

from anlan.accountability.domain.precision import (
    WEEKS,
    Outcome,
    Tally,
    begin_of,
    outcome_of,
    week_of,
)
from anlan.accountability.domain.review import NOT_ANSWERING
from anlan.accountability.models import CaseAct, RulesHeard, RuleWeek
from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.kernel.canonical import parse_instant
from anlan.notices import public as notices
from anlan.registry import public as registry
from anlan.response import public as response
from anlan.warning import public as warning

#: Entries that are heard at once, and alerts that are counted at once.
HEARD_AT_ONCE, AT_ONCE = 20_000, 500
#: Weeks that are kept; a case that ends later changes nothing any more.
KEPT = 26
_OF_CASES = frozenset(
    {"CaseOpened", "SignJoinedCase", "MembersJoined", "SignLeftCase", "CaseMoved", "CasesMerged"}
)
READ = ("AlertRaised", "NoticeAnswered", *sorted(_OF_CASES))
Cell = tuple[str, date]


@dataclass(slots=True)
class _Heard:
    """What some entries speak of."""

    cells: set[Cell] = field(default_factory=set)
    cases: dict[int, datetime | None] = field(default_factory=dict)  # and when somebody acted
    notices: dict[int, datetime] = field(default_factory=dict)

    def read(self, row: Mapping[str, Any], zone: tzinfo) -> None:
        """Take in one entry."""
        payload, event = row["payload"], row["event"]
        if event == "AlertRaised":
            self.cells.add((payload["rule"], week_of(parse_instant(payload["at"]), zone)))
        elif event == "NoticeAnswered":
            if payload["what"] == "acknowledged":
                for notice in (payload["notice"], *payload.get("also", ())):
                    self.notices.setdefault(notice, row["at"])
        else:
            acts = event == "CaseMoved" and not row["actor"].startswith(NOT_ANSWERING)
            self.act(payload["case"], row["at"] if acts else None)
            if event == "CasesMerged":
                self.act(payload["into"], None)

    def act(self, case: int, at: datetime | None) -> None:
        """Note that a case changed, and that somebody acted on it."""
        known = self.cases.get(case)
        self.cases[case] = known or at


def count_rules(*, now: datetime, goes_on: Callable[[], bool] = lambda: True) -> int:
    """Hear what is new, then count the weeks that changed while ``goes_on`` says so.

    Returns how many weeks are still to be counted.
    """
    if not registry.is_loaded():
        return 0
    zone = registry.timezone()
    while _hear(now=now, zone=zone) and goes_on():
        pass
    oldest = week_of(now, zone) - timedelta(weeks=KEPT)
    RuleWeek.objects.filter(week__lt=oldest).delete()
    CaseAct.objects.filter(at__lt=begin_of(oldest, zone)).delete()
    stale = RuleWeek.objects.filter(is_stale=True)
    for week in list(stale.order_by("-week").values_list("week", flat=True).distinct()):
        _count(week, zone)
        if not goes_on():
            break
    return stale.values("week").distinct().count()


def _hear(*, now: datetime, zone: tzinfo) -> bool:
    """Note which weeks changed, up to the journal's head; return whether there is more to hear."""
    with transaction.atomic():
        begun = RulesHeard.objects.select_for_update().filter(pk=1).first()
        if begun is None:
            begun = RulesHeard(seq=_first(now, zone))
        head = journal.head()
        entries = JournalEntry.objects.filter(seq__gt=begun.seq, seq__lte=head, event__in=READ)
        rows = list(
            entries.order_by("seq").values("seq", "event", "at", "actor", "payload")[:HEARD_AT_ONCE]
        )
        heard = _Heard()
        for row in rows:
            heard.read(row, zone)
        _note(heard, zone)
        more = len(rows) == HEARD_AT_ONCE
        begun.seq = rows[-1]["seq"] if more else head
        begun.save()
    return more


def _first(now: datetime, zone: tzinfo) -> int:
    """Return behind which entry to begin: what happened in the weeks that are shown."""
    since = begin_of(week_of(now, zone), zone) - timedelta(weeks=WEEKS)
    entry = JournalEntry.objects.filter(at__gte=since).order_by("at", "seq").first()
    return journal.head() if entry is None else entry.seq - 1


def _note(heard: _Heard, zone: tzinfo) -> None:
    """Keep who acted first, and which weeks must be counted anew."""
    for about, at in _answered(heard.notices):
        heard.act(about, at)
    _keep_acts({case: at for case, at in heard.cases.items() if at is not None})
    cells = heard.cells
    for some in _chunks(heard.cases):
        for alert in warning.alerts_named(response.alerts_of_cases(some)).values():
            cells.add((alert.rule, week_of(alert.raised_at, zone)))
    RuleWeek.objects.bulk_create(
        [RuleWeek(rule=rule, week=week, is_stale=True) for rule, week in sorted(cells)],
        update_conflicts=True,
        unique_fields=["rule", "week", "area_path"],
        update_fields=["is_stale"],
    )


def _answered(given: dict[int, datetime]) -> Iterator[tuple[int, datetime]]:
    """Yield the cases about which notices were answered."""
    for some in _chunks(given):
        for notice, about in notices.matters_of(some).items():
            what, _, key = about.partition(":")
            if what == "case" and key.isdecimal():
                yield int(key), given[notice]


def _keep_acts(acts: dict[int, datetime]) -> None:
    for some in _chunks(acts):
        owners = response.owners_of(some)
        CaseAct.objects.bulk_create(
            [CaseAct(case=case, at=acts[case], post=owners.get(case, "")) for case in some],
            ignore_conflicts=True,  # the first one counts
        )


def _chunks(keys: Iterable[int]) -> Iterator[list[int]]:
    every = iter(keys)
    while some := list(islice(every, AT_ONCE)):
        yield some


def _count(week: date, zone: tzinfo) -> None:
    """Count a week anew for every rule that changed in it."""
    with transaction.atomic():
        stale = RuleWeek.objects.select_for_update().filter(week=week, is_stale=True)
        rules = set(stale.values_list("rule", flat=True))
        found = {(rule, ""): Tally() for rule in rules}
        spares = registry.spared_reasons()
        bounds = begin_of(week, zone), begin_of(week + timedelta(days=7), zone)
        for alerts in warning.raised_between(*bounds, rules=rules, at_once=AT_ONCE):
            _add(found, alerts, spares)
        RuleWeek.objects.filter(week=week, rule__in=rules).delete()
        RuleWeek.objects.bulk_create(
            [_row(rule, week, path, tally) for (rule, path), tally in sorted(found.items())],
            batch_size=AT_ONCE,
        )


def _add(
    found: dict[tuple[str, str], Tally],
    alerts: Sequence[warning.RaisedAlert],
    spares: frozenset[str],
) -> None:
    cases = response.ends_of_signs([f"alert:{one.id}" for one in alerts])
    acts = CaseAct.objects.in_bulk({case.id for case in cases.values()})
    for one in alerts:
        case = cases.get(f"alert:{one.id}")
        act = acts.get(case.id) if case is not None else None
        outcome = (
            Outcome.TOLD
            if case is None
            else outcome_of(case.state, is_open=case.is_open, reason=case.reason, spares=spares)
        )
        # Of a case in hand already nobody was waited for.
        waited = act is not None and act.at >= one.recorded_at
        wait_s = int((act.at - one.recorded_at).total_seconds()) if act and waited else None
        for path in _above(one.area_path):
            found.setdefault((one.rule, path), Tally()).add(
                outcome, post=act.post if act else "", acted=act is not None, wait_s=wait_s
            )


def _above(path: str) -> Iterator[str]:
    """Yield the paths of an area and of all that hold it; the whole city first."""
    yield ""
    steps = path.split("/") if path else []
    for number in range(len(steps)):
        yield "/".join(steps[: number + 1])


def _row(rule: str, week: date, path: str, tally: Tally) -> RuleWeek:
    waits = np.array(sorted(tally.waits_s), "<i4")
    return RuleWeek(
        rule=rule,
        week=week,
        area_path=path,
        outcomes=tally.outcomes,
        acted=tally.acted,
        posts=tally.posts,
        waits=waits.tobytes(),
    )
