"""Why a payload map cannot be used, and why a message cannot be read by one."""

from __future__ import annotations

from dataclasses import dataclass, field

from anlan.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotAuthenticatedError,
    NotFoundError,
)
from anlan.sensing.domain.errors import SignRefusedError


class MapWrongError(InvalidInputError):
    """A payload map is not what its description asks for.

    Parameters
    ----------
    code
        A stable code beginning with ``connector.``.
    map_id, place
        Which map, and where in it, such as ``rows[0].time.zone``.
    """

    code = "connector.map_unreadable"

    def __init__(self, code: str, *, map_id: str, place: str = "", **params: object) -> None:
        super().__init__(map=map_id or "–", place=place or "–", **params)
        self.code = code


class MapUnknownError(NotFoundError):
    """The workspace has no payload map of that name."""

    code = "connector.map_unknown"


class TableUnknownError(NotFoundError):
    """No such table is being brought in: somebody else's, thrown away, or over."""

    code = "table.unknown"


class TableBusyError(ConflictError):
    """A table is being counted or kept: what it is read by cannot change meanwhile."""

    code = "table.busy"


class TableChoiceError(InvalidInputError):
    """What was chosen of a table's columns cannot be followed."""

    code = "table.choice"


class NotSignedError(NotAuthenticatedError):
    """A webhook is not signed as it must be, or there is none of that name: nobody is told which."""

    code = "webhook.not_signed"


class ReplayedError(ConflictError):
    """The very same signed message came before; what it said was kept then."""

    code = "webhook.replayed"


class PayloadRefusedError(SignRefusedError):
    """A message cannot be read by its map at all; nothing of it was taken.

    Parameters
    ----------
    code
        A stable code beginning with ``payload.``.
    map_id, place
        Which map, and where in the message.
    """

    code = "payload.unreadable"

    def __init__(self, code: str, *, map_id: str, place: str = "", **params: object) -> None:
        super().__init__(map=map_id, place=place or "–", **params)
        self.code = code


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why one row of a message could not be read: its index, a code, the place in the message."""

    index: int
    code: str
    place: str
    params: dict[str, str] = field(default_factory=dict)


class RowUnreadableError(Exception):
    """One row cannot be read; becomes a :class:`RowFault` where its index is known."""

    def __init__(self, code: str, place: str, **params: str) -> None:
        self.code = code
        self.place = place
        self.params = params
        super().__init__(code, place)
