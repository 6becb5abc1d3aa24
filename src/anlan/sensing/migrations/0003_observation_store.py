"""Readings move from the database and the segments of before into the observation store.

Reversible as far as the tables go; readings stay in the store.
"""

import zlib

import msgspec
from django.conf import settings
from django.db import migrations, models

QUALITIES = ("good", "suspect", "bad", "out_of_range", "missing")
AT_ONCE = 200


def carry_over(apps, schema_editor):
    """Append what is kept to the store, numbered on after the last batch; nothing is removed."""
    if schema_editor.connection.alias != "default" or settings.WORKSPACE is None:
        return
    batches = apps.get_model("sensing", "ObservationBatch").objects.order_by("id")
    segments = apps.get_model("sensing", "Segment").objects.order_by("first_batch")
    if not batches.exists() and not segments.exists():
        return
    from anlan.sensing.store import Hand, manifest, places

    place = places.Places(settings.WORKSPACE.root / "observations")
    place.make()
    if not place.manifest.exists():
        counter = apps.get_model("sensing", "SignCounter").objects.filter(kind="batch").first()
        manifest.save(place.manifest, manifest.Manifest(sealed=counter.last if counter else 0))
    hand = Hand(place.root)
    try:
        for segment in segments.iterator(AT_ONCE):
            path = settings.WORKSPACE.root / "segments" / segment.name
            for received_us, rows in _sealed(path):
                hand.keep(_message(f"segment:{segment.name}", received_us, rows))
        for batch in batches.iterator(AT_ONCE):
            rows = _open(bytes(batch.data))
            hand.keep(_message(f"batch:{batch.id}", int(batch.received_at.timestamp() * 1e6), rows))
    finally:
        hand.close()


def _sealed(path):
    """Yield the readings of each batch of a segment of before."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, partitioning=None, use_threads=False)
    found = {}
    order = [("batch", "ascending"), ("position", "ascending")]
    for row in table.sort_by(order).to_pylist():
        _, rows = found.setdefault(row["batch"], (row["received_us"], []))
        rows.append((row["stream"], row["at_us"], row["value"], QUALITIES.index(row["quality"])))
    yield from found.values()


def _open(data):
    """Return the readings of a batch that was never sealed."""
    _, codes, index, times, values, qualities = msgspec.msgpack.decode(zlib.decompress(data))
    columns = ([codes[at] for at in index], times, values, qualities)
    return list(zip(*columns, strict=True))


def _message(key, received_us, rows):
    import numpy as np

    from anlan.sensing.store import Message

    codes = {}
    index = [codes.setdefault(row[0], len(codes)) for row in rows]
    values = [np.nan if row[2] is None else row[2] for row in rows]
    return Message(
        source="carried over",
        key=f"{key}:{received_us}",
        received_us=received_us,
        codes=tuple(codes),
        index=np.array(index, np.int32).tobytes(),
        at_us=np.array([row[1] for row in rows], np.int64).tobytes(),
        value=np.array(values, np.float64).tobytes(),
        quality=np.array([row[3] for row in rows], np.uint8).tobytes(),
    )


class Migration(migrations.Migration):
    """Schema and data in one: the tables may go only when what they held is in the store."""

    dependencies = [("sensing", "0002_photos_in_pieces_and_sources")]

    operations = [
        migrations.AddField(
            "segment", "replaced_by", models.CharField(blank=True, default="", max_length=80),
            preserve_default=False,
        ),
        migrations.RunPython(carry_over, migrations.RunPython.noop),
        migrations.RemoveIndex("segment", "segment_batches"),
        migrations.RemoveIndex("segment", "segment_times"),
        migrations.DeleteModel("LatestReading"),
        migrations.DeleteModel("ObservationBatch"),
    ]
