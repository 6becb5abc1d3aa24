"""The demo city for tests that need one."""

from __future__ import annotations

from datetime import datetime
from functools import cache

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
    registry.load_city(system_actor("test"), *_packs(name), now=now)


@cache
def _packs(name: str):
    """Return a city and its jurisdiction; reading them takes as long as writing their rows."""
    city = read_city(city_folder(name))
    return city, read_jurisdiction(jurisdiction_folder(city.pack.info.jurisdiction))


def load_demo(now: datetime) -> None:
    """Load the demo city."""
    load_city("demo", now)
