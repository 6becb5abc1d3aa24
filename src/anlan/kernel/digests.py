"""Hashes of small data without letting go of the interpreter's lock.

``hashlib`` and ``zlib`` let other threads run while they look at more than a few kilobytes.  For a
message of some tens of kilobytes, getting the lock back from a busy thread takes many times longer
than the hash; so such data are looked at in pieces below that size.
"""

from __future__ import annotations

import hashlib
import zlib

_SMALL = 1 << 16
"""Up to so many bytes are looked at in pieces; with more, others had better run meanwhile."""
_SHA_PIECE = 2_047  # hashlib lets go with 2,048 bytes
_CRC_PIECE = 5_120  # zlib lets go with more


def sha256_hex(head: bytes, body: bytes) -> str:
    """Return the SHA-256 of ``head`` with ``body`` behind it, in hexadecimal."""
    found = hashlib.sha256(head)
    if len(body) > _SMALL:
        found.update(body)
        return found.hexdigest()
    view = memoryview(body)
    for place in range(0, len(view), _SHA_PIECE):
        found.update(view[place : place + _SHA_PIECE])
    return found.hexdigest()


def crc32(body: bytes | memoryview, start: int = 0) -> int:
    """Return the CRC-32 of ``body`` behind data of which it was ``start``."""
    if len(body) > _SMALL:
        return zlib.crc32(body, start)
    view = memoryview(body)
    for place in range(0, len(view), _CRC_PIECE):
        start = zlib.crc32(view[place : place + _CRC_PIECE], start)
    return start
