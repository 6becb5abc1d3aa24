"""The judge in columns: thresholds, windows and silence over every stream at every tick.

Pure: arrays, no framework, no clock.  ``domain/judge.py`` is its slow, obvious
twin; ``docs/methods/judge.md`` says what both of them mean.
"""

from anlan.warning.columns.judge import NO_READINGS, Step, batch_of, step
from anlan.warning.columns.layout import Batch, Out
from anlan.warning.columns.programs import City, Facts
from anlan.warning.columns.resuming import (
    Standing,
    hold_open,
    put_stream,
    stand_still,
    standing_in,
    standing_of,
)
from anlan.warning.columns.spoken import findings_of
from anlan.warning.columns.state import (
    Spare,
    State,
    bytes_of,
    bytes_per_stream,
    copied,
    load,
    new_state,
    save,
    spare_for,
)

__all__ = [
    "NO_READINGS", "Batch", "City", "Facts", "Out", "Spare", "Standing", "State", "Step", "batch_of", "bytes_of",
    "bytes_per_stream", "copied", "findings_of", "hold_open", "load", "new_state", "put_stream",
    "save", "spare_for", "stand_still", "standing_in", "standing_of", "step",
]  # fmt: skip
