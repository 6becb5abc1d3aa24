"""Why something was changed or looked at, in words that many may read for years.

A reason names a decision, not a person: "Notice No 12", "the sensor is being mended".  What is
surely personal in it is refused; names cannot be told from other words, so the form asks for none.
"""

from __future__ import annotations

import re
import unicodedata

_MOBILE = re.compile(r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)")
_LANDLINE = re.compile(r"(?<!\d)\(?0\d{2,3}\)?[ -]\d{7,8}(?!\d)")
_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[A-Za-z]{2,}")
_IDENTITY = re.compile(r"(?<!\d)(\d{6})((?:18|19|20)\d{6})(\d{3})([\dXx])(?!\d)")
# GB 11643-1999: weights of the first 17 digits, and the check digit for each remainder.
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"


def names_somebody(text: str) -> bool:
    """Return whether a text holds a telephone number, an address of e-mail or an identity number."""
    plain = unicodedata.normalize("NFKC", text)
    return (
        any(pattern.search(plain) for pattern in (_MOBILE, _LANDLINE, _MAIL))
        or any(_is_identity("".join(found.groups())) for found in _IDENTITY.finditer(plain))
    )  # fmt: skip


def _is_identity(number: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    return number[17].upper() == _CHECKS[total % 11]
