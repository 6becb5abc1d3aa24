"""Bodies that are long, slow, cut short or without a length; addresses that do not exist."""

from __future__ import annotations

import io
import json
import threading

import pytest
from django.http import HttpResponse

from anlan.entrypoints.web.intake import REFUSED, Intake
from anlan.sensing.domain.errors import BodyTooLargeError
from tests.hostile.doors import call, refused_well, token

LIMIT = 1000


def serve(body: bytes, **environ: str):
    """Return what the application sees of a request."""
    seen = {}

    def application(given, _start):
        seen.update(given, body=given["wsgi.input"].read(10_000))
        return HttpResponse(b"ok")

    given = {"wsgi.input": io.BytesIO(body), **environ}
    answer = Intake(application, limit=LIMIT)(given, lambda *_: None)
    assert answer == [b"ok"]
    return seen


def test_a_body_of_the_stated_length_arrives_whole():
    seen = serve(b"x" * LIMIT, CONTENT_LENGTH=str(LIMIT))
    assert (seen["body"], REFUSED in seen) == (b"x" * LIMIT, False)


def test_a_body_without_a_length_arrives_whole_with_its_length():
    seen = serve(b"abc", HTTP_TRANSFER_ENCODING="chunked")
    assert (seen["body"], seen["CONTENT_LENGTH"]) == (b"abc", "3")


def test_a_length_beside_chunks_counts_for_nothing():
    seen = serve(b"abcdef", HTTP_TRANSFER_ENCODING="Chunked", CONTENT_LENGTH="2")
    assert seen["body"] == b"abcdef"


@pytest.mark.parametrize("stated", ["", "-5", "abc", "\u00b2", "1e3"])
def test_a_length_that_is_none_means_no_body(stated):
    assert serve(b"abc", CONTENT_LENGTH=stated)["body"] == b""


@pytest.mark.parametrize(
    "environ",
    [{"CONTENT_LENGTH": str(LIMIT + 1)}, {"HTTP_TRANSFER_ENCODING": "chunked"},
     {"CONTENT_LENGTH": "99999999999999"}],
)  # fmt: skip
def test_a_body_beyond_the_limit_is_refused(environ):
    seen = serve(b"x" * (LIMIT + 1), **environ)
    assert isinstance(seen[REFUSED], BodyTooLargeError)
    assert seen["body"] == b""


def test_a_body_cut_short_is_refused():
    seen = serve(b"abc", CONTENT_LENGTH="4")
    assert seen[REFUSED].code == "input.cut_short"


def test_a_slow_body_holds_up_nobody():
    """One caller's body does not come; another is answered meanwhile."""
    go_on = threading.Event()

    class Slow:
        def read(self, _size):
            go_on.wait(10)
            return b"x"

    done = []
    intake = Intake(lambda _environ, _start: HttpResponse(b"ok"), limit=LIMIT)
    slow = {"wsgi.input": Slow(), "CONTENT_LENGTH": "1"}
    caller = threading.Thread(target=lambda: done.append(intake(slow, print)))
    caller.start()
    quick = {"wsgi.input": io.BytesIO(b"y"), "CONTENT_LENGTH": "1"}
    assert intake(quick, print) == [b"ok"]
    assert done == []
    go_on.set()
    caller.join(10)
    assert done == [[b"ok"]]


@pytest.mark.django_db(databases="__all__")
class TestAddresses:
    """What is no endpoint answers in the same form as one."""

    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/api", 404, "address.unknown"),
            ("GET", "/api/v1/nope", 404, "address.unknown"),
            ("GET", "/api/v1/cases/abc", 404, "address.unknown"),
            ("GET", "/api/v1/cases/", 404, "address.unknown"),
            ("POST", "/api/v1/../../etc/passwd", 404, "address.unknown"),
            ("PUT", "/api/v1/cases", 405, "address.method"),
            ("OPTIONS", "/api/v1/cases", 405, "address.method"),
            ("BREW", "/api/v1/cases", 405, "address.method"),
        ],
    )
    @pytest.mark.parametrize("language", ["zh", "en"])
    def test_unknown_addresses_and_methods(self, demo, method, path, status, code, language):
        found, answer = call(method, path, **{"Accept-Language": language})
        assert (found, answer["error"]["code"]) == (status, code)
        assert refused_well(found, answer)

    def test_a_page_that_does_not_exist_is_told_to_people(self, demo):
        status, page = call("GET", "/<script>alert(1)</script>")
        assert status == 404
        assert b"address.unknown" in page
        assert b"<script>" not in page

    @pytest.mark.parametrize("path", ["/", "/healthz", "/metrics"])
    def test_pages_are_read_only(self, demo, path):
        assert call("POST", path)[0] == 405

    def test_an_unknown_host_is_told_so(self, demo):
        status, answer = call("GET", "/api/v1/city", Host="evil.example")
        assert (status, answer["error"]["code"]) == (400, "address.host")

    def test_head_answers_like_get_without_a_body(self, demo):
        secret = token("desk", "duty_officer")
        assert call("HEAD", "/api/v1/cases", secret) == (200, b"")
        assert call("HEAD", "/api/v1/cases")[0] == 401

    @pytest.mark.parametrize(
        "path",
        ["/api/v1/reports", "/api/v1/cases", "/api/v1/observations", "/api/v1/signals"],
    )
    def test_thirteen_megabytes_are_refused_at_every_door(self, demo, path, settings):
        secret = token("desk", "duty_officer", post="P-DUTY")
        body = json.dumps({"text": "a" * 13 * 1024 * 1024})
        status, answer = call("POST", path, secret, body)
        assert (status, answer["error"]["code"]) == (413, "input.too_large")
