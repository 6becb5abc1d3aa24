"""Decisions need no framework: shared words and every room's domain are there, with their tests, without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BARE = (
    "-q", "-c", os.devnull, f"--rootdir={ROOT}", "--noconftest",
    "-p", "no:django", "-p", "no:xdist", "-p", "no:randomly", "-p", "no:cacheprovider",
    "-p", "tests.without_django",
)  # fmt: skip


def in_the_bare(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest where Django is not installed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DJANGO_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *BARE, *arguments],
        cwd=ROOT, env=environment | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.sqlite_only
def test_words_and_decisions_are_there_without_the_framework():
    folders = [ROOT / "tests" / "kernel", ROOT / "tests" / "science"]
    folders += [*sorted((ROOT / "tests").glob("*/domain"))]
    # What they decide is tested in the main run; that each of them can be read says enough here.
    ended = in_the_bare("--collect-only", *map(str, folders))
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert " tests collected" in ended.stdout


@pytest.mark.sqlite_only
def test_what_needs_the_framework_cannot_run_there():
    ended = in_the_bare(str(ROOT / "tests" / "response" / "test_constraints.py"))
    assert ended.returncode != 0
    assert "No module named 'django" in ended.stdout
