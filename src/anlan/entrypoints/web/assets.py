"""Scripts and styles that are built (``make frontend``): their names carry a hash of what they hold.

Where nothing was built, pages do without and say so.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

WRITTEN = Path(__file__).parent / "static" / "web"
BUILT = Path(__file__).parent / "static" / "built"
ROUTE = "/static/built"


@dataclass(frozen=True, slots=True)
class Asset:
    """An entry of the build: the address of its script, and of the styles it needs."""

    script: str = ""
    styles: tuple[str, ...] = ()


@cache
def stamped(name: str) -> str:
    """Return the address of a file that is served as written; it changes with what the file holds.

    Browsers keep such files for a day.
    """
    held = Path(f"{WRITTEN}/{name}").read_bytes()  # a path takes no text of a template
    return f"/static/web/{name}?v={hashlib.sha256(held).hexdigest()[:12]}"


def asset(entry: str) -> Asset:
    """Return a built entry by the name of its source; an empty one when it was not built."""
    return _assets(BUILT).get(entry, Asset())


def _styles(manifest: dict[str, Any], source: str) -> list[str]:
    """Return the styles of an entry and of what it shares with others."""
    item = manifest[source]
    found = list(item.get("css", ()))
    for shared in item.get("imports", ()):
        found += [style for style in _styles(manifest, shared) if style not in found]
    return found


@cache
def _assets(folder: Path) -> dict[str, Asset]:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {
        source: Asset(
            script=f"{ROUTE}/{item['file']}",
            styles=tuple(f"{ROUTE}/{style}" for style in _styles(manifest, source)),
        )
        for source, item in manifest.items()
        if item.get("isEntry")
    }
