"""The ways out of a live workspace: e-mail and webhook.  A rehearsal has none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from anlan.infra.workspace import Workspace, WorkspaceKind
from anlan.notices.channels.mail import MailTransport, SmtpSettings
from anlan.notices.channels.permit import LivePermit, RehearsalError
from anlan.notices.channels.webhook import WebhookSettings, WebhookTransport
from anlan.notices.domain.outgoing import Transport
from anlan.notices.domain.words import Channel

__all__ = [
    "LivePermit",
    "MailTransport",
    "RehearsalError",
    "SmtpSettings",
    "Transports",
    "WebhookSettings",
    "WebhookTransport",
    "open_transports",
]


@dataclass(frozen=True, slots=True)
class Transports:
    """The ways out that this workspace has; ``rehearsal`` says that it has none on purpose."""

    rehearsal: bool
    by_channel: Mapping[Channel, Transport] = field(default_factory=dict)
    public_url: str = ""

    def __post_init__(self) -> None:
        if self.rehearsal and self.by_channel:
            raise RehearsalError


def open_transports(
    workspace: Workspace,
    *,
    smtp: SmtpSettings | None,
    webhook: WebhookSettings | None,
    public_url: str = "",
) -> Transports:
    """Return the ways out of a workspace; a rehearsal gets none, whatever is set (I10)."""
    if workspace.kind is not WorkspaceKind.LIVE:
        return Transports(rehearsal=True)
    permit = LivePermit(workspace)
    ways: dict[Channel, Transport] = {}
    if smtp is not None:
        ways[Channel.EMAIL] = MailTransport(permit, smtp)
    if webhook is not None:
        ways[Channel.WEBHOOK] = WebhookTransport(permit, webhook)
    return Transports(rehearsal=False, by_channel=ways, public_url=public_url)
