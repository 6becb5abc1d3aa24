"""How MQTT does, written beside the database every few seconds: pages and clockwork read it."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anlan.kernel.canonical import instant_text, parse_instant

if TYPE_CHECKING:
    from anlan.entrypoints.mqtt.broker import BrokerLine
    from anlan.entrypoints.mqtt.door import Door
    from anlan.entrypoints.mqtt.intake import Intake

log = logging.getLogger(__name__)

STATE = "mqtt.state"


def note(
    root: Path,
    now: datetime,
    brokers: Sequence[BrokerLine],
    intakes: Sequence[Intake],
    door: Door | None,
) -> None:
    """Write how everything does."""
    found: dict[str, Any] = {
        "at": instant_text(now),
        "down": {
            line.part.name: {"since": instant_text(line.state.since), "problem": line.state.problem}
            for line in brokers
            if line.state.problem
        },
        "brokers": {line.part.name: line.heard for line in brokers},
        "kept": sum(intake.kept for intake in intakes),
        "kept_at": [instant_text(one.kept_at) for one in intakes if one.kept_at is not None],
        "over_bound": sum(intake.allowance.over for intake in intakes),
        "waits": [
            {"since": instant_text(intake.trouble[0]), "problem": intake.trouble[1]}
            for intake in intakes
            if intake.trouble is not None
        ],
    }
    if door is not None:
        found["door"] = {"clients": door.clients, **door.counts}
    file = root / STATE
    part = file.with_suffix(".part")
    try:
        part.write_text(json.dumps(found, ensure_ascii=False))
        part.replace(file)
    except OSError:  # a full disk: that is told elsewhere
        log.exception("cannot note how MQTT does")


def read(root: Path) -> dict[str, Any] | None:
    """Return what was written last; None where nothing was."""
    try:
        found: dict[str, Any] = json.loads((root / STATE).read_text())
        found["at"] = parse_instant(found["at"])
        for one in (*found["down"].values(), *found["waits"]):
            one["since"] = parse_instant(one["since"])
    except (OSError, ValueError, KeyError):
        return None
    return found
