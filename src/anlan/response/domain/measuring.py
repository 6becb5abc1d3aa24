"""A measurement that a person states to show that a danger is gone."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured, in its unit, at how many points over how long (实测).

    ``limit`` is the value at which the danger counts as gone; ``higher_is_worse`` says on
    which side of it safety lies.
    """

    value: float
    limit: float
    unit: str
    points: int
    minutes: float
    higher_is_worse: bool = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and math.isfinite(self.limit)):
            raise ValueError("a measurement is a finite number")
        if not self.unit or self.points < 1 or not 0 <= self.minutes < math.inf:
            raise ValueError("a measurement states its unit, at least one point, and how long")

    @property
    def is_below(self) -> bool:
        """Whether the worst value lies strictly on the safe side of the limit."""
        return self.value < self.limit if self.higher_is_worse else self.value > self.limit

    def plain(self) -> dict[str, object]:
        """Return it as it is kept on the case."""
        return asdict(self)
