"""The health of a city's streams for one reader: chosen, counted, and the worst of it in order.

In columns, so that a hundred thousand streams are counted in a moment; only what is shown is worded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.kernel.actor import Actor
from anlan.kernel.scales import WarningLevel
from anlan.registry.domain.facts import KnownSensor
from anlan.sensing.public import FAULTS, TRUSTS, Health

LOST, GOOD = TRUSTS.index("lost"), TRUSTS.index("good")
NO_LEVEL = len(WarningLevel)
RANKS = {level.value: rank for rank, level in enumerate(WarningLevel)}
MOST_GROUPS = 12


class Columns(NamedTuple):
    """What the streams of a city are grouped by: for each the number of its value, and the values."""

    path: tuple[NDArray[np.int32], Sequence[str]]
    operator: tuple[NDArray[np.int32], Sequence[str]]
    quantity: tuple[NDArray[np.int32], Sequence[str]]
    gateway: tuple[NDArray[np.int32], Sequence[str]]


class Chosen(NamedTuple):
    """What a reader wants to see; empty fields do not restrict."""

    trust: str = ""
    fault: str = ""
    area: str = ""  # the path of an area
    operator: str = ""
    quantity: str = ""
    gateway: str = ""


class Group(NamedTuple):
    """How many streams of one value stand how."""

    value: str
    counts: tuple[int, ...]  # by TRUSTS

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts)

    @property
    def amiss(self) -> int:
        """Those that are not good."""
        return self.total - self.counts[GOOD]


_kept: list[tuple[Sequence[KnownSensor], Columns]] = []


def columns_of(sensors: Sequence[KnownSensor]) -> Columns:
    """Return what streams are grouped by; made once for each revision of the city."""
    if not _kept or _kept[0][0] is not sensors:
        made = Columns(
            _numbered(sensors, lambda x: x.area_path),
            _numbered(sensors, lambda x: x.operator or ""),
            _numbered(sensors, lambda x: x.quantity),
            _numbered(sensors, lambda x: x.gateway),
        )
        _kept[:] = [(sensors, made)]
    return _kept[0][1]


def _numbered(
    sensors: Sequence[KnownSensor], value: Callable[[KnownSensor], str]
) -> tuple[NDArray[np.int32], Sequence[str]]:
    numbers: dict[str, int] = {}
    column = [numbers.setdefault(value(sensor), len(numbers)) for sensor in sensors]
    return np.array(column, np.int32), tuple(numbers)


def _those(
    column: tuple[NDArray[np.int32], Sequence[str]], fits: Callable[[str], bool]
) -> NDArray[np.bool_]:
    numbers, values = column
    return (
        np.array([fits(value) for value in values], bool)[numbers] if len(values) else numbers > 0
    )


def inside(path: str, area: str) -> bool:
    """Return whether an area's path lies at or below another's."""
    return not area or path == area or path.startswith(area + "/")


def seen_by(actor: Actor, columns: Columns, chosen: Chosen) -> NDArray[np.bool_]:
    """Return which streams lie in the actor's areas and fit everything but trust and fault."""
    mask = _those(columns.path, lambda path: actor.covers(path) and inside(path, chosen.area))
    for name in ("operator", "quantity", "gateway"):
        wanted = getattr(chosen, name)
        if wanted:
            mask &= _those(getattr(columns, name), wanted.__eq__)
    return mask


def fitting(health: Health, mask: NDArray[np.bool_], chosen: Chosen) -> NDArray[np.intp]:
    """Return which of the masked streams stand as is asked for: by default those that are not good."""
    if chosen.fault:
        kind = FAULTS.index(chosen.fault) if chosen.fault in FAULTS else len(FAULTS)
        mask = mask & ((health.faults >> kind) & 1 == 1)
    elif chosen.trust == "maintenance":
        mask = mask & health.is_worked_on
    elif chosen.trust:
        wanted = TRUSTS.index(chosen.trust) if chosen.trust in TRUSTS else -1
        mask = mask & (health.trust == wanted)
    else:
        mask = mask & (health.trust != GOOD)
    return np.flatnonzero(mask)


def worst_first(
    health: Health, rows: NDArray[np.intp], levels: Mapping[str, str]
) -> NDArray[np.intp]:
    """Return streams in order: lost at a level first, the higher before the lower; then by trust and age."""
    rank = np.full(len(rows), NO_LEVEL)
    for place, row in enumerate(rows.tolist()) if levels else ():
        level = levels.get(health.sensors[row].code)
        if level is not None and health.trust[row] == LOST:
            rank[place] = RANKS[level]
    return rows[np.lexsort((rows, health.last_us[rows], health.trust[rows], rank))]


def counted(health: Health, mask: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return how many of the masked streams stand how, by TRUSTS."""
    return tuple(np.bincount(health.trust[mask], minlength=len(TRUSTS)).tolist())


def grouped(
    health: Health,
    mask: NDArray[np.bool_],
    column: tuple[NDArray[np.int32], Sequence[str]],
    value: Callable[[str], str] = str,
) -> list[Group]:
    """Return the masked streams by a column (or what ``value`` makes of it), most amiss first."""
    numbers, values = column
    names: dict[str, int] = {}
    of = np.array([names.setdefault(value(item), len(names)) for item in values], np.int64)
    if not mask.any():
        return []
    size = len(TRUSTS)
    cells = of[numbers[mask]] * size + health.trust[mask]
    table = np.bincount(cells, minlength=len(names) * size).reshape(-1, size)
    found = [Group(name, tuple(table[place].tolist())) for name, place in names.items()]
    there = [group for group in found if group.total]
    return sorted(there, key=lambda group: (-group.amiss, -group.total, group.value))


def below(area: str, depth: int) -> Callable[[str], str]:
    """Return how a path is named by the area one step below ``area``, which lies ``depth`` deep."""

    def name(path: str) -> str:
        return "/".join(path.split("/")[: depth + 1]) if inside(path, area) else ""

    return name


def told(groups: Sequence[Group]) -> tuple[Sequence[Group], dict[str, Any]]:
    """Return the groups that are shown, and how many streams of how many others are not."""
    rest = groups[MOST_GROUPS:]
    return groups[:MOST_GROUPS], {
        "groups": len(rest),
        "streams": sum(group.total for group in rest),
    }
