"""Plumbing without business words: journal, contents, failpoints, workspace."""
