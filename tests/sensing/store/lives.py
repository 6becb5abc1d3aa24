"""Lives of a writer that are ended by force, and what is found after each of them.

    python -m tests.sensing.store.lives FOLDER RUNS SEED

A process of its own, so that each life is a fork and not a start of Python.  Prints what went
wrong, a line each, and at the end how many readings were acknowledged and how each life ended.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np

from anlan.infra import failpoints
from anlan.sensing.store import StoreReader, StoreWriter, frame_of, sealing
from anlan.sensing.store.verify import verify

NOW = 1_700_000_000_000_000
STREAMS = 7
POINTS = (
    "observations.synced",
    "store.part_written",
    "store.file_in_place",
    "store.segments_written",
    "store.manifest_saved",
    "store.merge_saved",
    "store.latest_saved",
)


def rows_of(message: int) -> int:
    return message * 7919 % 11 + 1


def frame(message: int):
    """Return message number ``message``: its readings follow from the number alone."""
    count = rows_of(message)
    place = np.arange(count)
    return frame_of(
        (message + place) % STREAMS,
        NOW + message * 1_000_000 + place,
        message + place / 4,
        source="box",
        key=f"m{message}",
        received_us=NOW + message,
    )


def live(root: Path, acks: int, start: int, chance: random.Random) -> None:
    """Keep messages from ``start`` on, as fast as it goes, sealing beside it; never returns."""
    writer = StoreWriter(root)
    writer.names.number_all([f"S{n}" for n in range(STREAMS)])

    def seal_on() -> None:
        while True:
            writer.seal(now_us=NOW + 40 * sealing.DAY_US)
            time.sleep(0.002)

    threading.Thread(target=seal_on, daemon=True).start()
    message = start
    while True:
        batch = range(message, message + chance.randint(1, 5))
        answers = writer.append([frame(number) for number in batch])
        if any(answer.rows != rows_of(n) for n, answer in zip(batch, answers, strict=True)):
            os.write(acks, b"wrong\n")
        os.write(acks, f"{batch.stop - 1}\n".encode())
        message = batch.stop
        time.sleep(0)


def run_every_loop(root: Path) -> None:
    """Keep and seal one message."""
    with StoreWriter(root) as writer:
        writer.names.number_all([f"S{n}" for n in range(STREAMS)])
        writer.append([frame(0)])
        writer.seal(now_us=NOW + 40 * sealing.DAY_US)


def one_life(root: Path, acked: Path, start: int, chance: random.Random) -> str:
    """Let one writer live and end it; return how it ended."""
    point = chance.choice(POINTS) if chance.random() < 0.6 else ""
    turn, wait, seed = chance.randint(1, 6), chance.uniform(0.01, 0.12), chance.random()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            failpoints.arm(f"{point}:kill:{turn}" if point else "")
            handle = os.open(acked, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            live(root, handle, start, random.Random(seed))
        os._exit(3)
    end = time.monotonic() + (wait if not point else 1.0)
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return point if os.WIFSIGNALED(status) else f"ended with {os.WEXITSTATUS(status)}"
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "anywhere"


def look(root: Path, last: int) -> list[str]:
    """Return what is wrong: what was acknowledged and is not there, or is there twice, or strange."""
    wrong = [str(fault) for fault in verify(root)]
    rows = StoreReader(root).read(None, history=True)
    found = Counter(
        zip(rows.stream.tolist(), rows.at_us.tolist(), rows.value.tolist(), strict=True)
    )
    wrong += [f"twice: {row}" for row, count in found.items() if count > 1]
    for message in range(last + 1):
        sent = frame(message)
        for row in zip(sent.stream.tolist(), sent.at_us.tolist(), sent.value.tolist(), strict=True):
            if row not in found:
                wrong.append(f"lost: {row} of message {message}")
    return wrong


def main(folder: str, runs: int, seed: int) -> int:
    root, acked = Path(folder) / "store", Path(folder) / "acked"
    chance = random.Random(seed)
    last, ends, wrong = -1, Counter(), []
    run_every_loop(Path(folder) / "first")  # compiled before the first fork, not in each life
    for run in range(runs):
        # The sender does not know which of the last messages were heard: it sends some again.
        ends[one_life(root, acked, max(0, last - 3), chance)] += 1
        lines = acked.read_text().splitlines() if acked.exists() else []
        wrong += [f"life {run}: wrong answer"] * lines.count("wrong")
        last = max([last, *(int(line) for line in lines if line != "wrong")])
        with StoreWriter(root):  # takes up what the crash left, and cuts off what is torn
            pass
        if run % 20 == 19 or run == runs - 1:
            wrong += [f"life {run}: {item}" for item in look(root, last)[:5]]
        if wrong:
            break
    sys.stdout.write("\n".join([*wrong, f"messages {last + 1}", f"ends {dict(ends)}"]) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
