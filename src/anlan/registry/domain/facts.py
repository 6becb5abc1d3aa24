"""What the registry tells other rooms: values, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from anlan.kernel.geometry import Point
from anlan.kernel.scales import RiskGrade
from anlan.registry.domain.carriers import carrier_of


@dataclass(frozen=True, slots=True)
class KnownArea:
    """An area as other rooms see it; ``path`` is ``root/…/code`` along the governing parents."""

    code: str
    kind: str
    name_zh: str
    name_en: str
    parent: str | None
    path: str
    touches: tuple[str, ...] = ()
    schematic: bool = False


@dataclass(frozen=True, slots=True)
class KnownPost:
    """A post as other rooms see it."""

    code: str
    name_zh: str
    name_en: str
    organisation: str
    area: str
    area_path: str
    superior: str | None


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """A risk point as other rooms see it; ``point`` is None when nobody has located it."""

    code: str
    kind: str
    name_zh: str
    name_en: str
    area: str
    area_path: str
    point: Point | None
    grade: RiskGrade | None
    owner_post: str | None
    plan: str | None


class KnownSensor(NamedTuple):
    """A sensor as other rooms see it; without a point of its own it stands at its risk point."""

    code: str
    name_zh: str
    name_en: str
    quantity: str
    unit: str
    interval: timedelta
    area: str
    area_path: str
    risk_point: str | None
    place_kind: str | None
    point: Point | None
    device: str = ""
    operator: str | None = None
    gateway: str = ""
    installed_on: date | None = None
    calibration_due: date | None = None


class KnownStream(NamedTuple):
    """What is asked of a sensor to check and judge what it says: read a million at a time."""

    code: str
    quantity: str
    unit: str
    interval: timedelta
    area: str
    area_path: str
    risk_point: str | None
    place_kind: str | None
    gateway: str = ""
    operator: str | None = None

    @property
    def carrier(self) -> str:
        """What it shares with others that fall silent with it: its gateway, else its operator."""
        return carrier_of(self.gateway, self.operator)


@dataclass(frozen=True, slots=True)
class DutyFound:
    """The answer to "who answers for this hazard here?", and by what decision (责任归属).

    ``area`` is where the duty was found: the asked area or one that governs it.
    """

    post: str
    area: str
    duty: int
    basis: str
    hazard: str
    level: str


@dataclass(frozen=True, slots=True)
class PlaceAnswer:
    """Who answered for a place at an instant; ``why`` is ``risk_point`` or ``duty_matrix``.

    ``holder`` and ``deputy`` are the codes of the people the roster names for that instant.
    """

    place: str
    at: datetime
    post: str
    why: str
    basis: str
    holder: str | None
    deputy: str | None


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Who sits at a post at an instant; ``until`` is when that shift ends.

    ``holder`` is None when the roster names nobody for that instant.
    """

    post: str
    holder: str | None
    deputy: str | None
    shift: int | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Contact:
    """How a holder is reached: personal data, never to be logged or journalled (联系方式)."""

    name: str
    email: str
    phone: str
    webhook: str
    language: str
