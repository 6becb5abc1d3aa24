"""Every reason that the judge gives has its words in both languages, and no other has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import anlan.warning.domain as judged
from anlan.warning.domain.reasons import catalogue, reason_text

SOURCES = [path.read_text() for path in Path(judged.__path__[0]).glob("*.py")]
LITERAL = re.compile(r'"((?:threshold|window|reading|silence|cluster|lag|rule|subject)\.[a-z_]+)"')
WHY = re.compile(r'why="([a-z_]+)"')


def given() -> set[str]:
    codes = {code for text in SOURCES for code in LITERAL.findall(text)}
    ends = {name for text in SOURCES for name in WHY.findall(text)} - {"no_reading"}
    made = {
        f"{kind}.{end}" for kind in ("threshold", "window") for end in ("beyond", "calm", "eased")
    }
    made |= {f"late.{kind}_{end}" for kind in ("threshold", "window") for end in ("beyond", "calm")}
    told = {"conjunction.all_hold", "conjunction.calm", "judge.found_again"}
    return codes | {f"conjunction.{name}" for name in ends} | made | told


def test_every_reason_has_words_and_every_word_a_reason() -> None:
    assert given() == set(catalogue())


def test_both_languages_say_the_same_parameters() -> None:
    for code, texts in catalogue().items():
        assert set(texts) == {"zh", "en"}, code
        named = [set(re.findall(r"{(\w+)}", texts[lang])) for lang in ("zh", "en")]
        assert named[0] == named[1], code


def test_parameters_are_filled_and_gaps_shown_as_a_dash() -> None:
    said = reason_text("lag.behind", {"asked": "I", "in_force": ""}, "en")
    assert said == "The plan asks for response I; in force: –."
    assert reason_text("lag.behind", {"asked": "I"}, "zh") == "预案要求 I 级响应，现为：–。"
    assert reason_text("unheard.of", {}, "en") == "unheard.of"


@pytest.mark.parametrize(
    ("compare", "value", "limit", "said"),
    [
        (">=", 6.0, 6.0, "The reading of 6 ppm is beyond the limit of 6 ppm."),
        ("<", 0.05, 0.1, "The reading of 0.05 ppm is beyond the limit of 0.1 ppm."),
        # A red level that fell to yellow while the calm lasts not yet long enough for that.
        (
            ">=",
            0.1,
            6.0,
            "The reading of 0.1 ppm is back within the limit of 6 ppm, but not for long enough to clear.",
        ),
    ],
)
def test_a_reading_within_its_limit_is_never_called_beyond_it(
    compare: str, value: float, limit: float, said: str
) -> None:
    params = {"unit": "ppm", "compare": compare, "value": value, "limit": limit}
    assert reason_text("threshold.beyond", params, "en") == said
