"""JSON from strangers: read generously, never guessed at, never a crash."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.sensing.domain.errors import BatchMalformedError, ReportMalformedError
from anlan.sensing.domain.observations import RowIn
from anlan.sensing.domain.reports import Contact, ReportIn
from anlan.sensing.domain.wire import (
    REPORT_FIELDS,
    batch_from_json,
    report_from_json,
    row_from_json,
    row_to_json,
)

AT = datetime(2021, 7, 20, 8, 0, tzinfo=UTC)
ROW = {"stream": "s", "at": "2021-07-20T08:00:00Z", "value": 1.5}


def test_a_full_report():
    body = {
        "text": "水", "lat": 34.7, "lon": "113.6", "area": "410102", "place": "桥下",
        "hazard": "flood.urban", "contact": {"name": "n", "phone": "1"}, "channel": "app",
        "language": "zh", "known_at": "2021-07-20T08:00:00Z",
    }  # fmt: skip
    assert report_from_json(json.dumps(body).encode()) == ReportIn(
        text="水", lat=34.7, lon=113.6, area="410102", place_text="桥下", hazard="flood.urban",
        contact=Contact("n", "1"), channel="app", language="zh", known_at=AT,
    )  # fmt: skip


def test_an_empty_object_is_a_report():
    assert report_from_json(b"{}") == ReportIn()
    assert report_from_json(b'{"text": null, "lat": null}') == ReportIn()


def test_a_field_that_cannot_be_used_does_not_cost_the_report():
    found = report_from_json(b'{"text": "x", "lat": "north", "known_at": 5e99, "mood": [1]}')
    assert (found.text, found.lat, found.known_at) == ("x", None, None)
    assert json.loads(found.extra) == {"lat": "north", "known_at": 5e99, "mood": [1]}


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"1", b"null", b'"x"', b"{", b"\xff", b'{"text": "\\ud800"}', b"[" * 100_000],
)
def test_what_is_no_object_is_malformed(body):
    with pytest.raises(ReportMalformedError):
        report_from_json(body)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*REPORT_FIELDS, "other"]), anything, max_size=6))
def test_every_json_object_is_a_report_and_nothing_of_it_is_lost(body):
    text = json.dumps(body, allow_nan=False) if _finite(body) else None
    if text is None:
        return
    found = report_from_json(text.encode())
    extra = json.loads(found.extra) if found.extra else {}
    for name, value in body.items():
        if value in (None, ""):
            continue
        field = REPORT_FIELDS.get(name, ("",))[0]
        assert name in extra or getattr(found, field) is not None


def _finite(value):
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    return all(map(_finite, value)) if isinstance(value, list) else True


@pytest.mark.parametrize("body", [{"observations": [ROW, ROW]}, [ROW, ROW]])
def test_forms_of_a_batch(body):
    batch, key = batch_from_json(json.dumps(body).encode())
    assert batch.rows == (RowIn("s", AT, 1.5),) * 2
    assert key == ""


def test_one_row_alone_and_the_senders_key():
    batch, _ = batch_from_json(json.dumps(ROW).encode())
    assert batch.rows == (RowIn("s", AT, 1.5),)
    batch, key = batch_from_json(
        json.dumps({"observations": [ROW], "unit": "mm", "key": "k"}).encode()
    )
    assert (batch.unit, key) == ("mm", "k")


def test_a_bad_row_does_not_cost_the_others_and_is_kept_as_sent():
    body = {"unit": "mm", "observations": [ROW, {"stream": "s", "at": "?", "value": 1}, 7]}
    batch, _ = batch_from_json(json.dumps(body).encode())
    assert batch.rows == (RowIn("s", AT, 1.5), None, None)
    assert json.loads(batch.originals[1])["at"] == "?"
    assert batch.originals[2] == b"7"


def test_a_value_left_out_is_not_taken_for_missing():
    batch, _ = batch_from_json(b'[{"stream": "s", "at": "2021-07-20T08:00:00Z", "val": 3}]')
    assert batch.rows == (None,)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"5", b'{"observations": 5}', b"[" * 100_000, b"\xff"]
)
def test_what_is_no_batch_is_malformed(body):
    with pytest.raises(BatchMalformedError):
        batch_from_json(body)


@given(
    st.builds(
        RowIn,
        stream=st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        at=st.datetimes(timezones=st.just(UTC)),
        value=st.none() | st.floats(),
    )
)
def test_a_row_set_aside_is_read_again_as_it_was(row):
    again = row_from_json(row_to_json(row))
    assert (again.stream, again.at) == (row.stream, row.at)
    assert again.value == row.value or (math.isnan(again.value) and math.isnan(row.value))
