"""What must not break Watch: odd questions, instants of other zones, a place without a city."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from anlan.entrypoints import clock
from anlan.entrypoints.web.watching import features
from anlan.kernel.geometry import Point
from tests.entrypoints.test_pages import NOW, an_account, signed_in
from tests.entrypoints.test_watch import a_case

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture(autouse=True)
def demo(demo_of_the_module, db, monkeypatch, settings):
    class Standing:
        def now(self):
            return NOW

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(clock, "_current", Standing())
    monkeypatch.setattr(features.KEPT, "_answers", features.OrderedDict())


def test_the_map_of_the_past_shows_the_instant_of_the_lists():
    client = signed_in(an_account("duty_officer"))
    local = (NOW - timedelta(hours=2)).astimezone(features.registry.timezone())
    page = client.get("/watch", {"lang": "en", "at": f"{local:%Y-%m-%dT%H:%M}"}).content.decode()
    address = re.search(r'data-features="([^"]+)"', page).group(1).replace("&amp;", "&")
    asked = parse_qs(urlsplit(address).query)
    found = json.loads(client.get("/watch/features", {"at": asked["at"][0]}).content)
    assert found["drawn"] == f"{local:%Y-%m-%d %H:%M}:00"


def test_a_map_of_the_future_is_the_map_of_now():
    client = signed_in(an_account("duty_officer"))
    a_case(area="", point=Point(34.7, 113.7), level="red", at=NOW - timedelta(hours=1))
    later = f"{NOW + timedelta(days=400):%Y-%m-%dT%H:%M:%SZ}"
    found = json.loads(client.get("/watch/features", {"at": later}).content)
    assert found["drawn"] == f"{NOW.astimezone(features.registry.timezone()):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    "at",
    [
        "0001-01-01T00:00", "0001-01-01T00:00+08:00", "9999-12-31T23:59", "9999-12-31T23:59-12:00",
        "0900-01-01", "1900-01-01", "nonsense", "2021-07-20T25:00", "2021-07-20T08:00+99:99", "\u0660",
        "2021-W29-2", "20210720T08",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/watch", "/watch/features"])
def test_no_instant_is_too_odd(path, at):
    answer = signed_in(an_account("duty_officer")).get(path, {"at": at, "lang": "en"})
    assert answer.status_code in {200, 303, 422}


@pytest.mark.parametrize(
    "asked",
    [
        {"bbox": "nan,nan,nan,nan"}, {"bbox": "-inf,-inf,inf,inf"}, {"bbox": "1,2,3"},
        {"bbox": "190,10,200,20"}, {"bbox": "170,10,-170,20"}, {"bbox": "1e999,0,1,1"},
        {"bbox": "-180,-90,180,90", "zoom": "22"}, {"bbox": "-180,-90,180,90", "zoom": "-5"},
        {"bbox": "113,34,113,34", "zoom": "1e300"}, {"zoom": "nan"}, {"zoom": "x"},
        {"bbox": "180,90,180,90", "zoom": "0"}, {"bbox": "113.5,34.6,113.9,34.86", "zoom": "99"},
    ],
)  # fmt: skip
def test_no_view_is_too_odd(asked):
    a_case(area="", point=Point(34.7, 113.7), level="red")
    answer = signed_in(an_account("duty_officer")).get("/watch/features", asked)
    assert answer.status_code in {200, 422}
    json.loads(answer.content) if answer.status_code == 200 else None


@pytest.mark.parametrize("path", ["/watch", "/watch/features", "/watch/live"])
def test_without_a_city_it_is_told_and_nothing_breaks(path, monkeypatch):
    from anlan.registry.selectors import packs

    client = signed_in(an_account("duty_officer"))
    monkeypatch.setattr(packs, "revision", lambda: "")
    from anlan.registry import public

    monkeypatch.setattr(public, "is_loaded", lambda: False)
    assert client.get(path).status_code < 500
