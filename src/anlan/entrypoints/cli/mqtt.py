"""Commands of MQTT: ``mqtt run``, ``mqtt check``."""

from __future__ import annotations

import signal
import sys
import threading

import click

from anlan.entrypoints import lifeline
from anlan.entrypoints.cli import screen


@click.group()
def mqtt() -> None:
    """Readings over MQTT: the city's broker, and a door for devices."""


@mqtt.command("run")
def run() -> None:
    """Take readings in by MQTT, as ``mqtt.toml`` says (``up`` does this too)."""
    lifeline.end_with_parent()
    screen.open_workspace()
    from django.conf import settings as django_settings

    from anlan.entrypoints import clock, here, logs
    from anlan.entrypoints.lease import Lease
    from anlan.entrypoints.mqtt import settings
    from anlan.entrypoints.mqtt.running import Mqtt

    root = here.workspace().root
    logs.set_up(here.workspace().logs, process="mqtt", level=django_settings.ANLAN.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Lease(root, "mqtt.lock") as lease:
        while not lease.take():  # another one serves this workspace
            if stop.wait(1.0):
                return
        found = settings.load(root)
        if found is None:
            raise settings.MqttSettingsError(where=settings.FILE, problem="there is no such file")
        base = django_settings.ANLAN.public_url.rstrip("/") + "/sta/v1.1"
        running = Mqtt(found, root, clock=clock.now, base=base)
        port = running.door.port if running.door is not None else 0
        screen.say(
            f"MQTT 正在运行（端口 {port or '–'}）。", f"MQTT is running (port {port or '–'})."
        )
        stop.wait()
        running.close()


@mqtt.command("check")
def check() -> None:
    """Read ``mqtt.toml``, and try a connection to each broker; nothing is changed anywhere.

    Exit code 1 when something is wrong.
    """
    screen.open_workspace()
    from anlan.entrypoints import clock, here
    from anlan.entrypoints.mqtt import checking

    findings = checking.check(here.workspace().root, clock=clock.now)
    for one in findings:
        screen.say(f"{'✓' if one.good else '✗'} {one.zh}", f"{'✓' if one.good else '✗'} {one.en}")
    if not all(one.good for one in findings):
        sys.exit(1)
