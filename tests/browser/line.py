"""A line between browser and server that really breaks: a relay of bytes that hangs up."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

HANG_UP = struct.pack("ii", 1, 0)  # no farewell: what was on its way is lost


class Line:
    """Relays to a port; hangs up on everybody when so many bytes have gone up."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._door = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._left: int | None = None
        self.is_broken = False
        self.times_broken = 0
        self._answering = threading.Thread(target=self._answer, daemon=True)
        self._answering.start()

    @property
    def address(self) -> str:
        """Where the pages are behind this line."""
        return f"http://127.0.0.1:{self._door.getsockname()[1]}"

    def breaks_after(self, sent: int) -> None:
        """Hang up when so many more bytes have gone up, and let nobody in after that."""
        self._left = sent

    def break_now(self) -> None:
        """Hang up on everybody; nobody gets in any more."""
        self.is_broken, self._left = True, None
        self.times_broken += 1
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, HANG_UP)
                    one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let everybody in again."""
        self.is_broken = False

    def close(self) -> None:
        """End the relay."""
        self.break_now()
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self._answering.join(5)

    def _answer(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            if self.is_broken:
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, HANG_UP)
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._to))
            with self._lock:
                self._open |= {near, far}
            threading.Thread(target=self._both, args=(near, far), daemon=True).start()

    def _both(self, near: socket.socket, far: socket.socket) -> None:
        back = threading.Thread(target=self._relay, args=(far, near, False), daemon=True)
        back.start()
        self._relay(near, far, True)
        back.join()
        with self._lock:
            self._open -= {near, far}
        near.close()
        far.close()

    def _relay(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(16 * 1024):
                if up and self._left is not None:
                    self._left -= len(piece)
                    if self._left <= 0:
                        sink.sendall(piece[: len(piece) // 2])  # a part of it arrives
                        self.break_now()
                        return
                sink.sendall(piece)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def broken_line(port: int) -> Iterator[Line]:
    """Give a line to a port until the block ends."""
    line = Line(port)
    try:
        yield line
    finally:
        line.close()
