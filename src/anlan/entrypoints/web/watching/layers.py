"""Which layers of the map are shown: the domains of the city's lifelines, each a switch."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from django.db.models import Q

from anlan.entrypoints.web.wording import say
from anlan.kernel.actor import Actor
from anlan.registry import public as registry

#: What belongs to no domain of the pack.
OTHER = "other"
COOKIE = "anlan_layers"
LONGEST = 1000


class OfHazard(Protocol):
    """Something that is about a hazard."""

    hazard: str


Shown = TypeVar("Shown", bound=OfHazard)


@dataclass(frozen=True, slots=True)
class Layers:
    """What is switched off; nothing is, unless somebody does it."""

    off: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """The same choice is the same text."""
        return ".".join(sorted(self.off))

    def of_quantities(self, column: str) -> Q:
        """Return the condition that a column names a quantity that is shown."""
        return _shown(self.off, registry.domains_of_quantities(), column) if self.off else Q()

    def of_hazards(self, column: str) -> Q:
        """Return the condition that a column names a hazard that is shown."""
        return _shown(self.off, registry.domains_of_hazards(), column) if self.off else Q()

    def only(self, rows: Sequence[Shown]) -> list[Shown]:
        """Return what is about a hazard that is shown."""
        domains = registry.domains_of_hazards() if self.off else {}
        return [row for row in rows if domains.get(row.hazard, OTHER) not in self.off]


def _shown(off: Collection[str], domains: dict[str, str], column: str) -> Q:
    if OTHER in off:
        return Q(**{f"{column}__in": [slug for slug, one in domains.items() if one not in off]})
    return ~Q(**{f"{column}__in": [slug for slug, one in domains.items() if one in off]})


def layers_of(text: str) -> Layers:
    """Return the layers that a text switches off; what is no layer is passed over."""
    known = {one.id for one in registry.domains()} | {OTHER} if text else set()
    return Layers(frozenset(text[:LONGEST].split(".")) & known)


def cookie_of(actor: Actor) -> str:
    """Return under which name the choice of one person is kept in this browser."""
    return f"{COOKIE}_{hashlib.sha256(actor.id.encode()).hexdigest()[:12]}"


def switches(layers: Layers, language: str) -> list[dict[str, object]]:
    """Return each layer with its name and whether it is shown; none where the pack has no domains."""
    found = [(one.id, getattr(one.name, language)) for one in registry.domains()]
    if not found:
        return []
    named = [*found, (OTHER, say("watch.layer_other", language))]
    return [{"code": code, "name": name, "on": code not in layers.off} for code, name in named]


def left_out_of(layers: Layers, language: str) -> str:
    """Return in words what the map does not show because somebody switched it off."""
    off = [str(one["name"]) for one in switches(layers, language) if not one["on"]]
    between = "、" if language == "zh" else ", "
    return say("watch.layers_off", language, names=between.join(off)) if off else ""
