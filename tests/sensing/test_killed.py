"""kill -9 at every step of keeping, sealing and letting go: nothing acknowledged is lost."""

from __future__ import annotations

from tests.sensing.children import lines_of


def test_killed_at_every_step(tmp_path):
    lines = lines_of("tests.sensing.killed_child", tmp_path / "killed")
    assert len(lines) == 28
    assert lines[-1] == "done"
