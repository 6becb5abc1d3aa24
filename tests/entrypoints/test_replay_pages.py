"""Replays on the pages: begun apart from the live city, seen step by step, compared, reported."""

from __future__ import annotations

import csv
import io
import re
import shutil
import time
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest

from anlan.entrypoints import here, replaying
from anlan.entrypoints.web import assets
from anlan.infra.models import JournalEntry
from anlan.learning import public as learning
from anlan.learning.services import runs
from tests.entrypoints.test_pages import (
    NOW,
    an_account,
    send,
    signed_in,
)

pytestmark = pytest.mark.django_db(databases="__all__")
LONGEST = 300


@pytest.fixture(scope="module")
def a_run(tmp_path_factory):
    """One real run in a child process, as a page starts it; the folder of its results."""
    replays = tmp_path_factory.mktemp("city") / "replays"
    order = learning.RunOrder(
        scenario="shiyan-2021", title=learning.scenario("shiyan-2021").title,
        answer_after="30m", asked_at=datetime(2026, 1, 1, tzinfo=UTC), by="account:1",
    )  # fmt: skip
    number = replaying.start(replays, order)
    deadline = time.monotonic() + LONGEST
    while runs.run(replays, number).end is None and time.monotonic() < deadline:
        time.sleep(0.2)
    seen = runs.run(replays, number)
    assert seen.state == "done", seen
    return replays


@pytest.fixture
def kept(a_run, demo):
    """The results of that run, twice, in the workspace of the tests."""
    folder = here.workspace().replays
    shutil.rmtree(folder, ignore_errors=True)
    for number in (1, 2):
        shutil.copytree(
            runs.folder_of(a_run, 1), runs.folder_of(folder, number),
            ignore=shutil.ignore_patterns("workspace*"),
        )  # fmt: skip
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def desk(demo):
    return signed_in(an_account("duty_officer"))


def text_of(client, address, language="en"):
    answer = client.get(address, headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


class TestRunning:
    def test_it_runs_apart_and_leaves_everything(self, a_run):
        folder = runs.folder_of(a_run, 1)
        names = {path.name for path in folder.iterdir()}
        assert {"order.json", "progress.json", "end.json", "summary.json", "story.json"} <= names
        assert (folder / "workspace" / "workspace.toml").read_text().count('"rehearsal"') == 1
        summary, story = runs.result_of(a_run, 1)
        assert summary.figures
        assert any(one.form == "answered" for one in story.moments)

    def test_the_child_is_told_of_no_way_out(self, monkeypatch, tmp_path):
        seen = {}
        monkeypatch.setenv("ANLAN_DATABASE_URL", "postgresql://live/city")
        monkeypatch.setenv("ANLAN_SMTP_HOST", "mail.example")
        monkeypatch.setattr(
            replaying.subprocess, "Popen", lambda command, **how: seen.update(how) or Mock()
        )
        order = learning.RunOrder(
            scenario="shiyan-2021",
            title=learning.scenario("shiyan-2021").title,
            asked_at=NOW,
            by="x",
        )
        replaying.start(tmp_path / "replays", order)
        assert seen["env"]["ANLAN_WORKSPACE"] == str(tmp_path)
        assert not [name for name in seen["env"] if name.startswith(replaying.KEPT_FROM_CHILD)]
        assert seen["start_new_session"]

    def test_a_page_starts_one_and_a_second_is_refused(self, desk, monkeypatch):
        folder = here.workspace().replays
        entries = JournalEntry.objects.count()
        held = []

        def popen(_command, *, pass_fds, **_how):
            held.extend(replaying.os.dup(one) for one in pass_fds)
            return Mock()

        monkeypatch.setattr(replaying.subprocess, "Popen", popen)
        try:
            form = "/replays/new?scenario=zhengzhou-2021"
            fields = {
                "scenario": "zhengzhou-2021", "packs": "here", "answer": "5m", "weeks": "1",
                "without": ["rain_red.rail_line"],
            }  # fmt: skip
            answer = send(desk, form, "/replays/new", **fields)
            assert answer.status_code == 303, answer.content.decode()
            page = answer["Location"]
            assert "Running" in text_of(desk, page)
            again = send(desk, form, "/replays/new", **fields)
            assert again.status_code == 409
            assert "replay.running" in again.content.decode()
            for kept in ('value="here" checked', 'value="5m" selected', 'name="weeks" value="1" checked',
                         'value="rain_red.rail_line" checked'):  # fmt: skip
                assert kept in again.content.decode()
            assert send(desk, page, f"{page}/stop").status_code == 303
            number = int(page.rsplit("/", 1)[1])
            assert (runs.folder_of(folder, number) / runs.STOP).exists()
            order = runs.order_of(folder, number)
            assert (order.packs, order.without, order.weeks) == (
                "here",
                ("rain_red.rail_line",),
                100,
            )
            # The pack of this city went along, without its people.
            holders = (runs.folder_of(folder, number) / "city-here" / "holders.csv").read_text()
            assert "@" not in holders
        finally:
            for one in held:
                replaying.os.close(one)
            shutil.rmtree(folder, ignore_errors=True)
        assert JournalEntry.objects.count() == entries

    @pytest.mark.parametrize(
        "wrong", [{"answer": "1s"}, {"without": "no.such.rule"}, {"scenario": "no-such-event"}]
    )
    def test_a_choice_that_is_none_is_refused(self, desk, wrong):
        fields = {"scenario": "shiyan-2021", "packs": "shipped", "answer": "", **wrong}
        answer = send(desk, "/replays/new?scenario=shiyan-2021", "/replays/new", **fields)
        assert answer.status_code in (404, 422)
        assert learning.runs(here.workspace().replays) == []

    def test_the_rules_of_here_are_offered_for_the_same_city_only(self, desk):
        assert 'value="here"' in text_of(desk, "/replays/new?scenario=zhengzhou-2021")
        assert 'value="here"' not in text_of(desk, "/replays/new?scenario=itaewon-2022")

    def test_who_may_not_run_may_still_look(self, demo, kept):
        client = signed_in(an_account("street_officer"))
        text = text_of(client, "/replays")
        assert "/replays/new" not in text
        assert "/replays/1" in text
        assert client.get("/replays/new?scenario=shiyan-2021").status_code == 403

    def test_a_run_that_broke_off_says_so(self, desk, kept):
        (runs.folder_of(kept, 1) / runs.END).unlink()
        assert "Broken off" in text_of(desk, "/replays/1")

    def test_a_refusal_of_the_run_is_told_in_words(self, desk, kept):
        refused = runs.RunEnd(
            ended_at=NOW, took_s=1, code="replay.rule_unknown", params={"rule": "rain.x"}
        )
        runs.end(runs.folder_of(kept, 1), refused)
        assert "The packs have no rule rain.x." in text_of(desk, "/replays/1")

    def test_what_a_child_cannot_do_is_written_down(self, tmp_path, monkeypatch):
        replays = tmp_path / "replays"
        order = learning.RunOrder(
            scenario="shiyan-2021",
            title=learning.scenario("shiyan-2021").title,
            asked_at=NOW,
            by="x",
        )
        number = runs.new_run(replays, order)
        monkeypatch.setenv("ANLAN_WORKSPACE", str(tmp_path))
        monkeypatch.setattr(replaying.os, "nice", lambda _by: 0)
        monkeypatch.setattr(replaying, "rehearse", lambda *_a, **_k: 1 / 0)
        assert replaying.carry_out(number) == 1
        assert runs.run(replays, number).end.code == "internal"


class TestTimeLine:
    def shown(self, text):
        return re.findall(
            r'<li data-at="([^"]+)" data-form="(\w+)" data-n="\d+"(?! hidden)(?! data-quiet)>', text
        )

    def test_at_its_end_everything_is_known(self, desk, kept):
        text = text_of(desk, "/replays/1")
        forms = {form for _, form in self.shown(text)}
        assert {"sign", "raised", "owned", "told", "answered", "outcome"} <= forms
        assert "Rests on memory" in text  # how it is counted
        assert text.count('role="img"') >= 1

    def test_without_scripts_links_step_through_it(self, desk, kept):
        _, story = learning.result_of(kept, 1)
        at, walked = story.from_at, []
        for _ in range(400):
            text = text_of(desk, f"/replays/1?at={at}")
            assert all(when <= at for when, _ in self.shown(text))
            following = re.search(r'href="\?at=([^"#]+)#line" data-step="after"', text).group(1)
            if following <= at:
                break
            at = following
            walked.append(at)
        wanted = [one for one in learning.stops(story) if one > story.from_at]
        assert walked[: len(wanted)] == wanted

    def test_how_it_ran_is_said_in_words(self, desk, kept):
        assert "every post answers after 30 min" in text_of(desk, "/replays/1")
        assert "各岗位 30 分钟后应答" in text_of(desk, "/replays/1", "zh")

    def test_an_instant_that_is_none_is_the_end(self, desk, kept):
        assert "data-now>2021-06-13 08:00" in text_of(desk, "/replays/1?at=yesterday")
        assert "data-now>2021-06-13 05:00" in text_of(desk, "/replays/1?at=1999-01-01T00:00:00")

    def test_both_languages_have_words_for_every_moment(self, desk, kept):
        for language in ("zh", "en"):
            text = text_of(desk, "/replays/1", language)
            assert not re.search(r">(?:moment|form|lane|fact|run|replay)\.\w+", text)

    def test_it_can_be_taken_away(self, desk, kept):
        answer = desk.get("/replays/1?form=csv")
        rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
        _, story = learning.result_of(kept, 1)
        assert len(rows) == len(story.moments) + 1
        assert "attachment" in answer["Content-Disposition"]

    def test_scripts_come_from_here_alone(self, desk, kept):
        answer = desk.get("/replays/1")
        assert "script-src 'self';" in answer["Content-Security-Policy"]
        scripts = re.findall(r"<script[^>]*>", answer.content.decode())
        assert scripts == [f'<script type="module" src="{assets.stamped("replay.js")}">']

    @pytest.mark.parametrize("number", [3, 0])
    def test_another_number_is_not_found(self, desk, kept, number):
        assert desk.get(f"/replays/{number}").status_code == 404


class TestCompare:
    def test_equal_runs_are_called_equal(self, desk, kept):
        assert "Both runs raised the same duties" in text_of(desk, "/replays/compare?a=1&b=2")

    def test_differences_are_named(self, desk, kept):
        path = runs.folder_of(kept, 2) / "summary.json"
        path.write_bytes(path.read_bytes().replace(b'"level": "red"', b'"level": "orange"'))
        text = text_of(desk, "/replays/compare?a=1&b=2")
        assert "another level" in text
        assert 'class="differs"' in text

    @pytest.mark.parametrize("query", ["a=1&b=9", "a=1&b=x", "a=1&b=99999999999999999999"])
    def test_what_is_no_run_is_refused(self, desk, kept, query):
        assert desk.get(f"/replays/compare?{query}").status_code in (404, 422)

    def test_other_events_are_not_compared(self, desk, kept):
        path = runs.folder_of(kept, 2) / "summary.json"
        path.write_bytes(
            path.read_bytes().replace(b'"scenario": "shiyan-2021"', b'"scenario": "x"')
        )
        answer = desk.get("/replays/compare?a=1&b=2")
        assert answer.status_code == 422
        assert "replay.other_scenario" in answer.content.decode()


class TestReport:
    def test_a_replay_has_the_same_report_with_lead_and_gain(self, desk, kept):
        text = text_of(desk, "/replays/1/review")
        assert "Median wait" in text
        assert "lead" in text
        assert re.search(r"<code>[0-9a-f]{64}</code>", text)  # the checkpoint that seals it
        assert "was cleared away" in text  # of these copies

    def test_the_numbers_of_a_replay_are_those_of_its_story(self, a_run):
        from anlan.entrypoints import reviewing

        found = reviewing.stored(runs.folder_of(a_run, 1) / learning.REVIEW_FILE)
        _, story = runs.result_of(a_run, 1)
        opened = {one.about for one in story.moments if one.form == "owned"}
        whole = found.read.review.whole
        assert whole.opened == len(opened) > 0
        assert whole.answered == len(
            {one.about for one in story.moments if one.form in ("answered", "moved")} & opened
        )
