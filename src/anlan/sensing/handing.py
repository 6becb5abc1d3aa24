"""Readings to take away: columns for other programs, written while they are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from anlan.sensing.flagging import FlaggedReading

if TYPE_CHECKING:
    import pyarrow as pa


class _Pieces:
    """A file that is taken away as it grows."""

    closed = False

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._at = 0

    def write(self, data: bytes) -> int:
        self._held.append(bytes(data))
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        """Return what was written since."""
        found, self._held = b"".join(self._held), []
        return found


def as_parquet(
    parts: Iterable[tuple[FlaggedReading, ...]], *, stream: str, unit: str
) -> Iterator[bytes]:
    """Yield readings as a Parquet file, a row group for each part; stream and unit in its head.

    Columns: ``time`` (UTC, µs), ``value`` (null: no value), ``quality``,
    ``flags`` (names, with spaces between them; empty: none).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("time", pa.timestamp("us", "UTC")),
            ("value", pa.float64()),
            ("quality", pa.dictionary(pa.int8(), pa.string())),
            ("flags", pa.dictionary(pa.int8(), pa.string())),
        ],
        metadata={"stream": stream, "unit": unit},
    )
    pieces = _Pieces()
    with pq.ParquetWriter(pa.PythonFile(pieces, mode="w"), schema, compression="zstd") as file:
        for part in parts:
            file.write_table(_table(part, schema))
            yield pieces.taken()
    yield pieces.taken()


def _table(part: tuple[FlaggedReading, ...], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    quality = pa.array([item.reading.quality.value for item in part]).dictionary_encode()
    flags = pa.array([" ".join(item.flags) for item in part]).dictionary_encode()
    columns = [
        pa.array([item.reading.at for item in part], schema.field("time").type),
        pa.array([item.reading.value for item in part], pa.float64()),
        quality.cast(schema.field("quality").type),
        flags.cast(schema.field("flags").type),
    ]
    return pa.table(columns, schema=schema)
