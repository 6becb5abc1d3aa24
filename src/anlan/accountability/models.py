"""Tables of the ledger, and of what is wrong with the system itself."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class LedgerKey(models.Model):
    """A public key of the ledger (账本密钥); its private half lies in the key folder."""

    journalled = True

    number = models.PositiveIntegerField(primary_key=True, help_text="1, 2, 3 … in order of use")
    vkey = models.CharField(max_length=200, unique=True, help_text="name+hash+base64(type||key)")
    from_size = models.BigIntegerField(
        help_text="Signs checkpoints larger than this; smaller ones belong to the key before"
    )
    made_at = models.DateTimeField()
    endorsement = models.CharField(
        max_length=800,
        blank=True,
        help_text="Note in which the key before signs this one in; empty for the first",
    )

    def __str__(self) -> str:
        return f"key {self.number}"


class Checkpoint(models.Model):
    """A signed statement (检查点): so many entries, this root."""

    journalled = True

    size = models.BigIntegerField(unique=True)
    root = models.CharField(max_length=64)
    key = models.ForeignKey(LedgerKey, on_delete=models.PROTECT)
    note = models.CharField(max_length=800, help_text="The signed note, exactly as written outside")
    signed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(size__gt=0), name="checkpoint_is_not_empty")
        ]

    def __str__(self) -> str:
        return f"checkpoint at {self.size}"


class LedgerNode(models.Model):
    """The root of a full subtree; derived from the leaves, so that proofs need few reads."""

    technical = "derived from the journal"

    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["level", "index"], name="ledger_node_once")]

    def __str__(self) -> str:
        return f"node {self.level}/{self.index}"


class CountedRange(models.Model):
    """A stretch of the journal that was counted for reports: a full subtree of the ledger.

    Ranges begin with the first entry and leave no gap: those with the lowest numbers are there.
    """

    technical = "derived from the journal"

    number = models.BigIntegerField(
        primary_key=True, help_text="Its place among the subtrees of its level, from 0"
    )
    root = models.CharField(
        max_length=64,
        help_text="Root over its leaves: equal inputs were counted while it is the ledger's",
    )
    zone = models.CharField(max_length=64, help_text="Whose days it was cut into")
    form = models.PositiveSmallIntegerField(help_text="Form of its parts")
    earliest = models.DateTimeField(help_text="Of its entries; their instants may go back")
    latest = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"counted range {self.number}"


class CountedPart(models.Model):
    """What the entries of one range and one local day add to a report (分段统计)."""

    technical = "derived from the journal"

    range = models.ForeignKey(CountedRange, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    entries = models.PositiveIntegerField()
    first_seq = models.BigIntegerField()
    last_seq = models.BigIntegerField()
    data = models.BinaryField(help_text="Tables of numbers about cases, posts, areas and notices")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["range", "day"], name="counted_once")]
        indexes = [models.Index(fields=["day", "range"])]

    def __str__(self) -> str:
        return f"range {self.range_id} on {self.day}"


class Breach(models.Model):
    """What must always be true was found not to be (违反); open until found mended."""

    journalled = True

    invariant = models.CharField(max_length=60)
    subject = models.CharField(max_length=160)
    detail = models.CharField(max_length=200, blank=True)
    found_at = models.DateTimeField()
    mended_at = models.DateTimeField(null=True)
    case = models.BigIntegerField(null=True, help_text="The case raised for it")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invariant", "subject"],
                condition=Q(mended_at__isnull=True),
                name="one_open_breach_per_subject",
            )
        ]
        indexes = [models.Index(fields=["mended_at", "found_at"])]

    def __str__(self) -> str:
        return f"{self.invariant}: {self.subject}"


class Sickness(models.Model):
    """A part of the system itself is not well (系统异常); open until it is well again."""

    journalled = True

    part = models.CharField(max_length=160, help_text="What is sick, as disk:workspace or worker")
    ailment = models.CharField(max_length=60, help_text="Code of the wording in the catalogue")
    params = models.JSONField(default=dict)
    since = models.DateTimeField()
    well_at = models.DateTimeField(null=True)
    case = models.BigIntegerField(null=True, help_text="The case raised for it")

    class Meta:
        verbose_name_plural = "sicknesses"
        constraints = [
            models.UniqueConstraint(
                fields=["part"], condition=Q(well_at__isnull=True), name="one_sickness_per_part"
            )
        ]
        indexes = [models.Index(fields=["well_at", "since"])]

    def __str__(self) -> str:
        return f"{self.part}: {self.ailment}"


class WatchRun(models.Model):
    """One round of the watcher; technical: its absence is how the watcher's silence is noticed."""

    technical = "that the watcher ran"

    at = models.DateTimeField(db_index=True)
    cases = models.PositiveIntegerField(help_text="Open cases looked at")
    breaches = models.PositiveIntegerField(help_text="Breaches open after this round")
    journal_seq = models.BigIntegerField(
        default=0, help_text="The journal was found without a gap up to here"
    )

    def __str__(self) -> str:
        return f"watch at {self.at:%Y-%m-%d %H:%M:%S}"


class RuleWeek(models.Model):
    """The alerts of one rule in one local week and area, and what became of them (规则周计数).

    An area counts what lies in it and below it; the empty path is the whole city, and its row
    says whether the week must be counted anew for that rule.
    """

    technical = "derived from alerts, cases and the journal"

    rule = models.CharField(max_length=80)
    week = models.DateField(help_text="Its Monday, in the city's zone")
    area_path = models.CharField(max_length=400, blank=True)
    is_stale = models.BooleanField(default=False, help_text="Something changed since")
    outcomes = models.JSONField(default=dict, help_text="How many alerts of each outcome")
    acted = models.PositiveIntegerField(default=0, help_text="Alerts on whose case somebody acted")
    posts = models.JSONField(default=dict, help_text="Of these, by the post that owned the case")
    waits = models.BinaryField(default=b"", help_text="Seconds to the first act, four bytes each")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "week", "area_path"], name="rule_week_and_area_once"
            ),
        ]
        indexes = [
            models.Index(fields=["week", "area_path"], name="rule_week_of_area"),
            models.Index(
                fields=["week"], condition=models.Q(is_stale=True), name="rule_week_stale"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} in the week of {self.week} in {self.area_path or 'the city'}"


class CaseAct(models.Model):
    """When somebody first acted on a case or answered a notice of it (首次处置)."""

    technical = "derived from the journal"

    case = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    post = models.CharField(max_length=64, blank=True, help_text="Which owned the case then")

    def __str__(self) -> str:
        return f"case {self.case} acted on at {self.at}"


class RulesHeard(models.Model):
    """Up to which journal entry the weeks of rules know what happened; one row."""

    technical = "how far the journal was read"

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    seq = models.BigIntegerField()

    def __str__(self) -> str:
        return f"rules heard to {self.seq}"
