"""Tables of the journal, its listeners, and the content store."""

from __future__ import annotations

from django.db import models


class JournalEntry(models.Model):
    """One event with the after-images of the rows it changed.

    ``seq`` has no gaps: entries become visible in the order of their numbers,
    because every writer takes the journal's head lock before it appends.
    """

    technical = "the journal itself"

    seq = models.BigIntegerField(primary_key=True)
    event = models.CharField(max_length=80)
    at = models.DateTimeField(help_text="Workspace time at which the change was made")
    actor = models.CharField(max_length=120)
    payload = models.JSONField()
    images = models.JSONField(help_text="After-images: [{table, pk, fields|null}]")
    leaf = models.CharField(max_length=64, help_text="RFC 9162 leaf hash of the canonical entry")

    class Meta:
        indexes = [models.Index(fields=["event", "seq"]), models.Index(fields=["at"])]

    def __str__(self) -> str:
        return f"{self.seq} {self.event}"


class JournalHead(models.Model):
    """The single row that writers lock, so that entries are numbered in commit order."""

    technical = "the journal's own counter"

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    seq = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_journal_head")]

    def __str__(self) -> str:
        return f"head at {self.seq}"


class ListenerCursor(models.Model):
    """How far one listener has heard the journal; moves in the listener's own transaction."""

    technical = "how far a listener has heard; delivery is at least once"

    listener = models.CharField(max_length=120, primary_key=True)
    seq = models.BigIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.listener} at {self.seq}"


class ParkedEvent(models.Model):
    """An event that a listener could not take after several tries: seen, never dropped."""

    technical = "what a listener could not take; health shows it"

    listener = models.CharField(max_length=120)
    seq = models.BigIntegerField()
    error = models.CharField(max_length=200)
    parked_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["listener", "seq"], name="parked_once"),
        ]

    def __str__(self) -> str:
        return f"{self.listener} could not take {self.seq}"


class ContentItem(models.Model):
    """Personal data (contact, free text, photo) with its purpose and end date (I12).

    Lives in the ``contents`` database only.  After destruction ``data`` and
    ``salt`` are gone, so that the hash in the journal can no longer be tried.
    """

    technical = "personal data, apart by law; the journal holds its salted hash"

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=40)
    purpose = models.CharField(max_length=80)
    legal_ground = models.CharField(max_length=200)
    stored_at = models.DateTimeField()
    expires_on = models.DateField()
    data = models.BinaryField(null=True)
    salt = models.BinaryField(null=True)
    digest = models.CharField(max_length=64)
    destroyed_at = models.DateTimeField(null=True)
    destroyed_reason = models.CharField(max_length=80, blank=True)

    class Meta:
        indexes = [models.Index(fields=["expires_on"])]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    destroyed_at__isnull=True, data__isnull=False, salt__isnull=False
                )
                | models.Q(destroyed_at__isnull=False, data__isnull=True, salt__isnull=True),
                name="content_is_kept_or_destroyed",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
