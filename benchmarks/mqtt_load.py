"""A publisher of MQTT 3.1.1 with QoS 1 that costs as little as it can: its packets are made beforehand.

    python benchmarks/mqtt_load.py HOST PORT PASSWORD_FILE TOPIC MESSAGES ROWS WINDOW

Prints JSON: when the first message went (seconds since 1970), seconds from it to the last PUBACK, p50 and p99 of
the time to a PUBACK in ms, CPU seconds of this process.  Times of readings go on from where ``--from`` says, so that
none comes twice.
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack(">H", len(raw)) + raw


def packet(head: int, body: bytes) -> bytes:
    length, found = len(body), bytearray([head])
    while True:
        length, low = length >> 7, length & 0x7F
        found.append(low | (0x80 if length else 0))
        if not length:
            return bytes(found) + body


def columns(number: int, rows: int, streams: list[str], began: datetime) -> bytes:
    """One moment of many streams, as a gateway sends it."""
    first = number * rows % len(streams)
    given = {
        "streams": streams[first : first + rows],
        "at_us": int(began.timestamp() * 1_000_000) + number * rows,
        "value": [(number + row) % 97 / 10 for row in range(rows)],
    }
    return json.dumps(given, separators=(",", ":")).encode()


def payload(number: int, rows: int, streams: list[str], began: datetime) -> bytes:
    given = [
        {
            "stream": streams[(number * rows + row) % len(streams)],
            "at": (began + timedelta(microseconds=number * rows + row)).isoformat(),
            "value": (number + row) % 97 / 10,
        }
        for row in range(rows)
    ]
    return json.dumps(
        given[0] if rows == 1 else {"observations": given}, separators=(",", ":")
    ).encode()


def connect(host: str, port: int, password: str, name: str) -> socket.socket:
    line = socket.create_connection((host, port))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    credentials = text("bench") + text(password) if password else b""
    flags = 0xC2 if password else 0x02
    line.sendall(
        packet(0x10, text("MQTT") + bytes([4, flags]) + b"\0\0" + text(name) + credentials)
    )
    answer = line.recv(4)
    if answer != b"\x20\x02\x00\x00":
        sys.exit(f"refused: {answer!r}")
    return line


def run(line: socket.socket, packets: list[bytes], window: int) -> list[float]:
    """Send all, at most ``window`` of them without a PUBACK; return the seconds each one took."""
    sent_at = [0.0] * len(packets)
    took: list[float] = []
    sent = acked = 0
    rest = b""
    while acked < len(packets):
        room = min(window - (sent - acked), len(packets) - sent)
        if room >= min(window // 4 + 1, len(packets) - sent) and room:
            now = time.perf_counter()
            for place in range(sent, sent + room):
                sent_at[place] = now
            line.sendall(b"".join(packets[sent : sent + room]))
            sent += room
        got = rest + line.recv(65536)
        count = len(got) // 4
        if not got:
            sys.exit("the line was closed")
        now = time.perf_counter()
        took += [now - at for at in sent_at[acked : acked + count]]
        acked += count
        rest = got[4 * count :]
    return took


def main() -> None:
    asked = argparse.ArgumentParser()
    for name in ("host", "port", "password_file", "topic", "messages", "rows", "window"):
        asked.add_argument(name)
    asked.add_argument("--streams", type=int, default=20_000)
    asked.add_argument("--from", dest="began", default="2026-01-01T00:00:00+00:00")
    asked.add_argument("--name", default="bench")
    asked.add_argument("--columns", action="store_true")
    given = asked.parse_args()
    password = Path(given.password_file).read_text().strip() if given.password_file != "-" else ""
    streams = [f"BENCH-{number:06d}" for number in range(given.streams)]
    began = datetime.fromisoformat(given.began).astimezone(UTC)
    head, form = text(given.topic), columns if given.columns else payload
    made = [
        packet(
            0x32,
            head
            + struct.pack(">H", 1 + number % 65535)
            + form(number, int(given.rows), streams, began),
        )
        for number in range(int(given.messages))
    ]
    line = connect(given.host, int(given.port), password, given.name)
    first_at, cpu, began_at = time.time(), time.process_time(), time.perf_counter()
    took = sorted(run(line, made, int(given.window)))
    seconds = time.perf_counter() - began_at
    print(
        json.dumps(
            {
                "first_at": first_at,
                "seconds": seconds,
                "p50_ms": 1e3 * took[len(took) // 2],
                "p99_ms": 1e3 * took[len(took) * 99 // 100],
                "cpu_s": time.process_time() - cpu,
            }
        )
    )
    line.sendall(b"\xe0\x00")
    line.close()


if __name__ == "__main__":
    main()
