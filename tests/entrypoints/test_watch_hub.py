"""The hub: each sight rendered once, everybody handed the same, nobody kept after their session."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from anlan.entrypoints.web.watching.hub import (
    CLOCKS_EVERY_S,
    LONGEST_REST_S,
    LOOK_EVERY_S,
    OWES_S,
    REST,
    Hub,
    Pace,
    Viewer,
    event,
    sight_of,
)
from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import NotAuthenticatedError

WHOLE = Actor("account:1", Role.COMMANDER, post="P1", areas=("",))
ALSO_WHOLE = Actor("account:2", Role.DUTY_OFFICER, post="P2", areas=("",))
STREET = Actor("account:3", Role.STREET_OFFICER, post="P3", areas=("410100/410102",))


def at_once(job):
    return job()


class Place:
    """A journal whose head the test moves, and what was asked of it."""

    def __init__(self):
        self.now, self.seq, self.accounts = 0.0, 1, False
        self.rendered, self.sessions, self.asked = [], {}, []

    def head(self):
        return self.seq

    def touches_accounts(self, after):
        return self.accounts

    def render(self, actor, language):
        self.rendered.append((actor.id, language))
        return f"<p>{self.seq} {language}</p>\n<p>more</p>"

    def still(self, session):
        self.asked.append(session)
        found = self.sessions.get(session)
        if found is None:
            raise NotAuthenticatedError
        return found


@pytest.fixture
def place():
    return Place()


@pytest.fixture
def hub(place):
    return Hub(place, most=3, heartbeat_s=0.01, steady=lambda: place.now)


def joined(hub, place, actor, *, language="en", session=None):
    """A viewer whose hub looks only when the test says so."""
    session = session or actor.id
    place.sessions[session] = actor
    viewer = Viewer(actor, sight_of(actor, language), session)
    hub._thread = hub._thread or threading.current_thread()  # the test itself looks
    return hub.join(viewer, at_once)


def test_equal_sights_are_rendered_once_and_get_the_same_bytes(hub, place):
    first, second = joined(hub, place, WHOLE), joined(hub, place, ALSO_WHOLE)
    third = joined(hub, place, STREET)
    hub.look(at_once)
    assert sorted(place.rendered) == [("account:2", "en"), ("account:3", "en")]
    frames = [next(one) for one in (first, second, third)]
    assert frames[0] is frames[1]
    assert frames[0] == b"event: lists\ndata: <p>1 en</p>\ndata: <p>more</p>\n\n"


def test_each_language_is_a_sight_and_so_is_each_post_of_an_area(hub, place):
    joined(hub, place, WHOLE, language="zh")
    joined(hub, place, WHOLE, language="en", session="other")
    hub.look(at_once)
    assert {language for _, language in place.rendered} == {"zh", "en"}
    other = Actor("account:4", Role.STREET_OFFICER, post="P4", areas=STREET.areas)
    assert sight_of(STREET, "zh") != sight_of(other, "zh")
    assert sight_of(WHOLE, "zh") == sight_of(ALSO_WHOLE, "zh")


def test_nothing_is_rendered_while_nothing_happens_but_clocks_grow_old(hub, place):
    stream = joined(hub, place, WHOLE)
    hub.look(at_once)
    next(stream)
    for _ in range(3):
        hub.look(at_once)
    assert len(place.rendered) == 1
    assert next(stream) == b": heart\n\n"
    place.now += CLOCKS_EVERY_S
    hub.look(at_once)
    assert len(place.rendered) == 2
    place.seq += 1
    hub.look(at_once)
    assert next(stream).startswith(b"event: lists\ndata: <p>2 en")


def test_a_viewer_who_joins_later_gets_the_last_frame_at_once(hub, place):
    joined(hub, place, WHOLE)
    hub.look(at_once)
    late = joined(hub, place, ALSO_WHOLE)
    assert next(late).startswith(b"event: lists")
    newcomer = joined(hub, place, STREET)
    hub.look(at_once)
    assert next(newcomer).startswith(b"event: lists")
    assert len(place.rendered) == 2


def test_who_is_slow_skips_to_the_newest(hub, place):
    stream = joined(hub, place, WHOLE)
    for seq in (1, 2, 3):
        place.seq = seq
        hub.look(at_once)
    assert b"<p>3 en" in next(stream)
    assert next(stream) == b": heart\n\n"


def test_what_nobody_looks_at_is_not_rendered_any_more(hub, place):
    mine, theirs = joined(hub, place, WHOLE), joined(hub, place, STREET)
    hub.look(at_once)
    theirs.close()
    place.seq += 1
    hub.look(at_once)
    assert [who for who, _ in place.rendered].count(STREET.id) == 1
    again = joined(hub, place, STREET)
    hub.look(at_once)
    assert b"<p>2 en" in next(again)
    assert b"<p>2 en" in next(mine)


def test_a_sight_that_could_not_be_rendered_is_tried_again(hub, place):
    stream = joined(hub, place, WHOLE)
    hub.look(at_once)
    next(stream)
    place.seq += 1
    render = place.render
    place.render = None
    with pytest.raises(TypeError):
        hub.look(at_once)
    place.render = render
    hub.look(at_once)
    assert b"<p>2 en" in next(stream)


def test_one_sight_that_cannot_be_rendered_keeps_nobody_else_waiting(hub, place, monkeypatch):
    broken, mine = joined(hub, place, STREET), joined(hub, place, WHOLE)
    render = place.render

    def picky(actor, language):
        if actor == STREET:
            raise LookupError(actor)
        return render(actor, language)

    monkeypatch.setattr(place, "render", picky)
    with pytest.raises(LookupError):
        hub.look(at_once)
    assert b"<p>1 en" in next(mine)
    assert next(broken) == b": heart\n\n"
    monkeypatch.setattr(place, "render", render)
    hub.look(at_once)
    assert b"<p>1 en" in next(broken)
    monkeypatch.setattr(place, "render", picky)
    place.now += CLOCKS_EVERY_S
    with pytest.raises(LookupError):
        hub.look(at_once)
    broken.close()
    hub.look(at_once)  # what was shown of it is forgotten without an error
    assert next(mine).startswith(b"event: lists")


def test_the_hub_leaves_more_time_than_it_takes_however_many_sights_there_are():
    pace = Pace()
    rests = [pace.rest_after(9.0) for _ in range(9)]  # two hundred sights of a busy city
    assert sum(rests) >= REST * 9.0 * 9 - OWES_S
    assert max(rests) <= LONGEST_REST_S < 60 / 2  # the page says after a minute: lost
    assert Pace().rest_after(1000.0) == LONGEST_REST_S


def test_a_change_after_a_quiet_time_is_looked_at_without_a_long_rest():
    pace = Pace()
    for _ in range(50):
        assert pace.rest_after(0.01) == LOOK_EVERY_S
    assert pace.rest_after(0.5) == LOOK_EVERY_S
    for _ in range(20):
        last = pace.rest_after(0.5)
    assert last == pytest.approx(REST * 0.5)  # a flood does not stop: it pays as it goes
    for _ in range(20):
        pace.rest_after(0.0)
    assert pace.rest_after(0.5) == LOOK_EVERY_S


def test_waiting_is_no_work(place):
    spent = [0.0]
    hub = Hub(place, steady=lambda: place.now, spent=lambda: spent[0])
    joined(hub, place, WHOLE)

    def slowly(job):
        place.now += 5.0  # others have the machine
        spent[0] += 7.0  # what this thread does beside the job
        found = job()
        spent[0] += 0.5
        return found

    assert hub.look(slowly) == 0.0
    place.seq += 1
    place.render = lambda _actor, _language, render=place.render: (
        spent.__setitem__(0, spent[0] + 0.25) or render(_actor, _language)
    )
    assert hub.look(slowly) == 0.25


def test_the_sight_that_most_have_is_rendered_first(place):
    hub = Hub(place, most=9, heartbeat_s=0.01, steady=lambda: place.now)
    joined(hub, place, STREET)
    for number in range(3):
        joined(hub, place, WHOLE, session=str(number))
    hub.look(at_once)
    assert [who for who, _ in place.rendered] == [WHOLE.id, STREET.id]


def test_there_is_a_cap(hub, place):
    streams = [joined(hub, place, WHOLE, session=str(n)) for n in range(4)]
    assert streams[3] is None
    streams[0].close()
    assert joined(hub, place, WHOLE) is not None
    assert hub.viewers == 3


def test_a_session_that_takes_too_many_streams_loses_its_oldest(hub, place):
    streams = [joined(hub, place, WHOLE, session="s") for _ in range(2)]
    hub.look(at_once)
    assert [next(one).partition(b"\n")[0] for one in streams] == [b"event: lists"] * 2
    third = joined(hub, place, WHOLE, session="s")
    other = joined(hub, place, STREET)  # room for others is not taken by what ends
    assert next(streams[0]) == b"event: instead\ndata: \n\n"
    with pytest.raises(StopIteration):
        next(streams[0])
    assert next(streams[1]) == b": heart\n\n"
    assert next(third).startswith(b"event: lists")
    hub.look(at_once)
    assert next(other).startswith(b"event: lists")


def test_of_one_session_a_page_that_was_reloaded_makes_room_first(hub, place):
    english = joined(hub, place, WHOLE, language="en", session="s")
    chinese = joined(hub, place, WHOLE, language="zh", session="s")
    joined(hub, place, WHOLE, language="zh", session="s")
    hub.look(at_once)
    assert next(chinese).startswith(b"event: instead")
    assert next(english).startswith(b"event: lists")


@pytest.mark.parametrize(
    "now_is",
    [None, Actor("account:1", Role.COMMANDER, post="P1", areas=("410100/410102",))],
    ids=["over", "other areas"],
)
def test_a_stream_ends_with_the_session_or_its_rights(hub, place, now_is):
    mine, theirs = joined(hub, place, WHOLE), joined(hub, place, STREET)
    hub.look(at_once)
    next(mine), next(theirs)
    place.sessions[WHOLE.id] = now_is
    hub.look(at_once)
    assert next(mine) == b": heart\n\n"  # nothing was written, nothing is asked
    place.seq, place.accounts = 2, True
    hub.look(at_once)
    assert next(mine) == b"event: over\ndata: \n\n"
    with pytest.raises(StopIteration):
        next(mine)
    assert next(theirs).startswith(b"event: lists")


def test_an_expired_session_is_noticed_although_nothing_is_written(hub, place):
    stream = joined(hub, place, WHOLE)
    hub.look(at_once)
    next(stream)
    place.sessions.clear()
    place.now += CLOCKS_EVERY_S
    hub.look(at_once)
    assert next(stream).startswith(b"event: over")


def test_one_session_is_asked_about_once_however_many_pages_it_has(hub, place):
    for _ in range(3):
        joined(hub, place, WHOLE)
    place.now += CLOCKS_EVERY_S
    hub.look(at_once)
    assert place.asked == [WHOLE.id]


def test_the_thread_is_there_while_somebody_watches(place):
    hub = Hub(place, heartbeat_s=5)
    with ThreadPoolExecutor(1) as turns:
        place.sessions["s"] = WHOLE
        viewer = Viewer(WHOLE, sight_of(WHOLE, "en"), "s")
        stream = hub.join(viewer, lambda job: turns.submit(job).result())
        assert next(stream).startswith(b"event: lists\ndata: <p>1 ")
        thread = hub._thread
        place.seq = 2
        assert next(stream).startswith(b"event: lists\ndata: <p>2 ")
        stream.close()
        thread.join(5)
        assert not thread.is_alive()
        assert hub._thread is None
        again = hub.join(viewer, lambda job: turns.submit(job).result())
        place.seq = 3
        assert next(again).startswith(b"event: lists\ndata: <p>3 ")
        again.close()


def test_a_look_that_fails_ends_nothing(place, monkeypatch):
    monkeypatch.setattr("anlan.entrypoints.web.watching.hub.AFTER_FAILURE_S", 0.01)
    hub = Hub(place, heartbeat_s=5)
    failures = iter([OSError("disk"), SystemExit(1), RuntimeError("odd")])

    def turn(job):
        for failure in failures:
            raise failure
        return job()

    stream = hub.join(Viewer(WHOLE, sight_of(WHOLE, "en"), "s"), turn)
    place.sessions["s"] = WHOLE
    assert next(stream).startswith(b"event: lists")
    stream.close()


def test_when_the_process_stops_all_streams_end_and_browsers_come_again(hub, place):
    streams = [joined(hub, place, WHOLE), joined(hub, place, STREET)]
    hub.end()
    for stream in streams:
        assert next(stream) == b"retry: 3000\n\n"
        with pytest.raises(StopIteration):
            next(stream)
    assert joined(hub, place, WHOLE) is None


def test_a_line_break_of_the_text_cannot_end_an_event():
    assert event("lists", "a\n\nb\r\nevent: over\rc") == (
        b"event: lists\ndata: a\ndata: b\ndata: event: over\ndata: c\n\n"
    )
