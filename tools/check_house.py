"""Rules of the house that no linter knows: sizes, migrations, generated pages, leaks.

Exit 1 and one line per breach.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES = 400
FUNCTION_LINES = 60  # past 40 a function asks to be split; past this it must be
ONE_FILE_BY_DESIGN = {"anlan_verify.py"}  # handed out alone, to be read alone
NAMED_BY_THE_FRAMEWORK = {"src/anlan/infra/sqlite/base.py"}  # where Django looks for a backend
BANNED_NAMES = {"utils.py", "helpers.py", "common.py", "misc.py", "manager.py", "base.py"}
LOOKED_INTO = (
    ".py", ".md", ".toml", ".yaml", ".lock", ".sh", ".json", ".csv", ".html", ".css", ".xml", ".txt",
)  # fmt: skip
LEAKS = re.compile(
    r"((?<![\w.])/(?:work|root)/|/tmp/bash|https?://[^ \"']*(?:pypi|npmjs|debian)[^ \"']*/)"  # this line is let pass
)


def tracked(*endings: str) -> list[Path]:
    """Return tracked and new files with one of the endings; an empty one stands for none."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],  # noqa: S607
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = [ROOT / line for line in listed.stdout.splitlines()]
    return [path for path in found if path.suffix in endings and path.is_file()]


def sizes(path: Path, text: str) -> Iterator[str]:
    """Files and functions that have grown too long."""
    lines = text.count("\n")
    if lines > FILE_LINES and path.name not in ONE_FILE_BY_DESIGN:
        yield f"{lines} lines; over {FILE_LINES} a file must be split"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{node.name} has {length} lines; over {FUNCTION_LINES} it must be split"
    framework = path.relative_to(ROOT).as_posix() in NAMED_BY_THE_FRAMEWORK
    if path.name in BANNED_NAMES and not framework:
        yield "a name that says nothing: if no better one comes, the code is in the wrong room"


def python_breaches() -> Iterator[str]:
    """Breaches in Python files."""
    for path in tracked(".py"):
        if "migrations" in path.parts:
            continue
        for breach in sizes(path, path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(ROOT)}: {breach}"


def leak_breaches() -> Iterator[str]:
    """Paths of one machine and addresses of registries."""
    for path in tracked("", *LOOKED_INTO):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if LEAKS.search(line) and "let pass" not in line:
                yield f"{path.relative_to(ROOT)}:{number}: names a machine's path or a registry"


def adr_breaches() -> Iterator[str]:
    """Decisions without a status."""
    for path in sorted((ROOT / "docs" / "adr").glob("*.md")):
        if not re.search(r"\*\*Status\*\*: \w+, \d{4}-\d\d-\d\d", path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(ROOT)}: says no status"


def command_breaches() -> Iterator[str]:
    """Migrations and generated pages that are out of step."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANLAN_")}
    environment["DJANGO_SETTINGS_MODULE"] = "anlan.conf.settings"
    environment["ANLAN_WORKSPACE"] = str(ROOT / "var" / "none")
    for name, command in (
        ("migrations", ["-m", "django", "makemigrations", "--check", "--dry-run", "--skip-checks"]),
        ("reference pages", ["tools/write_reference.py", "--check"]),
    ):
        ended = subprocess.run(  # noqa: S603
            [sys.executable, *command], cwd=ROOT, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if ended.returncode:
            yield f"{name} are out of step:\n{ended.stdout}{ended.stderr}"


def main() -> int:
    """Print every breach."""
    breaches = [
        *python_breaches(), *leak_breaches(), *adr_breaches(), *command_breaches(),
    ]  # fmt: skip
    for breach in breaches:
        print(breach)  # noqa: T201
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
