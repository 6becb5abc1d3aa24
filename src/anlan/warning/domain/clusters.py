"""Repeat reports of one matter close together are a sign, not duplicates.

A set of loose reports becomes a cluster when some report of the set, its
centre, has at least the stated number within the stated metres and minutes.
Later reports near the centre join while the cluster is open: it is one alert
instance that grows and rises, and never falls before it clears.  A report
joins one cluster of a rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from anlan.kernel.geometry import Point, distance_m
from anlan.registry.domain.rulespecs import LATENESS, ClusterLimit, ClusterRule
from anlan.warning.domain.findings import Evidence, Finding, Reason, What, rank_of
from anlan.warning.domain.instants import instant, micros, span_micros
from anlan.warning.domain.memory import Cluster, KeptReport
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.signs import ReportSign

MOST_LOOSE = 5_000  # loose reports of one rule; the oldest go first
MOST_MEMBERS = 500  # members that a cluster remembers
MOST_EVIDENCE = 50

Member = tuple[int, int, bool]  # id, instant, strong


class ClusterStep(NamedTuple):
    """Clusters and loose reports after a step."""

    clusters: tuple[Cluster, ...]
    loose: dict[str, tuple[KeptReport, ...]]
    findings: list[Finding]


def keep(report: ReportSign, *, now: datetime) -> KeptReport:
    """Return a report as the judge remembers it; a clock that runs ahead is not believed."""
    return KeptReport(
        id=report.id,
        at=micros(min(report.at, now)),
        hazard=report.hazard,
        lat=report.lat,
        lon=report.lon,
        area=report.area,
        spot=report.spot,
        strong=report.strong,
    )


def near(a: KeptReport, b: KeptReport, within_m: float) -> bool:
    """Return whether two reports lie within ``within_m`` of one another.

    Without coordinates on either side, the same small area counts as near.
    """
    if a.lat is None or a.lon is None or b.lat is None or b.lon is None:
        return bool(a.spot) and a.spot == b.spot
    return distance_m(Point(a.lat, a.lon), Point(b.lat, b.lon)) <= within_m


def level_met(rule: ClusterRule, members: Sequence[Member]) -> str:
    """Return the highest level of which some stretch of time holds enough reports."""
    ordered = sorted(members, key=lambda item: (item[1], item[0]))
    met = [limit.level.value for limit in rule.limits if _met(limit, ordered)]
    return min(met, key=rank_of, default="")


def _met(limit: ClusterLimit, ordered: Sequence[Member]) -> bool:
    within = span_micros(limit.within)
    first = strong = 0
    for last, member in enumerate(ordered):
        strong += member[2]
        while ordered[first][1] < member[1] - within:
            strong -= ordered[first][2]
            first += 1
        if last - first + 1 >= limit.reports and strong >= limit.strong:
            return True
    return False


def longest(rule: ClusterRule) -> int:
    """Return the longest stretch of time that a rule looks at."""
    return max(span_micros(limit.within) for limit in rule.limits)


def judge_clusters(
    rules: RuleBook,
    clusters: tuple[Cluster, ...],
    loose: dict[str, tuple[KeptReport, ...]],
    reports: Iterable[KeptReport],
    *,
    now: datetime,
) -> ClusterStep:
    """Return clusters and loose reports after new reports, in order of their instants."""
    ordered = sorted(reports, key=lambda item: (item.at, item.id))
    in_force = {rule.id: rule for rule in rules.clusters()}
    found: list[Finding] = []
    kept: list[Cluster] = []
    pools: dict[str, tuple[KeptReport, ...]] = {}
    names = in_force.keys() | {cluster.rule for cluster in clusters}
    for name in sorted(names):
        table = Table(
            rules,
            in_force.get(name),
            [cluster for cluster in clusters if cluster.rule == name],
            list(loose.get(name, ())),
        )
        for report in ordered:
            table.hear(report)
        table.clear(micros(now))
        kept += table.open
        found += table.findings
        pool = table.pool(micros(now))
        if pool:
            pools[name] = pool
    return ClusterStep(tuple(kept), pools, found)


class Table:
    """One cluster rule over the reports of one step."""

    def __init__(
        self,
        rules: RuleBook,
        rule: ClusterRule | None,
        clusters: list[Cluster],
        loose: list[KeptReport],
    ) -> None:
        self.rules, self.rule, self.open, self.loose = rules, rule, clusters, loose
        self.findings: list[Finding] = []

    def _rule_of(self, cluster: Cluster) -> ClusterRule | None:
        kept = self.rules.version(cluster.rule, cluster.version)
        return kept if isinstance(kept, ClusterRule) else None

    def hear(self, report: KeptReport) -> None:
        """Let a report join an open cluster, or lie loose and perhaps make a new one."""
        self.clear(report.at)
        known = any(report.id == member[0] for item in self.open for member in item.members)
        if known or any(report.id == item.id for item in self.loose):
            return
        if not self._join(report) and self.rule is not None and report.hazard == self.rule.hazard:
            self.loose.append(report)
            self._gather(self.rule, report)

    def _join(self, report: KeptReport) -> bool:
        fitting = []
        for index, cluster in enumerate(self.open):
            rule = self._rule_of(cluster)
            if rule is None or rule.hazard != report.hazard:
                continue
            if near(cluster.centre, report, rule.within_m):
                fitting.append((_metres(cluster.centre, report), cluster.centre.id, index, rule))
        if not fitting:
            return False
        *_, index, rule = min(fitting, key=lambda item: item[:2])
        self._grow(index, rule, report)
        return True

    def _grow(self, index: int, rule: ClusterRule, report: KeptReport) -> None:
        cluster = self.open[index]
        members = (*cluster.members, (report.id, report.at, report.strong))[-MOST_MEMBERS:]
        level = level_met(rule, members)
        risen = rank_of(level) < rank_of(cluster.level)
        after = Cluster(
            rule=cluster.rule,
            version=cluster.version,
            subject=cluster.subject,
            centre=cluster.centre,
            level=level if risen else cluster.level,
            since=min(cluster.since, report.at),
            raised_at=cluster.raised_at,
            last_at=max(cluster.last_at, report.at),
            members=members,
        )
        self.open[index] = after
        if risen:
            self._tell(What.LEVEL, after, rule, before=cluster.level, at=report.at)

    def _gather(self, rule: ClusterRule, report: KeptReport) -> None:
        """Make a cluster if the new report completes one around itself or a neighbour."""
        best: tuple[int, int, int, KeptReport, list[KeptReport]] | None = None
        in_time = [item for item in self.loose if abs(item.at - report.at) <= longest(rule)]
        for centre in in_time:
            if not near(centre, report, rule.within_m):
                continue
            around = [item for item in in_time if near(centre, item, rule.within_m)]
            level = level_met(rule, [(item.id, item.at, item.strong) for item in around])
            choice = (rank_of(level), -len(around), centre.id, centre, around)
            if level and (best is None or choice[:3] < best[:3]):
                best = choice
        if best is not None:
            self._form(rule, best[3], best[4])

    def _form(self, rule: ClusterRule, centre: KeptReport, around: list[KeptReport]) -> None:
        members = tuple((item.id, item.at, item.strong) for item in around)
        level = level_met(rule, members)
        cluster = Cluster(
            rule=rule.id,
            version=rule.version,
            subject=f"cluster:{min(item.id for item in around)}",
            centre=centre,
            level=level,
            since=min(item.at for item in around),
            raised_at=max(item.at for item in around),
            last_at=max(item.at for item in around),
            members=members,
        )
        taken = {item.id for item in around}
        self.loose = [item for item in self.loose if item.id not in taken]
        self.open.append(cluster)
        self._tell(What.RAISED, cluster, rule, before="", at=cluster.raised_at)

    def clear(self, until: int) -> None:
        """Close what has had no further report for long enough."""
        still: list[Cluster] = []
        for cluster in self.open:
            rule = self._rule_of(cluster)
            end = cluster.last_at + (span_micros(rule.clear_after) if rule is not None else 0)
            if until <= end and rule is not None:
                still.append(cluster)
            else:
                self._tell(What.CLEARED, cluster, rule, before=cluster.level, at=end)
        self.open = still

    def pool(self, now: int) -> tuple[KeptReport, ...]:
        """Return the loose reports that may still become part of a cluster."""
        if self.rule is None:
            return ()
        floor = now - longest(self.rule) - span_micros(LATENESS)
        kept = [item for item in self.loose if item.at >= floor]
        return tuple(sorted(kept, key=lambda item: (item.at, item.id))[-MOST_LOOSE:])

    def _tell(
        self, what: What, cluster: Cluster, rule: ClusterRule | None, *, before: str, at: int
    ) -> None:
        codes = {
            What.RAISED: "cluster.gathered",
            What.LEVEL: "cluster.grown",
            What.CLEARED: "cluster.no_more" if rule is not None else "rule.gone",
        }
        ids = tuple(member[0] for member in cluster.members)
        params: dict[str, str | int | float] = {
            "reports": len(cluster.members),
            "strong": sum(member[2] for member in cluster.members),
        }
        if rule is not None:
            params["within_m"] = rule.within_m
        self.findings.append(
            Finding(
                what=what,
                rule=cluster.rule,
                version=cluster.version,
                subject=cluster.subject,
                hazard=cluster.centre.hazard,
                level=cluster.level,
                before=before,
                area=cluster.centre.area,
                since=instant(min(cluster.since, at)),
                at=instant(at),
                reason=Reason(codes[what], params),
                evidence=Evidence(reports=ids[-MOST_EVIDENCE:]),
            )
        )


def clusters_due(rules: RuleBook, clusters: Iterable[Cluster]) -> int | None:
    """Return the first instant at which an open cluster would clear."""
    due = []
    for cluster in clusters:
        rule = rules.version(cluster.rule, cluster.version)
        wait = span_micros(rule.clear_after) if isinstance(rule, ClusterRule) else 0
        due.append(cluster.last_at + wait + 1)
    return min(due, default=None)


def _metres(a: KeptReport, b: KeptReport) -> float:
    if a.lat is None or a.lon is None or b.lat is None or b.lon is None:
        return 0.0
    return distance_m(Point(a.lat, a.lon), Point(b.lat, b.lon))
