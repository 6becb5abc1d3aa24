"""Loops are machine code after their first call, kept on the disk as long as their sources stay."""

import importlib.util
import sys

import pytest

from anlan.science import compiled as compiling

OUTER = """
from anlan.science.compiled import compiled
from parts import FACTOR

@compiled
def inner(value):
    "Says what it does."
    return value * FACTOR

@compiled
def outer(values):
    total = 0.0
    for value in values:
        total += inner(value)
    return total
"""


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Return how a new process would find the loops of a folder, when ``FACTOR`` is what is given."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "loops.py").write_text(OUTER)

    def start(factor):
        (tmp_path / "parts.py").write_text(f"FACTOR = {factor}\n")
        compiling._stamp.cache_clear()
        monkeypatch.delitem(sys.modules, "parts", raising=False)
        importlib.invalidate_caches()
        spec = importlib.util.spec_from_file_location("loops", tmp_path / "loops.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return start


def from_the_disk(loop):
    stats = loop._machine_code.stats
    return sum(stats.cache_hits.values()), sum(stats.cache_misses.values())


def test_loops_call_each_other_and_are_taken_from_the_disk_by_the_next_process(started):
    first = started(2.0)
    assert first.outer((1.0, 2.0)) == 6.0
    assert from_the_disk(first.outer) == (0, 1)
    again = started(2.0)
    assert again.outer((1.0, 2.0)) == 6.0
    assert from_the_disk(again.outer) == (1, 0)


def test_what_another_file_of_the_folder_says_is_never_taken_from_before(started):
    assert started(2.0).outer((1.0, 2.0)) == 6.0
    changed = started(10.0)
    assert changed.outer((1.0, 2.0)) == 30.0
    assert from_the_disk(changed.outer) == (0, 1)


def test_a_loop_keeps_its_name_and_what_it_says(started):
    loop = started(1.0).inner
    assert (loop.__name__, loop.__doc__) == ("inner", "Says what it does.")
