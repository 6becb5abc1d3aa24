"""The workspace that this process serves."""

from __future__ import annotations

from anlan.infra.here import workspace

__all__ = ["workspace"]
