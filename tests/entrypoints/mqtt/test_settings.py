"""``mqtt.toml``: what is wrong is said with its place, and a broker is really tried."""

from __future__ import annotations

import pytest

from anlan.entrypoints.mqtt import checking, state
from anlan.entrypoints.mqtt.intake import Intake
from anlan.entrypoints.mqtt.settings import (
    MqttSettingsError,
    TopicPart,
    load,
    rules_of,
    secret_in,
)
from anlan.entrypoints.mqtt.topics import NOTHING, Topics
from anlan.sensing import public as sensing
from anlan.sensing.models import Quarantine
from tests.entrypoints.mqtt.conftest import a_row, a_token, kept
from tests.entrypoints.mqtt.test_broker import a_secret
from tests.sensing.conftest import NOW, live

__all__ = ["live"]

BROKER = '[[broker]]\nname = "city"\nhost = "127.0.0.1"\ntoken_file = "keys/t"\n'
TOPICS = '[[broker.topics]]\nfilter = "water/#"\n'


def written(live, text):
    (live.root / "mqtt.toml").write_text(text)
    (live.keys / "t").touch(mode=0o600)
    return live.root


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[door", "mqtt.toml"),
        ("", "mqtt.toml"),
        ("[door]\nport = 70000", "door.port"),
        ("[door]\nprot = 1", "door"),
        ('[door]\nlisten = "0.0.0.0"', "door: certificate"),
        ('[door]\ncertificate = "x.pem"', "door: certificate"),
        ('[door]\ncertificate = "x.pem"\nkey = "y"', "door: certificate"),
        ('[door]\n[[door.topics]]\nfilter = "a#"', "door: topics"),
        (BROKER, "broker[0]"),
        (BROKER + 'user = "x"\n' + TOPICS, "broker city: password_file"),
        (BROKER + 'ca = "none.pem"\n' + TOPICS, "broker city: ca"),
        (BROKER.replace("127.0.0.1", "a.example") + "tls = false\n" + TOPICS, "broker city: tls"),
        ((BROKER + TOPICS) * 2, "broker.name"),
    ],
)
def test_what_is_wrong_is_named(live, text, where):
    with pytest.raises(MqttSettingsError) as found:
        load(written(live, text))
    assert found.value.params["where"] == where


def test_a_good_file_and_none(live):
    assert load(live.root) is None
    found = load(written(live, "[door]\nport = 0\n" + BROKER + TOPICS))
    assert (found.door.port, found.broker[0].at, found.broker[0].tls) == (0, 8883, True)


def test_secrets_are_for_their_owner_only(live):
    name = a_secret(live, "s", "word")
    assert secret_in(live.root, name) == "word"
    (live.root / name).chmod(0o644)
    with pytest.raises(MqttSettingsError):
        secret_in(live.root, name)


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_check_tries_the_broker(live, city, clock, mosquitto):
    broker = mosquitto()
    a_secret(live, "t", a_token().secret)
    text = BROKER + f"port = {broker.port}\ntls = false\n" + TOPICS
    found = checking.check(written(live, text), clock=clock)
    assert [one.good for one in found] == [True, True]
    broker.stop()
    found = checking.check(live.root, clock=clock)
    assert [one.good for one in found] == [True, False]
    assert str(broker.port) in found[1].en
    assert str(broker.port) in found[1].zh
    (live.keys / "t").write_text("anlan_nobody")
    assert not checking.check(live.root, clock=clock)[1].good
    (live.root / "mqtt.toml").unlink()
    assert not checking.check(live.root, clock=clock)[0].good


def test_topics_and_times():
    topics = Topics()
    row = b'{"stream": "s1", "value": 1}'
    live = topics.read("anlan/observations", row, retained=False, now=NOW)
    assert live.batch.rows[0].at is None
    assert topics.read("anlan/observations", row, retained=True, now=NOW) is NOTHING
    assert topics.read("else", row, retained=False, now=NOW).error == "mqtt.topic_unknown"
    sent = topics.read(
        "v1.1/Datastreams('a/b')/Observations", b'{"result": 2}', retained=False, now=NOW
    ).sent
    assert (sent.stream, sent.at, sent.value) == ("a/b", NOW, 2.0)
    for path in ("v1.1/Things", "v1.1/Datastreams('x')", "v1.1/Things('x')/Datastreams", "v1.1/"):
        assert topics.read(path, b"{}", retained=False, now=NOW).error == "mqtt.topic_unknown"


def test_a_state_that_cannot_be_read_is_none(live):
    assert state.read(live.root) is None
    (live.root / state.STATE).write_text("{")
    assert state.read(live.root) is None


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_a_map_of_the_workspace_reads_what_a_device_of_its_own_kind_sends(
    live, city, open_door, device
):
    live.connectors.mkdir(exist_ok=True)
    (live.connectors / "level.toml").write_text(
        'id = "level"\ntitle_zh = "液位"\ntitle_en = "Level"\ntopic = "pumps/+code/level"\n'
        '[[rows]]\nstream = "{code}"\nvalue = "cm"\ntime = { path = "t", as = "s" }\n'
    )
    rules = rules_of((TopicPart("pumps/#", map="level"),))
    dev = device(open_door(rules=rules).port, a_token().secret)
    at = int(NOW.timestamp()) - 60
    dev.told(dev.publish("pumps/s2/level", {"t": at, "cm": 12}))
    assert kept("s2") == [12.0]
    with pytest.raises(MqttSettingsError):
        rules_of((TopicPart("pumps/#", map="none"),))


@pytest.fixture
def gatherer(city, live):
    found = sensing.Gatherer(sensing.begin_writing(), now=NOW)
    yield found
    found.close()


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_in_the_process_that_writes_many_senders_share_a_commit(
    city, live, clock, gatherer, open_door, device
):
    intake = Intake(Topics(), clock=clock, gatherer=gatherer)
    door = open_door(taker=intake)
    devices = [device(door.port, a_token(f"gateway-{n}").secret, name=f"dev-{n}") for n in range(3)]
    infos = [
        (dev, dev.publish("anlan/observations", given))
        for n, dev in enumerate(devices)
        for given in (
            a_row(minute=n, value=n),
            [
                a_row("s2", minute=n, value=None),
                a_row("nobody"),
                a_row("s2", minute=9, quality="?"),
            ],
            a_row("s2", minute=10 + n, value=1, unit="m", quality="suspect"),
        )
    ]
    for dev, info in infos:
        dev.told(info)
    assert kept() == [0.0, 100.0, 200.0]
    assert kept("s2") == [None, None, None, 100.0, 100.0, 100.0]
    assert gatherer.commits <= 9
    assert {code for row in Quarantine.objects.all() for _, code in row.rows} == {
        "observation.stream_unknown",
        "observation.quality_unknown",
    }
