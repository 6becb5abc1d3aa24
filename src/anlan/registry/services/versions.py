"""A new version of a rule or clock of the city's own, from a day on.

An entry of the law is never changed: the city's own takes its place from that day on, says on
which decision it stands, and gives the place back when it ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from anlan.registry.domain.edits import is_plain
from anlan.registry.domain.entries import entry_problem, is_sound
from anlan.registry.domain.entry_edits import EntriesEdit, following
from anlan.registry.domain.errors import EditChoiceError, EntryReplacedError, EntryUnknownError
from anlan.registry.domain.packwords import Confidence
from anlan.registry.models import PackEntry
from anlan.registry.selectors.packs import KINDS, decode, replaced_by


def version_edit(
    section: str, code: str, change: Mapping[str, object] | None, *, on: date, today: date
) -> EntriesEdit:
    """Return the edit by which an entry reads with ``change`` from ``on`` on; None ends the own one.

    Raises
    ------
    EntryUnknownError
        When no pack in force holds the entry, or none of the city's own is there to end.
    EntryReplacedError
        When another entry of the city's own stands in its place.
    EditChoiceError
        When it cannot read so.
    """
    rows = PackEntry.objects.filter(section=section, code=code)
    held = [(row.source, decode(section, row.spec)) for row in rows.filter(in_pack=True)]
    own = [entry for source, entry in held if source == "city"]
    law = [entry for source, entry in held if source != "city"]
    if not held or (change is None and not own):
        raise EntryUnknownError(section=section, id=code, version=0)
    if change is not None and (by := replaced_by(section, code)):
        raise EntryReplacedError(entry=code, by=by)
    new = None
    if change is not None:
        base = _at(own, on) or _at(law, on) or (own or law)[-1]
        last = max(rows.values_list("version", flat=True), default=0)
        declared = max(entry.version for _, entry in held)
        new = _changed(section, base, change, version=max(last, declared) + 1)
        if law:
            new = msgspec.structs.replace(new, replaces=code)
    entries, gone = following(section, own, new, on=on, today=today)
    return EntriesEdit(section, entries, on, key=code, gone=gone)


def _at(versions: list[Any], day: date) -> Any | None:
    """Return the version that counts on a day."""
    counting = [
        entry
        for entry in versions
        if entry.effective_from <= day and (entry.effective_to is None or day < entry.effective_to)
    ]
    return max(counting, key=lambda entry: entry.effective_from, default=None)


def _changed(section: str, base: Any, change: Mapping[str, object], *, version: int) -> Any:
    """Return the entry as it shall read: the city's own decision, whatever it was before."""
    data = {
        **msgspec.to_builtins(base),
        **change,
        "version": version,
        "effective_to": None,
        "confidence": Confidence.LOCAL.value,
        "example": False,
    }
    try:
        found = msgspec.convert(data, KINDS[section], strict=False)
    except msgspec.ValidationError as error:
        path = entry_problem(error).path
        field = str(path[0]) if path else "rule"
        raise EditChoiceError(field=field, value=_value(data, path)) from None
    if not is_sound(found) or not _plain(data):
        raise EditChoiceError(field="rule", value="–")
    return found


def _value(data: object, path: tuple[str | int, ...]) -> str:
    for step in path:
        try:
            data = data[step]  # type: ignore[index]
        except (LookupError, TypeError):
            return "–"
    return "–" if isinstance(data, Mapping | list | tuple) else str(data)[:64] or "–"


def _plain(data: object) -> bool:
    if isinstance(data, str):
        return is_plain(data.replace("\n", " ")) and len(data) <= 2000
    if isinstance(data, Mapping):
        return all(_plain(item) for item in data.values())
    return not isinstance(data, list | tuple) or all(_plain(item) for item in data)
