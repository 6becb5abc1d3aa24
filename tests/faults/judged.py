"""Lives of a process that keeps readings and judges them, each ended by force, and what is left in the end.

    python -m tests.faults.judged PREPARED FOLDER RUNS SEED

A story of messages and waiting follows from the seed.  Every life goes on with it where the last
acknowledgement was, as a sender would: the message that was not answered is sent again.  In the end
frames, alerts and journal must be those of a judge that never died.  A process of its own, so that
each life is a fork and not a start of Python; prints what went wrong, a line each, and how the lives
ended.
"""

from __future__ import annotations

import importlib
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.chain import START, get_ready, in_a_child

if TYPE_CHECKING:
    from anlan.sensing.public import RowIn

STREAMS = ("TUN-01", "CROWD-01", "POND-01", "RAIN-01")
VALUES = (None, 0.0, 3.0, 6.0, 20.0, 31.0, 45.0)
POINTS = (
    "observations.synced",
    "judge.stepped_in_commit",
    "judge.findings_kept",
    "judge.cut_written",
    "judge.checkpoint_saved",
    "judge.checkpoint_noted",
    "journal.rows_saved",
    "journal.appended",
    "store.segments_written",
    "store.latest_saved",
    "store.manifest_saved",
    "store.merge_saved",
    "segments.before_commit",
)
SEALED_EVERY = 9  # steps
MOST_MS = 400


@dataclass(frozen=True, slots=True)
class Part:
    """One step of the story: a message or none, and the instant at which the judge looks then."""

    number: int
    now: datetime
    rows: tuple[RowIn, ...]


def story(seed: int) -> Iterator[Part]:
    """Yield a story without end; the same for the same seed."""
    from anlan.sensing.public import RowIn

    dice, now = random.Random(seed), START
    yield Part(0, now, ())
    number = 0
    while True:
        number += 1
        now += timedelta(minutes=dice.choice([0, 0, 0.5, 1, 1, 2, 4, 6, 11, 70]))
        rows = tuple(
            RowIn(stream, now + timedelta(minutes=dice.randint(-12, 1)), dice.choice(VALUES))
            for stream in dice.choices(STREAMS, k=dice.choice([0, 1, 3]))
            for _ in range(dice.randint(1, 4))
        )
        yield Part(number, now, rows)


def send(part: Part) -> None:
    """Send the message of a step under its key."""
    from anlan.kernel.actor import system_actor
    from anlan.sensing import public as sensing

    once = sensing.Once(f"m{part.number}", "0" * 64)
    batch = sensing.BatchIn(part.rows)
    sensing.keep_observations(system_actor("test"), batch, once=once, now=part.now)


def live(seed: int, start: int, acked: Path, dice: random.Random) -> None:
    """Go on with the story from step ``start`` until the end comes."""
    from anlan.sensing import public as sensing
    from anlan.warning.services.streams import saving
    from anlan.warning.services.streams.here import stream_judge

    saving.CUTS, saving.CUTS_US = dice.choice([1, 3, 10, 500]), 0
    judge = stream_judge()
    in_commit = dice.random() < 0.5
    if in_commit:
        judge.start()
    handle = os.open(acked, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for part in story(seed):
        if part.number < start:
            continue
        if part.rows:
            send(part)
        judge.tick(now=part.now)
        if judge.mended:
            os.write(handle, b"mended\n")
        os.write(handle, f"{part.number}\n".encode())
        if part.number % SEALED_EVERY == 0:
            sensing.seal_segments(now=part.now, span=timedelta(0))


def one_life(seed: int, start: int, acked: Path, dice: random.Random) -> str:
    """Let one process live and end it; return how it ended."""
    from anlan.infra import failpoints

    point = dice.choice(POINTS) if dice.random() < 0.6 else ""
    turn, wait, own = dice.randint(1, 2), dice.uniform(0.0, MOST_MS / 1000), dice.random()
    begun = acked.stat().st_size if acked.exists() else 0
    child = os.fork()
    if child == 0:
        try:
            failpoints.arm(f"{point}:kill:{turn}" if point else "")
            live(seed, start, acked, random.Random(own))
        finally:
            os._exit(3)
    end = None
    while end is None or time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return point if os.WIFSIGNALED(status) else f"ended with {os.WEXITSTATUS(status)}"
        # A while after its first acknowledgement: a slow machine gets as far as a quick one.
        is_going = acked.exists() and acked.stat().st_size > begun
        if end is None and (is_going or (not point and dice.random() < 0.002)):
            end = time.monotonic() + wait + (2.0 if point else 0.0)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "anywhere"


def look(seed: int, last: int, found: Path) -> None:
    """Go one step further, undisturbed, and write what differs then from a judge that never died."""
    from anlan.infra import journal
    from anlan.infra.models import JournalEntry
    from anlan.sensing import public as sensing
    from anlan.warning.services.streams.here import stream_judge
    from tests.warning.streams.twin import Twin, instances, observations

    # What was not acknowledged may have been kept: its sender sends it again.
    parts = [part for part, _ in zip(story(seed), range(last + 2), strict=False)]
    judge, wrong = stream_judge(), []
    if parts[-1].rows:
        send(parts[-1])
    for _ in range(2):
        judge.tick(now=parts[-1].now)
    wrong += ["the memory was made again"] * judge.mended
    frames = sensing.frames_after(0, 1 << 20)
    sent = [part for part in parts if part.rows]
    if len(frames) != len(sent):
        wrong.append(f"{len(sent)} messages, {len(frames)} frames")
    twin, by_part = Twin(), dict(zip((part.number for part in sent), frames, strict=False))
    for part in parts:
        frame = by_part.get(part.number)
        twin.hear(observations(frame) if frame is not None else [], now=part.now)
    alerts, wanted = instances(), twin.instances
    wrong += [f"doubled or strange: {row}" for row in alerts if row not in wanted]
    wrong += [f"lost: {row}" for row in wanted if row not in alerts]
    wrong += ["doubled"] * (len(alerts) != len(wanted))
    state = journal.live_state()
    rebuilt = journal.replay_images(JournalEntry.objects.order_by("seq"))
    wrong += [
        f"the journal tells another {name}"
        for name in state
        if name.startswith("warning.") and rebuilt.get(name) != state[name]
    ]
    sensing.seal_segments(now=parts[-1].now, span=timedelta(0))
    # Files that the last life wrote and no manifest names go when the next one begins to write.
    sensing.let_go()
    sensing.begin_writing()
    wrong += [str(fault) for fault in sensing.verify_segments()]
    found.write_text("\n".join([*wrong[:20], f"alerts {len(alerts)}"]))


def main(prepared: str, folder: str, runs: int, seed: int) -> int:
    root, acked, found = (Path(folder) / name for name in ("workspace", "acked", "found"))
    shutil.copytree(prepared, root)
    get_ready(root)
    warm()
    dice, ends, last = random.Random(seed), Counter[str](), -1
    began = time.monotonic()
    for _ in range(runs):
        ends[one_life(seed, last + 1, acked, dice)] += 1
        lines = acked.read_text().splitlines() if acked.exists() else []
        last = max([last, *(int(line) for line in lines if line != "mended")])
        if "mended" in lines:
            break
    took = time.monotonic() - began
    code = in_a_child(lambda: look(seed, last, found))
    said = found.read_text().splitlines() if found.exists() else [f"the look ended with {code}"]
    mended = "mended" in acked.read_text().split() if acked.exists() else False
    lines = [*said, f"steps {last + 1}", f"seconds {took:.0f}", f"ends {dict(ends)}"]
    sys.stdout.write("\n".join(lines) + "\n")
    is_whole = len(said) == 1 and said[0].startswith("alerts ") and not mended
    return 0 if is_whole and not any(name.startswith("ended") for name in ends) else 1


def warm() -> None:
    """Load before the first fork what every life needs; what is compiled lies in a cache."""
    for name in ("judge", "here"):
        importlib.import_module(f"anlan.warning.services.streams.{name}")
    importlib.import_module("tests.warning.streams.twin")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
