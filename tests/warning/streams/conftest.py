"""The judge within a test's own transaction."""

from __future__ import annotations

import pytest

from anlan.warning.services.streams.saving import Saving


@pytest.fixture(autouse=True)
def _written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the memory in the test's thread: another would wait for the transaction of the test."""
    monkeypatch.setattr(Saving, "begin_beside", lambda _self: None)
