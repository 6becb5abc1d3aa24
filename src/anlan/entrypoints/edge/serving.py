"""How the edge begins and ends: the store's lock first, the port second; and the other way round."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import signal
from collections.abc import Callable

from django.conf import settings
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from anlan.entrypoints import clock, here
from anlan.entrypoints.edge.credentials import Credentials
from anlan.entrypoints.edge.door import Door
from anlan.entrypoints.edge.judging import Judging
from anlan.entrypoints.mqtt.running import Mqtt, begin_within
from anlan.entrypoints.senders import LOOK_S, Senders
from anlan.infra.cycles import leave_what_stays
from anlan.sensing import public as sensing

log = logging.getLogger(__name__)
CONNECTIONS = 4_096
OWN_FILES = 1_024
"""Files that the edge opens for itself: the log, segments, databases, checkpoints."""
HEAD_S = 10.0
"""How long a connection may take to say what it wants, the first time and again."""
ENDING_S = 15.0


async def serve(address: str, port: int, *, limit: int) -> None:
    """Serve until told to stop (SIGTERM, SIGINT).

    What was taken in is answered before it ends.

    Raises
    ------
    ConflictError
        When another edge serves this workspace.
    """
    gatherer = await asyncio.to_thread(_begin)
    judging = Judging()
    judging.start()
    senders = Senders()
    mqtt = await asyncio.to_thread(_begin_mqtt, gatherer, senders)
    credentials = Credentials(senders)
    door = Door(gatherer, credentials, judging, limit=limit)
    lines = mqtt.most_lines if mqtt is not None else 0
    server = Server(
        door,
        address=address,
        port=port,
        interface=Interfaces.RSGI,
        backlog=1_024,
        backpressure=connections_within(raise_open_files(lines), lines),
        # Whoever says nothing is let go; while the version of HTTP is not known, nobody would be.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=int(HEAD_S * 1000)),
        websockets=False,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(server.serve())
    tending = asyncio.create_task(_tend(gatherer, credentials, stop))
    try:
        ended = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            server.stop()  # type: ignore[no-untyped-call]
            await _without_requests(door)
        await asyncio.wait_for(serving, ENDING_S)
    finally:
        stop.set()
        tending.cancel()
        ends = [gatherer.close, judging.stop, sensing.let_go, credentials.close]
        await end_all(*([mqtt.close] if mqtt is not None else []), *ends)


async def end_all(*ends: Callable[[], None]) -> None:
    """Call each in its turn, also when one before it fails; what failed is raised afterwards."""
    async with contextlib.AsyncExitStack() as ending:
        for end in reversed(ends):
            ending.push_async_callback(asyncio.to_thread, end)


def raise_open_files(lines: int) -> int:
    """Raise the bound of open files to what ``lines`` of MQTT and the rest may need; return the bound.

    Most systems begin with 1,024: as many silent connections, and no commit could open its file.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + lines + OWN_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    most = max(soft, wanted if hard == resource.RLIM_INFINITY else min(wanted, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        log.warning("few files may be open at once", extra={"bound": most, "wanted": wanted})
    return most


def connections_within(files: int, lines: int) -> int:
    """Return how many connections may be open at once, so that files are left for what they bring."""
    return min(CONNECTIONS, max(files // 4, files - OWN_FILES - lines))


def _begin() -> sensing.Gatherer:
    return sensing.Gatherer(sensing.begin_writing(), now=clock.now())


def _begin_mqtt(gatherer: sensing.Gatherer, senders: Senders) -> Mqtt | None:
    base = settings.ANLAN.public_url.rstrip("/") + "/sta/v1.1"
    root = here.workspace().root
    return begin_within(root, clock=clock.now, base=base, gatherer=gatherer, senders=senders)


async def _without_requests(door: Door) -> None:
    """Wait until what was begun is answered."""
    end = asyncio.get_running_loop().time() + ENDING_S
    while door.answering and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.01)


async def _tend(gatherer: sensing.Gatherer, credentials: Credentials, stop: asyncio.Event) -> None:
    """Look at the accounts and the registry, again and again."""
    refreshing: asyncio.Future[None] | None = None
    while not stop.is_set():
        try:
            await credentials.look()
        except Exception:  # until it succeeds again, nobody is answered by memory
            log.exception("cannot look at the accounts")
        if refreshing is None or refreshing.done():
            refreshing = asyncio.ensure_future(_refresh(gatherer))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_S)


async def _refresh(gatherer: sensing.Gatherer) -> None:
    try:
        await asyncio.to_thread(gatherer.refresh, now=clock.now())
    except Exception:  # what was known goes on to count
        log.exception("cannot look at the registry")


def run(address: str, port: int, *, limit: int) -> None:
    """Run the edge in this process."""
    # Its warning that embedding is new is not for whoever runs a city.
    logging.getLogger("_granian").setLevel(logging.ERROR)
    leave_what_stays()
    asyncio.run(serve(address, port, limit=limit))
