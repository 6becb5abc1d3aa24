"""Webhooks against a real server on this machine."""

import json
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from anlan.infra import workspace
from anlan.infra.workspace import WorkspaceKind
from anlan.notices.channels import LivePermit, WebhookSettings, WebhookTransport
from anlan.notices.channels import webhook as module
from anlan.notices.domain.outgoing import SENT, Outcome, Outgoing, Verdict
from anlan.notices.domain.reach import ReachRule
from anlan.notices.domain.signing import holder_secret, is_genuine
from anlan.notices.domain.wording import NoticeText
from tests.notices.certificates import make_certificate
from tests.notices.test_mail import free_port, rude

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
HERE = ReachRule(frozenset({"127.0.0.1"}))


class Receiver(ThreadingHTTPServer):
    """Keeps what it gets and answers as it is told."""

    daemon_threads = True

    def __init__(self, tls=None):
        super().__init__(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.got, self.status, self.answer, self.headers = [], 200, b"ok", {}

    def handle_error(self, request, client_address):
        """A caller that turns away from our certificate is expected here."""


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    do_GET = do_POST

    def log_message(self, *args):
        pass


@contextmanager
def serving(tls=None):
    server = Receiver(tls)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def permit(tmp_path):
    return LivePermit(workspace.create(tmp_path / "live", kind=WorkspaceKind.LIVE))


@pytest.fixture
def way(permit):
    return WebhookTransport(permit, WebhookSettings(secret=b"root", reach=HERE, timeout_s=2.0))


def message(address, key="b" * 40):
    return Outgoing(
        key=key,
        holder="eve",
        at=NOON,
        text=NoticeText("【紧急】积水", "请处理"),
        language="zh",
        facts={"notice": 7, "urgency": "urgent"},
        address=address,
    )


def url(server, path="/hook?city=1", scheme="http"):
    return f"{scheme}://127.0.0.1:{server.server_port}{path}"


def test_a_signed_post_arrives_and_can_be_checked(way):
    with serving() as server:
        assert way.send(message(url(server))) == SENT
    ((path, headers, body),) = server.got
    assert path == "/hook?city=1"
    content = json.loads(body)
    assert (content["title"], content["notice"], content["delivery"]) == (
        "【紧急】积水",
        7,
        "b" * 40,
    )
    secret = holder_secret(b"root", "eve")
    assert is_genuine(secret, headers, body, now=NOON)
    assert not is_genuine(secret, headers, body + b" ", now=NOON)
    assert not is_genuine(secret, headers, body, now=NOON + timedelta(minutes=6))
    assert not is_genuine(holder_secret(b"root", "amy"), headers, body, now=NOON)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (204, SENT),
        (302, Outcome(Verdict.DEFERRED, "redirect")),
        (307, Outcome(Verdict.DEFERRED, "redirect")),
        (401, Outcome(Verdict.DEFERRED, "http_401")),
        (404, Outcome(Verdict.DEFERRED, "http_404")),
        (410, Outcome(Verdict.REFUSED, "gone")),
        (429, Outcome(Verdict.UNREACHABLE, "http_429")),
        (500, Outcome(Verdict.UNREACHABLE, "http_500")),
        (503, Outcome(Verdict.UNREACHABLE, "http_503")),
    ],
)
def test_each_status_is_read_for_what_it_is(way, status, outcome):
    with serving() as server, serving() as elsewhere:
        server.status = status
        server.answer = b"" if status == 204 else b"x"
        server.headers = {"Location": url(elsewhere)}
        assert way.send(message(url(server))) == outcome
    assert not elsewhere.got, "a redirect is never followed"


def test_an_endless_answer_is_cut_off(way):
    def talk(peer, stopped):
        peer.recv(65536)
        try:
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
            while not stopped.is_set():
                peer.sendall(b"x" * 65536)
        except OSError:
            return

    with rude(talk) as port:
        assert way.send(message(f"http://127.0.0.1:{port}/")) == SENT


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", "not_http"),
        (b"SSH-2.0-x\r\n", "not_http"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70000, "not_http"),
    ],
)
def test_what_is_no_web_server_is_away(way, answer, error):
    def talk(peer, stopped):
        peer.recv(65536)
        peer.sendall(answer)

    with rude(talk) as port:
        outcome = way.send(message(f"http://127.0.0.1:{port}/"))
    assert outcome.verdict is Verdict.UNREACHABLE
    assert outcome.error in {error, "connection"}


def test_a_server_that_says_nothing(permit):
    settings = WebhookSettings(secret=b"root", reach=HERE, timeout_s=0.3)
    with rude(lambda _, stopped: stopped.wait(10)) as port:
        outcome = WebhookTransport(permit, settings).send(message(f"http://127.0.0.1:{port}/"))
    assert outcome == Outcome(Verdict.UNREACHABLE, "timeout")


def test_nobody_listens(way):
    outcome = way.send(message(f"http://127.0.0.1:{free_port()}/"))
    assert outcome == Outcome(Verdict.UNREACHABLE, "connection")


def test_a_certificate_is_checked(permit, tmp_path):
    tls, ca_file = make_certificate(tmp_path, "127.0.0.1")
    with serving(tls) as server:
        address = url(server, scheme="https")
        known = WebhookSettings(secret=b"root", reach=HERE, timeout_s=2.0, ca_file=ca_file)
        assert WebhookTransport(permit, known).send(message(address)) == SENT
        stranger = WebhookSettings(secret=b"root", reach=HERE, timeout_s=2.0)
        outcome = WebhookTransport(permit, stranger).send(message(address))
    assert outcome == Outcome(Verdict.UNREACHABLE, "tls")
    assert len(server.got) == 1


def test_without_a_list_the_inside_is_never_called(permit):
    open_to_all = WebhookTransport(permit, WebhookSettings(secret=b"root"))
    with serving() as server:
        for address, reason in (
            (f"https://127.0.0.1:{server.server_port}/", "private_address"),
            (f"https://localhost:{server.server_port}/", "private_address"),
            (f"https://[::1]:{server.server_port}/", "private_address"),
            (f"https://2130706433:{server.server_port}/", "private_address"),
            (url(server), "not_https"),
        ):
            assert open_to_all.send(message(address)) == Outcome(Verdict.REFUSED, reason)
    assert not server.got


def test_the_address_that_was_checked_is_the_one_that_is_called(permit, monkeypatch):
    """A name that points elsewhere a moment later (DNS rebinding) gains nothing."""
    asked = []

    def resolve(host, port):
        asked.append(host)
        return ["127.0.0.1"]

    monkeypatch.setattr(module, "resolve", resolve)
    reach = ReachRule(frozenset({"hook.city.example"}))
    way = WebhookTransport(permit, WebhookSettings(secret=b"root", reach=reach, timeout_s=2.0))
    with serving() as server:
        address = f"http://hook.city.example:{server.server_port}/"
        assert way.send(message(address)) == SENT
    assert asked == ["hook.city.example"]
    assert server.got[0][1]["Host"] == f"hook.city.example:{server.server_port}"


def test_a_name_that_nobody_knows(permit, monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror

    monkeypatch.setattr(module.socket, "getaddrinfo", unknown)
    way = WebhookTransport(permit, WebhookSettings(secret=b"root"))
    outcome = way.send(message("https://hook.city.example/"))
    assert outcome == Outcome(Verdict.UNREACHABLE, "name_not_found")


def test_messages_to_one_server_wait_for_one_another_only(way):
    assert way.place_of("http://127.0.0.1:1/a") == way.place_of("http://127.0.0.1:1/b")
    assert way.place_of("http://127.0.0.1:1/a") != way.place_of("http://127.0.0.1:2/a")
    assert way.place_of("ftp://x") == "refused scheme"


def test_the_secret_is_not_shown():
    assert "root" not in repr(WebhookSettings(secret=b"root"))
