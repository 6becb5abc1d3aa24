"""Readings over HTTP."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from ninja import Router, Schema

from anlan.infra.doors import Call, needs
from anlan.kernel.errors import NotFoundError
from anlan.sensing import readings
from anlan.sensing.api.calls import answer, body_of, json_body, kept_aside, once_of
from anlan.sensing.domain.errors import (
    BatchEmptyError,
    BatchMalformedError,
    NothingKeptError,
    PeriodError,
)
from anlan.sensing.domain.observations import MAX_ROWS, BatchIn, Quality
from anlan.sensing.domain.wire import batch_from_json
from anlan.sensing.latest_columns import latest_columns
from anlan.sensing.services.known import stream_facts
from anlan.sensing.services.observations import keep_observations

router = Router()
MAX_READ = 50_000
ARROW = "application/vnd.apache.arrow.stream"

ROW_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["stream", "at", "value"],
    "properties": {
        "stream": {"type": "string", "description": "Code of the sensor."},
        "at": {"type": "string", "format": "date-time", "description": "When it was measured."},
        "value": {"type": "number", "nullable": True, "description": "null: none was measured."},
        "quality": {"type": "string", "enum": [item.value for item in Quality]},
        "unit": {"type": "string", "description": "Else the batch's, else the sensor's own."},
    },
}
BATCH_SCHEMA: dict[str, Any] = {
    "oneOf": [
        {
            "type": "object",
            "required": ["observations"],
            "properties": {
                "observations": {"type": "array", "maxItems": MAX_ROWS, "items": ROW_SCHEMA},
                "unit": {"type": "string"},
                "key": {"type": "string", "description": "As the header Idempotency-Key."},
            },
        },
        {"type": "array", "maxItems": MAX_ROWS, "items": ROW_SCHEMA},
        ROW_SCHEMA,
    ]
}


class RefusedOut(Schema):
    """A row that was not kept as a reading."""

    index: int
    code: str


class BatchOut(Schema):
    """What became of a batch; refused rows lie in the quarantine under that number."""

    batch: int | None
    kept: int
    refused: list[RefusedOut]
    quarantine: int | None


class ReadingOut(Schema):
    """One reading, in the unit of the stream's quantity."""

    at: datetime
    value: float | None
    quality: str


class ReadingsOut(Schema):
    """Readings of one stream, oldest first."""

    stream: str
    unit: str
    readings: list[ReadingOut]


@router.post(
    "/observations",
    response={202: BatchOut},
    summary="Send readings",
    openapi_extra=json_body(BATCH_SCHEMA),
)
@needs("signs:write")
def post_observations(request: Call) -> HttpResponse:
    """Keep the good rows durably and name the others; refused when no row at all could be kept."""
    body = body_of(request)
    batch, key = _batch_of(request, body)
    once = once_of(request, body, key)
    if not batch.rows:
        raise BatchEmptyError
    receipt = keep_observations(request.actor, batch, now=request.now, once=once)
    if not receipt.kept:
        raise NothingKeptError(
            rows=len(batch.rows), first=receipt.refused[0].code, quarantine=receipt.quarantine
        )
    return answer(receipt, 202)


@router.get("/observations", response=ReadingsOut, summary="Readings of one stream")
@needs("signs:read")
def get_observations(request: Call, stream: str, start: datetime, end: datetime) -> HttpResponse:
    """Return the readings with ``start`` <= time < ``end``; instants need an offset."""
    facts = stream_facts(request.actor, {stream}, at=request.now).get(stream)
    if facts is None:
        raise NotFoundError(what="stream", id=stream)
    if start.tzinfo is None or end.tzinfo is None or end <= start:
        raise PeriodError(where="start, end")
    found = readings.read_observations(stream, start, end)
    if len(found) > MAX_READ:
        raise PeriodError(where=f"end: more than {MAX_READ} readings")
    rows = [{"at": item.at, "value": item.value, "quality": item.quality} for item in found]
    return answer({"stream": stream, "unit": facts.unit, "readings": rows})


@router.get("/observations/latest", response=list[ReadingOut], summary="Newest readings")
@needs("signs:read")
def get_latest(request: Call, stream: str) -> HttpResponse:
    """Return the newest reading of each of the streams named (comma-separated)."""
    codes = set(stream.split(",")[:500])
    seen = stream_facts(request.actor, codes, at=request.now)
    found = readings.latest(seen)
    return answer(
        [
            {
                "stream": code,
                "unit": seen[code].unit,
                "at": row.at,
                "value": row.value,
                "quality": row.quality,
                "received_at": row.received_at,
            }
            for code, row in sorted(found.items())
        ]
    )


@router.get(
    "/observations/latest/columns", summary="Newest reading of every stream, with its place"
)
@needs("signs:read")
def get_latest_columns(request: Call) -> HttpResponse:
    """Return one list for each column, as JSON, or as an Arrow stream where that is accepted.

    Streams of other areas are left out; of those that never measured only the place is told.  Times
    are whole µs since 1970 UTC.
    """
    columns = latest_columns(request.actor, now=request.now)
    if ARROW in request.headers.get("Accept", ""):
        return HttpResponse(_arrow_of(columns), content_type=ARROW)
    return answer({name: column.tolist() for name, column in columns.items()})


def _arrow_of(columns: dict[str, Any]) -> bytes:
    import pyarrow as pa

    kinds = {"at_us": pa.timestamp("us", "UTC"), "received_us": pa.timestamp("us", "UTC")}
    numbers = {"lat", "lon", "value"}
    table = pa.table(
        {
            name: pa.array(column, kinds.get(name, pa.float64() if name in numbers else pa.string()),
                           from_pandas=True)
            for name, column in columns.items()
        }
    )  # fmt: skip
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _batch_of(request: Call, body: bytes) -> tuple[BatchIn, str]:
    """Read the batch; one that cannot be read is kept aside and its number told."""
    try:
        return batch_from_json(body)
    except BatchMalformedError as error:
        kept = kept_aside(request, "observations", body, error)
        raise BatchMalformedError(where="body", quarantine=kept) from None
