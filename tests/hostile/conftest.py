"""A running city for whoever attacks it."""

from __future__ import annotations

import pytest

from anlan.entrypoints import clock
from tests.hostile.doors import Standing


@pytest.fixture
def demo(demo_of_the_module, db, monkeypatch):
    """The demo city, its clock standing."""
    monkeypatch.setattr(clock, "_current", Standing())
