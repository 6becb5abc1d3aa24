"""A clockwork that ticks four times a second must cost next to nothing when nothing is new."""

from datetime import timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from anlan import flow
from anlan.entrypoints import worker
from anlan.infra import delivery
from anlan.infra.models import JournalEntry, JournalHead, ListenerCursor
from tests.notices.city import NOON, load, tell

pytestmark = pytest.mark.django_db(databases="__all__")

# Looking for breaches, sicknesses and what was restored alone, and at the ledger: many questions, once a minute.
WATCHERS = {"agree", "seal ledger", "watch", "health"}


@pytest.fixture
def works():
    """A clockwork that has settled, with notices lying unanswered at two posts."""
    load()
    for n in range(20):
        tell(("district", "operator")[n % 2], key=f"k{n}", urgency="urgent")
    found = worker.clockwork()
    # What comes round once a day reads whole tables, and files of the workspace.
    found.steps = tuple(step for step in found.steps if step.every < timedelta(days=1))
    for second in range(4):
        found.tick(now=NOON + timedelta(minutes=1, seconds=second))
    assert not found.failing
    return found


def queries(works, now):
    """Tick, and return how many queries each step took."""
    counts = {}

    def counted(step):
        def run(at):
            with (
                CaptureQueriesContext(connections["default"]) as default,
                CaptureQueriesContext(connections["contents"]) as contents,
            ):
                step.run(at)
            counts[step.name] = len(default) + len(contents)

        return worker.Step(step.name, step.every, run)

    steps = works.steps
    works.steps = tuple(counted(step) for step in steps)
    works.tick(now=now)
    works.steps = steps
    assert not works.failing
    return counts


def without_watchers(counts):
    return {step: n for step, n in counts.items() if step not in WATCHERS}


def test_a_tick_between_the_minutes_takes_a_handful_of_queries(works):
    counts = queries(works, NOON + timedelta(minutes=1, seconds=5))
    assert {"deliver", "judge", "sweep cases", "sweep notices"} <= set(counts)
    assert sum(counts.values()) <= 15, counts


def test_a_whole_tick_without_news_stays_bounded(works):
    counts = queries(works, NOON + timedelta(minutes=3))
    assert {"hand over", "seal segments", *WATCHERS} <= set(counts)
    assert sum(without_watchers(counts).values()) <= 50, counts
    assert counts["agree"] <= 8
    assert sum(counts.values()) <= 130, counts


def test_what_a_tick_costs_does_not_grow_with_what_lies_there(works):
    before = queries(works, NOON + timedelta(minutes=3))
    for n in range(60):
        tell("district", key=f"m{n % 7}x{n}", about=f"case:{n % 7}", urgency="urgent", now=NOON)
    for second in (30, 31, 60, 61, 62):  # within them comes what comes round once a minute
        works.tick(now=NOON + timedelta(minutes=3, seconds=second))
    after = queries(works, NOON + timedelta(minutes=5))
    # It reads on in the journal, where the watchers have written meanwhile.
    assert abs(after.pop("count rules") - before.pop("count rules")) <= 2
    assert without_watchers(after) == without_watchers(before)


def test_listeners_who_hear_nothing_new_are_moved_together():
    load()  # records what no listener hears
    delivery.deliver(flow.REACTIONS, now=NOON)
    tell()
    # The head, the places, what is new, and one step for all.
    with CaptureQueriesContext(connections["default"]) as found:
        assert delivery.deliver(flow.REACTIONS, now=NOON) == 0
    assert len(found) == 4
    head = JournalHead.objects.get().seq
    assert set(ListenerCursor.objects.values_list("seq", flat=True)) == {head}
    assert JournalEntry.objects.latest("seq").event == "NoticePosted"
