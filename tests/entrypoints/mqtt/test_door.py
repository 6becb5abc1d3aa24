"""The door: a device is told when its readings are kept, and not before."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from datetime import timedelta

import pytest

from anlan.entrypoints.mqtt.letters import Fate
from anlan.entrypoints.mqtt.settings import DoorPart
from anlan.entrypoints.mqtt.topics import Rule
from anlan.infra import failpoints
from anlan.infra.mqtt.wire import packet, text
from anlan.kernel.errors import UnavailableError
from anlan.sensing.models import Quarantine
from anlan.sensing.store.log import LogWriter
from tests.entrypoints.mqtt.conftest import a_row, a_token, eventually, kept
from tests.sensing.conftest import NOW

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
OWN = "anlan/observations"


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [0, 1])
def test_readings_come_in_and_are_kept(door, device, version, qos):
    dev = device(door.port, a_token().secret, version=version)
    assert not dev.reason.is_failure
    sent = [
        dev.publish(OWN, a_row(minute=0, value=1), qos=qos),
        dev.publish(OWN, [a_row(minute=1, value=2), a_row("s2", value=7)], qos=qos),
        dev.publish(OWN, {"observations": [a_row(minute=2, value=300)], "unit": "cm"}, qos=qos),
        dev.publish("anlan/observations/pump-7", a_row(minute=3, value=4), qos=qos, retain=True),
    ]
    for info in sent:
        assert not dev.told(info).is_failure
    eventually(lambda: kept() == [100.0, 200.0, 300.0, 400.0])
    eventually(lambda: kept("s2") == [7.0])


def test_nobody_is_told_before_it_is_on_the_disk(door, device, monkeypatch):
    may_go, append = threading.Event(), LogWriter.append
    reached = threading.Event()

    def slow(self, frames):
        reached.set()
        assert may_go.wait(60)
        return append(self, frames)

    monkeypatch.setattr(LogWriter, "append", slow)
    dev = device(door.port, a_token().secret)
    info = dev.publish(OWN, a_row(value=1))
    assert reached.wait(60)
    assert info.mid not in dev.acks
    may_go.set()
    dev.told(info)
    assert kept() == [100.0]


def test_a_disk_that_refuses_makes_wait_and_loses_nothing(open_door, device, monkeypatch):
    refusals, append = [], LogWriter.append

    def refuse(self, frames):
        if len(refusals) < 3:
            refusals.append(1)
            raise UnavailableError(what="observation store")
        return append(self, frames)

    monkeypatch.setattr(LogWriter, "append", refuse)
    door = open_door()
    dev = device(door.port, a_token().secret)
    dev.told(dev.publish(OWN, a_row(value=1)))
    assert len(refusals) == 3
    assert kept() == [100.0]


def test_the_same_message_again_is_one_reading(door, device):
    token = a_token().secret
    dev = device(door.port, token)
    for _ in range(3):
        dev.told(dev.publish(OWN, a_row(value=5)))
    again = device(door.port, token, name="dev-2")
    again.told(again.publish(OWN, a_row(value=5)))
    again.told(again.publish(OWN, a_row(minute=-5, value=3)))  # out of order
    assert kept() == [300.0, 500.0]


def test_what_cannot_be_read_lies_aside_before_the_device_is_told(door, device):
    dev = device(door.port, a_token().secret)
    for payload in (b"{", b"\xff\xfe", b"[" * 5000, b"3"):
        dev.told(dev.publish(OWN, payload))
    dev.told(dev.publish("who/knows", a_row()))
    dev.told(dev.publish(OWN, a_row("nobody")))
    dev.told(dev.publish(OWN, {"stream": "s1", "value": 1}))
    found = Quarantine.objects.order_by("id").values_list("error", "place")
    assert [error for error, _ in found] == [
        *["observation.batch_malformed"] * 4,
        "mqtt.topic_unknown",
        "observation.rows_refused",
        "observation.rows_refused",
    ]
    assert found[4][1] == "who/knows"
    # The same again lies there once.
    dev.told(dev.publish(OWN, b"{"))
    assert Quarantine.objects.count() == 7


@pytest.mark.parametrize("version", [4, 5])
def test_a_flood_of_rubbish_does_not_fill_the_disk(open_door, device, monkeypatch, version):
    monkeypatch.setattr("anlan.sensing.services.allowance.MOST_MESSAGES", 3)
    dev = device(open_door().port, a_token().secret, version=version)
    told = [dev.told(dev.publish(OWN, a_row("nobody", minute=minute))) for minute in range(6)]
    refused = [one.getName() for one in told if one.is_failure]
    assert refused == (["Quota exceeded"] * 3 if version == 5 else [])
    assert Quarantine.objects.count() == 3
    dev.told(dev.publish(OWN, [a_row(value=2), a_row("nobody")]))  # what is good is kept
    assert kept() == [200.0]


def test_receipt_time_where_the_file_says_so(open_door, device, clock):
    door = open_door(rules=[Rule("plain/#", receipt_time=True)])
    dev = device(door.port, a_token().secret)
    dev.told(dev.publish("plain/x", {"stream": "s1", "value": 1}))
    clock.at = NOW + timedelta(minutes=1)
    dev.told(dev.publish("plain/x", {"stream": "s1", "value": 2}))
    assert kept() == [100.0, 200.0]


def test_what_breaks_one_message_does_not_hold_up_the_others(open_door, device):
    class Odd:
        def decode(self, topic, payload, *, now):
            raise ZeroDivisionError

    door = open_door(rules=[Rule("odd", Odd())])
    dev = device(door.port, a_token().secret)
    infos = [dev.publish("odd", b"x"), dev.publish(OWN, a_row(value=1)), dev.publish("odd", b"y")]
    for info in infos:
        dev.told(info)
    assert kept() == [100.0]
    assert Quarantine.objects.filter(error="internal").count() == 2


def test_a_crash_after_the_disk_and_before_the_word_doubles_nothing(open_door, device):
    token = a_token().secret
    door = open_door()
    dev = device(door.port, token)
    failpoints.arm("sensing.before_commit:raise:1")
    infos = [dev.publish(OWN, [a_row(value=1), a_row("nobody")])]
    dev.told(infos[0])
    assert kept() == [100.0]


def test_mosquitto_s_own_client(door, mosquitto_there):
    assert mosquitto_there
    token = a_token().secret
    pub = shutil.which("mosquitto_pub")
    for minute, version in enumerate(("311", "5")):
        row = str(a_row(minute=minute, value=minute)).replace("'", '"')
        ended = subprocess.run(
            [pub, "-p", str(door.port), "-V", version, "-u", "d", "-P", token, "-q", "1",
             "-t", OWN, "-m", row, "-i", "m", "-c", "--will-topic", "gone", "--will-payload", "x"],
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
    assert kept() == [0.0, 100.0]
    wrong = [pub, "-p", str(door.port), "-u", "d", "-P", "x", "-t", OWN, "-m", "1"]
    assert subprocess.run(wrong, capture_output=True, timeout=60, check=False).returncode != 0


class Nobody:
    """Keeps nothing until it is told to."""

    def __init__(self, most=10**9):
        self.letters, self.most, self.opened = [], most, threading.Event()

    def take(self, letters):
        self.letters += letters

    @property
    def is_full(self):
        return len(self.letters) >= self.most

    def settle(self):
        letters, self.letters = self.letters, []
        homes = {letter.home for letter in letters}
        for home in homes:
            home.settled([(one, Fate.KEPT) for one in letters if one.home is home])

    def close(self):
        pass


@pytest.fixture
def connected():
    """Open lines to a port, and close them at the end."""
    made = []

    def connect(port):
        made.append(socket.create_connection(("127.0.0.1", port), timeout=60))
        return made[-1]

    yield connect
    for line in made:
        line.close()


def hello(line, token, name="raw", keep_alive=0):
    head = text("MQTT") + b"\x04\xc2" + keep_alive.to_bytes(2, "big")
    line.sendall(packet(0x10, head + text(name) + text("u") + text(token)))


def say_hello(line, token, name="raw", keep_alive=0):
    hello(line, token, name, keep_alive)
    assert line.recv(4) == b"\x20\x02\0\0"
    return line


def a_message(number):
    return packet(0x32, text(OWN) + number.to_bytes(2, "big") + b"x" * 1000)


def test_too_much_at_once_is_left_with_the_device(open_door, connected):
    taker = Nobody()
    door = open_door(taker=taker)
    line = say_hello(connected(door.port), a_token().secret)
    line.setblocking(False)
    sent, data = 0, b"".join(a_message(1 + n) for n in range(60_000))
    until = eventually
    stuck = 0
    while stuck < 20 and sent < len(data):
        try:
            sent += line.send(data[sent : sent + 65536])
            stuck = 0
        except BlockingIOError:
            stuck += 1
            threading.Event().wait(0.05)
    assert sent < len(data)
    taken = len(taker.letters)
    assert 4000 <= taken <= 4600  # what may be under way, and what lay in one look at the socket
    taker.settle()
    line.setblocking(True)
    until(lambda: len(taker.letters) >= 2000)
    line.close()


def test_too_much_of_all_together_is_left_with_the_devices(open_door, connected):
    taker = Nobody(most=5)
    door = open_door(taker=taker)
    token = a_token().secret
    first, second = (
        say_hello(connected(door.port), token, "a"),
        say_hello(connected(door.port), token, "b"),
    )
    first.sendall(a_message(1) * 5)
    eventually(lambda: len(taker.letters) == 5)
    second.sendall(a_message(1))
    eventually(lambda: len(taker.letters) == 6)
    for line in (first, second):
        line.sendall(a_message(2))
    threading.Event().wait(0.2)
    assert len(taker.letters) == 6
    taker.settle()
    eventually(lambda: len(taker.letters) == 2)


def closed(line):
    """Wait until the other side closes; return what it said last."""
    said = b""
    while True:
        try:
            got = line.recv(4096)
        except ConnectionResetError:
            return said
        if not got:
            return said
        said += got


def test_half_open_and_silent_peers_are_let_go(open_door, monkeypatch, connected):
    monkeypatch.setattr("anlan.entrypoints.mqtt.peer.ONCE_IN", 0.3)
    monkeypatch.setattr("anlan.entrypoints.mqtt.door.SWEEP_S", 0.1)
    door = open_door()
    token = a_token().secret
    says_nothing = connected(door.port)
    slow = connected(door.port)
    slow.sendall(b"\x10\x50\0\4MQ")
    assert closed(says_nothing) == closed(slow) == b""
    sleeps = say_hello(connected(door.port), token, keep_alive=1)
    assert closed(sleeps) == b""
    assert door.door.counts["silent"] == 1


def test_broken_packets_end_a_line_with_the_reason(door, device, connected):
    token = a_token().secret
    line = say_hello(connected(door.port), token)
    line.sendall(b"\x30" + b"\xff\xff\xff\x7f")
    assert closed(line) == b""
    dev = device(door.port, token, version=5)
    dev.client._sock.sendall(b"\x30\xff\xff\xff\x7f")
    assert dev.gone.wait(60)
    assert dev.gone_for.getName() == "Packet too large"
    assert door.door.counts["broken"] == 2


def test_the_same_name_takes_the_line_over(door, device):
    token = a_token().secret
    first = device(door.port, token, version=5, name="pump")
    second = device(door.port, token, version=5, name="pump")
    assert first.gone.wait(60)
    assert first.gone_for.getName() == "Session taken over"
    other = a_token("gateway-2").secret
    device(door.port, other, version=5, name="pump")
    assert not second.gone.is_set()  # names are each account's own
    assert door.door.clients == 2


def test_too_many_lines_are_turned_away(open_door, connected):
    door = open_door(DoorPart(port=0, clients=2))
    token = a_token().secret
    lines = [say_hello(connected(door.port), token, name) for name in "ab"]
    third = connected(door.port)
    assert closed(third) == b""
    lines[0].close()
    eventually(lambda: door.door.clients == 1)
    say_hello(connected(door.port), token, "c")


def test_who_sends_too_fast_is_read_more_slowly(open_door, connected):
    taker = Nobody()
    door = open_door(DoorPart(port=0, messages_per_second=10), taker=taker)
    line = say_hello(connected(door.port), a_token().secret)
    line.sendall(a_message(1) * 30)
    eventually(lambda: len(taker.letters) == 30)
    line.sendall(a_message(2))
    threading.Event().wait(0.5)
    assert len(taker.letters) == 30
    eventually(lambda: len(taker.letters) == 31)
