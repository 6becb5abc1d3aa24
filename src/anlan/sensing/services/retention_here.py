"""The retention classes of this workspace; without a file everything is kept."""

from __future__ import annotations

from anlan.sensing.domain.retention import Retention, RetentionWrongError, retention_of
from anlan.sensing.services.here import workspace_here

FILE = "retention.toml"
MAX_BASIS = 300


def retention_here() -> Retention:
    """Return the classes in force.

    Raises
    ------
    RetentionWrongError, RetentionTooShortError
        When the file cannot be followed; then nothing goes.
    """
    try:
        text = (workspace_here().root / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return Retention()
    except UnicodeDecodeError as error:
        raise RetentionWrongError(place=FILE, problem=f"byte {error.start}: UTF-8") from None
    return retention_of(text)


def basis_of(class_id: str) -> str:
    """Return the legal basis of a class; of one that is no longer in the file, its name."""
    found = (one.basis for one in retention_here().classes if one.id == class_id)
    return next(found, class_id)[:MAX_BASIS]
