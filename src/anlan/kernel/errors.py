"""The error tree: every refusal has a stable code and parameters.

The wording of each code, in Chinese and English, lives in the catalogue of the
room that refuses (``errors.toml``); this file holds no prose.
"""

from __future__ import annotations


class AnlanError(Exception):
    """A refusal that a person or a program can act upon.

    ``code`` is stable and documented; ``params`` fill the catalogue wording
    and never hold personal data.
    """

    code = "internal"
    http_status = 500

    def __init__(self, **params: object) -> None:
        self.params = params
        super().__init__(self.code, params)

    def __str__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"{self.code}({inside})"


class InvalidInputError(AnlanError):
    """Something that came in from outside cannot be understood or accepted."""

    code = "input.invalid"
    http_status = 422


class NotFoundError(AnlanError):
    """The thing does not exist, or the actor may not know that it does."""

    code = "not_found"
    http_status = 404


class NotAllowedError(AnlanError):
    """The actor is known but may not do this."""

    code = "not_allowed"
    http_status = 403


class NotAuthenticatedError(AnlanError):
    """No valid credential came with the call."""

    code = "not_authenticated"
    http_status = 401


class ConflictError(AnlanError):
    """The call contradicts the state of the thing or an earlier call."""

    code = "conflict"
    http_status = 409


class UnavailableError(AnlanError):
    """The system cannot promise to keep what it is given (disk full, store away)."""

    code = "unavailable"
    http_status = 503


class IntegrityBreachError(AnlanError):
    """A proof failed, or what must always be true is not."""

    code = "integrity_breach"
    http_status = 500
