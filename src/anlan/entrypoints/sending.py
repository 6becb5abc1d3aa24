"""Send a simulated run to a server over HTTP, at the pace of its own clock and no other.

An open loop: what is due is sent when it is due, whether or not the server has answered yet, as
sensors do.  What comes of it is counted, and a batch that finds no answer is sent again under the
same key, so that nothing is kept twice.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from anlan.kernel.errors import InvalidInputError
from anlan.learning.domain.simulator.run import readings

if TYPE_CHECKING:
    from anlan.learning.domain.simulator.planting import Planted
    from anlan.learning.services.simulating import Rows
    from anlan.sensing.public import RowIn

PATH = "/api/v1/observations"
ROWS = 2_000  # of one request
SENDERS = 8
TIMEOUT_S, TRIES = 30.0, 3
LATE_S = 1.0  # a batch that leaves so much after it was due is counted as late


class TargetRefusedError(InvalidInputError):
    """The address is none, or the server takes nothing with this token."""

    code = "simulate.target_refused"


@dataclass(slots=True)
class Sent:
    """What came of it, in readings; ``late`` in batches."""

    sent: int = 0
    kept: int = 0
    refused: int = 0
    lost: int = 0
    late: int = 0
    worst_s: float = 0.0  # the longest answer
    first_refusal: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def counts(self) -> dict[str, object]:
        """Return the figures without the lock."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "lock"}

    def note(self, rows: int, answer: Answer) -> None:
        """Count one batch."""
        with self.lock:
            self.kept += answer.kept
            if answer.came:
                self.refused += rows - answer.kept
            else:
                self.lost += rows
            self.worst_s = max(self.worst_s, answer.took_s)
            self.first_refusal = self.first_refusal or answer.refusal


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one batch."""

    came: bool
    kept: int
    took_s: float
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A running server, and the token of a program there."""

    address: str
    token: str

    def __post_init__(self) -> None:
        if not self.address.startswith(("http://", "https://")):
            raise TargetRefusedError(address=self.address, problem="http:// or https://")

    def send(self, rows: Sequence[RowIn], key: str) -> Answer:
        """Send one batch, again under the same key when no answer comes."""
        listed = [
            {"stream": row.stream, "at": row.at, "value": row.value, "unit": row.unit}
            for row in rows
        ]
        began = time.monotonic()
        for attempt in range(TRIES):
            try:
                status, body = self._post(msgspec.json.encode({"observations": listed}), key)
            except (OSError, http.client.HTTPException) as error:
                problem = type(error).__name__
                time.sleep(0.2 * 2**attempt)
                continue
            took = time.monotonic() - began
            return Answer(came=True, kept=_kept(body), took_s=took, refusal=_refusal(status, body))
        return Answer(came=False, kept=0, took_s=time.monotonic() - began, refusal=problem)

    def _post(self, body: bytes, key: str) -> tuple[int, bytes]:
        head = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        address = self.address.rstrip("/") + PATH
        asked = urllib.request.Request(address, data=body, headers=head)  # noqa: S310  checked above
        try:
            with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as reply:  # noqa: S310
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


def _kept(body: bytes) -> int:
    try:
        found = json.loads(body).get("kept", 0)
    except (ValueError, AttributeError):
        return 0
    return int(found)


def _refusal(status: int, body: bytes) -> str:
    """Return the code of a refusal, of the whole batch or of its first refused row."""
    try:
        found = json.loads(body)
        rows = found.get("refused") or []
        code = rows[0]["code"] if rows else found.get("error", {}).get("code", "")
    except (ValueError, AttributeError, KeyError, TypeError):
        code = ""
    return str(code or ("" if 200 <= status < 300 else status))


def begins_for(now: datetime, hours: float, speed: float) -> datetime:
    """Return when a run must begin so that, sent ``speed`` times as fast, it never runs ahead of now."""
    return now - timedelta(hours=hours * (1 - 1 / speed))


def send(
    planted: Planted, rows: Rows, target: Target, *, speed: float, progress: Callable[[Sent], None]
) -> Sent:
    """Send every reading when it arrives by the run's clock, which goes ``speed`` times as fast.

    Raises
    ------
    TargetRefusedError
        When the very first batch is refused as a whole: the address or the token is wrong.
    """
    sent = Sent()
    began = time.monotonic()
    step = timedelta(seconds=max(1.0, speed))
    name = f"simulate-{planted.run.seed}-{planted.run.begins:%Y%m%dT%H%M%S}"
    with ThreadPoolExecutor(SENDERS, thread_name_prefix="sender") as pool:
        for number, (due_s, batch) in enumerate(_due(planted, rows, step, speed)):
            wait = began + due_s - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            sent.late += wait < -LATE_S
            sent.sent += len(batch)
            key = f"{name}-{number}"
            if number == 0:
                answer = target.send(batch, key)
                if not answer.came or not answer.kept:
                    raise TargetRefusedError(address=target.address, problem=answer.refusal)
                sent.note(len(batch), answer)
            else:
                pool.submit(_go, target, sent, batch, key)
            progress(sent)
    return sent


def _go(target: Target, sent: Sent, batch: Sequence[RowIn], key: str) -> None:
    sent.note(len(batch), target.send(batch, key))


def _due(
    planted: Planted, rows: Rows, step: timedelta, speed: float
) -> Iterator[tuple[float, tuple[RowIn, ...]]]:
    """Yield batches with the second, since the beginning, at which each is due."""
    for number, part in enumerate(readings(planted.run, step=step), 1):
        due_s = number * step.total_seconds() / speed
        for batch in rows.batches(part, ROWS):
            yield due_s, batch
