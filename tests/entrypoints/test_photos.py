"""Photos from the spot: sent with a move, kept clean and apart, shown for a journalled reason."""

from __future__ import annotations

import base64
import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from anlan import flow
from anlan.accountability import public as accountability
from anlan.infra import contents, delivery
from anlan.infra.models import ContentItem, JournalEntry
from anlan.kernel.actor import Role
from anlan.registry import public as registry
from anlan.response.models import Case, CasePhoto
from tests.entrypoints.test_pages import (
    NOW,
    an_account,
    browser,
    send,
    signed_in,
)

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]


def a_photo(name="pump.jpg"):
    image, out = Image.new("RGB", (640, 480), "grey"), io.BytesIO()
    exif = image.getexif()
    exif[0x010E] = "13900000000"
    image.save(out, "JPEG", exif=exif)
    assert b"13900000000" in out.getvalue()
    return SimpleUploadedFile(name, out.getvalue(), "image/jpeg")


@pytest.fixture
def case():
    send(browser(), "/report", "/report", text="隧道积水很深", key="k")
    delivery.settle(flow.REACTIONS, now=NOW)
    return Case.objects.get()


def decide(client, case, *photos):
    page, post = f"/cases/{case.pk}", registry.posts()[0].code
    return send(client, page, f"{page}/decide", post=post, photo=list(photos))


def test_a_photo_is_kept_without_hidden_data_and_shown_for_a_reason(case):
    client = signed_in(an_account("duty_officer"))
    assert decide(client, case, a_photo(), a_photo()).status_code == 303
    first, second = CasePhoto.objects.order_by("pk")
    assert (first.about, first.width_px, first.height_px) == ("decide", 640, 480)
    kept = ContentItem.objects.using(contents.ALIAS).get(pk=first.photo_content)
    assert (kept.purpose, kept.expires_on > NOW.date()) == ("case handling", True)
    assert b"13900000000" not in bytes(kept.data)
    page = f"/cases/{case.pk}"
    assert "640 × 480 px" in client.get(page).content.decode()
    shown = send(client, page, f"{page}/photos/{first.pk}", reason="handling").content.decode()
    data = base64.b64decode(re.search(r"data:image/jpeg;base64,([^\"]+)", shown).group(1))
    assert data == bytes(kept.data)
    read = JournalEntry.objects.get(event="ContentsRead")
    assert read.payload["what"] == f"case_photo:{first.pk}"
    refused = send(client, page, f"{page}/photos/{second.pk}")
    assert (refused.status_code, "base64" in refused.content.decode()) == (422, False)
    assert JournalEntry.objects.filter(event="ContentsRead").count() == 1
    assert accountability.rebuild() == []


def test_what_is_no_photo_is_refused_and_nothing_moves(case):
    client = signed_in(an_account("duty_officer"))
    bad = SimpleUploadedFile("x.jpg", b"<svg onload=alert(1)>", "image/jpeg")
    answer = decide(client, case, bad)
    assert (answer.status_code, "photo.not_a_photo" in answer.content.decode()) == (422, True)
    case.refresh_from_db()
    assert (case.state, CasePhoto.objects.count()) == ("arbitrating", 0)


def test_nobody_else_sees_it(case):
    decide(signed_in(an_account("duty_officer")), case, a_photo())
    photo = CasePhoto.objects.get()
    address = f"/cases/{case.pk}/photos/{photo.pk}"
    auditor = signed_in(an_account("auditor"), Role.AUDITOR)
    street = signed_in(an_account("street_officer", ("410102",)))
    for client in (auditor, street):
        assert send(client, "/report", address, reason="handling").status_code == 404
    assert "why-photo" not in auditor.get(f"/cases/{case.pk}").content.decode()
    desk = signed_in(an_account("duty_officer", name="other"))
    wrong = f"/cases/{case.pk}/photos/{photo.pk + 1}"
    assert send(desk, "/report", wrong, reason="handling").status_code == 404
    assert not JournalEntry.objects.filter(event="ContentsRead").exists()


def test_a_destroyed_photo_is_not_found(case):
    client = signed_in(an_account("duty_officer"))
    decide(client, case, a_photo())
    photo = CasePhoto.objects.get()
    contents.destroy([photo.photo_content], reason="expired", now=NOW)
    address = f"/cases/{case.pk}/photos/{photo.pk}"
    assert send(client, f"/cases/{case.pk}", address, reason="law").status_code == 404
