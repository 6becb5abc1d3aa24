"""A storm of alarms or of silence, as a program that can be killed at any step of it.

    python -m tests.faults.storm prepare WORKSPACE              the demo city with many more gauges
    python -m tests.faults.storm turns WORKSPACE FAILPOINT...   go on after each death, then prove once
    python -m tests.faults.storm each PREPARED FAILPOINT...     break and prove a copy for each
    python -m tests.faults.storm trace PREPARED                 how often a whole run passes each step

Water stands at every gauge; with ``--silent`` they all stand behind one gateway, say nothing more, and
all but one come back.  Prints what :func:`look` finds, as JSON.  The findings are written in several
transactions.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from tests.faults import chain
from tests.faults.chain import START, Standing, get_ready, in_a_child

GAUGES, AT_ONCE, DEPTH_CM = 60, 25, 30.0
AREA = "410102002001"
MINUTES = (3, 3.1, 4, 15)
SILENT_FROM, BACK_AT, CALM_CM = 3, 20, 1.0
SILENT_MINUTES = (3, 9, 9.1, 20, 20.1, 21)
SILENT = "--silent" in sys.argv


def prepare(root: Path) -> None:
    """Make the workspace with its gauges."""
    chain.prepare(root)
    from anlan.registry.models import Sensor

    Sensor.objects.bulk_create(
        Sensor(
            code=f"GAUGE-{number}",
            name_zh=f"积水计{number}",
            quantity="ponding_depth",
            unit="cm",
            interval="1m",
            area_id=AREA,
            gateway="GW-ALL",
            lat=34.75,
            lon=113.64,
        )
        for number in range(GAUGES)
    )


def send(standing: Standing, minute: float, depth_cm: float, *, gauges: int = GAUGES) -> None:
    """Keep one reading of each gauge, once however often it is sent."""
    from anlan.kernel.actor import system_actor
    from anlan.sensing import public as sensing

    standing.instant = START + timedelta(minutes=minute)
    rows = tuple(
        sensing.RowIn(f"GAUGE-{number}", standing.instant, depth_cm) for number in range(gauges)
    )
    sensing.keep_observations(
        system_actor("test"),
        sensing.BatchIn(rows),
        once=sensing.Once(f"minute-{minute}", "0" * 64),
        now=standing.instant,
    )


def run() -> None:
    """Let water stand at every gauge, or all fall silent, and the clockwork run; the same when run again."""
    from anlan.entrypoints import clock, worker
    from anlan.warning.services.streams import cuts

    cuts.AT_ONCE = AT_ONCE
    clock._current = standing = Standing()
    for minute in range(4):
        send(standing, minute, CALM_CM if SILENT else DEPTH_CM)
    for minutes in SILENT_MINUTES if SILENT else MINUTES:
        if SILENT and minutes == BACK_AT:
            send(standing, BACK_AT, CALM_CM, gauges=GAUGES - 1)
        standing.instant = START + timedelta(minutes=minutes)
        worker.tick(now=standing.instant)


def look() -> dict[str, object]:
    """Return what became of the storm."""
    from anlan.infra import journal
    from anlan.infra.models import JournalEntry, ParkedEvent
    from anlan.notices.models import Notice
    from anlan.response.models import Case, CaseFollower, CaseIncident
    from anlan.warning.models import AlertInstance, Incident

    rule, cause = ("device.silence", "device.many|") if SILENT else ("water.ponding", "incident:")
    # Gauges in water fall silent too at the end, and are another incident.
    incidents = Incident.objects.filter(case="device" if SILENT else "hidden_danger")
    alerts = AlertInstance.objects.filter(rule=rule, subject__contains="GAUGE-")
    cases = Case.objects.filter(cause__startswith=cause)
    signs = [f"alert:{pk}" for pk in alerts.values_list("pk", flat=True)]
    raised = JournalEntry.objects.filter(
        event="AlertRaised", payload__rule=rule, payload__subject__startswith="stream:GAUGE-"
    )
    live = journal.live_state()
    rebuilt = journal.replay_images(JournalEntry.objects.order_by("seq"))
    rooms = ("warning.", "response.", "notices.")
    return {
        "alerts": alerts.count(),
        "sensors": alerts.values("subject").distinct().count(),
        "told_by_the_judge": raised.count(),
        "incidents": list(incidents.values_list("members", "area", "level")),
        "of_an_incident": alerts.filter(incident__isnull=False).count(),
        "cases": [(one.is_open, one.title.get("members"), one.level) for one in cases],
        "held": list(CaseIncident.objects.filter(case__in=cases).values_list("members", flat=True)),
        "followers": CaseFollower.objects.filter(case__in=cases, sign__in=signs).count(),
        "back": CaseFollower.objects.filter(sign__in=signs, cleared_at__isnull=False).count(),
        "open": alerts.filter(cleared_at__isnull=True).count(),
        "elsewhere": CaseFollower.objects.filter(sign__in=signs).exclude(case__in=cases).count(),
        "owner_told": Notice.objects.filter(
            subject__in=("case.incident", "case.silence"), mark="", about=f"case:{cases[0].pk}"
        ).count()
        if cases
        else 0,
        "parked": ParkedEvent.objects.count(),
        "rebuilt_differs": [
            name for name in live if name.startswith(rooms) and live[name] != rebuilt.get(name)
        ],
    }


def broken(spec: str) -> int:
    """Run in a child with a failpoint armed; return how it ended."""
    from anlan.infra import failpoints

    def work() -> None:
        failpoints.arm(spec)
        run()

    return in_a_child(work)


def proved(root: Path) -> dict[str, object]:
    """Run once more as clients and clockwork would, in a child, and return what is there then."""
    file = root.with_name("proof.json")

    def work() -> None:
        run()
        file.write_text(json.dumps(look()))

    file.unlink(missing_ok=True)
    in_a_child(work)
    return json.loads(file.read_text()) if file.exists() else {}


def each(prepared: Path, specs: Sequence[str]) -> list[dict[str, object]]:
    """Break a fresh copy of the workspace at each failpoint, then prove it; all in one place in turn."""
    place = Path(tempfile.mkdtemp(prefix="storm-"))
    root = place / "workspace"
    shutil.copytree(prepared, root)
    get_ready(root)
    found = []
    for spec in specs:
        shutil.rmtree(place)
        shutil.copytree(prepared, root)
        found.append({"failpoint": spec, "ended": broken(spec), "found": proved(root)})
    shutil.rmtree(place)
    return found


def main() -> None:
    """Do what the command line says."""
    what, root, *specs = [word for word in sys.argv[1:] if word != "--silent"]
    if what == "prepare":
        prepare(Path(root))
        return
    if what == "each":
        said: object = each(Path(root), specs)
    elif what == "trace":
        from anlan.infra import failpoints

        get_ready(Path(root))
        failpoints.arm("trace")
        run()
        said = failpoints.traced()
    else:
        get_ready(Path(root))
        said = {"ends": [broken(spec) for spec in specs], "found": proved(Path(root))}
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
