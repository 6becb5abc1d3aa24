"""Subscribing to Observations: everything that was kept since, as the interface shows it, and no more."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st
from paho.mqtt.subscribeoptions import SubscribeOptions

from anlan.entrypoints.mqtt.telling import Session, wanted_of
from anlan.entrypoints.mqtt.topics import Topics
from anlan.kernel.actor import Actor, Role, system_actor
from anlan.registry import public as registry
from anlan.sensing.domain.multidatastreams import KnownMulti
from anlan.sensing.models import Quarantine
from anlan.sensing.services.multidatastreams import put_together
from tests.entrypoints.mqtt.conftest import a_row, a_token, eventually
from tests.sensing.conftest import NOW

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
OWN = "anlan/observations"


def subscribed(dev, *filters, qos=1):
    """Subscribe; return the reason of each filter once the door has answered."""
    told = []
    dev.client.on_subscribe = lambda *given: told.append(given[3])
    v5 = dev.client.protocol == 5
    dev.client.subscribe([(one, SubscribeOptions(qos) if v5 else qos) for one in filters])
    return eventually(lambda: told)[0]


def heard(dev):
    return [(one.topic, json.loads(one.payload)) for one in dev.got]


@pytest.fixture(autouse=True)
def _the_interface_has_the_same_clock(monkeypatch):
    monkeypatch.setattr("anlan.entrypoints.clock.now", lambda: NOW)


@pytest.fixture
def reader():
    return a_token("reader-1", Role.DUTY_OFFICER).secret


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [0, 1])
def test_what_is_kept_is_told_as_the_interface_shows_it(door, device, reader, version, qos):
    gateway = device(door.port, a_token().secret, name="gw")
    gateway.told(gateway.publish(OWN, a_row(value=9)))  # before: not told
    dev = device(door.port, reader, version=version)
    reasons = subscribed(dev, "v1.1/Observations", "v1.1/Datastreams('s2')/Observations", qos=qos)
    assert not any(one.is_failure for one in reasons)
    gateway.publish(OWN, [a_row(minute=1, value=1), a_row("s2", minute=1, value=5)])
    gateway.publish(
        "v1.1/Datastreams('s2')/Observations",
        {"phenomenonTime": "2026-07-20T07:30:00Z", "result": {"depth": 3}},
    )
    eventually(lambda: len(dev.got) == 5, within=20)
    told = heard(dev)
    assert sorted(topic for topic, _ in told) == [
        *["v1.1/Datastreams('s2')/Observations"] * 2,
        *["v1.1/Observations"] * 3,
    ]
    assert {one.qos for one in dev.got} == {qos}
    for _, shown in told:
        asked = Client().get(
            f"/sta/v1.1/Observations({shown['@iot.id']})",
            headers={"Authorization": f"Bearer {reader}"},
        )
        assert asked.json() == json.loads(
            json.dumps(shown).replace("http://anlan.test/", "http://testserver/")
        )


def test_wildcards_and_select(door, device, reader):
    dev = device(door.port, reader, version=5)
    subscribed(dev, "v1.1/Datastreams('s1')/Observations?$select=result")
    other = device(door.port, reader, name="dev-2")
    subscribed(other, "v1.1/+/Observations")
    gateway = device(door.port, a_token().secret, name="gw")
    gateway.publish(OWN, [a_row(value=1), a_row("s2", value=5)])
    eventually(lambda: dev.got and len(other.got) == 2)
    assert heard(dev) == [("v1.1/Datastreams('s1')/Observations?$select=result", {"result": 100.0})]
    assert {topic for topic, _ in heard(other)} == {
        "v1.1/Datastreams('s1')/Observations",
        "v1.1/Datastreams('s2')/Observations",
    }


def test_nobody_hears_of_what_lies_outside(door, device):
    west = a_token("west-1", Role.DUTY_OFFICER, areas=("410100/410103",)).secret
    dev = device(door.port, west)
    subscribed(dev, "v1.1/Observations", "v1.1/Datastreams('s1')/Observations", "#")
    gateway = device(door.port, a_token().secret, name="gw")
    gateway.publish(OWN, [a_row(value=1), a_row("west", value=5)])
    eventually(lambda: len(dev.got) >= 2)
    assert {one["result"] for _, one in heard(dev)} == {500.0}


def test_what_is_refused(door, device, reader):
    dev = device(door.port, reader, version=5)
    names = [
        one.getName()
        for one in subscribed(
            dev,
            "v1.1/Things",
            "other/#",
            "v1.1/Observations?$filter=x",
            "$share/g/v1.1/Observations",
        )
    ]
    assert names == ["Topic filter invalid"] * 3 + ["Shared subscription not supported"]
    program = device(door.port, a_token().secret, version=5, name="gw")
    assert subscribed(program, "v1.1/Observations")[0].getName() == "Not authorized"
    program.client.unsubscribe("v1.1/Observations")


def test_a_session_hears_later_what_it_missed(door, device, reader):
    first = device(door.port, reader, name="wall", clean=False)
    assert not first.flags.session_present
    subscribed(first, "v1.1/Datastreams('s1')/Observations")
    first.close()
    gateway = device(door.port, a_token().secret, name="gw")
    for minute in range(150):
        gateway.publish(OWN, a_row(minute=minute / 10, value=minute))
    eventually(lambda: len(gateway.acks) == 150)
    again = device(door.port, reader, name="wall", clean=False)
    assert again.flags.session_present
    eventually(lambda: len(again.got) >= 150)
    assert [one["result"] for _, one in heard(again)] == [100.0 * n for n in range(150)]
    again.close()
    fresh = device(door.port, reader, name="wall", clean=True)
    assert not fresh.flags.session_present
    gateway.told(gateway.publish(OWN, a_row(minute=30, value=1)))
    assert fresh.got == []


def test_corrections_are_told_under_the_number_of_the_first(door, device, reader):
    gateway = device(door.port, a_token().secret, name="gw")
    dev = device(door.port, reader)
    subscribed(dev, "v1.1/Observations")
    gateway.publish(OWN, a_row(value=1))
    eventually(lambda: dev.got)
    number = heard(dev)[0][1]["@iot.id"]
    head = {"Authorization": f"Bearer {reader}"}
    path = f"/sta/v1.1/Observations({number})?reason=calibration"
    body = json.dumps({"result": 77})
    assert (
        Client().patch(path, body, content_type="application/json", headers=head).status_code == 200
    )
    eventually(lambda: len(dev.got) == 2)
    assert heard(dev)[1][1]["@iot.id"] == number
    assert heard(dev)[1][1]["result"] == 77.0
    assert Client().delete(path, headers=head).status_code == 200
    gateway.publish(OWN, a_row(minute=1, value=2))
    eventually(lambda: len(dev.got) == 3)


def test_rows_of_multidatastreams_are_sent_and_told(door, device, reader):
    kinds = ("OM_Measurement",) * 2
    put_together(
        system_actor("test"), KnownMulti("M", "M", "", ("s1", "s2"), kinds), why="x", now=NOW
    )
    topic, at = "v1.1/MultiDatastreams('M')/Observations", "2026-07-20T07:30:00.000Z"
    dev = device(door.port, reader)
    subscribed(dev, topic)
    gateway = device(door.port, a_token().secret, name="gw")
    gateway.publish(topic, {"phenomenonTime": at, "result": [1]})  # set aside
    gateway.publish(OWN, a_row(value=1))  # one of the two: told under its Datastream
    gateway.publish(topic, {"phenomenonTime": at, "result": [1.5, 5]})
    eventually(lambda: dev.got)
    assert [(name, one["@iot.id"], one["result"]) for name, one in heard(dev)] == [
        (topic, f"M,{at}", [1.5, 5.0])
    ]
    assert set(Quarantine.objects.values_list("error", flat=True)) == {"sta.result_length"}
    head = {"Authorization": f"Bearer {reader}"}
    told = Client().patch(
        f"/sta/v1.1/Observations('M,{at}')?reason=calibration", json.dumps({"result": [2, 6]}),
        content_type="application/json", headers=head,
    )  # fmt: skip
    assert told.status_code == 200
    eventually(lambda: len(dev.got) == 2)  # once, though two readings changed
    assert heard(dev)[1][1]["result"] == [2.0, 6.0]


def test_a_session_taken_up_by_who_may_not_read_is_silent(door, device):
    """Two tokens of one account: what one subscribed to, the other does not hear."""
    account = registry.create_account(
        system_actor("test"), "desk-1", Role.DUTY_OFFICER, areas=("",),
        post=registry.city().commander_post, now=NOW,
    )  # fmt: skip
    end = NOW + timedelta(days=1)
    reads, writes = (
        registry.issue_token(system_actor("test"), account, (scope,), ("",), end, now=NOW)[1]
        for scope in ("signs:read", "signs:write")
    )
    dev = device(door.port, reads, clean=False)
    subscribed(dev, "v1.1/Observations")
    dev.close()
    eventually(lambda: door.door.clients == 0)
    again = device(door.port, writes, clean=False)
    again.told(again.publish(OWN, a_row(value=1)))
    third = device(door.port, reads, name="dev-2")
    subscribed(third, "v1.1/Observations")
    again.told(again.publish(OWN, a_row(minute=1, value=2)))
    eventually(lambda: third.got)
    assert again.got == []


WIDE = Actor(id="account:1", role=Role.DUTY_OFFICER, areas=("410100",), scopes=frozenset({"*"}))
NARROW, OTHER = (replace(WIDE, areas=(f"410100/{code}",)) for code in ("410103", "410104"))
MESSAGE = ("v1.1/Observations", b"{}", 1, 0)


@pytest.mark.parametrize(
    ("before", "after", "left"), [(WIDE, NARROW, 0), (NARROW, OTHER, 0), (NARROW, WIDE, 1)]
)
def test_what_was_made_for_who_sees_more_is_not_told(before, after, left):
    session = Session(before)
    session.put([MESSAGE], before)
    session.unacked[1] = ("v1.1/Observations", b"{}", 0)
    session.stands_for(after)
    assert (len(session.waiting), len(session.unacked)) == (left, left)
    session.put([MESSAGE], before)  # made before it was known
    assert len(session.waiting) == 2 * left


def test_a_line_that_was_taken_over_says_no_more_for_whom_the_session_stands(door, device, reader):
    dev = device(door.port, reader, clean=False)
    earlier = next(iter(door.door._known.values()))
    device(door.port, reader, clean=False)
    assert dev.gone.wait(60)
    session = earlier.session
    before = session.actor
    earlier.stands_for(replace(before, areas=()))
    assert session.actor is before


@given(st.text(alphabet="v1.1/ObservationsDatastreams()'$select=?&,#+\xb2\0\n9", max_size=60))
@example("v1.1/Datastreams('x')/Observations?$select=\xb2")
@example("v1.1/Datastreams(\xb2)/Observations")
@example("v1.1/" + "Datastreams(1)/" * 60)
def test_any_filter_and_any_topic_is_answered(pattern):
    wanted_of(pattern, 1, 0)
    Topics().read(pattern, b"{}", retained=False, now=NOW)
    Topics().read("v1.1/" + pattern, b"\xff", retained=False, now=NOW)
