"""Stream numbers: each stream code gets the next number and keeps it for ever."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from anlan.kernel.errors import InvalidInputError
from anlan.sensing.store.places import sync_file, sync_folder


class StreamNames:
    """The numbers of stream codes: line ``n`` of the file is the code of stream ``n``."""

    def __init__(self, path: Path, *, writing: bool) -> None:
        self.path = path
        self.codes: list[str] = []
        self.numbers: dict[str, int] = {}
        if writing and not path.exists():
            path.touch(mode=0o640)
            sync_folder(path.parent)
        self._size = 0
        self.read_on()
        if writing:
            self._cut()

    def read_on(self) -> None:
        """Take up what the writer has added since."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._size)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._size += len(whole)
        for code in whole.decode().splitlines():
            self._add(code)

    def _add(self, code: str) -> int:
        number = self.numbers.setdefault(code, len(self.codes))
        self.codes.append(code)
        return number

    def _cut(self) -> None:
        """Cut off the part of a line that a crash left; no frame speaks of it."""
        if self.path.stat().st_size > self._size:
            os.truncate(self.path, self._size)
            sync_file(self.path)

    def digest(self, count: int) -> str:
        """Return the SHA-256 of the lines of the first ``count`` codes, as hex."""
        return hashlib.sha256("".join(f"{x}\n" for x in self.codes[:count]).encode()).hexdigest()

    def number_all(self, codes: Iterable[str]) -> list[int]:
        """Return the numbers of codes; new ones are on the disk when this returns."""
        wanted = list(codes)
        new = list(dict.fromkeys(code for code in wanted if code not in self.numbers))
        if new:
            self._keep(new)
        return [self.numbers[code] for code in wanted]

    def _keep(self, new: list[str]) -> None:
        if any(code.splitlines() != [code] for code in new):
            raise InvalidInputError(where="stream", problem="a code is one line of text")
        data = "".join(f"{code}\n" for code in new).encode()
        try:
            with self.path.open("r+b") as file:
                file.seek(self._size)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            # Else the next codes, perhaps shorter, would leave the end of these as lines of their own.
            with contextlib.suppress(OSError):
                os.truncate(self.path, self._size)
            raise
        self._size += len(data)
        for code in new:
            self._add(code)
