"""Texts of notices: complete in both languages, gentle with gaps, deaf to personal data."""

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import anlan
from anlan.notices.catalogue import messages
from anlan.notices.domain.wording import (
    MAX_PARAM,
    Framing,
    NoticeParamError,
    check_params,
    fill,
    notice_text,
)
from anlan.notices.domain.words import Mark, Occasion, Urgency

ZONE = ZoneInfo("Asia/Shanghai")
SOURCE = Path(anlan.__file__).parent
PARTS = {"zh_title", "zh_body", "en_title", "en_body"}


def test_every_entry_has_both_languages_with_the_same_parameters():
    for subject, texts in messages().items():
        assert set(texts) == PARTS, subject
        names = {
            lang: {
                name
                for part in ("title", "body")
                for _, name, _, _ in Formatter().parse(texts[f"{lang}_{part}"])
                if name
            }
            for lang in ("zh", "en")
        }
        assert names["zh"] == names["en"], subject


def test_every_frame_that_can_be_asked_for_is_worded():
    wanted = {"frame.exercise", "mail.footer", "notice.unknown"}
    wanted |= {f"frame.urgency.{u.value}" for u in Urgency if u is not Urgency.NORMAL}
    wanted |= {f"frame.mark.{m.value}" for m in Mark if m is not Mark.NONE}
    wanted |= {f"frame.occasion.{o.value}" for o in Occasion if o is not Occasion.POSTED}
    assert wanted <= set(messages())


def test_every_subject_that_a_room_tells_of_is_worded():
    told = {}
    for file in SOURCE.rglob("*.py"):
        for found in re.findall(r"\bsubject=\"([a-z_.]+)\"", file.read_text(encoding="utf-8")):
            told[found] = file.name
    missing = {subject: file for subject, file in told.items() if subject not in messages()}
    assert not missing


def test_no_two_rooms_word_one_subject():
    subjects = [
        subject
        for file in SOURCE.glob("*/messages.toml")
        for subject in tomllib.loads(file.read_text(encoding="utf-8"))
    ]
    assert len(subjects) == len(set(subjects))


def test_exercise_comes_first_then_urgency_then_mark():
    framing = Framing(Urgency.RED, Mark.UNANSWERED, Occasion.REMINDED, exercise=True, for_post="p1")
    catalogue = messages() | {
        "x": {
            "zh_title": "积水",
            "zh_body": "水深 {depth} 米",
            "en_title": "Water",
            "en_body": "{depth} m",
        }
    }
    zh = notice_text(catalogue, "x", {"depth": 1.50}, framing, language="zh", zone=ZONE)
    assert zh.title == "【演练】【红色·须应答】【p1 未应答】【再次提醒】积水"
    assert zh.body.startswith("水深 1.5 米\n")
    assert "不代表真实情况" in zh.body
    en = notice_text(catalogue, "x", {"depth": 1.50}, framing, language="en", zone=ZONE)
    assert en.title.startswith("[Exercise] [RED")


def test_instants_are_shown_in_local_time_and_words_in_the_language():
    texts = {
        "zh_title": "{at}",
        "zh_body": "{place} {none} {yes}",
        "en_title": "{at}",
        "en_body": "{place}",
    }
    params = {
        "at": "2021-07-20T08:01:00.000000Z",
        "place": {"zh": "隧道", "en": "tunnel"},
        "none": None,
        "yes": True,
    }
    zh = fill(texts, params, "zh", ZONE)
    assert (zh.title, zh.body) == ("2021-07-20 16:01", "隧道 – 是")
    assert fill(texts, params, "en", ZONE).body == "tunnel"
    assert fill(texts, params, "fr", ZONE).body == "tunnel"


def test_an_unknown_subject_still_says_what_it_is_about():
    text = notice_text(
        messages(), "no.such", {"about": "case:7", "subject": "no.such"},
        Framing(Urgency.NORMAL), language="en", zone=ZONE,
    )  # fmt: skip
    assert "case:7" in text.title
    assert "no.such" in text.body


@pytest.mark.parametrize(
    "value",
    [
        "someone@example.com", "call 13800138000 now", "x" * (MAX_PARAM + 1),
        "two\nlines", "cr\rlf", b"bytes", ["list"], {"zh": "只有中文"},
    ],
)  # fmt: skip
def test_free_text_and_contact_data_are_refused(value):
    with pytest.raises(NoticeParamError) as refused:
        check_params({"p": value})
    assert refused.value.params["param"] == "p"
    assert str(value) not in str(refused.value)


@pytest.mark.parametrize(
    "value",
    ["AL-20260720-000001", "410102001001", "x" * MAX_PARAM, 13800138000, 1.5, True, None, "case:7"],
)
def test_codes_numbers_and_short_names_are_kept(value):
    assert check_params({"p": value}) == {"p": value}


def test_instants_are_kept_as_text():
    at = datetime(2021, 7, 20, 8, 1, tzinfo=UTC)
    assert check_params({"due_at": at}) == {"due_at": "2021-07-20T08:01:00.000000Z"}


@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), st.text(max_size=30)), st.text())
def test_parameters_reach_nothing_but_themselves(params, odd):
    texts = {
        "zh_title": "{a.__class__} {0} {b[0]}",
        "zh_body": "{a!r}",
        "en_title": "{c}",
        "en_body": "",
    }
    text = fill(texts, {**params, "c": odd}, "zh", ZONE)
    assert "class" not in text.title or "class" in str(params)
    assert fill(texts, {"c": "{a}"}, "en", ZONE).title == "{a}"
