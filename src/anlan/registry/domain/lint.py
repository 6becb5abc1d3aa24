"""The governance linter (治理体检): what a city's data would let fall, before anything happens.

Kinds of finding: ``docs/reference/linter.md``, made from ``findings.toml``.
"""

from __future__ import annotations

from datetime import date

from anlan.registry.domain.city import City
from anlan.registry.domain.findings import Finding, finding, in_order
from anlan.registry.domain.jurisdiction import Jurisdiction
from anlan.registry.domain.lint_codes import check_codes
from anlan.registry.domain.lint_facts import Packs
from anlan.registry.domain.lint_law import check_law
from anlan.registry.domain.lint_people import check_people
from anlan.registry.domain.lint_places import check_places
from anlan.registry.domain.lint_rules import check_rules
from anlan.registry.domain.parse import Parsed

CHECKS = (check_codes, check_people, check_places, check_rules, check_law)


def lint(city: Parsed[City], jurisdiction: Parsed[Jurisdiction], *, today: date) -> list[Finding]:
    """Return every finding about ``city`` on the local day ``today``, worst first.

    What could not be read is part of it; when the head of a pack cannot be
    read, that is all there is.
    """
    found = list(city.findings)
    name = jurisdiction.pack.info.id if jurisdiction.is_readable else jurisdiction.folder.name
    found += [
        finding(item.code, f"{name}/{item.file}", item.line, **item.params)
        for item in jurisdiction.findings
    ]
    if city.is_readable and jurisdiction.is_readable:
        packs = Packs(city, jurisdiction, today)
        for check in CHECKS:
            found += check(packs)
    return in_order(found)
