"""What other rooms may ask of notices."""

from __future__ import annotations

from anlan.notices.channels import (
    SmtpSettings,
    Transports,
    WebhookSettings,
    open_transports,
)
from anlan.notices.domain.reach import ReachRule
from anlan.notices.domain.signing import holder_secret
from anlan.notices.domain.views import ChannelState, NoticeSeen, OutboxState
from anlan.notices.domain.words import Urgency
from anlan.notices.selectors import (
    answered_notices,
    answers_about,
    matters_of,
    notices_about,
    open_notices,
    outbox_state,
    text_of,
    told_of,
)
from anlan.notices.services.answering import acknowledge, shelve
from anlan.notices.services.quieting import set_quiet_hours
from anlan.notices.services.sending import Sent, send_due
from anlan.notices.services.sweeping import hand_over, sweep_notices
from anlan.notices.services.telling import tell

__all__ = [
    "ChannelState",
    "NoticeSeen",
    "OutboxState",
    "ReachRule",
    "Sent",
    "SmtpSettings",
    "Transports",
    "Urgency",
    "WebhookSettings",
    "acknowledge",
    "answered_notices",
    "answers_about",
    "hand_over",
    "holder_secret",
    "matters_of",
    "notices_about",
    "open_notices",
    "open_transports",
    "outbox_state",
    "send_due",
    "set_quiet_hours",
    "shelve",
    "sweep_notices",
    "tell",
    "text_of",
    "told_of",
]
