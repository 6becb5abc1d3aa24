"""Reading pages and sending their forms as a keeper of city data does without scripts."""

from __future__ import annotations

import html
import re
from datetime import date

from tests.entrypoints.test_pages import NOW, Clock, send

TODAY = date(2026, 11, 23)
DISTRICT = "410108"
TUNNEL = "RP-TUNNEL-JG"
OWNER = {"owner_post": "P-DUTY", "grade": "major", "plan": "PL-TUNNEL"}


def text_of(client, address, language="en"):
    separator = "&" if "?" in address else "?"
    answer = client.get(f"{address}{separator}lang={language}")
    assert answer.status_code == 200, (address, answer.content.decode())
    return answer.content.decode()


def hidden(text):
    """Return the hidden fields of the form that puts a change in force."""
    form = next(x for x in re.findall(r"<form.*?</form>", text, re.DOTALL) if 'value="take"' in x)
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form):
        fields.setdefault(name, []).append(html.unescape(value))
    fields.pop("csrfmiddlewaretoken")
    return fields


def seen_of(text):
    return re.search(r'name="seen" value="(\w+)"', text).group(1)


def preview(client, page, **fields):
    seen = seen_of(client.get(page).content.decode())
    return send(
        client, page, page, **{"step": "preview", "seen": seen, "reason": "第 3 号通知", **fields}
    )


def change(client, page, **fields):
    shown = preview(client, page, **fields)
    assert shown.status_code == 200, shown.content.decode()
    return send(client, page, page, **hidden(shown.content.decode()))


__all__ = [
    "DISTRICT", "NOW", "OWNER", "TODAY", "TUNNEL", "Clock", "change", "hidden", "preview", "seen_of",
    "text_of",
]  # fmt: skip
