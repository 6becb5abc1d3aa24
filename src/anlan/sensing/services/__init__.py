"""What this room does: keep signs, set aside what it cannot read, seal readings."""
