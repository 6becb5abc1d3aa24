"""Tables of who and what exists: areas, posts, duties, places, sensors, rules, accounts."""

from __future__ import annotations

from typing import ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class PackRow(models.Model):
    """A row that came from a city pack and is ended, never deleted, when it leaves it.

    ``valid_from`` and ``valid_to`` are the pack's own local days (``valid_to`` is the
    first day out of force).  ``began_at`` is set when the row took another's place
    at a load: it does not reach back beyond that load, whatever its days say.
    ``ended_at`` is the load at which it left the pack.
    """

    journalled: ClassVar[bool] = True

    valid_from = models.DateField(null=True)
    valid_to = models.DateField(null=True)
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class Area(PackRow):
    """A division or functional zone (区域) and the one that governs it."""

    code = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=16)
    name_zh = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200, blank=True)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    # db_index: on PostgreSQL this adds the pattern index that a prefix search needs.
    path = models.CharField(
        max_length=480, db_index=True, help_text="root/…/code along the governing parents"
    )
    touches = models.JSONField(default=list)
    succeeds = models.JSONField(default=list)
    external_codes = models.JSONField(default=list)
    shape = models.JSONField(null=True, help_text="GeoJSON geometry in WGS-84")
    schematic = models.BooleanField(default=False, help_text="示意: drawn, not surveyed")

    def __str__(self) -> str:
        return f"{self.code} {self.name_zh}"


class Organisation(PackRow):
    """A unit that has posts (单位)."""

    code = models.CharField(max_length=64, primary_key=True)
    name_zh = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=16)
    area = models.ForeignKey(Area, on_delete=models.PROTECT)

    def __str__(self) -> str:
        return f"{self.code} {self.name_zh}"


class Post(PackRow):
    """A seat that bears duties, whoever sits on it (岗位)."""

    code = models.CharField(max_length=64, primary_key=True)
    name_zh = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200, blank=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    area = models.ForeignKey(Area, on_delete=models.PROTECT)
    superior = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.code} {self.name_zh}"


class Holder(PackRow):
    """A person who holds posts (任职人); the contact lies in the content store only."""

    code = models.CharField(max_length=64, primary_key=True)
    contact_content = models.UUIDField(null=True)
    contact_digest = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.code


class Shift(PackRow):
    """A weekly stretch of time on which a holder sits at a post (班次)."""

    post = models.ForeignKey(Post, on_delete=models.PROTECT)
    holder = models.ForeignKey(Holder, on_delete=models.PROTECT, related_name="shifts")
    deputy = models.ForeignKey(
        Holder, null=True, on_delete=models.PROTECT, related_name="deputy_shifts"
    )
    weekdays = models.JSONField(help_text="ISO weekdays of the local day on which it starts")
    starts = models.CharField(max_length=8, help_text="Local time HH:MM:SS")
    ends = models.CharField(max_length=8, help_text="Local time; not after starts: next day")

    def __str__(self) -> str:
        return f"{self.post_id} {self.starts}-{self.ends}"


class Duty(PackRow):
    """Who answers for which hazard in which area, and by what decision (责任)."""

    area = models.ForeignKey(Area, on_delete=models.PROTECT)
    hazard = models.CharField(max_length=80, help_text='A slug, a prefix as "met.*", or "*"')
    level = models.CharField(max_length=16, blank=True, help_text="WarningLevel; empty: every one")
    post = models.ForeignKey(Post, on_delete=models.PROTECT)
    basis = models.CharField(max_length=500)

    class Meta:
        verbose_name_plural = "duties"

    def __str__(self) -> str:
        return f"{self.area_id} {self.hazard} -> {self.post_id}"


class RiskPoint(PackRow):
    """A place that can come to harm or do harm (风险点)."""

    code = models.CharField(max_length=64, primary_key=True)
    name_zh = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=80)
    area = models.ForeignKey(Area, on_delete=models.PROTECT)
    lat = models.FloatField(null=True)
    lon = models.FloatField(null=True)
    grade = models.CharField(max_length=16, blank=True, help_text="RiskGrade; empty: not graded")
    owner_post = models.ForeignKey(Post, null=True, on_delete=models.PROTECT)
    plan = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["kind"], name="riskpoint_kind"),
            models.Index(fields=["lat", "lon"], name="riskpoint_place"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name_zh}"


class Sensor(PackRow):
    """One stream of readings of one quantity (传感器)."""

    code = models.CharField(max_length=64, primary_key=True)
    name_zh = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200, blank=True)
    quantity = models.CharField(max_length=80)
    unit = models.CharField(max_length=40)
    interval = models.CharField(max_length=20, help_text="Span between readings, as 5m")
    area = models.ForeignKey(Area, on_delete=models.PROTECT)
    risk_point = models.ForeignKey(RiskPoint, null=True, on_delete=models.PROTECT)
    lat = models.FloatField(null=True)
    lon = models.FloatField(null=True)
    device = models.CharField(max_length=64, blank=True, help_text="Serial number; empty: unknown")
    operator = models.ForeignKey(
        Organisation, null=True, on_delete=models.PROTECT, related_name="+"
    )
    gateway = models.CharField(max_length=64, blank=True)
    installed_on = models.DateField(null=True, help_text="When this device took its place")
    calibration_due = models.DateField(null=True)

    def __str__(self) -> str:
        return f"{self.code} {self.quantity}"


class PackEntry(models.Model):
    """One version of one rule, clock, ladder, plan, word or scale entry (规则条目).

    ``[effective_from, effective_to)`` is when this version counts; ``in_pack`` says
    whether the pack that was loaded last still holds it.
    """

    journalled: ClassVar[bool] = True

    section = models.CharField(max_length=32)
    code = models.CharField(max_length=120)
    version = models.PositiveIntegerField()
    source = models.CharField(max_length=16, help_text="city or jurisdiction")
    spec = models.JSONField()
    effective_from = models.DateTimeField()
    effective_to = models.DateTimeField(null=True)
    in_pack = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "pack entries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["section", "code", "version"], name="pack_entry_version_once"
            ),
            models.CheckConstraint(
                condition=models.Q(source__in=["city", "jurisdiction"]), name="pack_entry_source"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.section} {self.code} v{self.version}"


class CityState(models.Model):
    """The single row that says which packs are in force (城市包).

    ``revision`` changes whenever a load changes anything: a digest chained over
    the changes, so that equal revisions mean equal city data in every process.
    """

    journalled: ClassVar[bool] = True

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    info = models.JSONField(help_text="city.yaml")
    jurisdiction = models.JSONField(help_text="jurisdiction.yaml")
    revision = models.CharField(max_length=64)
    loaded_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(id=1), name="one_city_state")
        ]

    def __str__(self) -> str:
        return f"city at {self.revision[:12]}"


class Account(AbstractBaseUser):
    """One login of a person's seat or of a program (账号); never named after a person."""

    journalled: ClassVar[bool] = True
    journal_left_out: ClassVar[tuple[str, ...]] = (
        "password",
        "last_login",
        "second_factor",
        "second_factor_step",
        "failures",
        "failed_at",
    )

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    username = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=24)
    post = models.ForeignKey(Post, null=True, on_delete=models.PROTECT)
    areas = models.JSONField(default=list, help_text='Area codes or paths; "" is the whole city')
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    second_factor = models.CharField(
        max_length=200, blank=True, help_text="One-time code secret, encrypted; empty: none"
    )
    second_factor_step = models.BigIntegerField(
        default=0, help_text="Time step of the last code used: no code works twice"
    )
    failures = models.PositiveIntegerField(default=0, help_text="Wrong passwords in a row")
    failed_at = models.DateTimeField(null=True)

    objects: ClassVar[BaseUserManager[Self]] = BaseUserManager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(is_active=True, closed_at__isnull=True)
                | models.Q(is_active=False, closed_at__isnull=False),
                name="account_is_open_or_closed",
            )
        ]

    def __str__(self) -> str:
        return self.username


class Token(models.Model):
    """A credential of an account (令牌): only the hash of the secret is kept."""

    journalled: ClassVar[bool] = True
    journal_left_out: ClassVar[tuple[str, ...]] = ("digest", "last_used_at")

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="tokens")
    purpose = models.CharField(
        max_length=12, default="interface", help_text="interface, session or invitation"
    )
    waits = models.BooleanField(
        default=False, help_text="An administrator's invitation before a second person confirmed it"
    )
    confirmed_by = models.CharField(max_length=120, blank=True)
    prefix = models.CharField(max_length=12, help_text="First letters, to recognise it by")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the secret")
    scopes = models.JSONField()
    areas = models.JSONField()
    issued_at = models.DateTimeField()
    issued_by = models.CharField(max_length=120)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("issued_at")), name="token_expires"
            ),
            models.CheckConstraint(
                condition=models.Q(purpose__in=["interface", "session", "invitation"]),
                name="token_purpose",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.account_id}"


class DeviceTries(models.Model):
    """Wrong passwords in a row from one known device of an account (熟悉的设备)."""

    technical = (
        "counts at the door, as an account's own failures; a stranger must not fill the journal"
    )

    device = models.CharField(
        max_length=64, primary_key=True, help_text="SHA-256 of the mark without its signature"
    )
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    failures = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "device tries"

    def __str__(self) -> str:
        return f"{self.device[:6]}… of {self.account_id}: {self.failures}"
