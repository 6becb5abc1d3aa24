"""The status page says what is wrong first, in both languages, and asks no other host for anything."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from anlan import flow
from anlan.entrypoints import clock, here
from anlan.infra import delivery
from anlan.kernel.actor import system_actor
from anlan.learning.domain.summary import to_json
from anlan.sensing import public as sensing
from anlan.sensing.domain.errors import CapError
from anlan.warning import public as warning
from tests.cap import a_signal
from tests.cities import load_demo
from tests.learning.domain.test_summary_text import SUMMARY

NOW = datetime(2026, 7, 20, 4, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def standing(monkeypatch):
    class Standing:
        def now(self):
            return NOW

    monkeypatch.setattr(clock, "_current", Standing())


def page(language):
    answer = Client().get(f"/?lang={language}")
    assert answer.status_code == 200
    return answer, answer.content.decode()


def test_an_empty_workspace_has_a_calm_page(standing):
    _, text = page("en")
    assert "No city data loaded yet" in text
    assert "Nothing is open at present." in text


def test_what_nobody_answered_stands_first(standing):
    load_demo(NOW)
    sensing.keep_signal(system_actor("test"), a_signal("red", NOW), now=NOW)
    delivery.settle(flow.REACTIONS, now=NOW)
    warning.judge(now=NOW)
    delivery.settle(flow.REACTIONS, now=NOW)
    for language, words in (("zh", ("无人应答", "暴雨", "红色")), ("en", ("unanswered", "ed"))):
        answer, text = page(language)
        assert all(word in text for word in words)
        first = re.search(r'class="first"><dt>[^<]+</dt><dd>(\d+)</dd>', text)
        assert first is not None
        assert int(first.group(1)) > 0
        assert not re.search(r'(?:src|href)="https?://', text), "no other host is asked"
        assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_health_says_that_the_clockwork_never_ran(standing):
    answer = Client().get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["worker"]["state"] == "never"


def test_metrics_are_plain_text(standing):
    text = Client().get("/metrics").content.decode()
    assert "anlan_journal_entries" in text
    assert all(
        line.startswith("#") or re.match(r"^\w+(\{.*\})? [\d.e+-]+$", line)
        for line in text.splitlines()
    )


def test_what_could_not_be_read_is_counted_on_the_page_and_for_collectors(standing):
    """Kept aside must not mean forgotten."""
    assert "kept aside" not in page("en")[1]
    with pytest.raises(CapError):
        sensing.keep_signal(system_actor("test"), b"<no/>", now=NOW)
    assert "kept aside and waiting for a person: <strong>1</strong>" in page("en")[1]
    assert "待人工处理的报文：" in page("zh")[1]
    assert "\nanlan_kept_aside 1\n" in Client().get("/metrics").content.decode()


def test_a_warning_of_an_unknown_kind_and_level_does_not_take_the_page_away(standing):
    load_demo(NOW)
    strange = a_signal("red", NOW)
    for said in (
        b"<parameter><valueName>anlan.level</valueName><value>red</value></parameter>",
        b" red</headline>",
    ):
        assert said in strange
        strange = strange.replace(said, b"</headline>" if b"headline" in said else b"")
    strange = strange.replace(b"met.rainstorm", b"no.such").replace("暴雨".encode(), b"xyzzy")
    strange = strange.replace(b"rainstorm", b"xyzzy").replace(b"Extreme", b"Unknown")
    row = sensing.keep_signal(system_actor("test"), strange, now=NOW)
    assert (row.hazard, row.level) == ("", "")
    delivery.settle(flow.REACTIONS, now=NOW)
    for language, words in (
        ("en", ("Warning of an unknown kind", "level not stated")),
        ("zh", ("种类不明的预警", "级别不明")),
    ):
        assert all(word in page(language)[1] for word in words)


def test_a_stored_replay_shows_its_figures_with_what_they_rest_on_and_an_unreadable_one_nothing(
    standing,
):
    folder = here.workspace().replays
    for name, data in (("good", to_json(SUMMARY)), ("bad", b"{"), ("older", b'{"format": 0}')):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "summary.json").write_bytes(data)
    _, text = page("en")
    assert "Some event" in text
    for said in ("+20 h 01 min", "(rests on: memory, assumed)", "0.50 red and 3.25 orange",
                 "how long before the harm", "in a rehearsal workspace"):  # fmt: skip
        assert said in text
    _, text = page("zh")
    assert "某事件" in text
    assert "依据含：记忆、假定" in text
