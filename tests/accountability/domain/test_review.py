"""The report of a period, against small journals counted by hand."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.accountability.domain import review
from anlan.accountability.domain.sums import Adder, micros, packed, unpacked
from anlan.accountability.domain.tally import Steps, Tally
from anlan.kernel.events import Told
from anlan.notices.domain.events import NoticeAnswered, NoticePosted
from anlan.response.domain.events import (
    CaseClockMissed,
    CaseEscalated,
    CaseMoved,
    CaseOpened,
    CaseOwnerChanged,
    CasesMerged,
)
from anlan.warning.domain.events import AlertRaised
from tests.accountability.domain import naive_review as naive

START = datetime(2026, 7, 20, tzinfo=UTC)
END = START + timedelta(days=1)
PERSON, CLOCKWORK = "account:7", "system:sweep"


def at(minutes):
    return START + timedelta(minutes=minutes)


def told(*rows):
    return [
        Told(event=event, seq=seq, at=at(minutes), actor=actor)
        for seq, (minutes, event, actor) in enumerate(
            ((row if len(row) == 3 else (*row, CLOCKWORK)) for row in rows), 1
        )
    ]


def opened(case, *, hazard="flood", area="A1", owner="P1", origin="report:1"):
    return CaseOpened(
        case=case, number=f"AL-{case}", kind="service", hazard=hazard, area=area, place="",
        priority=2, owner=owner, origin=origin,
    )  # fmt: skip


def posted(notice, about="case:1", post="P1"):
    return NoticePosted(notice=notice, post=post, about=about, urgency="red")


def moved(case, trigger, after):
    return CaseMoved(case=case, trigger=trigger, before="x", after=after, reason="")


def acknowledged(notice, also=()):
    return NoticeAnswered(notice=notice, what="acknowledged", until=None, also=also)


def missed(case):
    return CaseClockMissed(case=case, clock=1, rule="r", due_at=START)


def climbed(case, rung, *, reminder=False):
    return CaseEscalated(case=case, rung=rung, post="P9", reminder=reminder)


def alert(number, level):
    return AlertRaised(
        alert=number, rule="r", rule_version=1, subject="s", hazard="flood", level=level,
        area="A1", place="", at=START,
    )  # fmt: skip


def summed(heard):
    """Return the sums of some events as they are read again from where they are kept."""
    adder = Adder()
    for one in heard:
        adder.read(one)
    sums = adder.sums()
    return unpacked(packed(sums), entries=sums.entries, first=sums.first, last=sums.last)


def tallied(parts, *, since=START, until=END, **names):
    tally = Tally()
    for part in parts:
        tally.add(summed(part))
    return tally.review(since=since, until=until, **names)


def counted(*rows, **names):
    """Count in one go, in parts of one event each, and slowly: always the same."""
    heard = told(*rows)
    found = naive.count(naive.happened(heard), since=START, until=END, **names)
    assert tallied([heard], **names) == found
    assert tallied([[one] for one in reversed(heard)], **names) == found
    return found


# Four cases: one answered by notice and closed, one moved by a person and late,
# one escalated and never answered, one merged away by the clockwork.
DAY = (
    (0, alert(1, "red")),
    (0, opened(1, origin="alert:1")),
    (0, posted(1)),
    (0, posted(2, post="P2")),
    (5, alert(2, "orange")),
    (10, opened(2, hazard="fire", area="A2", owner="P2")),
    (10, posted(3, "case:2")),
    (12, acknowledged(1), PERSON),
    (20, opened(3, area="A2")),
    (30, opened(4)),
    (40, moved(2, "handle", "handling"), PERSON),
    (50, missed(2)),
    (55, missed(2)),
    (60, missed(3)),
    (60, climbed(3, 0)),
    (70, climbed(3, 1)),
    (80, climbed(3, 1, reminder=True)),
    (90, CasesMerged(case=4, into=1)),
    (95, CaseOwnerChanged(case=3, before="P1", owner="P2", why="decided")),
    (100, moved(1, "close", "closed"), PERSON),
    (110, moved(1, "rate", "rated"), PERSON),
)


def test_a_day_counted_by_hand():
    found = counted(*DAY)
    assert found.whole == review.Line("", 4, 2, 2, 1, 2, wait_s=21 * 60.0)
    assert found.whole.open == 2
    assert (found.missed, found.notices, found.notices_answered) == (3, 3, 1)
    assert found.alerts == (("orange", 1), ("red", 1))


def test_by_kind_area_organisation_and_origin():
    found = counted(*DAY, organisation_of={"P1": "O1", "P2": "O2"}.get)
    assert [(row.code, row.opened, row.late) for row in found.by_hazard] == [
        ("fire", 1, 1),
        ("flood", 3, 1),
    ]
    assert [(row.code, row.opened, row.answered) for row in found.by_area] == [
        ("A1", 2, 1),
        ("A2", 2, 1),
    ]
    # Case 3 was handed from P1 to P2: whose it is at the end counts.
    assert [(row.code, row.opened) for row in found.by_organisation] == [("O1", 2), ("O2", 2)]
    assert [(row.code, row.opened) for row in found.by_origin] == [("alert", 1), ("report", 3)]


def test_how_many_stood_open_and_unanswered():
    found = counted(*DAY)
    assert [((when - START).seconds // 60, number) for when, number in found.standing] == [
        (0, 1), (10, 2), (20, 3), (30, 4), (90, 3), (100, 2),
    ]  # fmt: skip
    assert [((when - START).seconds // 60, number) for when, number in found.unanswered] == [
        (0, 1), (10, 2), (12, 1), (20, 2), (30, 3), (40, 2), (90, 1),
    ]  # fmt: skip


def test_a_reopened_case_is_open_at_the_end():
    found = counted(
        (0, opened(1)), (1, moved(1, "close", "closed")), (2, moved(1, "reopen", "fixing"))
    )
    assert (found.whole.closed, found.whole.open) == (0, 1)


def minutes(course):
    return [((when - START).seconds // 60, number) for when, number in course]


def test_while_a_case_was_closed_it_did_not_stand_open():
    found = counted(
        (0, opened(1)),
        (10, moved(1, "dismiss", "dismissed")),
        (20, moved(1, "reopen", "fixing")),
        (30, acknowledged(1), PERSON),
        (30, moved(1, "handle", "handling"), PERSON),
        (40, moved(1, "close", "closed"), PERSON),
        (50, moved(1, "rate", "rated"), PERSON),
    )
    assert minutes(found.standing) == [(0, 1), (10, 0), (20, 1), (40, 0)]
    assert minutes(found.unanswered) == [(0, 1), (10, 0), (20, 1), (30, 0)]


def test_only_notices_about_the_cases_of_the_period_are_counted():
    found = counted(
        (0, opened(1)), (0, posted(1)), (0, posted(2, "case:99")), (0, posted(3, "health:disk")),
        (1, acknowledged(2), PERSON),
    )  # fmt: skip
    assert (found.notices, found.notices_answered) == (1, 0)


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 50)), unique_by=lambda row: row[0]),
    st.integers(2, 40),
)
def test_a_long_course_is_told_by_its_peaks_and_its_end(rows, most):
    course = [(at(minute), number) for minute, number in sorted(rows)]
    short = naive.thinned(course, most)
    steps = Steps(
        np.array([micros(when) for when, _ in course], dtype=np.int64),
        np.array([number for _, number in course], dtype=np.int64),
    )
    assert steps.thinned(most) == tuple(short)
    assert len(short) <= max(most, 2)
    assert set(short) <= set(course)
    assert short == sorted(short, key=lambda row: row[0])
    if len(course) <= most:
        assert short == course
    elif course:
        assert short[-1] == course[-1]
        assert max(n for _, n in short) == max(n for _, n in course)


def test_what_the_clockwork_moves_is_no_answer():
    found = counted((0, opened(1)), (5, moved(1, "dismiss", "dismissed")))
    assert (found.whole.answered, found.whole.closed) == (0, 1)
    assert found.unanswered[-1] == (at(5), 0)


def test_who_reported_and_contests_is_no_answer():
    found = counted(
        (0, opened(1)),
        (5, moved(1, "dismiss", "dismissed")),
        (9, moved(1, "reopen", "fixing"), "public:page"),
    )
    assert (found.whole.answered, found.whole.open) == (0, 1)
    assert found.unanswered[-1] == (at(9), 1)


def test_shelving_and_an_answer_below_are_no_answer_of_one_s_own():
    found = counted(
        (0, opened(1)),
        (0, posted(1)),
        (1, NoticeAnswered(notice=1, what="shelved", until=END), PERSON),
        (2, NoticeAnswered(notice=1, what="answered_below", until=None), PERSON),
    )
    assert (found.whole.answered, found.notices_answered) == (0, 0)


def test_earlier_notices_of_a_line_are_answered_with_the_latest():
    found = counted(
        (0, opened(1)), (0, posted(1)), (1, posted(2)), (2, acknowledged(2, (1,)), PERSON)
    )
    assert (found.notices, found.notices_answered) == (2, 2)


def test_what_was_opened_before_is_not_counted():
    found = counted((5, missed(99)), (6, moved(99, "close", "closed"), PERSON))
    assert (found.whole.opened, found.missed, found.standing) == (0, 0, ())


def test_nothing_happened():
    found = counted()
    assert found.whole == review.Line("", 0, 0, 0, 0, 0, wait_s=None)


@given(st.permutations(range(4)))
def test_the_sum_of_every_grouping_is_the_whole(order):
    found = counted(*DAY, area_of=lambda code: str(order[int(code[1])]))
    for lines in (found.by_hazard, found.by_area, found.by_organisation, found.by_origin):
        for name in ("opened", "answered", "late", "escalated", "closed", "open"):
            assert sum(getattr(row, name) for row in lines) == getattr(found.whole, name)
        assert [row.code for row in lines] == sorted(row.code for row in lines)


@pytest.mark.parametrize(
    ("kind", "since", "until"),
    [
        ("day", "2026-07-22", "2026-07-23"),
        ("week", "2026-07-20", "2026-07-27"),
        ("month", "2026-07-01", "2026-08-01"),
    ],
)
def test_periods_are_local(kind, since, until):
    zone = ZoneInfo("Asia/Shanghai")
    found = review.period_of(datetime(2026, 7, 22, 15, 30, tzinfo=zone), kind)
    assert [f"{one:%Y-%m-%d %H:%M}" for one in found] == [f"{since} 00:00", f"{until} 00:00"]


def test_a_day_on_which_the_clocks_change_is_whole():
    zone = ZoneInfo("Europe/Berlin")
    since, until = review.period_of(datetime(2026, 3, 29, 12, tzinfo=zone), "day")
    assert until.astimezone(UTC) - since.astimezone(UTC) == timedelta(hours=23)


def test_december_is_followed_by_january():
    _, until = review.period_of(datetime(2026, 12, 31, tzinfo=UTC), "month")
    assert f"{until:%Y-%m-%d}" == "2027-01-01"


def test_every_start_of_a_day_is_its_own():
    """Also where clocks leap over midnight, go back over it, or a whole day is left out."""
    for name, day in (
        ("America/Sao_Paulo", "2018-11-04"),
        ("America/St_Johns", "2010-11-07"),
        ("America/Havana", "2025-11-02"),
        ("Pacific/Apia", "2011-12-30"),
        ("Europe/Berlin", "2026-10-25"),
        ("Asia/Shanghai", "2026-07-20"),
    ):
        zone = ZoneInfo(name)
        noon = datetime.fromisoformat(f"{day}T12:00:00Z")
        for minute in range(-2880, 2880):
            at = noon + timedelta(minutes=minute)
            held = review.day_of(at, zone)
            assert review.start_of(held, zone) <= at
            assert at < review.start_of(held + timedelta(days=1), zone)


def test_days_that_lie_wholly_in_a_period():
    zone = ZoneInfo("Asia/Shanghai")
    since, until = review.period_of(datetime(2026, 7, 22, tzinfo=zone), "week")
    days = [date(2026, 7, 20), date(2026, 7, 27)]
    assert list(review.whole_days(since, until, zone)) == days
    cut = review.whole_days(since + timedelta(hours=1), until - timedelta(seconds=1), zone)
    assert list(cut) == [days[0] + timedelta(days=1), days[1] - timedelta(days=1)]
    first, end = review.whole_days(since + timedelta(hours=1), since + timedelta(hours=2), zone)
    assert first == end
