"""Tables of the warning room: what the judge remembers, and what is in force."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from anlan.kernel.scales import ResponseLevel, WarningLevel


class JudgeState(models.Model):
    """Where the judge stands (technical).

    Key ``city``: what it remembers of clusters, conjunctions and lags.  Key ``streams``: up to
    which frame readings were judged and what that found is written; its memory lies in a file of
    the workspace.  Not journalled: it follows from the signs and the alert instances.  ``next_at``
    is the instant at which time alone changes something, so that an idle tick reads no blob.
    """

    technical = "the judge's memory; its findings are journalled"

    key = models.CharField(max_length=80, primary_key=True)
    blob = models.BinaryField(default=b"")
    next_at = models.DateTimeField(null=True)
    cursors = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["next_at"])]

    def __str__(self) -> str:
        return self.key


class JudgeCut(models.Model):
    """A step of the judge of streams that found something (technical).

    After a crash it is done again exactly alike.  Written with its findings, removed when a
    checkpoint holds what it led to.  Steps that found nothing leave no row: they may be done
    together.
    """

    technical = "steps of the judge since its last checkpoint; their findings are journalled"

    number = models.BigIntegerField(primary_key=True, help_text="Counts on by one")
    before_frame = models.BigIntegerField(help_text="Last frame judged before it")
    before_us = models.BigIntegerField(help_text="Instant of the step before it, in µs")
    frame = models.BigIntegerField(help_text="Last frame judged by it")
    at_us = models.BigIntegerField(help_text="Instant as of which it judged, in µs")
    city = models.BooleanField(help_text="Whether it took over another city or other rules")
    told = models.PositiveIntegerField(help_text="How many of its findings are written")
    whole = models.BooleanField(help_text="Whether all of them are")

    def __str__(self) -> str:
        return str(self.number)


class JudgeInbox(models.Model):
    """A sign that waits for the judge's next tick (technical; removed once judged)."""

    technical = "signs that wait for the next tick; removed once judged"

    seq = models.BigIntegerField(primary_key=True, help_text="Journal number of the event")
    kind = models.CharField(max_length=20)
    payload = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["kind", "seq"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.seq}"


class AlertInstance(models.Model):
    """预警实例: one rule that fired on one subject, from raising to clearing.

    At most one is open for each rule and subject.  All times are evidence
    times: when the signs say it was so, not when it was written down.
    """

    journalled = True

    rule = models.CharField(max_length=80)
    rule_version = models.PositiveIntegerField()
    subject = models.CharField(max_length=120)
    hazard = models.CharField(max_length=80)
    level = models.CharField(max_length=10)
    peak_level = models.CharField(max_length=10)
    area = models.CharField(max_length=64, blank=True)
    area_path = models.CharField(max_length=400, blank=True)
    place = models.CharField(max_length=64, blank=True)
    active_at = models.DateTimeField(help_text="From when the condition held")
    raised_at = models.DateTimeField(help_text="When it had held long enough")
    level_at = models.DateTimeField(help_text="Since when at this level")
    cleared_at = models.DateTimeField(null=True)
    reason = models.JSONField(help_text="Why it was raised or last changed: {code, params}")
    cleared_reason = models.CharField(max_length=60, blank=True)
    evidence = models.JSONField(help_text="Readings, report and signal ids it rests on")
    recorded_at = models.DateTimeField(help_text="Workspace time of the judge's tick")
    carrier = models.CharField(
        max_length=120,
        blank=True,
        help_text="Of a silent stream: gateway:… or operator:…, which others share with it",
    )
    incident = models.ForeignKey(
        "Incident",
        null=True,
        on_delete=models.PROTECT,
        related_name="alerts",
        help_text="Of which it is a member; null: it came alone",
    )

    class Meta:
        indexes = [
            models.Index(fields=["area_path", "raised_at"]),
            models.Index(fields=["hazard", "raised_at"]),
            models.Index(fields=["raised_at", "id"]),
            models.Index(fields=["subject"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "subject"],
                condition=Q(cleared_at__isnull=True),
                name="one_open_alert_per_rule_and_subject",
            ),
            models.CheckConstraint(
                condition=Q(level__in=[level.value for level in WarningLevel]),
                name="alert_level_is_a_warning_level",
            ),
            models.CheckConstraint(
                condition=Q(raised_at__gte=F("active_at")), name="alert_raised_after_active"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} on {self.subject}"


class Incident(models.Model):
    """集中报警: many alerts of one hazard that came within a short time in one small area.

    What it is one by is data of the packs (``incidents.yaml``).  It has no end of its own: it is
    over when its alerts are, and later ones are another when they came too far apart.
    """

    journalled = True

    rule = models.CharField(max_length=80)
    rule_version = models.PositiveIntegerField()
    hazard = models.CharField(max_length=80)
    case = models.CharField(max_length=20, help_text="Kind of case; none: told only")
    area = models.CharField(max_length=64)
    area_path = models.CharField(max_length=400)
    carrier = models.CharField(
        max_length=120,
        blank=True,
        help_text="gateway:… or operator:…, by which it is one; empty: its area alone",
    )
    level = models.CharField(max_length=10, help_text="The highest at which a member was raised")
    members = models.PositiveIntegerField()
    first_at = models.DateTimeField(help_text="When its first alert was raised (evidence time)")
    last_at = models.DateTimeField(help_text="When its latest alert was raised (evidence time)")
    recorded_at = models.DateTimeField(help_text="Workspace time of the tick that found it")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(level__in=[level.value for level in WarningLevel]),
                name="incident_level_is_a_warning_level",
            ),
            models.CheckConstraint(
                condition=Q(last_at__gte=F("first_at")), name="incident_lasts_forwards"
            ),
        ]

    def __str__(self) -> str:
        return f"incident {self.pk}: {self.hazard} in {self.area}"


class WarningInForce(models.Model):
    """生效预警信号: an outside warning as it stands, through its updates to its end.

    Relayed, never originated (I7).  ``hazard`` or ``level`` is empty when the
    message's code is unknown: it is listed for people, and no rule acts on it.
    """

    journalled = True

    sender = models.CharField(max_length=200)
    hazard = models.CharField(max_length=80, blank=True)
    level = models.CharField(max_length=10, blank=True)
    areas = models.JSONField(default=list)
    polygons = models.JSONField(default=list)
    extent = models.CharField(max_length=64, help_text="Hash of areas and polygons")
    identifiers = models.JSONField(default=list, help_text="Messages that made it, oldest first")
    signal = models.BigIntegerField(help_text="The latest message (sensing's row)")
    began_at = models.DateTimeField()
    level_at = models.DateTimeField(help_text="Since when at this level")
    ends_at = models.DateTimeField(null=True, help_text="Expiry that the message states")
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=20, blank=True)  # cancelled, expired

    class Meta:
        indexes = [models.Index(fields=["ended_at", "began_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["sender", "hazard", "extent"],
                condition=Q(ended_at__isnull=True),
                name="one_warning_per_sender_hazard_extent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hazard} {self.level} ({self.pk})"


class ResponseInForce(models.Model):
    """应急响应: a response level that the authorities declared.

    Refused without matter, level, expected duration and measures (I8;
    突发事件应对法 2024 Art 72).  A change of level ends one row and begins another.
    """

    journalled = True

    hazard = models.CharField(max_length=80)
    level = models.CharField(max_length=4)
    area = models.CharField(max_length=64)
    area_path = models.CharField(max_length=400)
    matter_content = models.UUIDField()
    matter_digest = models.CharField(max_length=64)
    measures_content = models.UUIDField()
    measures_digest = models.CharField(max_length=64)
    began_at = models.DateTimeField()
    expected_until = models.DateTimeField()
    declared_by = models.CharField(max_length=120)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=120, blank=True)

    class Meta:
        indexes = [models.Index(fields=["ended_at", "hazard"])]
        constraints = [
            models.UniqueConstraint(
                fields=["hazard", "area"],
                condition=Q(ended_at__isnull=True),
                name="one_response_per_hazard_and_area",
            ),
            models.CheckConstraint(
                condition=Q(level__in=[level.value for level in ResponseLevel]),
                name="response_level_is_one_of_four",
            ),
            models.CheckConstraint(
                condition=Q(expected_until__gt=F("began_at")), name="response_states_its_duration"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hazard} {self.level} in {self.area}"
