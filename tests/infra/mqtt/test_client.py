"""The client's end: what it says is read by the server's end, what a server says is read by it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.infra.mqtt import (
    ClientConnection,
    Connect,
    Disconnect,
    Publish,
    Reason,
    ServerConnection,
    client,
    packets,
)
from anlan.infra.mqtt.client import ConnAck, PingResp, SubAck
from anlan.infra.mqtt.packets import Asked
from anlan.infra.mqtt.properties import NONE, Property
from anlan.infra.mqtt.wire import V5, V311, packet, text

LEVELS = st.sampled_from([V311, V5])
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)  # fmt: skip
LET_IN = b"\x20\x02\0\0"
LET_IN_5 = b"\x20\x03\0\0\0"


def let_in(level):
    line = ClientConnection(level)
    assert line.receive(LET_IN_5 if level == V5 else LET_IN) == [ConnAck(0, False)]
    return line


@given(
    level=LEVELS, name=NAMES, clean=st.booleans(), keep=st.integers(0, 65535),
    user=st.none() | NAMES, password=st.binary(max_size=40),
)  # fmt: skip
def test_a_server_reads_who_calls(level, name, clean, keep, user, password):
    said = {Property.SESSION_EXPIRY: 60, Property.RECEIVE_MAXIMUM: 20} if level == V5 else NONE
    asked = Connect(level, name, clean, keep, user, password if user else None, said)
    assert ServerConnection(largest=1000).receive(client.connect(asked)) == [asked]


@given(level=LEVELS, filters=st.lists(NAMES, min_size=1, max_size=5))
def test_a_server_reads_what_is_asked_for(level, filters):
    server = ServerConnection(largest=10_000)
    server.receive(client.connect(Connect(level, "a", True, 60, None, None)))
    how = 0x11 if level == V5 else 1
    [found] = server.receive(client.subscribe(level, 7, [(one, how) for one in filters]))
    assert found.packet_id == 7
    assert [(one.pattern, one.qos) for one in found.asked] == [(one, 1) for one in filters]
    assert isinstance(found.asked[0], Asked)
    assert server.receive(client.PING + client.FAREWELL) == [
        packets.PingReq(),
        Disconnect(0),
    ]


MESSAGES = st.builds(
    lambda topic, payload, number, dup: (topic, payload, number, dup and number > 0),
    NAMES, st.binary(max_size=300), st.integers(0, 65535), st.booleans(),
)  # fmt: skip


@given(level=LEVELS, messages=st.lists(MESSAGES, max_size=6), data=st.data())
def test_however_the_bytes_are_cut_what_a_server_says_is_the_same(level, messages, data):
    whole = packets.connack(level, Reason.SUCCESS, present=True)
    whole += packets.suback(level, 1, [1, 0x87])
    whole += b"".join(
        packets.publish(level, topic, payload, packet_id=number, dup=dup)
        for topic, payload, number, dup in messages
    )
    whole += packets.PONG + packets.goodbye(level, Reason.SHUTTING_DOWN)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    line, found = ClientConnection(level), []
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        found += line.receive(whole[start:end])
    assert line.broken is None
    assert found == [
        ConnAck(0, True),
        SubAck(1, (1, 0x87 if level == V5 else 0x80)),
        *(Publish(topic, payload, number, False, dup) for topic, payload, number, dup in messages),
        PingResp(),
        *([Disconnect(Reason.SHUTTING_DOWN)] if level == V5 else []),
    ]


@pytest.mark.parametrize(
    ("level", "data", "reason"),
    [
        (V311, b"\x20\x02\0\5", Reason.NOT_AUTHORIZED),
        (V311, b"\x20\x02\0\4", Reason.BAD_CREDENTIALS),
        (V311, b"\x20\x02\0\x63", Reason.UNSPECIFIED),
        (V5, b"\x20\x03\0\x87\0", Reason.NOT_AUTHORIZED),
        (V5, b"\x20\x02\0\1", Reason.VERSION_UNKNOWN),  # a server that knows 3.1.1 only
        (V5, b"\x20\x02\0\x87", Reason.NOT_AUTHORIZED),  # one that left the properties out
    ],
)
def test_refusals_have_the_numbers_of_mqtt_5(level, data, reason):
    [found] = ClientConnection(level).receive(data)
    assert found.reason == reason


def test_reasons_in_words():
    assert client.reason_text(0x87) == "not authorized"
    assert client.reason_text(0xF3) == "reason 0xf3"


def test_what_a_server_of_5_says_of_itself():
    said = {
        Property.SERVER_KEEP_ALIVE: 5, Property.ASSIGNED_CLIENT_ID: "x",
        Property.RESPONSE_INFO: "r", Property.SERVER_REFERENCE: "other",
    }  # fmt: skip
    whole = packets.connack(V5, Reason.SUCCESS, said=said)
    assert ClientConnection(V5).receive(whole) == [ConnAck(0, False, said)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x30\x03\0\1t", Reason.PROTOCOL_ERROR),  # a message before it lets in
        (b"HTTP/1.1 400 Bad Request", Reason.PROTOCOL_ERROR),
        (b"\x20\x01\0", Reason.MALFORMED),
        (b"\x20\x02\2\0", Reason.MALFORMED),
        (b"\x20\x03\0\0\0", Reason.MALFORMED),  # 3.1.1 has no properties
        (b"\x20\xff\xff\xff\x7f", Reason.TOO_LARGE),
    ],
)
def test_who_is_no_broker(data, reason):
    line = ClientConnection(V311)
    assert line.receive(data) == []
    assert line.broken.reason == reason


@pytest.mark.parametrize(
    "data",
    [
        LET_IN,  # twice
        b"\xc0\0",  # what only a client says
        b"\xd0\1x",
        b"\x90\1\0",
        packet(0x34, text("t") + b"\0\1"),  # QoS 2 was not asked for
        packet(0x32, text("t") + b"\0\0"),
    ],
)
def test_what_breaks_the_line_of_a_broker(data):
    line = let_in(V311)
    assert line.receive(data) == []
    assert line.broken is not None


# What devices chose never breaks the line: the broker would send it again and again.

PROPERTIES = [
    b"", b"\x01\x02", b"\x01\x01\x01\x01", b"\x0b\x01", b"\x23\0\x01", b"\x26\0\1\xff\0\1\0", b"\x7f\1",
    b"\x26\0",
]  # fmt: skip


@pytest.mark.parametrize("said", PROPERTIES, ids=repr)
@pytest.mark.parametrize("head", [0x30, 0x31, 0x38, 0x32, 0x3B])
def test_no_property_and_no_flag_costs_a_line(said, head):
    line = let_in(V5)
    number = b"\0\7" if head & 2 else b""
    [found] = line.receive(packet(head, text("t") + number + bytes([len(said)]) + said + b"{}"))
    assert (found.topic, found.payload, found.retain) == ("t", b"{}", bool(head & 1))
    assert line.broken is None


@given(
    level=LEVELS, size=st.integers(2000, 4000), qos=st.booleans(),
    topic=st.sampled_from(["t", "a" * 1024, "a" * 1025]), data=st.data(),
)  # fmt: skip
def test_of_a_message_that_is_too_long_the_beginning_is_read(level, size, qos, topic, data):
    line = ClientConnection(level, largest=1100)
    line.receive(LET_IN_5 if level == V5 else LET_IN)
    number = 7 if qos else 0
    small = packets.publish(level, "u", b"small", packet_id=8)
    large = packets.publish(level, topic, b"x" * size, packet_id=number)
    whole = small + large + small + large + small
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    found, most = [], 0
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        found += line.receive(whole[start:end])
        most = max(most, line.held_bytes)
    assert line.broken is None
    named = topic if len(topic) <= 1024 else "\ufffd"
    length = len(large) - 3  # its head takes three bytes
    a_large = Publish(named, b"", number, False, False, length)
    a_small = Publish("u", b"small", 8, False, False)
    assert found == [a_small, a_large, a_small, a_large, a_small]
    assert most <= 1100


def test_what_is_too_long_and_no_message_breaks_the_line():
    line = ClientConnection(V311, largest=100)
    line.receive(LET_IN)
    line.receive(packet(0x90, b"\0\1" + bytes(200)))
    assert line.broken.reason == Reason.TOO_LARGE


def test_a_topic_longer_than_its_long_packet_breaks_the_line():
    line = ClientConnection(V311, largest=100)
    line.receive(LET_IN)
    assert line.receive(packet(0x30, b"\xff\xff" + bytes(200)) + packet(0x30, text("t"))) == []
    assert line.broken.reason == Reason.MALFORMED


def test_a_topic_that_is_none_costs_no_line():
    line = let_in(V311)
    raw = [b"a/\xff", b"a\0b", b"", b"a/+", b"x" * 5000]
    found = line.receive(b"".join(packet(0x30, len(one).to_bytes(2, "big") + one) for one in raw))
    assert [one.topic for one in found] == ["\ufffd", "a\ufffdb", "", "a/+", "\ufffd"]


@given(data=st.binary(max_size=200), level=LEVELS, inside=st.booleans())
def test_no_bytes_do_more_than_break_the_line(data, level, inside):
    line = let_in(level) if inside else ClientConnection(level)
    for place in range(0, len(data), 7):
        line.receive(data[place : place + 7])
    if line.broken is not None:
        assert line.receive(b"\xd0\0") == []
