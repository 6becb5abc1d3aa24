"""Photos from strangers: really decoded, within limits, and re-encoded without hidden data.

A file's name and declared type prove nothing; only pixels count.  Re-encoding
removes EXIF (which holds the place and the device) and anything appended.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anlan.sensing.domain.errors import (
    NotAPhotoError,
    PhotoTooLargeError,
    TooManyPhotosError,
    TooManyPixelsError,
)
from anlan.sensing.domain.uploads import MAX_BYTES

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PHOTOS = 6
MAX_PIXELS = 50_000_000  # phones of 2026 make up to 50 megapixels in their ordinary mode
MAX_SIDE_PX = 2560  # enough to read a crack or a number plate of a manhole; kept small on purpose
QUALITY = 85
# What Pillow's decoders raise on damaged or hostile files.
DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    ZeroDivisionError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as kept: JPEG bytes and size."""

    data: bytes
    width_px: int
    height_px: int


def clean_photos(files: tuple[bytes, ...]) -> tuple[Photo, ...]:
    """Return each file as a clean JPEG.

    Raises
    ------
    TooManyPhotosError, PhotoTooLargeError, TooManyPixelsError, NotAPhotoError
        With the index of the file.
    """
    if len(files) > MAX_PHOTOS:
        raise TooManyPhotosError(count=len(files), limit=MAX_PHOTOS)
    return tuple(_clean(data, index) for index, data in enumerate(files))


def _clean(data: bytes, index: int) -> Photo:
    from PIL import Image

    if len(data) > MAX_BYTES:
        raise PhotoTooLargeError(index=index, size=len(data), limit=MAX_BYTES)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise TooManyPixelsError(index=index, limit=MAX_PIXELS)
                return _reencode(opened)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise TooManyPixelsError(index=index, limit=MAX_PIXELS) from None
    except DECODE_ERRORS:
        raise NotAPhotoError(index=index) from None


def _reencode(opened: PillowImage) -> Photo:
    from PIL import Image, ImageOps

    opened.draft("RGB", (MAX_SIDE_PX, MAX_SIDE_PX))  # JPEG only: decodes at a smaller scale
    opened.load()
    upright = ImageOps.exif_transpose(opened).convert("RGB")
    upright.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX))
    # Only pixels go over to the new picture: comments and profiles would be saved with the old.
    fresh = Image.new("RGB", upright.size)
    fresh.paste(upright)
    out = io.BytesIO()
    fresh.save(out, "JPEG", quality=QUALITY)
    return Photo(out.getvalue(), fresh.width, fresh.height)
