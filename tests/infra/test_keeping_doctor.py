"""The doctor: every fault is found, named, and comes with what to do; nothing is guessed."""

import os
import sqlite3
import time
import tomllib
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from types import SimpleNamespace

import pytest
from aiosmtpd.controller import Controller

from anlan.infra import journal, keeping, workspace
from anlan.infra.keeping import CheckState, Surroundings, upgrading
from anlan.infra.keeping import examining as module
from anlan.infra.keeping.errors import NewerFormatError
from anlan.infra.models import ContentItem, JournalHead
from anlan.infra.workspace import WorkspaceKind
from anlan.kernel.actor import system_actor
from anlan.registry.domain.events import CityRowsLoaded
from tests.infra.kept import a_workspace
from tests.notices.test_mail import free_port

pytestmark = pytest.mark.django_db(databases="__all__")
NOW = datetime.now(UTC)  # noqa: TID251  the doctor compares it with the disk's own clock
ROOMY = SimpleNamespace(total=1 << 40, free=1 << 39)


@pytest.fixture(autouse=True)
def the_present(monkeypatch):
    """The disk's clock goes on while hundreds of other tests run."""
    monkeypatch.setitem(globals(), "NOW", datetime.now(UTC))  # noqa: TID251  as above


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda root: ROOMY)
    return a_workspace(tmp_path / "live")


def examine(place, now=None, **around):
    found = keeping.doctor(place, now=now or NOW, around=Surroundings(**around))
    return {check.code: check for check in found}


def an_entry(at):
    from django.db import transaction

    with transaction.atomic():
        journal.record(CityRowsLoaded(section="areas", rows=0), actor=system_actor("t"), now=at)


def test_a_sound_workspace(place):
    found = examine(place, probes={"segments": list, "ledger": list})
    wrong = {code for code, check in found.items() if check.state is not CheckState.OK}
    assert wrong == {"smtp"}
    assert found["smtp"].state is CheckState.WARN
    assert list(found) == [
        "python", "disk", "keys", "clock", "database.default", "database.contents",
        "migrations", "journal", "contents", "segments", "ledger", "smtp",
    ]  # fmt: skip


def test_every_check_is_worded_in_both_languages(place):
    texts = tomllib.loads(files("anlan.infra.keeping").joinpath("checks.toml").read_text("utf-8"))
    wanted = {f"{lang}_{part}" for lang in ("zh", "en") for part in ("name", "ok", "what", "do")}
    assert all(set(entry) == wanted for entry in texts.values())
    for check in examine(place, probes={"segments": list, "ledger": lambda: ["x"]}).values():
        for language in ("zh", "en", "fr"):
            said = keeping.wording(check, language)
            assert said["what"]
            assert bool(said["do"]) == (check.state is not CheckState.OK)
            unknown = keeping.Check(check.code, CheckState.UNKNOWN, {"problem": "OSError"})
            assert "OSError" in keeping.wording(unknown, language)["what"]


@pytest.mark.parametrize(
    ("used", "free", "state"),
    [
        (0.79, 100, CheckState.OK), (0.81, 100, CheckState.WARN), (0.90, 100, CheckState.FAIL),
        (0.10, 0.5, CheckState.WARN),
    ],
)  # fmt: skip
def test_a_disk_that_fills(place, monkeypatch, used, free, state):
    total = free * (1 << 30) / (1 - used)
    usage = SimpleNamespace(total=total, free=free * (1 << 30) * 0.999999)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda root: usage)
    assert examine(place)["disk"].state is state


def test_keys_that_others_can_read(place):
    (place.keys / "server.secret").chmod(0o640)
    check = examine(place)["keys"]
    assert (check.state, check.params["names"]) == (CheckState.FAIL, "keys/server.secret")
    (place.keys / "server.secret").chmod(0o600)
    place.keys.chmod(0o755)
    assert examine(place)["keys"].state is CheckState.FAIL


def test_a_missing_secret(place):
    (place.keys / "server.secret").unlink()
    assert examine(place)["keys"].params["problem"] == "missing"


def test_a_clock_behind_the_journal(place):
    an_entry(NOW + timedelta(minutes=4))
    assert examine(place)["clock"].state is CheckState.OK
    an_entry(NOW + timedelta(minutes=6))
    assert examine(place)["clock"].params["problem"] == "behind_the_journal"


def test_a_clock_apart_from_the_disk(place):
    assert examine(place, now=NOW + timedelta(hours=1))["clock"].state is CheckState.WARN
    never = datetime(2000, 1, 1, tzinfo=UTC)
    assert examine(place, now=never)["clock"].state is CheckState.FAIL


def test_a_simulated_clock_is_its_own(tmp_path):
    drill = a_workspace(tmp_path / "drill", kind=WorkspaceKind.REHEARSAL)
    found = examine(drill, now=datetime(2021, 7, 20, tzinfo=UTC))
    assert (found["clock"].state, found["smtp"].state) == (CheckState.OK, CheckState.OK)


def test_a_damaged_database(place):
    with place.contents.open("r+b") as file:
        file.write(os.urandom(100))
    found = examine(place)
    assert found["database.contents"].state is CheckState.FAIL
    assert found["database.default"].state is CheckState.OK


def test_a_missing_database_is_not_made(place):
    place.database.unlink()
    assert examine(place)["database.default"].params["problem"] == "missing"
    assert not place.database.exists()


def test_a_gap_in_a_database_file(place):
    with closing(sqlite3.connect(place.database)) as base, base:
        base.execute("DELETE FROM infra_journalentry WHERE seq = 2")
    assert examine(place)["database.default"].params["problem"] == "journal_gap"


def test_a_head_that_does_not_fit_the_entries(place):
    an_entry(NOW)
    assert examine(place)["journal"].state is CheckState.OK
    JournalHead.objects.update(seq=2)
    assert examine(place)["journal"].state is CheckState.FAIL


def test_a_changed_content(place):
    from datetime import date

    from anlan.infra import contents

    purpose = contents.Purpose("test", "test", date(2030, 1, 1))
    ref = contents.put("text", b"as it was", purpose=purpose, now=NOW)
    assert examine(place)["contents"].state is CheckState.OK
    ContentItem.objects.using("contents").filter(pk=ref.id).update(data=b"changed")
    assert examine(place)["contents"].params["count"] == 1


def test_what_another_room_finds(place):
    found = examine(place, probes={"segments": lambda: ["one", "two"], "ledger": list})
    assert (found["segments"].state, found["segments"].params["count"]) == (CheckState.FAIL, 2)


def test_what_cannot_be_checked_says_so_and_the_rest_goes_on(place):
    def broken():
        raise PermissionError("no")

    found = examine(place, probes={"ledger": broken})
    assert found["ledger"].state is CheckState.UNKNOWN
    assert found["ledger"].params["problem"] == "PermissionError"
    assert found["smtp"].state is CheckState.WARN


def test_a_mail_server_that_answers_and_one_that_does_not(place):
    controller = Controller(object(), hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        assert examine(place, smtp=("127.0.0.1", controller.port))["smtp"].state is CheckState.OK
    finally:
        controller.stop()
    began = time.monotonic()
    assert examine(place, smtp=("127.0.0.1", free_port()))["smtp"].state is CheckState.FAIL
    assert time.monotonic() - began < module.MAIL_TIMEOUT_S


def test_migrations_out_of_step(place, monkeypatch):
    monkeypatch.setattr(upgrading, "pending", lambda alias: ["notices.0002_more"])
    check = examine(place)["migrations"]
    assert (check.state, check.params["count"]) == (CheckState.FAIL, 1)

    def newer(alias):
        raise NewerFormatError(found="notices.9999", known="-")

    monkeypatch.setattr(upgrading, "pending", newer)
    assert examine(place)["migrations"].params["count"] == "notices.9999"


def test_nothing_to_upgrade_makes_no_backup(place, tmp_path):
    done = keeping.upgrade(place, backup_to=tmp_path / "b.tar.gz", now=NOW, verify=lambda _: ["x"])
    assert (done.backup, done.applied, done.breaches) == (None, (), ("x",))
    assert not (tmp_path / "b.tar.gz").exists()


@pytest.mark.parametrize("name", ["anlan.sqlite3", "contents.sqlite3"])
def test_a_database_that_was_lost_and_made_anew_by_looking_is_not_sound(place, name):
    for file in place.root.glob(f"{name}*"):
        file.unlink()
    (place.root / name).touch()
    code = "database.default" if name.startswith("anlan") else "database.contents"
    found = examine(place)[code]
    assert (found.state, found.params["problem"]) == (CheckState.FAIL, "empty")


def test_a_workspace_of_a_later_format_is_not_opened(tmp_path):
    from anlan.kernel.errors import ConflictError

    place = workspace.create(tmp_path / "live", kind=WorkspaceKind.LIVE)
    file = place.root / workspace.FILE
    file.write_text(file.read_text().replace("format = 1", "format = 2"))
    with pytest.raises(ConflictError):
        workspace.load(place.root)
