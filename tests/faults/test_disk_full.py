"""A full disk: refused clearly before anything is promised, nothing half kept, and it recovers."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from django.test import Client

from anlan.accountability import public as accountability
from anlan.entrypoints import clock
from anlan.infra.models import ContentItem, JournalEntry, JournalHead
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.sensing import public as sensing
from anlan.sensing.models import IdempotencyKey, Report, Signal
from tests.cap import a_signal
from tests.cities import load_demo

NOW = datetime(2026, 7, 20, 2, 0, tzinfo=UTC)
MOST = 400  # sendings until a database that may not grow must be full
pytestmark = [
    pytest.mark.sqlite_only,
    pytest.mark.django_db(databases="__all__", transaction=True),
]


class Standing:
    def now(self):
        return NOW


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(clock, "_current", Standing())
    JournalHead.objects.get_or_create(id=1)  # a test before may have emptied the tables
    load_demo(NOW)
    actor = system_actor("test")
    post = registry.city().commander_post
    account = registry.create_account(
        actor, "desk", "duty_officer", post=post, areas=("",), now=NOW
    )
    _, secret = registry.issue_token(actor, account, None, None, NOW + timedelta(days=1), now=NOW)
    return Client(headers={"Authorization": f"Bearer {secret}", "Accept-Language": "en"})


@contextmanager
def full(alias):
    """Let one database not grow by a single page: SQLite says "database or disk is full"."""

    def most(pages):
        with connections[alias].cursor() as cursor:
            cursor.execute("PRAGMA page_count")
            (now,) = cursor.fetchone()
            cursor.execute(f"PRAGMA max_page_count = {now if pages is None else pages}")

    most(None)
    try:
        yield
    finally:
        most(2**30)


def send(client, path, key, body, kind="application/json"):
    return client.post(
        f"/api/v1/{path}", data=body, content_type=kind, headers={"Idempotency-Key": key}
    )


def a_report(number):
    text = f"{number} 桥下积水 " * 150
    return json.dumps({"text": text, "lat": 34.75, "lon": 113.64}).encode()


def a_batch(number):
    stream = min(one.code for one in registry.sensors(at=NOW))
    at = NOW - timedelta(minutes=5)
    rows = [
        {"stream": stream, "at": (at + timedelta(milliseconds=100 * n)).isoformat(), "value": n / 7}
        for n in range(400)
    ]
    return json.dumps({"observations": rows}).encode()


WAYS = {
    "reports": (a_report, "application/json"),
    "observations": (a_batch, "application/json"),
    "signals": (
        lambda n: a_signal("blue", NOW, identifier=f"signal-{n}"),
        "application/xml",
    ),
}


def kept():
    """Everything that an acknowledgement promises, and the counters around it."""
    return {
        "reports": Report.objects.count(),
        "signals": Signal.objects.count(),
        "batches": sensing.last_batch_id(),
        "contents": ContentItem.objects.using("contents").count(),
        "keys": IdempotencyKey.objects.count(),
        "entries": JournalEntry.objects.count(),
        "head": JournalHead.objects.get().seq,
        "latest": sensing.last_times(),
    }


def promised(state, path):
    """Return what must not change; readings may be kept before their sender's key is, unpromised."""
    apart = {"contents", "batches", "latest"} if path == "observations" else {"contents"}
    return {name: value for name, value in state.items() if name not in apart}


def test_a_full_disk_is_said_before_anything_is_promised(client):
    for alias in ("default", "contents"):
        for path in sorted(WAYS):
            # Readings that are all good touch no content.
            if (alias, path) != ("contents", "observations"):
                fill_and_recover(client, alias, path)
    assert accountability.rebuild() == []


def fill_and_recover(client, alias, path):
    make, kind = WAYS[path]
    with full(alias):
        before = kept()
        for number in range(MOST):
            key, body = f"{alias}-{path}-{number}", make(f"{alias}-{number}")
            answer = send(client, path, key, body, kind)
            if answer.status_code >= 300:
                break
            before = kept()
        else:
            pytest.fail("the disk never became full")
        assert answer.status_code == 503, answer.content
        said = answer.json()["error"]
        assert said["code"] == "unavailable"
        assert "did not take it" in said["what"]
        assert answer["Retry-After"]
        assert promised(kept(), path) == promised(before, path)
        # Asking still works while nothing can be written.
        assert client.get("/api/v1/cases").status_code == 200
        again = send(client, path, key, body, kind)
        assert again.status_code == 503
        assert promised(kept(), path) == promised(before, path)
    # There is room again: the same call, sent again by its client, is taken once.
    again = send(client, path, key, body, kind)
    assert again.status_code < 300, again.content
    twice = send(client, path, key, body, kind)
    assert twice.json() == again.json()
    after = kept()
    name = "batches" if path == "observations" else path
    assert after[name] == before[name] + 1
    assert after["keys"] == before["keys"] + 1
    assert after["head"] == after["entries"]
    # A content whose row could not be kept waits, named by nothing, for its end date.
    assert after["contents"] - before["contents"] <= 1 + 2
