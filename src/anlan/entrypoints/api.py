"""The HTTP interface: every room's router under one address, one error form, one OpenAPI page."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI, Router, Swagger
from ninja.errors import HttpError, ValidationError

from anlan import __version__
from anlan.accountability.api import router as accountability
from anlan.entrypoints.web.middleware import as_refusal, refusal
from anlan.infra.doors import check, permission_of
from anlan.kernel.errors import AnlanError, InvalidInputError
from anlan.notices.api import router as notices
from anlan.registry.api import router as registry
from anlan.response.api import router as response
from anlan.sensing.api import router as sensing
from anlan.warning.api import router as warning

DESCRIPTION = """
Send signs of danger, follow what became of them, act on cases, and check the proof.

* Give your token as `Authorization: Bearer …`. Tokens are scoped and expire.
* Give `Idempotency-Key` with signs and new cases: the same key and body has one effect. A move of
  a case needs none: made twice, the second is refused with `case.wrong_state` or does no harm.
* Every refusal is `{"error": {"code", "what", "do", "params"}}`; `what` and `do` come in Chinese or
  English after `Accept-Language`. Codes are stable.
* Instants are ISO 8601 with an offset; coordinates are WGS-84 degrees.
"""


class Docs(Swagger):
    """The page that describes the interface; all it needs comes from our own host.

    As one of Django's applications ninja would do the same, and cost each command half its start.
    """

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        """Return the page."""
        shown = {**self.settings, "url": self.get_openapi_url(api, kwargs)}
        return render(request, "web/interface.html", {"api": api, "settings": json.dumps(shown)})


api = NinjaAPI(
    title="Anlan 安澜",
    version=__version__,
    description=DESCRIPTION,
    docs=Docs(),
    docs_url="docs",
    openapi_url="openapi.json",
    urls_namespace="api",
    openapi_extra={
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    },
)


def guarded(router: Router) -> Router:
    """Let every endpoint of a router check the caller before it looks at what was sent.

    The framework runs its authentication first and parses afterwards; without this a stranger
    would learn from the answer which fields an endpoint takes.
    """
    for view in router.path_operations.values():
        for operation in view.operations:
            permission = permission_of(operation.view_func)
            if permission is not None:
                operation.auth_callbacks = [_door(permission)]
    for _prefix, within, *_ in router._routers:
        guarded(within)
    return router


def _door(permission: str) -> Callable[[HttpRequest], object]:
    def check_caller(request: HttpRequest) -> object:
        return check(getattr(request, "actor", None), permission)

    return check_caller


for router in (sensing, response, notices, warning, registry, accountability):
    api.add_router("/v1", guarded(router))


@api.exception_handler(ValidationError)
def _on_validation(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Name the first field that is wrong; never quote the value (it may be personal)."""
    first = error.errors[0] if error.errors else {}
    where = ".".join(str(part) for part in first.get("loc", ()))
    return refusal(request, InvalidInputError(where=where, problem=first.get("msg", "")))


@api.exception_handler(HttpError)
def _on_http(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Give ninja's own refusals (unreadable JSON, wrong type) our form."""
    if error.status_code == 400:
        return refusal(request, InvalidInputError(where="body", problem=str(error)))
    return refusal(request, as_refusal(error))


@api.exception_handler(AnlanError)
def _on_refusal(request: HttpRequest, error: AnlanError) -> HttpResponse:
    return refusal(request, error)


@api.exception_handler(Exception)
def _on_anything(request: HttpRequest, error: Exception) -> HttpResponse:
    return refusal(request, as_refusal(error))
