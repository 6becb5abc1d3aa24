"""Run by test_carry_over.py in a process of its own: a database of before, then the upgrade."""

# Django must be set up before the rest is imported; the parent test reads what is printed.
# ruff: noqa: E402, T201
from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

import django

django.setup()

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from anlan.infra.tables import bring_in_step

NOW = datetime(2026, 7, 20, 8, 0, tzinfo=UTC)
US = 1_000_000
AT = int(NOW.timestamp()) * US
BEFORE = ("sensing", "0002_photos_in_pieces_and_sources")


def before() -> None:
    """Make the tables of before, with one sealed batch (6) and one that waits (7)."""
    bring_in_step("contents")
    executor = MigrationExecutor(connection)
    executor.migrate([BEFORE])
    apps = executor.loader.project_state([BEFORE]).apps
    apps.get_model("sensing", "SignCounter").objects.create(kind="batch", last=7)
    data = [1, ["s1", "s2"], [0, 1], [AT, AT], [2.25, None], [0, 4]]
    apps.get_model("sensing", "ObservationBatch").objects.create(
        id=7,
        received_at=NOW,
        source="account:1",
        rows=2,
        first_at=NOW,
        last_at=NOW,
        data=zlib.compress(msgspec.msgpack.encode(data)),
    )
    folder = settings.WORKSPACE.root / "segments"
    folder.mkdir()
    name = "obs-000000000006-000000000006.parquet"
    columns = {"stream": ["s1"], "at_us": [AT - US + 1], "value": [1.5], "quality": ["good"]}
    origin = {"batch": [6], "position": [0], "received_us": [AT]}
    pq.write_table(pa.table(columns | origin), folder / name)
    apps.get_model("sensing", "Segment").objects.create(
        name=name,
        sha256="0" * 64,
        size_bytes=1,
        rows=1,
        first_batch=6,
        last_batch=6,
        first_at=NOW,
        last_at=NOW,
        sealed_at=NOW,
    )


before()
bring_in_step("default")

from anlan.sensing import public

for code in ("s1", "s2"):
    for item in public.read_observations(code, NOW - timedelta(days=1), NOW + timedelta(days=1)):
        print(code, item.at.isoformat(), item.value, item.quality.value)
print("last", public.last_batch_id())
