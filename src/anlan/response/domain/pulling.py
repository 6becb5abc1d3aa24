"""One pull of a trigger, judged: the move the table gives, what was brought, what was known."""

from __future__ import annotations

from dataclasses import dataclass

from anlan.response.domain.asking import Asked
from anlan.response.domain.guards import Facts
from anlan.response.domain.states import Move
from anlan.response.domain.words import CaseState


@dataclass(frozen=True, slots=True)
class Pull:
    """A move whose guards have let it pass."""

    move: Move
    asked: Asked
    facts: Facts

    def target(self, present: CaseState) -> CaseState:
        """Return the state the case goes to; ``present`` where the table names none."""
        return self.move.to or present
