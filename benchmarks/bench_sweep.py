"""Sweeping 100,000 open cases for due clocks.

Promise: finding what is due takes under a second.  Beside it: what each case that is due costs
(noted, climbed, journalled and told), against a durable commit of the same disk.
"""

from __future__ import annotations

import shutil
import statistics
import time
from datetime import timedelta

from benchmarks import many_cases, measure

DUE = 200


def main() -> bool:
    folder = measure.workspace_folder()
    try:
        many_cases.found(folder)
        many_cases.fill()
        from anlan.response import public as response
        from anlan.response.models import Case

        spent = []
        for _ in range(7):
            began = time.perf_counter()
            response.sweep(now=many_cases.NOW)
            spent.append(time.perf_counter() - began)
        good = measure.line(
            "sweep of 100,000 open cases, nothing due", 1000 * statistics.median(spent), "ms",
            beside="promise", limit=1000.0, more_is_better=False, must=True,
        )  # fmt: skip
        last = Case.objects.filter(is_open=True).order_by("next_at", "id")[DUE - 1]
        at = last.next_at + timedelta(microseconds=1)
        began = time.perf_counter()
        swept = response.sweep(now=at, limit=DUE)
        each = (time.perf_counter() - began) / swept.handled
        commit = 1 / measure.sqlite_commits_per_s(folder)
        measure.line(
            f"one due case noted, climbed and told (of {swept.handled})", 1000 * each, "ms",
            beside="durable commit of this disk", limit=1000 * commit, more_is_better=False,
        )  # fmt: skip
        return good and not swept.failed
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    measure.end(good=main())
