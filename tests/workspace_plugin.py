"""Give the test process its own workspace before Django reads its settings."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from anlan.infra import workspace

_root = Path(tempfile.mkdtemp(prefix="anlan-test-"))
atexit.register(shutil.rmtree, _root, ignore_errors=True)
workspace.create(_root / "workspace", kind=workspace.WorkspaceKind.LIVE)
os.environ["ANLAN_WORKSPACE"] = str(_root / "workspace")
