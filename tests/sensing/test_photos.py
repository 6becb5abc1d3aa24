"""Photos: decoded for real, within limits, re-encoded without what the phone wrote into them."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from anlan.infra import contents
from anlan.sensing import public
from anlan.sensing.domain.errors import (
    NotAPhotoError,
    PhotoTooLargeError,
    TooManyPhotosError,
    TooManyPixelsError,
)
from anlan.sensing.models import Report, ReportPhoto
from anlan.sensing.services import photos
from tests.sensing.conftest import GATEWAY, NOW


def a_photo(kind: str = "JPEG", size=(40, 30), mode: str = "RGB", **options) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 120).save(out, kind, **options)
    return out.getvalue()


def a_png_header(width: int, height: int) -> bytes:
    """Return a PNG that claims any size in a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 99))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("WEBP", "RGB"),
        ("JPEG", "CMYK"),
        ("PNG", "I;16"),
    ],
)
def test_each_format_becomes_a_plain_jpeg(kind, mode):
    (photo,) = photos.clean_photos((a_photo(kind, mode=mode),))
    with Image.open(io.BytesIO(photo.data)) as again:
        assert (again.format, again.mode, again.size) == ("JPEG", "RGB", (40, 30))
    assert (photo.width_px, photo.height_px) == (40, 30)


def test_place_and_device_are_removed_and_the_picture_stands_upright():
    exif = Image.Exif()
    exif[0x010F] = "PhoneMaker"
    exif[0x0112] = 6  # lies on its side
    exif.get_ifd(0x8825)[1] = "N"
    sent = a_photo(exif=exif, comment=b"at 34.7N")
    assert b"PhoneMaker" in sent
    (photo,) = photos.clean_photos((sent + b"<?php appended ?>",))
    assert (photo.width_px, photo.height_px) == (30, 40)
    for word in (b"PhoneMaker", b"Exif", b"34.7N", b"php"):
        assert word not in photo.data


def test_large_pictures_are_made_smaller():
    (photo,) = photos.clean_photos((a_photo(size=(4000, 1000)),))
    assert (photo.width_px, photo.height_px) == (photos.MAX_SIDE_PX, 640)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a photo",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"MZ\x90\x00",
        a_photo("GIF", mode="P"),
        a_photo("TIFF"),
        a_photo()[:200],
        a_photo("PNG")[:60],
        a_png_header(100, 100),
    ],
    ids=["empty", "text", "svg", "pdf", "exe", "gif", "tiff", "cut jpeg", "cut png", "short png"],
)  # fmt: skip
def test_what_is_no_photo_is_refused(data):
    with pytest.raises(NotAPhotoError) as caught:
        photos.clean_photos((a_photo(), data))
    assert caught.value.params["index"] == 1


@pytest.mark.parametrize("side", [7_072, 12_000, 60_000])
def test_a_decompression_bomb_is_refused_by_its_header(side):
    with pytest.raises(TooManyPixelsError):
        photos.clean_photos((a_png_header(side, side),))


def test_bytes_and_number_are_limited():
    with pytest.raises(PhotoTooLargeError):
        photos.clean_photos((a_photo() + b"\0" * photos.MAX_BYTES,))
    with pytest.raises(TooManyPhotosError):
        photos.clean_photos((a_photo(),) * (photos.MAX_PHOTOS + 1))


@pytest.mark.django_db(databases="__all__")
def test_photos_are_kept_with_their_report_or_not_at_all(city):
    report = public.ReportIn(text="x", photos=(a_photo(), a_photo("PNG")))
    row = public.keep_report(GATEWAY, report, secret="s", now=NOW)
    kept = list(ReportPhoto.objects.filter(report=row).order_by("position"))
    assert [item.position for item in kept] == [0, 1]
    assert contents.get(kept[0].photo_content).startswith(b"\xff\xd8")
    assert contents.verify() == []
    with pytest.raises(NotAPhotoError):
        public.keep_report(GATEWAY, public.ReportIn(text="x", photos=(b"no",)), secret="s", now=NOW)
    assert Report.objects.count() == 1
