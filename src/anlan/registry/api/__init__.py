"""The registry over HTTP: what is known, who answers for what, and the keeping of accounts."""

from anlan.registry.api import accounts, city
from anlan.registry.api.routes import router

__all__ = ["accounts", "city", "router"]
