"""Who looks at which part of the map, how closely, and what there was no room for."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from anlan.entrypoints.web.watching.layers import Layers
from anlan.entrypoints.web.wording import name_in, say
from anlan.kernel.actor import Actor
from anlan.registry import public as registry
from anlan.registry.public import Box

PIXELS = 512  # a map tile is so wide


class Named(Protocol):
    """Something of the registry with a name in Chinese, and perhaps in English."""

    @property
    def name_zh(self) -> str:
        """The Chinese name."""
        ...

    @property
    def name_en(self) -> str:
        """The English name; empty when there is none."""
        ...


class View:
    """Who looks at which part of the map, how closely, in which language."""

    def __init__(
        self, actor: Actor, box: Box, zoom: float, language: str, layers: Layers | None = None
    ) -> None:
        self.actor, self.language = actor, language
        self.layers = layers or Layers()
        self.zoom = max(0, min(int(zoom), 22))
        self.box = _snapped(box, 360 / 2**self.zoom / 4)
        self.tolerance = 360 / 2**self.zoom / PIXELS
        self.words, self.zone = registry.names_of(), registry.timezone()

    def hazard(self, slug: str) -> str:
        """Return the name of a hazard."""
        return self.words.hazard(slug, self.language) or say("case.no_hazard", self.language)

    def local(self, instant: datetime, now: datetime) -> str:
        """Return an instant as short as it is clear, in the city's time."""
        local = instant.astimezone(self.zone)
        same = local.date() == now.astimezone(self.zone).date()
        return f"{local:%H:%M}" if same else f"{local:%m-%d %H:%M}"

    def name(self, named: Named) -> str:
        """Return what something is called in the language of whoever looks."""
        return name_in(self.language, named.name_zh, named.name_en)


def _snapped(box: Box, step: float) -> Box:
    """Return the next larger box on a grid, so that small movements ask for the same."""
    return Box(
        west=max(-180.0, box.west // step * step),
        south=max(-90.0, box.south // step * step),
        east=min(180.0, -(-box.east // step) * step),
        north=min(90.0, -(-box.north // step) * step),
    )


class LeftOut:
    """What the map has no room for, or cannot tell: it says so, and leaves nothing out silently."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._said: list[str] = []

    def note(self, what: str, n: int = 0) -> None:
        """Say once more that something is left out."""
        self._said.append(say(f"watch.left_out.{what}", self._language, n=n))

    def text(self) -> str:
        """Return all of it in one sentence; nothing when nothing is left out."""
        if not self._said:
            return ""
        between = say("watch.and", self._language)
        return f"{say('watch.left_out', self._language)} {between.join(self._said)}"
