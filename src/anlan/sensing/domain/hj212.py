"""Messages of HJ 212-2017 (污染物在线监控（监测）系统数据传输标准) as an object with names.

A message is ``##``, four digits for the length of the data, the data, four hexadecimal digits of a
check sum, and the end of the line (chapter 6; the sum is that of annex A).  The data are
``name=value`` pairs between semicolons; ``CP=&&…&&`` holds the measured values.  The password
``PW`` is left out: nobody who reads a reading needs it.

Reference: HJ 212-2017, Ministry of Environmental Protection of China.
"""

from __future__ import annotations

import re
from typing import Any

MAX_BYTES = 16 * 1024
"""The standard has 1,024 bytes of data; some gateways send more in one piece."""
_MESSAGE = re.compile(rb"##(\d{4})(.*)([0-9A-Fa-f]{4})\s*", re.DOTALL)
_VALUES = re.compile(r"CP=&&(.*?)&&", re.DOTALL)


class Hj212Error(ValueError):
    """Bytes are no message of the standard; ``place`` says which part."""

    def __init__(self, place: str, problem: str) -> None:
        self.place = place
        self.problem = problem
        super().__init__(place, problem)


def check_sum(data: bytes) -> int:
    """Return the sum of annex A: the register moves right by a byte, then takes the next one in."""
    register = 0xFFFF
    for byte in data:
        register = (register >> 8) ^ byte
        for _ in range(8):
            low = register & 1
            register >>= 1
            if low:
                register ^= 0xA001
    return register


def read_message(payload: bytes) -> dict[str, Any]:
    """Return ``{"MN": …, "CN": …, "CP": {"DataTime": …, "values": {code: {"Rtd": …, "Flag": …}}}}``.

    Raises
    ------
    Hj212Error
        When head, length, check sum or encoding are not those of the standard.
    """
    found = _MESSAGE.fullmatch(payload) if len(payload) <= MAX_BYTES else None
    if found is None:
        raise Hj212Error("##", "head, length and check sum")
    length, data, stated = int(found[1]), found[2], int(found[3], 16)
    if length != len(data):
        raise Hj212Error("##", f"length {length}, not {len(data)}")
    if check_sum(data) != stated:
        raise Hj212Error("CRC", f"{stated:04X}, not {check_sum(data):04X}")
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise Hj212Error(f"byte {error.start}", "ASCII") from None
    message: dict[str, Any] = dict(_pairs(_VALUES.sub("", text), ";"))
    message.pop("PW", None)
    values = _VALUES.search(text)
    message["CP"] = _measured(values.group(1)) if values else {"values": {}}
    return message


def _pairs(text: str, between: str) -> list[tuple[str, str]]:
    cut = (item.partition("=") for item in text.split(between))
    return [(name.strip(), value.strip()) for name, equals, value in cut if equals]


def _measured(text: str) -> dict[str, Any]:
    """Return what ``CP`` holds: plain names, and for ``code-Kind`` a member of ``values``."""
    found: dict[str, Any] = {}
    values: dict[str, dict[str, str]] = {}
    for group in text.split(";"):
        for name, value in _pairs(group, ","):
            code, dash, kind = name.rpartition("-")
            if dash:
                values.setdefault(code, {})[kind] = value
            else:
                found[name] = value
    return {**found, "values": values}
