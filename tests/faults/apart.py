"""Some minutes of a city's life, as a program: readings in, the clockwork, and what it says of itself.

    python -m tests.faults.apart live WORKSPACE MINUTE    one reading of each stream, two ticks; prints what is seen

The workspace is one that ``tests.faults.chain prepare`` made.  The time is the script's own.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

from tests.faults.chain import START, Chain, set_up


def live(root: Path, minute: int) -> dict[str, object]:
    """Send readings at a minute after the start, let the clockwork run, and tell what is seen."""
    from anlan.accountability import public as accountability
    from anlan.response.models import Case
    from anlan.sensing import public as sensing

    chain = Chain(root)
    at = START + timedelta(minutes=minute)
    chain.clock.instant = at
    rows = [{"stream": code, "at": at.isoformat(), "value": 1.0} for code in chain.streams()]
    body = json.dumps({"observations": rows}).encode()
    chain.send("observations", body, "application/json", f"minute-{minute}")
    for later in (0.0, 1.1, 2.2):
        chain.tick(minute + later)
    (code, *_) = chain.streams()
    kept = sensing.read_observations(code, START, at + timedelta(days=1))
    sick = [item for item in accountability.sicknesses() if item.part.startswith("restore:")]
    return {
        "minutes": [round((item.at - START).total_seconds() / 60) for item in kept],
        "frames": [batch.id for batch in sensing.batches_after(0, 1000)],
        "sick": {item.ailment: dict(item.texts) for item in sick},
        "cases": Case.objects.filter(cause__startswith="sick:restore:", is_open=True).count(),
        "failing": sorted(
            item.part for item in accountability.sicknesses() if "step:" in item.part
        ),
        "faults": [str(item) for item in sensing.verify_segments()],
        "ledger": [str(item) for item in accountability.verify().findings],
    }


if __name__ == "__main__":
    workspace = Path(sys.argv[2])
    set_up(workspace)
    sys.stdout.write(json.dumps(live(workspace, int(sys.argv[3])), ensure_ascii=False))
