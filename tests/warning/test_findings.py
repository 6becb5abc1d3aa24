"""Findings of a rule that was gone and is back: what its earlier instances told is not told again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from anlan.registry import public as registry
from anlan.warning.domain.findings import What
from anlan.warning.models import AlertInstance
from anlan.warning.services.findings import keep_findings
from tests.response.storms import COMMUNITY, finding
from tests.warning.town import NOW

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]


def at(minute):
    return NOW + timedelta(minutes=minute)


def raised(minute, *, number=1, level="yellow"):
    return finding(number, What.RAISED, at=at(minute), level=level)


def level(minute, to, *, number=1):
    return finding(number, What.LEVEL, at=at(minute), level=to)


def cleared(minute, *, number=1):
    return finding(number, What.CLEARED, at=at(minute))


def kept(*findings, new_rules):
    with transaction.atomic():
        return keep_findings(
            findings,
            root=registry.city().root_area,
            area_paths={COMMUNITY: registry.area_path(COMMUNITY)},
            now=at(120),
            told_once=True,
            new_rules=new_rules,
        )


def spans():
    """Return from when to when each instance was open, in minutes."""
    rows = AlertInstance.objects.order_by("raised_at", "subject")
    return [
        tuple(
            None if one is None else (one - NOW) // timedelta(minutes=1)
            for one in (row.raised_at, row.cleared_at)
        )
        for row in rows
    ]


def test_what_began_while_an_earlier_instance_was_open_was_told_by_it():
    # The rule before it went: open from minute 10 to minute 30, when the rule was ended.
    kept(raised(10), cleared(30), new_rules=False)
    told = AlertInstance.objects.values_list("raised_at", "cleared_at", "peak_level")
    before = list(told.all())
    # The rule that came back reads the same readings, with other limits perhaps.
    changed = kept(
        raised(12), level(15, "orange"), cleared(20),  # within: the first one told it
        raised(30), cleared(50),  # began at the instant at which it ended: still within
        new_rules=True,
    )  # fmt: skip
    assert changed == 0
    assert list(told.all()) == before


def test_what_began_before_or_after_it_is_told():
    kept(raised(10), cleared(30), new_rules=False)
    assert kept(raised(5), cleared(9), raised(31), cleared(40), new_rules=True) == 4
    assert spans() == [(5, 9), (10, 30), (31, 40)]


def test_what_is_not_over_is_told_whenever_it_began():
    kept(raised(10), cleared(30), new_rules=False)
    assert kept(raised(20), new_rules=True) == 1
    assert spans() == [(10, 30), (20, None)]


def test_one_subject_s_instances_say_nothing_of_another_s():
    kept(raised(10), cleared(30), new_rules=False)
    told = kept(
        raised(12), raised(12, number=2), cleared(20), cleared(20, number=2), new_rules=True
    )
    assert told == 2
    assert spans() == [(10, 30), (12, 20)]


def test_a_judge_that_did_not_get_new_rules_leaves_nothing_out():
    kept(raised(10), cleared(30), new_rules=False)
    assert kept(raised(12), cleared(20), new_rules=False) == 2
