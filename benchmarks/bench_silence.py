"""Silence: 10,000 sensors say nothing more within one tick, and all come back within another.

Promise: ten seconds after the judge saw it every silence is written, has an owner and a clock, and
whoever has to know was told; the same when they come back.  Half of them stand behind gateways, the
others share nothing but their street.  Peer of the same run: sensors that fall silent alone.
"""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks import many_cases, measure
from benchmarks.bench_storm import LISTS_S, Spent, counts, fill_sensors, own, send

if TYPE_CHECKING:
    from anlan.response.models import Case

SILENT, GATEWAYS, ALONE = 10_000, 20, 20
PROMISED_S = 10.0
MINUTE = timedelta(minutes=1)
CALM_CM = 1.0


def behind_gateways(codes: list[str], gateways: int) -> None:
    """Put sensors behind so many gateways."""
    from anlan.registry.models import CityState, Sensor

    for number in range(gateways):
        some = codes[number::gateways]
        for begin in range(0, len(some), 500):
            Sensor.objects.filter(code__in=some[begin : begin + 500]).update(gateway=f"GW-{number}")
    CityState.objects.update(revision=f"{codes[0]}-behind")


def fell_silent(codes: list[str], count: int) -> bool:
    """Whether each of them is found silent once, and stands in one case."""
    from anlan.response.models import CaseFollower
    from anlan.warning.models import AlertInstance

    rows = AlertInstance.objects.filter(
        rule="device.silence", subject__startswith=f"stream:{codes[0][0]}"
    )
    signs = {f"alert:{pk}" for pk in rows.values_list("pk", flat=True)}
    followed = set(
        CaseFollower.objects.filter(sign__startswith="alert:").values_list("sign", flat=True)
    )
    return len(signs) == count and signs <= followed


def told_of(name: str, spent: Spent, before: dict[str, int]) -> bool:
    """Print what it took, and what there is more of."""
    written, told = spent.seconds["written"], spent.seconds["owned and told"]
    good = measure.line(
        f"{SILENT:,} sensors {name} written, owned and told", written + told, "s",
        beside="promised", limit=PROMISED_S, more_is_better=False, must=True,
    )  # fmt: skip
    print(f"  of which written {written:.2f} s, owned and told {told:.2f} s;"
          f" judged before that in {spent.seconds['judged and written'] - written:.2f} s")  # fmt: skip
    used = spent.processor["written"] + spent.processor["owned and told"]
    print(f"  {used:.2f} s of it by the processor, {used / SILENT * 1000:.2f} ms each")
    after = counts()
    print("  " + ", ".join(f"{after[what] - before[what]:,} {what}" for what in after), flush=True)
    return good


def largest() -> Case:
    """Return the case with the most members."""
    from anlan.response.models import CaseIncident

    return CaseIncident.objects.order_by("-members").select_related("case")[0].case


def looked_at(now: datetime) -> bool:
    """Print how long the lists and figures take that a duty officer looks at then."""
    from anlan.kernel.actor import Actor, Role
    from anlan.response import public as response
    from anlan.sensing import public as sensing
    from anlan.warning import public as warning

    actor = Actor("bench", Role.DUTY_OFFICER, "P-DUTY", ("",), frozenset({"cases:read"}))
    began = time.perf_counter()
    response.watched(actor, now=now, limit=50)
    watched = time.perf_counter()
    found = response.detail(actor, largest().pk, now=now)
    incidents = [held.incident for held in found.incidents]
    warning.members(incidents, page=1, size=20, areas=20, open_only=True)
    opened = time.perf_counter()
    sensing.health(now=now)
    warning.levels_of_streams()
    good = True
    for what, took in (
        ("lists of Watch after it", watched - began),
        ("the largest case with its members", opened - watched),
        ("health of all sensors", time.perf_counter() - opened),
    ):
        good &= measure.line(
            what, took, "s", beside="promised", limit=LISTS_S, more_is_better=False, must=True
        )
    return good


def main() -> bool:
    return many_cases.in_a_city(measured)


def measured(communities: list[str]) -> bool:
    now, single = many_cases.NOW, Spent()
    alone = fill_sensors("A", ALONE, areas=communities)
    for n, code in enumerate(alone):
        at = now + n * 20 * MINUTE
        send([code], at, CALM_CM)
        own(at, Spent())
        own(at + 6 * MINUTE, single)
    now += (ALONE + 1) * 20 * MINUTE
    codes = fill_sensors("S", SILENT, areas=communities)
    behind_gateways(codes[::2], GATEWAYS)
    send(codes, now, CALM_CM)
    own(now, Spent())
    before, spent = counts(), Spent()
    own(now + 6 * MINUTE, spent)
    good = told_of("falling silent at once,", spent, before) and fell_silent(codes, SILENT)
    each = (single.seconds["written"] + single.seconds["owned and told"]) / ALONE
    measure.line(
        "  the same, each",
        (spent.seconds["written"] + spent.seconds["owned and told"]) / SILENT * 1000, "ms",
        beside="one that falls silent alone", limit=each * 1000, more_is_better=False,
    )  # fmt: skip
    good &= looked_at(now + 6 * MINUTE)
    send(codes, now + 20 * MINUTE, CALM_CM)
    before, spent = counts(), Spent()
    own(now + 20 * MINUTE, spent)
    return told_of("that come back at once,", spent, before) and good


if __name__ == "__main__":
    if len(sys.argv) > 1:
        SILENT = int(sys.argv[1])
    measure.end(good=main())
