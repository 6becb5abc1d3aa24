"""Webhooks: who signs is heard, what is kept is durable, and a repetition does nothing."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.test import Client

from anlan.entrypoints import clock
from anlan.infra import failpoints
from anlan.infra.failpoints import FailpointError
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import system_actor
from anlan.notices.domain.signing import signed_headers
from anlan.sensing import public
from anlan.sensing.domain.connector_errors import MapUnknownError, NotSignedError
from anlan.sensing.models import Quarantine
from anlan.sensing.services.webhooks import take_webhook
from tests.sensing.conftest import NOW

pytestmark = pytest.mark.django_db(databases="__all__")
MAP = """
id = "boxes"
title_zh = "盒子"
title_en = "Boxes"
topic = "boxes/+box"
[[rows]]
each = "values[]"
stream = "{stream}"
value = ".v"
time = "now"
names = { stream = ".s" }
"""
BODY = json.dumps({"values": [{"s": "s1", "v": 0.5}]}).encode()
WHO = system_actor("test")


@pytest.fixture
def secret(city, live, monkeypatch):
    class Standing:
        def now(self):
            return NOW

    monkeypatch.setattr(clock, "_current", Standing())
    live.connectors.mkdir()
    (live.connectors / "boxes.toml").write_text(MAP, encoding="utf-8")
    return public.make_secret(WHO, "boxes", areas=("",), now=NOW)


def signed(secret, body=BODY, *, key="", at=NOW):
    headers = signed_headers(secret, key, body, at=at)
    return headers if key else {k: v for k, v in headers.items() if k != "Anlan-Delivery"}


def post(headers, body=BODY, name="boxes"):
    return Client(headers=headers).post(
        f"/api/v1/webhooks/{name}", body, content_type="application/json"
    )


def kept():
    return public.read_observations("s1", NOW - timedelta(days=1), NOW + timedelta(days=1))


def test_a_signed_message_is_kept_before_it_is_answered(secret):
    answer = post(signed(secret))
    assert (answer.status_code, answer.json()["kept"]) == (202, 1)
    assert [item.value for item in kept()] == [50.0]


@pytest.mark.parametrize("change", ["secret", "body", "late", "early", "none", "name"])
def test_what_is_not_signed_now_and_by_the_sender_is_refused_and_nobody_is_told_why(secret, change):
    at = {"late": NOW - timedelta(seconds=301), "early": NOW + timedelta(seconds=301)}.get(change)
    headers = signed("wrong" if change == "secret" else secret, at=at or NOW)
    body = BODY.replace(b"0.5", b"0.6") if change == "body" else BODY
    answer = post(
        {} if change == "none" else headers, body, name="others" if change == "name" else "boxes"
    )
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "webhook.not_signed"
    assert kept() == ()


def test_a_replay_is_refused_and_a_retry_signed_anew_is_answered_as_the_first_time(secret):
    first = post(signed(secret, key="d1"))
    replay = post(signed(secret, key="d1"))
    assert (replay.status_code, replay.json()["error"]["code"]) == (409, "webhook.replayed")
    later = signed(secret, key="d1", at=NOW + timedelta(seconds=2))
    assert post(later).json() == first.json()
    assert len(kept()) == 1
    bare = signed(secret, at=NOW + timedelta(seconds=9))
    assert post(bare).status_code == 202
    assert post(bare).json()["error"]["code"] == "webhook.replayed"
    other = BODY.replace(b"0.5", b"0.7")
    reused = post(signed(secret, other, key="d1"), other)
    assert reused.json()["error"]["code"] == "idempotency.key_reused"


@pytest.mark.parametrize("step", ["observations.synced", "sensing.before_commit"])
def test_a_crash_before_the_answer_loses_nothing_and_doubles_nothing(secret, step):
    headers = signed(secret, key="d2")
    failpoints.arm(f"{step}:raise")
    with pytest.raises(FailpointError):
        take_webhook("boxes", headers, BODY, now=NOW)
    failpoints.arm("")
    take_webhook("boxes", signed(secret, key="d2", at=NOW), BODY, now=NOW)
    assert len(kept()) == 1


def test_two_secrets_count_while_a_sender_changes_over_and_no_third(secret):
    second = public.make_secret(WHO, "boxes", areas=("",), now=NOW, old_for=timedelta(minutes=1))
    assert post(signed(secret)).status_code == 202
    assert post(signed(second)).status_code == 202
    third = public.make_secret(WHO, "boxes", areas=("",), now=NOW)
    assert post(signed(secret, key="x")).status_code == 401
    assert post(signed(third, key="y")).status_code == 202
    later = NOW + timedelta(days=7)
    with pytest.raises(NotSignedError):
        take_webhook("boxes", signed(second, at=later), BODY, now=later)
    public.close_webhook(WHO, "boxes", now=NOW)
    assert post(signed(third, key="z")).status_code == 401
    with pytest.raises(MapUnknownError):
        public.close_webhook(WHO, "boxes", now=NOW)
    made = JournalEntry.objects.filter(event="ConnectorSecretMade")
    assert made.count() == 4
    assert third not in json.dumps([entry.payload for entry in made])


def test_the_file_of_secrets_is_readable_by_its_owner_only(secret, live):
    path = live.keys / "webhooks" / "boxes.json"
    assert path.stat().st_mode & 0o077 == 0


def test_what_a_map_cannot_read_is_kept_aside_once_and_refused_in_the_house_s_form(secret):
    body = b"{"
    answer = post(signed(secret, body, key="bad"), body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "payload.unreadable")
    post(signed(secret, body, key="bad", at=NOW + timedelta(seconds=1)), body)
    assert Quarantine.objects.filter(door="webhook").count() == 1
    part = json.dumps({"values": [{"s": "s1", "v": 1}, {"s": "s1", "v": "?"}]}).encode()
    told = post(signed(secret, part), part).json()
    assert (told["kept"], told["refused"]) == (1, [{"index": 1, "code": "payload.not_a_value"}])


def test_a_webhook_of_one_area_knows_no_stream_of_another(secret):
    made = public.make_secret(WHO, "boxes", areas=("410100/410103",), now=NOW)
    answer = post(signed(made))
    assert answer.json()["error"]["code"] == "observation.nothing_kept"
    assert kept() == ()


@pytest.mark.parametrize("name", ["../server", "boxes/../boxes", "x" * 300, "%00"])
def test_a_name_is_no_path(secret, name):
    assert post(signed(secret), name=name).status_code in {401, 404, 422}
