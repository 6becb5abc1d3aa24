"""Anlan as a client, before brokers that do what brokers should not: silence, floods, refusals, old numbers."""

from __future__ import annotations

import asyncio
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anlan.entrypoints.mqtt import calling
from anlan.entrypoints.mqtt.calling import call, problem_of
from anlan.entrypoints.mqtt.settings import TopicPart
from anlan.infra.mqtt import Connect, Disconnect, PingReq, PubAck, Reason, packets
from anlan.infra.mqtt.properties import Property
from anlan.infra.mqtt.wire import V5, V311
from anlan.kernel.actor import Actor, Role
from tests.entrypoints.mqtt.answers import a_message, a_part, answering, refusing, run_apart
from tests.entrypoints.mqtt.conftest import eventually

NOW = datetime(2026, 7, 20, 8, tzinfo=UTC)
SENDER = Actor("gateway", Role.PROGRAM, areas=("",), scopes=frozenset({"signs:write"}))


class Heard:
    """A caller that notes everything."""

    def __init__(self):
        self.said, self.messages = [], []

    def let_in(self, _call):
        pass

    def subscribed(self, _call, problem):
        self.said.append(problem)

    def came(self, call, messages):
        self.messages += messages
        call.acknowledge(messages)


def called(found, *, name="anlan", **said):
    """Call until it is over; return what was heard and why it is over."""
    heard = Heard()

    async def whole():
        port = found.listener.getsockname()[1]
        line = await call(a_part(port, **said), Path(), heard, name=name)
        return await asyncio.wait_for(line.over, 30)

    return heard, run_apart(whole())


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
    monkeypatch.setattr(calling, "ANSWERED_S", 1.0)
    with answering(lambda found, line, _: found.hear(line, Disconnect)) as found:
        assert called(found)[1] == "no answer"


def test_who_never_answers_the_subscription_is_left_too(monkeypatch):
    monkeypatch.setattr(calling, "ANSWERED_S", 1.5)

    def serve(found, line, _number):
        line.sendall(packets.connack(found.hear(line, Connect).level, Reason.SUCCESS))
        while found.hear(line, PingReq):
            line.sendall(packets.PONG)

    with answering(serve) as found:
        assert called(found)[1] == "no answer"


def test_who_sends_without_waiting_for_us_is_no_good_broker():
    with answering(lambda found, line, _: found.let_in(line, reasons=(0,))) as found:
        assert called(found)[0].said == ["sent without acknowledgement (QoS 0): anlan/#"]


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


def acks(found):
    return [one.packet_id for one in found.heard if isinstance(one, PubAck)]


def test_an_impatient_broker_hears_of_each_message_once(monkeypatch):
    """The number may be the next message's when the second acknowledgement comes."""
    late = []
    monkeypatch.setattr(Heard, "came", lambda self, call, ones: late.append((call, list(ones))))

    def serve(found, line, _number):
        found.let_in(line)
        line.sendall(a_message(1))
        eventually(lambda: late)
        again = packets.publish(V311, "anlan/observations", b"1", packet_id=1, dup=True)
        line.sendall(again + again + a_message(2))
        eventually(lambda: len(late) == 2)
        loop = late[0][0].over.get_loop()
        for this, ones in late:
            loop.call_soon_threadsafe(this.acknowledge, ones)
        while len(acks(found)) < 2:
            found.hear(line, PubAck)

    with answering(serve) as found:
        called(found)
    assert [one.packet_id for _, ones in late for one in ones] == [1, 2]
    assert acks(found) == [1, 2]


def test_a_new_message_of_a_number_is_acknowledged_for_itself_alone(monkeypatch):
    """It came while the one before was under way: that one's end must not stand for it."""
    late = []
    monkeypatch.setattr(Heard, "came", lambda self, call, ones: late.append((call, list(ones))))

    def serve(found, line, _number):
        found.let_in(line)
        for payload in (b"one", b"two"):
            line.sendall(packets.publish(V311, "a", payload, packet_id=7))
            eventually(lambda payload=payload: late and late[-1][1][-1].payload == payload)
        (call, [first]), (_, [second]) = late
        loop = call.over.get_loop()
        loop.call_soon_threadsafe(call.acknowledge, [first])
        loop.call_soon_threadsafe(line.sendall, a_message(8))
        eventually(lambda: len(late) == 3)
        loop.call_soon_threadsafe(call.acknowledge, late[2][1])
        while acks(found) != [8]:
            found.hear(line, PubAck)
        assert call.unacknowledged == 1
        loop.call_soon_threadsafe(call.acknowledge, [second])
        while acks(found) != [8, 7]:
            found.hear(line, PubAck)

    with answering(serve) as found:
        called(found)
    assert acks(found) == [8, 7]


def test_of_a_message_that_is_too_large_the_topic_comes(monkeypatch):
    monkeypatch.setattr(calling, "LARGEST", 10_000)

    def serve(found, line, _number):
        found.let_in(line)
        large = packets.publish(V311, "a", b"x" * 50_000, packet_id=1)
        line.sendall(large + a_message(2))
        while len(acks(found)) < 2:
            found.hear(line, PubAck)

    with answering(serve) as found:
        heard, _ = called(found)
    assert [(one.topic, one.payload, one.too_long) for one in heard.messages] == [
        ("a", b"", 50_005),
        ("anlan/observations", b"2", 0),
    ]


def test_what_came_before_the_end_is_handed_on():
    def serve(found, line, _number):
        found.let_in(line)
        line.sendall(packets.publish(V5, "a", b"1") + packets.goodbye(V5, Reason.SHUTTING_DOWN))
        found.hear(line, Disconnect)

    with answering(serve) as found:
        heard, why = called(found, version="5")
    assert [one.payload for one in heard.messages] == [b"1"]
    assert why == "line lost: shutting down"


def test_an_answer_may_come_behind_the_messages_that_waited(monkeypatch):
    monkeypatch.setattr(calling, "ANSWERED_S", 1.5)

    def serve(found, line, _number):
        line.sendall(packets.connack(found.hear(line, Connect).level, Reason.SUCCESS))
        found.hear(line, packets.Subscribe)
        for number in range(1, 26):
            line.sendall(a_message(number))
            threading.Event().wait(0.1)
        line.sendall(packets.suback(V311, 1, [1]))

    with answering(serve) as found:
        heard, _ = called(found)
    assert heard.said == [""]
    assert len(heard.messages) == 25


def test_a_silent_broker_is_missed_and_one_that_answers_is_not():
    """Its word on how often we have to be there counts: 2 s here, 60 s were offered."""
    beats = []

    def serve(found, line, _number):
        found.let_in(line, said={Property.SERVER_KEEP_ALIVE: 2})
        while True:
            found.hear(line, PingReq)
            beats.append(1)
            if len(beats) <= 4:  # for four seconds it answers, then no more
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
        (a_part(port, tls=True, ca="none.pem"), "mqtt.settings: none.pem: "),
        (a_part(port, host="broker..city"), "encoding with 'idna' codec failed"),
        (a_part(port, user="anlan", password_file="none"), "mqtt.settings"),
    ]:
        with pytest.raises(Exception) as failed:  # noqa: PT011  each has its own
            run_apart(call(part, tmp_path, Heard(), name="x"))
        assert problem_of(failed.value).startswith(told), part
    assert problem_of(TimeoutError()) == "no answer"
