"""Threads that ask the databases: their connections go with them.

Django gives each thread connections of its own and closes them after requests only.  A thread of our
own that ends would leave its connections to the server, of which PostgreSQL allows about a hundred.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from threading import Thread
from typing import ParamSpec, TypeVar

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

P = ParamSpec("P")
R = TypeVar("R")


def asking(work: Callable[P, R]) -> Callable[P, R]:
    """Close the connections of the thread that ran ``work``, which is all that thread does."""

    @wraps(work)
    def whole(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return work(*args, **kwargs)
        finally:
            connections.close_all()

    return whole


class AskingThreads(ThreadPoolExecutor):
    """A pool of threads that ask the databases; :meth:`shutdown` closes their connections."""

    def __init__(self, threads: int, name: str) -> None:
        self._links: list[BaseDatabaseWrapper] = []
        super().__init__(threads, thread_name_prefix=name, initializer=self._note)

    def _note(self) -> None:
        self._links += [connections[alias] for alias in connections]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002
        """End; connections are closed when nothing is under way any more."""
        super().shutdown(wait=wait, cancel_futures=cancel_futures)
        if not wait:
            return
        # Where an event loop runs, as in the edge, Django refuses to touch a connection.
        closing = Thread(target=self._close_links, name="closing connections")
        closing.start()
        closing.join()

    def _close_links(self) -> None:
        for link in self._links:
            link.inc_thread_sharing()  # its own thread is gone
            link.close()
