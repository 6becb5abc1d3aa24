"""A photo on its way in pieces: what may be begun, and which piece comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from anlan.sensing.domain.errors import (
    PieceEmptyError,
    PieceTooLargeError,
    UploadNotAPhotoError,
    UploadOffsetError,
    UploadTooLargeError,
)

MAX_BYTES = 10 * 1024 * 1024
"""A photo's file may be so large, whichever way it comes."""
PIECE_MOST = 1024 * 1024
PIECES_MOST = 200
"""Somebody who sends a photo byte by byte would fill tables, not pictures."""
EACH_MOST = 12
"""Photos on their way for one seat: two moves with all the photos that a move may bring."""
PUBLIC_BYTES = 256 * 1024 * 1024
"""What everybody without a seat may have on its way at once, together."""
PUBLIC_MOST = 2000
BEGUN_WITHIN = timedelta(minutes=10)
BEGUN_BYTES = 64 * 1024
"""What has not come so far by then makes room when the public's room is full."""
KEPT_FOR = timedelta(hours=24)
"""Long enough to come home to a better line."""
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")


@dataclass(frozen=True, slots=True)
class UploadState:
    """How much of a photo has come, of how much, and until when the rest is waited for."""

    offset: int  # bytes
    length: int
    until: datetime


def refuse_length(length: int) -> None:
    """Refuse a photo that could not be kept when all of it has come.

    Raises
    ------
    UploadTooLargeError, UploadNotAPhotoError
        Too many bytes, or none.
    """
    if length > MAX_BYTES:
        raise UploadTooLargeError(size=length, limit=MAX_BYTES)
    if length <= 0:
        raise UploadNotAPhotoError


def refuse_piece(state: UploadState, offset: int, data: bytes, *, pieces: int) -> None:
    """Refuse a piece that is not the next one of its photo.

    Raises
    ------
    UploadOffsetError
        It begins elsewhere than where the last one ended; the error says where that is.
    PieceEmptyError, PieceTooLargeError
        It holds nothing, is too large, goes past the stated end, or is one of too many.
    UploadNotAPhotoError
        The first bytes are not those of a JPEG, PNG or WebP.
    """
    if offset != state.offset:
        raise UploadOffsetError(offset=offset, expected=state.offset)
    if not data:
        raise PieceEmptyError
    most = min(PIECE_MOST, state.length - state.offset)
    if len(data) > most:
        raise PieceTooLargeError(size=len(data), limit=most)
    if pieces >= PIECES_MOST:
        raise PieceTooLargeError(size=pieces + 1, limit=PIECES_MOST)
    if offset == 0 and not any(data.startswith(start[: len(data)]) for start in _STARTS):
        raise UploadNotAPhotoError
