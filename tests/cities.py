"""The demo city for tests that need one."""

from __future__ import annotations

from datetime import datetime

from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.registry.domain.parse import (
    city_folder,
    jurisdiction_folder,
    read_city,
    read_jurisdiction,
)


def load_city(name: str, now: datetime) -> None:
    """Load one of the shipped cities with its jurisdiction into the test database."""
    city = read_city(city_folder(name))
    jurisdiction = read_jurisdiction(jurisdiction_folder(city.pack.info.jurisdiction))
    registry.load_city(system_actor("test"), city, jurisdiction, now=now)


def load_demo(now: datetime) -> None:
    """Load the demo city."""
    load_city("demo", now)
