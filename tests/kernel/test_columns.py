from hypothesis import given
from hypothesis import strategies as st

from anlan.kernel.columns import aligned, hanging, padded, width, widths, wrapped

WORDS = st.text("ab 中文，", max_size=6)


def test_chinese_letters_take_two_places():
    assert width("水位 1m") == 7
    assert padded("水", 4) == "水  "
    assert padded("waterlevel", 4) == "waterlevel"


def test_columns_stand_under_each_other():
    assert aligned([["地点", "m"], ["a", "1.5"]]) == ["地点  m", "a     1.5"]
    assert aligned([]) == []
    assert widths([["地点", ""], ["a", ""]]) == [4, 0]


@given(st.lists(st.tuples(WORDS, WORDS, st.just("|")), min_size=1, max_size=5))
def test_the_last_column_begins_at_one_place(rows):
    assert len({width(line) for line in aligned(rows)}) == 1


def test_lines_break_between_words_and_between_chinese_letters():
    assert wrapped("water breaks the wall", 12) == ["water breaks", "the wall"]
    assert wrapped("洪水冲垮围墙，灌入", 12) == ["洪水冲垮围", "墙，灌入"]
    assert wrapped("", 12) == [""]
    assert hanging("  a  ", "one two", 80) == ["  a  one two"]
    assert hanging("  a  ", "word " * 6 + "end", 29) == [
        "  a  word word word word word",
        "     word end",
    ]


@given(st.text("ab 中文，。“”（）×→7", max_size=60), st.integers(4, 30))
def test_wrapping_loses_nothing_and_keeps_within_the_places(text, places):
    lines = wrapped(text, places)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(width(line) <= places or len(line.split()) == 1 for line in lines)
    if " " not in text:
        assert not any(line[0] in "，。”）" for line in lines[1:])
