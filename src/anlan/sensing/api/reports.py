"""Reports over HTTP."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse
from django.http.multipartparser import MultiPartParserError
from ninja import Router, Schema

from anlan.infra.doors import Call, allowed, needs, open_to_all
from anlan.kernel.errors import NotFoundError
from anlan.sensing import access, selectors
from anlan.sensing.api.calls import answer, body_of, json_body, kept_aside, once_of
from anlan.sensing.domain.errors import ReportMalformedError
from anlan.sensing.domain.reports import ReportIn
from anlan.sensing.domain.wire import report_from_fields, report_from_json
from anlan.sensing.models import Report
from anlan.sensing.services.photos import MAX_PHOTOS
from anlan.sensing.services.reading import read_report
from anlan.sensing.services.receipts import follow_secret
from anlan.sensing.services.reports import keep_report

router = Router()
SECRET_HEADER = "X-Report-Secret"  # noqa: S105  a header's name
CONTACT_FIELDS = ("name", "phone", "email")

_TEXT = {"type": "string"}
REPORT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Every field may be missing. What cannot be understood is kept and flagged.",
    "properties": {
        "text": {"type": "string", "maxLength": 10_000},
        "lat": {"type": "number", "minimum": -90, "maximum": 90},
        "lon": {"type": "number", "minimum": -180, "maximum": 180},
        "area": {**_TEXT, "description": "Code of an area, when there are no coordinates."},
        "place": {"type": "string", "maxLength": 500, "description": "The place in words."},
        "hazard": {**_TEXT, "description": "Slug; recognised from the text when missing."},
        "contact": {
            "type": "object",
            "properties": {name: {"type": "string", "maxLength": 500} for name in CONTACT_FIELDS},
        },
        "channel": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_.-]{0,39}$"},
        "language": {**_TEXT, "example": "zh"},
        "known_at": {
            "type": "string",
            "format": "date-time",
            "description": "When the reporter knew, with offset; cannot be changed later.",
        },
    },
}
MULTIPART: dict[str, Any] = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {
                **{k: v for k, v in REPORT_SCHEMA["properties"].items() if k != "contact"},
                **{f"contact_{name}": _TEXT for name in CONTACT_FIELDS},
                "photo": {
                    "type": "array",
                    "maxItems": MAX_PHOTOS,
                    "items": {"type": "string", "format": "binary"},
                    "description": "JPEG, PNG or WebP.",
                },
            },
        }
    }
}


class ReceiptOut(Schema):
    """What the reporter keeps: number and secret; the secret is shown this once."""

    number: str
    secret: str
    received_at: datetime
    known_at: datetime
    hazard: str
    area: str
    photos: int
    flags: list[str]


class ReportOut(Schema):
    """A report as its reporter or an officer sees it; ``text`` only in the detail."""

    id: int
    number: str
    received_at: datetime
    known_at: datetime
    known_claimed_at: datetime | None
    hazard: str
    hazard_from: str
    area: str
    lat: float | None
    lon: float | None
    strong: bool
    words: list[str]
    channel: str
    language: str
    flags: list[str]
    photos: int
    text: str | None = None
    place: str | None = None
    contact: dict[str, str] | None = None


class ReportsOut(Schema):
    """A page of reports, newest first; ``next`` is the ``before`` of the following page."""

    reports: list[ReportOut]
    next: int | None


@router.post(
    "/reports",
    response={201: ReceiptOut},
    summary="Report a danger",
    openapi_extra=json_body(REPORT_SCHEMA, **MULTIPART),
)
@needs("signs:write")
def post_report(request: Call) -> HttpResponse:
    """Keep a report durably; the answer is the receipt."""
    body = body_of(request)
    once = once_of(request, body)
    secret = follow_secret(request.actor, once)
    report = _report_of(request, body)
    row = keep_report(request.actor, report, secret=secret, now=request.now, once=once)
    return answer(
        {
            "number": row.number,
            "secret": secret,
            "received_at": row.received_at,
            "known_at": row.known_at,
            "hazard": row.hazard,
            "area": row.area,
            "photos": len(report.photos),
            "flags": row.flags,
        },
        201,
    )


@router.get("/reports", response=ReportsOut, summary="Reports of one's area, newest first")
@needs("signs:read")
def list_reports(request: Call, before: int | None = None, hazard: str = "") -> HttpResponse:
    """Return a page of reports in the actor's area, without their texts."""
    rows = selectors.reports(request.actor, before=before, hazard=hazard)
    counts = selectors.photo_counts([row.pk for row in rows])
    return answer(
        {
            "reports": [_seen(row, counts.get(row.pk, 0)) for row in rows],
            "next": rows[-1].pk if len(rows) == selectors.PAGE else None,
        }
    )


@router.get("/reports/{number}", response=ReportOut, summary="Follow a report")
@open_to_all
def get_report(request: Call, number: str, secret: str = "", reason: str = "") -> HttpResponse:
    """Return a report to the holder of its receipt, or to an officer of its area.

    An officer reads its words only for a ``reason``, which is journalled.
    """
    given = request.headers.get(SECRET_HEADER, "") or secret
    actor = getattr(request, "actor", None)
    if given:
        row = access.report_followed(number, given)
    elif actor is not None and allowed(actor, "signs:read"):
        row = access.report_for(actor, number)
    else:
        raise NotFoundError(what="report", number=number)
    seen = _seen(row, selectors.photo_counts([row.pk]).get(row.pk, 0))
    if given:
        own = selectors.report_said(row.pk)
        seen["text"], seen["place"] = own.text, own.place
    elif reason and actor is not None and actor.reads_contents:
        said = read_report(actor, row, reason, now=request.now)
        seen["text"], seen["place"], seen["contact"] = said.text, said.place, said.contact
    return answer(seen)


def _seen(row: Report, photos: int) -> dict[str, Any]:
    return {
        "id": row.pk,
        "number": row.number,
        "received_at": row.received_at,
        "known_at": row.known_at,
        "known_claimed_at": row.known_claimed_at,
        "hazard": row.hazard,
        "hazard_from": row.hazard_from,
        "area": row.area,
        "lat": row.lat,
        "lon": row.lon,
        "strong": row.strong,
        "words": row.words,
        "channel": row.channel,
        "language": row.language,
        "flags": row.flags,
        "photos": photos,
    }


def _report_of(request: Call, body: bytes) -> ReportIn:
    """Read the report; one that cannot be read is kept aside and its number told."""
    try:
        if request.content_type == "multipart/form-data":
            return _from_form(request, body)
        return report_from_json(body)
    except ReportMalformedError as error:
        kept = kept_aside(request, "reports", body, error)
        raise ReportMalformedError(where="body", quarantine=kept) from None


def _from_form(request: Call, body: bytes) -> ReportIn:
    boundary = (request.content_params or {}).get("boundary", "").encode()
    try:
        said = {name: request.POST.getlist(name) for name in request.POST}
        files = [file for name in request.FILES for file in request.FILES.getlist(name)]
    except (MultiPartParserError, SuspiciousOperation):  # also: far too many parts
        raise ReportMalformedError(where="body") from None
    if b"--" + boundary not in body or _garbled(said, body):
        # The parser would find nothing, or letters lost for ever: the bytes are worth more.
        raise ReportMalformedError(where="body")
    fields: dict[str, Any] = {name: values[-1] for name, values in said.items()}
    # A field that comes several times: the last counts, the others are kept as sent.
    fields |= {f"{name}[]": values[:-1] for name, values in said.items() if len(values) > 1}
    contact = {
        name: fields.pop(f"contact_{name}")
        for name in CONTACT_FIELDS
        if fields.get(f"contact_{name}")
    }
    if contact:
        fields["contact"] = contact
    report = report_from_fields(fields)
    return replace(report, photos=tuple(file.read() for file in files))


def _garbled(said: dict[str, list[str]], body: bytes) -> bool:
    """Return whether reading the form as UTF-8 lost letters (an old desk writes GBK)."""
    mark = "\N{REPLACEMENT CHARACTER}"
    lost = any(mark in name + "".join(values) for name, values in said.items())
    return lost and mark.encode() not in body
