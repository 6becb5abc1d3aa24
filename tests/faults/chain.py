"""One run of the whole chain, as a program that can be killed at any step.

    python -m tests.faults.chain prepare WORKSPACE   make the workspace with the demo city
    python -m tests.faults.chain run WORKSPACE       signs in, judged, owned, told, sealed
    python -m tests.faults.chain verify WORKSPACE    run once more as clients would, then prove
    python -m tests.faults.chain race WORKSPACE      run it in two processes at the same time
    python -m tests.faults.chain turns WORKSPACE FAILPOINT...   run it once with each, print the ends
    python -m tests.faults.chain each PREPARED FAILPOINT...     break and prove a copy for each

Every acknowledged answer is written to ``acknowledged.jsonl`` before the next call,
as a client would note it.  The time is the script's own; nothing sleeps.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 7, 20, 2, 0, tzinfo=UTC)
TEXTS = ("人行道积水很深", "桥下积水，车熄火了", "地下车库进水")


def set_up(root: Path) -> None:
    """Point Django at the workspace."""
    os.environ["ANLAN_WORKSPACE"] = str(root)
    os.environ["DJANGO_SETTINGS_MODULE"] = "anlan.conf.settings"
    import django

    django.setup()


def prepare(root: Path) -> None:
    """Make the workspace, its tables, the city and a token."""
    from anlan.infra.workspace import WorkspaceKind, create

    create(root, kind=WorkspaceKind.LIVE, timezone="Asia/Shanghai")
    set_up(root)
    from anlan.entrypoints import founding
    from anlan.kernel.actor import system_actor
    from anlan.registry import public as registry
    from tests.cities import load_demo

    founding.migrate()
    load_demo(START)
    actor = system_actor("test")
    account = registry.create_account(
        actor,
        "desk",
        "duty_officer",
        post=registry.city().commander_post,
        areas=("",),
        now=START,
    )
    _, secret = registry.issue_token(
        actor, account, None, None, START + timedelta(days=30), now=START
    )
    (root / "token").write_text(secret)


class Standing:
    """A clock that stands where the script puts it."""

    instant = START

    def now(self) -> datetime:
        """Return the script's time."""
        return self.instant


class NotingMail:
    """A mail server that only notes what it was handed."""

    def __init__(self, file: Path) -> None:
        from anlan.notices.domain.words import Channel

        self.channel = Channel.EMAIL
        self._file = file

    def place_of(self, address: str) -> str:
        """Return the one server there is."""
        return "here"

    def send(self, message: object) -> object:
        """Note the key of a message, durably, as a server does before it says yes."""
        from anlan.notices.domain.outgoing import SENT

        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{message.key}\n")
            file.flush()
            os.fsync(file.fileno())
        return SENT


class Chain:
    """The doors and the clockwork, driven by one script."""

    def __init__(self, root: Path) -> None:
        from django.conf import settings
        from django.test import Client

        from anlan.entrypoints import clock

        settings.ALLOWED_HOSTS.append("testserver")
        self.root = root
        self.clock = Standing()
        clock._current = self.clock
        secret = (root / "token").read_text()
        self.client = Client(headers={"Authorization": f"Bearer {secret}"})
        self.noted = (root / "acknowledged.jsonl").open("a", encoding="utf-8")

    def send(self, path: str, body: bytes, kind: str, key: str) -> dict:
        """Send one sign and note the acknowledgement."""
        answer = self.client.post(
            f"/api/v1/{path}", data=body, content_type=kind, headers={"Idempotency-Key": key}
        )
        if answer.status_code >= 300:
            raise SystemExit(f"{path}: {answer.status_code} {answer.content.decode()}")
        said = answer.json()
        self.noted.write(json.dumps({"path": path, "key": key, "said": said}) + "\n")
        self.noted.flush()
        os.fsync(self.noted.fileno())
        return said

    def tick(self, minutes: float) -> None:
        """Let the clockwork run at so many minutes after the start."""
        from anlan.entrypoints import worker

        self.clock.instant = max(self.clock.instant, START + timedelta(minutes=minutes))
        worker.tick(now=self.clock.now())

    def run(self) -> None:
        """Run the chain once."""
        from tests.cap import a_signal

        for number, text in enumerate(TEXTS):
            body = json.dumps(
                {"text": text, "lat": 34.75, "lon": 113.64, "contact": {"phone": "000"}}
            )
            self.send("reports", body.encode(), "application/json", f"report-{number}")
        self.tick(0)
        rows = [
            {"stream": sensor, "at": (START + timedelta(minutes=m)).isoformat(), "value": 1.0}
            for sensor in self.streams()
            for m in range(3)
        ]
        body = json.dumps({"observations": rows}).encode()
        self.send("observations", body, "application/json", "observations-1")
        self.send("signals", a_signal("blue", START), "application/xml", "signal-1")
        for minutes in (0.1, 2, 20):
            self.tick(minutes)
        self.put_away()

    def put_away(self) -> None:
        """Send what waits in the outbox, and seal the readings of the first hour."""
        from anlan.notices import public as notices
        from anlan.notices.channels import Transports
        from anlan.sensing import public as sensing

        mail = NotingMail(self.root / "mailed.txt")
        ways = Transports(rehearsal=False, by_channel={mail.channel: mail})
        for minutes in (62, 73, 84, 95):  # what a dead sender claimed is free again after ten
            now = START + timedelta(minutes=minutes)
            while notices.send_due(now=now, transports=ways).sent:
                pass
        sensing.seal_segments(now=now)

    def streams(self) -> list[str]:
        """Return two streams of the city."""
        from anlan.registry import public as registry

        return sorted(sensor.code for sensor in registry.sensors(at=START))[:2]


def told_of_the_city(root: Path) -> dict:
    """Count cases and what people are told, apart from what the system says of itself.

    Begun anew behind the journal its clock is sick, an outbox that a kill held up may be sick
    twice or not at all, and a step that a failpoint broke is sick too.  What is told of the
    city must be there once, whatever was killed.
    """
    from django.db.models import Q

    from anlan.notices.models import Delivery, Notice
    from anlan.response.models import Case

    sick = Case.objects.filter(cause__startswith="sick:").values_list("pk", flat=True)
    of_itself = Notice.objects.filter(
        Q(subject__startswith="system.sick.") | Q(about__in=[f"case:{pk}" for pk in sick])
    )
    mails = Delivery.objects.filter(channel="email")
    keys_of_itself = set(mails.filter(notice__in=of_itself).values_list("key", flat=True))
    noted = set((root / "mailed.txt").read_text(encoding="utf-8").split())
    return {
        "cases": Case.objects.exclude(pk__in=sick).count(),
        "notices": Notice.objects.exclude(pk__in=of_itself).count(),
        "mails": mails.exclude(notice__in=of_itself).count(),
        "mailed": len(noted - keys_of_itself),
    }


def verify(root: Path) -> dict:
    """Repeat the calls as their clients would, then prove that nothing was lost or doubled."""
    from django.db.models import Count

    from anlan.accountability import public as accountability
    from anlan.infra import contents
    from anlan.infra.models import JournalEntry, ParkedEvent
    from anlan.notices.models import Delivery
    from anlan.response.models import CaseFollower
    from anlan.sensing import public as sensing
    from anlan.sensing.models import Report, Segment, Signal
    from anlan.sensing.services.hands import reader
    from anlan.warning.models import AlertInstance

    chain = Chain(root)
    chain.run()
    chain.tick(22)
    chain.put_away()
    lines = (root / "acknowledged.jsonl").read_text(encoding="utf-8").splitlines()
    said = [json.loads(line) for line in lines]
    promised = {one["said"]["number"] for one in said if one["path"] == "reports"}
    by_key: dict[str, set[str]] = {}
    for one in said:
        by_key.setdefault(one["key"], set()).add(json.dumps(one["said"], sort_keys=True))
    doubled = (
        AlertInstance.objects.values("rule", "subject").annotate(n=Count("id")).filter(n__gt=1)
    )
    return {
        "lost": sorted(promised - set(Report.objects.values_list("number", flat=True))),
        "reports": Report.objects.count(),
        "signals": Signal.objects.count(),
        "answers_differ": sorted(key for key, answers in by_key.items() if len(answers) > 1),
        "alerts_doubled": list(doubled.values_list("rule", flat=True)),
        "alerts": AlertInstance.objects.count(),
        "reports_without_case": sum(
            not CaseFollower.objects.filter(sign=f"report:{pk}").exists()
            for pk in Report.objects.values_list("pk", flat=True)
        ),
        "segments": Segment.objects.count(),
        "readings_left": reader().waiting_rows(),
        "unsent": Delivery.objects.filter(channel="email").exclude(state="sent").count(),
        **told_of_the_city(root),
        "parked": ParkedEvent.objects.count(),
        "rebuild": [str(item) for item in accountability.rebuild()],
        "ledger": [str(item) for item in accountability.verify().findings],
        "breaches": [str(item) for item in accountability.watch(now=chain.clock.now())],
        "contents": [str(item) for item in contents.verify()],
        "segment_faults": [str(item) for item in sensing.verify_segments()],
        "gaps": JournalEntry.objects.count()
        - (JournalEntry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0),
    }


def race(root: Path) -> None:
    """Let two clients send the same, and two clockworks tick, at the same moments."""
    get_ready(root)
    ready, go = os.pipe()
    children = []
    for _ in range(2):
        pid = os.fork()  # no connection is open yet
        if pid == 0:
            os.close(go)
            os.read(ready, 1)
            try:
                Chain(root).run()
            except BaseException:  # noqa: BLE001  a child must never come back to its parent's code
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(pid)
    os.close(ready)
    os.close(go)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    if any(codes):
        raise SystemExit(f"a racer ended with {codes}")


def in_a_child(work: Callable[[], None]) -> int:
    """Do ``work`` in a process of its own and return how that ended; no connection is open yet."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001  a child must never come back to its parent's code
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def broken(root: Path, failpoint: str) -> int:
    """Run the chain in a child with ``failpoint`` armed; return how it ended."""
    from anlan.infra import failpoints

    def run() -> None:
        failpoints.arm(failpoint)
        Chain(root).run()

    return in_a_child(run)


def turns(root: Path, failpoints_to_arm: list[str]) -> list[int]:
    """Run the chain again and again, each time in a fresh process with another failpoint armed."""
    get_ready(root)
    return [broken(root, spec) for spec in failpoints_to_arm]


def get_ready(root: Path) -> None:
    """Load everything once, before the children begin: a start costs seconds."""
    set_up(root)
    for module in ("anlan.conf.urls", "anlan.entrypoints.worker", "anlan.warning.columns"):
        importlib.import_module(module)


def each(prepared: Path, failpoints_to_arm: list[str]) -> list[dict]:
    """Break a fresh copy of the workspace at each failpoint, then prove it.

    All copies lie in one place in turn, so that what is loaded serves them all.
    """
    place = Path(tempfile.mkdtemp(prefix="broken-"))
    root, proof = place / "workspace", place / "proof.json"
    shutil.copytree(prepared, root)  # the settings read it
    get_ready(root)
    found = []
    for spec in failpoints_to_arm:
        shutil.rmtree(place)  # checkpoints lie beside the workspace
        shutil.copytree(prepared, root)
        code = broken(root, spec)
        proved = in_a_child(lambda: write_proof(root, proof))
        found.append(
            {"failpoint": spec, "ended": code, "proved": proved}
            | ({"found": json.loads(proof.read_text())} if proof.exists() else {})
        )
    shutil.rmtree(place)
    return found


def write_proof(root: Path, file: Path) -> None:
    """Write what :func:`verify` finds."""
    file.write_text(json.dumps(verify(root)))


def main() -> None:
    """Do what the command line says."""
    what, root = sys.argv[1], Path(sys.argv[2])
    if what == "prepare":
        prepare(root)
        return
    if what == "turns":
        sys.stdout.write(json.dumps(turns(root, sys.argv[3:])))
        return
    if what == "each":
        sys.stdout.write(json.dumps(each(root, sys.argv[3:])))
        return
    if what == "race":
        race(root)
        return
    set_up(root)
    if what == "run":
        chain = Chain(root)
        chain.run()
        from anlan.infra import failpoints

        sys.stdout.write(json.dumps(failpoints.traced()))
    else:
        sys.stdout.write(json.dumps(verify(root), ensure_ascii=False))


if __name__ == "__main__":
    main()
