"""What is made of a report before anything is written."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.registry.domain.jurisdiction import Lexicon
from anlan.sensing.domain import reports as r
from anlan.sensing.domain.errors import TextTooLongError

NOW = datetime(2021, 7, 20, 8, 0, tzinfo=UTC)
LEXICON = (
    Lexicon(
        hazard="gas.leak",
        words={"zh": ("燃气味", "煤气"), "en": ("gas", "gas smell")},
        strong={"zh": ("爆炸",), "en": ("explosion",)},
    ),
    Lexicon(hazard="flood.urban", words={"zh": ("积水", "内涝"), "en": ("flooded",)}),
)


@pytest.mark.parametrize(
    ("text", "hazard", "strong"),
    [
        ("楼道里有燃气味", "gas.leak", False),
        ("Strong GAS smell near the stairs", "gas.leak", False),
        ("pegasus statue", "", False),
        ("路面积水，车被淹", "flood.urban", False),
        ("积水 内涝 煤气", "flood.urban", False),  # more words win
        ("积水 内涝 爆炸", "gas.leak", True),  # a word of danger to life wins
        ("", "", False),
        ("一切正常", "", False),
    ],
)
def test_recognition(text, hazard, strong):
    found = r.recognise(text, r.words_of(LEXICON))
    assert (found.hazard, found.strong) == (hazard, strong)


def test_words_are_the_lexicons_not_the_reporters():
    found = r.recognise("张三家 Gas smell! 13800000000 积水", r.words_of(LEXICON))
    assert set(found.words) == {"gas", "gas smell", "积水"}


@given(st.text(max_size=80))
def test_recognition_never_fails_and_never_invents(text):
    found = r.recognise(text, r.words_of(LEXICON))
    every = {
        w
        for entry in LEXICON
        for group in (entry.words, entry.strong)
        for ws in group.values()
        for w in ws
    }
    assert set(found.words) <= every
    assert all(word.casefold() in text.casefold() for word in found.words)
    assert bool(found.hazard) == bool(found.words)


@pytest.mark.parametrize(
    ("claimed", "at", "flags"),
    [
        (None, NOW, ()),
        (NOW, NOW, ()),
        (NOW - timedelta(hours=3), NOW - timedelta(hours=3), ()),
        (NOW - timedelta(days=30), NOW - timedelta(days=30), ()),
        (NOW - timedelta(days=30, seconds=1), NOW - timedelta(days=30, seconds=1), ("known_long_ago",)),
        (NOW + timedelta(minutes=5), NOW, ()),
        (NOW + timedelta(minutes=5, microseconds=1), NOW, ("clock_ahead",)),
        (NOW.replace(tzinfo=None), NOW, ("time_without_zone",)),
        (datetime(1, 1, 1, tzinfo=UTC), NOW, ("bad_time",)),
    ],
)  # fmt: skip
def test_the_time_of_knowledge(claimed, at, flags):
    known = r.time_of_knowledge(claimed, received_at=NOW)
    assert (known.at, known.flags) == (at, flags)


@given(st.none() | st.datetimes(timezones=st.none() | st.just(UTC)))
def test_knowledge_never_comes_after_receipt_and_the_claim_stays(claimed):
    known = r.time_of_knowledge(claimed, received_at=NOW)
    assert known.at <= NOW
    assert known.claimed in (None, claimed)
    if known.claimed is None and claimed is not None:
        assert known.flags  # an unusable claim is never dropped without a word


@pytest.mark.parametrize(
    ("lat", "lon", "flags"),
    [
        (None, None, ()),
        (34.7, None, ("bad_position",)),
        (None, 113.6, ("bad_position",)),
        (90.1, 0.0, ("bad_position",)),
        (math.nan, 0.0, ("bad_position",)),
        (0.0, math.inf, ("bad_position",)),
        (-90.0, 180.0, ()),
    ],
)
def test_positions(lat, lon, flags):
    assert r.point_of(lat, lon)[1] == flags


@pytest.mark.parametrize(
    ("given_name", "kept", "flags"),
    [
        ("", "", ()),
        ("Hotline-12345", "hotline-12345", ()),
        ("<script>", "other", ("odd_channel",)),
        ("x" * 41, "other", ("odd_channel",)),
    ],
)
def test_channels(given_name, kept, flags):
    assert r.channel_of(given_name) == (kept, flags)


@pytest.mark.parametrize(
    ("tag", "kept"), [("zh", "zh"), ("en-GB", "en-GB"), ("zh-Hans-CN", "zh-Hans-CN"), ("'; --", "")]
)
def test_languages(tag, kept):
    assert r.language_of(tag) == kept


def test_the_limit_of_a_text_is_exact():
    r.refuse_long(r.ReportIn(text="水" * r.MAX_TEXT))
    with pytest.raises(TextTooLongError) as caught:
        r.refuse_long(r.ReportIn(text="水" * (r.MAX_TEXT + 1)))
    assert caught.value.params == {"field": "text", "length": 10_001, "limit": 10_000}
    with pytest.raises(TextTooLongError):
        r.refuse_long(r.ReportIn(contact=r.Contact(phone="1" * 501)))


def test_numbers_and_secrets():
    assert r.number_of(123, "20210720") == "AL-20210720-000123"
    assert r.number_of(12_345_678, "20210720") == "AL-20210720-12345678"
    stored = r.follow_hash("a secret")
    assert r.may_follow("a secret", stored)
    assert not r.may_follow("another", stored)
    assert not r.may_follow("", "")
