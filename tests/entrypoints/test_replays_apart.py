"""A replay and its live city (I10): killed, stopped, or out of disk, it leaves the city alone."""

from __future__ import annotations

import errno
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest

from anlan.entrypoints import replaying
from anlan.learning import public as learning
from anlan.learning.domain.runs import RunningError
from anlan.learning.services import runs

LONGEST = 120


class TestApart:
    """A replay and its live city (I10): what becomes of it is nothing the city notices."""

    ORDER = learning.RunOrder(
        scenario="shiyan-2021", title=learning.scenario("shiyan-2021").title,
        asked_at=datetime(2026, 1, 1, tzinfo=UTC), by="account:1",
    )  # fmt: skip

    def live(self, folder):
        """Return a live city's workspace with everything a replay must not touch."""
        root = folder / "city"
        for name in ("keys", "contents", "logs"):
            (root / name).mkdir(parents=True)
            (root / name / "kept").write_bytes(b"of the live city")
        (root / "anlan.sqlite3").write_bytes(b"the live database")
        (folder / "city-checkpoints").mkdir()
        (folder / "city-checkpoints" / "1.json").write_bytes(b"signed")
        return root

    def everything(self, folder):
        return {
            path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in folder.rglob("*")
            if path.is_file() and "replays" not in path.parts
        }

    def until(self, what):
        deadline = time.monotonic() + LONGEST
        while not what():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def test_killed_half_way_it_leaves_the_city_as_it_was_and_room_for_the_next(
        self, tmp_path, monkeypatch
    ):
        root = self.live(tmp_path)
        replays = root / "replays"
        monkeypatch.setenv("ANLAN_WORKSPACE", str(root))
        monkeypatch.setenv("ANLAN_CHECKPOINTS", str(tmp_path / "city-checkpoints"))
        monkeypatch.setenv("ANLAN_DATABASE_URL", "postgresql://127.0.0.1:1/live")
        before = self.everything(tmp_path)
        children, popen = [], replaying.subprocess.Popen

        def kept(*given, **how):
            children.append(popen(*given, **how))
            return children[-1]

        monkeypatch.setattr(replaying.subprocess, "Popen", kept)
        number = replaying.start(replays, self.ORDER)
        progress = runs.folder_of(replays, number) / runs.PROGRESS
        self.until(lambda: progress.exists() and b'"replay"' in progress.read_bytes())
        with pytest.raises(RunningError):
            replaying.start(replays, self.ORDER)
        children[0].kill()
        self.until(lambda: runs.running(replays) is None)
        assert runs.run(replays, number).state == "broken"
        assert self.everything(tmp_path) == before
        following = replaying.start(replays, self.ORDER)
        runs.stop(replays, following)
        self.until(lambda: runs.run(replays, following).end is not None)
        assert runs.run(replays, following).state == "stopped"
        assert self.everything(tmp_path) == before

    def test_of_many_that_begin_at_once_one_runs(self, tmp_path, monkeypatch):
        replays = tmp_path / "city" / "replays"
        held, begun = [], threading.Barrier(6)

        def popen(_command, *, pass_fds, **_how):
            held.extend(replaying.os.dup(one) for one in pass_fds)
            return Mock()

        monkeypatch.setattr(replaying.subprocess, "Popen", popen)

        def begin(_number):
            begun.wait()
            try:
                return replaying.start(replays, self.ORDER)
            except RunningError:
                return None

        try:
            with ThreadPoolExecutor(6) as all_at_once:
                started = list(all_at_once.map(begin, range(6)))
            assert len([one for one in started if one is not None]) == 1
            assert len(held) == 1
        finally:
            for one in held:
                replaying.os.close(one)

    def test_a_full_disk_at_its_end_breaks_it_off_and_clears_old_workspaces(
        self, tmp_path, monkeypatch
    ):
        replays = tmp_path / "replays"
        numbers = [runs.new_run(replays, self.ORDER) for _ in range(runs.WORKSPACES_KEPT + 2)]
        for one in numbers:
            runs.workspace_of(replays, one).mkdir()
        monkeypatch.setenv("ANLAN_WORKSPACE", str(tmp_path))
        monkeypatch.setattr(replaying.os, "nice", lambda _by: 0)
        full = OSError(errno.ENOSPC, "No space left on device")
        monkeypatch.setattr(replaying, "rehearse", Mock(side_effect=full))
        monkeypatch.setattr(runs, "end", Mock(side_effect=full))
        with pytest.raises(OSError, match="No space"):
            replaying.carry_out(numbers[-1])
        assert runs.run(replays, numbers[-1]).state == "broken"
        assert not runs.workspace_of(replays, numbers[0]).exists()
