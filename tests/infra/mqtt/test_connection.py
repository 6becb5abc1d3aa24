"""MQTT as bytes: what is read, what is refused and why, however the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from anlan.infra.mqtt import (
    Connect,
    Disconnect,
    PingReq,
    PubAck,
    Publish,
    Reason,
    ServerConnection,
    Subscribe,
    Unsubscribe,
    packets,
    properties,
)
from anlan.infra.mqtt.properties import Property
from anlan.infra.mqtt.topics import is_filter, is_topic, matches
from anlan.infra.mqtt.wire import MOST_REMAINING, V5, V311, Reader, packet, text, variable

LARGEST = 64 * 1024


def a_connect(level=V311, flags=0xC2, name="dev", rest=None, said=b"\0"):
    head = text("MQTT") + bytes([level, flags]) + b"\0\x3c" + (said if level == V5 else b"")
    return packet(0x10, head + text(name) + (text("u") + text("secret") if rest is None else rest))


def a_publish(topic="t", payload=b"x", number=7, level=V311, flags=0x02, said=b"\0"):
    middle = number.to_bytes(2, "big") if flags & 0x06 else b""
    return packet(0x30 | flags, text(topic) + middle + (said if level == V5 else b"") + payload)


def came_in(level=V311):
    line = ServerConnection(largest=LARGEST)
    assert isinstance(line.receive(a_connect(level))[0], Connect)
    return line


def broken(line, data):
    found = line.receive(data)
    assert line.broken is not None, found
    assert line.receive(a_publish()) == []  # nothing is read from a broken line
    return line.broken.reason


@pytest.mark.parametrize("level", [V311, V5])
def test_a_client_comes_in(level):
    line = ServerConnection(largest=LARGEST)
    [found] = line.receive(a_connect(level))
    assert found == Connect(level, "dev", True, 60, "u", b"secret", {})
    assert (line.level, line.connected, line.broken) == (level, True, None)


def test_what_a_connect_of_5_asks_for():
    said = properties.write(
        {
            Property.SESSION_EXPIRY: 3600,
            Property.RECEIVE_MAXIMUM: 5,
            Property.MAXIMUM_PACKET_SIZE: 999,
        }
    )
    [found] = ServerConnection(largest=LARGEST).receive(a_connect(V5, 0xC0, said=said))
    assert (found.session_expiry_s, found.receive_maximum, found.largest_packet) == (3600, 5, 999)
    assert not found.clean


def test_a_will_is_read_and_left():
    will = text("gone") + text("bye")
    [old] = ServerConnection(largest=LARGEST).receive(
        a_connect(flags=0xC6, rest=will + text("u") + text("p"))
    )
    [new] = ServerConnection(largest=LARGEST).receive(
        a_connect(V5, 0xC6, rest=b"\5\x18\0\0\0\1" + will + text("u") + text("p"))
    )
    assert (old.user, new.user, new.password) == ("u", "u", b"p")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x30\x03\x00\x01t", Reason.PROTOCOL_ERROR),  # a PUBLISH first
        (b"GET / HTTP/1.1\r\n", Reason.PROTOCOL_ERROR),
        (packet(0x10, text("MQIsdp") + b"\x03\xc2\0\x3c" + text("d")), Reason.VERSION_UNKNOWN),
        (packet(0x10, text("MQTT") + b"\x06\xc2\0\x3c\0" + text("d")), Reason.VERSION_UNKNOWN),
        (a_connect(flags=0xC3), Reason.MALFORMED),  # the reserved bit
        (a_connect(flags=0x42, rest=text("p")), Reason.MALFORMED),  # password without user
        (a_connect(flags=0xCA), Reason.MALFORMED),  # QoS of a will that is not there
        (a_connect(flags=0xC2, rest=text("u")), Reason.MALFORMED),  # too short
        (a_connect(flags=0xC2, rest=text("u") + text("p") + b"!"), Reason.MALFORMED),
        (a_connect(flags=0xC0, name=""), Reason.CLIENT_ID_REFUSED),
        (a_connect(V5, said=properties.write({Property.AUTH_METHOD: "x"})), Reason.BAD_METHOD),
        (a_connect(V5, said=b"\4\x11\0\0\0"), Reason.MALFORMED),
        (a_connect(V5, said=b"\x03\x21\0\0"), Reason.PROTOCOL_ERROR),  # receive maximum 0
        (a_connect(V5, said=b"\x02\x7f\0"), Reason.MALFORMED),  # no such property
        (b"\x10\xff\xff\xff\x7f", Reason.TOO_LARGE),
        (b"\x10\xff\xff\xff\xff\x01", Reason.MALFORMED),
        (b"\x10\x80\x00", Reason.MALFORMED),  # a length longer than it must be
        (a_connect(name="a\0b"), Reason.MALFORMED),
        (packet(0x10, b"\0\4MQTT\4\xc2\0\0\0\2\xff\xfe"), Reason.MALFORMED),  # no UTF-8
    ],
)
def test_who_may_not_come_in(data, reason):
    assert broken(ServerConnection(largest=LARGEST), data) == reason


def test_a_refusal_can_be_told_in_the_version_of_the_client():
    line = ServerConnection(largest=LARGEST)
    line.receive(a_connect(V5, flags=0xC3))
    assert line.level == V5
    assert packets.connack(V5, Reason.MALFORMED) == b"\x20\x03\x00\x81\x00"
    assert packets.connack(V311, Reason.BAD_CREDENTIALS) == b"\x20\x02\x00\x04"
    assert packets.connack(V311, Reason.QUOTA) == b"\x20\x02\x00\x03"


@pytest.mark.parametrize("level", [V311, V5])
def test_messages_and_everything_else_a_client_says(level):
    line = came_in(level)
    v5 = level == V5
    data = (
        a_publish("a/b", b"{}", 7, level)
        + a_publish("a/b", b"", 0, level, flags=0x01)
        + a_publish("a/b", b"again", 8, level, flags=0x0A)
        + packet(0x82, b"\0\3" + (b"\0" if v5 else b"") + text("x/#") + b"\1" + text("a#") + b"\0")
        + packet(0xA2, b"\0\4" + (b"\0" if v5 else b"") + text("x/#"))
        + packet(0x40, b"\0\5")
        + b"\xc0\0"
        + packet(0xE0, b"\x04\x05\x11\0\0\0\x09" if v5 else b"")
    )
    found = line.receive(data)
    assert line.broken is None
    assert found[:3] == [
        Publish("a/b", b"{}", 7, False, False),
        Publish("a/b", b"", 0, True, False),
        Publish("a/b", b"again", 8, False, True),
    ]
    assert [one.qos for one in found[:3]] == [1, 0, 1]
    asked = found[3]
    assert isinstance(asked, Subscribe)
    assert [(one.pattern, one.qos, one.valid) for one in asked.asked] == [
        ("x/#", 1, True),
        ("a#", 0, False),
    ]
    assert found[4:] == [
        Unsubscribe(4, ("x/#",)),
        PubAck(5, 0),
        PingReq(),
        Disconnect(4, 9) if v5 else Disconnect(0),
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (a_connect(), Reason.PROTOCOL_ERROR),
        (a_publish(flags=0x04), Reason.QOS_UNSUPPORTED),
        (a_publish(flags=0x06), Reason.MALFORMED),
        (a_publish(flags=0x08), Reason.MALFORMED),  # a repetition with QoS 0
        (a_publish(number=0), Reason.MALFORMED),
        (a_publish(topic=""), Reason.TOPIC_INVALID),
        (a_publish(topic="a/+"), Reason.TOPIC_INVALID),
        (a_publish(topic="a" * 1025), Reason.TOPIC_INVALID),
        (packet(0x32, b"\0\x09abc"), Reason.MALFORMED),  # the topic is longer than the packet
        (packet(0x32, b"\0"), Reason.MALFORMED),
        (packet(0x32, text("t")), Reason.MALFORMED),  # no packet identifier
        (packet(0x30, b"\0\2\xc3\x28"), Reason.MALFORMED),  # no UTF-8
        (b"\x30" + variable(LARGEST), Reason.TOO_LARGE),
        (packet(0x82, b"\0\0" + text("x") + b"\0"), Reason.MALFORMED),
        (packet(0x82, b"\0\1"), Reason.PROTOCOL_ERROR),
        (packet(0x82, b"\0\1" + text("x") + b"\3"), Reason.MALFORMED),
        (packet(0x80, b"\0\1" + text("x") + b"\0"), Reason.MALFORMED),  # flags
        (packet(0x82, b"\0\1" + (text("x") + b"\0") * 101), Reason.QUOTA),
        (packet(0xA2, b"\0\1"), Reason.PROTOCOL_ERROR),
        (packet(0xC0, b"x"), Reason.MALFORMED),
        (packet(0xE0, b"x"), Reason.MALFORMED),
        (packet(0x40, b"\0\1\2"), Reason.MALFORMED),
        (packet(0x62, b"\0\1"), Reason.PROTOCOL_ERROR),  # PUBREL
        (b"\x00\x00", Reason.MALFORMED),
        (b"\xf0\x00", Reason.MALFORMED),
        (b"\x20\x02\0\0", Reason.MALFORMED),  # what only a server sends
    ],
)
def test_what_breaks_a_line(data, reason):
    assert broken(came_in(), data) == reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"\3\x23\0\1", Reason.ALIAS_INVALID),
        (b"\2\x0b\1", Reason.PROTOCOL_ERROR),  # a subscription identifier, which only servers send
        (b"\x04\x01\1\x01\1", Reason.PROTOCOL_ERROR),  # twice
        (b"\2\1\2", Reason.PROTOCOL_ERROR),  # a flag that is neither 0 nor 1
        (b"\x7f\1", Reason.MALFORMED),
        (b"\x03\x26\0\1", Reason.MALFORMED),
    ],
)
def test_properties_that_break_a_line(said, reason):
    assert broken(came_in(V5), a_publish(level=V5, said=said)) == reason


def test_properties_that_mean_nothing_here_are_passed():
    said = (
        b"\x1f\x01\1\x02\0\0\0\5\x03\0\1j\x08\0\1r\x09\0\1c" + b"\x26\0\1k\0\1v" + b"\x26\0\0\0\0"
    )
    [found] = came_in(V5).receive(a_publish(level=V5, said=said))
    assert found == Publish("t", b"x", 7, False, False)


def test_what_came_before_the_break_is_heard():
    line = came_in()
    assert line.receive(a_publish() + b"\xf0\x00") == [Publish("t", b"x", 7, False, False)]
    assert line.broken is not None


def test_a_slow_sender_costs_what_it_sent_and_no_more():
    line = came_in()
    whole = a_publish(payload=b"y" * 30_000)
    for place in range(0, len(whole) - 1, 997):
        assert line.receive(whole[place : min(place + 997, len(whole) - 1)]) == []
    assert line.held_bytes == len(whole) - 1
    assert [len(one.payload) for one in line.receive(whole[-1:])] == [30_000]
    assert line.held_bytes == 0


MESSAGES = st.lists(
    st.builds(
        Publish,
        topic=st.text(
            st.characters(exclude_characters="+#\0", exclude_categories=["Cs"]),
            min_size=1,
            max_size=20,
        ),
        payload=st.binary(max_size=300),
        packet_id=st.integers(0, 65535),
        retain=st.booleans(),
        dup=st.just(False),
        too_long=st.just(0),
    ),
    max_size=8,
)


@given(MESSAGES, st.sampled_from([V311, V5]), st.lists(st.integers(1, 50), min_size=1))
def test_however_the_bytes_are_cut_the_messages_are_the_same(messages, level, cuts):
    data = b"".join(
        a_publish(
            one.topic,
            one.payload,
            one.packet_id,
            level,
            (0x02 if one.packet_id else 0) | one.retain,
        )
        for one in messages
    )
    line, found, at, turn = came_in(level), [], 0, 0
    while at < len(data):
        step = cuts[turn % len(cuts)]
        found += line.receive(data[at : at + step])
        at, turn = at + step, turn + 1
    assert (found, line.broken, line.held_bytes) == (messages, None, 0)


@given(st.binary(max_size=400), st.sampled_from([V311, V5]), st.booleans())
def test_no_bytes_do_more_than_break_the_line(data, level, inside):
    line = came_in(level) if inside else ServerConnection(largest=LARGEST)
    for place in range(0, len(data), 7):
        line.receive(data[place : place + 7])
        assert line.held_bytes <= LARGEST


@given(st.sampled_from([0x10, 0x30, 0x32, 0x40, 0x82, 0xA2, 0xE0]), st.binary(max_size=200))
def test_no_body_does_more_than_break_the_line(head, body):
    for level in (V311, V5):
        line = ServerConnection(largest=LARGEST) if head == 0x10 else came_in(level)
        line.receive(packet(head, body))
        assert line.broken is not None or line.held_bytes == 0


@given(st.binary(max_size=60))
def test_properties_are_read_as_paho_reads_them(raw):
    """Whatever our reader takes for properties of a PUBLISH, paho's takes too."""
    data = variable(len(raw)) + raw
    reader = Reader(data)
    try:
        ours = properties.read(reader, properties.OF_PUBLISH)
    except Exception:  # noqa: BLE001  refused: nothing to compare
        return
    theirs = Properties(PacketTypes.PUBLISH)
    theirs.unpack(data)
    names = {one.name.replace("_", "").lower() for one in ours}
    told = {name.lower() for name in theirs.json() if name != "UserProperty"}
    short = {"payloadformat": "payloadformatindicator", "messageexpiry": "messageexpiryinterval"}
    assert {short.get(name, name) for name in names} == told


@given(st.integers(0, MOST_REMAINING))
def test_numbers_of_changing_length(value):
    assert Reader(variable(value)).variable() == value


def test_what_a_server_says():
    assert packets.pubacks([(7, 0), (8, Reason.QUOTA)], V5) == b"\x40\2\0\7\x40\3\0\x08\x97"
    assert packets.pubacks([(7, 0), (8, Reason.QUOTA)], V311) == b"\x40\2\0\7\x40\2\0\x08"
    assert packets.suback(V5, 9, [0, 1, 0x87]) == b"\x90\6\0\x09\0\0\1\x87"
    assert packets.suback(V311, 9, [0, 1, 0x87]) == b"\x90\5\0\x09\0\1\x80"
    assert packets.unsuback(V5, 9, [0, 0x11]) == b"\xb0\5\0\x09\0\0\x11"
    assert packets.unsuback(V311, 9, [0]) == b"\xb0\2\0\x09"
    assert packets.publish(V311, "t", b"x", packet_id=3, dup=True) == b"\x3a\6\0\1t\0\3x"
    assert packets.publish(V5, "t", b"x", ids=[5]) == b"\x30\7\0\1t\2\x0b\5x"
    assert packets.goodbye(V5, Reason.TAKEN_OVER) == b"\xe0\1\x8e"
    assert packets.goodbye(V311, Reason.TAKEN_OVER) == b""


@pytest.mark.parametrize(
    ("pattern", "topic", "fits"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("+", "/x", False),
        ("+/+", "/x", True),
        ("a", "A", False),
    ],
)
def test_filters(pattern, topic, fits):
    assert matches(pattern, topic) is fits


def test_what_is_a_filter_and_what_a_topic():
    good, bad = ["a", "+", "#", "a/+/b", "/", "a/#"], ["", "a#", "a/#/b", "a+", "+a/b"]
    assert [is_filter(one) for one in good] == [True] * len(good)
    assert [is_filter(one) for one in bad] == [False] * len(bad)
    assert [is_topic(one) for one in ("a/b", "", "a/+", "#")] == [True, False, False, False]
