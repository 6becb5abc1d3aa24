"""Pages of a workspace into which no city was loaded yet."""

from __future__ import annotations

import pytest

from anlan.entrypoints import clock
from tests.entrypoints.keeping import Clock, text_of
from tests.entrypoints.test_pages import an_account, signed_in

pytestmark = pytest.mark.django_db(databases="__all__")


def test_they_say_so(monkeypatch, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(clock, "_current", Clock())
    client = signed_in(an_account("duty_officer"))
    assert "No city data" in text_of(client, "/registry")
    assert "No city data" in text_of(client, "/rules")
    assert client.get("/registry/findings").status_code == 200
    assert client.get("/registry/posts").status_code == 409
    assert client.get("/rules/water.tunnel").status_code == 404
    for address in ("/watch", "/watch/features", "/watch?at=2021-07-20T08:00"):
        answer = client.get(address, {} if "?" in address else {"lang": "en"})
        assert (answer.status_code, b"anlan city load" in answer.content) == (409, True)
