"""Which addresses a webhook may reach: never the inside of the network by accident (SSRF)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class RefusedAddressError(ValueError):
    """A webhook address that Anlan will not call; ``reason`` is a short code."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook address taken apart."""

    secure: bool
    host: str
    port: int
    path: str  # with the query


@dataclass(frozen=True, slots=True)
class ReachRule:
    """Which hosts may be called.

    With names in ``hosts`` only these, wherever they lie: whoever runs the
    workspace vouches for them, so plain HTTP is allowed there too.  Without,
    any host whose every address is public, over TLS.
    """

    hosts: frozenset[str] = frozenset()

    def target(self, url: str) -> Target:
        """Take an address apart and refuse what may not be called."""
        target = _split(url)
        if self.hosts:
            if target.host not in self.hosts:
                raise RefusedAddressError("host_not_listed")
        elif not target.secure:
            raise RefusedAddressError("not_https")
        return target

    def check_addresses(self, host: str, addresses: list[str]) -> None:
        """Refuse a host of which any address lies inside, unless the host is listed."""
        if not addresses:
            raise RefusedAddressError("no_address")
        if host not in self.hosts and not all(is_public(address) for address in addresses):
            raise RefusedAddressError("private_address")


def _split(url: str) -> Target:
    if not url.isascii() or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        raise RefusedAddressError("malformed")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RefusedAddressError("malformed") from None
    if parts.scheme not in {"http", "https"}:
        raise RefusedAddressError("scheme")
    if parts.username is not None or parts.password is not None:
        raise RefusedAddressError("userinfo")
    host = (parts.hostname or "").rstrip(".").lower()
    if not host or port == 0:
        raise RefusedAddressError("malformed")
    path = parts.path or "/"
    return Target(
        secure=parts.scheme == "https",
        host=host,
        port=port or (443 if parts.scheme == "https" else 80),
        path=f"{path}?{parts.query}" if parts.query else path,
    )


def is_public(address: str) -> bool:
    """Return whether an IP address lies on the public internet, also through its disguises."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip.teredo is not None:
            inner = ip.teredo[1]
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast
