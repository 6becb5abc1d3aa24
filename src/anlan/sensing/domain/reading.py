"""Why somebody reads what a person said: a reason from a list, never a free text (I12, I13)."""

from __future__ import annotations

from enum import StrEnum


class ReadReason(StrEnum):
    """事由: what personal content is read for."""

    HANDLING = "handling"  # to deal with the matter
    CALL_BACK = "call_back"  # to reach the reporter: only then are contact data shown
    CHECKING = "checking"  # to put right what came unreadable or wrong
    LAW = "law"  # somebody entitled by law asks for it
