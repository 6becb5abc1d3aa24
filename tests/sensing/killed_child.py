"""Run by test_killed.py in a process of its own: forks, arms a failpoint, is killed, looks again.

Prints one line per step; the parent test reads them.
"""

# Django must be set up before the rest is imported; the parent test reads what is printed.
# ruff: noqa: E402, T201
from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import django

django.setup()

from django.db import connections

from anlan.entrypoints import founding
from anlan.infra import contents, failpoints, journal
from anlan.infra.models import JournalEntry
from anlan.sensing import public, selectors
from anlan.sensing.models import IdempotencyKey, Report, RetiredReadings
from anlan.sensing.services import hands
from anlan.sensing.services.here import workspace_here
from tests.sensing.conftest import GATEWAY, NOW, load_small_city, read_thinned

REPORT_STEPS = [
    "contents.put",
    "journal.rows_saved",
    "journal.appended",
    "sensing.before_commit",
    "sensing.committed",
]
KEEP_STEPS = ["observations.synced"]
SEAL_STEPS = [
    "store.part_written",
    "store.file_in_place",
    "store.segments_written",
    "store.latest_saved",
    "store.manifest_saved",
    "journal.appended",
    "segments.before_commit",
    "segments.committed",
]


def killed(step: str, act: Callable[[], object]) -> bool:
    """Do ``act`` in a fork that is killed at ``step``; return whether it was."""
    connections.close_all()
    hands.let_go()  # the child writes
    pid = os.fork()
    if pid == 0:
        failpoints.arm(f"{step}:kill")
        act()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def keep(step: str) -> Report:
    report = public.ReportIn(text=f"燃气 {step}")
    once = public.Once(step, "0" * 64)
    return public.keep_report(GATEWAY, report, secret="s", now=NOW, once=once)


def try_reports() -> None:
    for step in REPORT_STEPS:
        before = Report.objects.count()
        assert killed(step, lambda step=step: keep(step)), step
        kept = Report.objects.count() - before
        assert kept == IdempotencyKey.objects.filter(key=step).count(), step
        assert kept == (step == "sensing.committed"), step
        row = keep(step)  # the sender tries again
        assert Report.objects.count() == before + 1, step
        assert selectors.report_said(row.pk).text == f"燃气 {step}"
        print("report", step)
    state = journal.live_state()
    assert journal.replay_images(JournalEntry.objects.order_by("seq")) == state
    assert contents.verify() == []


def keep_readings(step: str) -> public.BatchReceipt:
    at = NOW - timedelta(seconds=zlib.crc32(step.encode()) % 80_000)  # of its own for each
    rows = (public.RowIn("s1", at, 1.0), public.RowIn("s2", at, None))
    once = public.Once(step, "0" * 64)
    return public.keep_observations(GATEWAY, public.BatchIn(rows), now=NOW, once=once)


def try_readings() -> None:
    for step in [*KEEP_STEPS, "sensing.before_commit", "sensing.committed"]:
        before = public.last_batch_id()
        assert killed(step, lambda step=step: keep_readings(f"reading {step}")), step
        receipt = keep_readings(f"reading {step}")  # the sender tries again
        assert receipt == keep_readings(f"reading {step}")
        assert (receipt.batch, receipt.kept) == (before + 1, 2), step
        assert public.last_batch_id() == before + 1, step
        print("readings", step)


PIECE_STEPS = ["contents.put", "sensing.before_commit", "sensing.committed"]


def try_pieces() -> None:
    photo = b"\xff\xd8\xff" + bytes(range(256)) * 8
    for step in PIECE_STEPS:
        token = public.begin_upload(GATEWAY, len(photo), now=NOW)
        public.append_piece(GATEWAY, token, 0, photo[:700], now=NOW)
        send = partial(public.append_piece, GATEWAY, token, 700, photo[700:1400], now=NOW)
        assert killed(step, send), step
        offset = public.upload_state(GATEWAY, token, now=NOW).offset
        assert offset == (1400 if step == "sensing.committed" else 700), step
        public.append_piece(GATEWAY, token, offset, photo[offset:], now=NOW)
        assert public.uploaded(GATEWAY, [token], now=NOW) == (photo,), step
        print("piece", step)


def try_sealing() -> None:
    for step in SEAL_STEPS:
        keep_readings(f"seal {step}")
        before = public.batches_after(0, 1000)
        seal = lambda: public.seal_segments(now=NOW, span=timedelta(0))  # noqa: E731
        assert killed(step, seal), step
        assert public.batches_after(0, 1000) == before, step
        seal()
        assert public.batches_after(0, 1000) == before, step
        assert public.verify_segments() == (), step
        print("seal", step)


RETIRE_STEPS = [
    "store.part_written",
    "store.file_in_place",
    "store.thin_written",
    "store.retired_saved",
    "journal.rows_saved",
    "journal.appended",
    "segments.before_commit",
    "segments.committed",
]
CLASSES = """
[[classes]]
id = "old"
title_zh = "旧"
title_en = "Old"
basis = "City archive rule 7"
keep_days = 60
then = "thin"
minutes = 10
streams = ["s1"]
"""


def try_retiring() -> None:
    """Let readings of one day after another go, and be killed at another step each time."""
    (workspace_here().root / "retention.toml").write_text(CLASSES, encoding="utf-8")
    later = NOW + timedelta(days=200)
    retire = partial(public.retire_due, held=frozenset(), now=later)
    newest = (public.RowIn("s1", later, 1.0), public.RowIn("s2", later, 1.0))
    public.keep_observations(GATEWAY, public.BatchIn(newest), now=later)
    public.seal_segments(now=later, span=timedelta(0))
    retire()  # what the steps before have left
    for number, step in enumerate(RETIRE_STEPS, start=1):
        day = NOW + timedelta(days=number)
        rows = tuple(
            public.RowIn(stream, day + timedelta(minutes=minute), float(minute))
            for stream in ("s1", "s2")
            for minute in range(30)
        )
        public.keep_observations(GATEWAY, public.BatchIn(rows), now=later)
        public.seal_segments(now=later, span=timedelta(0))
        span = day, day + timedelta(hours=1)
        others = public.read_observations("s2", *span)
        stones = RetiredReadings.objects.count()
        assert killed(step, retire), step
        assert public.read_observations("s2", *span) == others, step
        left = len(public.read_observations("s1", *span))
        gone = int(read_thinned("s1", *span).counted.sum())
        assert (left, gone) in {(30, 0), (0, 30)}, step
        retire()
        assert public.read_observations("s2", *span) == others, step
        assert public.read_observations("s1", *span) == (), step
        assert int(read_thinned("s1", *span).counted.sum()) == 30, step
        assert RetiredReadings.objects.count() == stones + 1, step
        assert RetiredReadings.objects.latest("day").rows == 30, step
        hands.let_go()  # the next writer sweeps away what nothing names
        public.seal_segments(now=later, span=timedelta(0))
        assert {fault.fault for fault in public.verify_segments()} <= {"unknown_file"}, step
        print("retire", step)
    hands.hand().seal(int(later.timestamp() * 1_000_000))
    assert public.verify_segments() == ()
    state = journal.live_state()
    assert journal.replay_images(JournalEntry.objects.order_by("seq")) == state


if __name__ == "__main__":
    founding.migrate()
    load_small_city()
    try_reports()
    try_readings()
    try_pieces()
    try_sealing()
    try_retiring()
    print("done")
