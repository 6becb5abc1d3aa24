"""What only the outside edge can measure: disk, clocks, heart-beat, and the ways out of the house."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, cast

from django.conf import settings

from anlan.accountability.public import Limits, Probes
from anlan.entrypoints import here
from anlan.entrypoints.mqtt import settings as settings_of_mqtt
from anlan.entrypoints.mqtt import state
from anlan.infra.models import JournalHead, ListenerCursor, ParkedEvent
from anlan.infra.workspace import WorkspaceKind
from anlan.kernel.canonical import instant_text, parse_instant
from anlan.notices.public import (
    ReachRule,
    SmtpSettings,
    Transports,
    WebhookSettings,
    open_transports,
)
from anlan.sensing.public import harmed_files, quarantine_open, seen_apart

log = logging.getLogger(__name__)

BEAT = "worker.beat"
JUDGED = "judge/beat"
FAILING = "worker.failing"
BEAT_LATE = timedelta(seconds=90)
OFTEN = timedelta(minutes=10)  # a door that is used so often is never quiet for half an hour
_started_wall = datetime.now(UTC)
_started_steady = time.monotonic()


def beat(now: datetime, name: str = BEAT) -> None:
    """Write that the clockwork is alive, or that the edge judges; read by other processes."""
    file: Path = here.workspace().root / name
    part = file.with_suffix(".part")
    part.write_text(instant_text(now))
    part.replace(file)


def last_beat(name: str = BEAT) -> datetime | None:
    """Return when the clockwork last said that it is alive; ``None``: never."""
    file: Path = here.workspace().root / name
    try:
        return parse_instant(file.read_text().strip())
    except (OSError, ValueError):
        return None


def clockwork(now: datetime) -> tuple[Literal["well", "silent", "never"], datetime | None]:
    """Return how the clockwork does, and when it last said that it is alive."""
    found = last_beat()
    if found is None:
        return "never", None
    late = here.workspace().kind is WorkspaceKind.LIVE and now - found > BEAT_LATE
    return ("silent" if late else "well"), found


def note_failing(steps: Mapping[str, datetime]) -> None:
    """Write which duties of the clockwork fail, and since when; read by the pages.

    Beside the database on purpose: what fails may be the database.
    """
    file: Path = here.workspace().root / FAILING
    part = file.with_suffix(".part")
    try:
        part.write_text(json.dumps({name: instant_text(at) for name, at in steps.items()}))
        part.replace(file)
    except OSError:  # a full disk: the beat stops too, and the pages say so
        log.exception("cannot note what fails")


def failing() -> dict[str, datetime]:
    """Return which duties of the clockwork fail, and since when."""
    file: Path = here.workspace().root / FAILING
    try:
        return {name: parse_instant(at) for name, at in json.loads(file.read_text()).items()}
    except (OSError, ValueError):
        return {}


_before_start: datetime | None = None


def note_start() -> None:
    """Remember how long the clockwork had been silent before this process took over."""
    global _before_start  # noqa: PLW0603  one clockwork per process
    _before_start = last_beat()


def take(now: datetime, failing_steps: Mapping[str, datetime]) -> Probes:
    """Measure the surroundings of a live workspace once; a rehearsal has none to speak of."""
    global _before_start
    if here.workspace().kind is WorkspaceKind.REHEARSAL:
        return Probes(steps=dict(failing_steps))
    # A silence that ended with this start is reported once, then the present beat counts.
    worker, _before_start = (_before_start or now), None
    return Probes(
        disks={"workspace": disk_share()},
        clock_jump_s=clock_jump_s(),
        beats={"worker": worker, **_beat_of_judge(), **_beat_of_mqtt()},
        doors=doors(now),
        steps=dict(failing_steps),
        intakes=intakes(),
        harmed={item.name: item.fault for item in harmed_files()},
        apart={one.code: one.params for one in seen_apart()},
    )


def intakes() -> dict[str, datetime]:
    """Return since when nothing can come in by MQTT, where that is so: broker by broker, and the store."""
    found = state.read(here.workspace().root)
    if found is None:
        return {}
    down = {f"mqtt {name}": one["since"] for name, one in found["down"].items()}
    waits = [one["since"] for one in found["waits"]]
    return down | ({"mqtt store": min(waits)} if waits else {})


def _beat_of_judge() -> dict[str, datetime | None]:
    """Return when streams were last judged, where another process does so and not the clockwork.

    What is kept and not judged is no calm: nobody else would notice.
    """
    from anlan.warning import public as warning

    return {"judge": last_beat(JUDGED)} if warning.is_judged_elsewhere() else {}


def _beat_of_mqtt() -> dict[str, datetime | None]:
    """Return the last sign of life of what takes readings in by MQTT, where that is asked for."""
    root = here.workspace().root
    if not (root / settings_of_mqtt.FILE).exists():
        return {}
    found = state.read(root)
    return {"mqtt": None if found is None else found["at"]}


def doors(now: datetime) -> dict[str, datetime | None]:
    """Return when something last came through each door that is never quiet for long.

    Readings, where a sensor speaks at least every ten minutes: when all of them are silent it
    is the edge that is down, not the sensors.  What never spoke at all is told sensor by sensor.
    """
    from anlan.registry import public as registry
    from anlan.sensing import public as sensing

    quickest = registry.quickest_sensor(at=now) if registry.is_loaded() else None
    heard = sensing.last_heard().observation
    if heard is None or quickest is None or quickest > OFTEN:
        return {}
    return {"observations": heard}


def glance() -> Probes:
    """Measure what a page can see by itself, without anything having been noted."""
    if here.workspace().kind is WorkspaceKind.REHEARSAL:
        return Probes(steps=failing())
    return Probes(disks={"workspace": disk_share()}, steps=failing(), intakes=intakes())


def limits() -> Limits:
    """Return when a measurement is an ailment, as far as the settings say."""
    return Limits(disk_share=float(settings.ANLAN.disk_alarm))


def transports() -> Transports:
    """Return the ways out that the settings give a live workspace."""
    values = settings.ANLAN
    smtp = None
    if values.smtp_host:
        smtp = SmtpSettings(
            host=values.smtp_host,
            port=int(values.smtp_port),
            user=values.smtp_user,
            password=values.smtp_password,
            tls=cast("Literal['starttls', 'tls', 'none']", values.smtp_tls),
            sender=values.mail_from,
        )
    hosts = frozenset(host.strip() for host in values.webhook_hosts.split(",") if host.strip())
    webhook = WebhookSettings(secret=here.workspace().secret.encode(), reach=ReachRule(hosts=hosts))
    return open_transports(
        here.workspace(), smtp=smtp, webhook=webhook, public_url=values.public_url
    )


def disk_share() -> float:
    """Return the share of the workspace's disk that is in use, 0 to 1."""
    usage = shutil.disk_usage(here.workspace().root)
    return 1 - usage.free / usage.total if usage.total else 0.0


def clock_jump_s() -> float:
    """Return by how many seconds the wall clock was moved since this process began."""
    walked = (datetime.now(UTC) - _started_wall).total_seconds()
    return walked - (time.monotonic() - _started_steady)


def gauge_lines() -> list[str]:
    """Return gauges of the workspace in Prometheus' text form."""
    head = JournalHead.objects.values_list("seq", flat=True).first() or 0
    lines = [
        "# HELP anlan_journal_entries Entries in the journal.",
        "# TYPE anlan_journal_entries gauge",
        f"anlan_journal_entries {head}",
        "# HELP anlan_listener_lag Entries a listener has not heard yet.",
        "# TYPE anlan_listener_lag gauge",
    ]
    for name, seq in ListenerCursor.objects.order_by("listener").values_list("listener", "seq"):
        lines.append(f'anlan_listener_lag{{listener="{name}"}} {head - seq}')
    parked = ParkedEvent.objects.filter(resolved_at__isnull=True).count()
    lines += [
        "# HELP anlan_parked_events Events a listener could not take.",
        "# TYPE anlan_parked_events gauge",
        f"anlan_parked_events {parked}",
        "# HELP anlan_disk_share Share of the workspace's disk in use.",
        "# TYPE anlan_disk_share gauge",
        f"anlan_disk_share {disk_share():.4f}",
    ]
    lines += [
        "# HELP anlan_kept_aside Unreadable messages that wait for a person.",
        "# TYPE anlan_kept_aside gauge",
        f"anlan_kept_aside {quarantine_open()}",
    ]
    last = last_beat()
    if last is not None:
        age = (datetime.now(UTC) - last).total_seconds()
        lines += [
            "# HELP anlan_worker_silence_seconds Time since the clockwork last said it is alive.",
            "# TYPE anlan_worker_silence_seconds gauge",
            f"anlan_worker_silence_seconds {age:.1f}",
        ]
    return lines
