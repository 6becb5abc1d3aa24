"""A sender that can be killed at any step.

python -m tests.notices.sender prepare WORKSPACE         a workspace with one message to send
python -m tests.notices.sender send WORKSPACE PORT SHIFT  send at noon plus SHIFT seconds
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path


def set_up(root: Path) -> None:
    os.environ["ANLAN_WORKSPACE"] = str(root)
    os.environ["DJANGO_SETTINGS_MODULE"] = "anlan.conf.settings"
    import django

    django.setup()


def prepare(root: Path) -> None:
    from anlan.infra.workspace import WorkspaceKind, create

    create(root, kind=WorkspaceKind.LIVE)
    set_up(root)
    from anlan.entrypoints import founding
    from tests.notices import city

    founding.migrate()

    city.load()
    city.tell("commander", urgency="urgent")


def send(root: Path, port: int, shift_s: int) -> None:
    set_up(root)
    from django.conf import settings

    from anlan.notices import public as notices
    from tests.notices.city import NOON

    smtp = notices.SmtpSettings(host="127.0.0.1", port=port, tls="none", timeout_s=5.0)
    ways = notices.open_transports(settings.WORKSPACE, smtp=smtp, webhook=None)
    notices.send_due(now=NOON + timedelta(seconds=shift_s), transports=ways)


if __name__ == "__main__":
    what, folder, *rest = sys.argv[1:]
    if what == "prepare":
        prepare(Path(folder))
    else:
        send(Path(folder), *(int(word) for word in rest))
