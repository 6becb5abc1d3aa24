"""Where a public report comes from: only to tell one flood from many people, and never kept."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest

from anlan.sensing.public import FloodRule, Source


def flood_rule() -> FloodRule:
    """Return how many public reports of one source become cases at once, and in which span."""
    values = settings.ANLAN
    return FloodRule(reports=values.flood_limit, within=values.flood_span)


def source_of(request: HttpRequest) -> Source | None:
    """Return where a request comes from, or ``None`` when that cannot be said."""
    address = address_of(request)
    return Source(address, flood_rule()) if address else None


def address_of(request: HttpRequest) -> str:
    """Return the network address of whoever sent a request; empty when only a proxy is known.

    What somebody else claims in ``X-Forwarded-For`` does not count: from the right, the first
    address that is none of our own proxies.  A proxy that names nobody must not make all of a
    city one source.
    """
    proxies = settings.ANLAN.proxy_networks
    chain = request.headers.get("X-Forwarded-For", "").split(",")
    for text in (request.META.get("REMOTE_ADDR", ""), *reversed(chain)):
        try:
            found = ipaddress.ip_address(text.strip())
        except ValueError:
            return ""
        # A server that listens on both kinds of address sees an IPv4 one so: as a part of IPv6.
        found = getattr(found, "ipv4_mapped", None) or found
        if not any(found in network for network in proxies):
            return str(found)
    return ""
