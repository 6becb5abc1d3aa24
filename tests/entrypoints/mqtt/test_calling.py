"""Anlan as a client, before brokers that do what brokers should not: silence, floods, refusals, old numbers."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anlan.entrypoints.mqtt import broker as brokers
from anlan.entrypoints.mqtt import calling
from anlan.entrypoints.mqtt.broker import BrokerLine
from anlan.entrypoints.mqtt.calling import call, problem_of
from anlan.entrypoints.mqtt.letters import Fate
from anlan.entrypoints.mqtt.settings import BrokerPart, TopicPart
from anlan.infra.mqtt import Connect, Disconnect, PingReq, PubAck, Reason, ServerConnection, packets
from anlan.infra.mqtt.properties import Property
from anlan.infra.mqtt.wire import V5, V311
from anlan.kernel.actor import Actor, Role
from tests.entrypoints.mqtt.conftest import eventually

NOW = datetime(2026, 7, 20, 8, tzinfo=UTC)
SENDER = Actor("gateway", Role.PROGRAM, areas=("",), scopes=frozenset({"signs:write"}))


class Answers:
    """A broker in a thread: does one thing after the other with each line that comes."""

    def __init__(self, listener, serve):
        self.listener, self.serve = listener, serve
        self.heard, self.lines = [], []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                line = self.listener.accept()[0]
            except OSError:
                return
            with line:
                line.settimeout(30)
                self.lines.append(line)
                self.server = ServerConnection(largest=1 << 20)
                try:
                    self.serve(self, line, len(self.lines))
                except OSError:
                    continue

    def hear(self, line, kind):
        """Read until something of a kind has come; return it."""
        while True:
            data = line.recv(65536)
            if not data:
                raise OSError("closed")
            found = self.server.receive(data)
            self.heard += found
            for one in found:
                if isinstance(one, kind):
                    return one

    def let_in(self, line, *, said=None, reasons=(1,)):
        """Let in, and take the subscription."""
        level = self.hear(line, Connect).level
        line.sendall(packets.connack(level, Reason.SUCCESS, said=said or {}))
        asked = self.hear(line, packets.Subscribe)
        line.sendall(packets.suback(level, asked.packet_id, reasons))


@contextmanager
def answering(serve):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = Answers(listener, serve)
        yield found
        listener.shutdown(socket.SHUT_RDWR)
    for line in found.lines:
        with suppress(OSError):  # it is closed
            line.shutdown(socket.SHUT_RDWR)
    found.thread.join(10)


def a_part(port, **said):
    given = {
        "name": "city", "host": "127.0.0.1", "port": port, "tls": False, "token_file": "t",
        "topics": (TopicPart("anlan/#"),),
    }  # fmt: skip
    return BrokerPart(**(given | said))


class Heard:
    """A caller that notes everything."""

    def __init__(self):
        self.said, self.messages = [], []

    def subscribed(self, _call, problem):
        self.said.append(problem)

    def came(self, _call, messages):
        self.messages += messages


def called(found, *, name="anlan", **said):
    """Call until it is over; return what was heard and why it is over."""
    heard = Heard()

    async def whole():
        port = found.listener.getsockname()[1]
        line = await call(a_part(port, **said), Path(), heard, name=name)
        return await asyncio.wait_for(line.over, 30)

    return heard, asyncio.run(whole())


def refusing(reason):
    def serve(found, line, _number):
        line.sendall(packets.connack(found.hear(line, Connect).level, reason))
        found.hear(line, Disconnect)

    return serve


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_broker_that_refuses_is_quoted(version):
    with answering(refusing(Reason.BAD_CREDENTIALS)) as found:
        heard, why = called(found, version=version)
    assert why == "refused: bad credentials"
    assert not heard.said
    [asked] = found.heard
    assert not asked.clean
    assert asked.client_id == "anlan"
    expiry = {"3.1.1": 0xFFFFFFFF, "5": calling.SESSION_KEPT_S}[version]
    assert asked.session_expiry_s == expiry


def test_without_a_name_nothing_stays_with_the_broker():
    with answering(refusing(Reason.UNAVAILABLE)) as found:
        called(found, name="")
    assert found.heard[0].clean


def test_who_never_answers_is_left(monkeypatch):
    monkeypatch.setattr(calling, "ANSWERED_S", 0.2)
    with answering(lambda found, line, _: found.hear(line, Disconnect)) as found:
        assert called(found)[1] == "no answer"


def test_filters_that_are_refused_are_named():
    def serve(found, line, _number):
        found.let_in(line, reasons=(1, 0x80))

    topics = (TopicPart("anlan/#"), TopicPart("secret/#"))
    with answering(serve) as found:
        heard, why = called(found, topics=topics)
    assert heard.said == ["subscription refused: secret/#"]
    assert why.startswith("line lost")


def test_other_filters_than_were_asked_for_end_the_line():
    with answering(lambda found, line, _: found.let_in(line, reasons=(1, 1))) as found:
        heard, why = called(found)
    assert not heard.said
    assert "other filters" in why


def test_what_is_no_mqtt_ends_the_line():
    def serve(_found, line, _number):
        line.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        line.recv(65536)
        line.recv(65536)

    with answering(serve) as found:
        assert "breaks the protocol" in called(found)[1]


def test_a_broker_of_5_says_why_it_goes():
    def serve(found, line, _number):
        found.let_in(line)
        line.sendall(packets.goodbye(V5, Reason.SHUTTING_DOWN))
        line.recv(65536)

    with answering(serve) as found:
        assert called(found, version="5")[1] == "line lost: shutting down"


def test_a_silent_broker_is_missed_and_one_that_answers_is_not():
    """Its word on how often we have to be there counts: 1 s here, 60 s were offered."""
    beats = []

    def serve(found, line, _number):
        found.let_in(line, said={Property.SERVER_KEEP_ALIVE: 1})
        while True:
            found.hear(line, PingReq)
            beats.append(1)
            if len(beats) <= 4:  # for two seconds it answers, then no more
                line.sendall(packets.PONG)

    with answering(serve) as found:
        assert called(found, version="5")[1] == "line lost: the broker is silent"
    assert len(beats) >= 6


def test_what_goes_wrong_is_told_in_few_words(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for part, told in [
        (a_part(port), "Connection refused"),
        (a_part(port, host="nowhere.invalid"), "[Errno"),
        (a_part(port, tls=True, ca="none.pem"), "No such file or directory"),
        (a_part(port, user="anlan", password_file="none"), "mqtt.settings"),
    ]:
        with pytest.raises(Exception) as failed:  # noqa: PT011  each has its own
            asyncio.run(call(part, tmp_path, Heard(), name="x"))
        assert problem_of(failed.value).startswith(told), part
    assert problem_of(TimeoutError()) == "no answer"


class Keeping:
    """Takes letters and tells their homes when it is asked to."""

    is_full = False

    def __init__(self):
        self.letters = []

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

    yield one
    for line in made:
        line.close()


def a_message(number):
    return packets.publish(V311, "anlan/observations", b"%d" % number, packet_id=number)


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
    assert line.state.problem.startswith(("refused", "line lost"))


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
        late = [type("L", (), {"mark": (None, 1)})()]
        line.settled([(late[0], Fate.KEPT)])  # nobody is there any more: it comes again


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
