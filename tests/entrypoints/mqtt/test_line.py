"""The line to a broker: what it acknowledges, when it reads, what it tells, how it ends."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from datetime import UTC, datetime

import pytest

from anlan.entrypoints.mqtt import broker as brokers
from anlan.entrypoints.mqtt import calling
from anlan.entrypoints.mqtt.broker import BrokerLine
from anlan.entrypoints.mqtt.letters import Fate
from anlan.infra.mqtt import Connect, Disconnect, PubAck, Reason, packets
from anlan.infra.mqtt.wire import V311
from anlan.kernel.actor import Actor, Role
from tests.entrypoints.mqtt.answers import a_message, a_part, answering, refusing
from tests.entrypoints.mqtt.certificates import certificates
from tests.entrypoints.mqtt.conftest import eventually

NOW = datetime(2026, 7, 20, 8, tzinfo=UTC)
SENDER = Actor("gateway", Role.PROGRAM, areas=("",), scopes=frozenset({"signs:write"}))


class Keeping:
    """Takes letters and tells their homes when it is asked to."""

    def __init__(self):
        self.letters = []
        self.is_full = False

    def take(self, letters):
        self.letters += letters

    def settle(self):
        letters, self.letters = self.letters, []
        letters[0].home.settled([(one, Fate.KEPT) for one in letters])


class Known:
    """Knows every token."""

    def actor_of(self, _token, *, now):
        return SENDER


@pytest.fixture
def line_to(tmp_path):
    """Make lines to brokers; end them at the end."""
    (tmp_path / "t").touch(mode=0o600)
    made = []

    def one(found, taker, **said):
        part = a_part(found.listener.getsockname()[1], **said)
        made.append(BrokerLine(part, tmp_path, taker, Known(), clock=lambda: NOW))
        made[-1].tend()
        return made[-1]

    one.made = made
    yield one
    for line in made:
        line.close()


def test_what_came_by_an_earlier_line_is_not_acknowledged_on_a_later_one(line_to, monkeypatch):
    """Its number may stand for another message there, which nobody has kept."""
    monkeypatch.setattr(brokers, "FIRST_PAUSE_S", 0.05)
    may_end = threading.Event()

    def serve(found, line, number):
        found.let_in(line)
        if number == 1:
            line.sendall(a_message(1) + a_message(2))
            may_end.wait(30)
            return  # the line breaks
        line.sendall(a_message(3))
        while True:
            found.hear(line, PubAck)

    keeping = Keeping()
    with answering(serve) as found:
        line = line_to(found, keeping)
        eventually(lambda: len(keeping.letters) == 2)
        may_end.set()
        eventually(lambda: len(keeping.letters) == 3)
        keeping.settle()
        eventually(lambda: PubAck(3, 0) in found.heard)
        assert [one for one in found.heard if isinstance(one, PubAck)] == [PubAck(3, 0)]
        assert (line.heard, line.state.problem) == (3, "")


def test_what_nobody_has_room_for_stays_with_the_broker(line_to, monkeypatch):
    monkeypatch.setattr(brokers, "MOST_UNACKED", 10)
    sent = []

    def serve(found, line, _number):
        found.let_in(line)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        for number in range(1, 61):
            line.sendall(packets.publish(V311, "a", b"x" * 100_000, packet_id=number))
            sent.append(number)
        while True:
            found.hear(line, PubAck)

    keeping = Keeping()
    with answering(serve) as found:
        line_to(found, keeping)
        eventually(lambda: len(keeping.letters) >= 10)
        came = -1
        while came != (came := len(sent)):  # until the sockets are full
            threading.Event().wait(0.5)
        assert came < 60
        assert len(keeping.letters) < 60

        def all_acknowledged():
            if keeping.letters:
                keeping.settle()
            return len([one for one in found.heard if isinstance(one, PubAck)]) == 60

        eventually(all_acknowledged)


def test_while_others_fill_the_room_nothing_is_read(line_to):
    more = threading.Event()

    def serve(found, line, _number):
        found.let_in(line)
        line.sendall(a_message(1))
        more.wait(30)
        line.sendall(a_message(2))
        found.hear(line, Disconnect)

    class Full(Keeping):
        def take(self, letters):
            super().take(letters)
            self.is_full = True

    keeping = Full()
    with answering(serve) as found:
        line = line_to(found, keeping)
        eventually(lambda: keeping.letters)
        more.set()
        threading.Event().wait(0.3)
        assert line.heard == 1
        keeping.is_full = False
        eventually(lambda: line.heard == 2)


def test_why_a_line_ended_is_told_though_it_never_stood(line_to, caplog):
    """Some brokers answer a filter that they forbid by closing the line."""

    def serve(found, line, _number):
        line.sendall(packets.connack(found.hear(line, Connect).level, Reason.SUCCESS))

    with answering(serve) as found:
        line = line_to(found, Keeping())
        eventually(lambda: line.state.problem == "line lost: closed by the broker")
    assert "line to a broker" in caplog.text


def test_which_filters_were_refused_says_more_than_the_end(line_to):
    def serve(found, line, _number):
        found.let_in(line, reasons=(0x80,))

    with answering(serve) as found:
        line = line_to(found, Keeping())
        eventually(lambda: len(found.lines) == 2)
        assert line.state.problem == "subscription refused: anlan/#"


def test_a_session_that_the_broker_forgot_is_told(line_to, monkeypatch, caplog):
    monkeypatch.setattr(brokers, "FIRST_PAUSE_S", 0.05)
    with answering(lambda found, line, _: found.let_in(line)) as found:
        line_to(found, Keeping())
        eventually(lambda: "a broker forgot our session" in caplog.text)
        assert len(found.lines) >= 2


def test_a_full_house_takes_nothing_from_a_new_line_either(line_to, monkeypatch):
    """What was not acknowledged comes with each line again; it must not pile up."""
    monkeypatch.setattr(brokers, "FIRST_PAUSE_S", 0.02)

    def serve(found, line, number):
        found.let_in(line)
        if number > 1:
            threading.Event().wait(0.1)  # it is held by now
        line.sendall(a_message(1))
        if number == 1:
            eventually(lambda: keeping.letters)
            keeping.is_full = True
        else:
            found.hear(line, PubAck)

    keeping = Keeping()
    with answering(serve) as found:
        line = line_to(found, keeping)
        eventually(lambda: len(found.lines) == 2)
        threading.Event().wait(0.4)
        assert line.heard == 1
        keeping.is_full = False
        eventually(lambda: line.heard == 2)
        keeping.settle()
        eventually(lambda: PubAck(1, 0) in found.heard)


def test_of_what_is_too_large_topic_and_size_lie_aside(line_to, monkeypatch):
    monkeypatch.setattr(calling, "LARGEST", 10_000)

    def serve(found, line, _number):
        found.let_in(line)
        line.sendall(packets.publish(V311, "a", b"x" * 50_000, packet_id=1))
        found.hear(line, Disconnect)

    keeping = Keeping()
    with answering(serve) as found:
        line_to(found, keeping)
        eventually(lambda: keeping.letters)
    [letter] = keeping.letters
    assert (letter.topic, letter.payload, letter.error) == ("a", b"50005 bytes", "mqtt.too_large")


def test_a_thread_that_cannot_start_is_tried_again(line_to, monkeypatch):
    def none(_thread):
        raise RuntimeError("can't start new thread")

    with answering(
        lambda found, line, _: (found.let_in(line), found.hear(line, Disconnect))
    ) as found:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", none)
            with pytest.raises(RuntimeError):
                line_to(found, Keeping())
        line = line_to.made[-1]
        assert line.state.problem == "internal"
        line.tend()
        eventually(lambda: not line.state.problem)
        line.close()


def test_a_thread_that_broke_is_begun_again(line_to, monkeypatch):
    async def ends(*_given):
        """As after an error that nothing catches."""

    with monkeypatch.context() as patched:
        patched.setattr(BrokerLine, "_stay", ends)
        with answering(lambda found, line, _: found.let_in(line)) as found:
            line = line_to(found, Keeping())
            eventually(lambda: not line._thread.is_alive())
    with answering(
        lambda found, line, _: (found.let_in(line), found.hear(line, Disconnect))
    ) as found:
        line.part = a_part(found.listener.getsockname()[1])
        line.tend()
        eventually(lambda: not line.state.problem)
        line.close()


def test_the_pause_grows_while_nobody_lets_in_and_is_short_again_afterwards(line_to, monkeypatch):
    pauses, wait_for = [], asyncio.wait_for

    async def noted(what, pause):
        pauses.append(pause)
        return await wait_for(what, 0.01)

    monkeypatch.setattr(brokers.asyncio, "wait_for", noted)
    ready = threading.Event()

    def serve(found, line, number):
        if number < 9 or number > 9:
            refusing(Reason.UNAVAILABLE)(found, line, number)
            return
        found.let_in(line)
        ready.set()

    with answering(serve) as found:
        line = line_to(found, Keeping())
        eventually(lambda: len(pauses) >= 10)
    assert ready.is_set()
    assert pauses[:10] == [1, 2, 4, 8, 16, 30, 30, 30, 1, 2]
    assert line.state.problem == "refused: unavailable"


def test_the_end_tells_the_broker_and_acknowledges_what_was_kept_before(line_to):
    def serve(found, line, _number):
        found.let_in(line)
        line.sendall(a_message(1))
        found.hear(line, Disconnect)

    keeping = Keeping()
    with answering(serve) as found:
        line = line_to(found, keeping)
        eventually(lambda: keeping.letters)
        line.stop_reading()
        keeping.settle()
        line.close()
        eventually(lambda: found.heard[-2:] == [PubAck(1, 0), Disconnect(0)])


def test_a_broker_nobody_expected_is_called_again(line_to, monkeypatch):
    """An error without a name must not leave a city's broker uncalled for ever."""
    tried = []

    async def fails(*_given, **_named):
        tried.append(1)
        raise ValueError("label too long")

    monkeypatch.setattr(brokers, "call", fails)
    monkeypatch.setattr(brokers, "FIRST_PAUSE_S", 0.01)
    with answering(lambda *_: None) as found:
        line = line_to(found, Keeping())
        eventually(lambda: len(tried) >= 3)
        assert line.state.problem == "label too long"


@pytest.fixture
def tls(tmp_path):
    """Return how a broker with a certificate of the test's own speaks, and the settings to call it."""
    found = certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(found.certificate, found.key)
    (tmp_path / "ca.pem").write_bytes(found.ca.read_bytes())
    return context, {"tls": True, "ca": "ca.pem", "host": "localhost"}


def test_a_tls_line_is_held_and_goes_on(line_to, tls, monkeypatch):
    monkeypatch.setattr(brokers, "MOST_UNACKED", 5)

    def serve(found, line, _number):
        found.let_in(line)
        for number in range(1, 31):
            line.sendall(packets.publish(V311, "a", b"x" * 50_000, packet_id=number))
        while True:
            found.hear(line, PubAck)

    keeping, (context, how) = Keeping(), tls
    with answering(serve, context) as found:
        line = line_to(found, keeping, **how)

        def all_came():
            if keeping.letters:
                keeping.settle()
            return line.heard == 30

        eventually(lambda: len(keeping.letters) >= 5)
        assert line.heard < 30
        eventually(all_came)


def test_the_end_does_not_wait_for_who_says_no_goodbye(line_to, tls):
    may_go = threading.Event()

    def serve(found, line, _number):
        found.let_in(line)
        may_go.wait(60)

    context, how = tls
    with answering(serve, context) as found:
        line = line_to(found, Keeping(), **how)
        eventually(lambda: not line.state.problem)
        thread = line._thread
        line.close()
        assert not thread.is_alive()
        may_go.set()


def test_a_certificate_for_another_host_is_refused(line_to, tls, monkeypatch):
    found_by = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _host, *rest, **named: found_by("127.0.0.1", *rest, **named)
    )
    context, how = tls
    with answering(lambda *_: None, context) as found:
        line = line_to(found, Keeping(), **(how | {"host": "broker.city"}))
        eventually(lambda: "broker.city" in line.state.problem)
        assert "certificate verify failed" in line.state.problem
