"""Parts of random journals add up to what is counted event by event."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from anlan.accountability.domain import review
from anlan.notices.domain.events import NoticeAnswered
from anlan.response.domain.events import CaseOwnerChanged, CasesMerged, CaseUrged
from tests.accountability.domain import naive_review as naive
from tests.accountability.domain.test_review import (
    CLOCKWORK,
    END,
    PERSON,
    START,
    alert,
    at,
    climbed,
    counted,
    missed,
    moved,
    opened,
    posted,
    tallied,
    told,
)

# Random journals.  A case opens, then all may happen to it in any order and number, over days,
# at instants that now and then go back a little, as when two processes write at midnight.
HAPPENS = st.sampled_from(
    ("close", "reopen", "handle", "public", "merge", "owner", "miss", "rung", "remind", "notice",
     "ack", "ack all", "shelve", "alert", "other")
)  # fmt: skip
WRITTEN = st.lists(
    st.tuples(HAPPENS, st.integers(-200, 400), st.integers(0, 3), st.integers(0, 4)),
    min_size=30,
    max_size=90,
)


def journal_of(written):  # noqa: C901  one branch for each thing that may happen
    """Return events in which what speaks of a case or notice stands behind what made it."""
    rows, cases, notices, minute = [], 0, 0, 0
    for what, later, which, word in written:
        minute += later
        if cases <= which:
            cases += 1
            rows.append((minute, opened(
                cases, hazard=f"h{word}", area=("", "A1", "A2", "B1", "B2")[word],
                owner=f"P{word}", origin=("report:1", "alert:2", "manual", "watch", "x")[word],
            )))  # fmt: skip
            continue
        case = 1 + which % cases
        if what == "notice":
            notices += 1
            about = (f"case:{case}", f"case:{case}", f"case:{case + 500}", "system:disk", "case:x")
            rows.append((minute, posted(notices, about[word])))
        elif what in ("ack", "ack all", "shelve") and notices:
            notice = 1 + which % notices
            also = tuple(range(1, notice)) if what == "ack all" else ()
            answer = NoticeAnswered(
                notice=notice, what="shelved" if what == "shelve" else "acknowledged",
                until=None, also=also,
            )  # fmt: skip
            rows.append((minute, answer, PERSON))
        elif what in ("close", "reopen", "handle", "public"):
            after = {"close": ("closed", "rated", "dismissed", "merged", "closed")[word]}
            actor = {"public": "public:page"}.get(what, (PERSON, CLOCKWORK)[word % 2])
            rows.append((minute, moved(case, what, after.get(what, "handling")), actor))
        elif what == "merge":
            rows.append((minute, CasesMerged(case=case, into=case + 1)))
        elif what == "owner":
            rows.append(
                (minute, CaseOwnerChanged(case=case, before="", owner=f"P{word}", why="decided"))
            )
        elif what == "miss":
            rows.append((minute, missed(case)))
        elif what in ("rung", "remind"):
            rows.append((minute, climbed(case, word, reminder=what == "remind")))
        elif what == "alert":
            rows.append((minute, alert(len(rows), ("red", "blue", "red", "orange", "blue")[word])))
        else:
            rows.append((minute, CaseUrged(case=case, listed=False, by="x"), PERSON))
    return told(*rows)


ZONES = st.sampled_from(("Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "UTC"))


@given(
    WRITTEN,
    st.lists(st.integers(0, 130), max_size=6),
    ZONES,
    st.integers(-4, 20),
    st.integers(0, 30),
    st.randoms(use_true_random=False),
)
def test_parts_add_up_to_what_is_counted_event_by_event(
    written, cuts, zone_name, first, length, chance
):
    """Cut anywhere in the journal and at every midnight, added in any order: always equal."""
    zone = ZoneInfo(zone_name)
    heard = journal_of(written)
    # A period of whole days that begins while cases already run, or holds all of them.
    since = review.start_of(review.day_of(at(first * 360), zone), zone)
    until = review.start_of(review.day_of(since, zone) + timedelta(days=1 + length), zone)
    mine = [one for one in heard if since <= one.at < until]

    places = {"P1": "O1", "P2": "O1", "P3": "O2"}
    names = {"area_of": lambda code: code[:1], "organisation_of": lambda post: places.get(post, "")}
    expected = naive.count(naive.happened(mine), since=since, until=until, **names)

    parts = {}
    for one in heard:
        day = review.day_of(one.at, zone)
        parts.setdefault((sum(one.seq > cut for cut in cuts), day), []).append(one)
    wanted = review.whole_days(since, until, zone)
    inside = [part for (_, day), part in parts.items() if wanted[0] <= day < wanted[1]]
    chance.shuffle(inside)
    assert tallied(inside, since=since, until=until, **names) == expected


@given(WRITTEN, st.sets(st.sampled_from(["A1", "A2", "B1", "B2"])))
def test_who_sees_some_areas_gets_the_report_of_these(written, areas):
    heard = journal_of(written)
    everything = naive.happened(heard)
    cases = tuple(case for case in everything.cases if case.area in areas)
    ours = {f"case:{case.case}" for case in cases}
    seen = naive.Happened(
        cases,
        tuple(one for one in everything.alerts if one[2] in areas),
        tuple(one for one in everything.notices if one[0] in ours),
    )
    expected = naive.count(seen, since=START, until=END)
    assert tallied([heard[::2], heard[1::2]], sees=lambda area: area in areas) == expected


def test_thousands_of_changes_are_thinned_alike():
    rows = [(minute, opened(minute)) for minute in range(1500)]
    rows += [
        (minute + 0.5, moved(minute, "close", "closed"), PERSON) for minute in range(0, 1500, 3)
    ]
    found = counted(*sorted(rows, key=lambda row: row[0]))
    assert found.is_short
    assert review.DRAWN // 2 < len(found.standing) <= review.DRAWN
    assert found.most == 1000
    assert len(found.table) <= review.TABLED


def test_what_came_behind_the_answer_in_the_journal_is_behind_it_whatever_its_clock_said():
    found = counted(
        (0, opened(1)),
        (30, moved(1, "handle", "handling"), PERSON),
        (40, moved(1, "close", "closed"), PERSON),
        (20, moved(1, "reopen", "fixing"), CLOCKWORK),
        (25, moved(1, "close", "closed"), CLOCKWORK),
    )
    assert found.unanswered[-1] == (at(30), 0)
