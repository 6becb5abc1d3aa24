"""The door: devices publish straight to Anlan, and are told only when their readings are durable."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from anlan.entrypoints.mqtt.letters import Letter, Settled, Taker
from anlan.entrypoints.mqtt.peer import OVERALL, SUBSCRIBING, Peer, TooManyLinesError
from anlan.entrypoints.mqtt.settings import DoorPart
from anlan.entrypoints.mqtt.telling import MOST_SUBSCRIPTIONS, Session, Teller, wanted_of
from anlan.entrypoints.senders import LOOK_S, Senders
from anlan.infra.asking import AskingThreads
from anlan.infra.mqtt import BrokenError, Connect, PubAck, Reason, Subscribe, Unsubscribe, packets
from anlan.kernel.actor import Actor
from anlan.kernel.errors import AnlanError, UnavailableError
from anlan.sensing.sta import announcing

log = logging.getLogger(__name__)

SWEEP_S = 1.0
HANDSHAKE_S = 10.0
LONGEST_SESSION_S = 86_400
SILENT_AT_ONCE = 500
"""Lines that have not said yet who they are; the oldest goes for one more, so that who holds them
open for nothing keeps nobody out."""
ADMITTING_AT_ONCE = 1_000
"""Lines that may wait to be looked up; whoever comes then is told to try again later."""


class Door:
    """Listens, keeps the lines, and stands between them and whoever keeps readings."""

    def __init__(
        self,
        taker: Taker,
        senders: Senders,
        limits: DoorPart,
        *,
        clock: Callable[[], datetime],
        base: str = "",
    ) -> None:
        self.limits = limits
        self.taker = taker
        self.loop = asyncio.get_running_loop()
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._senders = senders
        self._asking = AskingThreads(2, "mqtt admission")
        self._looking = AskingThreads(1, "mqtt tokens")  # waits for nobody who comes
        self._admitting = 0
        self._lines: set[Peer] = set()
        self._silent: dict[Peer, None] = {}  # in the order in which they came
        self._known: dict[tuple[str, str], Peer] = {}
        self._lines_of: Counter[str] = Counter()  # by token, of those that are known
        self._held: set[Peer] = set()
        self._sessions: dict[tuple[str, str], Session] = {}
        self._teller = Teller(clock=clock, base=base, call=self._in_the_loop)
        self._server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, host: str, port: int, tls: ssl.SSLContext | None) -> int:
        """Listen; return the port."""
        self._server = await self.loop.create_server(
            lambda: Peer(self),
            host,
            port,
            ssl=tls,
            ssl_handshake_timeout=HANDSHAKE_S if tls else None,
            backlog=1024,
        )
        self._tasks = [
            asyncio.create_task(self._sweep(), name="mqtt keep-alive"),
            asyncio.create_task(self._ask_again(), name="mqtt tokens"),
        ]
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def close(self) -> None:
        """Send everybody away."""
        for task in self._tasks:
            task.cancel()
        if self._server is not None:
            self._server.close()
        for peer in list(self._lines):
            peer.end(Reason.SHUTTING_DOWN)
        for threads in (self._asking, self._looking):
            threads.shutdown(wait=False, cancel_futures=True)
        for threads in (self._asking, self._looking):
            await self.loop.run_in_executor(None, threads.shutdown)
        await self.loop.run_in_executor(None, self._teller.close)
        await asyncio.sleep(0)

    @property
    def clients(self) -> int:
        """How many devices are in."""
        return len(self._known)

    # Lines

    def let_in(self, peer: Peer) -> bool:
        """Take a new line, unless there are too many."""
        if len(self._silent) >= SILENT_AT_ONCE:
            self.counts["turned_away"] += 1
            next(iter(self._silent)).abort()
        elif len(self._lines) >= self.limits.clients:
            self.counts["turned_away"] += 1
            return False
        self._lines.add(peer)
        self._silent[peer] = None
        _watch(peer)
        return True

    def let_go(self, peer: Peer) -> None:
        """Forget a line."""
        self._lines.discard(peer)
        self._silent.pop(peer, None)
        self._held.discard(peer)
        if peer.actor is None or self._known.get((peer.actor.id, peer.client_id)) is not peer:
            return
        name = (peer.actor.id, peer.client_id)
        del self._known[name]
        self._count(peer.token, -1)
        session = self._sessions.get(name)
        if session is not None:
            session.peer, session.until = None, self.loop.time() + peer.session_expiry_s
            if not peer.session_expiry_s:
                self._forget(name)

    def note_broken(self, peer: Peer, error: BrokenError) -> None:
        """Count a device that breaks the protocol."""
        self.counts["broken"] += 1
        log.info(
            "a device broke the protocol",
            extra={"reason": error.reason.name, "problem": error.problem, "client": peer.client_id},
        )

    def admit(self, peer: Peer, connect: Connect) -> None:
        """Ask who it is, apart from the lines of the others; memory answers even when many ask."""
        self._silent.pop(peer, None)
        actor = self._senders.known(peer.token, now=self._clock())
        if actor is not None and self._senders.is_fresh:
            self.loop.call_soon(self._come_in, peer, connect, actor)
            return
        if self._admitting >= ADMITTING_AT_ONCE:
            self.counts["turned_away"] += 1
            peer.refused(UnavailableError(what="accounts"))
            return
        self._admitting += 1
        asked = self.loop.run_in_executor(self._asking, self._actor_of, peer.token)
        asked.add_done_callback(lambda found: self._known_now(peer, connect, found))

    def _actor_of(self, token: str) -> Actor:
        return self._senders.actor_of(token, now=self._clock())

    def _known_now(self, peer: Peer, connect: Connect, found: asyncio.Future[Actor]) -> None:
        self._admitting -= 1
        if found.cancelled():
            peer.abort()
            return
        error = found.exception()
        if error is not None:
            self.counts["refused"] += 1
            if not isinstance(error, AnlanError):
                log.error("admission failed", exc_info=error)
                peer.abort()
                return
            peer.refused(error)
            return
        self._come_in(peer, connect, found.result())

    def _come_in(self, peer: Peer, connect: Connect, actor: Actor) -> None:
        if peer not in self._lines:
            return
        name = (actor.id, peer.name(connect))
        earlier = self._known.get(name)
        most, takes_over = self.limits.lines_per_token, earlier and earlier.token == peer.token
        if self._lines_of[peer.token] >= most and not takes_over:
            self.counts["over_lines"] += 1
            error = TooManyLinesError(most=most, account=actor.id)
            log.info("a line was refused", extra={"code": error.code, **error.params})
            peer.refused(error)
            return
        if earlier is not None:
            self._count(earlier.token, -1)
            earlier.end(Reason.TAKEN_OVER)
        self._count(peer.token, 1)
        self._known[name] = peer
        peer.session_expiry_s = min(connect.session_expiry_s, LONGEST_SESSION_S)
        if connect.clean:
            self._forget(name)
        session, present = self._sessions.get(name), name in self._sessions
        if session is None:
            session = self._sessions[name] = Session(actor)
            self._listen()
        session.stands_for(actor)
        session.peer, session.token = peer, peer.token
        peer.session = session
        peer.admitted(actor, present=present)
        session.again()

    def _count(self, token: str, by: int) -> None:
        self._lines_of[token] += by
        if not self._lines_of[token]:
            del self._lines_of[token]

    def _forget(self, *names: tuple[str, str]) -> None:
        if [name for name in names if self._sessions.pop(name, None) is not None]:
            self._listen()

    def _listen(self) -> None:
        self._teller.listen(list(self._sessions.values()))

    def _in_the_loop(self, call: Callable[..., object], *given: object) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(call, *given)

    async def _sweep(self) -> None:
        """Let those go that have said nothing for half as long again as they promised."""
        while True:
            await asyncio.sleep(SWEEP_S)
            now = self.loop.time()
            for peer in list(self._known.values()):
                limit = peer.keep_alive_s * 1.5
                if limit and not peer.is_held and now - peer.heard_at > limit:
                    self.counts["silent"] += 1
                    peer.end(Reason.KEEP_ALIVE_TIMEOUT)
            self._read_again()
            self._forget(*self._over(now))

    def _over(self, now: float) -> list[tuple[str, str]]:
        """Return the sessions of devices that are away for too long, or of which there are too many.

        Of one token, as of all, no more are kept than it may hold lines; the newest are.
        """
        away = [(one.until, name) for name, one in self._sessions.items() if one.peer is None]
        of_token: Counter[str] = Counter()
        over, kept = [], 0
        for until, name in sorted(away, reverse=True):
            token = self._sessions[name].token
            of_token[token] += 1
            too_many = of_token[token] > self.limits.lines_per_token or kept >= self.limits.clients
            if until < now or too_many:
                over.append(name)
            else:
                kept += 1
        return over

    async def _ask_again(self) -> None:
        """Give every line what its token allows now; end those whose token is over."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.loop.run_in_executor(self._looking, self._senders.look)
                await self._ask_of_forgotten()
            except UnavailableError:
                continue  # who was known is known; what comes waits for the same database
            except Exception:  # else nobody would be asked for ever after
                log.exception("cannot look at the accounts")

    async def _ask_of_forgotten(self) -> None:
        """Ask until the next look is due: who was revoked meanwhile does not wait for thousands."""
        until = self.loop.time() + LOOK_S
        now, forgotten = self._clock(), []
        for peer in self._known.values():
            actor = self._senders.known(peer.token, now=now)
            if actor is not None:
                peer.stands_for(actor)
            else:
                forgotten.append(peer)
        lately = self._senders.changed_lately
        forgotten.sort(key=lambda peer: peer.actor is None or not lately(peer.actor))
        for peer in forgotten:
            await self._ask_of(peer)
            if self.loop.time() >= until:
                break

    async def _ask_of(self, peer: Peer) -> None:
        try:
            actor = await self.loop.run_in_executor(self._looking, self._actor_of, peer.token)
        except UnavailableError:
            return
        except AnlanError:
            peer.end(Reason.NOT_AUTHORIZED)
            return
        peer.stands_for(actor)

    # Messages

    def take(self, peer: Peer, letters: Sequence[Letter]) -> None:
        """Hand messages to whoever keeps them; read no more of the line when that is too much."""
        self.taker.take(letters)
        if self.taker.is_full:
            peer.hold(OVERALL)
            self._held.add(peer)

    def settled(self, letters: Settled) -> None:
        """Hear, in another thread, what became of messages."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._settled, letters)

    def _settled(self, letters: Settled) -> None:
        peers: dict[Peer, Settled] = {}
        for one in letters:
            peers.setdefault(one[0].mark[0], []).append(one)
        for peer, those in peers.items():
            peer.settled(those)
        self._read_again()

    def _read_again(self) -> None:
        if self._held and not self.taker.is_full:
            held, self._held = self._held, set()
            for peer in held:
                peer.release(OVERALL)

    # Subscriptions

    def subscribe(self, peer: Peer, asked: Subscribe) -> None:
        """Answer a device that asks for topics, when it is known from which frame on it hears."""
        peer.hold(SUBSCRIBING)  # each question costs more than it costs to ask
        found = self.loop.run_in_executor(self._asking, announcing.last_frame)
        found.add_done_callback(lambda last: self._subscribe(peer, asked, last))

    def _subscribe(self, peer: Peer, asked: Subscribe, last: asyncio.Future[int]) -> None:
        peer.release(SUBSCRIBING)
        session = peer.session
        if session is None or last.cancelled():
            return
        if last.exception() is not None:
            told = [int(Reason.UNSPECIFIED)] * len(asked.asked)
        else:
            if not session.wanted:
                session.heard = last.result()
            told = [_want(peer, session, one, asked.subscription_id) for one in asked.asked]
        peer.send(packets.suback(peer.line.level, asked.packet_id, told))

    def unsubscribe(self, peer: Peer, asked: Unsubscribe) -> None:
        """Answer a device that asks for topics no more."""
        wanted = peer.session.wanted if peer.session is not None else {}
        told = [
            Reason.SUCCESS if wanted.pop(one, None) is not None else Reason.NO_SUBSCRIPTION
            for one in asked.patterns
        ]
        peer.send(packets.unsuback(peer.line.level, asked.packet_id, told))

    def delivered(self, peer: Peer, packet: PubAck) -> None:
        """Hear that a device has a message; the next may go."""
        if peer.session is not None:
            peer.session.unacked.pop(packet.packet_id, None)
            peer.session.send()

    def wake(self, peer: Peer) -> None:
        """Hear that a device takes what is sent again."""
        if peer.session is not None:
            peer.session.send()


def _want(peer: Peer, session: Session, asked: packets.Asked, id_: int) -> int:
    """Take one filter into a session; return what is told of it."""
    if asked.pattern.startswith("$share/"):
        return Reason.SHARED_UNSUPPORTED
    wanted = wanted_of(asked.pattern, asked.qos, id_) if asked.valid else None
    if wanted is None:
        return Reason.FILTER_INVALID
    if not peer.may_read:
        return Reason.NOT_AUTHORIZED
    if len(session.wanted) >= MOST_SUBSCRIPTIONS and asked.pattern not in session.wanted:
        return Reason.QUOTA
    session.wanted[asked.pattern] = wanted
    return wanted.qos


def _watch(peer: Peer) -> None:
    """Let the system notice a line whose other end is gone without a word."""
    found = peer.socket
    if found is None:
        return
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def server_tls(certificate: str, key: str) -> ssl.SSLContext:
    """Return how the door speaks TLS: 1.2 at least, with the certificate of a file."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    found.load_cert_chain(certificate, key)
    return found
