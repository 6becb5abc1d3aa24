"""Why each kind of personal content is kept, on what ground, and how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from anlan.infra.contents import Purpose

EMERGENCY_GROUND = "个人信息保护法 Art 13(1)(3),(4); 突发事件应对法 Arts 84–85"


@dataclass(frozen=True, slots=True)
class Keeping:
    """One purpose and its span."""

    name: str
    ground: str
    span: timedelta

    def from_day(self, day: date) -> Purpose:
        """Return the purpose with its end date for something kept since ``day``."""
        return Purpose(name=self.name, legal_ground=self.ground, expires_on=day + self.span)


# Long enough to settle the case and to answer the reporter.
REPORT = Keeping("report", EMERGENCY_GROUND, timedelta(days=365))
SIGNAL = Keeping("relayed warning", EMERGENCY_GROUND, timedelta(days=3 * 365))
# Six months, as long as system logs must be kept.
QUARANTINE = Keeping("unreadable message", "网络安全法 Art 21", timedelta(days=184))
# A photo of which pieces came: until it is used, or the next day is over.
ON_ITS_WAY = Keeping("photo on its way", EMERGENCY_GROUND, timedelta(days=1))
# What makes the marks of network addresses: the day itself.
SOURCE_SALT = Keeping(
    "telling one flood of reports from many people", EMERGENCY_GROUND, timedelta(0)
)
