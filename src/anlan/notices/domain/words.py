"""The words of the room: how pressing a notice is, why it was sent, where a delivery stands."""

from __future__ import annotations

from enum import StrEnum


class Urgency(StrEnum):
    """How pressing a notice is (紧急程度); red also breaks the quiet hours and must be answered."""

    NORMAL = "normal"
    URGENT = "urgent"
    RED = "red"


class Mark(StrEnum):
    """Why a notice lies before a post that is not its own (上报标记)."""

    NONE = ""
    NOBODY_ON_DUTY = "nobody_on_duty"  # the post it was meant for had nobody on duty
    UNANSWERED = "unanswered"  # the post it was meant for did not answer in time


class Channel(StrEnum):
    """A way out of the system."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class DeliveryState(StrEnum):
    """Where an outgoing message stands."""

    WAITING = "waiting"  # not tried yet, or held until the quiet hours end
    SENT = "sent"  # the other side took it
    FAILED = "failed"  # tried without success; it will be tried again
    GIVEN_UP = "given_up"  # no further try; the superior was told
    SHOWN = "shown"  # a rehearsal: shown on the screen, never sent
    UNNEEDED = "unneeded"  # the notice was answered before the message went out


#: States in which a message may still go out.
PENDING = (DeliveryState.WAITING.value, DeliveryState.FAILED.value)


class Occasion(StrEnum):
    """Why a message goes out for a notice that may have gone out before."""

    POSTED = "posted"
    REMINDED = "reminded"  # nobody answered
    WOKEN = "woken"  # its shelf time ended
    HANDED_OVER = "handed_over"  # the shift changed


#: Where one message comes before another in the outbox: the smaller number first.
PRIORITY: dict[Urgency, int] = {Urgency.RED: 0, Urgency.URGENT: 1, Urgency.NORMAL: 2}


def at_least(urgency: Urgency) -> list[str]:
    """Return the urgencies that are as loud as ``urgency`` or louder."""
    return [one.value for one, place in PRIORITY.items() if place <= PRIORITY[urgency]]
