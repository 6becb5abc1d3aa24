"""The live picture with 10,000 open cases and 5,000 sensors: the lists and the map.

Promise: the lists in under 1.5 s.  A change is seen within a second, so a look of the hub, which
renders the lists once for all who see the whole city, must take well under that.
"""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable
from datetime import timedelta

from benchmarks import many_cases, measure

CASES, SENSORS = 10_000, 5_000
LISTS_S, LOOK_S = 1.5, 0.5


def fill_sensors(count: int) -> None:
    from anlan.registry.models import Area, Sensor
    from anlan.sensing.domain.observations import Observation
    from anlan.sensing.services.framing import message_of
    from anlan.sensing.services.hands import hand

    codes = list(Area.objects.filter(kind="community").values_list("code", flat=True))
    Sensor.objects.bulk_create(
        Sensor(
            code=f"B{n}",
            name_zh=f"测点{n}",
            quantity="rainfall",
            unit="mm",
            interval="5m",
            area_id=codes[n % len(codes)],
            lat=34.61 + 0.24 * (n % 97) / 97,
            lon=113.51 + 0.38 * (n % 89) / 89,
        )
        for n in range(count)
    )
    readings = [
        Observation(f"B{n}", many_cases.NOW - timedelta(minutes=n % 60), 1.0) for n in range(count)
    ]
    hand().keep(message_of("bench", readings, key="", now=many_cases.NOW))


def median_ms(job: Callable[[], object]) -> float:
    spent = []
    for _ in range(5):
        began = time.perf_counter()
        job()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent) * 1000


def main() -> bool:
    folder = measure.workspace_folder()
    try:
        many_cases.found(folder)
        many_cases.fill(CASES)
        fill_sensors(SENSORS)
        from anlan.entrypoints.web.watching import features, picture
        from anlan.kernel.actor import Actor, Role
        from anlan.registry.public import Box

        now = many_cases.NOW
        city = Actor(id="account:duty", role=Role.COMMANDER, areas=("",))
        street = Actor(id="account:s", role=Role.STREET_OFFICER, areas=("410100/410105",))
        box = Box(113.5, 34.6, 113.9, 34.86)
        good = True
        for who, actor in (("city", city), ("district", street)):
            view = features.View(actor, box, 10, "zh")
            for what, limit_s, job in (
                ("lists", LOOK_S, lambda a=actor: picture.lists_now(a, "zh", now=now)),
                ("map", LISTS_S, lambda v=view: features.features_now(v, now=now)),
            ):
                good &= measure.line(
                    f"{who}: {what}", median_ms(job), "ms", beside="promise",
                    limit=limit_s * 1000, more_is_better=False, must=True,
                )  # fmt: skip
        return good
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    measure.end(good=main())
