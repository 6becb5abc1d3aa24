"""E-mail over SMTP, with the standard library."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Literal

from anlan.notices.channels import permit as permits
from anlan.notices.domain.outgoing import SENT, Outcome, Outgoing, Verdict
from anlan.notices.domain.signing import KEY_HEADER
from anlan.notices.domain.words import Channel

MAX_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """How the mail server is reached."""

    host: str
    port: int = 25
    user: str = ""
    password: str = field(default="", repr=False)
    tls: Literal["starttls", "tls", "none"] = "starttls"
    sender: str = "anlan@localhost"
    timeout_s: float = 10.0
    ca_file: str | None = None  # a private authority's certificate; None: the system's

    def __post_init__(self) -> None:
        if self.tls not in {"starttls", "tls", "none"}:
            raise ValueError("mail TLS is starttls, tls or none")
        if self.user and self.tls == "none":
            raise ValueError("a mail password is never sent without TLS")
        Address(addr_spec=self.sender)  # refuses a malformed sender at once

    @property
    def domain(self) -> str:
        """The sender's domain, which also names this machine to the server."""
        return self.sender.rpartition("@")[2]


class TlsNotOfferedError(OSError):
    """The server offers no STARTTLS: rather nothing is sent than in the clear."""


def compose(message: Outgoing, sender: str) -> EmailMessage:
    """Return the mail.

    Raises
    ------
    ValueError
        When the address, or anything else, would break out of its header.
    """
    address = message.address
    if any(ord(letter) < 33 or ord(letter) == 127 for letter in address):
        raise ValueError("an address holds no spaces or control characters")
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["From"] = Address(addr_spec=sender)
    mail["To"] = Address(addr_spec=address)
    subject = "".join(letter if letter.isprintable() else " " for letter in message.text.title)
    mail["Subject"] = subject[:MAX_SUBJECT]
    mail["Date"] = format_datetime(message.at)
    # The same for every try: a mailbox or a person recognises a repetition.
    mail["Message-ID"] = f"<{message.key}@{sender.rpartition('@')[2]}>"
    mail[KEY_HEADER] = message.key
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = message.language
    mail.set_content(message.text.body + "\n", charset="utf-8", cte="base64")
    return mail


class MailTransport:
    """Sends e-mail; each message over its own connection, so that none waits for another."""

    channel = Channel.EMAIL

    def __init__(self, permit: permits.LivePermit, settings: SmtpSettings) -> None:
        permits.check(permit)
        self._settings = settings

    def place_of(self, address: str) -> str:  # noqa: ARG002  all mail goes through one server
        """Return the mail server."""
        return f"smtp {self._settings.host}:{self._settings.port}"

    def send(self, message: Outgoing) -> Outcome:
        """Try once; see :func:`outcome_of` for how refusals are read."""
        try:
            mail = compose(message, self._settings.sender)
        except (ValueError, MessageError, IndexError):
            return Outcome(Verdict.REFUSED, "malformed_address")
        try:
            self._deliver(mail)
        except (OSError, smtplib.SMTPException) as error:
            return outcome_of(error)
        return SENT

    def _deliver(self, mail: EmailMessage) -> None:
        how = self._settings
        context = ssl.create_default_context(cafile=how.ca_file)
        if how.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                how.host,
                how.port,
                local_hostname=how.domain,
                timeout=how.timeout_s,
                context=context,
            )
        else:
            server = smtplib.SMTP(
                how.host, how.port, local_hostname=how.domain, timeout=how.timeout_s
            )
        try:
            if how.tls == "starttls":
                _secure(server, context)
            if how.user:
                server.login(how.user, how.password)
            server.send_message(mail)
        except BaseException:
            server.close()
            raise
        _leave(server)


def _secure(server: smtplib.SMTP, context: ssl.SSLContext) -> None:
    server.ehlo()
    if not server.has_extn("starttls"):
        raise TlsNotOfferedError
    server.starttls(context=context)


def _leave(server: smtplib.SMTP) -> None:
    """Say goodbye; the mail is accepted already, whatever the server answers now."""
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()


# Read in this order: what is not about one message concerns the server as a whole.
_AWAY: tuple[tuple[type[Exception], str], ...] = (
    (smtplib.SMTPAuthenticationError, "login_refused"),
    (TlsNotOfferedError, "tls_not_offered"),
    (ssl.SSLError, "tls"),
    (TimeoutError, "timeout"),
)


def outcome_of(error: Exception) -> Outcome:
    """Read what went wrong: 4xx comes back later, 5xx about the message never, the rest is away."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        return _by_code(codes[0] if codes else 0)
    if isinstance(error, smtplib.SMTPDataError):
        return _by_code(error.smtp_code)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Outcome(Verdict.REFUSED, "address_not_supported")
    # smtplib hides what broke the connection behind its own "disconnected".
    under = error.__context__ if isinstance(error, smtplib.SMTPServerDisconnected) else error
    kind = next((kind for cls, kind in _AWAY if isinstance(under, cls)), "connection")
    if kind == "connection" and isinstance(error, smtplib.SMTPResponseException):
        kind = f"smtp_{error.smtp_code}"  # greeting, HELO or sender
    return Outcome(Verdict.UNREACHABLE, kind)


def _by_code(code: int) -> Outcome:
    verdict = Verdict.REFUSED if 500 <= code < 600 else Verdict.DEFERRED
    return Outcome(verdict, f"smtp_{code}")
