"""Photos in pieces: nothing acknowledged is lost, nothing is somebody else's, all of it ends."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from anlan.infra import contents, failpoints
from anlan.infra.models import ContentItem
from anlan.kernel.actor import Actor, Role
from anlan.sensing import public as sensing
from anlan.sensing.domain import uploads as words
from anlan.sensing.domain.errors import (
    PieceEmptyError,
    PieceTooLargeError,
    UploadNotAPhotoError,
    UploadOffsetError,
    UploadsManyError,
    UploadTooLargeError,
    UploadUnfinishedError,
    UploadUnknownError,
)
from anlan.sensing.models import Upload, UploadPiece

pytestmark = pytest.mark.django_db(databases="__all__")
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
SEAT = Actor("account:1", Role.STREET_OFFICER)
OTHER = Actor("account:2", Role.STREET_OFFICER)
PUBLIC = Actor("public:page", Role.PROGRAM)


def jpeg(size=(64, 48)):
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


def begun(data, actor=SEAT, now=NOW):
    return sensing.begin_upload(actor, len(data), now=now)


def sent(data, actor=SEAT, piece=1000, now=NOW):
    token = begun(data, actor, now)
    for offset in range(0, len(data), piece):
        sensing.append_piece(actor, token, offset, data[offset : offset + piece], now=now)
    return token


def is_whole(token):
    state = sensing.upload_state(SEAT, token, now=NOW)
    return state.offset == state.length


def pieces_kept():
    kept = ContentItem.objects.using(contents.ALIAS).filter(kind="photo_piece")
    return kept.filter(data__isnull=False)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=8), st.data())
def test_pieces_of_any_size_and_repeats_at_any_time_give_the_photo(sizes, more):
    data = b"\xff\xd8\xff" + bytes(sum(sizes) % 251 for _ in range(sum(sizes)))
    token = begun(data)
    at = 0
    for size in [*sizes, 3]:
        assert sensing.upload_state(SEAT, token, now=NOW).offset == at
        piece = data[at : at + size]
        sensing.append_piece(SEAT, token, at, piece, now=NOW)
        if more.draw(st.booleans()):  # the answer was lost, and the piece comes again
            with pytest.raises(UploadOffsetError) as refused:
                sensing.append_piece(SEAT, token, at, piece, now=NOW)
            assert refused.value.params["expected"] == at + len(piece)
        at += len(piece)
    assert sensing.uploaded(SEAT, [token], now=NOW) == (data,)
    assert sensing.forget_uploads(SEAT, [token], now=NOW) == 1


def test_each_piece_is_personal_data_with_purpose_and_end():
    sent(jpeg())
    for item in pieces_kept():
        assert (item.purpose, item.expires_on) == ("photo on its way", NOW.date() + timedelta(1))
    # What names the photo is known to its sender only.
    assert all(len(row.pk) == 64 for row in Upload.objects.all())


class TestRefused:
    def test_a_wrong_offset(self):
        data = jpeg()
        token = begun(data)
        for offset in (1, 500, len(data)):
            with pytest.raises(UploadOffsetError):
                sensing.append_piece(SEAT, token, offset, data[:100], now=NOW)
        assert not pieces_kept().exists()

    def test_more_than_was_stated(self):
        token = begun(b"x" * 10)
        with pytest.raises(PieceTooLargeError):
            sensing.append_piece(SEAT, token, 0, b"\xff\xd8\xff" + b"x" * 8, now=NOW)

    def test_a_piece_of_nothing_or_of_too_much(self):
        token = begun(b"x" * (words.PIECE_MOST + 10))
        with pytest.raises(PieceEmptyError):
            sensing.append_piece(SEAT, token, 0, b"", now=NOW)
        with pytest.raises(PieceTooLargeError):
            sensing.append_piece(SEAT, token, 0, b"\xff" * (words.PIECE_MOST + 1), now=NOW)

    @pytest.mark.parametrize("data", [b"<svg onload=x>", b"MZ\x90\x00", b"\x00" * 20, b"%PDF-1.7"])
    def test_what_does_not_begin_like_a_photo(self, data):
        token = begun(data)
        with pytest.raises(UploadNotAPhotoError):
            sensing.append_piece(SEAT, token, 0, data, now=NOW)
        assert not pieces_kept().exists()

    def test_what_could_not_be_kept_in_the_end(self):
        with pytest.raises(UploadTooLargeError):
            sensing.begin_upload(SEAT, words.MAX_BYTES + 1, now=NOW)
        for length in (0, -5):
            with pytest.raises(UploadNotAPhotoError):
                sensing.begin_upload(SEAT, length, now=NOW)

    def test_byte_by_byte_without_end(self, monkeypatch):
        monkeypatch.setattr(words, "PIECES_MOST", 5)
        data = b"\xff\xd8\xff" + b"x" * 20
        token = begun(data)
        for offset in range(5):
            sensing.append_piece(SEAT, token, offset, data[offset : offset + 1], now=NOW)
        with pytest.raises(PieceTooLargeError):
            sensing.append_piece(SEAT, token, 5, data[5:6], now=NOW)

    def test_too_many_for_one_seat_but_not_for_the_next(self):
        for _ in range(words.EACH_MOST):
            begun(b"x" * 10)
        with pytest.raises(UploadsManyError):
            begun(b"x" * 10)
        begun(b"x" * 10, OTHER)
        begun(b"x" * 10, now=NOW + words.KEPT_FOR)  # those before are over

    def test_the_public_together_fills_no_disk(self, monkeypatch):
        monkeypatch.setattr(words, "PUBLIC_BYTES", 100)
        for _ in range(10):
            begun(b"x" * 10, PUBLIC)
        with pytest.raises(UploadsManyError):
            begun(b"x", PUBLIC)
        begun(b"x", SEAT)

    def test_nor_does_it_fill_a_table_with_photos_of_one_byte(self, monkeypatch):
        monkeypatch.setattr(words, "PUBLIC_MOST", 5)
        for _ in range(5):
            begun(b"x", PUBLIC)
        with pytest.raises(UploadsManyError):
            begun(b"x", PUBLIC)

    def test_announcing_keeps_nobody_out_for_long(self, monkeypatch):
        monkeypatch.setattr(words, "PUBLIC_BYTES", 3 * words.MAX_BYTES)
        photo = jpeg((640, 480))
        whole, under_way = sent(photo[:10], PUBLIC), begun(b"x" * words.BEGUN_BYTES * 2, PUBLIC)
        first = b"\xff\xd8\xff" + bytes(words.BEGUN_BYTES - 3)
        sensing.append_piece(PUBLIC, under_way, 0, first, now=NOW)
        for _ in range(2):
            sensing.begin_upload(PUBLIC, words.MAX_BYTES, now=NOW)
        with pytest.raises(UploadsManyError):
            sensing.begin_upload(PUBLIC, words.MAX_BYTES, now=NOW)
        later = NOW + words.BEGUN_WITHIN
        assert sensing.begin_upload(PUBLIC, words.MAX_BYTES, now=later)
        assert Upload.objects.count() == 3
        for token in (whole, under_way):  # what really came is not taken from anybody
            assert sensing.upload_state(PUBLIC, token, now=later).offset > 0

    def test_somebody_else_s(self):
        token = sent(jpeg())
        for actor in (OTHER, PUBLIC):
            with pytest.raises(UploadUnknownError):
                sensing.upload_state(actor, token, now=NOW)
            with pytest.raises(UploadUnknownError):
                sensing.append_piece(actor, token, 0, b"\xff", now=NOW)
            with pytest.raises(UploadUnknownError):
                sensing.uploaded(actor, [token], now=NOW)
            assert sensing.forget_uploads(actor, [token], now=NOW) == 0
        assert is_whole(token)

    def test_one_that_is_not_whole(self):
        data = jpeg()
        token = begun(data)
        sensing.append_piece(SEAT, token, 0, data[:100], now=NOW)
        with pytest.raises(UploadUnfinishedError):
            sensing.uploaded(SEAT, [token], now=NOW)

    def test_one_whose_piece_was_destroyed_meanwhile(self):
        token = sent(jpeg())
        contents.destroy([UploadPiece.objects.first().piece_content], reason="law", now=NOW)
        with pytest.raises(UploadUnknownError):
            sensing.uploaded(SEAT, [token], now=NOW)


class TestEnd:
    def test_what_is_never_finished_goes_after_a_day(self):
        sent(jpeg())
        begun(b"x" * 10)
        assert sensing.sweep_uploads(now=NOW + timedelta(hours=23)) == 0
        assert sensing.sweep_uploads(now=NOW + words.KEPT_FOR) == 2
        assert not pieces_kept().exists()
        assert not Upload.objects.exists()
        assert not UploadPiece.objects.exists()

    def test_over_is_over_before_the_sweep_comes(self):
        token = sent(jpeg())
        late = NOW + words.KEPT_FOR
        with pytest.raises(UploadUnknownError):
            sensing.upload_state(SEAT, token, now=late)

    def test_used_is_gone_at_once(self):
        token, kept = sent(jpeg()), sent(jpeg())
        sensing.forget_uploads(SEAT, [token], now=NOW)
        assert is_whole(kept)
        assert pieces_kept().count() == UploadPiece.objects.count() > 0


@pytest.mark.django_db(transaction=True, databases="__all__")
@pytest.mark.parametrize("point", ["contents.put"])
def test_a_crash_between_bytes_and_row_promises_nothing_and_loses_nothing(point):
    data = jpeg()
    token = begun(data)
    sensing.append_piece(SEAT, token, 0, data[:500], now=NOW)
    failpoints.arm(f"{point}:raise")
    with pytest.raises(Exception, match=point):
        sensing.append_piece(SEAT, token, 500, data[500:900], now=NOW)
    failpoints.arm("")
    assert sensing.upload_state(SEAT, token, now=NOW).offset == 500
    sensing.append_piece(SEAT, token, 500, data[500:], now=NOW)
    (whole,) = sensing.uploaded(SEAT, [token], now=NOW)
    assert hashlib.sha256(whole).digest() == hashlib.sha256(data).digest()
