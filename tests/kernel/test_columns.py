from hypothesis import given
from hypothesis import strategies as st

from anlan.kernel.columns import aligned, padded, width, widths

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
