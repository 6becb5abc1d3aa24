"""The story of a replay, against a small journal made by hand."""

from zoneinfo import ZoneInfo

from msgspec.structs import replace

from anlan.learning.domain import library, story
from anlan.learning.domain.summary import InputRow
from anlan.notices.domain.events import NoticeAnswered, NoticePosted
from anlan.response.domain.events import (
    CaseClockMissed,
    CaseEscalated,
    CaseMoved,
    CaseOpened,
    CaseOwnerChanged,
)
from tests.learning.domain.test_score import alert, told

SCENARIO = library.scenario("shiyan-2021")
ZONE = ZoneInfo("Asia/Shanghai")


def local(at):
    return at.astimezone(ZONE).replace(tzinfo=None).isoformat(timespec="seconds")


def opened(case, owner="P1"):
    return CaseOpened(
        case=case, number=f"AL-{case}", kind="service", hazard="flood", area="410102", place="T",
        priority=1, owner=owner, origin="alert:1",
    )  # fmt: skip


def posted(notice, post, about="case:1", urgency="red"):
    return NoticePosted(notice=notice, post=post, about=about, urgency=urgency)


def reminded(case, rung=2):
    return CaseEscalated(case=case, rung=rung, post="P9", reminder=True)


def tell(*pairs, inputs=()):
    return story.tell_story(SCENARIO, told(*pairs), inputs, local)


def done(found):
    return [
        (one.form, one.about, one.posts, one.count)
        for one in found.moments
        if one.form not in story.REAL
    ]


def test_what_is_raised_owned_and_told_stands_in_the_order_of_time():
    found = tell(
        (0, alert(1, "conj", place="T")),
        (0, opened(1)),
        (0.1, posted(1, "P1")),
        (0.2, posted(2, "P2")),
        (5, NoticeAnswered(notice=1, what="acknowledged", until=None)),
        (6, CaseMoved(case=1, trigger="begin", before="found", after="fixing", reason="")),
        (7, CaseOwnerChanged(case=1, before="P1", owner="P3", why="decided")),
        (8, CaseClockMissed(case=1, clock=1, rule="r", due_at=told((8, None))[0].at)),
        (8, CaseEscalated(case=1, rung=0, post="P4", reminder=False)),
    )
    assert done(found) == [
        ("raised", "alert:1", (), 1),
        ("owned", "case:1", ("P1",), 1),
        ("told", "case:1", ("P1", "P2"), 1),
        ("answered", "case:1", ("P1",), 1),
        ("moved", "case:1", (), 1),
        ("owned", "case:1", ("P3",), 1),
        ("missed", "case:1", (), 1),
        ("escalated", "case:1", ("P4",), 1),
    ]
    assert [one.detail for one in found.moments if one.form == "escalated"] == ["1"]


def test_a_post_is_told_of_a_matter_once_and_reminders_are_counted_together():
    found = tell(
        (0, opened(1)),
        (0, opened(2)),
        (1, posted(1, "P1")),
        (30, posted(2, "P1")),
        (60, reminded(1)),
        (60.5, reminded(2)),
        (75, reminded(1)),
    )
    assert [row for row in done(found) if row[0] in {"told", "reminded"}] == [
        ("told", "case:1", ("P1",), 1),
        ("reminded", "", ("P9",), 2),
        ("reminded", "", ("P9",), 1),
    ]


def test_a_post_answers_a_matter_once_however_often_it_is_reminded():
    found = tell(
        (0, opened(1)),
        (0, posted(1, "P1")),
        (1, NoticeAnswered(notice=1, what="acknowledged", until=None)),
        (15, posted(2, "P1")),
        (16, NoticeAnswered(notice=2, what="acknowledged", until=None)),
        (16, posted(3, "P2")),
        (17, NoticeAnswered(notice=3, what="acknowledged", until=None)),
    )
    answers = [one.posts for one in found.moments if one.form == "answered"]
    assert answers == [("P1",), ("P2",)]


def test_what_nobody_acknowledged_is_no_answer():
    found = tell(
        (0, opened(1)),
        (1, posted(1, "P1")),
        (2, NoticeAnswered(notice=1, what="shelved", until=None)),
    )
    assert not [one for one in found.moments if one.form == "answered"]


def test_reality_stands_beside_and_signs_come_first():
    row = InputRow(number=1, at="2021-07-19T20:00:00", kind="call", text="smell", mark="verified")
    found = tell((0, opened(1)), inputs=[row])
    assert [one.form for one in found.moments if one.at == row.at] == ["sign", "owned"]
    real = [one for one in found.moments if one.form in story.REAL]
    timed = [one for one in (*SCENARIO.decision, *SCENARIO.outcome) if one.at]
    assert sorted(one.text.en for one in real) == sorted(one.what.en for one in timed)
    assert len(found.untimed) == len(SCENARIO.decision) + len(SCENARIO.outcome) - len(timed)


def test_a_page_can_stop_at_every_instant_once():
    found = tell((0, opened(1)), (0, opened(2)), (4, posted(1, "P1")))
    assert story.stops(found) == sorted(set(story.stops(found)))
    assert len(story.up_to(found, found.moments[-1].at)) == len(found.moments)


def test_it_is_stored_and_read_back_equal():
    found = tell((0, opened(1)))
    assert story.from_json(story.to_json(found)) == found
    assert story.to_json(replace(found)) == story.to_json(found)
