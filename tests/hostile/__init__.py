"""Attackers and tired people at the real doors."""
