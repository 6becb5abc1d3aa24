"""Signed webhooks: one POST, no redirects, TLS verified, never into the inside by accident."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from dataclasses import dataclass, field

from anlan.notices.channels import permit as permits
from anlan.notices.domain.outgoing import SENT, Outcome, Outgoing, Verdict
from anlan.notices.domain.reach import ReachRule, RefusedAddressError, Target
from anlan.notices.domain.signing import holder_secret, signed_headers
from anlan.notices.domain.words import Channel

MAX_ANSWER_BYTES = 16 * 1024
GONE = 410


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """How webhooks are called and signed."""

    secret: bytes = field(repr=False)  # the workspace's; each receiver's own is derived from it
    reach: ReachRule = field(default_factory=ReachRule)
    timeout_s: float = 10.0
    ca_file: str | None = None  # a private authority's certificate; None: the system's


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was checked, whatever the name says a moment later."""

    def __init__(
        self, target: Target, addresses: list[str], *, timeout: float, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(target.host, target.port, timeout=timeout)
        self._addresses = addresses
        self._tls = tls

    def connect(self) -> None:
        """Connect to the first checked address that answers."""
        failure: OSError = ConnectionError("no address")
        for address in self._addresses:
            try:
                plain = socket.create_connection((address, self.port), self.timeout)
            except OSError as error:
                failure = error
                continue
            self.sock = (
                self._tls.wrap_socket(plain, server_hostname=self.host) if self._tls else plain
            )
            return
        raise failure


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, without repetitions."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


def body_of(message: Outgoing) -> bytes:
    """Return the JSON that is posted."""
    content = {
        "delivery": message.key,
        "language": message.language,
        "title": message.text.title,
        "body": message.text.body,
        **message.facts,
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode()


# Read in this order; any other OSError is the connection.
_AWAY: tuple[tuple[type[Exception], str], ...] = (
    (ssl.SSLError, "tls"),
    (TimeoutError, "timeout"),
    (socket.gaierror, "name_not_found"),
    (UnicodeError, "name_not_found"),
    (http.client.HTTPException, "not_http"),
)


class WebhookTransport:
    """Posts signed messages."""

    channel = Channel.WEBHOOK

    def __init__(self, permit: permits.LivePermit, settings: WebhookSettings) -> None:
        permits.check(permit)
        self._settings = settings

    def place_of(self, address: str) -> str:
        """Return host and port, or a place of its own for what cannot be called."""
        try:
            target = self._settings.reach.target(address)
        except RefusedAddressError as refused:
            return f"refused {refused.reason}"
        return f"{target.host}:{target.port}"

    def send(self, message: Outgoing) -> Outcome:
        """Try once."""
        reach = self._settings.reach
        try:
            target = reach.target(message.address)
            addresses = resolve(target.host, target.port)
            reach.check_addresses(target.host, addresses)
            status = self._post(target, addresses, message)
        except RefusedAddressError as refused:
            return Outcome(Verdict.REFUSED, refused.reason)
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            kind = next((kind for cls, kind in _AWAY if isinstance(error, cls)), "connection")
            return Outcome(Verdict.UNREACHABLE, kind)
        return outcome_of(status)

    def _post(self, target: Target, addresses: list[str], message: Outgoing) -> int:
        tls = ssl.create_default_context(cafile=self._settings.ca_file) if target.secure else None
        body = body_of(message)
        secret = holder_secret(self._settings.secret, message.holder)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Anlan",
            "Connection": "close",
            **signed_headers(secret, message.key, body, at=message.at),
        }
        connection = _Pinned(target, addresses, timeout=self._settings.timeout_s, tls=tls)
        try:
            connection.request("POST", target.path, body=body, headers=headers)
            answer = connection.getresponse()
            # The answer's text means nothing to us; a little is read so that the other side
            # is not cut off, and never more than that.
            answer.read(MAX_ANSWER_BYTES)
            return answer.status
        finally:
            connection.close()


def outcome_of(status: int) -> Outcome:
    """Read a status: 2xx took it, 410 never wants it, 5xx and 429 are away for now."""
    if 200 <= status < 300:
        return SENT
    if status == GONE:
        return Outcome(Verdict.REFUSED, "gone")
    if 300 <= status < 400:
        return Outcome(Verdict.DEFERRED, "redirect")
    if status >= 500 or status == 429:
        return Outcome(Verdict.UNREACHABLE, f"http_{status}")
    return Outcome(Verdict.DEFERRED, f"http_{status}")
