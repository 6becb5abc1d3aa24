"""Tables of the inbox, of what goes out, and of the quiet hours."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from anlan.notices.domain.words import PENDING, Channel, DeliveryState, Mark, Occasion, Urgency


class Call(models.Model):
    """The running call of a post (叫应): when it is reminded next of its open red notices.

    It counts as long as notices refer to it.  It has no state "off": what refers to
    it always has a next reminder.
    """

    journalled = True

    post = models.CharField(max_length=64, primary_key=True)
    wakes = models.PositiveIntegerField(help_text="Reminders since the silence began")
    doubled = models.PositiveIntegerField(help_text="How often the pause has doubled")
    woken_at = models.DateTimeField(help_text="Instant of the latest reminder")
    next_wake_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["next_wake_at"], name="call_wakes")]
        constraints = [
            models.CheckConstraint(
                condition=Q(next_wake_at__gt=F("woken_at")), name="call_wakes_later"
            )
        ]

    def __str__(self) -> str:
        return f"{self.post} called {self.wakes} times"


class Notice(models.Model):
    """Something that lies before a post until somebody there answers (通知).

    ``subject`` and ``params`` name a wording of the message catalogue; there is
    no free text.  A post gets at most one notice of a ``key``.
    """

    journalled = True

    post = models.CharField(max_length=64)
    about = models.CharField(max_length=120)
    key = models.CharField(max_length=240, unique=True)
    subject = models.CharField(max_length=80)
    params = models.JSONField(default=dict)
    urgency = models.CharField(max_length=8, choices=[(u.value, u.value) for u in Urgency])
    mark = models.CharField(max_length=20, blank=True, default=Mark.NONE.value)
    origin = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.PROTECT,
        related_name="copies",
        help_text="The notice of a post below that this one stands for",
    )
    before = models.CharField(
        max_length=64, blank=True, help_text="Person before whom it lies; empty: nobody on duty"
    )
    posted_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    silent = models.BooleanField(
        default=False, help_text="Said before: in the line of its matter, without a message"
    )
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=120, blank=True)
    shelved_until = models.DateTimeField(null=True)
    shelved_by = models.CharField(max_length=120, blank=True)
    woken_at = models.DateTimeField(null=True)
    next_wake_at = models.DateTimeField(
        null=True, help_text="Red: the instant by which a reminder of its post names it"
    )
    call = models.ForeignKey(
        Call,
        null=True,
        on_delete=models.PROTECT,
        related_name="notices",
        help_text="Red: named by this call, and by each of its reminders until answered",
    )
    raised_at = models.DateTimeField(null=True, help_text="Unanswered: the post above got it")

    class Meta:
        indexes = [
            models.Index(fields=["post", "-posted_at"], name="notice_inbox"),
            models.Index(
                fields=["post"], condition=Q(acknowledged_at__isnull=True), name="notice_open"
            ),
            models.Index(
                fields=["next_wake_at"],
                condition=Q(next_wake_at__isnull=False),
                name="notice_wakes",
            ),
            models.Index(
                fields=["shelved_until"],
                condition=Q(shelved_until__isnull=False),
                name="notice_shelved",
            ),
            models.Index(fields=["about", "post"], name="notice_about"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(urgency__in=[u.value for u in Urgency]), name="notice_urgency_known"
            ),
            models.CheckConstraint(
                condition=Q(mark__in=[m.value for m in Mark]), name="notice_mark_known"
            ),
            # An open red notice that is not on the shelf always has its next reminder.
            models.CheckConstraint(
                condition=~Q(urgency=Urgency.RED.value)
                | Q(acknowledged_at__isnull=False)
                | Q(shelved_until__isnull=False)
                | Q(next_wake_at__isnull=False)
                | Q(call__isnull=False),
                name="notice_red_is_reminded",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True)
                | Q(next_wake_at__isnull=True, call__isnull=True, shelved_until__isnull=True),
                name="notice_answered_is_quiet",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} for {self.post}"


class Delivery(models.Model):
    """One message to one person by one channel (投递): the outbox.

    The address is not kept here, not even as a digest: it is read from the content
    store when the message is sent.  ``key`` goes with every try, so that a receiver
    knows a repetition when it sees one.
    """

    journalled = True
    journal_left_out = ("lease_until",)  # technical: which sender has it in hand

    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="deliveries")
    occasion = models.CharField(max_length=12, choices=[(o.value, o.value) for o in Occasion])
    channel = models.CharField(max_length=8, choices=[(c.value, c.value) for c in Channel])
    holder = models.CharField(max_length=64, help_text="Code of the person it goes to")
    key = models.CharField(max_length=64, unique=True)
    priority = models.PositiveSmallIntegerField()
    state = models.CharField(
        max_length=8,
        choices=[(s.value, s.value) for s in DeliveryState],
        default=DeliveryState.WAITING.value,
    )
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(help_text="Instant from which it may be sent")
    next_at = models.DateTimeField(null=True, help_text="Instant of the next try")
    last_error = models.CharField(max_length=60, blank=True, help_text="Kind of failure, no text")
    finished_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["channel", "next_at"],
                condition=Q(next_at__isnull=False),
                name="delivery_due",
            ),
            models.Index(fields=["state", "finished_at"], name="delivery_state"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    state__in=PENDING,
                    next_at__isnull=False,
                    finished_at__isnull=True,
                )
                | Q(
                    state__in=[s.value for s in DeliveryState if s.value not in PENDING],
                    next_at__isnull=True,
                    finished_at__isnull=False,
                ),
                name="delivery_is_due_or_done",
            ),
            models.CheckConstraint(
                condition=Q(next_at__isnull=True) | Q(next_at__gte=F("due_at")),
                name="delivery_not_before_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.key[:8]} {self.state}"


class QuietHours(models.Model):
    """When a post is left in peace (免打扰时段); ``*`` is the whole city."""

    journalled = True

    post = models.CharField(max_length=64, primary_key=True)
    start = models.CharField(max_length=5, help_text="Local time, HH:MM")
    end = models.CharField(max_length=5, help_text="Local time; equal to start: no quiet hours")

    class Meta:
        verbose_name_plural = "quiet hours"

    def __str__(self) -> str:
        return f"{self.post} {self.start}-{self.end}"
