"""Real accounts and tokens for a rehearsal, so that its inputs pass the same doors as live ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from anlan.kernel.actor import Actor, Role, system_actor
from anlan.registry import public as registry

VALID_FOR = timedelta(days=366)


@dataclass(slots=True)
class ReplayTokens:
    """Tokens of the gateway, the duty officer and posts; made when first asked for."""

    now: datetime  # the start of the rehearsal
    actor: Actor = field(default_factory=lambda: system_actor("replay"))
    _made: dict[str, str] = field(default_factory=dict)

    def program(self) -> str:
        """Return the secret of the gateway that brings signs in."""
        return self._secret("replay.gateway", Role.PROGRAM, post=None)

    def duty_officer(self) -> str:
        """Return the secret of the duty officer, at the post that commands the city."""
        return self._secret(
            "replay.duty-officer", Role.DUTY_OFFICER, post=registry.city().commander_post
        )

    def of_post(self, post: str) -> str:
        """Return the secret of somebody at ``post``."""
        name = "".join(char if char.isascii() and char.isalnum() else "-" for char in post.lower())
        return self._secret(f"replay.post.{name}", Role.DEPARTMENT, post=post)

    def _secret(self, username: str, role: Role, *, post: str | None) -> str:
        if username not in self._made:
            account = registry.create_account(
                self.actor, username, role.value, post=post, areas=("",), now=self.now
            )
            _, secret = registry.issue_token(
                self.actor, account, None, None, self.now + VALID_FOR, now=self.now
            )
            self._made[username] = secret
        return self._made[username]
