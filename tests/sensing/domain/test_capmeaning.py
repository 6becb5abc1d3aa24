"""What a message means here, and that every conclusion says from what it was drawn."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from anlan.kernel.geometry import Point, distance_m
from anlan.kernel.scales import CapSeverity, WarningLevel, rank
from anlan.registry.domain.jurisdiction import Lexicon
from anlan.sensing.domain.cap import CapCircle, ring_of
from anlan.sensing.domain.capmeaning import (
    FROM_SEVERITY,
    SEVERITY_LEVELS,
    Dictionary,
    area_code_forms,
    meaning_of,
)
from anlan.sensing.domain.capparse import parse_cap
from anlan.sensing.domain.reports import words_of
from tests.sensing.domain.messages import message

CODES = {("cn12379", "11B03"): "met.rainstorm", ("same", "TOR"): "met.tornado"}
WORDS = Dictionary(
    hazard_of_code=lambda scheme, code: CODES.get((scheme, code)),
    knows_hazard={"met.rainstorm", "flood.urban"}.__contains__,
    lexicon=words_of(
        (
            Lexicon(hazard="met.rainstorm", words={"zh": ("暴雨",), "en": ("heavy rain",)}),
            Lexicon(hazard="flood.urban", words={"zh": ("内涝",)}),
        )
    ),
)
NO_LEVEL = ("<parameter><valueName>anlan.level</valueName><value>red</value></parameter>", "")


def read(*changes, **given):
    text = message(**given).decode()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return meaning_of(parse_cap(text.encode()), WORDS)


def test_code_and_parameter_come_first():
    found = read()
    assert (found.hazard, found.hazard_from) == ("met.rainstorm", "code:cn12379")
    assert (found.level, found.level_from) == ("red", "parameter:anlan.level")
    assert found.starts_at == datetime(2021, 7, 20, 1, 0, tzinfo=UTC)  # onset, not effective
    assert found.ends_at == datetime(2021, 7, 20, 12, 0, tzinfo=UTC)
    assert found.geocodes == ("410102000000",)
    assert len(found.polygons) == 2  # the circle too


def test_our_own_slug_is_taken_when_it_is_known_only():
    known = (
        "<valueName>cn12379</valueName><value>11B03",
        "<valueName>anlan.hazard</valueName><value>flood.urban",
    )
    unknown = (known[0], "<valueName>anlan.hazard</valueName><value>no.such")
    assert read(known).hazard == "flood.urban"
    assert read(unknown).hazard_from == "words"


def test_schemes_are_found_whatever_their_case():
    found = read(("cn12379</valueName><value>11B03", "SAME</valueName><value>TOR"))
    assert (found.hazard, found.hazard_from) == ("met.tornado", "code:same")


def test_an_unknown_code_falls_back_to_words_and_says_so():
    found = read(("11B03", "99X99"))
    assert (found.hazard, found.hazard_from) == ("met.rainstorm", "words")
    found = read(("11B03", "99X99"), ("暴雨", "some"))
    assert (found.hazard, found.hazard_from) == ("", "")


def test_a_colour_in_the_words_counts_when_no_parameter_says_it():
    found = read(NO_LEVEL)
    assert (found.level, found.level_from) == ("red", "words")
    found = read(NO_LEVEL, ("暴雨红色", "暴雨蓝色"))
    assert found.level == "blue"


@pytest.mark.parametrize("headline", ["红旗街道提醒", "red cross", "暴雨红色升级自橙色", "预警"])
def test_a_colour_that_is_no_level_does_not_count(headline):
    found = read(NO_LEVEL, ("郑州市气象台发布暴雨红色预警信号", headline))
    assert found.level_from == FROM_SEVERITY


@pytest.mark.parametrize("severity", list(CapSeverity))
def test_severity_is_converted_by_the_table_only_and_recorded_as_such(severity):
    found = read(NO_LEVEL, ("暴雨红色", ""), (">Extreme<", f">{severity.value}<"))
    expected = SEVERITY_LEVELS.get(severity)
    assert found.level == (expected.value if expected else "")
    assert found.level_from == (FROM_SEVERITY if expected else "")
    assert found.severity == severity.value


def test_the_table_keeps_the_order_of_both_scales():
    pairs = sorted(SEVERITY_LEVELS.items(), key=lambda item: rank(item[0]))
    assert [level for _, level in pairs] == list(WarningLevel)


def test_weathercn_codes_carry_their_colour():
    found = read(
        NO_LEVEL,
        (
            "<valueName>cn12379</valueName><value>11B03",
            "<valueName>weathercn</valueName><value>0203",
        ),
    )
    assert (found.level, found.level_from) == ("orange", "code:weathercn")


def test_several_blocks_lead_with_the_highest_level_of_a_known_hazard():
    text = message().decode()
    start, end = text.index("<info>"), text.index("</info>") + len("</info>")
    block = text[start:end]
    other = (
        block.replace("11B03", "00000").replace("暴雨", "Traffic").replace("410102", "999999")
        .replace("<value>red", "<value>blue").replace("红色", "")
    )  # fmt: skip
    lower = block.replace("<value>red", "<value>yellow").replace("410102000000", "410103000000")
    lower = lower.replace("<expires>2021-07-20T20", "<expires>2021-07-20T22")
    found = meaning_of(parse_cap(text.replace(block, other + lower + block).encode()), WORDS)
    assert (found.hazard, found.level) == ("met.rainstorm", "red")
    assert set(found.geocodes) >= {"410102000000", "410103000000"}
    assert found.ends_at == datetime(2021, 7, 20, 14, 0, tzinfo=UTC)


def test_nothing_is_concluded_from_nothing():
    found = read(info="")
    assert (found.hazard, found.level, found.geocodes, found.ends_at) == ("", "", (), None)
    assert not found.all_clear


def test_all_clear():
    assert read((">Shelter<", ">AllClear<")).all_clear


def test_area_codes_of_every_length():
    assert area_code_forms("410102000000") == ("410102000000", "410102000", "410102")
    assert area_code_forms("410102001000") == ("410102001000", "410102001")
    assert area_code_forms("410102") == ("410102", "410102000", "410102000000")
    assert area_code_forms("kfq") == ("kfq",)


@pytest.mark.parametrize("centre", [(34.7, 113.6), (0.0, 179.99), (-60.0, -179.9)])
def test_a_circle_becomes_a_ring_at_its_radius(centre):
    ring = ring_of(CapCircle(centre, 10.0))
    assert ring[0] == ring[-1]
    for lat, lon in ring:
        assert distance_m(Point(*centre), Point(lat, lon)) == pytest.approx(10_000, rel=1e-6)
