"""Pages of the SensorThings interface over a city of 100,000 streams, through the whole server.

Promise: a page of 1,000 Datastreams with their places and newest Observations within 100 ms, whatever the
number of streams; the same seen from their Things.  Beside it the first question of a process, which
reads the city, the first after an edit of one stream, 1,000 MultiDatastreams of four streams with all
they lead to, one reading by its number among 10,000,000 sealed ones, and a filter of texts over all
streams.
``ANLAN_BENCH_STREAMS`` makes it smaller.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from benchmarks import many_cases, measure

STREAMS = int(os.environ.get("ANLAN_BENCH_STREAMS", "100000"))
PER_PLACE, TICKS = 4, 100
PAGE_MS, FIRST_MS, ONE_MS, COSTLY_MS = 100.0, 2000.0, 300.0, 10_000.0
NEWEST = "Observations($top=1;$orderby=phenomenonTime desc)"
ROWS = f"{NEWEST},Thing($expand=Locations),Sensor,ObservedProperties"
QUESTIONS = (
    ("1,000 Datastreams with place and newest", "Datastreams", 1000, f"{NEWEST},Thing($expand=Locations)"),
    ("250 Things, their 1,000 Datastreams with newest", "Things", 250, f"Datastreams($expand={NEWEST})"),
)  # fmt: skip


def streams() -> None:
    """Put places and streams into the city, those of each place together."""
    from anlan.registry.models import Area, RiskPoint, Sensor

    codes = list(Area.objects.filter(kind="community").values_list("code", flat=True))
    places = [
        RiskPoint(
            code=f"B{n}", name_zh=f"点位{n}", name_en=f"Place {n}", kind="underpass",
            area_id=codes[n % len(codes)], lat=34.61 + 0.24 * (n % 97) / 97, lon=113.51 + 0.38 * (n % 89) / 89,
        )
        for n in range(STREAMS // PER_PLACE)
    ]  # fmt: skip
    RiskPoint.objects.bulk_create(places, batch_size=500)
    Sensor.objects.bulk_create(
        (
            Sensor(
                code=f"B{n}", name_zh=f"测点{n}", name_en=f"Gauge {n}", quantity="rainfall", unit="mm",
                interval="5m", area_id=codes[n // PER_PLACE % len(codes)], risk_point_id=f"B{n // PER_PLACE}",
            )
            for n in range(STREAMS)
        ),
        batch_size=500,
    )  # fmt: skip


def fill() -> None:
    """Put places and streams into the city, and readings of each into the store."""
    from anlan.sensing.models import MultiDatastream

    streams()
    MultiDatastream.objects.bulk_create(
        (
            MultiDatastream(
                code=f"M{n}", name_zh=f"井{n}", kinds=["OM_Measurement"] * PER_PLACE, changed=n, mark=str(n),
                streams=[f"B{n * PER_PLACE + part}" for part in range(PER_PLACE)],
            )
            for n in range(STREAMS // PER_PLACE)
        ),
        batch_size=500,
    )  # fmt: skip
    _readings()


def _readings() -> None:
    import numpy as np

    from anlan.sensing.services.framing import to_us
    from anlan.sensing.services.hands import let_go
    from anlan.sensing.services.here import workspace_here
    from anlan.sensing.store import StoreWriter, frame_of

    let_go()
    begin = to_us(many_cases.NOW - timedelta(hours=9))
    with StoreWriter(workspace_here().observations) as writer:
        numbers = np.array(writer.names.number_all([f"B{n}" for n in range(STREAMS)]), np.int32)
        for tick in range(TICKS):
            at_us = begin + tick * 300_000_000
            values = np.round(np.arange(STREAMS) % 100 + tick / 10, 1)
            writer.append(
                [frame_of(numbers, np.full(STREAMS, at_us), values, source="bench", received_us=at_us)]
            )  # fmt: skip
        writer.seal(now_us=to_us(many_cases.NOW))
        at_us = to_us(many_cases.NOW - timedelta(minutes=5))
        writer.append(
            [frame_of(numbers, np.full(STREAMS, at_us), values, source="bench", received_us=at_us)]
        )


class Caller:
    """Asks over the whole server but for the line, with a token."""

    def __init__(self) -> None:
        from django.test import Client

        from anlan.entrypoints import clock
        from anlan.kernel.actor import system_actor
        from anlan.registry import public as registry

        class Standing:
            def now(self) -> Any:
                return many_cases.NOW

        clock._current = Standing()  # the readings are of that day
        me, until = system_actor("bench"), many_cases.NOW + timedelta(days=1)
        account = registry.create_account(me, "bench", "commander", areas=("",), now=many_cases.NOW)
        secret = registry.issue_token(me, account, None, None, until, now=many_cases.NOW)[1]
        self.client = Client(headers={"Authorization": f"Bearer {secret}"}, SERVER_NAME="127.0.0.1")

    def ask(self, path: str, **options: str) -> Any:
        """Return what is answered."""
        query = "&".join(f"${name}={quote(value)}" for name, value in options.items())
        found = self.client.get(f"/sta/v1.1/{path}?{query}")
        assert found.status_code == 200, found.content[:300]
        return found

    def ms(self, path: str, *, times: int = 9, **options: str) -> tuple[float, float]:
        """Return the median of how long an answer takes, and of the processor's time in it, in ms."""
        spent = []
        for _ in range(times):
            began, busy = time.perf_counter(), time.process_time()
            self.ask(path, **options)
            spent.append((time.perf_counter() - began, time.process_time() - busy))
        return tuple(statistics.median(one) * 1000 for one in zip(*spent, strict=True))  # type: ignore[return-value]


def promised(what: str, took: tuple[float, float], limit: float, *, must: bool = True) -> bool:
    """Print the processor's time and that on the clock; return whether the former is within its limit.

    An answer is made by one thread that waits for nothing: on a machine of one's own both are the same.
    """
    good = measure.line(
        what, took[1], "ms", beside="promise" if must else "aim", limit=limit,
        more_is_better=False, must=must,
    )  # fmt: skip
    print(
        f"{'    on the clock, with what else the machine does':<58} {took[0]:>12,.2f} ms",
        flush=True,
    )
    return good


def after_an_edit(me: Caller) -> None:
    """Give one stream another name as a keeper does, and ask; the edit itself is not measured."""
    from msgspec.structs import replace

    from anlan.kernel.actor import system_actor
    from anlan.registry import public as registry
    from anlan.registry.domain.entry_edits import EntriesEdit

    keeper, code = system_actor("bench"), "B5"
    was = next(one for one in registry.city_pack(keeper).sensors if one.code == code)
    today = registry.local_day(many_cases.NOW)
    edit = EntriesEdit("sensors", (replace(was, name_zh="改名"),), today, key=code)
    seen = registry.fingerprint_of("sensors", code)
    registry.take_edit(keeper, edit, seen=seen, reason="notice 12", now=many_cases.NOW)
    took = me.ms("Things", times=1, top="1")
    promised("the first question after an edit of one stream", took, FIRST_MS, must=False)
    assert me.ask(f"Datastreams('{code}')").json()["name"] == "改名"


def pages(me: Caller) -> tuple[bool, dict[str, Any]]:
    """Ask for the promised pages; return whether they came in time, and the last Datastream of the last."""
    good = True
    for what, path, top, expand in QUESTIONS:
        found = me.ask(path, top=str(top), expand=expand)
        shown = found.json()["value"]
        assert len(shown) == top
        last = shown[-1]["Datastreams"][-1] if path == "Things" else shown[-1]
        assert last["Observations"]
        took = me.ms(path, top=str(top), expand=expand)
        good = promised(f"{what} ({len(found.content) / 1e6:.1f} MB)", took, PAGE_MS) and good
    return good, last


def aims(me: Caller, stream: dict[str, Any]) -> None:
    """Ask what has an aim and no promise."""
    number = stream["Observations"][0]["@iot.id"]
    sealed = (1 << 20) * (TICKS // 2) + number % (1 << 20)
    alone, within = (
        f"Observations({sealed})",
        f"Datastreams('{stream['@iot.id']}')/Observations({sealed})",
    )
    promised("one sealed reading by its number alone", me.ms(alone), ONE_MS, must=False)
    promised("the same, said of which stream", me.ms(within), ONE_MS, must=False)
    assert len(me.ask("MultiDatastreams", top="1000", expand=ROWS).json()["value"]) == 1000
    took = me.ms("MultiDatastreams", top="1000", expand=ROWS)
    promised("1,000 MultiDatastreams with place and newest", took, 2 * PAGE_MS, must=False)
    costly = "startswith(name,'测') and not endswith(name,'x') and length(name) gt 2"
    took = me.ms("Datastreams", times=3, filter=costly)
    promised("a filter of texts over all streams", took, COSTLY_MS, must=False)


def main() -> bool:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"  {STREAMS:,} streams, {STREAMS * (TICKS + 1):,} readings; load of the machine {load}")
    folder = measure.workspace_folder()
    try:
        many_cases.found(folder)
        from anlan.infra.cycles import leave_what_stays

        fill()
        me = Caller()
        me.client.get("/healthz")  # the server's own modules are there now
        leave_what_stays()  # as the server does
        first = me.ms("Things", times=1, top="1")
        promised("the first question, which reads the city", first, FIRST_MS, must=False)
        after_an_edit(me)
        good, stream = pages(me)
        aims(me, stream)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return good


if __name__ == "__main__":
    measure.end(good=main())
