"""Judging the streams of a workspace in columns: in memory, in one process, exact through every crash.

``judge.py`` is what others use; ``docs/explanation/life-of-a-reading.md`` tells how it holds together.
"""
