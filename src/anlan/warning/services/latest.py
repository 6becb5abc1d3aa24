"""The newest reading of the streams that conjunctions ask for, from the store's columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from anlan.registry.domain.rulespecs import ConjunctionRule
from anlan.sensing import public as sensing
from anlan.warning.domain.instants import span_micros
from anlan.warning.domain.judge import asked_streams
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.signs import Stream

NO_VALUE = (2, 3, 4, 255)
"""Qualities that count as no value: bad, out of range, missing, taken back."""
Reading = tuple[int, float]


class Latest:
    """Follows the streams at places whose quantity some conjunction asks for.

    They are few; what is new of them is one look at the store's newest readings.
    """

    def __init__(self) -> None:
        self.streams: dict[str, Stream] = {}
        self._of: Mapping[str, Stream] = {}
        self._asked: tuple[ConjunctionRule, ...] = ()
        self._numbers: NDArray[np.int32] = np.zeros(0, np.int32)
        self._codes: list[str] = []
        self._seen: NDArray[np.int64] = np.zeros(0, np.int64)
        self._mark: tuple[int, int] | None = None

    def has_news(self) -> bool:
        """Return whether any of them has spoken since :meth:`look`."""
        if not self.streams:
            return False
        mark = sensing.frames_mark()
        if mark == self._mark:
            return False
        self._mark = mark
        if len(self._codes) < len(self.streams):
            return True  # one without a number may have spoken
        return bool((sensing.newest_readings(self._numbers).id != self._seen).any())

    def look(
        self, rules: RuleBook, streams: Mapping[str, Stream], before: Mapping[str, Reading]
    ) -> dict[str, Reading]:
        """Return the newest reading with a value of each; ``before`` is what it was at the last look."""
        self._survey(rules, streams)
        found = {code: before[code] for code in self.streams if code in before}
        if not self.streams:
            return found
        newest = sensing.newest_readings(self._numbers)
        self._seen = newest.id.copy()
        valued = np.isfinite(newest.value) & ~np.isin(newest.quality, NO_VALUE)
        valued &= newest.at_us > -(1 << 62)
        for at in np.flatnonzero(valued).tolist():
            found[self._codes[at]] = (int(newest.at_us[at]), float(newest.value[at]))
        blind = np.flatnonzero(~valued & (newest.at_us > -(1 << 62)))
        if len(blind):
            found |= self._before(rules, blind, newest.at_us[blind])
        return found

    def _survey(self, rules: RuleBook, streams: Mapping[str, Stream]) -> None:
        """Find the streams, anew when the city or the rules are others, and their numbers."""
        asked = tuple(rules.conjunctions())
        if streams is not self._of or asked != self._asked:
            self._of, self._asked = streams, asked
            self.streams = asked_streams(rules, streams)
        numbers = sensing.stream_numbers() if self.streams else {}
        self._codes = [code for code in self.streams if code in numbers]
        self._numbers = np.array([numbers[code] for code in self._codes], np.int32)

    def _before(
        self, rules: RuleBook, blind: NDArray[np.intp], at_us: NDArray[np.int64]
    ) -> dict[str, Reading]:
        """Return the last reading with a value of streams whose newest has none, if it still counts."""
        spans = [span_micros(x.reading.max_age) for x in rules.conjunctions() if x.reading]
        numbers = self._numbers[blind]
        rows = sensing.rows_between(
            numbers, int(at_us.min()) - max(spans, default=0), int(at_us.max()) + 1
        )
        rows = rows.take(np.isfinite(rows.value) & ~np.isin(rows.quality, NO_VALUE))
        code_of = dict(zip(numbers.tolist(), (self._codes[x] for x in blind.tolist()), strict=True))
        # In order of stream and time: the last of each stands.
        return {
            code_of[stream]: (at, value)
            for stream, at, value in zip(
                rows.stream.tolist(), rows.at_us.tolist(), rows.value.tolist(), strict=True
            )
        }
