"""The workspace in which this process runs."""

from __future__ import annotations

from anlan.infra.here import workspace as workspace_here

__all__ = ["workspace_here"]
