"""Refusals of the response room."""

from __future__ import annotations

from anlan.kernel.errors import ConflictError, InvalidInputError, NotAllowedError


class WrongStateError(ConflictError):
    """The state table has no such move from here."""

    code = "case.wrong_state"


class NotYourMoveError(NotAllowedError):
    """The actor may see the case but this move belongs to somebody else."""

    code = "case.not_your_move"


class SecondPersonNeededError(NotAllowedError):
    """Whoever handled a danger cannot alone declare it gone (I5)."""

    code = "case.second_person_needed"


class StillSilentError(ConflictError):
    """A device whose sensor says nothing yet is not mended, whoever says so (I6)."""

    code = "case.still_silent"


class MeasurementNeededError(ConflictError):
    """Such a case closes on a measurement only."""

    code = "case.measurement_needed"


class MeasurementAboveLimitError(ConflictError):
    """The measurement does not show that the danger is gone."""

    code = "case.measurement_above_limit"


class ReturnedAlreadyError(ConflictError):
    """A case is returned once; after that the arbiter has decided."""

    code = "case.returned_already"


class ReasonNeededError(InvalidInputError):
    """A reason from the list is needed."""

    code = "case.reason_needed"


class EndNeededError(InvalidInputError):
    """A suspension, extension or listing needs an end that lies ahead and within the limit."""

    code = "case.end_needed"


class EndNotLaterError(InvalidInputError):
    """An extension gives time; an end before the deadline would take it away."""

    code = "case.end_not_later"


class PostNeededError(InvalidInputError):
    """The move needs the code of a post that exists."""

    code = "case.post_needed"


class GradeNeededError(InvalidInputError):
    """Grading needs a method with its factors."""

    code = "case.grade_needed"


class UnknownFactorError(InvalidInputError):
    """A factor of a grading method is missing or has a value that the method does not know."""

    code = "grading.unknown_factor"


class RatingNeededError(InvalidInputError):
    """A rating is a whole number from 1 to 5."""

    code = "case.rating_needed"


class PriorityNeededError(InvalidInputError):
    """A priority is a whole number from 1 (highest) to 4."""

    code = "case.priority_needed"


class OtherCaseNeededError(InvalidInputError):
    """Merging needs another open case."""

    code = "case.other_case_needed"


class SameCauseOpenError(ConflictError):
    """Another open case has the same cause already."""

    code = "case.same_cause_open"


class ContestedLateError(ConflictError):
    """A case ended too long ago to be opened again by whoever reported it."""

    code = "case.contested_late"


class TaskAnsweredError(ConflictError):
    """The task was answered already."""

    code = "case.task_answered"


class OpeningInvalidError(InvalidInputError):
    """A case cannot be opened from this: a field names something unknown."""

    code = "case.opening_invalid"


class PointOutsideError(InvalidInputError):
    """The coordinates lie outside the city."""

    code = "case.point_outside"


class KnownAtInvalidError(InvalidInputError):
    """The stated time of knowledge lies ahead or too far back to be meant."""

    code = "case.known_at_invalid"


class CursorInvalidError(InvalidInputError):
    """The cursor is not one that a list of this order gave out."""

    code = "case.cursor_invalid"
