"""Why the registry refuses."""

from __future__ import annotations

from anlan.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotAuthenticatedError,
    NotFoundError,
)


class NoCityError(ConflictError):
    """No city pack was loaded into this workspace yet."""

    code = "city.none"


class CityHasErrorsError(InvalidInputError):
    """A pack with errors is not loaded."""

    code = "city.has_errors"


class JurisdictionMismatchError(InvalidInputError):
    """The jurisdiction pack is not the one that the city pack names."""

    code = "city.jurisdiction_mismatch"


class AnotherCityError(ConflictError):
    """A workspace holds one city; another one needs a workspace of its own."""

    code = "city.another"


class AreaBrokenError(InvalidInputError):
    """The governing parents of an area are unknown, or run in a circle."""

    code = "area.broken_parents"


class UnknownCodeError(InvalidInputError):
    """A row of the pack names a code that the pack does not hold."""

    code = "city.unknown_code"


class AreaUnknownError(NotFoundError):
    """No area of that code."""

    code = "area.unknown"


class PostUnknownError(NotFoundError):
    """No post of that code."""

    code = "post.unknown"


class PlaceUnknownError(NotFoundError):
    """No risk point of that code."""

    code = "place.unknown"


class SensorUnknownError(NotFoundError):
    """No sensor of that code in force at that instant."""

    code = "sensor.unknown"


class EntryUnknownError(NotFoundError):
    """No hazard, quantity, rule or other entry of that name and version."""

    code = "entry.unknown"


class TokenUnknownError(NotAuthenticatedError):
    """Nobody was given this token."""

    code = "token.unknown"


class TokenExpiredError(NotAuthenticatedError):
    """The token's time is over."""

    code = "token.expired"


class TokenRevokedError(NotAuthenticatedError):
    """The token was taken back."""

    code = "token.revoked"


class AccountClosedError(NotAuthenticatedError):
    """The account behind the token was closed."""

    code = "account.closed"


class TokenUnknownToActorError(NotFoundError):
    """No token of that number that the actor may see."""

    code = "token.not_found"


class AccountUnknownError(NotFoundError):
    """No account of that name that the actor may see."""

    code = "account.unknown"


class AccountNameError(InvalidInputError):
    """An account's name is 3 to 64 small letters, digits, dots and dashes, with a letter in it."""

    code = "account.name"


class AccountTakenError(ConflictError):
    """An account of that name is there already."""

    code = "account.taken"


class RoleUnknownError(InvalidInputError):
    """No such role, or one that no credential may have."""

    code = "account.role"


class AdminExistsError(ConflictError):
    """The first administrator was made already."""

    code = "account.admin_exists"


class LastAdminError(ConflictError):
    """The last security administrator of the whole city stays: nobody could keep all accounts."""

    code = "account.last_admin"


class OwnAccountError(NotAllowedError):
    """Who keeps accounts keeps those of others: nobody raises or renews oneself."""

    code = "account.own"


class AdministratorTokenError(NotAllowedError):
    """An administrator gives tokens to oneself, in the own settings; nobody else does."""

    code = "token.administrator"


class ScopeBeyondRoleError(NotAllowedError):
    """A token cannot have more than its account's role."""

    code = "token.beyond_role"


class AreaBeyondKeeperError(NotAllowedError):
    """Who keeps accounts of a part of the city gives no more than that part."""

    code = "account.beyond_areas"


class AreaBeyondAccountError(NotAllowedError):
    """A token cannot reach areas that its account does not cover."""

    code = "token.beyond_areas"


class ScopeMissingError(InvalidInputError):
    """A token that allows nothing is of no use."""

    code = "token.no_scope"


class PasswordWrongError(InvalidInputError):
    """The password, or the one-time code, that proves who sits there is wrong."""

    code = "account.password_wrong"


class TokenExpiryError(InvalidInputError):
    """A token needs an end, after now and within the longest time allowed."""

    code = "token.expiry"


class SignInRefusedError(NotAuthenticatedError):
    """Account, password or one-time code is wrong; never which of them."""

    code = "signin.refused"


class SignInWaitError(NotAuthenticatedError):
    """Too many wrong passwords in a row: the account rests for a while."""

    code = "signin.wait"


class InvitationUnknownError(NotAuthenticatedError):
    """Nobody was invited with this link, or it was used, or its time is over."""

    code = "signin.invitation"


class InvitationWaitsError(NotAuthenticatedError):
    """An administrator's invitation that a second person has yet to confirm."""

    code = "signin.invitation_waits"


class SecondAdministratorError(NotAllowedError):
    """Whoever gave an administrator's invitation does not confirm it too."""

    code = "account.second_administrator"


class PasswordWeakError(InvalidInputError):
    """A password is too short, or says the account's own name."""

    code = "signin.password_weak"


class SecondFactorWrongError(InvalidInputError):
    """The one-time code does not match; an administrator cannot do without one."""

    code = "signin.second_factor"


class ChinaDataMissingError(NotFoundError):
    """The package of divisions is not there."""

    code = "china.data_missing"


class ChinaCodeUnknownError(NotFoundError):
    """No city or county of that six-digit code."""

    code = "china.code_unknown"


class LoadCrossedError(ConflictError):
    """Two loads ran at the same time; one of them brought its pack into force."""

    code = "city.load_crossed"


class FolderNotEmptyError(ConflictError):
    """A city pack is written into an empty folder only."""

    code = "city.folder_not_empty"


class RecordUnknownError(NotFoundError):
    """The registry holds no such entry for whoever asks."""

    code = "record.unknown"


class RecordChangedError(ConflictError):
    """Somebody changed the entry after it was shown to whoever edits it."""

    code = "record.changed"


class EditDaysManyError(InvalidInputError):
    """An edit lets entries end on more days than can be looked at one by one."""

    code = "edit.days_many"


class EditEmptyError(InvalidInputError):
    """An edit asks for what is so already."""

    code = "edit.empty"


class EditWorsensError(ConflictError):
    """An edit would leave the city with an error that it does not have."""

    code = "edit.worsens"


class EditReasonMissingError(InvalidInputError):
    """An edit gives no reason."""

    code = "edit.no_reason"


class EditReasonTooLongError(InvalidInputError):
    """A reason has more letters than are kept."""

    code = "edit.reason_too_long"


class EditDayPastError(InvalidInputError):
    """An edit would take effect on a day that has passed."""

    code = "edit.day_past"


class EditChoiceError(InvalidInputError):
    """A field of an edit names what cannot be chosen there."""

    code = "edit.choice"


class EditReasonPersonalError(InvalidInputError):
    """A reason holds a telephone or identity number: many may read it, and for years."""

    code = "edit.reason_personal"


class CodeTakenError(ConflictError):
    """A new entry was to get a code that another has or had."""

    code = "edit.entry_code_taken"


class AreaMovesManyError(InvalidInputError):
    """An area with more below it than is moved on a page was to get another parent."""

    code = "edit.area_moves_many"


class AreaDeepError(InvalidInputError):
    """An area was to lie below more others than its path has letters for."""

    code = "edit.area_deep"


class OutlineUnreadableError(InvalidInputError):
    """A file is no outline of one area."""

    code = "edit.outline"


class EntryReplacedError(ConflictError):
    """A rule or clock was to be changed in whose place the city has another one already."""

    code = "edit.replaced"


class HolderCodeTakenError(ConflictError):
    """A new person was to get a code that another has or had."""

    code = "edit.code_taken"


class ShiftTwiceError(ConflictError):
    """A roster has a line of the same person, days and hours already."""

    code = "edit.shift_twice"


class PackUploadUnreadableError(InvalidInputError):
    """An uploaded file is no city pack."""

    code = "upload.unreadable"


class PackUploadLargeError(InvalidInputError):
    """An uploaded pack holds more than is compared and loaded on a page."""

    code = "upload.large"


class PackUploadGoneError(NotFoundError):
    """An uploaded pack is no longer kept."""

    code = "upload.gone"


class TableLargeError(InvalidInputError):
    """A table has more lines than a page hands out or takes in."""

    code = "table.large"


class TableUnreadableError(InvalidInputError):
    """An uploaded file is no table of the registry."""

    code = "table.unreadable"


class TableLineTwiceError(ConflictError):
    """A table holds one entry twice."""

    code = "table.line_twice"
