"""MultiDatastreams (多值数据流): ordinary streams whose readings of one instant are one result.

OGC SensorThings API 1.1, the extension of clause 7.5 for results of several values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MOST_RESULTS = 20
"""Components of one result: each new one is an edit of the city that the linter looks at."""
KIND_NAMES = "http://www.opengis.net/def/observationType/OGC-OM/2.0/"
MEASUREMENT, COMPLEX = "OM_Measurement", "OM_ComplexObservation"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


KINDS: Mapping[str, Callable[[Any], bool]] = {
    MEASUREMENT: _is_number,
    "OM_CountObservation": lambda value: _is_number(value) and value == int(value),
    "OM_TruthObservation": lambda value: isinstance(value, bool),
    "OM_CategoryObservation": lambda value: isinstance(value, str),
    "OM_Observation": lambda value: True,  # noqa: ARG005
}
"""What may stand as a component of each kind; null may, everywhere."""
WITHOUT_UNIT = frozenset({"OM_TruthObservation", "OM_CategoryObservation"})


@dataclass(frozen=True, slots=True)
class KnownMulti:
    """A MultiDatastream in force: its streams and the kinds of their results, both in order."""

    code: str
    name_zh: str
    name_en: str
    streams: tuple[str, ...]
    kinds: tuple[str, ...]
