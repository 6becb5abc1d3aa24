"""Telling devices what they subscribed to: Observations as SensorThings shows them, from the store.

Each session has a place in the store and is led on from there, as fast as its line takes it.  So nothing
waits in memory for a device that is slow or away, beyond one slice; and what it missed it hears later.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec
from django.db import close_old_connections

from anlan.entrypoints.mqtt.topics import STANDARD, stream_named
from anlan.infra.asking import asking
from anlan.infra.mqtt import packets
from anlan.infra.mqtt.topics import matches
from anlan.kernel.actor import Actor
from anlan.kernel.errors import AnlanError
from anlan.sensing.domain.columns import micros
from anlan.sensing.sta import announcing, answers, entities
from anlan.sensing.sta.catalogue import catalogue
from anlan.sensing.sta.model import KINDS, READING, key
from anlan.sensing.sta.options import Options, options_of
from anlan.sensing.sta.sending import NO_OWNER
from anlan.sensing.sta.view import View
from anlan.sensing.store import Frame

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
FRAMES_AT_ONCE = 64
MOST_ON_THE_WAY = 1000
MOST_UNACKED = 100
MOST_SUBSCRIPTIONS = 200
FRAMES_REMEMBERED = 256
VIEWS_REMEMBERED = 64
ALL = "v1.1/Observations"
Sight = tuple[tuple[str, ...], int, tuple[str, ...] | None]
"""What is shown depends on the areas of who looks, the frame and the properties asked for."""


class Wanted(NamedTuple):
    """One subscription: ``own`` is the topic of a stream it names; ``pattern`` where it holds wildcards."""

    filter: str
    qos: int
    options: Options
    own: str = ""
    pattern: str = ""
    id: int = 0

    def topic_for(self, own_topic: str) -> str:
        """Return under which topic a reading of a stream is told; empty: it is not wanted."""
        if self.pattern:
            return next((x for x in (own_topic, ALL) if matches(self.pattern, x)), "")
        return self.filter if self.own in {"", own_topic} else ""


class Listener(Protocol):
    """The line by which a session is told."""

    @property
    def level(self) -> int:
        """The version of MQTT it speaks."""

    @property
    def may_read(self) -> bool:
        """Whether readings are shown to whom it stands for."""

    @property
    def is_slow(self) -> bool:
        """Whether it does not take what is sent."""

    @property
    def receive_maximum(self) -> int:
        """How many messages it lets be on their way."""

    @property
    def largest_packet(self) -> int:
        """How many bytes a packet to it may have."""

    def send(self, data: bytes) -> None:
        """Send bytes, if the line still stands."""


@dataclass
class Session:
    """What a device wants to hear, and up to where it has heard; outlives its line."""

    actor: Actor
    token: str = ""
    wanted: dict[str, Wanted] = field(default_factory=dict)
    heard: int = 0
    peer: Listener | None = None
    until: float = 0.0
    waiting: list[tuple[str, bytes, int, int]] = field(default_factory=list)
    unacked: OrderedDict[int, tuple[str, bytes, int]] = field(default_factory=OrderedDict)
    last_id: int = 0

    @property
    def has_room(self) -> bool:
        """Whether its line takes more, and is that of somebody who may read."""
        peer = self.peer
        if peer is None or not peer.may_read:
            return False
        return not peer.is_slow and len(self.waiting) < MOST_ON_THE_WAY

    def stands_for(self, actor: Actor) -> None:
        """Go on for an actor; what was made for one who sees more is not told to it."""
        if not _sees_all_of(actor, self.actor):
            self.waiting.clear()
            self.unacked.clear()
        self.actor = actor

    def put(self, messages: list[tuple[str, bytes, int, int]], made_for: Actor) -> None:
        """Take messages to be told; send what the line takes."""
        if _sees_all_of(self.actor, made_for):
            self.waiting += messages
        self.send()

    def send(self) -> None:
        """Send what may be sent: with QoS 1 only so much as may be on its way."""
        peer = self.peer
        if peer is None or not peer.may_read:
            return
        level, window = peer.level, min(MOST_UNACKED, peer.receive_maximum)
        done, out = 0, []
        for topic, payload, qos, id_ in self.waiting:
            if qos and len(self.unacked) >= window:
                break
            done += 1
            number = self._number() if qos else 0
            data = packets.publish(
                level, topic, payload, packet_id=number, ids=[id_] if id_ else []
            )
            if len(data) > peer.largest_packet:
                continue  # the standard has it left out
            if qos:
                self.unacked[number] = (topic, payload, id_)
            out.append(data)
        del self.waiting[:done]
        peer.send(b"".join(out))

    def _number(self) -> int:
        while True:
            self.last_id = self.last_id % 65535 + 1
            if self.last_id not in self.unacked:
                return self.last_id

    def again(self) -> None:
        """Send anew what the earlier line did not acknowledge, then go on."""
        if self.peer is None or not self.peer.may_read:
            return
        level = self.peer.level
        for number, (topic, payload, id_) in self.unacked.items():
            ids = [id_] if id_ else []
            self.peer.send(
                packets.publish(level, topic, payload, packet_id=number, dup=True, ids=ids)
            )
        self.send()


def _sees_all_of(actor: Actor, other: Actor) -> bool:
    return actor.areas == other.areas or all(actor.covers(path) for path in other.areas)


def wanted_of(pattern: str, qos: int, id_: int) -> Wanted | None:
    """Return what a topic filter asks for; None when nothing is ever told under it."""
    path, _, query = pattern.partition("?")
    given = dict(part.split("=", 1) for part in query.split("&") if "=" in part)
    own, has_wildcards = "", "+" in path or "#" in path
    try:
        if set(given) - {"$select"}:
            return None
        options = options_of(READING, given)
        if not has_wildcards:
            named = stream_named(path.removeprefix(STANDARD)) if path.startswith(STANDARD) else None
            if named is None:
                return None
            own = "" if named == NO_OWNER else _topic(*named)
    except AnlanError:
        return None
    if has_wildcards and path != "#" and path.split("/")[0] not in {"v1.1", "+"}:
        return None
    return Wanted(pattern, min(qos, 1), options, own, path if has_wildcards else "", id_)


def _topic(kind: str, code: str) -> str:
    return f"v1.1/{KINDS[kind].plural}({key(code)})/Observations"


class Teller:
    """Leads every session on through the store, in a thread of its own."""

    def __init__(
        self, *, clock: Callable[[], datetime], base: str, call: Callable[..., object]
    ) -> None:
        """``base`` is the address of SensorThings, ``call`` runs something where lines are written."""
        self._clock, self._base, self._call = clock, base, call
        self._sessions: list[Session] = []
        self._shown: OrderedDict[Sight, list[tuple[str, bytes]]] = OrderedDict()
        self._views: dict[tuple[str, ...], View] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=asking(self._run), name="mqtt teller", daemon=True)
        self._thread.start()

    def listen(self, sessions: list[Session]) -> None:
        """Tell these sessions from now on."""
        self._sessions = sessions

    def close(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            try:
                while self._lead_on() and not self._stop.is_set():
                    pass
            except Exception:
                log.exception("subscribers wait")
            close_old_connections()

    def _lead_on(self) -> bool:
        """Lead every session that has room on by some frames; return whether there may be more."""
        ready = [one for one in self._sessions if one.wanted and one.has_room]
        if not ready:
            return False
        last = announcing.last_frame()
        behind = [one for one in ready if one.heard < last]
        frames: dict[int, list[Frame]] = {}
        for session in behind:
            start = session.heard
            if start not in frames:
                frames[start] = announcing.frames_after(start, FRAMES_AT_ONCE)
            for frame in frames[start]:
                actor = session.actor
                messages = self._messages(session, actor, frame)
                session.heard = frame.seq
                if messages:
                    self._call(session.put, messages, actor)
                if len(messages) + len(session.waiting) >= MOST_ON_THE_WAY:
                    break
        return any(one.has_room for one in behind)

    def _messages(
        self, session: Session, actor: Actor, frame: Frame
    ) -> list[tuple[str, bytes, int, int]]:
        found: list[tuple[str, bytes, int, int]] = []
        for wanted in list(session.wanted.values()):
            for own, payload in self._shown_of(actor, frame, wanted.options):
                topic = wanted.topic_for(own)
                if topic:
                    found.append((topic, payload, wanted.qos, wanted.id))
        return found

    def _shown_of(self, actor: Actor, frame: Frame, options: Options) -> list[tuple[str, bytes]]:
        """Return what an actor may see of a frame: each reading's topic and JSON; made once for all."""
        at = (actor.areas, frame.seq, options.select)
        found = self._shown.get(at)
        if found is None:
            found = self._shown[at] = self._made(actor, frame, options)
            while len(self._shown) > FRAMES_REMEMBERED:
                self._shown.popitem(last=False)
        return found

    def _made(self, actor: Actor, frame: Frame, options: Options) -> list[tuple[str, bytes]]:
        view = self._view(actor)
        made: list[tuple[str, bytes]] = []
        for seen in announcing.of_frame(view, frame):
            shown, _ = answers.readings_shown(view, seen, options)
            topics = (
                _topic(kind, entities.id_of(view.of, kind, one))
                for kind, one in zip(answers.kinds_of(seen), seen.stream.tolist(), strict=True)
            )
            made += zip(topics, map(msgspec.json.encode, shown), strict=True)
        return made

    def _view(self, actor: Actor) -> View:
        """Return the city as an actor sees it; made anew when the registry has changed."""
        now = self._clock()
        known, found = catalogue(now=now), self._views.get(actor.areas)
        if found is None or found.of is not known:
            if len(self._views) >= VIEWS_REMEMBERED:
                self._views.clear()
            found = View(of=known, actor=actor, now_us=micros(now), base=self._base, reads=True)
            self._views[actor.areas] = found
        return found
