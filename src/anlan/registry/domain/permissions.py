"""Who may do what: one table from role to permissions (I: separation of administrators).

A token carries some of its account's permissions, never more.  The three
administrators are apart: who changes city data does not hand out credentials,
and neither of them holds the ledger's keys.
"""

from __future__ import annotations

from anlan.kernel.actor import Role

READ_CITY = frozenset({"registry:read"})
READ_WORK = READ_CITY | {
    "signs:read",
    "alerts:read",
    "warnings:read",
    "rules:read",
    "response:read",
    "cases:read",
    "inbox:read",
    "health:read",
}
ACT = READ_WORK | {"signs:write", "cases:act", "inbox:act"}

PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.PROGRAM: READ_CITY | {"signs:write"},
    Role.STREET_OFFICER: ACT,
    Role.DEPARTMENT: ACT,
    Role.DUTY_OFFICER: ACT | {"signs:release", "outbox:read", "response:declare", "replays:run"},
    Role.COMMANDER: ACT | {"cases:command", "response:declare", "outbox:read", "replays:run"},
    Role.AUDITOR: READ_WORK | {"ledger:read", "asof:read", "audit:read", "accounts:read"},
    Role.SYSTEM_ADMIN: READ_CITY
    | {
        "registry:write",
        "rules:read",
        "health:read",
        "outbox:read",
        "signs:release",
        "metrics:read",
        "replays:run",
        "accounts:confirm",
    },
    Role.SECURITY_ADMIN: READ_CITY
    | {"accounts:read", "accounts:write", "accounts:confirm", "health:read"},
    Role.AUDIT_ADMIN: READ_CITY
    | {"ledger:read", "ledger:write", "asof:read", "audit:read", "health:read", "accounts:confirm"},
    Role.SYSTEM: frozenset({"*"}),
}
ADMINISTRATORS = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})
# Roles a credential may be made for: the system's own clockwork has none.
GIVEN = frozenset(PERMISSIONS) - {Role.SYSTEM}
EVERY = frozenset().union(*(PERMISSIONS[role] for role in GIVEN))


def beyond(role: Role, scopes: frozenset[str]) -> frozenset[str]:
    """Return those of ``scopes`` that the role may not have."""
    return scopes - PERMISSIONS[role]
