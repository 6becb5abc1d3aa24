"""Tables of signs as they come in: reports, outside warnings, what could not be read, keys and uploads."""

from __future__ import annotations

from django.db import models

UNNUMBERED = 0
"""Placeholder key: a row gets its number from ``SignCounter`` before it is saved.

A key with a default tells Django to insert straight away instead of trying an
update first, and the number is known before the event that names it is written.
"""


class SignCounter(models.Model):
    """How many signs of one kind were numbered; the row's lock makes numbers follow commits."""

    technical = "numbers handed out in the order of commits"

    kind = models.CharField(max_length=20, primary_key=True)
    last = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.kind} {self.last}"


class Report(models.Model):
    """What a person said about a danger (报告): never refused for a missing field (I3)."""

    journalled = True
    journal_left_out = ("follow_hash",)

    id = models.BigIntegerField(primary_key=True, default=UNNUMBERED)
    number = models.CharField(max_length=32, unique=True)
    follow_hash = models.CharField(max_length=64, help_text="SHA-256 of the secret for following")
    received_at = models.DateTimeField(help_text="When this system took it")
    known_at = models.DateTimeField(help_text="When the reporter knew; never later than received")
    known_claimed_at = models.DateTimeField(
        null=True, help_text="As the sender stated it, unedited"
    )
    hazard = models.CharField(max_length=80, blank=True, help_text="Slug; empty: nobody knows yet")
    hazard_from = models.CharField(
        max_length=12, blank=True, help_text="stated, recognised or empty"
    )
    area = models.CharField(max_length=64, blank=True)
    # db_index: on PostgreSQL this adds the pattern index that a prefix search needs.
    area_path = models.CharField(max_length=480, blank=True, db_index=True)
    lat = models.FloatField(null=True)
    lon = models.FloatField(null=True)
    words = models.JSONField(default=list, help_text="Lexicon words found, not the text")
    strong = models.BooleanField(default=False, help_text="A word of danger to life was found")
    channel = models.CharField(max_length=40, blank=True)
    language = models.CharField(max_length=16, blank=True)
    flags = models.JSONField(default=list, help_text="What was odd about it; see domain/reports.py")
    source = models.CharField(max_length=120, help_text="Actor that brought it in")
    # One item holds text, description of the place and contact: one write per report.
    said_content = models.UUIDField(null=True)
    said_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [models.Index(fields=["received_at"], name="report_received")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(known_at__lte=models.F("received_at")),
                name="report_known_before_received",
            ),
            models.CheckConstraint(
                condition=models.Q(lat__isnull=True, lon__isnull=True)
                | models.Q(lat__range=(-90, 90), lon__range=(-180, 180)),
                name="report_place_on_earth",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class ReportPhoto(models.Model):
    """A photo sent with a report (照片), re-encoded so that it carries no hidden data."""

    journalled = True

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="photos")
    position = models.PositiveSmallIntegerField()
    photo_content = models.UUIDField(null=True)
    photo_digest = models.CharField(max_length=64)
    width_px = models.PositiveIntegerField()
    height_px = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "position"], name="report_photo_once"),
        ]

    def __str__(self) -> str:
        return f"photo {self.position} of {self.report_id}"


class Signal(models.Model):
    """A relayed outside warning (预警信号) as received; its words are in the content store."""

    journalled = True

    id = models.BigIntegerField(primary_key=True, default=UNNUMBERED)
    identifier = models.CharField(max_length=300)
    sender = models.CharField(max_length=300)
    sent_at = models.DateTimeField()
    received_at = models.DateTimeField()
    status = models.CharField(max_length=10, help_text="As received; never rewritten")
    acted_as = models.CharField(
        max_length=10, blank=True, help_text="Actual, Exercise; empty: not acted on"
    )
    msg_type = models.CharField(max_length=10)
    scope = models.CharField(max_length=12)
    hazard = models.CharField(max_length=80, blank=True)
    hazard_from = models.CharField(
        max_length=120, blank=True, help_text="Code scheme or rule that named it"
    )
    level = models.CharField(max_length=10, blank=True, help_text="A WarningLevel")
    level_from = models.CharField(
        max_length=120, blank=True, help_text="Parameter, words or conversion"
    )
    cap_severity = models.CharField(
        max_length=10, blank=True, help_text="A CapSeverity, as received"
    )
    cap_urgency = models.CharField(max_length=10, blank=True)
    cap_certainty = models.CharField(max_length=10, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    all_clear = models.BooleanField(default=False)
    areas = models.JSONField(default=list)
    polygons = models.JSONField(default=list)
    references = models.JSONField(default=list)
    signed = models.BooleanField(
        default=False, help_text="An XML signature came with it; not checked"
    )
    source = models.CharField(max_length=120)
    message_content = models.UUIDField(null=True)
    message_digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["identifier", "sender", "sent_at"], name="signal_kept_once"
            ),
        ]
        indexes = [models.Index(fields=["received_at"], name="signal_received")]

    def __str__(self) -> str:
        return f"{self.msg_type} {self.identifier}"


class Quarantine(models.Model):
    """Something unreadable (隔离件), kept as it came for a person to look at."""

    journalled = True

    id = models.BigIntegerField(primary_key=True, default=UNNUMBERED)
    door = models.CharField(max_length=20, help_text="reports, observations or signals")
    error = models.CharField(max_length=80, help_text="Error code")
    place = models.CharField(max_length=200, blank=True, help_text="Where in the message")
    rows = models.JSONField(default=list, help_text="For a batch: [index, code] of each bad row")
    received_at = models.DateTimeField()
    source = models.CharField(max_length=120)
    size_bytes = models.PositiveIntegerField()
    raw_content = models.UUIDField(null=True)
    raw_digest = models.CharField(max_length=64)
    released_at = models.DateTimeField(null=True)
    released_by = models.CharField(max_length=120, blank=True)
    outcome = models.CharField(max_length=20, blank=True, help_text="accepted or discarded")

    class Meta:
        indexes = [models.Index(fields=["released_at", "received_at"], name="quarantine_open")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(released_at__isnull=True, outcome="")
                | models.Q(released_at__isnull=False, outcome__in=["accepted", "discarded"]),
                name="quarantine_released_with_outcome",
            )
        ]

    def __str__(self) -> str:
        return f"{self.door} {self.id}: {self.error}"


class IdempotencyKey(models.Model):
    """A sender's key with the answer it was given: the same key again gives the same answer."""

    technical = "answers kept for repeated calls"

    account = models.CharField(max_length=120)
    key = models.CharField(max_length=200)
    request_sha256 = models.CharField(max_length=64)
    answer = models.JSONField()
    used_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="idempotency_key_once"),
        ]
        indexes = [models.Index(fields=["used_at"], name="idempotency_used")]

    def __str__(self) -> str:
        return f"{self.account} {self.key}"


class Upload(models.Model):
    """A photo on its way in pieces (上传), for whoever began it, until it is used or its time is over."""

    technical = "photos on their way; the pieces are in the content store with an end date"

    # The name under which it is sent is known to its sender only.
    token_hash = models.CharField(max_length=64, primary_key=True)
    owner = models.CharField(max_length=120, help_text="Actor that began it")
    length = models.PositiveIntegerField(help_text="Bytes that will come")
    offset = models.PositiveIntegerField(default=0, help_text="Bytes that have come")
    began_at = models.DateTimeField()
    until = models.DateTimeField(help_text="When what has come is destroyed")

    class Meta:
        indexes = [
            models.Index(fields=["owner", "until"], name="upload_of_owner"),
            models.Index(fields=["until"], name="upload_until"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(offset__lte=models.F("length")), name="upload_within_length"
            ),
        ]

    def __str__(self) -> str:
        return f"upload of {self.offset} / {self.length} bytes"


class UploadPiece(models.Model):
    """One piece of a photo on its way; its bytes are in the content store."""

    technical = "pieces of photos on their way"

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="pieces")
    offset = models.PositiveIntegerField()
    piece_content = models.UUIDField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["upload", "offset"], name="upload_piece_once"),
        ]

    def __str__(self) -> str:
        return f"piece at {self.offset}"


class ReportSource(models.Model):
    """The mark of where a public report came from (来源标记), for as long as a flood is counted.

    A keyed hash of a network address.  Its salt is in the content store and is destroyed on the
    next day; the row goes when the span is over in which reports of one source are counted.
    """

    technical = "marks of sources, for minutes; what was decided from them is in the journal"

    mark = models.CharField(max_length=32)
    likeness = models.CharField(max_length=32, help_text="Keyed hash of hazard and place, or words")
    at = models.DateTimeField()
    flood = models.BigIntegerField(null=True, help_text="The flood the report belongs to")

    class Meta:
        indexes = [
            models.Index(fields=["mark", "at"], name="source_counted"),
            models.Index(fields=["at"], name="source_over"),
        ]

    def __str__(self) -> str:
        return f"source at {self.at}"
