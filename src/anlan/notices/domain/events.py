"""Who was told, by what way, and what they answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from anlan.kernel.events import Event


@dataclass(frozen=True, slots=True)
class NoticePosted(Event):
    """A notice lies in a post's inbox."""

    notice: int
    post: str
    about: str  # "case:7", "alert:3", "system:disk"
    urgency: str  # "red", "urgent", "normal"
    mark: str = ""  # why it came up to a post above; see domain.words.Mark


@dataclass(frozen=True, slots=True)
class NoticeAnswered(Event):
    """Someone at the post acknowledged or shelved a notice, or it came back from the shelf."""

    notice: int  # the latest of its matter
    what: str  # "acknowledged", "shelved", "woken", "answered_below"
    until: datetime | None
    also: tuple[int, ...] = ()  # earlier notices about the same thing, answered with it


@dataclass(frozen=True, slots=True)
class NoticeReminded(Event):
    """A post had not answered in time; it was reminded once of all that is red there."""

    post: str
    notices: tuple[int, ...]  # the latest notice of each open red matter
    times: int  # reminders since the post's last silence began
    wake: str  # "deputy", "superior", "again"


@dataclass(frozen=True, slots=True)
class DeliveryChanged(Event):
    """An outgoing message was sent, failed, or was given up."""

    delivery: int
    channel: str
    state: str
    attempts: int


@dataclass(frozen=True, slots=True)
class DeliveriesShown(Event):
    """A rehearsal showed messages on the screen instead of sending them."""

    count: int


@dataclass(frozen=True, slots=True)
class DutyHandedOver(Event):
    """The shift changed: open notices of the post were put before the next holder."""

    post: str
    open_notices: int


@dataclass(frozen=True, slots=True)
class QuietHoursSet(Event):
    """The quiet hours of a post, or of the whole city (``*``), were set."""

    post: str
    start: str  # local, HH:MM
    end: str
