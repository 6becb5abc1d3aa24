"""Every page of the product with something on it: what the walk in Chromium and the pictures show.

The list is that of the server's own addresses.  What stands for a number or a code in them is
found by following the links of the pages, from what the head of each page leads to: a page that
nobody is led to is found missing.
"""

from __future__ import annotations

import html
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.cap import a_signal
from tests.served import Served

#: Who looks: the seat of each role, in the order in which they are led through the pages.
SEATS = {
    "": {},
    "commander": {"post": "P-COMMANDER"},
    "duty_officer": {"post": "P-DUTY-LEAD"},
    "system_admin": {},
    "security_admin": {},
    "auditor": {},
}
#: Pages of these beginnings hold most for that role.
KEEPERS = {"registry": "system_admin", "users": "security_admin"}
#: What scripts and not people read.
NOT_READ = {
    "watch/live",
    "watch/features",
    "report/areas",
    "uploads",
    "uploads/<str:token>",
    "streams/<str:code>/plot",
    "streams/<str:code>/readings.csv",
    "streams/<str:code>/readings.parquet",
}
#: Where a walk begins beside the head of the page.
DOORS = ("/", "/report", "/follow", "/sign-in", "/watch", "/design")
#: Addresses that say which of several things is wanted: kinds of entries.
EACH_KIND = {
    "registry/<str:kind>",
    "registry/<str:kind>/<str:key>",
    "registry/<str:kind>/<str:key>/edit",
}
REPORTS = (
    ("下穿立交积水，车已熄火", 34.757, 113.600),
    ("路口积水没过膝盖", 34.758, 113.601),
    ("桥下积水还在涨", 34.7575, 113.6005),
    ("楼道里有燃气味", 34.700, 113.720),
    ("井盖被水冲走", 34.640, 113.550),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A page: by whom and where it is seen, and what is done first to get there.

    ``steps`` are (selector, what to fill in or which to choose, or nothing to press it).
    """

    role: str
    address: str
    status: int = 200
    steps: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """A name that a file can have."""
        plain = re.sub(r"(secret|invitation)=[^&]+", "", self.address)
        words = re.sub(r"[^\w-]+", "-", plain).strip("-")
        return "-".join(filter(None, [words or "status", self.role, "after" * bool(self.steps)]))


def patterns() -> Iterator[tuple[str, str | None]]:
    """Yield (pattern, permission) of every address that says whom it is for."""
    from anlan.conf import urls

    for one in urls.urlpatterns:
        view = getattr(one, "callback", None)
        if view is not None and hasattr(view, "permission"):
            yield str(one.pattern), view.permission


def send(place: Served, path: str, body: bytes, kind: str) -> dict[str, str]:
    """Send a sign over the interface; return what it was answered with."""
    head = {"Authorization": f"Bearer {place.token}", "Content-Type": kind}
    asked = urllib.request.Request(f"{place.address}/api/v1/{path}", data=body, headers=head)
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return json.load(answer)


def live_in(place: Served) -> str:
    """Bring a warning, rising water, reports and two replays; return the way to one report."""
    now = datetime.fromtimestamp(int(time.time()), UTC)  # noqa: TID251  the server reads its own clock
    send(place, "signals", a_signal("orange", now), "application/xml")
    rows = [
        {"stream": "POND-01", "at": (now - timedelta(minutes=m)).isoformat(), "value": 60.0 - 2 * m}
        for m in range(20, -1, -1)
    ]
    send(place, "observations", json.dumps({"observations": rows}).encode(), "application/json")
    for text, lat, lon in REPORTS:
        said = json.dumps({"text": text, "lat": lat, "lon": lon}).encode()
        kept = send(place, "reports", said, "application/json")
    for _ in range(2):
        place.command("-m", "anlan", "replay", "itaewon-2022", "--weeks", "0")
    time.sleep(5)  # the clockwork judges what came, and gives each an owner
    place.case_of(kept["number"])
    place.command("-m", "anlan", "ledger", "seal")  # what is not sealed has no proof yet
    return "/follow?" + urllib.parse.urlencode({one: kept[one] for one in ("number", "secret")})


class NotFollowed(urllib.request.HTTPRedirectHandler):
    """Leaves a way elsewhere as the answer: where it leads is a page of its own."""

    def redirect_request(self, *_given):
        return None


def _get(place: Served, secret: str, address: str) -> tuple[int, str]:
    asked = urllib.request.Request(place.address + address)
    asked.add_header("Accept", "text/html")
    if secret:
        asked.add_header("Cookie", f"anlan_session={secret}")
    try:
        with urllib.request.build_opener(NotFollowed).open(asked, timeout=60) as answer:
            is_page = answer.headers.get_content_type() == "text/html"
            return answer.status, answer.read().decode() if is_page else ""
    except urllib.error.HTTPError as error:
        return error.code, ""


def _shape(pattern: str) -> re.Pattern[str]:
    text = re.sub(r"<int:\w+>", r"\\d+", pattern)
    return re.compile(re.sub(r"<str:\w+>", r"[^/]+", text))


def _led(text: str) -> list[str]:
    """Return where the links of a page lead, and the forms that only ask."""
    found = [one for one in re.findall(r'href="(/[^"#]*)', text) if not one.startswith("/static/")]
    for action, inside in re.findall(
        r'<form method="get" action="([^"]+)"(.*?)</form>', text, re.DOTALL
    ):
        given = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', inside))
        found.append(f"{action}?{urllib.parse.urlencode(given)}")
    return [html.unescape(one) for one in found]


def every_page(place: Served, secrets: dict[str, str], report: str) -> list[Seen]:
    """Return every page that people read, once, as seen by who sees most on it."""
    shapes = [(one, _shape(one)) for one, _ in patterns() if one not in NOT_READ]
    seen: dict[str, Seen] = {}
    for role, secret in secrets.items():
        for address, key in _walk(lambda where, s=secret: _get(place, s, where), shapes):  # type: ignore[misc]
            keeper = KEEPERS.get(key.partition("/")[0])
            if key not in seen or role == keeper:
                seen[key] = Seen(role, address)
    _refuse_unseen(place, secrets, {key.partition("?")[0] for key in seen}, shapes)
    return [*seen.values(), *_more(place, secrets, seen, report)]


def _walk(
    get: Callable[[str], tuple[int, str]], shapes: list[tuple[str, re.Pattern[str]]]
) -> Iterator[tuple[str, str]]:
    """Follow links from page to page; yield (address, what it is) for one of each."""
    waiting, done = deque(DOORS), set[str]()
    while waiting:
        address = waiting.popleft()
        path = address.partition("?")[0].lstrip("/")
        pattern = next((one for one, shape in shapes if shape.fullmatch(path)), None)
        if pattern is None and path:
            continue
        key = pattern or ""
        if key in EACH_KIND:
            key += "?" + path.split("/")[1]
        if key in done:
            continue
        status, text = get(address)
        if status == 200 and text:
            done.add(key)
            waiting += _led(text)
            yield address, key


def _refuse_unseen(
    place: Served,
    secrets: dict[str, str],
    seen: set[str],
    shapes: list[tuple[str, re.Pattern[str]]],
) -> None:
    """Fail for a page to which no link leads; what only takes forms is none."""
    for pattern, _ in shapes:
        if pattern in seen:
            continue
        address = "/" + re.sub(r"<int:\w+>", "987654", re.sub(r"<str:\w+>", "posts", pattern))
        answers = [_get(place, secret, address) for secret in secrets.values()]
        # An invitation is sent and not linked to; a table for a spreadsheet is taken away, not read.
        no_page = any(status == 405 or (status == 200 and not text) for status, text in answers)
        assert no_page or pattern == "welcome", f"no link leads to {pattern}"


def _more(
    place: Served, secrets: dict[str, str], seen: dict[str, Seen], report: str
) -> Iterator[Seen]:
    """Yield pages that are another thing with something chosen, filled in or refused."""
    invited = {role: place.invitation(role) for role in ("street_officer", "system_admin")}
    for address in invited.values():
        yield Seen("", address.removeprefix(place.address))
    yield Seen("", report)
    yield Seen("", f"{report}&new=1")
    yield Seen("", "/follow?number=X&secret=X", status=404)
    yield Seen("commander", "/nowhere", status=404)
    yield Seen("commander", "/users", status=403)
    wrong = (("#username", "nobody"), ("#password", "guessed"), ("main form button", ""))
    yield Seen("", "/sign-in", status=401, steps=wrong)
    just_now = datetime.fromtimestamp(int(time.time()) - 5, UTC)  # noqa: TID251
    yield Seen("commander", f"/watch?at={just_now:%Y-%m-%dT%H:%M:%SZ}")
    yield Seen("commander", "/replays/compare?a=1&b=2")
    yield Seen("commander", "/review?kind=day")
    yield Seen("commander", "/cases?view=overdue")
    yield Seen("duty_officer", "/duties")
    yield Seen("auditor", "/duties")
    yield Seen("system_admin", "/settings")
    case = seen["cases/<int:case_id>"].address
    yield Seen("auditor", case)
    yield Seen("system_admin", "/sign-in")
    words = "form[action*='/words']"
    asked = (
        (f"details:has({words}) summary", ""),
        (f"{words} select", "1"),
        (f"{words} button", ""),
    )
    told = (f"/cases/{number}" for number in range(1, 20))
    of_a_report = next(
        one for one in told if "/words" in _get(place, secrets["duty_officer"], one)[1]
    )
    yield Seen("duty_officer", of_a_report, steps=asked)
    user = seen["users/<int:account>"].address
    yield Seen("security_admin", user, steps=(("form[action$='/invite'] button", ""),))


def open_page(page: Any, place: Served, one: Seen) -> int:
    """Bring a browser's page to where it is described; return what it was answered with first."""
    status: int = page.goto(place.address + one.address).status
    for selector, given in one.steps:
        part = page.locator(selector).first
        if not given and "button" in selector:
            with page.expect_navigation():
                part.click()
        elif not given:
            part.click()
        elif part.evaluate("one => one.tagName") == "SELECT":
            part.select_option(index=int(given))
        else:
            part.fill(given)
    if page.locator("#map").count():
        page.locator("#map[data-shown]").wait_for()
    return status
