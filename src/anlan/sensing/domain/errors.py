"""Why a sign is not taken, or is kept aside."""

from __future__ import annotations

from anlan.kernel.errors import (
    ConflictError,
    IntegrityBreachError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
)


class SignRefusedError(InvalidInputError):
    """A sign cannot be taken as it is; subclasses say why."""

    code = "sign.refused"


class StoreOfAnotherError(IntegrityBreachError):
    """The store of readings in this workspace belongs to another one."""

    code = "observations.of_another_workspace"


class NothingLostError(ConflictError):
    """Database and store of readings agree: there is no loss to accept."""

    code = "observations.nothing_lost"


class MaintenanceSpanError(InvalidInputError):
    """A maintenance ends before it begins, lasts too long, or lies too far ahead."""

    code = "maintenance.span"


class MaintenanceWhyError(InvalidInputError):
    """A maintenance has no reason, or one that names somebody."""

    code = "maintenance.why"


class MaintenanceUnknownError(NotFoundError):
    """There is no such maintenance that still lasts in the actor's areas."""

    code = "maintenance.unknown"


class TextTooLongError(SignRefusedError):
    """The text of a report is longer than a person would write."""

    code = "report.text_too_long"


class ReportMalformedError(SignRefusedError):
    """The body of a report is not what the interface describes."""

    code = "report.malformed"


class NotAPhotoError(SignRefusedError):
    """What was sent as a photo is not a JPEG, PNG or WebP image."""

    code = "photo.not_a_photo"


class PhotoTooLargeError(SignRefusedError):
    """A photo has too many bytes."""

    code = "photo.too_large"


class TooManyPixelsError(SignRefusedError):
    """A photo would be too large when decoded, whatever its file's size."""

    code = "photo.too_many_pixels"


class TooManyPhotosError(SignRefusedError):
    """More photos came with one report than are kept."""

    code = "photo.too_many"


class UploadNotAPhotoError(NotAPhotoError):
    """What begins to be sent as a photo does not begin like one."""

    code = "upload.not_a_photo"


class UploadTooLargeError(PhotoTooLargeError):
    """A photo that is to be sent has more bytes than are kept."""

    code = "upload.too_large"


class UploadUnknownError(NotFoundError):
    """No such photo is on its way: never begun, somebody else's, used already, or over."""

    code = "upload.unknown"


class UploadOffsetError(ConflictError):
    """A piece of a photo does not begin where the last one ended."""

    code = "upload.offset"


class UploadUnfinishedError(ConflictError):
    """A photo is to be used of which a part is still missing."""

    code = "upload.unfinished"


class PieceEmptyError(SignRefusedError):
    """A piece of a photo holds nothing."""

    code = "upload.piece_empty"


class PieceTooLargeError(SignRefusedError):
    """A piece is too large, goes past the photo's end, or is one of too many."""

    code = "upload.piece_too_large"
    http_status = 413


class UploadsManyError(SignRefusedError):
    """So many photos are on their way already that another one has to wait."""

    code = "upload.too_many"
    http_status = 429


class ReadReasonError(InvalidInputError):
    """Personal content is read for a stated reason only."""

    code = "content.reason_needed"


class BatchMalformedError(SignRefusedError):
    """A batch of readings cannot be read at all."""

    code = "observation.batch_malformed"


class BatchEmptyError(SignRefusedError):
    """A batch holds no row at all; there is nothing to keep aside."""

    code = "observation.batch_empty"


class BatchTooLargeError(SignRefusedError):
    """A batch has more rows than one message may carry."""

    code = "observation.batch_too_large"


class IntakeFullError(UnavailableError):
    """So many readings wait for the disk already that no more are taken in."""

    code = "observation.intake_full"


class KeyReusedError(ConflictError):
    """The same idempotency key came with another body."""

    code = "idempotency.key_reused"


class KeyMalformedError(InvalidInputError):
    """An idempotency key is empty or too long."""

    code = "idempotency.key_malformed"


class AlreadyReleasedError(ConflictError):
    """A kept-aside message was dealt with before."""

    code = "quarantine.already_released"


class StillUnreadableError(SignRefusedError):
    """A kept-aside message was tried again and is still not readable."""

    code = "quarantine.still_unreadable"


class CapError(SignRefusedError):
    """A CAP message breaks the standard; ``where`` is a path such as ``alert/info[1]/urgency``.

    Parameters
    ----------
    code
        A stable code beginning with ``cap.``.
    where
        Place of the fault in the message: an element path, or line and column.
    """

    code = "cap.invalid"

    def __init__(self, code: str, where: str = "", **params: object) -> None:
        self.where = where
        super().__init__(where=where or "alert", **params)
        self.code = code

    def __str__(self) -> str:
        return f"{self.code} at {self.where}"


class NotARelayError(NotAllowedError):
    """An outside warning came from somebody who does not relay any."""

    code = "signal.not_a_relay"


class BodyTooLargeError(SignRefusedError):
    """A message has more bytes than any sign needs."""

    code = "input.too_large"
    http_status = 413


class NothingKeptError(SignRefusedError):
    """No row of a batch could be kept as a reading."""

    code = "observation.nothing_kept"


class AsideFullError(SignRefusedError):
    """So much of a sender lies aside already that what cannot be kept now is only named."""

    code = "observation.aside_full"
    http_status = 429


class PeriodError(InvalidInputError):
    """A period that has no offset, ends before it begins, or holds too many readings."""

    code = "observation.bad_period"


class ImportUnreadableError(InvalidInputError):
    """A file of signs is not what its kind asks for."""

    code = "import.unreadable"
