"""The readings of one stream to take away, written while they are read: any span, little memory."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from anlan.entrypoints.web.coursing import asked_span
from anlan.entrypoints.web.csvfile import CSV_MARK, csv_text
from anlan.entrypoints.web.pages.stream import stream_for
from anlan.entrypoints.web.shell import page
from anlan.infra.doors import Call
from anlan.registry import public as registry
from anlan.sensing import public as sensing

HEAD = ("time", "value", "unit", "quality", "flags")


@require_safe
@page("signs:read")
def readings_csv(request: Call, code: str) -> HttpResponseBase:
    """Give the readings of a span as CSV, written while they are read: any span, little memory."""
    sensor = stream_for(request, code)
    span = asked_span(request.GET.dict(), now=request.now)
    unit = registry.quantity(sensor.quantity).unit

    def lines() -> Iterator[bytes]:
        yield (CSV_MARK + csv_text([HEAD])).encode()
        for part in sensing.flagged_by_parts(code, span.start, span.end, now=request.now):
            rows = [
                (x.at.isoformat(), x.value, unit, x.quality.value, " ".join(flags))
                for x, flags in part
            ]
            yield csv_text(rows).encode()

    return _taken(lines(), f"{code}.csv", "text/csv; charset=utf-8")


@require_safe
@page("signs:read")
def readings_parquet(request: Call, code: str) -> HttpResponseBase:
    """Give the readings of a span as Parquet, a row group for each part that was read."""
    sensor = stream_for(request, code)
    span = asked_span(request.GET.dict(), now=request.now)
    unit = registry.quantity(sensor.quantity).unit
    parts = sensing.flagged_by_parts(code, span.start, span.end, now=request.now)
    found = sensing.as_parquet(parts, stream=code, unit=unit)
    return _taken(found, f"{code}.parquet", "application/vnd.apache.parquet")


def _taken(pieces: Iterator[bytes], name: str, kind: str) -> HttpResponseBase:
    answer = StreamingHttpResponse(pieces, content_type=kind)
    answer["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    answer["Content-Security-Policy"] = "default-src 'none'"
    return answer
