"""What is measured, to which part of the city's lifelines it belongs, what speaks against a rule."""

from __future__ import annotations

from typing import cast

from anlan.registry.domain import jurisdiction as j
from anlan.registry.domain.packwords import written
from anlan.registry.selectors.kinds import names_in
from anlan.registry.selectors.packs import current, currents, named


def quantity(slug: str) -> j.Quantity:
    """Return what is known of a quantity: its unit, and what may be given instead."""
    return cast("j.Quantity", named("quantities", slug, lambda entry: entry.id))


def units() -> dict[str, str]:
    """Return the unit in which each quantity is kept, by its slug."""
    return {entry.id: entry.unit for entry in current("quantities")}


def quantities() -> dict[str, j.Quantity]:
    """Return every quantity that the packs know, by id (one small query)."""
    return {entry.id: entry for entry in current("quantities")}


def unit_text(code: str, language: str) -> str:
    """Return how a unit is written beside a number in "zh" or "en" (one small query)."""
    return written(names_in("units"), code, language)


def unit_texts(language: str) -> dict[str, str]:
    """Return how the unit of each quantity is written, by the quantity's id (one small query)."""
    units, measured = currents("units", "quantities")
    names = {one.id: one.name for one in units}
    return {one.id: written(names, one.unit, language) for one in measured}


def spared_reasons() -> frozenset[str]:
    """Return the reasons of a dismissal that say nothing about the rule that raised the alert."""
    return frozenset(
        one.id for one in current("reasons") if one.use == "false_alarm" and not one.of_rule
    )


def domains() -> tuple[j.Domain, ...]:
    """Return the parts of the city's lifelines, by id; a pack of earlier days has none."""
    return current("domains")


def domains_of_quantities() -> dict[str, str]:
    """Return ``{quantity: domain}``; a quantity of several domains belongs to the first."""
    found: dict[str, str] = {}
    for domain in domains():
        for slug in domain.quantities:
            found.setdefault(slug, domain.id)
    return found


def domains_of_hazards() -> dict[str, str]:
    """Return ``{hazard: domain}``; a hazard of several domains belongs to the first."""
    found: dict[str, str] = {}
    for domain in domains():
        for slug in domain.hazards:
            found.setdefault(slug, domain.id)
    return found
