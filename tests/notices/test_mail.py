"""E-mail against a real server on this machine."""

import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from anlan.infra import workspace
from anlan.infra.workspace import WorkspaceKind
from anlan.notices.channels import LivePermit, MailTransport, SmtpSettings
from anlan.notices.domain.outgoing import SENT, Outcome, Outgoing, Verdict
from anlan.notices.domain.wording import NoticeText
from tests.notices.certificates import make_certificate

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


@pytest.fixture
def permit(tmp_path):
    return LivePermit(workspace.create(tmp_path / "live", kind=WorkspaceKind.LIVE))


def message(
    address="amy@city.example", title="【紧急】积水", body="水深 1.5 米\n.\n请处理", key="a" * 40
):
    return Outgoing(
        key=key,
        holder="amy",
        at=NOON,
        text=NoticeText(title, body),
        language="zh",
        facts={},
        address=address,
    )


class Box:
    """What the server does with what it is given; ``answers`` are used up one by one."""

    def __init__(self):
        self.mails, self.answers, self.rcpt_answers, self.commands = [], [], [], []

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.commands.append(address)
        if self.rcpt_answers:
            return self.rcpt_answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(message_from_bytes(envelope.content))
        return self.answers.pop(0) if self.answers else "250 taken"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server(box, **settings):
    class Own(Controller):
        def factory(self):
            return SMTP(self.handler, enable_SMTPUTF8=True, hostname="mail.test", **settings)

    controller = Own(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def transport(permit, port, **given):
    facts = {"host": "127.0.0.1", "tls": "none", "sender": "anlan@city.example", "timeout_s": 2.0}
    return MailTransport(permit, SmtpSettings(port=port, **{**facts, **given}))


def test_a_mail_arrives_as_it_was_meant(permit):
    box = Box()
    with server(box) as port:
        assert transport(permit, port).send(message()) == SENT
    (mail,) = box.mails
    assert str(make_header(decode_header(mail["Subject"]))) == "【紧急】积水"
    assert mail.get_payload(decode=True).decode().splitlines() == ["水深 1.5 米", ".", "请处理"]
    assert mail["To"] == "amy@city.example"
    assert mail["Message-ID"] == f"<{'a' * 40}@city.example>"
    assert mail["Anlan-Delivery"] == "a" * 40
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Mon, 23 Nov 2026 04:00:00 +0000"


def test_greylisting_and_a_full_mailbox_come_back_later(permit):
    box = Box()
    box.rcpt_answers = ["451 4.7.1 try again later"]
    box.answers = ["452 4.2.2 mailbox full"]
    with server(box) as port:
        way = transport(permit, port)
        assert way.send(message()) == Outcome(Verdict.DEFERRED, "smtp_451")
        assert way.send(message()) == Outcome(Verdict.DEFERRED, "smtp_452")
        assert way.send(message()) == SENT
    assert len({mail["Message-ID"] for mail in box.mails}) == 1


def test_an_unknown_mailbox_and_a_refused_text_never_come_back(permit):
    box = Box()
    box.rcpt_answers = ["550 5.1.1 no such user"]
    box.answers = ["554 5.7.1 refused"]
    with server(box) as port:
        way = transport(permit, port)
        assert way.send(message()) == Outcome(Verdict.REFUSED, "smtp_550")
        assert way.send(message()) == Outcome(Verdict.REFUSED, "smtp_554")


@pytest.mark.parametrize(
    "address",
    [
        "amy@city.example\r\nBcc: all@city.example", "amy@city.example\nDATA", "a b@city.example",
        "amy", "", "@", "<amy@city.example>", "amy@city.example,bob@city.example", "amy@\x00city",
    ],
)  # fmt: skip
def test_an_address_that_would_break_out_is_refused_before_it_leaves(permit, address):
    box = Box()
    with server(box) as port:
        outcome = transport(permit, port).send(message(address))
    assert outcome == Outcome(Verdict.REFUSED, "malformed_address")
    assert not box.commands


@pytest.mark.parametrize(
    "odd", ["\r\nBcc: x@y.z\r\n", "\n\nbody", "\x00\x1b[31m", "\u2028", "x" * 5000]
)
def test_a_title_stays_in_its_header(permit, odd):
    box = Box()
    with server(box) as port:
        assert transport(permit, port).send(message(title="积水" + odd)) == SENT
    (mail,) = box.mails
    assert mail["Bcc"] is None
    subject = str(make_header(decode_header(mail["Subject"])))
    assert "\n" not in subject
    assert "\x1b" not in subject
    assert len(subject) <= 200


def test_nobody_listens(permit):
    outcome = transport(permit, free_port()).send(message())
    assert outcome == Outcome(Verdict.UNREACHABLE, "connection")


@contextmanager
def rude(talk):
    """Serve one connection after another with a function that gets the socket."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stopped = threading.Event()

        def serve():
            while not stopped.is_set():
                try:
                    peer, _ = listening.accept()
                except OSError:
                    return
                with peer:
                    talk(peer, stopped)

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            stopped.set()
            listening.shutdown(socket.SHUT_RDWR)


def test_a_server_that_hangs_up_at_once(permit):
    with rude(lambda peer, _: None) as port:
        assert transport(permit, port).send(message()).verdict is Verdict.UNREACHABLE


def test_a_server_that_says_nothing(permit):
    with rude(lambda _, stopped: stopped.wait(10)) as port:
        outcome = transport(permit, port, timeout_s=0.3).send(message())
    assert outcome == Outcome(Verdict.UNREACHABLE, "timeout")


def test_a_server_that_turns_everyone_away(permit):
    with rude(lambda peer, _: peer.sendall(b"421 4.3.2 closing\r\n")) as port:
        outcome = transport(permit, port).send(message())
    assert outcome == Outcome(Verdict.UNREACHABLE, "smtp_421")


def test_a_server_that_hangs_up_after_the_text_leaves_the_answer_open(permit):
    def talk(peer, stopped):
        peer.sendall(b"220 mail.test\r\n")
        text = b""
        while b"\r\n.\r\n" not in text:
            got = peer.recv(4096)
            if not got:
                return
            text += got
            if got.upper().startswith(b"DATA"):
                peer.sendall(b"354 go\r\n")
            elif b"\r\n.\r\n" not in text:
                peer.sendall(b"250 OK\r\n")

    with rude(talk) as port:
        assert transport(permit, port).send(message()) == Outcome(Verdict.UNREACHABLE, "connection")


def test_without_starttls_nothing_is_sent_in_the_clear(permit):
    box = Box()
    with server(box) as port:
        outcome = transport(permit, port, tls="starttls").send(message())
    assert outcome == Outcome(Verdict.UNREACHABLE, "tls_not_offered")
    assert not box.commands


def test_starttls_with_a_login_and_a_certificate_that_is_checked(permit, tmp_path):
    context, ca_file = make_certificate(tmp_path, "127.0.0.1")

    def authenticate(server, session, envelope, mechanism, given):
        good = (given.login, given.password) == (b"anlan", b"secret")
        return AuthResult(success=good, handled=False)

    box = Box()
    settings = {"tls_context": context, "require_starttls": True}
    settings |= {"authenticator": authenticate, "auth_required": True}
    with server(box, **settings) as port:
        facts = {"tls": "starttls", "user": "anlan", "password": "secret"}
        known = transport(permit, port, ca_file=ca_file, **facts)
        assert known.send(message()) == SENT
        stranger = transport(permit, port, **facts)
        assert stranger.send(message()) == Outcome(Verdict.UNREACHABLE, "tls")
        wrong = transport(permit, port, ca_file=ca_file, **(facts | {"password": "other"}))
        assert wrong.send(message()) == Outcome(Verdict.UNREACHABLE, "login_refused")
    assert len(box.mails) == 1


def test_settings_that_would_give_a_password_away_are_refused():
    with pytest.raises(ValueError, match="without TLS"):
        SmtpSettings(host="x", user="u", password="p", tls="none")
    with pytest.raises(ValueError, match="starttls, tls or none"):
        SmtpSettings(host="x", tls="ssl")
    with pytest.raises(ValueError, match=r"."):
        SmtpSettings(host="x", sender="a@b\r\nBcc: c@d")
    assert "p4ss" not in repr(SmtpSettings(host="x", user="u", password="p4ss"))
