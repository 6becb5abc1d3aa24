"""Examples in a payload map: does each message come to the rows that are written beside it?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from anlan.sensing.domain.connector_errors import PayloadRefusedError
from anlan.sensing.domain.observations import RowIn
from anlan.sensing.domain.payload_map import PayloadMap
from anlan.sensing.domain.payload_spec import ExampleRow, ExampleSpec
from anlan.sensing.domain.payloads import Decoded, decode

CAME_AT = datetime(2026, 1, 1, tzinfo=UTC)
"""When an example comes in that does not say when."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as the example says: where, what was written, what came."""

    where: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """What became of one example (0 is the first); no difference: it holds."""

    index: int
    differences: tuple[Difference, ...]

    @property
    def holds(self) -> bool:
        """Whether everything came as written."""
        return not self.differences


def run_examples(payload_map: PayloadMap) -> tuple[ExampleResult, ...]:
    """Read every example of a map, and say what differs from what is written beside it."""
    return tuple(
        ExampleResult(index, _differences(payload_map, example))
        for index, example in enumerate(payload_map.spec.examples)
    )


def _differences(payload_map: PayloadMap, example: ExampleSpec) -> tuple[Difference, ...]:
    try:
        found = decode(
            payload_map,
            example.topic,
            _payload(payload_map, example),
            now=example.came_at or CAME_AT,
        )
    except PayloadRefusedError as error:
        wanted = [item.code for item in example.faults if item.row == -1]
        if wanted == [error.code] and not example.rows:
            return ()
        return (Difference("payload", ", ".join(wanted) or "–", str(error)),)
    return tuple(_compared(example, found))


def _payload(payload_map: PayloadMap, example: ExampleSpec) -> bytes:
    """Return the bytes of an example; a text in a file ends with the line, a message need not."""
    return example.payload.strip("\n").encode(payload_map.spec.csv.encoding)


def _compared(example: ExampleSpec, found: Decoded) -> list[Difference]:
    differences = []
    if example.key and example.key != found.key:
        differences.append(Difference("key", example.key, found.key))
    rows = [row for row in found.batch.rows if row is not None]
    for index in range(max(len(rows), len(example.rows))):
        expected = example.rows[index] if index < len(example.rows) else None
        came = rows[index] if index < len(rows) else None
        if expected is None or came is None or not _same(expected, came):
            differences.append(Difference(f"rows[{index}]", _told(expected), _told(came)))
    wanted = {(item.row, item.code) for item in example.faults}
    faults = {(item.index, item.code) for item in found.faults}
    places = {item.index: item.place for item in found.faults}
    for row, code in sorted(wanted ^ faults):
        expected_one = code if (row, code) in wanted else "–"
        came_one = f"{code} ({places[row]})" if (row, code) in faults else "–"
        differences.append(Difference(f"faults[{row}]", expected_one, came_one))
    return differences


def _same(expected: ExampleRow, came: RowIn) -> bool:
    at = expected.at if expected.at.tzinfo else expected.at.replace(tzinfo=UTC)
    return (
        expected.stream == came.stream
        and at == came.at
        and _close(expected.value, came.value)
        and expected.quality == came.quality
        and expected.unit == came.unit
    )


def _close(expected: float | None, came: float | None) -> bool:
    if expected is None or came is None:
        return expected is came
    return math.isclose(expected, came, rel_tol=1e-9, abs_tol=1e-12)


def _told(row: ExampleRow | RowIn | None) -> str:
    if row is None:
        return "–"
    at = row.at.isoformat() if row.at else "–"
    more = " ".join(item for item in (row.quality, row.unit) if item)
    return f"{row.stream} {at} {row.value} {more}".rstrip()
