"""One look at the journal for all who watch: whoever looks the same way gets the same bytes.

Two hundred open pages must not ask two hundred times.  The hub is one thread of a web process,
there while somebody watches.  A few times a second it looks where the journal stands; when it
has moved, or the clocks on the pages have grown old, it renders each distinct sight once and
wakes the viewers' streams, which only send what they are handed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from anlan.kernel.actor import Actor
from anlan.kernel.errors import AnlanError

log = logging.getLogger(__name__)
T = TypeVar("T")


class Turn(Protocol):
    """Runs a job as if it were a request, on the connections that requests have."""

    def __call__(self, job: Callable[[], T], /) -> T:
        """Return what the job returns."""
        ...


#: Viewers of one web process; the server keeps as many threads beside those that read requests.
MOST_VIEWERS = 200
#: Streams that one session holds in this process; a browser keeps six connections to a server, and
#: needs some of them for its pages.
MOST_OF_A_SESSION = 2
LOOK_EVERY_S = 0.25
#: Clocks on the pages are at most so old although nothing happens.
CLOCKS_EVERY_S = 20.0
#: A line of comment goes out so often, so that a broken connection is noticed.
HEARTBEAT_S = 10.0
#: In the long run the hub rests so many times as long as it looks: pages and reports go first.
REST = 2
#: So many seconds of rest it may owe, so that a change after a quiet time is shown at once.
OWES_S = 2.0
LONGEST_REST_S = 20.0
AFTER_FAILURE_S = 3.0

HEART = b": heart\n\n"
#: The browser tries again by itself after so many milliseconds.
COME_AGAIN = b"retry: 3000\n\n"


@dataclass(frozen=True, slots=True)
class Sight:
    """What decides which bytes a viewer gets; equal sights are rendered once."""

    areas: tuple[str, ...]
    post: str  # of those who see single areas only: their own cases lie anywhere
    language: str


def sight_of(actor: Actor, language: str) -> Sight:
    """Return the sight of an actor; whoever sees the whole city sees it like all others who do."""
    if actor.covers(""):
        return Sight(("",), "", language)
    return Sight(tuple(sorted(actor.areas)), actor.post or "", language)


@dataclass(slots=True)
class Viewer:
    """One open page: how it looks, and by which session."""

    actor: Actor
    sight: Sight
    session: str = field(repr=False)
    #: How its stream ends: "over" with its session or rights, "instead" for a younger page of it.
    ending: str = ""


class Source(Protocol):
    """Where the hub looks; every call is made in the turn of a request."""

    def head(self) -> int:
        """Return the number of the last journal entry."""
        ...

    def touches_accounts(self, after: int) -> bool:
        """Return whether entries behind ``after`` may have ended a session or changed a right."""
        ...

    def render(self, actor: Actor, language: str) -> str:
        """Return the lists of the present as HTML."""
        ...

    def still(self, session: str) -> Actor | None:
        """Return who a session stands for now; None when it is over."""
        ...


class Stream:
    """The stream of one viewer, read by a thread of the server that sleeps in between."""

    def __init__(self, hub: Hub, viewer: Viewer) -> None:
        self._hub, self._viewer = hub, viewer
        self._seen = -1
        self._done = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """Return the next bytes, or a heartbeat when there is nothing new."""
        if self._done:
            raise StopIteration
        piece, self._seen, self._done = self._hub.wait(self._viewer, self._seen)
        return piece

    def close(self) -> None:
        """Leave; called by the server when the stream ends or its connection breaks."""
        self._done = True
        self._hub.leave(self._viewer)


class Hub:
    """The viewers of this process and what they were last shown."""

    def __init__(
        self,
        source: Source,
        *,
        most: int = MOST_VIEWERS,
        of_a_session: int = MOST_OF_A_SESSION,
        heartbeat_s: float = HEARTBEAT_S,
        steady: Callable[[], float] = time.monotonic,
        spent: Callable[[], float] = time.thread_time,
    ) -> None:
        self._source, self._most, self._heartbeat_s = source, most, heartbeat_s
        self._of_a_session = of_a_session
        self._steady, self._spent = steady, spent
        self._worked = 0.0
        self._news = threading.Condition()
        self._viewers: list[Viewer] = []
        self._frames: dict[Sight, tuple[int, bytes]] = {}  # number and bytes
        self._shown: dict[Sight, int] = {}  # the entry up to which a frame tells
        self._made = 0
        self._head = -1
        self._looked_at = 0.0
        self._thread: threading.Thread | None = None
        self._ended = False

    @property
    def viewers(self) -> int:
        """How many watch."""
        return len(self._viewers)

    def join(self, viewer: Viewer, turn: Turn) -> Stream | None:
        """Return the stream of a new viewer; None when there are as many as can be served.

        A session that has too many streams loses its oldest one: its page is told so.  The first
        viewer's ``turn`` is used until all have left.
        """
        with self._news:
            staying = [one for one in self._viewers if not one.ending]
            own = [one for one in staying if one.session == viewer.session]
            # A page that was reloaded may not have been missed yet: it looked as this one looks.
            own.sort(key=lambda one: one.sight != viewer.sight)
            too_many = own[: max(0, len(own) + 1 - self._of_a_session)]
            if self._ended or len(staying) - len(too_many) >= self._most:
                return None
            for one in too_many:
                one.ending = "instead"
            self._news.notify_all()
            self._viewers.append(viewer)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, args=(turn,), daemon=True, name="anlan-watch"
                )
                self._thread.start()
            return Stream(self, viewer)

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer; the thread ends when it was the last."""
        with self._news:
            self._viewers = [one for one in self._viewers if one is not viewer]
            self._news.notify_all()

    def end(self) -> None:
        """End all streams: the process stops, and would else wait for its viewers to leave."""
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait(self, viewer: Viewer, seen: int) -> tuple[bytes, int, bool]:
        """Return (bytes, number of the frame, whether it is the last) once there is something."""
        with self._news:
            self._news.wait_for(
                lambda: self._ended or viewer.ending or self._newer(viewer, seen),
                timeout=self._heartbeat_s,
            )
            if self._ended:
                return COME_AGAIN, seen, True
            if viewer.ending:
                return f"event: {viewer.ending}\ndata: \n\n".encode(), seen, True
            number, frame = self._frames.get(viewer.sight, (seen, HEART))
            return (frame, number, False) if number > seen else (HEART, seen, False)

    def _newer(self, viewer: Viewer, seen: int) -> bool:
        return self._frames.get(viewer.sight, (seen,))[0] > seen

    def _run(self, turn: Turn) -> None:
        rest, pace = 0.0, Pace()
        while self._go_on(rest):
            try:
                rest = pace.rest_after(self.look(turn))
            except BaseException as error:
                if "after shutdown" in str(error) or "after interpreter" in str(error):
                    return  # the process ends: nobody works any more
                # Viewers keep what they have and see its age; the next look may succeed.
                # Whatever a job raised, an exit too: without this thread nobody sees anything.
                log.exception("cannot look at the journal")
                rest = AFTER_FAILURE_S

    def _go_on(self, rest: float) -> bool:
        """Rest, and return whether anybody still watches."""
        until = self._steady() + rest
        with self._news:
            while self._viewers and (left := until - self._steady()) > 0:
                self._news.wait(left)
            if not self._viewers:
                self._thread = None
                self._frames.clear()
                self._shown.clear()
                return False
            return True

    def look(self, turn: Turn) -> float:
        """Look once, render what is needed, end what is over; return the seconds of work.

        Of a processor, that is: on a busy machine most of a look is waiting, and whoever waits
        takes nothing from anybody.

        Each sight takes a turn of its own, so that requests get theirs in between.  One that
        cannot be rendered keeps no other one waiting; its error is raised at the end.
        """
        began, self._worked = self._steady(), 0.0
        with self._news:
            viewers = list(self._viewers)
        old = began - self._looked_at >= CLOCKS_EVERY_S
        head = self._in(turn, lambda: self._see(viewers, old=old))
        looking = Counter(viewer.sight for viewer in viewers if not viewer.ending)
        viewer_of = {viewer.sight: viewer for viewer in viewers if not viewer.ending}
        # The sight that most have comes first.
        wanted = {sight: viewer_of[sight] for sight, _ in looking.most_common()}
        failed: Exception | None = None
        for sight, viewer in wanted.items():
            if old or self._shown.get(sight) != head:
                self._shown.pop(sight, None)
                try:
                    frame = self._in(turn, lambda v=viewer: self._rendered(v))  # type: ignore[misc]
                    self._show(sight, frame)
                    self._shown[sight] = head
                except Exception as error:  # noqa: BLE001  raised below
                    failed = error
        self._forget_all_but(wanted)
        if old:
            self._looked_at = began
        if failed is not None:
            raise failed
        return self._worked

    def _in(self, turn: Turn, job: Callable[[], T]) -> T:
        """Do a part of a look in the turn of a request, and note the work."""

        def noted() -> T:
            began = self._spent()
            try:
                return job()
            finally:
                self._worked += self._spent() - began

        return turn(noted)

    def _see(self, viewers: Collection[Viewer], *, old: bool) -> int:
        """Return where the journal stands; end the streams of those who may look no more."""
        head = self._source.head()
        if old or (head != self._head and self._source.touches_accounts(self._head)):
            self._end_those_over(viewers)
        self._head = head
        return head

    def _forget_all_but(self, wanted: Collection[Sight]) -> None:
        with self._news:
            for sight in self._frames.keys() - set(wanted):
                del self._frames[sight]
                self._shown.pop(sight, None)

    def _rendered(self, viewer: Viewer) -> bytes:
        return event("lists", self._source.render(viewer.actor, viewer.sight.language))

    def _show(self, sight: Sight, frame: bytes) -> None:
        with self._news:
            self._made += 1
            self._frames[sight] = self._made, frame
            self._news.notify_all()

    def _end_those_over(self, viewers: Collection[Viewer]) -> None:
        now_are = {one: self._still(one) for one in {viewer.session for viewer in viewers}}
        with self._news:
            for viewer in viewers:
                if now_are[viewer.session] != viewer.actor:
                    viewer.ending = "over"
            self._news.notify_all()

    def _still(self, session: str) -> Actor | None:
        try:
            return self._source.still(session)
        except AnlanError:
            return None


class Pace:
    """How long the hub rests between its looks.

    It owes :data:`REST` times the seconds of work, and pays by resting; up to
    :data:`OWES_S` it may owe, and after a quiet time it owes nothing.
    """

    def __init__(self) -> None:
        self._owed = 0.0

    def rest_after(self, worked: float) -> float:
        """Return for how many seconds the hub rests after a look of so much work."""
        self._owed += REST * worked
        rest = min(max(LOOK_EVERY_S, self._owed - OWES_S), LONGEST_REST_S)
        self._owed = max(0.0, self._owed - rest)
        return rest


def event(name: str, text: str) -> bytes:
    """Return a server-sent event; a line break of the text is one of its data."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines() if line)
    return f"event: {name}\n{lines}\n".encode()
