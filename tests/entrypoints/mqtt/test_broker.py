"""The line to a broker: nothing is acknowledged that is not kept, whatever breaks in between."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from datetime import timedelta

import msgspec
import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from anlan.entrypoints.mqtt import state
from anlan.entrypoints.mqtt.running import Mqtt
from anlan.entrypoints.mqtt.settings import BrokerPart, MqttSettings, TopicPart
from anlan.infra.mqtt.wire import packet, text
from anlan.kernel.errors import UnavailableError
from anlan.sensing.models import Quarantine
from anlan.sensing.store.log import LogWriter
from tests.entrypoints.mqtt.certificates import certificates
from tests.entrypoints.mqtt.conftest import a_row, a_token, eventually, kept
from tests.sensing.conftest import NOW

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
OWN = "anlan/observations"


def a_secret(live, name, text):
    file = live.keys / name
    file.touch(mode=0o600)
    file.write_text(text + "\n")
    return f"keys/{name}"


def a_part(live, port, **said):
    token = a_token()
    given = {
        "name": "city",
        "host": "127.0.0.1",
        "port": port,
        "tls": False,
        "token_file": a_secret(live, "gateway.token", token.secret),
        "topics": (
            TopicPart("anlan/#"),
            TopicPart("v1.1/#"),
            TopicPart("plain/#", receipt_time=True),
        ),
    }
    return BrokerPart(**(given | said))


@pytest.fixture
def run(live, city, clock, monkeypatch):
    """Run MQTT of the workspace; end it at the end."""
    monkeypatch.setattr("anlan.entrypoints.mqtt.running.NOTED_EVERY", 1)
    running = []

    def start(*parts):
        running.append(Mqtt(MqttSettings(broker=parts), live.root, clock=clock))
        return running[-1]

    yield start
    for one in running:
        one.close()


def connected(running):
    eventually(lambda: all(not line.state.problem for line in running.brokers))


def published(info):
    """Wait until the broker has a message; one that was given to a broken line waits for the next."""

    def there():
        try:
            return info.is_published()
        except RuntimeError:
            return info._published

    eventually(there)


class Publisher:
    """A device before the broker, with a session of its own."""

    def __init__(self, port, **said):
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="pub", clean_session=False)
        self.client.reconnect_delay_set(1, 1)
        self.client.max_queued_messages_set(0)
        for name, value in said.items():
            getattr(self.client, name)(*value)
        self.client.connect_async("127.0.0.1", port)
        self.client.loop_start()
        eventually(self.client.is_connected)

    def publish(self, topic, given, **said):
        return self.client.publish(
            topic, msgspec.json.encode(given), qos=said.pop("qos", 1), **said
        )

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def publisher():
    made = []

    def one(port, **said):
        made.append(Publisher(port, **said))
        return made[-1]

    yield one
    for each in made:
        each.close()


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_readings_come_by_a_broker(mosquitto, live, run, publisher, version):
    broker = mosquitto()
    running = run(a_part(live, broker.port, version=version))
    connected(running)
    pub = publisher(broker.port)
    pub.publish(OWN, a_row(value=1))
    pub.publish(OWN, a_row(minute=1, value=2), qos=0)
    pub.publish(
        "v1.1/Datastreams('s2')/Observations",
        {"phenomenonTime": "2026-07-20T07:00:00Z", "result": 7},
    )
    pub.publish("v1.1/Things", {"name": "x"})
    eventually(lambda: kept() == [100.0, 200.0] and kept("s2") == [7.0])
    eventually(lambda: Quarantine.objects.filter(place="v1.1/Things").exists())


def test_what_came_while_nobody_listened_comes_later(mosquitto, live, run, publisher):
    broker = mosquitto()
    part = a_part(live, broker.port)
    running = run(part)
    connected(running)
    running.close()
    pub = publisher(broker.port)
    published(pub.publish(OWN, a_row(value=1)))
    assert kept() == []
    run(part)
    eventually(lambda: kept() == [100.0])


def test_a_retained_reading_is_one_reading(mosquitto, live, run, publisher, clock):
    broker = mosquitto()
    part = a_part(live, broker.port)
    pub = publisher(broker.port)
    published(pub.publish(OWN, a_row(value=1), retain=True))
    published(pub.publish("plain/a", {"stream": "s2", "value": 3}, retain=True))
    for turn in range(2):
        clock.at = NOW + timedelta(minutes=turn)
        running = run(part)
        connected(running)
        eventually(lambda: running.intakes[0].kept == 2)  # noqa: B023
        running.close()
    assert kept() == [100.0]
    # Without a time nobody knows when it was so: no reading, at no connection.
    assert kept("s2") == []
    assert not Quarantine.objects.exists()
    run(part)
    pub.publish("plain/a", {"stream": "s2", "value": 4}, retain=True)  # live it has one
    eventually(lambda: kept("s2") == [4.0])


def test_nothing_is_acknowledged_that_is_not_kept(mosquitto, live, run, publisher, monkeypatch):
    may_go, append = threading.Event(), LogWriter.append

    def slow(self, frames):
        if not may_go.is_set():
            raise UnavailableError(what="observation store")
        return append(self, frames)

    monkeypatch.setattr(LogWriter, "append", slow)
    broker = mosquitto()
    part = a_part(live, broker.port)
    running = run(part)
    connected(running)
    pub = publisher(broker.port)
    for minute in range(5):
        published(pub.publish(OWN, a_row(minute=minute, value=minute)))
    eventually(lambda: running.intakes[0].trouble)
    eventually(lambda: state.read(live.root)["waits"])
    running.close()  # in the middle of it: nothing was kept, so nothing was acknowledged
    may_go.set()
    running = run(part)
    eventually(lambda: kept() == [0.0, 100.0, 200.0, 300.0, 400.0])
    assert running.intakes[0].trouble is None


def test_a_broker_that_dies_and_comes_back(mosquitto, live, run, publisher):
    """Mosquitto may lose what it alone had acknowledged: what we kept and what others had not is ours."""
    broker = mosquitto()
    running = run(a_part(live, broker.port))
    connected(running)
    pub = publisher(broker.port)
    infos = [pub.publish(OWN, a_row(minute=n / 100, value=n)) for n in range(300)]
    published(infos[100])
    broker.kill()
    eventually(lambda: running.brokers[0].state.problem)
    eventually(lambda: not pub.client.is_connected())  # it has read what was acknowledged to it
    before = set(kept())
    ours = before | {100.0 * n for n, info in enumerate(infos) if not info._published}
    infos += [pub.publish(OWN, a_row(minute=n / 100, value=n)) for n in range(300, 400)]
    ours |= {100.0 * n for n in range(300, 400)}
    assert state.read(live.root)
    eventually(lambda: "city" in state.read(live.root)["down"])
    broker.start()
    for info in infos:
        published(info)
    eventually(lambda: ours <= set(kept()))
    eventually(lambda: not state.read(live.root)["down"])
    assert len(kept()) == len(set(kept()))
    assert set(kept()) <= {100.0 * n for n in range(400)}


def test_a_broker_that_is_not_there(live, run, mosquitto):
    broker = mosquitto()
    broker.stop()
    running = run(a_part(live, broker.port))
    eventually(lambda: "refused" in running.brokers[0].state.problem.lower())
    broker.start()
    connected(running)


def test_a_token_that_ends_ends_the_line(mosquitto, live, run, clock, publisher):
    broker = mosquitto()
    running = run(a_part(live, broker.port))
    connected(running)
    clock.at = NOW + timedelta(days=31)
    eventually(lambda: running.brokers[0].state.problem.startswith("token.expired"))
    pub = publisher(broker.port)
    published(pub.publish(OWN, a_row(value=1)))
    clock.at = NOW + timedelta(minutes=1)
    eventually(lambda: kept() == [100.0])


def test_an_error_nobody_expected_ends_no_asking(live, run, monkeypatch):
    asked = []

    def tend(line):
        asked.append(line.part.name)
        if line.part.name == "breaks":
            raise RuntimeError

    monkeypatch.setattr("anlan.entrypoints.mqtt.broker.BrokerLine.tend", tend)
    part = a_part(live, 1, name="breaks")
    run(part, msgspec.structs.replace(part, name="city"))
    eventually(lambda: asked.count("city") >= 3)
    assert asked.count("breaks") >= 3


def test_tls_and_passwords(mosquitto, live, run, tmp_path, publisher, mosquitto_there):
    found = certificates(tmp_path)
    passwords = tmp_path / "passwords"
    tool = mosquitto_there.replace("/sbin/", "/bin/") + "_passwd"
    subprocess.run([tool, "-b", "-c", passwords, "anlan", "right"], check=True)
    passwords.chmod(0o644)
    broker = mosquitto(
        [
            "allow_anonymous false",
            f"password_file {passwords}",
            f"certfile {found.certificate}",
            f"keyfile {found.key}",
        ]
    )
    (live.root / "ca.pem").write_bytes(found.ca.read_bytes())
    good = {
        "tls": True,
        "ca": "ca.pem",
        "user": "anlan",
        "password_file": a_secret(live, "broker.password", "right"),
        "host": "localhost",
    }
    running = run(a_part(live, broker.port, **good))
    connected(running)
    tls = ssl.create_default_context(cafile=str(found.ca))
    tls.check_hostname = False
    pub = publisher(broker.port, username_pw_set=("anlan", "right"), tls_set_context=(tls,))
    pub.publish(OWN, a_row(value=1))
    eventually(lambda: kept() == [100.0])
    wrong = msgspec.structs.replace(
        running.brokers[0].part,
        name="wrong",
        password_file=a_secret(live, "wrong.password", "wrong"),
    )
    stranger = msgspec.structs.replace(running.brokers[0].part, name="stranger", ca="")
    running.close()
    others = run(wrong, stranger)
    eventually(lambda: "authorized" in others.brokers[0].state.problem.lower())
    eventually(lambda: "certificate" in others.brokers[1].state.problem.lower())


def test_what_no_broker_should_have_taken_does_not_end_the_line(run, live, monkeypatch):
    """Not every broker refuses a topic that is no text, or a message of any size."""
    monkeypatch.setattr("anlan.entrypoints.mqtt.calling.LARGEST", 10_000)
    row = msgspec.json.encode(a_row(value=1))
    acked = []

    def broker(listener):
        with listener, listener.accept()[0] as line:
            line.settimeout(60)
            line.recv(4096)  # CONNECT
            line.sendall(b"\x20\x02\0\0")
            asked = line.recv(4096)  # SUBSCRIBE
            line.sendall(packet(0x90, asked[2:4] + b"\1\1\1"))
            line.sendall(packet(0x32, b"\0\7anlan/\xff\0\1" + row))
            line.sendall(packet(0x32, b"\0\7anlan/\0\0\2{"))
            line.sendall(packet(0x32, text(OWN) + b"\0\3" + row))
            line.sendall(packet(0x32, text(OWN) + b"\0\4" + bytes(20_000)))
            while len(acked) < 4:
                said = line.recv(4)
                acked.append(said[:1] + said[3:])

    listener = socket.create_server(("127.0.0.1", 0))
    serving = threading.Thread(target=broker, args=[listener])
    serving.start()
    run(a_part(live, listener.getsockname()[1]))
    serving.join(60)
    assert acked == [b"\x40\1", b"\x40\2", b"\x40\3", b"\x40\4"]
    assert kept() == [100.0]
    aside = Quarantine.objects.order_by("id").values_list("error", "place")
    assert list(aside) == [
        ("mqtt.topic_unknown", "\ufffd"),
        ("observation.batch_malformed", "anlan/\ufffd"),
        ("mqtt.too_large", OWN),
    ]
