"""A running city for whoever attacks it."""

from __future__ import annotations

import pytest

from anlan.entrypoints import clock
from tests.cities import load_demo
from tests.hostile.doors import NOW, Standing


@pytest.fixture
def demo(db, monkeypatch):
    """The demo city, its clock standing."""
    load_demo(NOW)
    monkeypatch.setattr(clock, "_current", Standing())
