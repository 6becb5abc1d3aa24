"""Pages of a city that has no sensor yet: they say so and where to begin, instead of empty lists."""

from __future__ import annotations

import pytest

from anlan.entrypoints import clock
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.registry.domain import city as c
from tests.entrypoints.keeping import NOW, Clock, text_of
from tests.entrypoints.test_pages import an_account, signed_in
from tests.registry.small_city import a_city, parsed
from tests.sensing.conftest import small_law

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def officer(monkeypatch, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(clock, "_current", Clock())
    place = c.RiskPoint(
        code="RP", name_zh="涵洞", name_en="Culvert", kind="site", area="410102001", lat=34.2, lon=113.2
    )  # fmt: skip
    city = a_city(sensors=(), risk_points=(place,))
    registry.load_city(system_actor("test"), parsed(city), parsed(small_law()), now=NOW)
    return signed_in(an_account("duty_officer"))


def test_the_list_of_streams_says_where_to_begin(officer):
    text = text_of(officer, "/streams")
    assert "No stream is registered yet" in text
    assert 'href="/registry/sensors"' in text
    assert '<form class="search"' not in text
    assert "Nothing fits" not in text
    # Who looked for something is told that it was not found.
    assert "Nothing fits" in text_of(officer, "/streams?q=pond")


def test_the_health_board_counts_nothing(officer):
    text = text_of(officer, "/sensors/health")
    assert "No stream is registered yet" in text
    assert 'class="tiles"' not in text


def test_a_risk_point_without_streams_offers_no_spans(officer):
    text = text_of(officer, "/assets/RP")
    assert "No stream is registered here" in text
    assert "?range=" not in text


def test_the_board_of_rules_says_that_none_raised_anything(officer):
    text = text_of(officer, "/precision")
    assert "No rule raised anything in the last eight weeks" in text
    assert "form=csv" not in text
