"""A storm: 10,000 sensors of one city alarm in one tick of the judge.

Promise: ten seconds later every alarm is written, has an owner and a clock, and whoever has to
know was told.  Peer of the same run: alarms that come alone, each with a case of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from benchmarks import many_cases, measure

STORM, ALONE = 10_000, 20
PROMISED_S, LISTS_S = 10.0, 1.5
MINUTE = timedelta(minutes=1)


def fill_sensors(prefix: str, count: int, *, areas: list[str]) -> list[str]:
    """Put road water gauges into the city, spread over ``areas``; return their codes."""
    from anlan.registry.models import CityState, Sensor

    codes = [f"{prefix}{n}" for n in range(count)]
    Sensor.objects.bulk_create(
        (
            Sensor(
                code=code,
                name_zh=f"积水计{code}",
                quantity="ponding_depth",
                unit="cm",
                interval="1m",
                area_id=areas[n % len(areas)],
                lat=34.61 + 0.24 * (n % 97) / 97,
                lon=113.51 + 0.38 * (n % 89) / 89,
            )
            for n, code in enumerate(codes)
        ),
        batch_size=500,
    )
    CityState.objects.update(revision=prefix)  # what was known of the city is asked again
    return codes


def send(codes: list[str], at: datetime, value: float) -> None:
    """Keep one reading of each sensor, as a gateway sends them."""
    from anlan.sensing.domain.observations import Observation
    from anlan.sensing.services.framing import message_of
    from anlan.sensing.services.hands import hand

    rows = [Observation(code, at, value) for code in codes]
    hand().keep(message_of("bench", rows, key="", now=at))


def flood(codes: list[str], *, since: datetime) -> datetime:
    """Let all of them stand in deep water for four minutes; return when that is known."""
    for minute in range(4):
        send(codes, since + minute * MINUTE, 30.0)
    return since + 3 * MINUTE


class Spent:
    """Seconds by name: by the wall, and of the processor."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.processor: dict[str, float] = {}

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        began, used = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began
            self.processor[name] = self.processor.get(name, 0.0) + time.process_time() - used


def own(now: datetime, spent: Spent) -> None:
    """Judge what came and let everybody hear it, as the clockwork does."""
    from anlan import flow
    from anlan.infra import delivery
    from anlan.warning import public as warning
    from anlan.warning.services.streams import cuts

    keep = cuts.keep_findings

    def kept(*args: object, **named: object) -> int:
        with spent.on("written"):
            return keep(*args, **named)

    cuts.keep_findings = kept  # type: ignore[assignment]  # measured from outside
    try:
        with spent.on("judged and written"):
            warning.judge(now=now)
    finally:
        cuts.keep_findings = keep
    with spent.on("owned and told"):
        delivery.settle(flow.REACTIONS, now=now)


def counts() -> dict[str, int]:
    from anlan.infra.models import JournalEntry
    from anlan.notices.models import Delivery, Notice
    from anlan.response.models import Case, CaseFollower
    from anlan.warning.models import AlertInstance

    return {
        "alerts": AlertInstance.objects.count(),
        "alerts of a case": CaseFollower.objects.filter(sign__startswith="alert:").count(),
        "cases": Case.objects.count(),
        "notices": Notice.objects.count(),
        "messages": Delivery.objects.count(),
        "journal entries": JournalEntry.objects.count(),
    }


def main() -> bool:
    return many_cases.in_a_city(measured)


def measured(communities: list[str]) -> bool:
    from anlan.kernel.actor import Actor, Role
    from anlan.response import public as response

    now, single = many_cases.NOW, Spent()
    alone = fill_sensors("A", ALONE, areas=communities)
    for n, code in enumerate(alone):
        own(flood([code], since=now + n * 15 * MINUTE), single)
    now += (len(alone) + 1) * 15 * MINUTE
    own(now, Spent())  # the last of them has fallen silent
    # Only now: gauges that had been silent meanwhile would be another storm.
    storm = fill_sensors("S", STORM, areas=communities)
    before, mass = counts(), Spent()
    own(flood(storm, since=now), mass)
    after = counts()
    written, told = mass.seconds["written"], mass.seconds["owned and told"]
    good = measure.line(
        f"{STORM:,} alarms of one tick written, owned and told", written + told, "s",
        beside="promised", limit=PROMISED_S, more_is_better=False, must=True,
    )  # fmt: skip
    each = (single.seconds["written"] + single.seconds["owned and told"]) / len(alone)
    measure.line(
        "  the same, each", (written + told) / STORM * 1000, "ms",
        beside="one that comes alone", limit=each * 1000, more_is_better=False,
    )  # fmt: skip
    print(f"  of which written {written:.2f} s, owned and told {told:.2f} s;"
          f" judged before that in {mass.seconds['judged and written'] - written:.2f} s")  # fmt: skip
    used = mass.processor["written"] + mass.processor["owned and told"]
    alone_used = single.processor["written"] + single.processor["owned and told"]
    measure.line(
        "  the same in processor time, each", used / STORM * 1000, "ms",
        beside="one that comes alone", limit=alone_used / len(alone) * 1000, more_is_better=False,
    )  # fmt: skip
    print("  " + ", ".join(f"{after[name] - before[name]:,} {name}" for name in after))
    actor = Actor("bench", Role.DUTY_OFFICER, "P-DUTY", ("",), frozenset({"cases:read"}))
    began = time.perf_counter()
    response.watched(actor, now=now + 4 * MINUTE, limit=50)
    good &= measure.line(
        "lists of Watch after it", time.perf_counter() - began, "s",
        beside="promised", limit=LISTS_S, more_is_better=False, must=True,
    )  # fmt: skip
    grown = {name: after[name] - before[name] for name in after}
    return good and grown["alerts"] == grown["alerts of a case"] == STORM


if __name__ == "__main__":
    measure.end(good=main())
