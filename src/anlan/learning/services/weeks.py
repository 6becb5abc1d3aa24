"""Run ordinary weeks of a shipped city, on all cores, with the rules of its own packs."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from anlan.learning.domain.complaints import Language
from anlan.learning.domain.ordinary import Setting, StreamPlan, ordinary_week
from anlan.learning.domain.packworld import PackWorld, pack_world
from anlan.learning.domain.replaycity import left_out
from anlan.learning.domain.scenario import Words
from anlan.learning.domain.summary import OrdinaryRow
from anlan.learning.domain.usual import RAIN_QUANTITY, RAINSTORM, USUAL
from anlan.learning.domain.weekrun import WeekCount, run_week, tally
from anlan.registry.domain.city import City
from anlan.registry.domain.parse import law_folder, read_city, read_jurisdiction

WEEKS = 100
# A Monday in the rainy season; the rules in force on that day are judged by.
MONDAY = (2024, 7, 1)
COMPLAINTS_PER_STREET = 60.0  # a week; [assumed]

WeekDone = Callable[[int, int], None]  # weeks done, weeks in all


def setting_of(city: City, packs: PackWorld, language: Language) -> Setting:
    """Return what an ordinary week of ``city`` is made from.

    Streams of a quantity for which no usual run is documented are left out.
    """
    streets = sum(area.kind == "street" for area in city.areas)
    return Setting(
        streams=tuple(
            StreamPlan(stream.code, stream.quantity, stream.interval)
            for stream in packs.world.streams.values()
            if stream.quantity in USUAL or stream.quantity == RAIN_QUANTITY
        ),
        usual=USUAL,
        ground=packs.ground,
        complaints_per_week=COMPLAINTS_PER_STREET * max(1, streets),
        language=language,
        rain_quantity=RAIN_QUANTITY,
    )


def start_of(city: City) -> datetime:
    """Return the local midnight at which ordinary weeks of ``city`` begin, in UTC."""
    return datetime(*MONDAY, tzinfo=ZoneInfo(city.info.timezone)).astimezone(UTC)


@cache
def _prepared(folder: str, without: tuple[str, ...] = ()) -> tuple[City, PackWorld, Setting]:
    city = read_city(Path(folder)).pack
    jurisdiction = read_jurisdiction(law_folder(Path(folder), city.info.jurisdiction)).pack
    city, jurisdiction = left_out(city, jurisdiction, without)
    packs = pack_world(city, jurisdiction, at=start_of(city))
    language: Language = "zh" if city.info.jurisdiction.startswith("cn") else "en"
    return city, packs, setting_of(city, packs, language)


def count_week(
    folder: Path, seed: int, exaggeration: float = 0.0, without: tuple[str, ...] = ()
) -> WeekCount:
    """Return what one ordinary week of the city pack in ``folder`` falsely raises."""
    city, packs, setting = _prepared(str(folder), without)
    week = ordinary_week(replace(setting, exaggeration=exaggeration), seed)
    return run_week(week, packs, hazard=RAINSTORM, start=start_of(city))


def _count(task: tuple[str, int, float, tuple[str, ...]]) -> WeekCount:
    return count_week(Path(task[0]), *task[1:])


def _nobody(_done: int, _all: int) -> None:
    return None


def _named(row: OrdinaryRow, city: City, packs: PackWorld) -> OrdinaryRow:
    """Return ``row`` with what the packs call its city and rules."""
    titles = {rule.id: rule.title for rule in packs.rules.in_force}
    rules = tuple(
        msgspec.structs.replace(
            count, title=Words(zh=titles[count.rule].zh, en=titles[count.rule].en)
        )
        for count in row.rules
    )
    name = Words(zh=city.info.name.zh, en=city.info.name.en)
    return msgspec.structs.replace(row, rules=rules, city_name=name)


def run_weeks(
    folder: Path,
    *,
    weeks: int = WEEKS,
    first_seed: int = 0,
    workers: int = 1,
    exaggeration: float = 0.0,
    without: tuple[str, ...] = (),
    progress: WeekDone = _nobody,
) -> OrdinaryRow:
    """Return the false reds and oranges of ``weeks`` ordinary weeks of a city pack.

    With several ``workers`` the weeks run in that many processes; the result is the same.
    With ``exaggeration`` that share of callers tells everyday matters in words of danger.
    The rules ``without`` are left out.
    """
    tasks = [(str(folder), first_seed + number, exaggeration, without) for number in range(weeks)]
    city, packs, _ = _prepared(str(folder), without)
    counts: list[WeekCount] = []
    if workers <= 1:
        for task in tasks:
            counts.append(_count(task))
            progress(len(counts), weeks)
        return _named(tally(city.info.id, counts), city, packs)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for count in pool.map(_count, tasks, chunksize=2):
            counts.append(count)
            progress(len(counts), weeks)
    return _named(tally(city.info.id, counts), city, packs)
