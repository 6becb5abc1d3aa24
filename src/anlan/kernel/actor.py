"""Who acts: a person at a post, a program with a token, or the system itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a credential may be used for (角色)."""

    PROGRAM = "program"  # a gateway or hotline that brings signs in
    STREET_OFFICER = "street_officer"  # 镇街、网格
    DEPARTMENT = "department"
    DUTY_OFFICER = "duty_officer"  # 值班员
    COMMANDER = "commander"  # 指挥长
    AUDITOR = "auditor"  # read-only, as of any instant
    SYSTEM_ADMIN = "system_admin"  # city data, rules, workspace
    SECURITY_ADMIN = "security_admin"  # accounts and tokens
    AUDIT_ADMIN = "audit_admin"  # ledger keys and exports
    SYSTEM = "system"  # Anlan's own clockwork; never given to a token


@dataclass(frozen=True, slots=True)
class Actor:
    """One acting identity.

    ``areas`` are governing paths (``"410100/410102"``); the actor sees and
    changes only what lies at or below one of them.  An empty tuple means no
    area at all; the root path ``""`` means the whole city.
    """

    id: str
    role: Role
    post: str | None = None
    areas: tuple[str, ...] = ()
    scopes: frozenset[str] = field(default_factory=frozenset)

    @property
    def reads_contents(self) -> bool:
        """Whether free texts and photos are shown: an auditor proves that and when, not what."""
        return self.role is not Role.AUDITOR

    def covers(self, area_path: str) -> bool:
        """Return whether ``area_path`` lies at or below one of the actor's areas."""
        return any(
            not area or area_path == area or area_path.startswith(area + "/") for area in self.areas
        )


def system_actor(part: str) -> Actor:
    """Return the identity under which one part of Anlan's own clockwork acts."""
    return Actor(id=f"system:{part}", role=Role.SYSTEM, areas=("",), scopes=frozenset({"*"}))
