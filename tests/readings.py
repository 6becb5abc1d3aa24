"""Readings for tests that are about something else."""

from collections.abc import Sequence
from datetime import datetime

from anlan.sensing.domain.observations import Observation, Quality
from anlan.sensing.services.framing import message_of
from anlan.sensing.services.hands import hand


def heard(
    stream: str,
    at: datetime,
    value: float | None = 1.0,
    *,
    received_at: datetime | None = None,
    quality: Quality = Quality.GOOD,
) -> None:
    """Let the store hold a reading, as if it had come at ``received_at`` (else ``at``)."""
    reading = Observation(stream, at, value, quality)
    hand().keep(message_of("test", [reading], key="", now=received_at or at))


def heard_together(stream: str, rows: Sequence[tuple[datetime, float | None, Quality]]) -> None:
    """Let the store hold many readings of a stream in one message, as if it came with the last."""
    readings = [Observation(stream, *row) for row in rows]
    hand().keep(message_of("test", readings, key="", now=rows[-1][0]))
