"""The columns of many messages as one batch: the same rows, one part after another."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from anlan.sensing.domain.columnwire import columns_from, columns_of
from anlan.sensing.domain.joining import joined
from anlan.sensing.domain.observations import BatchIn, RowIn

AT = datetime(2026, 7, 20, tzinfo=UTC)
ROWS = st.builds(
    RowIn,
    stream=st.sampled_from(["s1", "s2", "?"]),
    at=st.sampled_from([AT, None]),
    value=st.none() | st.floats(-5, 5),
    quality=st.sampled_from(["", "suspect", "what"]),
    unit=st.sampled_from(["", "m"]),
)
BATCHES = st.builds(
    BatchIn, st.lists(st.none() | ROWS, max_size=4).map(tuple), st.sampled_from(["", "cm"])
)


def rows(columns):
    """Return each row with the unit that counts for it, and what is odd of it."""
    found = []
    for number in range(len(columns)):
        row = columns.row(number)
        unit = None if row is None else row.unit or columns.unit
        found.append(
            (row and (row.stream, row.at, row.value, row.quality), unit, columns.odd.get(number))
        )
    return found


@given(st.lists(BATCHES, min_size=1, max_size=5))
def test_joined_is_one_after_another(batches):
    parts = [columns_of(batch) for batch in batches]
    assert rows(joined(parts)) == [row for part in parts for row in rows(part)]


def test_columns_of_the_wire():
    bodies = [
        b'{"streams": ["a", "b"], "at": "2026-07-20T00:00:00Z", "value": [1, null]}',
        b'{"streams": "a", "at_ms": [1, 2], "value": [3, 4], "unit": "m"}',
        b'{"observations": [{"stream": "a", "at": "2026-07-20T00:00:00Z", "value": 5, "unit": "cm"}]}',
    ]
    parts = [columns_from(body, "application/json")[0] for body in bodies]
    assert rows(joined(parts)) == [row for part in parts for row in rows(part)]
    assert len(joined(parts)) == 5
