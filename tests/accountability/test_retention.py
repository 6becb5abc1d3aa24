"""After lawful destruction everything still proves itself, and shows what was destroyed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest

from anlan.accountability import public
from anlan.accountability.domain.exports import verify_export
from anlan.accountability.services.retention import ReasonUnknownError
from anlan.infra import contents, failpoints
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import NotAllowedError, NotFoundError

from .conftest import NOW, a_holder_with_contact

pytestmark = pytest.mark.django_db(databases="__all__")
KEEPER = Actor(id="account:9", role=Role.AUDIT_ADMIN, areas=("",))


def on(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00+00:00")


def test_contents_go_after_their_end_date_and_not_before():
    ref = a_holder_with_contact(expires=date(2026, 8, 1))
    assert public.expire_contents(now=on("2026-08-01")) == 0
    assert contents.get(ref.id) == "王某 13800000000".encode()
    assert public.expire_contents(now=on("2026-08-02")) == 1
    assert contents.get(ref.id) is contents.DESTROYED
    assert public.expire_contents(now=on("2026-08-03")) == 0


def test_after_destruction_rebuild_and_ledger_hold_and_show_destroyed(places, tmp_path):
    gone = a_holder_with_contact("h1", expires=date(2026, 8, 1))
    a_holder_with_contact("h2")
    public.seal(now=NOW, places=places)
    public.expire_contents(now=on("2026-08-02"))
    public.seal(now=on("2026-08-02"), places=places)
    assert public.rebuild() == []
    verdict = public.verify(places)
    assert verdict.findings == []
    assert (verdict.contents_kept, verdict.contents_destroyed) == (1, 1)
    public.export(tmp_path / "out", now=on("2026-08-02"), places=places)
    said = verify_export(tmp_path / "out")
    assert said.findings == []
    assert (said.contents_kept, said.contents_destroyed) == (1, 1)
    line = next(
        line
        for line in (tmp_path / "out" / "contents.jsonl").read_text().splitlines()
        if str(gone.id) in line
    )
    assert '"state":"destroyed"' in line
    assert '"reason":"expired"' in line


def test_no_trace_of_the_text_is_left_anywhere(places, tmp_path):
    ref = a_holder_with_contact(text="张三 13912345678", expires=date(2026, 8, 1))
    public.seal(now=NOW, places=places)
    public.expire_contents(now=on("2026-08-02"))
    public.seal(now=on("2026-08-02"), places=places)
    public.export(tmp_path / "out", now=on("2026-08-02"), places=places)
    written = b"".join(file.read_bytes() for file in (tmp_path / "out").iterdir())
    assert "张三".encode() not in written
    assert b"13912345678" not in written
    assert str(ref.id).encode() in written


def test_a_crash_between_record_and_destruction_is_made_good():
    ref = a_holder_with_contact(expires=date(2026, 8, 1))
    failpoints.arm("contents.destruction_recorded:raise")
    with pytest.raises(failpoints.FailpointError):
        public.expire_contents(now=on("2026-08-02"))
    assert contents.get(ref.id) is not contents.DESTROYED
    assert JournalEntry.objects.filter(event="ContentsDestroyed").count() == 1
    assert public.expire_contents(now=on("2026-08-03")) == 1
    assert contents.get(ref.id) is contents.DESTROYED


def test_an_early_destruction_that_a_crash_cut_off_is_made_good(places):
    ref = a_holder_with_contact(expires=date(2030, 1, 1))
    failpoints.arm("contents.destruction_recorded:raise")
    with pytest.raises(failpoints.FailpointError):
        public.destroy_contents(KEEPER, [ref.id], "legal_request", now=NOW)
    assert contents.get(ref.id) is not contents.DESTROYED
    assert public.expire_contents(now=NOW + timedelta(days=1)) == 1
    assert contents.get(ref.id) is contents.DESTROYED
    assert JournalEntry.objects.filter(event="ContentsDestroyed").count() == 1
    public.seal(now=NOW, places=places)
    assert public.verify(places).findings == []


def test_early_destruction_needs_the_keeper_a_reason_and_items_that_exist():
    ref = a_holder_with_contact()
    for role in set(Role) - {Role.AUDIT_ADMIN, Role.SYSTEM}:
        with pytest.raises(NotAllowedError):
            public.destroy_contents(
                Actor(id="x", role=role, areas=("",)), [ref.id], "legal_request", now=NOW
            )
    with pytest.raises(ReasonUnknownError):
        public.destroy_contents(KEEPER, [ref.id], "because", now=NOW)
    with pytest.raises(NotFoundError):
        public.destroy_contents(KEEPER, [ref.id, uuid4()], "legal_request", now=NOW)
    assert contents.get(ref.id) is not contents.DESTROYED
    assert public.destroy_contents(KEEPER, [ref.id], "legal_request", now=NOW) == 1
    assert public.destroy_contents(KEEPER, [ref.id], "legal_request", now=NOW) == 0
    entry = JournalEntry.objects.get(event="ContentsDestroyed")
    assert entry.payload == {"ids": [str(ref.id)], "reason": "legal_request"}
    assert entry.actor == "account:9"


def test_many_are_destroyed_in_batches(monkeypatch):
    from anlan.accountability.services import retention

    monkeypatch.setattr(retention, "BATCH", 3)
    for number in range(7):
        a_holder_with_contact(f"h{number}", expires=date(2026, 8, 1))
    assert public.expire_contents(now=on("2026-08-02") + timedelta(days=1)) == 7
    sizes = [
        len(entry.payload["ids"])
        for entry in JournalEntry.objects.filter(event="ContentsDestroyed").order_by("seq")
    ]
    assert sizes == [3, 3, 1]
