"""Reads of the warning room, with bounded queries."""
