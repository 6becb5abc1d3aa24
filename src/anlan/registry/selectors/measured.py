"""What is measured, to which part of the city's lifelines it belongs, what speaks against a rule."""

from __future__ import annotations

from anlan.registry.domain import jurisdiction as j
from anlan.registry.selectors.packs import current


def quantities() -> dict[str, j.Quantity]:
    """Return every quantity that the packs know, by id (one small query)."""
    return {entry.id: entry for entry in current("quantities")}


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
