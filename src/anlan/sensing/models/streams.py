"""Tables of streams: what is sealed or gone of them, who doubts or mends them, which belong together."""

from __future__ import annotations

from django.db import models


class Segment(models.Model):
    """A file of readings closed for ever (观测段); its hash is one journal entry (I16).

    Segments of a day are merged: then ``replaced_by`` names the one that holds the same readings.
    """

    journalled = True

    name = models.CharField(max_length=80, primary_key=True)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    rows = models.BigIntegerField()
    first_batch = models.BigIntegerField()
    last_batch = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    sealed_at = models.DateTimeField()
    replaced_by = models.CharField(max_length=80, blank=True)

    def __str__(self) -> str:
        return self.name


class StoreMark(models.Model):
    """How far the store of readings had come when the database looked last: one row (technical).

    A store that has come less far is one of before, or lost its last frames.  What a person accepted as
    lost is told in the journal; here stands only up to which number.
    """

    technical = "how far the store had come when the database looked last"

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    frame = models.BigIntegerField(default=0)
    at = models.DateTimeField(help_text="When that frame was seen to be the last one")
    accepted = models.BigIntegerField(
        default=0, help_text="Numbers that were passed over up to here are accepted as lost"
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_store_mark")]

    def __str__(self) -> str:
        return f"store at {self.frame}"


class RetiredReadings(models.Model):
    """A tombstone (保存期满记录): readings of a day that their class no longer keeps."""

    journalled = True

    id = models.CharField(max_length=120, primary_key=True)
    day = models.CharField(max_length=10)
    stream_class = models.CharField(max_length=80)
    basis = models.CharField(max_length=300)
    streams = models.PositiveIntegerField()
    rows = models.BigIntegerField()
    digest = models.CharField(max_length=64, help_text="SHA-256 of every reading that went")
    thinned = models.CharField(max_length=80, blank=True, help_text="The file of what stays")
    thinned_sha256 = models.CharField(max_length=64, blank=True)
    retired_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["day"], name="retired_day")]

    def __str__(self) -> str:
        return self.id


class StreamFault(models.Model):
    """A stretch of time for which a stream is doubted (存疑时段): at most one open of each kind.

    All instants but ``recorded_at`` are evidence times.  A doubted reading is judged all the same.
    """

    journalled = True

    stream = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, help_text="FaultKind of the registry")
    rule = models.CharField(max_length=80, help_text="The check that found it")
    rule_version = models.PositiveIntegerField()
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=12, blank=True)  # over, replaced, unchecked
    found = models.FloatField(help_text="What was found; its unit follows from the kind")
    limit = models.FloatField()
    area = models.CharField(max_length=64, blank=True)
    # db_index: on PostgreSQL this adds the pattern index that a prefix search needs.
    area_path = models.CharField(max_length=480, blank=True, db_index=True)
    place = models.CharField(max_length=64, blank=True)
    gateway = models.CharField(max_length=64, blank=True)
    asked = models.BooleanField(default=False, help_text="Whether somebody was asked to act")
    waits = models.BooleanField(
        default=False, help_text="Found in maintenance: somebody is asked when that is over"
    )
    recorded_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["until", "kind"], name="fault_open"),
            models.Index(fields=["gateway", "kind", "until"], name="fault_gateway"),
            models.Index(fields=["waits"], name="fault_waits", condition=models.Q(waits=True)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["stream", "kind", "since"], name="fault_once"),
            models.UniqueConstraint(
                fields=["stream", "kind"],
                condition=models.Q(until__isnull=True),
                name="one_open_fault_of_a_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(until__isnull=True) | models.Q(until__gte=models.F("since")),
                name="fault_ends_after_it_began",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream} {self.kind}"


class Maintenance(models.Model):
    """A stretch in which somebody works on a stream's device (维护时段): who, from, to, why."""

    journalled = True

    stream = models.CharField(max_length=64)
    # db_index: on PostgreSQL this adds the pattern index that a prefix search needs.
    area_path = models.CharField(max_length=480, blank=True, db_index=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(help_text="Silence and faults ask for somebody again from here")
    why = models.CharField(max_length=300, help_text="Names a decision or work, never a person")
    set_by = models.CharField(max_length=120, help_text="A seat")
    set_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "maintenance"
        indexes = [models.Index(fields=["stream", "ends_at"], name="maintenance_of_stream")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gte=models.F("starts_at")), name="maintenance_is_a_span"
            )
        ]

    def __str__(self) -> str:
        return f"{self.stream} {self.starts_at:%Y-%m-%d %H:%M}"


class MultiDatastream(models.Model):
    """A named row of ordinary streams (多值数据流): their readings of one instant are one result.

    It holds no reading: a row of results is made from what the streams hold (ADR 0022).
    """

    journalled = True

    code = models.CharField(max_length=64, primary_key=True)
    name_zh = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200, blank=True)
    streams = models.JSONField(help_text="Codes of the streams, in the order of the results")
    kinds = models.JSONField(help_text="Of each result: OM_Measurement, OM_CountObservation, …")
    changed = models.BigIntegerField(
        unique=True, help_text="Rises with every change of any: which one was the last"
    )
    mark = models.CharField(max_length=64, help_text="SHA-256 of this change and all before it")
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.code} {self.name_zh}"
