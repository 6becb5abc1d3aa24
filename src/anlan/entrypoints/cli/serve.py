"""Commands that run the system: ``up``, ``edge``, ``worker``, ``demo``."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import click

from anlan.entrypoints import lifeline
from anlan.entrypoints.cli import screen

WEB_PROCESSES = 2
# So many bodies may be on their way at once in each process; one request is worked on at a time.
READING_AT_ONCE = 64
SHORT_LIFE_S, LONGEST_PAUSE_S = 30.0, 30.0
HEAD_MS = 10_000


class Keeper(threading.Thread):
    """Keep one process alive beside the web server; start it again when it ends."""

    def __init__(self, *command: str) -> None:
        super().__init__(daemon=True, name=f"keeper of {command[0]}")
        self.command = command
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Start the process, and again after each unwanted end; later when it ends at once."""
        pause_s = 1.0
        while not self._stopping.is_set():
            began = time.monotonic()
            command = [sys.executable, "-m", "anlan", *self.command]
            self._child = subprocess.Popen(command)  # noqa: S603  commands of our own
            self._child.wait()
            lived_s = time.monotonic() - began
            pause_s = 1.0 if lived_s > SHORT_LIFE_S else min(2 * pause_s, LONGEST_PAUSE_S)
            self._stopping.wait(pause_s)

    def stop(self) -> None:
        """End the process and wait for it."""
        self._stopping.set()
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self.join(timeout=5)


def _static_folders() -> dict[str, Path]:
    """Return the folders of style sheets and scripts by the route they are served under."""
    from anlan.entrypoints.web import assets

    # Found, not imported: this process answers no request itself.
    ninja = cast("ModuleSpec", find_spec("ninja"))
    folders = {
        "/static/web": assets.WRITTEN,
        "/static/ninja": Path(str(ninja.origin)).parent / "static" / "ninja",
    }
    if assets.BUILT.is_dir():  # made by `make frontend`; pages do without
        folders[assets.ROUTE] = assets.BUILT
    return folders


def serve() -> None:
    """Serve the workspace until told to stop: web processes and one worker."""
    from django.conf import settings
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    from anlan.entrypoints.web.watching.hub import MOST_VIEWERS

    values = settings.ANLAN
    lifeline.hold()
    # The threads mostly wait, for bodies or for news: see entrypoints.web.intake and .watching.hub.
    logging.getLogger("_granian").addFilter(lambda line: "Python threads" not in line.getMessage())
    keepers = [Keeper("worker"), *([Keeper("edge")] if values.edge_port else [])]
    if not values.edge_port and (values.workspace_path / "mqtt.toml").exists():
        keepers.append(Keeper("mqtt", "run"))  # else it is a part of the edge
    for keeper in keepers:
        keeper.start()
    home = f"http://{values.bind}:{values.port}/"
    screen.say(
        f"正在服务：{home}（运行状态） {home}api/docs（接口说明）；按 Ctrl-C 停止。",
        f"Serving {home} (status) and {home}api/docs (interface); Ctrl-C stops it.",
    )
    try:
        folders = _static_folders()
        Granian(
            "anlan.conf.wsgi:application",
            address=values.bind,
            port=int(values.port),
            interface=Interfaces.WSGI,
            workers=WEB_PROCESSES,
            blocking_threads=READING_AT_ONCE + MOST_VIEWERS,
            backlog=1024,
            # Lines that say nothing are let go; while the version of HTTP is open, none would be.
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=HEAD_MS),
            respawn_failed_workers=True,
            log_level=LogLevels.warning,
            static_path_route=list(folders),
            static_path_mount=list(folders.values()),
        ).serve()
    finally:
        # The edge last: what the others still have to keep goes through it.
        for keeper in keepers:
            keeper.stop()


@click.command()
def up() -> None:
    """Serve the workspace: pages, interface, clockwork."""
    screen.open_workspace()
    from anlan.accountability import public as accountability

    accountability.here()  # refuses a folder for checkpoints that cannot be a witness
    serve()


@click.command()
def worker() -> None:
    """Run the clockwork alone (``up`` does this too)."""
    lifeline.end_with_parent()
    screen.open_workspace()
    from django.conf import settings

    from anlan.entrypoints import here, logs
    from anlan.entrypoints import worker as clockwork

    logs.set_up(here.workspace().logs, process="worker", level=settings.ANLAN.log_level)
    clockwork.run()


@click.command()
def edge() -> None:
    """Take readings in at city scale, and write the observation store (``up`` does this too)."""
    lifeline.end_with_parent()
    screen.open_workspace()
    from django.conf import settings

    from anlan.entrypoints import here, logs
    from anlan.entrypoints.edge import serving

    values = settings.ANLAN
    logs.set_up(here.workspace().logs, process="edge", level=values.log_level)
    serving.run(values.bind, int(values.edge_port), limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


@click.command()
@click.option("--no-serve", is_flag=True, help="Stop after the replay.")
def demo(*, no_serve: bool) -> None:
    """Make a demo city if there is none, replay the Zhengzhou rainstorm, and serve."""
    from anlan.entrypoints.cli import demo_city

    demo_city.prepare()

    from anlan.entrypoints import here

    screen.say(
        "正在回放郑州“7·20”特大暴雨……", "Replaying the Zhengzhou rainstorm of 20 July 2021 …"
    )
    command = [sys.executable, "-m", "anlan", "replay", "zhengzhou-2021"]
    ended = subprocess.run(  # noqa: S603
        command, env=dict(os.environ, ANLAN_WORKSPACE=str(here.workspace().root)), check=False
    )
    if ended.returncode != 0:
        sys.exit(ended.returncode)
    if not no_serve:
        serve()
