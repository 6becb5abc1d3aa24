"""The form of a segment file: Parquet, sorted by stream and time, nothing lost of the batches.

Columns: ``stream``, ``at_us`` and ``received_us`` (µs since 1970 UTC), ``value``
(null: none was measured), ``quality``, ``batch`` and ``position`` (row within
its batch).  pyarrow is imported at first use: most commands never need it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anlan.infra import failpoints
from anlan.sensing.domain.columns import from_us, to_us
from anlan.sensing.domain.observations import Batch, Observation, Quality

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 122_880
CHUNK_BYTES = 1 << 20


def table_of(batches: Sequence[Batch]) -> pa.Table:
    """Return batches as one table, sorted by stream, time, batch and position."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {name: [] for name in ("stream", "at_us", "value", "quality")}
    origin: dict[str, list[int]] = {name: [] for name in ("batch", "position", "received_us")}
    for batch in batches:
        received = to_us(batch.received_at)
        for position, item in enumerate(batch.observations):
            columns["stream"].append(item.stream)
            columns["at_us"].append(to_us(item.at))
            columns["value"].append(item.value)
            columns["quality"].append(item.quality.value)
            origin["batch"].append(batch.id)
            origin["position"].append(position)
            origin["received_us"].append(received)
    table = pa.table(
        {
            "stream": pa.array(columns["stream"], pa.string()),
            "at_us": pa.array(columns["at_us"], pa.int64()),
            "value": pa.array(columns["value"], pa.float64()),
            "quality": pa.array(columns["quality"], pa.string()),
            "batch": pa.array(origin["batch"], pa.int64()),
            "position": pa.array(origin["position"], pa.int32()),
            "received_us": pa.array(origin["received_us"], pa.int64()),
        }
    )
    order = [(name, "ascending") for name in ("stream", "at_us", "batch", "position")]
    return table.sort_by(order)


def write_file(table: pa.Table, path: Path) -> tuple[str, int]:
    """Write ``table`` so that ``path`` is whole or absent; return its SHA-256 and size."""
    import pyarrow.parquet as pq

    part = path.with_name(path.name + ".part")
    pq.write_table(
        table,
        part,
        row_group_size=ROW_GROUP,
        compression="zstd",
        use_dictionary=["stream", "quality"],
        column_encoding={
            "at_us": "DELTA_BINARY_PACKED",
            "value": "BYTE_STREAM_SPLIT",
            "batch": "DELTA_BINARY_PACKED",
            "position": "DELTA_BINARY_PACKED",
            "received_us": "DELTA_BINARY_PACKED",
        },
        write_page_index=True,
    )
    failpoints.reach("segments.part_written")
    _sync(part)
    digest, size = sha256_of(part)
    part.replace(path)
    _sync(path.parent)
    failpoints.reach("segments.file_in_place")
    return digest, size


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> tuple[str, int]:
    """Return the SHA-256 of a file as hex, and its size in bytes."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def read_stream(path: Path, stream: str, first_us: int, end_us: int) -> list[tuple[int, Any]]:
    """Return ``(batch, (position, observation))`` of one stream within a period."""
    table = _read(
        path, [("stream", "==", stream), ("at_us", ">=", first_us), ("at_us", "<", end_us)]
    )
    return [(row["batch"], (row["position"], _observation(row))) for row in table.to_pylist()]


def read_streams(
    path: Path, streams: Collection[str], first_us: int, end_us: int
) -> list[tuple[int, Any]]:
    """Return ``(batch, (position, observation))`` of several streams within a period."""
    wanted = [("stream", "in", sorted(streams)), ("at_us", ">=", first_us), ("at_us", "<", end_us)]
    table = _read(path, wanted)
    return [(row["batch"], (row["position"], _observation(row))) for row in table.to_pylist()]


def newest_of(path: Path, after_us: int, upto_us: int) -> list[tuple[int, Observation]]:
    """Return (batch, observation): the newest of each stream with ``after`` < time <= ``upto``.

    Only what had been received by ``upto`` counts.
    """
    wanted = [("at_us", ">", after_us), ("at_us", "<=", upto_us), ("received_us", "<=", upto_us)]
    # Sorted by stream and time within the file, so the last row of each stream is its newest.
    last = [(name, "last") for name in ("at_us", "value", "quality", "batch")]
    table = _read(path, wanted).group_by("stream", use_threads=False).aggregate(last)
    rows = [{key.removesuffix("_last"): row[key] for key in row} for row in table.to_pylist()]
    return [(row["batch"], _observation(row)) for row in rows]


def read_batches(path: Path, after: int, upto: int) -> list[Batch]:
    """Return the batches with ``after`` < id <= ``upto``, as they were before sealing."""
    table = _read(path, [("batch", ">", after), ("batch", "<=", upto)])
    return batches_of(
        table.sort_by([("batch", "ascending"), ("position", "ascending")]).to_pylist()
    )


def batches_of(rows: Iterable[dict[str, Any]]) -> list[Batch]:
    """Group rows that are sorted by batch and position."""
    grouped: dict[int, tuple[int, list[Observation]]] = {}
    for row in rows:
        _, observations = grouped.setdefault(row["batch"], (row["received_us"], []))
        observations.append(_observation(row))
    return [
        Batch(key, from_us(received), tuple(observations))
        for key, (received, observations) in grouped.items()
    ]


def _observation(row: dict[str, Any]) -> Observation:
    return Observation(row["stream"], from_us(row["at_us"]), row["value"], Quality(row["quality"]))


def _read(path: Path, filters: list[tuple[str, str, Any]]) -> pa.Table:
    import pyarrow.parquet as pq

    # One file, not a data set: names of folders must never turn into columns.
    return pq.read_table(path, filters=filters, partitioning=None, use_threads=False)
