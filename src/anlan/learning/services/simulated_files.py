"""A simulated run as files: readings, the truth beside them, and the city pack they belong to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from anlan.kernel.errors import ConflictError
from anlan.learning.domain.simulator.planting import Planted
from anlan.learning.domain.simulator.run import Readings, readings
from anlan.learning.domain.simulator.truth import Truth
from anlan.registry.domain.city import City
from anlan.registry.domain.write import write_city

if TYPE_CHECKING:
    import pyarrow as pa

Form = Literal["csv", "parquet"]
COLUMNS = ("stream", "at", "value", "unit", "received_at")
TRUTH_COLUMNS = ("what", "kind", "stream", "place", "begins", "ends", "rule", "level", "due")
Progress = Callable[[int], None]


class FolderTakenError(ConflictError):
    """The folder for the files holds something already."""

    code = "simulate.folder_taken"


def write_run(
    planted: Planted, truth: Truth, city: City, folder: Path, *, form: Form, progress: Progress
) -> int:
    """Write a run into an empty or new folder; return how many readings it has.

    ``readings.csv`` (or ``.parquet``) has a row for each reading in the order of arrival, values in
    the quantity's unit; ``truth.json`` and ``truth.csv`` what is true; ``city/`` the city pack.

    Raises
    ------
    FolderTakenError
        When the folder holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FolderTakenError(path=folder.name)
    folder.mkdir(parents=True, exist_ok=True)
    write_city(city, folder / "city")
    (folder / "truth.json").write_bytes(msgspec.json.format(msgspec.json.encode(truth)))
    _write_truth(truth, folder / "truth.csv")
    return _write_readings(planted, folder / f"readings.{form}", form, progress)


def _write_readings(planted: Planted, path: Path, form: Form, progress: Progress) -> int:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    sensors, units = planted.run.sensors, planted.packs.world.units
    codes = pa.array(planted.run.codes)
    names = pa.array([units[sensor.quantity].unit for sensor in sensors])
    schema = _schema(form)
    part = path.with_suffix(".part")
    kind = pa.csv.CSVWriter if form == "csv" else pq.ParquetWriter
    count = 0
    with kind(str(part), schema) as writer:
        for found in readings(planted.run):
            writer.write_table(_table(found, codes, names, schema))
            count += found.value.size
            progress(count)
    part.replace(path)
    return count


def _schema(form: Form) -> pa.Schema:
    import pyarrow as pa

    instant = pa.string() if form == "csv" else pa.timestamp("ms", "UTC")
    kinds = {"at": instant, "received_at": instant, "value": pa.float64()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])


def _table(found: Readings, codes: pa.Array, names: pa.Array, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    number = pa.array(found.stream)
    columns = {
        "stream": codes.take(number),
        "at": _instants(found.at_us, schema.field("at").type),
        "value": pa.array(found.value),
        "unit": names.take(number),
        "received_at": _instants(found.received_us, schema.field("received_at").type),
    }
    return pa.table(columns, schema=schema)


def _instants(us: NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    at = pa.array(us // 1000).cast(pa.timestamp("ms", "UTC"))
    return pc.strftime(at, format="%Y-%m-%dT%H:%M:%SZ") if kind == pa.string() else at


def _write_truth(truth: Truth, path: Path) -> None:
    """Write one row for each alert that is due, and one for each incident and fault."""
    import pyarrow as pa
    import pyarrow.csv

    rows: list[tuple[str, ...]] = []
    for one in truth.incidents:
        span = one.begins.isoformat(), one.ends.isoformat()
        rows += [
            ("incident", one.kind, stream, one.place, *span, "", one.expected, "")
            for stream in one.streams
        ]
        rows += [
            ("due", one.kind, due.stream, one.place, *span, due.rule, due.level, due.at.isoformat())
            for due in one.should_raise
        ]
    rows += [
        ("fault", one.kind, one.stream, one.place, one.begins.isoformat(), one.ends.isoformat(),
         "", "", "")
        for one in truth.faults
    ]  # fmt: skip
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(TRUTH_COLUMNS)
    named = dict(zip(TRUTH_COLUMNS, columns, strict=True))
    table = pa.table({name: pa.array(column, pa.string()) for name, column in named.items()})
    pa.csv.write_csv(table, str(path))
