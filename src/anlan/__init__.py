"""Anlan (安澜): every sign of danger gets an owner, a clock and a witness."""

__version__ = "0.1.0"
