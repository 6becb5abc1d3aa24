"""Commands for accounts and tokens: ``admin create``, ``token issue``, ``token revoke``."""

from __future__ import annotations

from datetime import timedelta

import click

from anlan.entrypoints import clock
from anlan.entrypoints.cli import screen
from anlan.kernel.actor import Role, system_actor
from anlan.kernel.durations import parse_span

TERMINAL = system_actor("terminal")


class SpanType(click.ParamType[timedelta]):
    """A span such as ``30d`` or ``12h``."""

    name = "span"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return the span, or complain."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_span(str(value))
        except (ValueError, OverflowError) as error:
            self.fail(str(error), param, ctx)


LASTING = click.option(
    "--for", "lasting", type=SpanType(), default="90d", show_default=True, help="How long it lasts."
)


@click.group()
def admin() -> None:
    """Administrators of the workspace."""


@admin.command("create")
@click.argument("name")
@LASTING
def create_admin(name: str, lasting: timedelta) -> None:
    """Make the first administrator and print a token, once."""
    screen.open_workspace()
    from anlan.registry import public as registry

    now = clock.now()
    account = registry.create_first_admin(name, now=now)
    _, secret = registry.issue_token(TERMINAL, account, None, None, now + lasting, now=now)
    screen.say(
        "管理员已建立。令牌只显示这一次：",
        "The administrator is made. Its token is shown this once:",
    )
    click.echo(secret)


@admin.command("invite")
@click.argument("username")
def invite_account(username: str) -> None:
    """Print a link with which the holder of USERNAME chooses a password, once."""
    screen.open_workspace()
    from django.conf import settings

    from anlan.registry import public as registry

    made, secret = registry.invite(TERMINAL, username, now=clock.now())
    screen.say(
        f"邀请链接（{made.expires_at:%Y-%m-%d} 前有效，只用一次）：",
        f"An invitation, good until {made.expires_at:%Y-%m-%d}, for one use:",
    )
    click.echo(f"{settings.ANLAN.public_url}/welcome?invitation={secret}")


@click.group()
def webhook() -> None:
    """Outgoing webhooks."""


@webhook.command("secret")
@click.argument("holder")
def webhook_secret(holder: str) -> None:
    """Print the key with which webhooks to HOLDER are signed."""
    screen.open_workspace()
    from anlan.entrypoints import here
    from anlan.notices import public as notices

    click.echo(notices.holder_secret(here.workspace().secret.encode(), holder))


@click.group()
def token() -> None:
    """Tokens: scoped, expiring credentials."""


@token.command("issue")
@click.argument("username")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role if role is not Role.SYSTEM]),
    help="Make the account with this role when there is none.",
)
@click.option("--post", help="The post the account sits at (new accounts).")
@click.option("--area", "areas", multiple=True, help="Area codes; none: the whole city.")
@click.option("--scope", "scopes", multiple=True, help="Permissions; none: all of the role.")
@LASTING
def issue(
    username: str,
    role: str | None,
    post: str | None,
    areas: tuple[str, ...],
    scopes: tuple[str, ...],
    lasting: timedelta,
) -> None:
    """Issue a token to an account, and make the account first when --role is given."""
    screen.open_workspace()
    from anlan.registry import public as registry

    now = clock.now()
    account = registry.account_named(username)
    if account is None and role is not None:
        account = registry.create_account(
            TERMINAL, username, role, post=post, areas=areas or ("",), now=now
        )
    if account is None:
        raise click.UsageError(f"no account {username}; give --role to make it")
    made, secret = registry.issue_token(
        TERMINAL, account, scopes or None, areas or None, now + lasting, now=now
    )
    screen.say(
        f"令牌 {made.pk} 有效至 {made.expires_at:%Y-%m-%d}，只显示这一次：",
        f"Token {made.pk} is good until {made.expires_at:%Y-%m-%d} and shown this once:",
    )
    click.echo(secret)


@token.command("revoke")
@click.argument("number", type=int)
def revoke(number: int) -> None:
    """Revoke a token by its number."""
    screen.open_workspace()
    from anlan.registry import public as registry

    registry.revoke_token(TERMINAL, number, now=clock.now())
    screen.say(f"令牌 {number} 已撤销。", f"Token {number} is revoked.")
