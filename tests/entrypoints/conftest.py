"""What page tests stand on: the demo city at a standing clock, and browsers of those at work."""

from __future__ import annotations

import pytest

from anlan.kernel.actor import Role
from tests.entrypoints.test_pages import _quick_hashes, an_account, demo, signed_in

__all__ = ["_quick_hashes", "demo"]


@pytest.fixture
def admin(demo):
    """A browser of who keeps the data of the whole city."""
    return signed_in(an_account("system_admin"), Role.SYSTEM_ADMIN)


@pytest.fixture
def officer(demo):
    """A browser at the duty desk of the whole city."""
    return signed_in(an_account("duty_officer"))
