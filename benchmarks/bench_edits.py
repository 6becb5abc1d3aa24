"""One entry of a city of 100,000 streams changed by hand, with all that is checked before it is written.

Aim: an edit of one stream, place, person, duty or rule within 2 s of processor time, whatever the
number of streams; and what the page behind it needs of the linter, within as much.
``ANLAN_BENCH_STREAMS`` makes it smaller.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from benchmarks import bench_sta, many_cases, measure

AIM_S = 2.0


def edits() -> dict[str, Any]:
    """Return one edit of each kind; what it is about stands in the city."""
    from msgspec.structs import replace

    from anlan.kernel.actor import system_actor
    from anlan.kernel.scales import RiskGrade
    from anlan.registry import public as registry
    from anlan.registry.domain import city as c
    from anlan.registry.domain.edits import HolderEdit, RiskPointEdit
    from anlan.registry.domain.entry_edits import EntriesEdit
    from anlan.registry.models import Holder

    keeper, today = system_actor("bench"), registry.local_day(many_cases.NOW)

    def entry(section: str, key: str) -> Any:
        return registry.record(keeper, section, key, at=many_cases.NOW).entry

    stream, post = entry("sensors", "B5"), registry.city().arbiter_post
    person = Holder.objects.order_by("pk").values_list("pk", flat=True)[0]
    duty = c.Duty(
        area=entry("risk_points", "B7").area, hazard="gas.leak", post=post, valid_from=today,
        basis="notice 12",
    )  # fmt: skip
    rule = next(one for one in registry.rules_in_force(at=many_cases.NOW) if hasattr(one, "hold"))
    return {
        "a stream": EntriesEdit("sensors", (replace(stream, name_zh="改名"),), today, key="B5"),
        "a stream ends": EntriesEdit(
            "sensors", (replace(entry("sensors", "B6"), valid_to=today),), today, key="B6"
        ),
        "a risk point": RiskPointEdit("B1", None, RiskGrade.LOW, None, today),
        "a contact": HolderEdit(person, today, {"phone": "000-1"}),
        "a duty": EntriesEdit("duties", (duty,), today, key=duty.area),
        "a rule": registry.version_edit("rules", rule.id, {"hold": "7m"}, on=today, today=today),
    }


def timed(what: str, done: Callable[[], object]) -> None:
    """Print what something takes of the processor."""
    began = time.process_time()
    done()
    took = time.process_time() - began
    measure.line(what, took, "s", beside="aim", limit=AIM_S, more_is_better=False)


def main() -> bool:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"  {bench_sta.STREAMS:,} streams; load of the machine {load}")
    folder = measure.workspace_folder()
    try:
        many_cases.found(folder)
        bench_sta.streams()
        from anlan.kernel.actor import system_actor
        from anlan.registry import public as registry

        keeper, soon = system_actor("bench"), many_cases.NOW + timedelta(minutes=1)
        for what, edit in edits().items():
            seen = registry.fingerprint_of(edit.section, getattr(edit, "matter", edit.key))
            timed(
                f"{what}, changed by hand",
                lambda edit=edit, seen=seen: registry.take_edit(
                    keeper, edit, seen=seen, reason="notice 12", now=soon
                ),
            )
            timed(
                "  what the linter finds in the whole city then",
                lambda: registry.examined(now=soon),
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return True


if __name__ == "__main__":
    measure.end(good=main())
