"""Hashes in pieces are the hashes of the whole."""

from __future__ import annotations

import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.kernel.digests import crc32, sha256_hex


@given(st.binary(max_size=9_000), st.binary(max_size=9_000))
def test_any_bytes(head: bytes, body: bytes) -> None:
    assert sha256_hex(head, body) == hashlib.sha256(head + body).hexdigest()
    assert crc32(body, zlib.crc32(head)) == zlib.crc32(head + body)


@pytest.mark.parametrize("size", [0, 1, 2_047, 2_048, 5_120, 5_121, 65_536, 65_537, 200_000])
def test_sizes_around_each_bound(size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]
    assert sha256_hex(b"h", body) == hashlib.sha256(b"h" + body).hexdigest()
    assert crc32(body, 7) == zlib.crc32(body, 7)
