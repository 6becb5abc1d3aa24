"""The proof of one entry of a case's history: to read, to print, to check without Anlan."""

from __future__ import annotations

import json
from typing import Any, cast

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from anlan.accountability import public as accountability
from anlan.entrypoints.web import naming
from anlan.entrypoints.web.shell import page, show
from anlan.infra.doors import Call, language_of
from anlan.infra.journal import leaf_hash
from anlan.kernel.errors import NotFoundError
from anlan.registry import public as registry
from anlan.response import public as response


@require_safe
@page("cases:read")
def proof_page(request: Call, case_id: int, seq: int) -> HttpResponse:
    """Show that an entry stands in the signed ledger; ``?form=json`` gives the proof itself."""
    entries = response.history(request.actor, case_id, after=seq - 1, limit=1)
    if not entries or entries[0]["seq"] != seq:
        raise NotFoundError(what="entry", seq=seq)
    proof = accountability.proof(seq)
    if request.GET.get("form") == "json":
        answer = HttpResponse(
            json.dumps(proof, ensure_ascii=False, indent=1), content_type="application/json"
        )
        answer["Content-Disposition"] = f'attachment; filename="anlan-entry-{seq}.json"'
        return answer
    return show(request, "web/pages/proof.html", _shown(request, case_id, entries[0], proof))


def _shown(
    request: Call, case_id: int, entry: dict[str, Any], proof: dict[str, object]
) -> dict[str, Any]:
    language = language_of(request)
    case = response.case(request.actor, case_id)
    payload = entry["payload"]
    posts = [str(payload.get(key, "")) for key in ("owner", "post")]
    names = naming.names_of_cases([case], posts=posts)
    return {
        "case": case,
        "line": naming.line_of(case, names, language),
        "entry": entry,
        "text": naming.happened_text(entry, names, language, zone=registry.timezone()),
        "leaf": leaf_hash(cast("str", proof["entry"]).encode()),
        "way": proof["proof"],
        "note": proof["checkpoint"],
        "origin": proof["origin"],
    }
