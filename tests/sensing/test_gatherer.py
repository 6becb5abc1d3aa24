"""Readings of many senders in one commit: kept, refused and repeated as one by one."""

from __future__ import annotations

import hashlib
import json
import threading
from datetime import timedelta

import numpy as np
import pytest

from anlan.infra import contents
from anlan.kernel.actor import system_actor
from anlan.kernel.errors import UnavailableError
from anlan.registry import public as registry
from anlan.sensing import public
from anlan.sensing.domain.binarywire import BINARY, HEADER, MAGIC, RECORD
from anlan.sensing.domain.columns import Columns, micros
from anlan.sensing.domain.errors import (
    AsideFullError,
    BatchTooLargeError,
    IntakeFullError,
    KeyReusedError,
)
from anlan.sensing.domain.observations import RefusedRow
from anlan.sensing.models import Quarantine
from anlan.sensing.services import allowance as allowing
from anlan.sensing.services import gatherer as gathering
from anlan.sensing.services.hands import let_go
from tests.registry.small_city import a_city, parsed
from tests.sensing.conftest import GATEWAY, NOW, STREET, a_sensor, small_law

# The gatherer asks the database in threads of its own.
pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture
def gatherer(city):
    made = public.Gatherer(public.begin_writing(), now=NOW)
    yield made
    made.close()
    let_go()


def columns(*rows, unit=""):
    codes = tuple(dict.fromkeys(row[0] for row in rows))
    return Columns(
        codes,
        np.array([codes.index(row[0]) for row in rows], np.int32),
        np.array([micros(row[1]) for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float64),
        unit=unit,
    )


def once(key, body="a"):
    return public.Once(key, hashlib.sha256(body.encode()).hexdigest())


def take(gatherer, *rows, actor=GATEWAY, **more):
    return gatherer.take(actor, columns(*rows), now=NOW, **more).result(timeout=60)


def kept():
    return [
        (one.stream, one.at, one.value)
        for b in public.batches_after(0, 10_000)
        for one in b.observations
    ]


def test_good_rows_are_durable_when_the_future_says_so(gatherer):
    receipt = take(gatherer, ("s1", NOW, 0.3), ("s2", NOW, 4.0))
    assert (receipt.batch, receipt.kept, receipt.refused, receipt.quarantine) == (1, 2, (), None)
    assert kept() == [("s1", NOW, 30.0), ("s2", NOW, 4.0)]


def test_refused_rows_are_named_and_set_aside_as_they_came(gatherer):
    receipt = take(gatherer, ("s1", NOW, 0.3), ("nope", NOW, 1.0), ("s2", NOW, np.inf))
    assert receipt.kept == 1
    assert receipt.refused == (
        RefusedRow(1, "observation.stream_unknown"),
        RefusedRow(2, "observation.not_a_number"),
    )
    row = Quarantine.objects.get(pk=receipt.quarantine)
    lines = [json.loads(line) for line in contents.get(row.raw_content).splitlines()]
    assert json.loads(lines[0]["row"])["stream"] == "nope"
    assert json.loads(lines[1]["row"])["value"] == "inf"


def test_streams_of_another_area_are_unknown(gatherer):
    receipt = take(gatherer, ("s1", NOW, 1.0), ("west", NOW, 1.0), actor=STREET)
    assert receipt.refused == (RefusedRow(1, "observation.stream_unknown"),)


def test_a_key_has_one_effect_and_one_body(gatherer):
    first = take(gatherer, ("s1", NOW, 1.0), once=once("k"))
    assert take(gatherer, ("s1", NOW, 1.0), once=once("k")) == first
    with pytest.raises(KeyReusedError):
        take(gatherer, ("s1", NOW, 2.0), once=once("k", "b"))
    # Another sender's key of that name is another one.
    assert take(gatherer, ("s1", NOW, 1.0), once=once("k", "b"), actor=STREET).batch == 2
    assert len(kept()) == 2


def test_keys_are_the_same_at_both_doors(gatherer):
    batch = public.BatchIn((public.RowIn("s1", NOW, 1.0), public.RowIn("s2", NOW, 1.0)))
    rows = [("s1", NOW, 1.0), ("s2", NOW, 1.0)]
    here = take(gatherer, *rows, once=once("here"))
    there = public.keep_observations(GATEWAY, batch, now=NOW, once=once("there"))
    assert public.keep_observations(GATEWAY, batch, now=NOW, once=once("here")) == here
    assert take(gatherer, *rows, once=once("there")) == there
    for key in ("here", "there"):
        with pytest.raises(KeyReusedError):
            take(gatherer, *rows, once=once(key, "b"))
        with pytest.raises(KeyReusedError):
            public.keep_observations(GATEWAY, batch, now=NOW, once=once(key, "b"))
    assert len(kept()) == 4


def test_a_repeated_key_is_known_after_a_restart_and_after_sealing(gatherer):
    first = take(gatherer, ("s1", NOW, 1.0), once=once("k"))
    partly = take(gatherer, ("s1", NOW, 2.0), ("nope", NOW, 1.0), once=once("p"))
    gatherer.close()
    let_go()
    public.seal_segments(now=NOW + timedelta(hours=2))
    let_go()
    again = public.Gatherer(public.begin_writing(), now=NOW)
    try:
        assert take(again, ("s1", NOW, 1.0), once=once("k")) == first
        assert take(again, ("s1", NOW, 2.0), ("nope", NOW, 1.0), once=once("p")) == partly
        with pytest.raises(KeyReusedError):
            take(again, ("s1", NOW, 1.0), once=once("k", "b"))
        assert len(kept()) == 2
    finally:
        again.close()


def test_a_stream_registered_a_moment_ago_is_known(gatherer):
    city = a_city(sensors=(a_sensor("s1"), a_sensor("s3", unit="cm")))
    registry.load_city(system_actor("test"), parsed(city), parsed(small_law()), now=NOW)
    receipt = take(gatherer, ("s3", NOW, 1.0), ("s2", NOW, 1.0))
    assert receipt.kept == 1
    assert receipt.refused == (RefusedRow(1, "observation.stream_unknown"),)


def test_many_senders_at_once_get_what_they_sent(gatherer):
    def send(sender):
        for number in range(25):
            rows = [("s1", NOW - timedelta(seconds=number), sender + n / 8) for n in range(4)]
            receipt = take(gatherer, *rows, once=once(f"{sender}-{number}"))
            assert receipt.kept == 4

    senders = [threading.Thread(target=send, args=[n]) for n in range(8)]
    for one in senders:
        one.start()
    for one in senders:
        one.join()
    assert len(kept()) == 8 * 25 * 4 == gatherer.kept_rows
    assert gatherer.waiting_rows == 0
    assert gatherer.commits <= 8 * 25


def test_what_is_too_much_is_refused_before_anything_is_kept(gatherer, monkeypatch):
    monkeypatch.setattr(gathering, "MOST_ROWS", 2)
    with pytest.raises(BatchTooLargeError):
        take(gatherer, *[("s1", NOW, 1.0)] * 3)
    rows = b"\0" * 3 * RECORD.itemsize
    binary = HEADER.pack(MAGIC, 3, 2, 0, 0) + b"s1" + rows
    with pytest.raises(BatchTooLargeError):
        gatherer.take_body(GATEWAY, binary, BINARY, once=lambda _key: None, now=NOW).result(60)
    gatherer.most_waiting = 3
    with gatherer.writing.committer._turn:  # the disk is slow
        waiting = [gatherer.take(GATEWAY, columns(("s1", NOW, n)), now=NOW) for n in range(3)]
        with pytest.raises(IntakeFullError):
            gatherer.take(GATEWAY, columns(("s1", NOW, 9.0)), now=NOW)
    assert [one.result(60).kept for one in waiting] == [1, 1, 1]
    assert take(gatherer, ("s1", NOW, 4.0)).kept == 1
    assert len(kept()) == 4


def test_a_disk_that_refuses_keeps_nothing_and_recovers(gatherer, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("anlan.sensing.store.log._write_durably", full)
        with pytest.raises(UnavailableError):
            take(gatherer, ("s1", NOW, 1.0), once=once("k"))
    assert kept() == []
    assert take(gatherer, ("s1", NOW, 1.0), once=once("k")).batch == 1
    assert len(kept()) == 1


def test_what_was_taken_is_answered_at_the_end_and_nothing_after(gatherer):
    with gatherer.writing.committer._turn:
        waiting = [gatherer.take(GATEWAY, columns(("s1", NOW, n)), now=NOW) for n in range(5)]
        ending = threading.Thread(target=gatherer.close)
        ending.start()
    ending.join()
    assert [one.result(0).kept for one in waiting] == [1] * 5
    for code in ("s1", "nope"):
        with pytest.raises(UnavailableError):
            gatherer.take(GATEWAY, columns((code, NOW, 1.0)), now=NOW)


def test_a_broken_sender_does_not_fill_the_disk_and_holds_up_nobody(gatherer, monkeypatch):
    monkeypatch.setattr(allowing, "MOST_MESSAGES", 2)
    half = [("s1", NOW, 1.0), ("nope", NOW, 1.0)]
    assert take(gatherer, *half).quarantine is not None
    assert take(gatherer, ("nope", NOW, 1.0)).quarantine is not None
    over = take(gatherer, *half, once=once("k"))
    assert (over.kept, over.quarantine, [row.index for row in over.refused]) == (1, None, [1])
    with pytest.raises(AsideFullError):
        take(gatherer, ("nope", NOW, 1.0))
    with pytest.raises(AsideFullError):
        gatherer.take_body(GATEWAY, b"{", "", once=lambda _key: None, now=NOW).result(60)
    assert Quarantine.objects.count() == 2
    # Another sender has a bound of its own, and a mended message counts under its key.
    assert take(gatherer, ("nope", NOW, 1.0), actor=STREET).quarantine is not None
    assert take(gatherer, *half, once=once("k")) == over
    later = NOW + timedelta(hours=1)
    assert gatherer.take(GATEWAY, columns(*half), now=later).result(60).quarantine is not None
