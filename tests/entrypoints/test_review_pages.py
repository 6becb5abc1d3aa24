"""The report of a period on the pages: what it counts, refuses, and costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.registry import public as registry
from tests.entrypoints.test_pages import (
    NOW,
    an_account,
    signed_in,
)
from tests.entrypoints.test_replay_pages import desk, text_of  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db(databases="__all__")


class TestReview:
    @pytest.mark.parametrize("kind", ["day", "week", "month"])
    def test_a_quiet_period_says_so(self, desk, kind):  # noqa: F811
        text = text_of(desk, f"/review?kind={kind}&on=2020-02-03")
        assert "No case was opened in this period." in text
        assert "2020-02-03" in text

    @pytest.mark.parametrize("query", ["kind=year", "on=32", "on=0001-01-01", "on=9999-12-31"])
    def test_a_period_that_is_none_is_refused(self, desk, query):  # noqa: F811
        assert desk.get(f"/review?{query}").status_code == 422

    def opened(self, count):
        from anlan.response import public as response
        from tests.entrypoints.test_pages import TEST

        for hazard in list(registry.hazards())[:count]:
            opening = response.Opening(
                kind="service", hazard=hazard.id, area="410102", origin="manual", known_at=NOW
            )
            response.open_case(TEST, opening, now=NOW)

    def test_it_counts_and_asks_as_much_of_many_as_of_two(self, desk):  # noqa: F811
        desk.get("/review")
        asked = []
        for wanted in (2, 20):
            self.opened(wanted)
            with CaptureQueriesContext(connection) as seen:
                text = text_of(desk, "/review?kind=day")
            asked.append(len(seen))
        assert "22</dd>" in text
        assert asked[0] == asked[1] <= 20

    def test_a_period_to_come_is_quiet(self, desk):  # noqa: F811
        self.opened(1)
        text = text_of(desk, "/review?kind=day&on=2999-12-31")
        assert "No case was opened in this period." in text

    @pytest.mark.parametrize(
        ("language", "says"),
        [("en", "still being counted in the background"), ("zh", "仍在后台统计")],
    )
    def test_a_period_that_is_still_being_counted_says_so(
        self,
        desk,  # noqa: F811
        monkeypatch,
        language,
        says,
    ):
        from anlan.accountability.selectors import review

        self.opened(2)
        monkeypatch.setattr(review, "MOST_ENTRIES", 3)
        text = text_of(desk, f"/review?kind=week&lang={language}")
        assert says in text
        assert f"{NOW.astimezone(registry.timezone()):%Y-%m-%d}" in text
        assert 'class="progress"' in text
        monkeypatch.setattr(review, "MOST_ENTRIES", 200_000)
        assert says not in text_of(desk, "/review?kind=week")

    def test_thousands_of_changes_are_drawn_and_tabled_briefly(self, demo):
        from anlan.accountability.domain import sums
        from anlan.accountability.domain.review import TABLED
        from anlan.accountability.domain.tally import Tally
        from anlan.entrypoints.web.pages import reviews
        from anlan.kernel.events import Told
        from anlan.response.domain.events import CaseOpened

        adder, tally = sums.Adder(), Tally()
        for number in range(20_000):
            event = CaseOpened(
                case=number, number="", kind="service", hazard="", area="", place="", priority=2,
                owner="", origin="report:1",
            )  # fmt: skip
            at = NOW + timedelta(seconds=number)
            adder.read(Told(event=event, seq=number + 1, at=at, actor="system:sweep"))
        tally.add(adder.sums())
        counted = tally.review(since=NOW, until=NOW + timedelta(days=1))
        course = reviews._course(counted, registry.timezone(), "en")
        assert len(course["rows"]) <= TABLED
        assert len(course["svg"]) < 60_000
        assert course["rows"][-1][1] == 20_000

    def test_another_district_sees_none_of_it(self, demo):
        self.opened(2)
        for area, number in (("410102", 2), ("410103", 0)):
            client = signed_in(an_account("street_officer", (area,), name=f"seat-{area}"))
            text = text_of(client, "/review?kind=day")
            assert f"<dt>Opened</dt><dd>{number}</dd>" in text
            rows = client.get("/review?kind=day&form=csv").content.decode("utf-8-sig")
            assert rows.splitlines()[1].startswith(f"whole,,,{number},")

    def test_it_names_the_checkpoint_that_seals_it(self, desk):  # noqa: F811
        from anlan.accountability import public as accountability

        self.opened(1)
        assert "not sealed yet" in text_of(desk, "/review?kind=day")
        sealed = accountability.seal(now=NOW)
        text = text_of(desk, "/review?kind=day")
        assert f"of size {sealed.size}" in text
