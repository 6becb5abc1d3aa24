"""When a message that could not be delivered is tried again, and when no more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class RetryRule:
    """Exponential back-off with a cap and an end, counted from the first due instant."""

    first: timedelta = timedelta(seconds=15)
    most: timedelta = timedelta(minutes=30)
    give_up_after: timedelta = timedelta(hours=24)


DEFAULT_RETRY = RetryRule()


def pause_after(attempts: int, key: str, rule: RetryRule = DEFAULT_RETRY) -> timedelta:
    """Return the pause after ``attempts`` failures: doubling, capped, up to a tenth shorter.

    The tenth is taken from ``key``, so that messages that failed together do not
    all come back in the same second, and the same message always waits the same.
    """
    if attempts < 1:
        raise ValueError("a pause follows a failure")
    doubled: int = 2 ** min(attempts - 1, 20)
    pause = min(rule.first * doubled, rule.most)
    spread = (int(key[:4] or "0", 16) / 0xFFFF) / 10
    return pause * (1 - spread)


def next_try(
    attempts: int, key: str, *, due_at: datetime, now: datetime, rule: RetryRule = DEFAULT_RETRY
) -> datetime | None:
    """Return the next instant to try at; ``None`` when the message is given up.

    The last try falls on the end itself, so a receiver that comes back late
    within the span still gets the message.
    """
    end = due_at + rule.give_up_after
    if now >= end:
        return None
    return min(now + pause_after(attempts, key, rule), end)
