"""Ordinary weeks: the same for a seed, in the shape that the page documents, harmless."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from anlan.kernel.scales import WarningLevel
from anlan.learning.domain import ordinary, weekrun
from anlan.learning.domain.complaints import KINDS
from anlan.learning.domain.ordinary import Ground, Setting, StreamPlan, Usual
from anlan.learning.domain.packworld import PackWorld
from anlan.learning.domain.weekrun import FalseAlert, WeekCount
from anlan.registry.domain.jurisdiction import Lexicon
from anlan.registry.domain.packwords import Basis, Confidence, Text
from anlan.registry.domain.rulespecs import (
    ClusterLimit,
    ClusterRule,
    ConjunctionRule,
    Limit,
    SignalCondition,
    ThresholdRule,
    WindowLimit,
    WindowRule,
)
from anlan.warning.domain.findings import Evidence, Finding, Reason, What
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.signs import Place, Stream, Units, World

START = datetime(2024, 7, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def setting(**changes):
    values = {
        "streams": (
            StreamPlan("RAIN", "rain", HOUR),
            StreamPlan("DEPTH", "depth", timedelta(minutes=10)),
        ),
        "usual": {"depth": Usual(level=0.02, noise=0.005, per_mm=0.002, spike=1.0)},
        "ground": Ground(34.66, 113.5, 34.86, 113.9),
        "complaints_per_week": 200.0,
        "language": "zh",
        "rain_quantity": "rain",
        **changes,
    }
    return Setting(**values)


def test_a_seed_gives_one_week():
    first, again, other = (ordinary.ordinary_week(setting(), seed) for seed in (7, 7, 8))
    assert first.reports == again.reports
    assert first.signals == again.signals
    np.testing.assert_array_equal(first.series["DEPTH"].values, again.series["DEPTH"].values)
    assert first.reports != other.reports


@pytest.mark.parametrize("seed", range(20))
def test_a_week_stays_in_its_bounds(seed):
    week = ordinary.ordinary_week(setting(), seed)
    for series in week.series.values():
        assert len(series.at_s) == len(series.values)
        assert (np.diff(series.at_s) > 0).all()
        assert np.isfinite(series.values).all()
        assert (series.values >= 0).all()
        assert series.at_s[0] > 0
        assert series.at_s[-1] <= ordinary.WEEK_S
    times = [report.at_s for report in week.reports]
    assert times == sorted(times)
    assert all(0 <= at < ordinary.WEEK_S for at in times)
    assert len(week.signals) == 1
    assert 0 <= week.signals[0].at_s < ordinary.WEEK_S


def test_the_rain_has_the_documented_mean():
    totals = [ordinary.rain_of_week(np.random.default_rng(seed)).sum() for seed in range(2000)]
    # 2 spells of 14.4 mm; a little is lost where a spell runs past the end of the week.
    assert np.mean(totals) == pytest.approx(2 * 14.4, rel=0.07)
    assert np.std(totals) > 10


def test_the_gauge_keeps_every_drop():
    week = ordinary.ordinary_week(setting(streams=(StreamPlan("RAIN", "rain", HOUR),)), 3)
    rain = np.zeros(168)
    rain[10], rain[11] = 3.0, 5.0
    at_s = np.arange(1, 169) * 3600.0
    fallen = ordinary._gauge(at_s, rain)
    assert fallen.sum() == pytest.approx(8.0)
    assert (fallen[10], fallen[11]) == (3.0, 5.0)
    assert set(week.series) == {"RAIN"}


def test_faults_happen_as_often_as_said():
    plans = tuple(StreamPlan(f"D{n}", "depth", timedelta(minutes=10)) for n in range(200))
    full = int(ordinary.WEEK_S // 600)
    gaps, spikes = 0, 0
    for seed in range(5):
        week = ordinary.ordinary_week(setting(streams=plans), seed)
        gaps += sum(len(series.at_s) < full for series in week.series.values())
        spikes += sum(series.values.max() > 0.8 for series in week.series.values())
    assert gaps / 1000 == pytest.approx(ordinary.GAP_CHANCE, abs=0.03)
    assert spikes / 1000 == pytest.approx(ordinary.SPIKE_CHANCE, abs=0.015)


def test_complaints_share_words_with_dangers_in_both_languages():
    texts = {
        language: " ".join(t for k in KINDS for t in k.texts[language]) for language in ("zh", "en")
    }
    assert "树" in texts["zh"]
    assert "挤" in texts["zh"]
    assert "tree is falling" in texts["en"]
    assert "crowded" in texts["en"]
    for kind in KINDS:
        assert kind.weight > 0
        assert all(kind.texts[language] for language in ("zh", "en"))


def test_the_number_of_complaints_follows_the_setting():
    dry = np.zeros(168)
    rng = np.random.default_rng(1)
    matters = [
        len(ordinary.complaints_of_week(setting(complaints_per_week=300.0), dry, rng))
        for _ in range(30)
    ]
    # Each matter brings 1 + P(several) * 2 reports on average (geometric with mean 2).
    weight = sum(kind.weight for kind in KINDS)
    share = sum(kind.weight * (1 + 2 * kind.several) for kind in KINDS) / weight
    assert np.mean(matters) == pytest.approx(300 * share, rel=0.05)


def words(**extra):
    return {
        "title": Text(zh="题", en="title"),
        "advice": Text(zh="做", en="do"),
        "basis": Basis(title="basis"),
        "confidence": Confidence.DEFAULT,
        "effective_from": date(2020, 1, 1),
        "hazard": "flood",
        **extra,
    }


def packs(*rules):
    return PackWorld(
        rules=RuleBook(in_force=rules),
        world=World(
            streams={
                "RAIN": Stream("RAIN", "rain", HOUR, area="C"),
                "DEPTH": Stream("DEPTH", "depth", timedelta(minutes=10), area="C"),
            },
            places=(Place("T", "road_tunnel", area="C", lat=34.7, lon=113.6),),
            area_paths={"C": "C"},
            units={"rain": Units("mm"), "depth": Units("m")},
        ),
        lexicon=(Lexicon(hazard="crowd", words={"zh": ("拥挤", "人挤人"), "en": ("crowd",)}),),
        root_area="C",
        ground=Ground(34.66, 113.5, 34.86, 113.9),
    )


def run(week, *rules):
    return weekrun.run_week(week, packs(*rules), hazard="rainstorm", start=START)


SPIKE_RULE = ThresholdRule(
    id="deep", quantity="depth", unit="m",
    limits=(Limit(level=WarningLevel.RED, raise_at=0.8, clear_at=0.4),), **words(),
)  # fmt: skip


def test_a_rule_without_hold_falls_for_spikes_and_one_with_hold_does_not():
    patient = ThresholdRule(
        id="patient", quantity="depth", unit="m", hold="20m",
        limits=(Limit(level=WarningLevel.RED, raise_at=0.8, clear_at=0.4),), **words(),
    )  # fmt: skip
    spiked = next(
        week
        for week in (
            ordinary.ordinary_week(setting(complaints_per_week=0.0), s) for s in range(300)
        )
        if week.series["DEPTH"].values.max() > 0.8
        and len(week.series["DEPTH"].at_s) == ordinary.WEEK_S // 600
    )
    counted = run(spiked, SPIKE_RULE, patient)
    assert [alert.rule for alert in counted.alerts] == ["deep"]
    assert counted.of_level("red") == 1
    assert counted.readings == sum(len(series.at_s) for series in spiked.series.values())


def test_the_yellow_signal_meets_conjunctions_and_ends():
    rule = ConjunctionRule(
        id="conj", place_kinds=("road_tunnel",), level=WarningLevel.ORANGE,
        signal=SignalCondition(hazard="rainstorm", at_least=WarningLevel.YELLOW), **words(),
    )  # fmt: skip
    red_only = ConjunctionRule(
        id="red-only", place_kinds=("road_tunnel",), level=WarningLevel.RED,
        signal=SignalCondition(hazard="rainstorm", at_least=WarningLevel.RED), **words(),
    )  # fmt: skip
    week = ordinary.ordinary_week(setting(complaints_per_week=0.0), 4)
    counted = run(week, rule, red_only)
    assert [(alert.rule, alert.level) for alert in counted.alerts] == [("conj", "orange")]


def test_a_careless_cluster_rule_is_caught_by_crowded_buses():
    rule = ClusterRule(
        id="crowd", within_m=2000, limits=(
            ClusterLimit(level=WarningLevel.RED, reports=2, within="2h"),
        ), **words(hazard="crowd"),
    )  # fmt: skip
    counts = [
        run(ordinary.ordinary_week(setting(complaints_per_week=600.0), seed), rule)
        for seed in range(3)
    ]
    row = weekrun.tally("demo", counts)
    assert row.red_mean > 0
    assert row.rules[0].rule == "crowd"
    assert row.red_mean == pytest.approx(sum(c.of_level("red") for c in counts) / 3)


def test_rain_sums_do_not_depend_on_how_often_the_judge_sits():
    rule = WindowRule(
        id="sum", quantity="rain", unit="mm", function="sum",
        limits=(WindowLimit(level=WarningLevel.ORANGE, raise_at=10, clear_at=5, window="3h"),),
        **words(),
    )  # fmt: skip
    week = next(
        w
        for w in (ordinary.ordinary_week(setting(complaints_per_week=0.0), s) for s in range(50))
        if w.rain_mm.max() > 12 and len(w.series["RAIN"].at_s) == 168
    )
    often = weekrun.run_week(week, packs(rule), hazard="r", start=START, tick=timedelta(minutes=10))
    seldom = weekrun.run_week(week, packs(rule), hazard="r", start=START, tick=timedelta(hours=2))
    assert often.alerts
    assert often.alerts == seldom.alerts


def finding(what, level, minute, rule="r", subject="s"):
    at = START + timedelta(minutes=minute)
    return Finding(
        what=what, rule=rule, version=1, subject=subject, hazard="h", level=level, since=at, at=at,
        reason=Reason("x"), evidence=Evidence(),
    )  # fmt: skip


def test_an_instance_counts_once_at_its_peak():
    found = list(
        weekrun.instances(
            [
                finding(What.RAISED, "yellow", 0),
                finding(What.LEVEL, "red", 5),
                finding(What.LEVEL, "orange", 9),
                finding(What.CLEARED, "", 12),
                finding(What.RAISED, "orange", 20),
            ]
        )
    )
    assert [(alert.level, alert.at.minute) for alert in found] == [("red", 0), ("orange", 20)]


def test_the_tally_says_mean_and_most():
    alerts = (FalseAlert("a", "s", "red", START), FalseAlert("b", "s", "yellow", START))
    counts = [WeekCount(0, alerts, 10, 2), WeekCount(1, (), 10, 3)]
    row = weekrun.tally("demo", counts)
    assert (row.red_mean, row.red_max, row.orange_mean) == (0.5, 1, 0.0)
    assert [item.rule for item in row.rules] == ["a"]
    with pytest.raises(ValueError, match="no ordinary week"):
        weekrun.tally("demo", [])


def test_exaggeration_changes_words_and_nothing_unless_asked_for():
    plain, hot = (
        ordinary.ordinary_week(setting(complaints_per_week=2000.0, exaggeration=share), 3)
        for share in (0.0, 1.0)
    )
    heated = {text for kind in KINDS for texts in kind.exaggerated.values() for text in texts}
    assert heated
    assert not heated & {report.text for report in plain.reports}
    kinds = {kind.name for kind in KINDS if kind.exaggerated}
    assert {report.kind for report in hot.reports if report.text in heated} == kinds
    assert all(report.text in heated for report in hot.reports if report.kind in kinds)
