"""What other rooms and the doors see of notices and of the outbox: values, never rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class NoticeSeen:
    """One notice, or one line of an inbox: the latest about a matter, with what it stands for.

    The urgency of a line is that of its loudest open notice.
    """

    id: int
    post: str
    about: str
    subject: str
    params: dict[str, object]
    urgency: str
    mark: str
    for_post: str  # the post it was first meant for; differs from `post` when it carries a mark
    before: str
    posted_at: datetime
    due_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    shelved_until: datetime | None
    woken_at: datetime | None
    wakes: int  # reminders of its post since the silence began; 0: not called for
    count: int = 1  # notices about the same thing that lie in this line
    since: datetime | None = None  # when the oldest of them was posted

    @property
    def is_open(self) -> bool:
        """Return whether nobody has acknowledged it yet."""
        return self.acknowledged_at is None


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How one channel does."""

    waiting: int  # due now and not tried yet
    held: int  # not before a later instant: quiet hours, or the pause before the next try
    failed: int  # tried without success, and to be tried again
    given_up_24h: int
    sent_24h: int
    oldest_due_at: datetime | None  # of what is due and has not gone out
    errors: dict[str, int] = field(default_factory=dict)  # kinds of failure among `failed`


@dataclass(frozen=True, slots=True)
class OutboxState:
    """Whether what must go out goes out (发件箱状态).

    ``stuck`` when something has been due for longer than ``STUCK_AFTER``;
    ``unserved`` names channels that people asked for and this workspace lacks.
    """

    at: datetime
    channels: dict[str, ChannelState]
    stuck: bool
    unserved: tuple[str, ...]
    unattended: int  # open lines of posts with nobody on duty
