"""Benchmarks: one file each, run by ``make bench``; they print ratios, not bare seconds."""
