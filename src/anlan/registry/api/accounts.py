"""Accounts and tokens, for who keeps them; a secret is shown once, when it is made."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from ninja import Schema, Status
from pydantic import Field

from anlan.infra.doors import Call, needs
from anlan.registry import access
from anlan.registry.api.routes import router
from anlan.registry.domain.permissions import PERMISSIONS
from anlan.registry.models import Account, Token
from anlan.registry.selectors import accounts as rows
from anlan.registry.services import accounts as keeping

Name = Annotated[str, Field(max_length=64)]
Names = Annotated[list[Annotated[str, Field(max_length=480)]], Field(max_length=200)]


class AccountOut(Schema):
    """An account and what its role allows."""

    username: str
    role: str
    post: str | None
    areas: list[str]
    is_active: bool
    created_at: datetime
    closed_at: datetime | None
    permissions: list[str]


class AccountIn(Schema):
    """A new account; its name is that of a seat or a program, never of a person."""

    username: Name
    role: Name
    post: Name | None = None
    areas: Names = []


class AccountChangeIn(Schema):
    """What is to change; what is left out stays."""

    role: Name | None = None
    post: Name | None = None
    areas: Names | None = None


class TokenOut(Schema):
    """A token without its secret."""

    id: int
    username: str
    prefix: str
    scopes: list[str]
    areas: list[str]
    issued_at: datetime
    issued_by: str
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


class TokenIn(Schema):
    """A new token; without scopes or areas it has all of its account's."""

    expires_at: datetime
    scopes: Names | None = None
    areas: Names | None = None


class TokenMade(TokenOut):
    """A new token with its secret, which nobody can show again."""

    secret: str


def _account(row: Account) -> dict[str, Any]:
    return {
        "username": row.username,
        "role": row.role,
        "post": row.post_id,
        "areas": row.areas,
        "is_active": row.is_active,
        "created_at": row.created_at,
        "closed_at": row.closed_at,
        "permissions": sorted(PERMISSIONS.get(row.role, ())),  # type: ignore[call-overload]
    }


def _token(row: Token) -> dict[str, Any]:
    return {
        "id": row.pk,
        "username": row.account.username,
        "prefix": row.prefix,
        "scopes": row.scopes,
        "areas": row.areas,
        "issued_at": row.issued_at,
        "issued_by": row.issued_by,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "last_used_at": row.last_used_at,
    }


@router.get("/accounts", response=list[AccountOut], tags=["accounts"], summary="Accounts")
@needs("accounts:read")
def list_accounts(request: Call) -> list[dict[str, Any]]:
    return [_account(row) for row in rows.accounts(request.actor)]


@router.post("/accounts", response={201: AccountOut}, tags=["accounts"], summary="Make an account")
@needs("accounts:write")
def post_account(request: Call, body: AccountIn) -> Status[dict[str, Any]]:
    made = keeping.create_account(
        request.actor,
        body.username,
        body.role,
        post=body.post,
        areas=body.areas,
        now=request.now,
    )
    return Status(201, _account(made))


@router.patch(
    "/accounts/{username}", response=AccountOut, tags=["accounts"], summary="Change an account"
)
@needs("accounts:write")
def patch_account(request: Call, username: Name, body: AccountChangeIn) -> dict[str, Any]:
    changed = keeping.change_account(
        request.actor,
        username,
        role=body.role,
        post=body.post,
        areas=body.areas,
        now=request.now,
    )
    return _account(changed)


@router.delete(
    "/accounts/{username}",
    response=AccountOut,
    tags=["accounts"],
    summary="Close an account for good; its tokens stop working",
)
@needs("accounts:write")
def delete_account(request: Call, username: Name) -> dict[str, Any]:
    return _account(keeping.close_account(request.actor, username, now=request.now))


@router.get(
    "/accounts/{username}/tokens",
    response=list[TokenOut],
    tags=["accounts"],
    summary="Tokens of an account",
)
@needs("accounts:read")
def list_tokens(request: Call, username: Name) -> list[dict[str, Any]]:
    return [_token(row) for row in rows.tokens(request.actor, username)]


@router.post(
    "/accounts/{username}/tokens",
    response={201: TokenMade},
    tags=["accounts"],
    summary="Issue a token; its secret is shown this once",
)
@needs("accounts:write")
def post_token(request: Call, username: Name, body: TokenIn) -> Status[dict[str, Any]]:
    account = access.account_of(request.actor, username)
    made, secret = keeping.issue_token(
        request.actor, account, body.scopes, body.areas, body.expires_at, now=request.now
    )
    return Status(201, {**_token(made), "secret": secret})


@router.delete(
    "/tokens/{int:token}", response=TokenOut, tags=["accounts"], summary="Take a token back"
)
@needs("accounts:write")
def delete_token(request: Call, token: int) -> dict[str, Any]:
    return _token(keeping.revoke_token(request.actor, token, now=request.now))
