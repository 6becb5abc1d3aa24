"""A month of a large city: counting its journal ahead, and the report over it.

Promise: the report of a month of 5,000,000 entries takes at most 5 s of processor time and
500 MB; the default is a tenth of that.
``python -m benchmarks.bench_review 5000000`` does it with as many entries as one likes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from benchmarks import measure

ENTRIES = 500_000
REPORT_LIMIT_S, MEMORY_LIMIT_MB = 5.0, 500.0
HEAD = """
import hashlib, heapq, itertools, json, random, resource, sqlite3, sys, time
from datetime import UTC, datetime, timedelta
import django
"""
FILL = (
    HEAD
    + """
from anlan.entrypoints.cli import demo_city
demo_city.prepare()
from django.conf import settings
from anlan.infra import journal
from anlan.registry.models import Area, Post
count, chance = int(sys.argv[1]), random.Random(1)
areas = list(Area.objects.values_list("code", flat=True))
posts = list(Post.objects.values_list("code", flat=True))
hazards = ["flood", "fire", "gas", "road", "storm", "lift", "other"]
first, start = journal.head(), datetime(2026, 10, 1, tzinfo=UTC) - timedelta(hours=8)
cases = count // 10
waiting, order, notices = [], itertools.count(), itertools.count(10**6)

def later(at, event, actor, **payload):
    heapq.heappush(waiting, (at, next(order), event, actor, payload))

def lives():
    for case in range(10**6, 10**6 + cases):
        at = (case - 10**6) * 31 * 86400e6 / cases
        post = chance.choice(posts)
        origin, clockwork, desk = f"report:{case}", "system:sweep", "account:7"
        later(at, "ReportReceived", "public:page")
        later(at + 1e6, "CaseOpened", clockwork, case=case, number=str(case), kind="service",
              hazard=chance.choice(hazards), area=chance.choice(areas), place="", priority=2,
              owner=post, origin=origin)
        later(at + 1e6, "NoticePosted", clockwork, notice=2 * case, post=post,
              about=f"case:{case}", urgency="urgent", mark="")
        later(at + 1e6, "NoticePosted", clockwork, notice=2 * case + 1, post=chance.choice(posts),
              about=f"case:{case}", urgency="urgent", mark="")
        wait = chance.expovariate(1 / 900e6)
        later(at + 2e6 + wait, "NoticeAnswered", desk, notice=2 * case, what="acknowledged",
              until=None, also=[])
        for after in ("accepted", "handling", "closed"):
            wait += chance.expovariate(1 / 40_000e6)
            later(at + 3e6 + wait, "CaseMoved", desk, case=case, trigger="t", before="x",
                  after=after, reason="")
        later(at + 4e6, "SignJoinedCase", "system:signs", case=case, sign=origin)
        if case % 5 == 0:
            later(at + 3600e6, "CaseClockMissed", clockwork, case=case, clock=1, rule="r",
                  due_at="2026-10-01T00:00:00Z")
        else:
            later(at + 5e6, "DeliveryChanged", clockwork)
        while waiting and waiting[0][0] < at:
            yield heapq.heappop(waiting)
    while waiting:
        yield heapq.heappop(waiting)

def rows():
    for seq, (at, _, event, actor, payload) in enumerate(lives(), first + 1):
        instant = start + timedelta(microseconds=int(at))
        yield (seq, event, instant.replace(tzinfo=None).isoformat(" ", "microseconds"), actor,
               json.dumps(payload), "[]", hashlib.sha256(str(seq).encode()).hexdigest())

link = sqlite3.connect(settings.DATABASES["default"]["NAME"])
link.executemany("INSERT INTO infra_journalentry (seq, event, at, actor, payload, images, leaf)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?)", rows())
link.execute("UPDATE infra_journalhead SET seq = (SELECT max(seq) FROM infra_journalentry)")
link.commit()
"""
)
COUNT = (
    HEAD
    + """
django.setup()
from anlan.accountability import public as accountability
began = time.process_time()
found = accountability.count_ahead()
print(time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
)
REPORT = (
    HEAD
    + """
django.setup()
from zoneinfo import ZoneInfo
from anlan.accountability import public as accountability
from anlan.kernel.actor import system_actor
zone = ZoneInfo("Asia/Shanghai")
since, until = accountability.period_of(datetime(2026, 10, 15, tzinfo=zone), "month")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
began, cpu = time.perf_counter(), time.process_time()
read = accountability.review_period(system_actor("bench"), since, until, now=until)
print(time.perf_counter() - began, time.process_time() - cpu,
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, before, read.entries,
      read.review.whole.opened, int(read.still is None))
"""
)


def work(code: str, folder: os.PathLike[str], *given: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", code, *given],
        env=dict(
            os.environ,
            ANLAN_WORKSPACE=os.path.join(folder, "workspace"),
            DJANGO_SETTINGS_MODULE="anlan.conf.settings",
        ),
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return [float(word) for word in done.stdout.split()[-7:]] if code != FILL else []


def main(entries: int = ENTRIES) -> bool:
    folder = measure.workspace_folder()
    try:
        work(FILL, folder, str(entries))
        counting_s, counting_mb = work(COUNT, folder)
        wall_s, cpu_s, peak_mb, start_mb, counted, cases, whole = work(REPORT, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"  a month of {entries:,} entries, {counted:,.0f} of them counted, {cases:,.0f} cases")
    measure.line(
        "counting ahead, processor time", entries / counting_s, "entries/s",
        beside="637 reports/s write", limit=637 * 6.0,
    )  # fmt: skip
    print(
        f"  in {counting_mb:.0f} MB; the report began with {start_mb:.0f} MB and took {wall_s:.1f} s"
    )
    quick = measure.line(
        "report of the month, processor time", cpu_s, "s",
        beside="promised", limit=REPORT_LIMIT_S, more_is_better=False, must=True,
    )  # fmt: skip
    small = measure.line(
        "  its memory", peak_mb, "MB",
        beside="promised", limit=MEMORY_LIMIT_MB, more_is_better=False, must=True,
    )  # fmt: skip
    return quick and small and bool(whole)


if __name__ == "__main__":
    measure.end(good=main(*map(int, sys.argv[1:2])))
