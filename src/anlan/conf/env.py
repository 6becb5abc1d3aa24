"""Every setting of Anlan, read once from the environment into one typed object.

Rooms never read settings: entry points hand them values.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

Network = IPv4Network | IPv6Network
LARGEST_PAGE = 10_000
FASTEST_PROOF = 1_000
ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?")
READ_LATE = {
    "flood_limit": "ANLAN_FLOOD_REPORTS",
    "flood_span": "ANLAN_FLOOD_MINUTES",
    "proxy_networks": "ANLAN_PROXIES",
    "proof_bytes": "ANLAN_PROOF_RATE",
    "largest_sta_page": "ANLAN_STA_PAGE",
    "sta_origin_names": "ANLAN_STA_ORIGINS",
}


def _setting(default: str, doc: str) -> str:
    """Declare a setting with its default and the sentence that documents it."""
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings; ``name`` is read from the variable ``ANLAN_NAME``."""

    workspace: str = _setting("var/workspace", "Folder of the workspace.")
    database_url: str = _setting(
        "", "PostgreSQL address of the business data; empty: SQLite in the workspace."
    )
    contents_url: str = _setting(
        "", "PostgreSQL address of the content store; needed when database_url is set."
    )
    checkpoints: str = _setting(
        "", "Folder outside the workspace for signed ledger checkpoints; empty: beside it."
    )
    hosts: str = _setting("127.0.0.1,localhost,[::1]", "Host names the server answers to.")
    bind: str = _setting("127.0.0.1", "Address the server listens on.")
    port: str = _setting("8080", "Port the server listens on.")
    edge_port: str = _setting(
        "8081",
        "Port of the edge process, which takes readings in at city scale; empty: `anlan up` starts none.",
    )
    proxies: str = _setting(
        "127.0.0.0/8,::1/128",
        "Networks of the proxies before the server, comma-separated: from them X-Forwarded-For counts.",
    )
    flood_reports: str = _setting(
        "20",
        "Public reports of one network address within flood_minutes that become cases at once;"
        " further ones are kept and looked at together, and get cases of their own at this pace."
        " 0: all at once.",
    )
    flood_minutes: str = _setting("10", "The span in which they are counted, in minutes.")
    public_url: str = _setting("http://127.0.0.1:8080", "Address written into messages.")
    smtp_host: str = _setting("", "Mail server; empty: no e-mail is sent.")
    smtp_port: str = _setting("25", "Port of the mail server.")
    smtp_user: str = _setting("", "User at the mail server; empty: none.")
    smtp_password: str = _setting("", "Password at the mail server.")
    smtp_tls: str = _setting("starttls", "starttls, tls or none.")
    mail_from: str = _setting("anlan@localhost", "Sender of e-mails.")
    webhook_hosts: str = _setting(
        "", "Host names webhooks may reach, comma-separated; empty: any public host."
    )
    disk_alarm: str = _setting(
        "0.90", "Share of the disk in use at which the system calls itself sick."
    )
    proof_rate: str = _setting(
        "2",
        "MiB of sealed readings that the clockwork reads again in a second, to prove that they are as they"
        " were written: 2 are 170 GB a day, and a round begins once a day at most. 0: only by command.",
    )
    sta_page: str = _setting(
        "1000",
        "Entities of one page of the SensorThings interface, at most, whatever $top asks for.",
    )
    sta_origins: str = _setting(
        "",
        "Browser pages of other hosts that may use the SensorThings interface, comma-separated origins"
        " as https://map.example; empty: none.",
    )
    log_level: str = _setting("INFO", "Lowest level written to the log.")

    @property
    def workspace_path(self) -> Path:
        """The workspace folder as an absolute path."""
        return Path(self.workspace).expanduser().absolute()

    @property
    def flood_limit(self) -> int:
        """How many public reports of one source become cases at once; 0: all."""
        return int(self.flood_reports)

    @property
    def flood_span(self) -> timedelta:
        """The span in which they are counted."""
        return timedelta(minutes=int(self.flood_minutes))

    @property
    def proof_bytes(self) -> int:
        """How many bytes of sealed readings are read again in a second, at most; 0: none."""
        found = float(self.proof_rate)
        if not 0 <= found <= FASTEST_PROOF:
            raise ValueError(f"from 0 to {FASTEST_PROOF}")
        return int(found * (1 << 20))

    @property
    def largest_sta_page(self) -> int:
        """How many entities a page of the SensorThings interface has at most."""
        found = int(self.sta_page)
        if not 1 <= found <= LARGEST_PAGE:
            raise ValueError(f"from 1 to {LARGEST_PAGE}")
        return found

    @property
    def sta_origin_names(self) -> frozenset[str]:
        """The origins of pages that may use the SensorThings interface, as browsers write them."""
        named = frozenset(one.strip().lower() for one in self.sta_origins.split(",") if one.strip())
        for one in named:
            if not ORIGIN.fullmatch(one):
                raise ValueError(f"{one} is no origin: scheme and host, as https://map.example")
        return named

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        """The networks of our own proxies."""
        named = (one.strip() for one in self.proxies.split(","))
        return tuple(ip_network(one) for one in named if one)

    def check(self) -> None:
        """Read what is read with every public report now: a slip must not cost a report later.

        Raises
        ------
        ValueError
            With the name of the variable that cannot be read.
        """
        for name, variable in READ_LATE.items():
            try:
                getattr(self, name)
            except (ValueError, OverflowError) as error:
                raise ValueError(f"{variable}: {error}") from error

    @property
    def checkpoints_path(self) -> Path:
        """Where signed checkpoints are written, outside the workspace."""
        if self.checkpoints:
            return Path(self.checkpoints).expanduser().absolute()
        root = self.workspace_path
        return root.with_name(root.name + "-checkpoints")


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings."""
    known = {f"ANLAN_{item.name.upper()}": item.name for item in fields(Settings)}
    values = {known[name]: value for name, value in environment.items() if name in known}
    return Settings(**values)
