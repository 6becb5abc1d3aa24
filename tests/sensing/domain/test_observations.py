"""Rows of a batch: each judged on its own, nothing lost, nothing guessed."""

# Hypothesis takes the bounds of a period without a zone.
# ruff: noqa: DTZ001
from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.sensing.domain.observations import (
    FUTURE_TOLERANCE,
    Observation,
    Quality,
    RowIn,
    StreamFacts,
    check_rows,
)

NOW = datetime(2021, 7, 20, 8, 0, tzinfo=UTC)
STREAMS = {
    "pond": StreamFacts("pond", "cm", "mm", {"mm": 0.1, "m": 100.0}, 0.0, 500.0),
    "free": StreamFacts("free", "ppm", "ppm"),
}


def one(row, unit=""):
    checked = check_rows([row], STREAMS, unit=unit, now=NOW)
    return checked.kept[0] if checked.kept else checked.refused[0].code


def test_units_come_from_the_row_then_the_batch_then_the_sensor():
    assert one(RowIn("pond", NOW, 2.0, unit="m"), unit="cm").value == 200.0
    assert one(RowIn("pond", NOW, 2.0), unit="m").value == 200.0
    assert one(RowIn("pond", NOW, 20.0)).value == pytest.approx(2.0)
    assert one(RowIn("pond", NOW, 2.0, unit="inch")) == "observation.unit_refused"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (RowIn("nope", NOW, 1.0), "observation.stream_unknown"),
        (RowIn("free", None, 1.0), "observation.time_missing"),
        (RowIn("free", NOW.replace(tzinfo=None), 1.0), "observation.time_missing"),
        (RowIn("free", datetime(1970, 1, 1, tzinfo=UTC), 1.0), "observation.time_absurd"),
        (RowIn("free", NOW, math.nan), "observation.not_a_number"),
        (RowIn("free", NOW, -math.inf), "observation.not_a_number"),
        (RowIn("pond", NOW, 1e308, unit="m"), "observation.not_a_number"),
        (RowIn("free", NOW, 1.0, "great"), "observation.quality_unknown"),
        (None, "observation.row_malformed"),
    ],
)
def test_why_a_row_is_refused(row, code):
    assert one(row) == code


def test_the_future_begins_ten_minutes_from_now():
    edge = NOW + FUTURE_TOLERANCE
    assert one(RowIn("free", edge, 1.0)).at == edge
    assert one(RowIn("free", edge + timedelta(microseconds=1), 1.0)) == "observation.time_ahead"


def test_missing_zero_and_out_of_range_are_three_things():
    assert one(RowIn("free", NOW, None)).quality is Quality.MISSING
    assert one(RowIn("free", NOW, -999.0, "missing")) == one(RowIn("free", NOW, None))
    assert one(RowIn("free", NOW, 0.0)) == Observation("free", NOW, 0.0, Quality.GOOD)
    assert one(RowIn("pond", NOW, 500.0), unit="cm").quality is Quality.GOOD
    above = one(RowIn("pond", NOW, 500.1), unit="cm")
    assert (above.value, above.quality) == (500.1, Quality.OUT_OF_RANGE)


rows = st.lists(
    st.none()
    | st.builds(
        RowIn,
        stream=st.sampled_from(["pond", "free", "nope", ""]),
        at=st.none()
        | st.datetimes(datetime(1969, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
        | st.datetimes(datetime(2000, 1, 1), datetime(2022, 1, 1)),
        value=st.none() | st.floats(),
        quality=st.sampled_from(["", "good", "suspect", "bad", "missing", "x"]),
        unit=st.sampled_from(["", "mm", "m", "kg"]),
    ),
    max_size=30,
)


def naive_is_kept(row):
    """The definition, one condition after the other."""
    if row is None or row.stream not in STREAMS or row.at is None or row.at.tzinfo is None:
        return False
    if row.at > NOW + timedelta(minutes=10) or row.at < datetime(1970, 1, 2, tzinfo=UTC):
        return False
    allowed = {"pond": ("", "mm", "m", "cm"), "free": ("", "ppm")}[row.stream]
    if row.unit not in allowed or row.quality not in ("", *list(Quality)):
        return False
    factor = {"m": 100.0, "mm": 0.1, "": 0.1 if row.stream == "pond" else 1.0}[row.unit]
    return row.value is None or math.isfinite(row.value * factor)


@given(rows)
def test_partial_acceptance_splits_every_batch_exactly(batch):
    checked = check_rows(batch, STREAMS, unit="", now=NOW)
    refused = [item.index for item in checked.refused]
    kept = [index for index in range(len(batch)) if index not in refused]
    assert refused == sorted(set(refused))
    assert len(checked.kept) + len(refused) == len(batch)
    assert kept == [index for index, row in enumerate(batch) if naive_is_kept(row)]
    for index, item in zip(kept, checked.kept, strict=True):
        assert (item.stream, item.at) == (batch[index].stream, batch[index].at)


@given(rows, st.integers(0, 30))
def test_splitting_a_batch_changes_no_verdict(batch, cut):
    whole = check_rows(batch, STREAMS, unit="", now=NOW)
    parts = [check_rows(part, STREAMS, unit="", now=NOW) for part in (batch[:cut], batch[cut:])]
    assert whole.kept == parts[0].kept + parts[1].kept
    assert [item.code for item in whole.refused] == [
        item.code for part in parts for item in part.refused
    ]
