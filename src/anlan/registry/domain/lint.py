"""The governance linter (治理体检): what a city's data would let fall, before anything happens.

Kinds of finding: ``docs/reference/linter.md``, made from ``findings.toml``.
"""

from __future__ import annotations

from datetime import date

from anlan.registry.domain.city import City
from anlan.registry.domain.findings import Finding, Severity, finding, in_order
from anlan.registry.domain.jurisdiction import Jurisdiction
from anlan.registry.domain.lint_codes import check_codes, check_entries, check_info
from anlan.registry.domain.lint_facts import Packs
from anlan.registry.domain.lint_law import check_grounds, check_law
from anlan.registry.domain.lint_people import check_people
from anlan.registry.domain.lint_places import check_outlines, check_places
from anlan.registry.domain.lint_rules import check_rules
from anlan.registry.domain.parse import Parsed

CHECKS = (check_codes, check_people, check_places, check_rules, check_law)
# With these everything after the fault, or the whole file, is missing from the pack.
_LOST = frozenset(
    {
        "file.too_large", "file.encoding", "file.control", "file.syntax", "file.more",
        "csv.empty", "csv.unknown_column", "csv.missing_column", "csv.column_twice",
        "csv.long_line", "geo.collection",
    }
)  # fmt: skip
# With these the machine would judge wrongly or not at all: such a pack is not loaded.
# Other errors are gaps in people and duties, and are filled in while the city runs.
REFUSED = frozenset(
    {
        "area.shape_invalid", "code.unknown", "period.empty", "rule.hysteresis", "rule.level_twice",
        "rule.levels", "rule.low_confidence", "rule.no_basis",
        "rule.window_budget", "unit.rule", "unit.sensor",
    }
)  # fmt: skip


def lint(
    city: Parsed[City], jurisdiction: Parsed[Jurisdiction] | None, *, today: date
) -> list[Finding]:
    """Return every finding about ``city`` on the local day ``today``, worst first.

    What could not be read is part of it; while a file is missing from what was read,
    that is all there is: who answers for what cannot be told from half a pack.
    ``jurisdiction`` is None when there is none of the name that the city gives.
    """
    found = list(city.findings)
    if jurisdiction is None:
        if city.is_readable:
            found.append(_no_jurisdiction(city))
        return in_order(found)
    name = jurisdiction.pack.info.id if jurisdiction.is_readable else jurisdiction.folder.name
    found += [
        finding(item.code, f"{name}/{item.file}", item.line, **item.params)
        for item in jurisdiction.findings
    ]
    if not (city.is_readable and jurisdiction.is_readable):
        return in_order(found)
    lost = sorted({item.file for item in found if _is_lost(item)})
    if lost:
        found.append(finding("check.stopped", lost[0], 0, files=", ".join(lost)))
        return in_order(found)
    packs = Packs(city, jurisdiction, today)
    for check in CHECKS:
        found += check(packs)
    return in_order(found)


def why_not_loaded(
    city: Parsed[City], jurisdiction: Parsed[Jurisdiction], *, today: date
) -> list[Finding]:
    """Return what keeps two readable packs from being loaded, worst first.

    The areas of ``city`` may be left out: a load streams them and looks at their codes itself.
    """
    unread = [*city.findings, *jurisdiction.findings]
    if wrong := [item for item in unread if item.severity is Severity.ERROR]:
        return in_order(wrong)
    packs = Packs(city, jurisdiction, today)
    checks = (check_info, check_entries, check_grounds, check_rules, check_outlines)
    found = (item for check in checks for item in check(packs))
    return in_order(item for item in found if item.code in REFUSED)


def _is_lost(item: Finding) -> bool:
    return item.code in _LOST or item.code.startswith("yaml.")


def _no_jurisdiction(city: Parsed[City]) -> Finding:
    file, line = city.places["info", "jurisdiction"]
    name = city.pack.info.jurisdiction
    return finding(
        "code.unknown",
        file,
        line,
        what="jurisdiction",
        kind="法规包 jurisdiction",
        code=name,
    )
