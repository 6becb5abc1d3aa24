"""What changes cases: open, join, move, task, sweep; each commits with its journal entry."""

from __future__ import annotations

from anlan.response.services.evidence import show_photo
from anlan.response.services.gathering import is_gathering, release_gathered
from anlan.response.services.incidents import tell_of_grown
from anlan.response.services.moves import pull
from anlan.response.services.notes import keep_text, pictures_of
from anlan.response.services.opening import open_case
from anlan.response.services.residents import can_contest, contest
from anlan.response.services.signs import take_sign
from anlan.response.services.sweeping import Swept, sweep
from anlan.response.services.tasks import answer_task, give_task

__all__ = [
    "Swept",
    "answer_task",
    "can_contest",
    "contest",
    "give_task",
    "is_gathering",
    "keep_text",
    "open_case",
    "pictures_of",
    "pull",
    "release_gathered",
    "show_photo",
    "sweep",
    "take_sign",
    "tell_of_grown",
]
