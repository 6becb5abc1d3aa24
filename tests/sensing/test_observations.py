"""Readings: good rows durable, bad rows named and set aside, the same batch once."""

from __future__ import annotations

import json
import math
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anlan.infra import contents
from anlan.sensing import public
from anlan.sensing.domain.errors import BatchTooLargeError, KeyReusedError
from anlan.sensing.domain.observations import MAX_ROWS, RefusedRow
from anlan.sensing.models import Quarantine
from anlan.sensing.public import BatchIn, RowIn
from tests.sensing.conftest import GATEWAY, NOW, STREET

pytestmark = pytest.mark.django_db(databases="__all__")


def keep(*rows, actor=GATEWAY, now=NOW, once=None, unit=""):
    return public.keep_observations(actor, BatchIn(rows, unit), now=now, once=once)


def test_good_rows_are_kept_bad_rows_are_named_and_set_aside(city):
    receipt = keep(RowIn("s1", NOW, 0.3), RowIn("nope", NOW, 1.0), RowIn("s2", NOW, math.inf), None)
    assert receipt.kept == 1
    assert receipt.refused == (
        RefusedRow(1, "observation.stream_unknown"),
        RefusedRow(2, "observation.not_a_number"),
        RefusedRow(3, "observation.row_malformed"),
    )
    (batch,) = public.batches_after(0, 10)
    assert [(o.stream, o.value) for o in batch.observations] == [("s1", 30.0)]  # metres to cm
    row = Quarantine.objects.get(pk=receipt.quarantine)
    assert row.rows == [
        [1, "observation.stream_unknown"],
        [2, "observation.not_a_number"],
        [3, "observation.row_malformed"],
    ]
    lines = [json.loads(line) for line in contents.get(row.raw_content).splitlines()]
    assert json.loads(lines[1]["row"])["value"] == "inf"


def test_a_batch_without_one_good_row_is_no_batch(city):
    receipt = keep(RowIn("nope", NOW, 1.0))
    assert (receipt.batch, receipt.kept) == (None, 0)
    assert public.last_batch_id() == 0


def test_streams_of_another_area_are_unknown(city):
    receipt = keep(RowIn("s1", NOW, 1.0), RowIn("west", NOW, 1.0), actor=STREET)
    assert receipt.refused == (RefusedRow(1, "observation.stream_unknown"),)


def test_too_many_rows_are_refused_whole(city):
    with pytest.raises(BatchTooLargeError):
        keep(*[RowIn("s1", NOW, 1.0)] * (MAX_ROWS + 1))
    assert public.last_batch_id() == 0


def test_the_same_key_is_one_batch_also_after_it_was_sealed(city):
    once = public.Once("k", "a" * 64)
    first = keep(RowIn("s1", NOW, 1.0), RowIn("nope", NOW, 1.0), once=once)
    assert keep(RowIn("s1", NOW, 1.0), RowIn("nope", NOW, 1.0), once=once) == first
    public.seal_segments(now=NOW, span=timedelta(0))
    assert keep(RowIn("s1", NOW, 1.0), RowIn("nope", NOW, 1.0), once=once) == first
    assert public.last_batch_id() == 1
    assert Quarantine.objects.count() == 1
    with pytest.raises(KeyReusedError):
        keep(RowIn("s1", NOW, 2.0), once=public.Once("k", "b" * 64))


def test_the_newest_reading_is_by_time_of_measurement(city):
    keep(RowIn("s1", NOW, 1.0), RowIn("s1", NOW - timedelta(minutes=5), 2.0))
    keep(RowIn("s1", NOW - timedelta(minutes=1), 3.0), now=NOW + timedelta(minutes=1))
    row = public.latest(["s1"])["s1"]
    assert (row.at, row.value) == (NOW, 100.0)
    keep(RowIn("s1", NOW, None), now=NOW + timedelta(minutes=2))
    row = public.latest(["s1"])["s1"]
    assert (row.value, row.quality) == (None, "missing")
    assert set(public.latest(["s1", "s2"])) == {"s1"}


def test_the_last_received_counts_for_one_instant(city):
    keep(RowIn("s1", NOW, 1.0), RowIn("s1", NOW, 2.0))
    assert [o.value for o in public.read_observations("s1", NOW, NOW + timedelta(1))] == [200.0]
    keep(RowIn("s1", NOW, 3.0))
    assert [o.value for o in public.read_observations("s1", NOW, NOW + timedelta(1))] == [300.0]
    assert public.read_observations("s1", NOW - timedelta(1), NOW) == ()


def test_batches_are_heard_in_order_and_a_page_at_a_time(city):
    for minute in range(5):
        keep(RowIn("s1", NOW, float(minute)))
    assert [b.id for b in public.batches_after(0, 2)] == [1, 2]
    assert [b.id for b in public.batches_after(2, 10)] == [3, 4, 5]
    assert public.batches_after(5, 10) == ()
    assert public.batches_after(0, 0) == ()


def test_the_cost_of_a_batch_does_not_grow_with_its_rows(city):
    keep(RowIn("s1", NOW, 1.0))
    counts = []
    for rows in (1, 300):
        with CaptureQueriesContext(connection) as queries:
            keep(*[RowIn("s1", NOW + timedelta(seconds=i), 1.0) for i in range(rows)])
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


batches = st.lists(
    st.lists(
        st.builds(
            RowIn,
            stream=st.sampled_from(["s1", "s2", "nope"]),
            at=st.integers(-600, 600).map(lambda s: NOW + timedelta(seconds=s)),
            value=st.none() | st.floats(0, 5),
        ),
        min_size=1,
        max_size=6,
    ),
    min_size=1,
    max_size=6,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches, st.sets(st.integers(0, 6)))
def test_what_was_sent_is_what_is_read_sealed_or_not(city, live, sent, seal_after):
    start = public.last_batch_id()
    expected: dict[str, dict] = {"s1": {}, "s2": {}}
    heard = []
    for index, rows in enumerate(sent):
        receipt = keep(*rows)
        good = [row for row in rows if row.stream != "nope"]
        assert (receipt.kept, len(receipt.refused)) == (len(good), len(rows) - len(good))
        for row in good:
            scale = 100.0 if row.stream == "s1" else 1.0
            expected[row.stream][row.at] = None if row.value is None else row.value * scale
        if good:
            heard.append(len(good))
        if index in seal_after:
            public.seal_segments(now=NOW, span=timedelta(0))
    for stream, values in expected.items():
        read = public.read_observations(stream, NOW - timedelta(days=1), NOW + timedelta(days=1))
        kept = {item.at: item.value for item in read}
        assert {at: kept[at] for at in values} == values
        assert list(kept) == sorted(kept)
    after = public.batches_after(start, 100)
    # A merge keeps a repeated reading once: its later batch has it no more.
    assert len(after) == len(heard)
    assert all(len(batch.observations) <= count for batch, count in zip(after, heard, strict=True))
    whole = public.batches_after(0, 10_000)
    there = {(item.stream, item.at) for batch in whole for item in batch.observations}
    assert there >= {(stream, at) for stream, values in expected.items() for at in values}
    assert public.verify_segments() == ()


def test_a_long_unit_is_not_kept_aside_once_for_each_row(city, monkeypatch):
    """A body of 12 MB would become 240 GB."""
    monkeypatch.setattr("anlan.sensing.services.observations.MAX_KEPT_BYTES", 2_000_000)
    rows = [RowIn("s1", NOW, 1.0)] * 100
    receipt = keep(*rows, unit="u" * 1_000_000)
    assert len(receipt.refused) == 100
    assert 2_000_000 < Quarantine.objects.get(pk=receipt.quarantine).size_bytes < 4_000_000
