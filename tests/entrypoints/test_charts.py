"""Charts: what they say is what they were given, in words too, and nothing can be put into them."""

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from anlan.entrypoints.web import charts

NAMES = {"": "{http://www.w3.org/2000/svg}"}
EVIL = '<script>alert("x")</script>'
START = datetime(2026, 7, 20, tzinfo=UTC)


def parsed(svg):
    return ElementTree.fromstring(str(svg))


def of_class(svg, name):
    return [one for one in parsed(svg).iter() if name in one.get("class", "").split()]


def every():
    yield charts.bars([charts.Bar(EVIL, 3, part=1)], title=EVIL, description=EVIL)
    yield charts.courses(
        [charts.Line(EVIL, [(0, 1), (0.5, 2)])], [(0, EVIL), (1, "b")],
        title=EVIL, description=EVIL, unit=EVIL, cursor=0.5,
    )  # fmt: skip
    yield charts.time_line(
        [charts.Lane(EVIL, [charts.Spot(0.5, "red", EVIL, key='"><x')])], [(0, "a"), (1, "b")],
        title=EVIL, description=EVIL, cursor=0.2,
    )  # fmt: skip


@pytest.mark.parametrize("svg", list(every()), ids=["bars", "courses", "time line"])
def test_it_is_named_in_words_and_takes_no_markup(svg):
    root = parsed(svg)
    assert root.get("role") == "img"
    ids = {one.get("id"): one.text for one in root.iter() if one.get("id")}
    assert [ids[name] for name in root.get("aria-labelledby").split()] == [EVIL, EVIL]
    assert "<script" not in str(svg)
    assert "style=" not in str(svg)


def test_a_day_on_which_the_clocks_change_is_divided_evenly():
    zone = ZoneInfo("Europe/Berlin")
    since, until = (datetime(2026, 3, day, tzinfo=zone) for day in (29, 30))
    assert charts.share_of(datetime(2026, 3, 29, 22, tzinfo=UTC), since, until) == 1.0
    assert charts.share_of(until, since, until) == 1.0
    assert [text for _, text in charts.clock_ticks(since, until)] == [
        "03-29 00:00", "03-29 12:30", "03-30 00:00",
    ]  # fmt: skip


def test_bars_are_as_long_as_their_numbers():
    svg = charts.bars([charts.Bar("a", 4, part=1), charts.Bar("b", 2)], title="t", description="d")
    assert [one.get("width") for one in of_class(svg, "chart-bar")] == ["100.000%", "50.000%"]
    assert [one.get("width") for one in of_class(svg, "chart-part")] == ["25.000%", "0.000%"]
    assert [one.text for one in of_class(svg, "chart-number")] == ["4", "2"]


def test_nothing_but_noughts_is_drawn_as_noughts():
    svg = charts.bars([charts.Bar("a", 0)], title="t", description="d")
    assert of_class(svg, "chart-bar")[0].get("width") == "0.000%"
    charts.courses([charts.Line("a", [])], [], title="t", description="d", unit="mm")


def test_steps_stay_until_the_next_and_to_the_end():
    svg = charts.courses(
        [charts.Line("a", [(0, 0), (0.25, 5), (0.5, 10)])], [], title="t", description="d", unit=""
    )
    (path,) = of_class(svg, "chart-line")
    assert path.get("d") == "M0.0 100.00H250.0V50.00H500.0V0.00H1000"


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (0.4, 1), (1, 1), (3.1, 4), (201.9, 250), (1000, 1000), (1001, 1500)]
)
def test_a_scale_ends_at_a_round_number(most, top):
    assert charts._nice(most) == top


def test_spots_stand_where_they_belong_and_can_be_found():
    svg = charts.time_line(
        [charts.Lane("l", [charts.Spot(0.5, "cross", "late", key="2026-07-20T10:00:00")])],
        [], title="t", description="d",
    )  # fmt: skip
    (spot,) = [one for one in parsed(svg).iter() if one.get("data-at")]
    assert spot.get("x") == "50.000%"
    assert spot.get("data-at") == "2026-07-20T10:00:00"


def test_places_never_leave_the_chart():
    assert [charts.percent(one) for one in (-1, 0, 2)] == ["0.000%", "0.000%", "100.000%"]
    assert charts.share_of(START, START, START) == 0


def test_ticks_begin_at_the_beginning_and_end_at_the_end():
    marks = charts.clock_ticks(START, START + timedelta(days=7))
    assert [(round(x, 2), text) for x, text in marks] == [
        (0, "07-20"),
        (0.5, "07-23"),
        (1, "07-27"),
    ]
    assert re.fullmatch(
        r"\d\d-\d\d \d\d:\d\d", charts.clock_ticks(START, START + timedelta(1))[1][1]
    )
