"""A ledger in a temporary folder, and a journal that grows on demand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction

from anlan.accountability import public
from anlan.accountability.domain.places import LedgerPlaces
from anlan.infra import contents, journal
from anlan.infra.contents import Purpose
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.registry.domain.events import AccountChanged
from anlan.registry.models import Account, Holder
from tests.registry import small_city

NOW = datetime(2026, 7, 20, 8, 0, tzinfo=UTC)
ME = system_actor("test")


@pytest.fixture
def places(tmp_path):
    keys = tmp_path / "workspace" / "keys"
    keys.mkdir(parents=True)
    return LedgerPlaces(keys=keys, outside=tmp_path / "outside", origin="anlan/test")


@pytest.fixture
def city(db):
    """The small city, in force at its own noon."""
    registry.load_city(
        small_city.ADMIN,
        small_city.parsed(small_city.a_city()),
        small_city.parsed(small_city.a_jurisdiction()),
        now=small_city.NOW,
    )


def grow(count, *, now=NOW):
    """Append ``count`` entries that each change an account."""
    entries = []
    for _ in range(count):
        with transaction.atomic():
            number = Account.objects.count() + 1
            row = Account(username=f"desk-{number}", role="duty_officer", created_at=now)
            event = AccountChanged(account=row.username, what="made")
            entries.append(journal.record(event, actor=ME, now=now, rows=[row]))
    return entries


def a_holder_with_contact(code="h1", text="王某 13800000000", *, expires=date(2027, 1, 1)):
    """Keep a holder whose contact lies in the content store; return its reference."""
    ref = contents.put(
        "contact",
        text.encode(),
        purpose=Purpose(name="duty roster", legal_ground="contract", expires_on=expires),
        now=NOW,
    )
    with transaction.atomic():
        row = Holder(code=code, contact_content=ref.id, contact_digest=ref.digest)
        journal.record(AccountChanged(account=code, what="made"), actor=ME, now=NOW, rows=[row])
    return ref


def seal(places, minutes=0):
    return public.seal(now=NOW + timedelta(minutes=minutes), places=places)


def kinds(verdict):
    return {finding.kind for finding in verdict.findings}


def found(verdict):
    return {(finding.kind, finding.subject) for finding in verdict.findings}


def rewrite_leaves():
    """Do what a clever operator would: make every leaf fit its altered entry."""
    for entry in JournalEntry.objects.all():
        data = journal.entry_bytes(
            entry.seq, entry.event, entry.at, entry.actor, entry.payload, entry.images
        )
        JournalEntry.objects.filter(pk=entry.pk).update(leaf=journal.leaf_hash(data))
