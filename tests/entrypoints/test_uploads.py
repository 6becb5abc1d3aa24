"""Photos in pieces over HTTP: the protocol, whose they are, and the forms they belong to."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from PIL import Image

from anlan import flow
from anlan.entrypoints import clock, worker
from anlan.infra import contents, delivery
from anlan.infra.models import ContentItem
from anlan.response.models import Case, CasePhoto
from anlan.sensing.domain import uploads as words
from anlan.sensing.models import Report, ReportPhoto, Upload
from tests.entrypoints.test_pages import NOW, an_account, browser, send, signed_in

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]
PIECE = {"content_type": "application/offset+octet-stream"}


def jpeg(size=(320, 240)):
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


class Line:
    """A browser's script that sends photos: it knows its page's form token."""

    def __init__(self, client, page="/report"):
        self.client = client
        shown = client.get(page).content.decode()
        self.token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', shown).group(1)

    def ask(self, method, address, body=b"", **headers):
        given = {"X-CSRFToken": self.token, **headers}
        return self.client.generic(method, address, body, headers=given, **PIECE)

    def begin(self, length):
        return self.ask("POST", "/uploads", **{"Upload-Length": str(length)})

    def piece(self, address, offset, body):
        return self.ask("PATCH", address, body, **{"Upload-Offset": str(offset)})

    def photo(self, data):
        address = self.begin(len(data))["Location"]
        for offset in range(0, len(data), 4000):
            answer = self.piece(address, offset, data[offset : offset + 4000])
            assert answer.status_code == 204, answer.content
        return address.rsplit("/", 1)[1]


@pytest.fixture
def public():
    return Line(browser())


def test_begin_append_ask_and_let_go(public):
    data = jpeg()
    begun = public.begin(len(data))
    assert (begun.status_code, begun["Upload-Offset"], begun["Tus-Resumable"]) == (
        201,
        "0",
        "1.0.0",
    )
    address = begun["Location"]
    sent = public.piece(address, 0, data[:1000])
    assert (sent.status_code, sent["Upload-Offset"]) == (204, "1000")
    asked = public.ask("HEAD", address)
    assert (asked.status_code, asked["Upload-Offset"]) == (200, "1000")
    assert asked["Upload-Length"] == str(len(data))
    assert "no-store" in asked["Cache-Control"]
    assert public.ask("DELETE", address).status_code == 204
    assert public.ask("HEAD", address).status_code == 404


class TestHostile:
    def test_without_the_token_of_a_form(self):
        assert browser().post("/uploads", headers={"Upload-Length": "10"}).status_code == 403
        assert not Upload.objects.exists()

    @pytest.mark.parametrize("length", ["", "-1", "x", "1e3", "٣", "9" * 13, "10.5"])
    def test_a_length_that_is_none(self, public, length):
        answer = public.ask("POST", "/uploads", **({"Upload-Length": length} if length else {}))
        assert answer.status_code == 422
        assert not Upload.objects.exists()

    def test_too_large(self, public):
        answer = public.begin(words.MAX_BYTES + 1)
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "upload.too_large"

    def test_a_wrong_offset_is_told_the_right_one(self, public):
        address = public.begin(5000)["Location"]
        public.piece(address, 0, jpeg()[:1000])
        for offset in (0, 999, 1001, 4999):
            answer = public.piece(address, offset, b"x" * 10)
            assert (answer.status_code, answer["Upload-Offset"]) == (409, "1000")

    def test_past_the_end(self, public):
        address = public.begin(10)["Location"]
        answer = public.piece(address, 0, b"\xff\xd8\xff" + b"x" * 20)
        assert answer.status_code == 413

    def test_not_as_bytes_at_an_offset(self, public):
        address = public.begin(10)["Location"]
        answer = public.client.generic(
            "PATCH", address, b"{}", "application/json",
            headers={"X-CSRFToken": public.token, "Upload-Offset": "0"},
        )  # fmt: skip
        assert answer.status_code == 415

    def test_another_version_of_the_protocol(self, public):
        answer = public.ask("POST", "/uploads", **{"Upload-Length": "9", "Tus-Resumable": "0.2.2"})
        assert (answer.status_code, answer["Tus-Resumable"]) == (412, "1.0.0")

    def test_a_name_that_is_none(self, public):
        for name in ("x", "%00", "a" * 5000, "..%2f..%2fetc", "é"):
            assert public.ask("HEAD", f"/uploads/{name}").status_code in (404, 422), name

    def test_too_many(self, public):
        line = Line(signed_in(an_account("duty_officer")), "/duties")
        for _ in range(words.EACH_MOST):
            assert line.begin(10).status_code == 201
        assert line.begin(10).status_code == 429

    def test_somebody_else_s(self, public):
        one = Line(signed_in(an_account("duty_officer")), "/duties")
        other = Line(signed_in(an_account("street_officer")), "/duties")
        data = jpeg()
        name = one.photo(data)
        for line in (other, public):
            assert line.ask("HEAD", f"/uploads/{name}").status_code == 404
            assert line.piece(f"/uploads/{name}", 0, b"\xff").status_code == 404
            assert line.ask("DELETE", f"/uploads/{name}").status_code == 404
        assert one.ask("HEAD", f"/uploads/{name}")["Upload-Offset"] == str(len(data))


class TestReport:
    def file(self, line, names, **fields):
        return send(line.client, "/report", "/report", text="井盖没了", upload=names, **fields)

    def test_its_photos_came_before(self, public):
        names = [public.photo(jpeg()), public.photo(jpeg())]
        answer = self.file(public, names, key="k")
        assert answer.status_code == 303
        assert (Report.objects.get().flags, ReportPhoto.objects.count()) == ([], 2)
        assert not Upload.objects.exists()
        left = ContentItem.objects.using(contents.ALIAS).filter(
            kind="photo_piece", data__isnull=False
        )
        assert not left.exists()
        # The answer was lost and the form comes again: the same report, with its photos.
        again = self.file(public, names, key="k")
        assert (again.status_code, again["Location"]) == (303, answer["Location"])
        assert (Report.objects.count(), ReportPhoto.objects.count()) == (1, 2)

    def test_it_is_not_refused_for_a_photo_that_was_lost(self, public):
        address = public.begin(9000)["Location"]
        public.piece(address, 0, jpeg()[:1000])
        names = [address.rsplit("/", 1)[1], "never-begun"]
        assert self.file(public, names, key="k").status_code == 303
        assert "photo_lost" in Report.objects.get().flags
        assert ReportPhoto.objects.count() == 0

    def test_what_is_no_photo_after_all_is_given_back_before_anything_is_kept(self, public):
        name = public.photo(b"\xff\xd8\xff" + b"no picture at all" * 20)
        answer = self.file(public, [name], key="k")
        assert (answer.status_code, "photo.not_a_photo" in answer.content.decode()) == (422, True)
        assert not Report.objects.exists()


class TestCase:
    @pytest.fixture
    def case(self):
        send(browser(), "/report", "/report", text="隧道积水很深", key="k")
        delivery.settle(flow.REACTIONS, now=NOW)
        return Case.objects.get()

    def test_evidence_came_before_the_move(self, case):
        client = signed_in(an_account("duty_officer"))
        line = Line(client, f"/cases/{case.pk}")
        name = line.photo(jpeg((640, 480)))
        post = "P-DUTY-LEAD"
        page = f"/cases/{case.pk}"
        answer = send(client, page, f"{page}/decide", post=post, upload=[name])
        assert answer.status_code == 303, answer.content.decode()
        photo = CasePhoto.objects.get()
        assert (photo.about, photo.width_px) == ("decide", 640)
        assert not Upload.objects.exists()

    def test_a_move_waits_for_a_photo_that_is_not_whole_and_says_so(self, case):
        client = signed_in(an_account("duty_officer"))
        line = Line(client, f"/cases/{case.pk}")
        address = line.begin(9000)["Location"]
        line.piece(address, 0, jpeg()[:1000])
        page = f"/cases/{case.pk}"
        name = address.rsplit("/", 1)[1]
        answer = send(client, page, f"{page}/decide", post="P-DUTY-LEAD", upload=[name])
        assert (answer.status_code, "upload.unfinished" in answer.content.decode()) == (409, True)
        case.refresh_from_db()
        assert case.state == "arbitrating"

    def test_somebody_else_s_photo_is_no_evidence_of_mine(self, case):
        other = Line(signed_in(an_account("street_officer")), "/duties")
        name = other.photo(jpeg())
        client = signed_in(an_account("duty_officer"))
        page = f"/cases/{case.pk}"
        answer = send(client, page, f"{page}/decide", post="P-DUTY-LEAD", upload=[name])
        assert (answer.status_code, CasePhoto.objects.count()) == (404, 0)


def test_the_clockwork_destroys_what_is_never_finished(public, monkeypatch):
    public.photo(jpeg())
    later = NOW + timedelta(hours=25)

    class Later:
        def now(self):
            return later

    monkeypatch.setattr(clock, "_current", Later())
    worker.reset()
    worker.tick(now=later)
    assert not Upload.objects.exists()
    left = ContentItem.objects.using(contents.ALIAS).filter(kind="photo_piece", data__isnull=False)
    assert not left.exists()
