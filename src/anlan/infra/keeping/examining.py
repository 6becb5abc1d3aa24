"""Examine a workspace from the outside in: each check says what it found and what to do."""

from __future__ import annotations

import os
import shutil
import smtplib
import stat
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from anlan.infra.keeping.databases import Database, SqliteFile, sqlite_faults
from anlan.infra.keeping.saving import Databases, own_databases
from anlan.infra.workspace import Workspace, WorkspaceKind
from anlan.kernel.catalogues import words_of
from anlan.kernel.errors import AnlanError

OLDEST_PYTHON = (3, 11)
MIN_FREE_BYTES = 1 << 30
CLOCK_SLACK = timedelta(minutes=5)
PROJECT_BEGAN = datetime(2025, 1, 1, tzinfo=UTC)  # a clock before it was never set
MAIL_TIMEOUT_S = 5.0


class CheckState(StrEnum):
    """What a check came to."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"  # it could not be checked: never the same as "fine"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of the doctor (体检项)."""

    code: str
    state: CheckState
    params: Mapping[str, object] = field(default_factory=dict)


#: A proof that another room knows how to make; returns what is wrong.
Probe = Callable[[], Sequence[object]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the doctor is told of the world around the workspace."""

    databases: Databases | None = None
    disk_alarm: float = 0.90
    smtp: tuple[str, int] | None = None
    probes: Mapping[str, Probe] = field(default_factory=dict)  # "segments", "ledger"


def doctor(place: Workspace, *, now: datetime, around: Surroundings | None = None) -> list[Check]:
    """Examine a workspace; every check answers, also when another one cannot."""
    around = around or Surroundings()
    databases = around.databases or own_databases(place)
    steps: list[tuple[str, Callable[[], Check]]] = [
        ("python", _python),
        ("disk", lambda: _disk(place, around.disk_alarm)),
        ("keys", lambda: _keys(place)),
        ("clock", lambda: _clock(place, databases["default"], now=now)),
    ]
    steps += [
        (f"database.{alias}", _database_step(alias, base)) for alias, base in databases.items()
    ]
    steps += [("migrations", _migrations), ("journal", _journal), ("contents", _contents)]
    steps += [(name, _probe_step(name, probe)) for name, probe in around.probes.items()]
    steps.append(("smtp", lambda: _smtp(place, around.smtp)))
    return [_guarded(code, step) for code, step in steps]


def _guarded(code: str, step: Callable[[], Check]) -> Check:
    try:
        return step()
    except Exception as error:  # noqa: BLE001  the reason is reported: "could not check"
        return Check(code, CheckState.UNKNOWN, {"problem": type(error).__name__})


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    good = sys.version_info[:2] >= OLDEST_PYTHON
    return Check("python", CheckState.OK if good else CheckState.FAIL, {"version": version})


def _disk(place: Workspace, alarm: float) -> Check:
    usage = shutil.disk_usage(place.root)
    share = 1 - usage.free / usage.total if usage.total else 1.0
    state = CheckState.OK
    if share >= alarm:
        state = CheckState.FAIL
    elif share >= alarm - 0.10 or usage.free < MIN_FREE_BYTES:
        state = CheckState.WARN
    params = {"share": f"{share:.0%}", "free_gib": f"{usage.free / (1 << 30):.1f}"}
    return Check("disk", state, params)


def _keys(place: Workspace) -> Check:
    """Keys belong to whoever runs the workspace, and nobody else may read them."""
    found = [place.keys, *sorted(place.keys.rglob("*"))]
    open_to_others = [
        path.relative_to(place.root).as_posix()
        for path in found
        if stat.S_IMODE(path.lstat().st_mode) & 0o077
    ]
    if not (place.keys / "server.secret").is_file():
        return Check("keys", CheckState.FAIL, {"names": "keys/server.secret", "problem": "missing"})
    if open_to_others:
        names = ", ".join(open_to_others[:5])
        return Check("keys", CheckState.FAIL, {"names": names, "problem": "open_to_others"})
    if any(path.stat().st_uid != os.geteuid() for path in found):
        return Check("keys", CheckState.WARN, {"names": "keys", "problem": "other_owner"})
    return Check("keys", CheckState.OK, {"names": str(len(found) - 1), "problem": ""})


def _clock(place: Workspace, base: Database, *, now: datetime) -> Check:
    """The clock never stands before the journal's last entry, nor apart from the disk's."""
    if place.kind is WorkspaceKind.REHEARSAL:
        return Check("clock", CheckState.OK, {"problem": "simulated"})
    if now < PROJECT_BEGAN:
        return Check("clock", CheckState.FAIL, {"problem": "never_set"})
    last = _last_entry_at(base)
    if last is not None and last > now + CLOCK_SLACK:
        return Check("clock", CheckState.FAIL, {"problem": "behind_the_journal"})
    with tempfile.NamedTemporaryFile(dir=place.root, prefix=".clock-", suffix=".part") as touched:
        on_disk = datetime.fromtimestamp(os.fstat(touched.fileno()).st_mtime, UTC)
    if abs(on_disk - now) > CLOCK_SLACK:
        return Check("clock", CheckState.WARN, {"problem": "apart_from_the_disk"})
    return Check("clock", CheckState.OK, {"problem": ""})


def _last_entry_at(base: Database) -> datetime | None:
    from anlan.infra.models import JournalEntry

    if isinstance(base, SqliteFile) and not base.path.exists():
        return None
    found = JournalEntry.objects.order_by("-seq").values_list("at", flat=True).first()
    return found if isinstance(found, datetime) else None


def _database_step(alias: str, base: Database) -> Callable[[], Check]:
    def step() -> Check:
        code = f"database.{alias}"
        if not isinstance(base, SqliteFile):
            faults = base.faults()
        elif not base.path.exists():
            faults = ["missing"]
        else:
            faults = sqlite_faults(base.path)
        state = CheckState.FAIL if faults else CheckState.OK
        return Check(code, state, {"problem": ", ".join(faults)})

    return step


def _migrations() -> Check:
    from anlan.infra.keeping.upgrading import pending
    from anlan.infra.tables import ALIASES

    try:
        missing = [name for alias in ALIASES for name in pending(alias)]
    except AnlanError as newer:
        return Check("migrations", CheckState.FAIL, {"count": str(newer.params.get("found", ""))})
    count = len(set(missing))
    return Check("migrations", CheckState.FAIL if count else CheckState.OK, {"count": count})


def _journal() -> Check:
    """Entries are numbered from 1 to the head without a gap; nothing is parked."""
    from django.db.models import Count, Max

    from anlan.infra.models import JournalEntry, JournalHead, ParkedEvent

    figures = JournalEntry.objects.aggregate(count=Count("seq"), last=Max("seq"))
    head = JournalHead.objects.values_list("seq", flat=True).first()
    if head is None or figures["count"] != head or (figures["last"] or 0) != head:
        params = {"head": head, "count": figures["count"], "parked": 0}
        return Check("journal", CheckState.FAIL, params)
    parked = ParkedEvent.objects.filter(resolved_at__isnull=True).count()
    state = CheckState.WARN if parked else CheckState.OK
    return Check("journal", state, {"head": head, "count": head, "parked": parked})


def _contents() -> Check:
    from anlan.infra import contents

    wrong = contents.verify()
    return Check("contents", CheckState.FAIL if wrong else CheckState.OK, {"count": len(wrong)})


def _probe_step(name: str, probe: Probe) -> Callable[[], Check]:
    def step() -> Check:
        wrong = probe()
        state = CheckState.FAIL if wrong else CheckState.OK
        return Check(name, state, {"count": len(wrong)})

    return step


def _smtp(place: Workspace, address: tuple[str, int] | None) -> Check:
    if place.kind is WorkspaceKind.REHEARSAL:
        return Check("smtp", CheckState.OK, {"problem": "rehearsal"})
    if address is None:
        return Check("smtp", CheckState.WARN, {"problem": "not_set"})
    host, port = address
    try:
        with smtplib.SMTP(host, port, local_hostname="anlan", timeout=MAIL_TIMEOUT_S) as server:
            server.ehlo()
    except (OSError, smtplib.SMTPException) as error:
        return Check("smtp", CheckState.FAIL, {"problem": type(error).__name__})
    return Check("smtp", CheckState.OK, {"problem": ""})


def wording(check: Check, language: str) -> dict[str, str]:
    """Return ``{"what", "do"}`` of a check in "zh" or "en"; ``do`` is empty when all is well."""
    lang = language if language in {"zh", "en"} else "en"
    catalogued = words_of("anlan.infra.keeping", "checks.toml")
    texts = catalogued[check.code]
    params = {name: str(value) for name, value in check.params.items()}
    if check.state is CheckState.UNKNOWN:
        texts = catalogued["unknown"]
        params["name"] = catalogued[check.code][f"{lang}_name"]
    what = texts[f"{lang}_ok"] if check.state is CheckState.OK else texts[f"{lang}_what"]
    do = "" if check.state is CheckState.OK else texts[f"{lang}_do"]
    return {"what": what.format_map(params), "do": do.format_map(params)}
