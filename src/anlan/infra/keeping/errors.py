"""What can go wrong when a workspace is kept safe."""

from __future__ import annotations

from anlan.kernel.errors import (
    ConflictError,
    IntegrityBreachError,
    InvalidInputError,
    UnavailableError,
)


class ArchiveNameError(InvalidInputError):
    """The archive's name does not say how it is packed."""

    code = "backup.name"


class TargetTakenError(ConflictError):
    """There is something already where the backup or the restored workspace should go."""

    code = "keeping.target_taken"


class BackupInsideError(InvalidInputError):
    """The backup would lie in the workspace that it is to save."""

    code = "backup.inside"


class UnkeepableError(ConflictError):
    """The workspace holds something a backup cannot carry, such as a link."""

    code = "backup.unkeepable"


class DatabaseToolError(UnavailableError):
    """pg_dump or pg_restore is missing, or refused."""

    code = "keeping.database_tool"


class NoRoomError(UnavailableError):
    """The disk has too little room for what is to be written."""

    code = "keeping.no_room"


class BadArchiveError(IntegrityBreachError):
    """The archive is not a whole, unchanged backup; nothing was put in place."""

    code = "restore.bad_archive"
    http_status = 422


class NewerFormatError(ConflictError):
    """It was made by a later Anlan than this one."""

    code = "keeping.newer_format"


class UpgradeFailedError(UnavailableError):
    """The upgrade stopped half-way; the backup made before it is whole."""

    code = "upgrade.failed"
