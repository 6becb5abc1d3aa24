"""Tables of the duties: cases, their clocks, tasks, followers and notes.

What the database can hold true it holds: an open case has an owner, a running
clock and a next instant (I1); a deadline names its rule, calendar, start event
and basis (I2).  Triggers in ``0002_open_cases_stand_on_running_clocks`` hold what
spans both tables.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

ENDED_STATES = ("new", "closed", "rated", "dismissed", "merged")


class Case(models.Model):
    """A duty with an owner, a clock and a ladder (工单).

    A row in state ``new`` exists only inside the transaction that opens the case:
    its first clock needs the row, and the open row needs the clock.
    """

    journalled = True

    number = models.CharField(max_length=24, unique=True, null=True)  # noqa: DJ001  null until it has a key
    kind = models.CharField(max_length=20)
    hazard = models.CharField(max_length=80, blank=True)
    area = models.CharField(max_length=64, blank=True)
    # db_index: on PostgreSQL this adds the pattern index that a search by prefix needs.
    area_path = models.CharField(max_length=480, blank=True, db_index=True)
    place = models.CharField(max_length=64, blank=True)
    lat = models.FloatField(null=True)
    lon = models.FloatField(null=True)
    title = models.JSONField(default=dict, help_text="Words of the pack or codes; never free text")

    state = models.CharField(max_length=20, default="new")
    is_open = models.BooleanField(default=False)
    resume_state = models.CharField(max_length=20, blank=True)
    priority = models.PositiveSmallIntegerField(help_text="1 is the highest, 4 the lowest")
    level = models.CharField(max_length=10, blank=True, help_text="Highest WarningLevel so far")
    grade = models.CharField(max_length=20, blank=True, help_text="RiskGrade of a hidden danger")
    grading = models.JSONField(default=dict, help_text="Method, factors and score behind `grade`")

    owner_post = models.CharField(max_length=64, blank=True)
    owner_basis = models.CharField(max_length=300, blank=True, help_text="Why this post owns it")
    hands = models.JSONField(default=list, help_text="Actors who handled it: they may not close it")

    origin = models.CharField(max_length=80)
    cause = models.CharField(max_length=200, blank=True, help_text="One open case per cause")
    evidence_to_close = models.CharField(max_length=20, default="second_person")
    known_at = models.DateTimeField(help_text="When the first sign was known; never edited")
    opened_at = models.DateTimeField()
    reopened_at = models.DateTimeField(null=True, help_text="Clocks count anew from here")
    closed_at = models.DateTimeField(null=True)
    closed_how = models.CharField(max_length=20, blank=True)
    closing = models.JSONField(default=dict, help_text="The measurement or reason it closed on")

    next_at = models.DateTimeField(null=True, help_text="When something happens next (I1)")
    running_clock = models.ForeignKey(
        "CaseClock", null=True, on_delete=models.PROTECT, related_name="+"
    )
    overdue_since = models.DateTimeField(null=True)
    ladder = models.JSONField(default=dict, help_text="Frozen when the case opened")
    rung = models.PositiveIntegerField(default=0, help_text="Rungs told since the deadline passed")
    returned_once = models.BooleanField(default=False)
    listed_until = models.DateTimeField(null=True)
    enforcement_at = models.DateTimeField(null=True)
    urged = models.PositiveIntegerField(default=0)
    extended = models.PositiveIntegerField(default=0)
    reopened = models.PositiveIntegerField(default=0)
    signs = models.PositiveIntegerField(default=0)
    strong_signs = models.PositiveIntegerField(default=0)
    last_sign_at = models.DateTimeField()
    merged_into = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    rating = models.PositiveSmallIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_open=False)
                | (
                    ~Q(owner_post="")
                    & Q(next_at__isnull=False)
                    & Q(running_clock__isnull=False)
                    & Q(number__isnull=False)
                    & Q(closed_at__isnull=True)
                ),
                name="open_case_has_owner_and_clock",
            ),
            models.CheckConstraint(
                condition=(Q(is_open=True) & ~Q(state__in=ENDED_STATES))
                | (Q(is_open=False) & Q(state__in=ENDED_STATES)),
                name="case_is_open_by_its_state",
            ),
            models.CheckConstraint(
                condition=Q(is_open=True) | Q(state="new") | Q(closed_at__isnull=False),
                name="ended_case_says_when",
            ),
            models.CheckConstraint(
                condition=Q(priority__range=(1, 4)), name="case_priority_1_to_4"
            ),
            models.UniqueConstraint(
                fields=["cause"],
                condition=Q(is_open=True) & ~Q(cause=""),
                name="one_open_case_per_cause",
            ),
        ]
        indexes = [
            models.Index(fields=["next_at", "id"], condition=Q(is_open=True), name="case_due"),
            models.Index(
                fields=["area_path", "next_at"], condition=Q(is_open=True), name="case_open_area"
            ),
            models.Index(
                fields=["priority", "next_at", "id"],
                condition=Q(is_open=True),
                name="case_open_priority",
            ),
            models.Index(
                fields=["overdue_since"],
                condition=Q(is_open=True, overdue_since__isnull=False),
                name="case_overdue",
            ),
            models.Index(fields=["hazard", "lat"], condition=Q(is_open=True), name="case_near"),
            models.Index(
                fields=["place", "next_at"], condition=Q(is_open=True), name="case_open_place"
            ),
            models.Index(
                fields=["state", "next_at", "id"], condition=Q(is_open=True), name="case_open_state"
            ),
            models.Index(
                fields=["kind", "next_at", "id"], condition=Q(is_open=True), name="case_open_kind"
            ),
            models.Index(
                fields=["next_at"], condition=Q(is_open=True, rung__gt=0), name="case_escalated"
            ),
            models.Index(
                fields=["next_at"],
                condition=Q(is_open=True, listed_until__isnull=False),
                name="case_listed",
            ),
            models.Index(fields=["owner_post", "is_open", "next_at"], name="case_owner"),
            models.Index(fields=["state", "-opened_at", "-id"], name="case_state"),
            models.Index(fields=["hazard", "-opened_at", "-id"], name="case_hazard"),
            models.Index(fields=["kind", "-opened_at", "-id"], name="case_kind"),
            models.Index(fields=["-opened_at", "-id"], name="case_newest"),
            models.Index(
                fields=["-opened_at", "-id"], condition=Q(is_open=False), name="case_ended"
            ),
        ]

    def __str__(self) -> str:
        return self.number or f"case {self.pk}"


class CaseClock(models.Model):
    """A deadline of a case, with the rule and the law it stands on (时限).

    It runs until it is met, missed or stopped; what was promised (rule, start,
    due instant) never changes: a moved deadline is a new clock.
    """

    journalled = True

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="clocks")
    kind = models.CharField(
        max_length=12, help_text="stage, escalation, suspension, task or listing"
    )
    stage = models.CharField(max_length=12)
    rule_id = models.CharField(max_length=80)
    rule_version = models.PositiveIntegerField()
    limit = models.CharField(max_length=20, help_text="The span the rule gives, as 2h or 5d")
    calendar = models.CharField(max_length=16)
    start_event = models.CharField(max_length=60)
    basis = models.JSONField(help_text="Title, article, url, note, confidence of the ground")
    started_at = models.DateTimeField()
    due_at = models.DateTimeField()
    met_at = models.DateTimeField(null=True)
    missed_at = models.DateTimeField(null=True, help_text="When the passing of due_at was noted")
    stopped_at = models.DateTimeField(null=True)
    stop_reason = models.CharField(max_length=40, blank=True)
    approver = models.CharField(max_length=120, blank=True, help_text="Who allowed it (suspension)")
    missed_clock = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="climbs", help_text="(escalation)"
    )
    rung = models.PositiveIntegerField(default=0, help_text="Rung it tells when due (escalation)")
    told_post = models.CharField(
        max_length=64, blank=True, help_text="Post from which the next rung climbs (escalation)"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(rule_id="")
                & ~Q(calendar="")
                & ~Q(start_event="")
                & ~Q(basis={})
                & Q(rule_version__gte=1),
                name="clock_names_its_ground",
            ),
            models.CheckConstraint(
                condition=Q(due_at__gte=models.F("started_at")), name="clock_runs_forwards"
            ),
            models.CheckConstraint(
                condition=~Q(kind="suspension") | ~Q(approver=""),
                name="suspension_has_an_approver",
            ),
        ]
        indexes = [
            models.Index(
                fields=["case", "due_at"],
                condition=Q(met_at=None, missed_at=None, stopped_at=None),
                name="clock_running",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.rule_id} of case {self.case_id}"


class CaseTask(models.Model):
    """One thing to do, given to a post with a case (任务)."""

    journalled = True

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="tasks")
    clock = models.OneToOneField(CaseClock, on_delete=models.PROTECT, related_name="task")
    post = models.CharField(max_length=64)
    title = models.JSONField(default=dict, help_text="Words of the pack: {zh, en}; {} when by hand")
    text_content = models.UUIDField(null=True)
    text_digest = models.CharField(max_length=64, blank=True)
    key = models.CharField(max_length=200, unique=True, help_text="Given once per sign and step")
    state = models.CharField(
        max_length=10, default="given", help_text="given, done, refused, lapsed"
    )
    given_at = models.DateTimeField()
    given_by = models.CharField(max_length=120)
    due_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="given", answered_at__isnull=True)
                | (Q(state__in=["done", "refused", "lapsed"]) & Q(answered_at__isnull=False)),
                name="task_answer_has_its_time",
            ),
            models.CheckConstraint(condition=~Q(post=""), name="task_has_a_post"),
        ]
        indexes = [
            models.Index(
                fields=["post", "due_at"], condition=Q(state="given"), name="task_open_of_post"
            )
        ]

    def __str__(self) -> str:
        return f"task {self.pk} of case {self.case_id}"


class CaseFollower(models.Model):
    """A sign that this case answers; whoever gave it learns what becomes of it (I4)."""

    journalled = True

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="followers")
    sign = models.CharField(max_length=80, unique=True, help_text="report:12 or alert:7")
    joined_at = models.DateTimeField()
    strong = models.BooleanField(default=False)
    cleared_at = models.DateTimeField(null=True, help_text="When the readings fell below (alerts)")
    waits = models.BooleanField(
        default=False, help_text="Held with others; gets a case of its own when its turn comes"
    )
    came_from = models.ForeignKey(
        Case, null=True, on_delete=models.PROTECT, related_name="+", help_text="Merged away from"
    )

    class Meta:
        indexes = [
            models.Index(fields=["case"], condition=Q(waits=True), name="follower_waits"),
        ]

    def __str__(self) -> str:
        return f"{self.sign} follows case {self.case_id}"


class CaseIncident(models.Model):
    """Which incident of many alerts a case answers for, and what its owner was told of its size."""

    journalled = True

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="incidents")
    incident = models.BigIntegerField(help_text="The warning room's incident")
    members = models.PositiveIntegerField(help_text="Alerts of it that follow this case")
    told = models.PositiveIntegerField(help_text="Of how many alerts the owner was told")
    told_at = models.DateTimeField()
    tell_at = models.DateTimeField(null=True, help_text="When it is told that more joined")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "incident"], name="case_incident_once")
        ]
        indexes = [
            models.Index(fields=["incident"], name="case_of_incident"),
            models.Index(
                fields=["tell_at"], condition=Q(tell_at__isnull=False), name="incident_to_tell"
            ),
        ]

    def __str__(self) -> str:
        return f"case {self.case_id} answers for incident {self.incident}"


class CaseNote(models.Model):
    """What somebody wrote when acting; the text itself is in the content store (I12)."""

    journalled = True

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="notes")
    by = models.CharField(max_length=120)
    by_post = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()
    about = models.CharField(max_length=40, help_text="The trigger it was written with, or 'note'")
    text_content = models.UUIDField(null=True)
    text_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [models.Index(fields=["case", "at"], name="note_of_case")]

    def __str__(self) -> str:
        return f"note {self.pk} on case {self.case_id}"


class CasePhoto(models.Model):
    """What somebody photographed when acting; the picture is in the content store (I12)."""

    journalled = True

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="photos")
    by = models.CharField(max_length=120)
    by_post = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()
    about = models.CharField(max_length=40, help_text="The trigger it was sent with")
    photo_content = models.UUIDField()
    photo_digest = models.CharField(max_length=64)
    width_px = models.PositiveIntegerField()
    height_px = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["case", "at"], name="photo_of_case")]

    def __str__(self) -> str:
        return f"photo {self.pk} of case {self.case_id}"


class CaseEntry(models.Model):
    """Which journal entries speak of a case (derived): its history without reading them all."""

    technical = "index of the journal by case, derived from it"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="entries")
    seq = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "seq"], name="case_entry_once")]
        verbose_name_plural = "case entries"

    def __str__(self) -> str:
        return f"{self.seq} on case {self.case_id}"
