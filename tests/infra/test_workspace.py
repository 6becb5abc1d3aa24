"""Workspaces: live or rehearsal, for ever."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta

import pytest

from anlan.entrypoints import clock
from anlan.infra import workspace
from anlan.infra.workspace import WorkspaceKind
from anlan.kernel.errors import ConflictError, NotFoundError


def test_a_workspace_is_made_once_and_read_back(tmp_path):
    made = workspace.create(tmp_path / "w", kind=WorkspaceKind.REHEARSAL, timezone="Asia/Seoul")
    assert workspace.load(tmp_path / "w") == made
    assert made.timezone == "Asia/Seoul"
    with pytest.raises(ConflictError):
        workspace.create(tmp_path / "w", kind=WorkspaceKind.LIVE)


def test_keys_are_readable_by_the_owner_only(tmp_path):
    made = workspace.create(tmp_path / "w", kind=WorkspaceKind.LIVE)
    assert stat.S_IMODE(made.keys.stat().st_mode) == 0o700
    assert stat.S_IMODE((made.keys / "server.secret").stat().st_mode) == 0o600
    assert len(made.secret) > 40


def test_a_folder_without_a_workspace_is_named(tmp_path):
    with pytest.raises(NotFoundError):
        workspace.load(tmp_path)


def test_a_later_format_is_refused(tmp_path):
    workspace.create(tmp_path / "w", kind=WorkspaceKind.LIVE)
    file = tmp_path / "w" / workspace.FILE
    file.write_text(file.read_text().replace("format = 1", "format = 99"))
    with pytest.raises(ConflictError):
        workspace.load(tmp_path / "w")


def test_the_clock_of_a_live_workspace_cannot_be_set(tmp_path):
    live = workspace.create(tmp_path / "w", kind=WorkspaceKind.LIVE)
    with pytest.raises(clock.NotSimulatedError):
        clock.SimulatedClock(live)


def test_a_rehearsal_clock_stands_where_it_was_left_and_never_runs_back(tmp_path):
    drill = workspace.create(tmp_path / "w", kind=WorkspaceKind.REHEARSAL)
    ticking = clock.SimulatedClock(drill)
    then = datetime(2021, 7, 19, 13, 59, tzinfo=UTC)
    ticking.set(then)
    ticking.keep()
    assert clock.SimulatedClock(drill).now() == then
    with pytest.raises(ValueError, match="backwards"):
        ticking.set(then - timedelta(seconds=1))


@pytest.mark.parametrize("text", ["x = [", "", "format = 1", 'format = "a"', "\xff"])
def test_a_workspace_that_cannot_say_what_it_is_is_called_damaged(tmp_path, text):
    place = workspace.create(tmp_path / "w", kind=WorkspaceKind.LIVE)
    (place.root / workspace.FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(workspace.WorkspaceDamagedError) as refused:
        workspace.load(place.root)
    assert refused.value.params == {"path": "w", "file": workspace.FILE}


def test_a_workspace_without_its_secret_is_called_damaged(tmp_path):
    place = workspace.create(tmp_path / "w", kind=WorkspaceKind.LIVE)
    file = place.keys / "server.secret"
    file.write_text("")
    with pytest.raises(workspace.WorkspaceDamagedError):
        _ = place.secret
    file.unlink()
    with pytest.raises(workspace.WorkspaceDamagedError):
        _ = place.secret
