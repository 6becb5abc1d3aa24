"""Cases over HTTP: list, read, open, and every move of the state tables."""

from __future__ import annotations

from anlan.response.api import moves  # its endpoints stand on the same router
from anlan.response.api.reading import router

__all__ = ["moves", "router"]
