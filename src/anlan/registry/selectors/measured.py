"""What is measured, and to which part of the city's lifelines it belongs."""

from __future__ import annotations

from anlan.registry.domain import jurisdiction as j
from anlan.registry.selectors.packs import current


def quantities() -> dict[str, j.Quantity]:
    """Return every quantity that the packs know, by id (one small query)."""
    return {entry.id: entry for entry in current("quantities")}


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
