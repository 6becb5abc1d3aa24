"""Counters of this process in the plain text form that Prometheus reads."""

from __future__ import annotations

import threading
from collections import defaultdict


class RequestMetrics:
    """How many requests ended how, and how long they took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count: dict[tuple[str, int], int] = defaultdict(int)
        self._seconds: dict[tuple[str, int], float] = defaultdict(float)

    def observe(self, method: str, status: int, seconds: float) -> None:
        """Count one finished request."""
        with self._lock:
            self._count[method, status] += 1
            self._seconds[method, status] += seconds

    def lines(self) -> list[str]:
        """Return the counters as exposition lines."""
        with self._lock:
            count, seconds = dict(self._count), dict(self._seconds)
        out = [
            "# HELP anlan_requests_total Requests answered by this process.",
            "# TYPE anlan_requests_total counter",
        ]
        for (method, status), number in sorted(count.items()):
            out.append(f'anlan_requests_total{{method="{method}",status="{status}"}} {number}')
        out += [
            "# HELP anlan_request_seconds_total Time spent answering, in seconds.",
            "# TYPE anlan_request_seconds_total counter",
        ]
        for (method, status), spent in sorted(seconds.items()):
            out.append(
                f'anlan_request_seconds_total{{method="{method}",status="{status}"}} {spent:.6f}'
            )
        return out


requests = RequestMetrics()
