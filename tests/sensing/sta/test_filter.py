"""Filters: every operator and function of the standard, against answers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.sensing.domain.sta_errors import QueryError
from anlan.sensing.sta import times
from anlan.sensing.sta.columns import Column, column_of, nothing
from anlan.sensing.sta.evaluate import holds, values
from anlan.sensing.sta.parser import parse
from anlan.sensing.sta.tree import Both, Joined

NOW_US = times.instant_us("2026-07-20T08:00:00Z")
ROWS = {
    "n": ("number", [1.0, -2.5, None, 0.0]),
    "s": ("string", ["积水 A", " b", None, ""]),
    "b": ("bool", [True, False, None, True]),
    "t": ("instant", [NOW_US, times.instant_us("2021-02-28T23:59:58.25Z"), None, 0]),
    "i": ("interval", [(0, 10), (5, 5), None, (20, 30)]),
    "j": ("any", [1, "x", {"a": {"b": True}}, None]),
}


class Table:
    """A few rows of made-up columns."""

    def __init__(self, rows=ROWS):
        self.rows = rows
        self.size = len(next(iter(rows.values()))[1])
        self.now_us = NOW_US

    def column(self, field):
        from anlan.sensing.sta.view import within

        kind, found = self.rows[field.steps[0]]
        return within(column_of(kind, found), field.steps[1:])

    def spread(self, node):
        return None

    def spend(self, steps):
        assert steps >= 0


def which(text: str) -> list[int]:
    return np.flatnonzero(holds(parse(text), Table())).tolist()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("n eq 1", [0]),
        ("n ne 1", [1, 2, 3]),
        ("n gt -1", [0, 3]),
        ("n ge 0", [0, 3]),
        ("n lt 0", [1]),
        ("n le 0", [1, 3]),
        ("1 eq n", [0]),
        ("n eq null", [2]),
        ("n ne null", [0, 1, 3]),
        ("null eq null", [0, 1, 2, 3]),
        ("not (n gt 0)", [1, 2, 3]),
        ("not b", [1]),
        ("b", [0, 3]),
        ("b eq true", [0, 3]),
        ("b eq false or n eq 1", [0, 1]),
        ("b and n eq 0", [3]),
        ("n eq 1 or n eq 0 and b", [0, 3]),
        ("(n eq 1 or n eq 0) and b", [0, 3]),
        ("n add 1 eq 2", [0]),
        ("n sub 1 mul 2 eq -1", [0]),
        ("(n sub 1) mul 2 eq 0", [0]),
        ("n div 2 eq 0.5", [0]),
        ("n mod 2 eq -0.5", [1]),
        ("1 div n gt 0", [0]),  # a division by nothing is not known
        ("-n gt 0", [1]),
        ("n eq 1e0", [0]),
        ("s eq '积水 A'", [0]),
        ("s gt 'a'", [0]),
        ("s lt 'a'", [1, 3]),
        ("substringof('积', s)", [0]),
        ("contains(s,'b')", [1]),
        ("startswith(s,'积')", [0]),
        ("endswith(s,'A')", [0]),
        ("length(s) eq 2", [1]),
        ("length(s) eq 0", [3]),
        ("indexof(s,'水') eq 1", [0]),
        ("indexof(s,'z') eq -1", [0, 1, 3]),
        ("substring(s,1) eq 'b'", [1]),
        ("substring(s,0,1) eq '积'", [0]),
        ("tolower(s) eq '积水 a'", [0]),
        ("toupper(s) eq ' B'", [1]),
        ("trim(s) eq 'b'", [1]),
        ("concat(concat(s,'x'),'y') eq 'xy'", [3]),
        ("s eq 'it''s'", []),
        ("t eq 2026-07-20T08:00:00Z", [0]),
        ("t eq 2026-07-20T16:00:00+08:00", [0]),
        ("t eq 2026-07-20T16:00:00 08:00", [0]),  # a plus sign that nobody escaped
        ("t lt 2000-01-01", [3]),
        ("t eq now()", [0]),
        ("t gt mindatetime() and t lt maxdatetime()", [0, 1, 3]),
        ("year(t) eq 2021", [1]),
        ("month(t) eq 2 and day(t) eq 28", [1]),
        ("hour(t) eq 23 and minute(t) eq 59 and second(t) eq 58", [1]),
        ("fractionalseconds(t) eq 0.25", [1]),
        ("totaloffsetminutes(t) eq 0", [0, 1, 3]),
        ("date(t) eq 2021-02-28", [1]),
        ("time(t) eq '08:00:00'", [0]),
        ("t sub duration'P1D' eq 2026-07-19T08:00:00Z", [0]),
        ("t add duration'PT1H30M' gt now()", [0]),
        ("now() sub t lt duration'P2D'", [0]),
        ("now() sub t gt duration'P1D' mul 1000", [1, 3]),
        ("round(n) eq -3", [1]),
        ("floor(n) eq -3", [1]),
        ("ceiling(n) eq -2", [1]),
        ("round(0.5) eq 1", [0, 1, 2, 3]),
        ("geo.distance(geography'POINT(0 0)',geography'POINT(3 4)') eq 5", [0, 1, 2, 3]),
        ("geo.length(geography'LINESTRING(0 0,0 2)') eq 2", [0, 1, 2, 3]),
        (
            "geo.intersects(geometry'POINT(1 1)',geography'SRID=4326;POLYGON((0 0,2 0,2 2,0 0))')",
            [0, 1, 2, 3],
        ),
        ("st_within(geography'POINT(1.5 1)',geography'POLYGON((0 0,2 0,2 2,0 0))')", [0, 1, 2, 3]),
        (
            "st_contains(geography'POLYGON((0 0,2 0,2 2,0 0))',geography'POINT(1.5 1)')",
            [0, 1, 2, 3],
        ),
        ("st_equals(geography'POINT(1 1)',geography'POINT(1 1)')", [0, 1, 2, 3]),
        ("st_disjoint(geography'POINT(1 1)',geography'POINT(1 1)')", []),
        ("st_touches(geography'LINESTRING(0 0,1 1)',geography'LINESTRING(1 1,2 0)')", [0, 1, 2, 3]),
        ("st_crosses(geography'LINESTRING(0 0,1 1)',geography'LINESTRING(0 1,1 0)')", [0, 1, 2, 3]),
        (
            "st_overlaps(geography'LINESTRING(0 0,2 2)',geography'LINESTRING(1 1,3 3)')",
            [0, 1, 2, 3],
        ),
        ("st_intersects(geography'POINT(1 1)',geography'POINT(2 1)')", []),
        ("st_relate(geography'POINT(1 1)',geography'POINT(1 1)','T********')", [0, 1, 2, 3]),
        ("st_relate(geography'POINT(1 1)',geography'POINT(1 1)','nonsense')", []),
        ("geography'POINT(1 1)' eq geography'POINT(1 1)'", [0, 1, 2, 3]),
        ("during(i,1970-01-01T00:00:00Z/1970-01-01T00:00:00.000010Z)", [0, 1]),
        ("before(i,1970-01-01T00:00:00.000015Z)", [0, 1]),
        ("after(i,1970-01-01T00:00:00.000015Z)", [3]),
        ("overlaps(i,1970-01-01T00:00:00.000010Z/1970-01-01T00:00:00.000020Z)", [0, 3]),
        ("meets(i,1970-01-01T00:00:00.000010Z/1970-01-01T00:00:00.000012Z)", [0]),
        ("starts(i,1970-01-01T00:00:00Z/PT1H)", [0]),
        ("finishes(i,1970-01-01T00:00:00Z/1970-01-01T00:00:00.000010Z)", [0]),
        ("i lt 1970-01-01T00:00:00.000015Z", [0, 1]),
        ("i gt 1970-01-01T00:00:00.000015Z", [3]),
        ("i eq 1970-01-01T00:00:00.000005Z", [1]),
        ("i ge 1970-01-01T00:00:00.000020Z and i le 1970-01-01T00:00:01Z", [3]),
        ("before(t,2021-12-31)", [1, 3]),
        ("j eq 1", [0]),
        ("j eq 'x'", [1]),
        ("j/a/b eq true", [2]),
        ("j/a eq null", [0, 1, 3]),
        ("j gt 0", [0]),
        ("j ne 1", [1, 2, 3]),
        ("N EQ 1".replace("N", "n").replace("EQ", "eq"), [0]),
    ],
)
def test_it_holds_for(text, rows):
    assert which(text) == rows


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("", "sta.filter_syntax", 1),
        ("n eq", "sta.filter_syntax", 5),
        ("n eq 1 2", "sta.filter_syntax", 8),
        ("(n eq 1", "sta.filter_syntax", 8),
        ("n eq 1)", "sta.filter_syntax", 7),
        ("n === 1", "sta.filter_syntax", 3),
        ("s eq 'open", "sta.filter_syntax", 6),
        ("t eq 2026-13-01T00:00:00Z", "sta.filter_syntax", 6),
        ("t eq 2026-01-02T00:00:00Z/2026-01-01T00:00:00Z", "sta.filter_syntax", 6),
        ("t sub duration'P1M' gt t", "sta.filter_syntax", 7),
        ("n eq 1e999", "sta.filter_syntax", 6),
        ("n eq geography'POINT(1'", "sta.filter_syntax", 6),
        ("n eq geography'SRID=4490;POINT(1 1)'", "sta.filter_syntax", 6),
        ("length(s,s,s,s) eq 1", "sta.filter_syntax", 15),
        ("n eq 'x'", "sta.filter_kind", 3),
        ("t gt 5", "sta.filter_kind", 3),
        ("n", "sta.filter_kind", 1),
        ("n and b", "sta.filter_kind", 1),
        ("-s eq 1", "sta.filter_kind", 1),
        ("n add s eq 1", "sta.filter_kind", 3),
        ("length(n) eq 1", "sta.filter_kind", 8),
        ("length() eq 1", "sta.filter_kind", 1),
        ("geography'POINT(1 1)' gt geography'POINT(1 1)'", "sta.filter_kind", 23),
        ("nothing(s) eq 1", "sta.name_unknown", None),
        ("n eq " + "1 add " * 50 + "1", "sta.filter_too_complex", None),
        ("(" * 50 + "n" + ")" * 50, "sta.filter_too_complex", None),
        ("not " * 50 + "b", "sta.filter_too_complex", None),
        ("n eq 1" + " or n eq 1" * 500, "sta.filter_too_complex", None),
        ("'" + "x" * 5000 + "'", "sta.filter_too_complex", None),
    ],
)
def test_it_is_refused_with_its_place(text, code, at):
    with pytest.raises(QueryError) as refused:
        holds(parse(text), Table())
    assert refused.value.code == code
    assert refused.value.params.get("at") == at


def test_long_lists_stay_flat():
    node = parse(" or ".join(f"n eq {number}" for number in range(90)))
    assert isinstance(node, Joined)
    assert len(node.parts) == 90
    assert which(" or ".join(f"n eq {number}" for number in range(90))) == [0, 3]
    assert isinstance(parse("n eq 1 and (b or b)"), Joined)
    assert isinstance(parse("n mul 2 eq 1"), Both)


LEAVES = st.sampled_from(
    ["n eq 1", "n lt 0", "b", "not b", "s eq ''", "startswith(s,'积')", "n eq null", "t lt now()",
     "contains(s,'b')", "j eq 1", "j eq 'x'", "true", "false", "geo.distance(null,null) lt 1"]
)  # fmt: skip


def tree(leaf):
    pair = st.tuples(leaf, st.sampled_from(["and", "or"]), leaf)
    return st.one_of(
        pair.map(lambda x: f"({x[0]} {x[1]} {x[2]})"), leaf.map(lambda x: f"not ({x})")
    )


@given(st.recursive(LEAVES, tree, max_leaves=12))
def test_what_is_not_known_is_joined_as_in_the_table_of_kleene(text):
    """Slow twin: each row by itself, in Python's own words, None for what is not known."""
    assert which(text) == [row for row in range(4) if slow(text, row) is True]


def slow(text, row):
    if text in BY_HAND:
        return BY_HAND[text][row]
    if text.startswith("not ("):
        inner = slow(text[5:-1], row)
        return None if inner is None else not inner
    left, word, right = halves(text[1:-1])
    sides = [slow(left, row), slow(right, row)]
    decides = word == "or"
    if decides in sides:
        return decides
    return None if None in sides else not decides


def halves(text):
    """Split at the operator that stands in no bracket."""
    depth, place = 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        rest = text[place:]
        if depth == 0 and rest.startswith((" and ", " or ")) and text[:place] != "not":
            word = rest.split(" ")[1]
            return text[:place], word, rest[len(word) + 2 :]
    raise AssertionError(text)


BY_HAND = {
    "n eq 1": [True, False, False, False],
    "n lt 0": [False, True, False, False],
    "b": [True, False, None, True],
    "not b": [False, True, None, False],
    "s eq ''": [False, False, False, True],
    "startswith(s,'积')": [True, False, None, False],
    "n eq null": [False, False, True, False],
    "t lt now()": [False, True, False, True],
    "contains(s,'b')": [False, True, None, False],
    "j eq 1": [True, False, False, False],
    "j eq 'x'": [False, True, False, False],
    "true": [True] * 4,
    "false": [False] * 4,
    "geo.distance(null,null) lt 1": [False] * 4,
}


def test_columns_keep_what_is_not_known():
    assert not nothing("interval", 3).known.any()
    taken = column_of("number", [1.0, None]).take(np.array([1, 0, -1]))
    assert taken.known.tolist() == [False, True, False]
    assert Column("number", np.ones(1), np.ones(1, bool)).take(
        np.array([0, -1])
    ).known.tolist() == [True, False]
    assert nothing("string", 0).take(np.array([-1])).known.tolist() == [False]
    assert values(parse("n add 1"), Table()).data[0] == 2
