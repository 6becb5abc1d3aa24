"""Futures that tell senders what became of their messages."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from anlan.kernel.errors import AnlanError

log = logging.getLogger(__name__)
T = TypeVar("T")


def pass_on(found: Future[T], future: Future[T]) -> None:
    """Let one future tell what another brings."""

    def told(found: Future[T]) -> None:
        with told_to(future):
            future.set_result(found.result())

    found.add_done_callback(told)


@contextlib.contextmanager
def told_to(future: Future[Any]) -> Iterator[None]:
    """Let a future tell what goes wrong within."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  told to the sender
        fail(future, error)


def fail(future: Future[Any], error: Exception) -> None:
    """Tell what went wrong, without the frames it went through: they hold the message and this future."""
    if not isinstance(error, AnlanError):
        log.error("a message broke what takes it in", exc_info=error)
    error.__context__ = error.__cause__ = None
    future.set_exception(error.with_traceback(None))
