"""Ordinary days through the database and through the pure judge give the same alerts."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from anlan.infra import delivery
from anlan.kernel.actor import system_actor
from anlan.kernel.scales import WarningLevel
from anlan.learning.domain import capxml, ordinary, weekrun
from anlan.learning.domain.ordinary import OrdinaryWeek, Series, instant
from anlan.learning.domain.scenario import Mark, RelayedSignal
from anlan.learning.domain.usual import RAINSTORM
from anlan.learning.services import weeks
from anlan.registry.domain.parse import city_folder
from anlan.sensing import public as sensing
from anlan.sensing.domain.events import ReportReceived, SignalReceived
from anlan.warning import handlers
from anlan.warning import public as warning
from anlan.warning.models import AlertInstance
from tests.cities import load_demo

pytestmark = pytest.mark.django_db(databases="__all__")
STREAMS = ("RAIN-01", "RES-01", "RIV-01", "HYD-01", "PIT-01", "TILT-01")
DAYS = timedelta(days=1, hours=12)
ACTOR = system_actor("test")
HEARD = {
    ReportReceived: (handlers.on_report_received,),
    SignalReceived: (handlers.on_signal,),
}


@pytest.fixture
def demo(db):
    with ExitStack() as stack:
        for alias in ("default", "contents"):
            stack.enter_context(transaction.atomic(using=alias))
        load_demo(datetime(2024, 6, 30, tzinfo=UTC))
        yield


def first_days(week: OrdinaryWeek) -> OrdinaryWeek:
    """Return the beginning of a week, with a few streams only."""
    end = DAYS.total_seconds()
    series = {}
    for code in STREAMS:
        kept = week.series[code].at_s <= end
        series[code] = Series(week.series[code].at_s[kept], week.series[code].values[kept])
    return replace(
        week,
        series=series,
        reports=tuple(item for item in week.reports if item.at_s <= end),
        signals=tuple(replace(item, at_s=3600.0 * 5) for item in week.signals),
    )


def through_the_database(week: OrdinaryWeek, start: datetime) -> None:
    rows = sorted(
        (at_s, code, value)
        for code, series in week.series.items()
        for at_s, value in zip(series.at_s.tolist(), series.values.tolist(), strict=True)
    )
    reports, signals = list(week.reports), list(week.signals)
    now = start
    while now < start + DAYS:
        now += weekrun.TICK
        end_s = (now - start).total_seconds()
        due = [row for row in rows if row[0] <= end_s]
        rows = rows[len(due) :]
        batch = tuple(
            sensing.RowIn(stream=code, at=instant(start, at_s), value=value)
            for at_s, code, value in due
        )
        if batch:
            sensing.keep_observations(ACTOR, sensing.BatchIn(rows=batch), now=now)
        while signals and signals[0].at_s <= end_s:
            sent = instant(start, signals.pop(0).at_s)
            sensing.keep_signal(ACTOR, yellow(sent), now=sent)
        while reports and reports[0].at_s <= end_s:
            item = reports.pop(0)
            at = instant(start, item.at_s)
            given = sensing.ReportIn(text=item.text, lat=item.lat, lon=item.lon, known_at=at)
            sensing.keep_report(ACTOR, given, secret="s", now=at)
        delivery.settle(HEARD, now=now)
        warning.judge(now=now)


def yellow(sent: datetime) -> bytes:
    signal = RelayedSignal(
        known_at="2024-07-01T00:00", colour=WarningLevel.YELLOW, hazard=RAINSTORM, text="yellow",
        area="410100", area_zh="市", mark=Mark.ASSUMED,
    )  # fmt: skip
    return capxml.message(signal, scenario="ordinary", number=1, sent=sent)


def test_the_database_and_the_pure_judge_give_the_same_alerts(demo):
    city, packs, setting = weeks._prepared(str(city_folder("demo")))
    start = weeks.start_of(city)
    week = first_days(ordinary.ordinary_week(setting, 1))
    through_the_database(week, start)
    pure = weekrun.run_week(
        week, packs, hazard=RAINSTORM, start=start, streams=packs.world.streams.keys()
    )
    by_hand = sorted(
        (alert.rule, alert.subject.split(":")[0], alert.level, alert.at)
        for alert in pure.alerts
        if alert.at <= start + DAYS
    )
    kept = sorted(
        (row.rule, row.subject.split(":")[0], row.peak_level, row.raised_at)
        for row in AlertInstance.objects.all()
    )
    assert kept == by_hand
    rules = {rule for rule, *_ in kept}
    assert any(rule.startswith("reports.") for rule in rules), rules
    assert len(kept) > 10
