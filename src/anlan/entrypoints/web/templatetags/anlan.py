"""What the templates of the pages need beside Django's own: words, instants, spans."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from anlan.entrypoints.web import assets, wording

register = template.Library()


@register.simple_tag(takes_context=True)
def t(context: dict[str, Any], *key: object, **params: object) -> str:
    """Return words; several parts of a key are joined by dots."""
    return wording.say(".".join(str(part) for part in key), context["lang"], **params)


@register.simple_tag(takes_context=True)
def factor(context: dict[str, Any], letter: str) -> str:
    """Return what a letter of a grading method stands for; a pack's own letter stays a letter."""
    key = f"factor.{letter}"
    return wording.say(key, context["lang"]) if wording.knows(key) else letter


@register.simple_tag(takes_context=True)
def at(context: dict[str, Any], instant: datetime | None, form: str = "minute") -> SafeString | str:
    """Return an instant in the city's time, readable for people and machines."""
    if instant is None:
        return wording.say("time.never", context["lang"])
    local = instant.astimezone(context["zone"])
    today = context["now"].astimezone(context["zone"]).date()
    day = "" if local.date() == today else f"{local:%Y-%m-%d} "
    clock = f"{local:%H:%M:%S}" if form == "second" else f"{local:%H:%M}"
    return format_html('<time datetime="{}">{}{}</time>', local.isoformat(), day, clock)


def span_text(span: timedelta, language: str) -> str:
    """Return a length of time in its two largest units."""
    minutes = int(abs(span).total_seconds()) // 60
    days, rest = divmod(minutes, 1440)
    hours, mins = divmod(rest, 60)
    parts = [("day", days), ("hour", hours), ("minute", mins)]
    first = next((place for place, (_, n) in enumerate(parts) if n), 2)
    kept = [(unit, n) for unit, n in parts[first : first + 2] if n] or [("minute", 0)]
    words = [wording.say(f"time.{unit}", language, n=n) for unit, n in kept]
    return " ".join(words)


@register.simple_tag(takes_context=True)
def left(context: dict[str, Any], due: datetime | None) -> SafeString | str:
    """Return how long until a deadline, or for how long it has been missed."""
    if due is None:
        return "–"
    span = due - context["now"]
    key, look = ("time.left", "left") if span > timedelta(0) else ("time.over", "over")
    text = wording.say(key, context["lang"], span=span_text(span, context["lang"]))
    return format_html('<time class="{}" datetime="{}">{}</time>', look, due.isoformat(), text)


@register.simple_tag(takes_context=True)
def since(context: dict[str, Any], at: datetime | None) -> SafeString | str:
    """Return for how long something has been so."""
    if at is None:
        return "–"
    text = span_text(context["now"] - at, context["lang"])
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), text)


@register.simple_tag
def figure(value: float | None) -> str:
    """Return a measured number as short as it is clear; a dash where there is none."""
    return "–" if value is None else f"{value:.6g}"


@register.simple_tag
def stamped(name: str) -> str:
    """Return the address of a script or sheet: an old one must not meet new pages."""
    return assets.stamped(name)
