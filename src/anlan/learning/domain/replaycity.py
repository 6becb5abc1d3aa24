"""The city of a replay: the shipped pack without the sensors of which nothing is known.

Nobody knows what the other sensors of the city said that day.  Left in, each of them
would fall silent at the first minute, and the replay would show that instead of the event.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from anlan.learning.domain.runs import RuleUnknownError
from anlan.learning.domain.scenario import Scenario
from anlan.registry.domain.city import City
from anlan.registry.domain.jurisdiction import Jurisdiction
from anlan.registry.domain.parse import city_folder, read_city
from anlan.registry.domain.write import write_city


def replay_city(scenario: Scenario, city: City) -> City:
    """Return ``city`` with only those sensors of which the scenario has readings."""
    known = {series.stream for series in scenario.inputs.series}
    sensors = tuple(sensor for sensor in city.sensors if sensor.code in known)
    return msgspec.structs.replace(city, sensors=sensors)


def left_out(
    city: City, jurisdiction: Jurisdiction, without: tuple[str, ...]
) -> tuple[City, Jurisdiction]:
    """Return both packs without some rules: what would have been raised without them?

    Raises
    ------
    RuleUnknownError
        When neither pack has such a rule.
    """
    known = {rule.id for rule in (*city.rules, *jurisdiction.rules)}
    if unknown := sorted(set(without) - known):
        raise RuleUnknownError(rule=unknown[0])
    of_city = tuple(rule for rule in city.rules if rule.id not in without)
    of_law = tuple(rule for rule in jurisdiction.rules if rule.id not in without)
    return (
        msgspec.structs.replace(city, rules=of_city),
        msgspec.structs.replace(jurisdiction, rules=of_law),
    )


def write_replay_city(scenario: Scenario, folder: Path, *, pack: Path | None = None) -> Path:
    """Write the city pack for a replay of ``scenario`` into ``folder`` and return it.

    It is made from the pack in ``pack``, else from the one that comes with Anlan.
    """
    city = read_city(pack or city_folder(scenario.city)).pack
    folder.mkdir(parents=True, exist_ok=True)
    write_city(replay_city(scenario, city), folder)
    return folder
