"""Red is reminded of until somebody answers; a shelf always has an end."""

from datetime import UTC, datetime, timedelta

import pytest

from anlan.notices.domain.answering import (
    CALL_AND_ANSWER,
    SHELF_LIMIT,
    ShelfEndError,
    check_shelf_end,
    first_wake,
)
from anlan.notices.domain.words import Urgency

NOW = datetime(2026, 7, 20, 8, 1, tzinfo=UTC)


def test_only_red_is_waited_for_and_for_five_minutes():
    assert first_wake(Urgency.RED, NOW) == NOW + timedelta(minutes=5)
    assert first_wake(Urgency.URGENT, NOW) is None
    assert first_wake(Urgency.NORMAL, NOW) is None
    assert "5 minutes" in CALL_AND_ANSWER.basis


@pytest.mark.parametrize("urgency", list(Urgency))
def test_a_shelf_has_an_end_within_its_limit(urgency):
    limit = SHELF_LIMIT[urgency]
    check_shelf_end(urgency, NOW + limit, now=NOW)
    check_shelf_end(urgency, NOW + timedelta(microseconds=1), now=NOW)
    for until in (NOW, NOW - timedelta(seconds=1), NOW + limit + timedelta(microseconds=1)):
        with pytest.raises(ShelfEndError):
            check_shelf_end(urgency, until, now=NOW)
