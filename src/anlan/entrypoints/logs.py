"""Structured logs: one JSON object a line, rotated, without personal data."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
from datetime import UTC, datetime
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: one process a file must do
    fcntl = None  # type: ignore[assignment]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
MAX_BYTES = 20 * 1024 * 1024
KEPT_FILES = 10


class JsonLines(logging.Formatter):
    """Write a record as one line of JSON: time, level, logger, text, and its extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "text": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD and not name.startswith("_"):
                line[name] = value if isinstance(value, int | float | bool) else str(value)
        if record.exc_info and record.exc_info[0] is not None:
            # Class and place only: the message of an exception may quote what was sent.
            trace = record.exc_info[2]
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            where = (
                "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
            )
            line["error"] = record.exc_info[0].__name__
            line["where"] = where
        return json.dumps(line, ensure_ascii=False)


class SharedRotation(logging.handlers.RotatingFileHandler):
    """A rotated file that several processes write: web processes, and commands beside them.

    One of them rotates while the others wait, and each notices that its file was moved.
    """

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802  the library's name
        """Return whether the file that bears the name now is full."""
        self._follow()
        return bool(super().shouldRollover(record))

    def doRollover(self) -> None:  # noqa: N802  the library's name
        """Rotate, unless another process just did."""
        with Path(f"{self.baseFilename}.lock").open("w") as turn:
            if fcntl is not None:
                fcntl.flock(turn, fcntl.LOCK_EX)
            self._follow()
            if Path(self.baseFilename).stat().st_size >= self.maxBytes // 2:
                super().doRollover()

    def _follow(self) -> None:
        """Open the file again when it was moved away."""
        if self.stream is None:
            self.stream = self._open()
        try:
            there = Path(self.baseFilename).stat()
        except FileNotFoundError:
            there = None
        mine = os.fstat(self.stream.fileno())
        if there is None or (there.st_ino, there.st_dev) != (mine.st_ino, mine.st_dev):
            self.stream.close()
            self.stream = self._open()


def set_up(folder: Path | None, *, process: str, level: str = "INFO") -> None:
    """Log to ``folder/<process>.log`` with rotation, and warnings to standard error."""
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.setLevel(level)
    loud = logging.StreamHandler()
    loud.setLevel(logging.WARNING)
    loud.setFormatter(JsonLines())
    root.addHandler(loud)
    # The framework repeats every answer of 400 and above, with the address asked for; ours are
    # logged where they are made, without it.
    logging.getLogger("django.request").setLevel(logging.CRITICAL)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        kept = SharedRotation(
            folder / f"{process}.log", maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8"
        )
        kept.setFormatter(JsonLines())
        root.addHandler(kept)
