"""The doors of accountability, called as the middleware would call them."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

import pytest
from ninja.testing import TestClient

from anlan.accountability import public
from anlan.accountability.api import router
from anlan.accountability.domain.exports import verify_export
from anlan.accountability.models import Sickness
from anlan.infra import contents
from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import NotAllowedError, NotAuthenticatedError, NotFoundError
from anlan.registry.domain.permissions import PERMISSIONS

from .conftest import NOW, a_holder_with_contact, grow

pytestmark = pytest.mark.django_db(databases="__all__")


class _Raw(TestClient):
    """Lets refusals through as exceptions: their form is the entry point's matter."""


client = _Raw(router)


def actor(role, areas=("",)):
    return Actor(id=f"account:{role}", role=role, areas=areas, scopes=PERMISSIONS[role])


AUDITOR = actor(Role.AUDITOR)
KEEPER = actor(Role.AUDIT_ADMIN)


@pytest.fixture(autouse=True)
def _here(places, monkeypatch):
    monkeypatch.setattr(public, "here", lambda: places)


def get(path, who=AUDITOR, **query):
    return client.get(path, query_params=query, GET=query, actor=who, now=NOW)


def test_the_newest_checkpoint_is_its_exact_note(places):
    with pytest.raises(NotFoundError):
        get("/ledger/checkpoint")
    grow(2)
    sealed = public.seal(now=NOW)
    answer = get("/ledger/checkpoint")
    assert answer.content.decode().startswith(f"anlan/test\n{sealed.size}\n")
    listed = get("/ledger/checkpoints").json()["checkpoints"]
    assert [item["note"] for item in listed] == [answer.content.decode()]
    assert get("/ledger/checkpoints", after=sealed.size).json()["checkpoints"] == []


def test_a_proof_and_the_growth_are_given(places):
    grow(2)
    first = public.seal(now=NOW)
    grow(2)
    second = public.seal(now=NOW)
    assert get("/ledger/proof/1").json() == public.proof(1)
    assert get("/ledger/proof/1", size=first.size).json() == public.proof(1, size=first.size)
    growth = get("/ledger/growth", old=first.size, new=second.size).json()
    assert growth == public.consistency(first.size, second.size)


def test_an_export_is_downloaded_whole(places, tmp_path):
    grow(3)
    public.seal(now=NOW)
    answer = client.get("/ledger/export", GET={}, actor=AUDITOR, now=NOW)
    data = answer.content
    answer._response.close()
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
    (tmp_path / "got.zip").write_bytes(data)
    assert verify_export(tmp_path / "got.zip", outside=places.outside).holds


def test_the_verdict_says_what_its_findings_mean(places):
    grow(3)
    public.seal(now=NOW)
    assert get("/ledger/verdict").json()["holds"] is True
    ref = a_holder_with_contact()
    contents.destroy([ref.id], reason="quietly", now=NOW)
    said = get("/ledger/verdict", lang="en").json()
    assert said["holds"] is False
    assert said["findings"] == [
        {
            "kind": "content_destroyed_unrecorded",
            "subject": f"content:{ref.id}",
            "detail": "",
            "meaning": "a content was destroyed without a record",
        }
    ]


def test_state_as_of_over_http(places):
    grow(2)
    said = get("/audit/as-of", at=(NOW + timedelta(hours=1)).isoformat()).json()
    assert said["counts"]["registry.account"] == 2
    rows = get("/audit/as-of", at=NOW.isoformat(), table="registry.account").json()["rows"]
    assert [row["fields"]["username"] for row in rows] == ["desk-1", "desk-2"]


def test_contents_are_destroyed_by_the_keeper_only(places):
    ref = a_holder_with_contact()
    body = {"ids": [str(ref.id)], "reason": "consent_withdrawn"}
    with pytest.raises(NotAllowedError):
        client.post("/contents/destroy", json=body, actor=AUDITOR, now=NOW)
    answer = client.post("/contents/destroy", json=body, actor=KEEPER, now=NOW)
    assert answer.json() == {"destroyed": 1}
    assert contents.get(ref.id) is contents.DESTROYED


def test_breaches_and_sicknesses_are_listed(places):
    Sickness.objects.create(
        part="disk:workspace", ailment="disk_full", params={"percent": 90}, since=NOW
    )
    (sick,) = get("/health/sicknesses").json()
    assert sick["texts"] == {
        "zh": "磁盘空间不足：disk:workspace",
        "en": "The disk is nearly full: disk:workspace",
    }
    assert get("/health/sicknesses", healed=True).json() == []
    assert get("/audit/breaches").json() == []


@pytest.mark.parametrize(
    "path",
    [
        "/ledger/checkpoint",
        "/ledger/checkpoints",
        "/ledger/proof/1",
        "/ledger/growth?old=1&new=1",
        "/ledger/export",
        "/ledger/verdict",
        "/audit/breaches",
        "/audit/as-of?at=2026-01-01T00:00:00Z",
        "/health/sicknesses",
    ],
)
def test_every_door_asks_who_calls_and_for_what(path):
    with pytest.raises(NotAuthenticatedError):
        client.get(path, actor=None, now=NOW)
    with pytest.raises(NotAllowedError):
        client.get(path, actor=actor(Role.PROGRAM), now=NOW)
