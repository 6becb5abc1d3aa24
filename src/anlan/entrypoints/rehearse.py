"""Opening a rehearsal: its own workspace, its own clock, and the real doors in this process."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from anlan.entrypoints import founding
from anlan.infra.workspace import FILE, WorkspaceKind
from anlan.kernel.errors import ConflictError
from anlan.learning.domain.doors import Reply


class NotARehearsalError(ConflictError):
    """The folder for a replay holds something else, which must not be removed."""

    code = "replay.folder_taken"


class WsgiDoor:
    """The whole application, called without a socket: every request passes all of it."""

    def __init__(self) -> None:
        from django.core.wsgi import get_wsgi_application

        self._application = get_wsgi_application()

    def __call__(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request and return the answer."""
        address, _, query = path.partition("?")
        environ: dict[str, object] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": address,
            "QUERY_STRING": query,
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
        }
        for name, value in (headers or {}).items():
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        status: list[int] = []

        def begin(
            line: str, _headers: list[tuple[str, str]], _error: object = None, /
        ) -> Callable[[bytes], object]:
            status.append(int(line.split(" ", 1)[0]))
            return lambda _part: None

        answer = self._application(environ, begin)
        try:
            content = b"".join(answer)
        finally:
            close = getattr(answer, "close", None)
            if close is not None:
                close()
        return Reply(status=status[0], body=content)


def open_rehearsal(root: Path, *, timezone: str) -> None:
    """Make a fresh rehearsal workspace at ``root`` and let this process serve it.

    An older rehearsal there is removed; anything else is left alone and refused.
    """
    if root.exists() and any(root.iterdir()):
        file = root / FILE
        if not file.exists() or f'kind = "{WorkspaceKind.REHEARSAL.value}"' not in file.read_text():
            raise NotARehearsalError(path=root.name)
        shutil.rmtree(root)
        # Its signed checkpoints speak of a ledger that is gone: the new one would look forged.
        shutil.rmtree(root.with_name(f"{root.name}-checkpoints"), ignore_errors=True)
    founding.found(root, kind=WorkspaceKind.REHEARSAL, timezone=timezone)
    # A rehearsal never works on the live city's databases, whatever the environment says.
    for name in (
        "ANLAN_DATABASE_URL",
        "ANLAN_CONTENTS_URL",
        "ANLAN_SMTP_HOST",
        "ANLAN_CHECKPOINTS",
    ):
        os.environ.pop(name, None)
    os.environ["ANLAN_WORKSPACE"] = str(root)
    import django

    django.setup()
    founding.migrate()
