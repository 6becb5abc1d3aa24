"""The SensorThings interface over HTTP: one door for every address below ``/sta/v1.1``."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from anlan.infra.doors import KEY_HEADER, allowed, check
from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotAuthenticatedError, NotFoundError
from anlan.sensing.api import sta_batch
from anlan.sensing.api.calls import answer, body_of
from anlan.sensing.domain.errors import KeyMalformedError
from anlan.sensing.domain.sta_errors import (
    EntityUnknownError,
    MethodHereError,
)
from anlan.sensing.services.framing import to_us
from anlan.sensing.services.once import MAX_KEY
from anlan.sensing.sta import amending, answers, entities, keeping, leading, sending, taking, times
from anlan.sensing.sta.catalogue import catalogue
from anlan.sensing.sta.conformance import root
from anlan.sensing.sta.given import news_in
from anlan.sensing.sta.model import MULTI, READING, SETS, STREAM, key, link
from anlan.sensing.sta.options import Options
from anlan.sensing.sta.rows import row_id
from anlan.sensing.sta.view import Spent, View

ROOT = "/sta/v1.1"
SEES, WRITES, KEEPS = "registry:read", "signs:write", "registry:write"
WRITING = frozenset({"POST", "PATCH", "PUT", "DELETE"})


@csrf_exempt
def door(request: HttpRequest, path: str = "") -> HttpResponse:
    """Answer any request of the interface; a session of a browser does not count here."""
    method, path = request.method or "", path.strip("/")
    if method == "POST" and path == sta_batch.BATCH:
        return _batch(request)
    actor = check(getattr(request, "actor", None), _needed(method, path))
    view = _view(request, actor)
    if method == "GET":
        return _got(view, path, request)
    if method not in WRITING:
        raise MethodHereError(method=method)
    if method == "POST" and path == "CreateObservations":
        return _many_kept(view, request)
    last = path.rpartition("/")[2].partition("(")[0]
    kind = SETS.get(last, "")
    if not kind:
        raise EntityUnknownError(what="path", id=path[:80])
    if kind != READING:
        return _city_changed(view, kind, path, request)
    return _kept(view, path, request) if method == "POST" else _amended(view, path, request)


def _batch(request: HttpRequest) -> HttpResponse:
    """Answer several requests; each needs the permission that it needs alone."""
    if getattr(request, "actor", None) is None:
        raise NotAuthenticatedError
    return sta_batch.answered(request, body_of(request), door, root=ROOT)


def _needed(method: str, path: str) -> str:
    """Return the permission that a request needs: city data and readings are written by others."""
    if method not in WRITING:
        return SEES
    last = path.rpartition("/")[2].partition("(")[0]
    return WRITES if last in {"Observations", "CreateObservations"} else KEEPS


def _view(request: HttpRequest, actor: Actor) -> View:
    now = request.now  # type: ignore[attr-defined]
    return View(
        of=catalogue(now=now),
        actor=actor,
        now_us=to_us(now),
        base=_base(request),
        reads=allowed(actor, leading.READS),
        page=settings.ANLAN.largest_sta_page,
        history=request.GET.get("history", "").lower() == "true",
        spent=getattr(request, "spent", None) or Spent(),  # all parts of a batch together
    )


def _base(request: HttpRequest) -> str:
    """Return the address under which the caller knows the service."""
    public: str = settings.ANLAN.public_url.rstrip("/")
    if urlsplit(public).netloc == request.get_host():
        return public + ROOT  # behind a proxy only this knows that the way there is encrypted
    return f"{request.scheme}://{request.get_host()}{ROOT}"


def _got(view: View, path: str, request: HttpRequest) -> HttpResponse:
    if not path:
        return answer(root(view.base, page=view.page))
    found = leading.answer(view, path, request.GET.dict())
    if not isinstance(found, leading.Plain):
        return answer(found)
    if found.value is None:
        return HttpResponse(status=204)
    if isinstance(found.value, dict | list):
        return answer(found.value)
    text = found.value if isinstance(found.value, str) else msgspec.json.encode(found.value)
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def _key(request: HttpRequest, body: bytes) -> str:
    """Return the sender's key: the same key with another body is another message."""
    given = request.headers.get(KEY_HEADER, "")
    if not given:
        return ""
    if len(given) > MAX_KEY or not given.isprintable():
        raise KeyMalformedError(limit=MAX_KEY)
    return f"{given} {hashlib.sha256(request.path.encode() + body).hexdigest()[:32]}"


def _city_changed(view: View, kind: str, path: str, request: HttpRequest) -> HttpResponse:
    """Change city data by an edit of the registry, with its reason."""
    now, reason = request.now, request.GET.get("reason", "")  # type: ignore[attr-defined]
    method = str(request.method)
    body = body_of(request)
    if method == "POST":
        within = leading.thing_of(view, path, kind)
        given = sending.json_of(body)
        id_ = keeping.create(view.actor, kind, given, of=within, reason=reason, now=now)
    else:
        place = leading.lead(view, path)
        if place.many or place.rest or place.kind != kind:
            raise EntityUnknownError(what="path", id=path[:80])
        id_ = entities.id_of(view.of, kind, int(place.numbers[0]))
        if method == "DELETE":
            keeping.end(view.actor, kind, id_, reason=reason, now=now)
            return HttpResponse(status=200)
        given = sending.json_of(body)
        if kind == MULTI and isinstance(given, dict):
            known, _ = answers.entities_shown(view, kind, place.numbers, Options())
            given = news_in(given, known[0])
        keeping.change(view.actor, kind, id_, given, reason=reason, now=now)
    after = _view(request, view.actor)
    shown, _ = answers.entities_shown(after, kind, np.array([after.number(kind, id_)]), Options())
    told = answer(shown[0], 201 if method == "POST" else 200)
    if method == "POST":
        told["Location"] = shown[0]["@iot.selfLink"]
    return told


def _kept(view: View, path: str, request: HttpRequest) -> HttpResponse:
    body, now = body_of(request), request.now  # type: ignore[attr-defined]
    of = leading.owner_of(view, path)
    sent = sending.sent_of(sending.json_of(body), of=of, now=now)
    kept = taking.keep_one(view.actor, sent, key=_key(request, body), now=now)
    told = answer(_told(view, kept, sent), 201)
    told["Location"] = _link(view, kept, sent)
    return told


def _id(kept: taking.Kept, sent: sending.AnySent) -> str | int:
    """Return the id of what was kept: its number, or what a row of results is told by."""
    if isinstance(sent, sending.Sent):
        return kept.number
    at = times.one_written(to_us(sent.at))
    made = at if sent.result_us is None else times.one_written(sent.result_us)
    return row_id(sent.multi, at, made)


def _link(view: View, kept: taking.Kept, sent: sending.AnySent) -> str:
    return link(view.base, READING, _id(kept, sent))


def _told(view: View, kept: taking.Kept, sent: sending.AnySent) -> dict[str, Any]:
    """Return what was kept, also to a sender that may not read."""
    own = _link(view, kept, sent)
    at = to_us(sent.at)
    made = at if sent.result_us is None else sent.result_us
    if isinstance(sent, sending.Sent):
        kind, first = STREAM, kept.readings[0]
        result: Any = msgspec.Raw(sent.text) if sent.text else first.value
        quality: Any = first.quality.value
    else:
        kind, result = MULTI, sent.results
        quality = [one.quality.value for one in kept.readings]
    return {
        "@iot.id": _id(kept, sent),
        "@iot.selfLink": own,
        "phenomenonTime": times.one_written(at),
        "resultTime": times.one_written(made),
        "result": result,
        "resultQuality": quality,
        f"{kind}@iot.navigationLink": f"{own}/{kind}",
        "FeatureOfInterest@iot.navigationLink": f"{own}/FeatureOfInterest",
    }


def _many_kept(view: View, request: HttpRequest) -> HttpResponse:
    body, now = body_of(request), request.now  # type: ignore[attr-defined]
    sent = sending.rows_of(sending.json_of(body), now=now)
    kept = taking.keep(view.actor, sent, key=_key(request, body), now=now)
    told = []
    for one, raw in zip(kept, sent, strict=True):
        if isinstance(one, str) or isinstance(raw, str):
            told.append(f"error: {one}")
        else:
            told.append(_link(view, one, raw))
    return answer(told, 201)


def _amended(view: View, path: str, request: HttpRequest) -> HttpResponse:
    method = str(request.method)
    now, reason = request.now, request.GET.get("reason", "")  # type: ignore[attr-defined]
    view = _standing(view)
    place = leading.lead(view, path)
    if place.kind != READING or place.reading is None or place.rest:
        raise EntityUnknownError(what="path", id=path[:80])
    if method == "DELETE":
        amending.remove(view.actor, place.reading, reason=reason, now=now)
        return HttpResponse(status=200)
    given = amending.changes_of(sending.json_of(body_of(request)))
    amending.correct(view.actor, place.reading, given, reason=reason, now=now)
    found = leading.answer(view, f"Observations({key(place.reading.ids[0])})", {})
    return answer(found)


def _standing(view: View) -> View:
    from dataclasses import replace

    return replace(view, history=False)


def nothing_here(request: HttpRequest) -> HttpResponse:
    """Say of any other address below ``/sta`` that nothing is there."""
    raise NotFoundError(what="address", path=request.path[:80])
