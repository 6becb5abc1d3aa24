"""A memory of answers stays within its bound."""

from __future__ import annotations

from anlan.kernel.remembered import Remembered


def test_it_remembers_up_to_its_bound_and_forgets_all_with_one_more():
    found = Remembered[str, int](10)
    for name, size in (("a", 4), ("b", 6)):
        found.put(name, size, size)
    assert (found.get("a"), found.get("b"), found.get("c")) == (4, 6, None)
    found.put("c", 1)
    assert (found.get("a"), found.get("b"), found.get("c")) == (None, None, 1)


def test_what_is_larger_than_its_bound_is_not_remembered_and_costs_the_others_nothing():
    found = Remembered[str, int](10)
    found.put("a", 1)
    found.put("b", 2, 11)
    assert (found.get("a"), found.get("b")) == (1, None)
