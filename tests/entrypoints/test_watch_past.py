"""The map of an earlier instant: what had been received and written down by then, and what is missing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from anlan.entrypoints.web.watching import features, kept, streams
from anlan.kernel.geometry import Point
from anlan.registry import public as registry
from anlan.response.selectors import asof
from anlan.sensing import known_then
from anlan.sensing import public as sensing
from anlan.sensing.public import BatchIn, ReportIn, RowIn, keep_report
from anlan.warning.domain.findings import Evidence, Finding, Reason, What
from anlan.warning.services.findings import keep_findings
from tests.entrypoints.test_pages import NOW, TEST, an_account, signed_in
from tests.entrypoints.test_watch import a_case, a_warning
from tests.entrypoints.test_watch_map import answered, asked, demo, of, spots  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db(databases="__all__")


def read(stream, at, value=1.0, received=None):
    batch = BatchIn((RowIn(stream, at, value),))
    sensing.keep_observations(TEST, batch, now=received or at)


def back(**ago):
    return (NOW - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


class TestPast:
    def test_it_shows_the_cases_of_then(self):
        a_case(place="RP-METRO-5", area="", level="red", at=NOW - timedelta(hours=2))
        a_case(place="RP-TUNNEL-JG", area="", level="red", at=NOW - timedelta(minutes=5))
        a_case(area="410102", level="blue", at=NOW - timedelta(hours=2))
        client = signed_in(an_account("duty_officer"))
        then = asked(client, at=back(hours=1))
        assert len(of(then, "case")) == 1
        assert len(of(asked(client), "case")) == 2
        assert [one["properties"]["level"] for one in of(then, "in_area")] == ["blue"]
        assert len(of(then, "place")) == len(of(asked(client), "place"))

    def test_a_sensor_stands_as_it_was_known_then(self):
        fresh, silent, late, never = (one.code for one in registry.sensors(at=NOW)[:4])
        hour = NOW - timedelta(hours=1)
        read(fresh, hour - timedelta(minutes=1), 3.5)
        read(silent, hour - timedelta(hours=5), 2.0)
        read(late, hour - timedelta(minutes=1), 7.0, received=NOW)
        for code in (fresh, silent, late):
            read(code, NOW, 9.0)
        then = answered(signed_in(an_account("duty_officer")), at=back(hours=1))
        names = {registry_name(code): code for code in (fresh, silent, late, never)}
        told = {
            names[one["properties"]["name"]]: one["properties"]
            for one in of(then["features"], "sensor")
            if one["properties"]["name"] in names
        }
        assert told[fresh]["fresh"]
        assert told[fresh]["told"].startswith("3.5 ")
        assert not told[silent]["fresh"]
        assert told[silent]["told"].startswith("2 ")
        assert told[late]["told"].startswith("no reading after")  # it was not there yet
        assert told[never]["told"] == "no data"
        assert then["left_out"] == ""
        text = signed_in(an_account("commander", name="chief")).get(
            f"/watch?at={back(hours=1)}&lang=en"
        )
        assert "1 fresh" in text.content.decode()
        assert "2 stale" in text.content.decode()

    def test_what_cannot_be_told_is_said(self, monkeypatch):
        monkeypatch.setattr(known_then, "MOST_LOOKED", -1)
        sensor = registry.sensors(at=NOW)[0].code
        read(sensor, NOW - timedelta(hours=2))
        read(sensor, NOW)
        client = signed_in(an_account("duty_officer"))
        then = answered(client, at=back(hours=1))
        assert "Not drawn: how some sensors stood then" in then["left_out"]
        shown = client.get(f"/watch?at={back(hours=1)}&lang=en").content.decode()
        assert "1 not known for that time" in shown

    def test_more_cases_than_can_be_drawn_are_counted_by_cells(self, monkeypatch):
        monkeypatch.setitem(features.SHARES, "case", 20)
        for lat, lon in spots(30):
            a_case(area="", point=Point(lat, lon), level="red", at=NOW - timedelta(hours=2))
        found = asked(signed_in(an_account("duty_officer")), at=back(hours=1))
        cells = [one for one in of(found, "cell") if one["properties"]["of"] == "case"]
        assert sum(one["properties"]["count"] for one in cells) == 30
        assert of(found, "case") == []

    def test_cases_that_were_not_rebuilt_are_said_to_be_missing(self, monkeypatch):
        monkeypatch.setattr(asof, "MOST_THEN", 2)
        for _ in range(3):
            a_case(place="RP-METRO-5", area="", at=NOW - timedelta(hours=2))
        then = answered(signed_in(an_account("duty_officer")), at=back(hours=1))
        assert "cases opened earlier (the 2 opened last were rebuilt)" in then["left_out"]

    def test_a_cluster_stands_until_it_was_cleared(self):
        ids = [
            keep_report(TEST, ReportIn(text="水", lat=34.7, lon=113.7), secret="s" * 40, now=NOW).pk
        ]
        began, ended = NOW - timedelta(hours=3), NOW - timedelta(hours=1)
        for what, at in ((What.RAISED, began), (What.CLEARED, ended)):
            found = Finding(
                what=what, rule="R-X", version=1, subject="cluster:1", hazard="flood.urban",
                level="orange", area="410100", since=at, at=at, reason=Reason("threshold.over"),
                evidence=Evidence(reports=tuple(ids)),
            )  # fmt: skip
            with transaction.atomic():
                keep_findings([found], root="410100", area_paths={"410100": "410100"}, now=at)
        client = signed_in(an_account("duty_officer"))
        assert [len(of(asked(client, at=back(hours=h)), "cluster")) for h in (4, 2, 0.5)] == [
            0,
            1,
            0,
        ]
        other = signed_in(an_account("street_officer", ("410103",), name="other"))
        assert of(asked(other, at=back(hours=2)), "cluster") == []

    def test_many_things_cost_as_many_queries_as_few(self, monkeypatch):
        client = signed_in(an_account("duty_officer"))
        codes = [one.code for one in registry.sensors(at=NOW)]
        counted = []
        for wanted in (2, 20):
            for number in range(wanted):
                at = NOW - timedelta(hours=2, minutes=number)
                a_case(level="red", area="410102", at=at)
                a_case(place=registry.places(at=NOW)[number % 5].code, area="", at=at)
                a_warning(extent=f"{wanted}-{number}", at=at)
                read(codes[number % 5], at)
                read(codes[number % 5], NOW)
            for _ in range(2):
                monkeypatch.setattr(kept.KEPT, "_answers", kept.OrderedDict())
                streams.known_at.cache_clear()
                with CaptureQueriesContext(connection) as seen:
                    asked(client, at=back(hours=1))
            counted.append(len(seen))
        assert counted[0] == counted[1] <= 44


def registry_name(code):
    sensor = next(one for one in registry.sensors(at=NOW) if one.code == code)
    return sensor.name_en or sensor.name_zh
