"""Upgrade a real workspace that lacks a migration; print what happened as JSON.

python -m tests.infra.upgrader FOLDER
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def main(folder: Path) -> dict[str, object]:
    from anlan.infra import workspace

    place = workspace.create(folder / "live", kind=workspace.WorkspaceKind.LIVE)
    os.environ["ANLAN_WORKSPACE"] = str(place.root)
    os.environ["DJANGO_SETTINGS_MODULE"] = "anlan.conf.settings"
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import DatabaseError, connections

    from anlan.infra import keeping, tables
    from anlan.infra.keeping.errors import NewerFormatError, UpgradeFailedError

    for alias in tables.ALIASES:
        tables.bring_in_step(alias)
    call_command("migrate", "notices", "zero", verbosity=0, interactive=False)

    def upgrade(name: str) -> keeping.Upgraded:
        return keeping.upgrade(place, backup_to=folder / name, now=NOW, verify=lambda _: [])

    said: dict[str, object] = {}

    def failing(*_: object, **__: object) -> None:
        raise DatabaseError("broken half-way")

    real, tables.call_command = tables.call_command, failing
    try:
        upgrade("failed.tar.gz")
    except UpgradeFailedError as error:
        said["failed"] = error.params["backup"]
    tables.call_command = real
    said["applied"] = upgrade("first.tar.gz").applied
    said["again"] = upgrade("second.tar.gz").applied
    back = keeping.restore(folder / "first.tar.gz", folder / "back")
    said["back"] = back.workspace.id == place.id
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('notices', '0999_later', %s)",
            [NOW],
        )
    try:
        upgrade("third.tar.gz")
    except NewerFormatError as error:
        said["newer"] = error.params["found"]
    for file in (place.database, place.contents):
        connections.close_all()
        file.rename(file.with_suffix(".lost"))
        try:
            upgrade("fourth.tar.gz")
        except workspace.WorkspaceDamagedError as error:
            said[f"lost {file.name}"] = error.params["file"]
        connections.close_all()
        file.with_suffix(".lost").replace(file)
    said["files"] = sorted(path.name for path in folder.iterdir())
    return said


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
