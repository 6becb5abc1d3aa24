"""The pages of streams: the course over any span, what is seen by whom, and how much is asked."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.entrypoints.web.watching import shelf
from anlan.registry import public as registry
from anlan.sensing import flagging
from anlan.sensing import public as sensing
from anlan.sensing.domain.observations import Quality
from anlan.sensing.models import StreamFault
from anlan.sensing.services import hands
from anlan.sensing.services.framing import to_us
from anlan.sensing.store import StoreReader
from anlan.sensing.store.thinning import Thinned
from tests.entrypoints.test_pages import NOW, an_account, signed_in
from tests.readings import heard, heard_together

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def pond(demo):
    """A stream of the demo city, heard for an hour with a hole in it."""
    sensor = registry.sensor("POND-01", at=NOW)
    for minute in range(60):
        if not 20 <= minute < 45:
            heard("POND-01", NOW - timedelta(minutes=60 - minute), 10.0 + minute)
    return sensor


def test_the_course_is_shown_with_a_table_and_no_script_is_needed(pond, officer):
    text = officer.get("/streams/POND-01?range=hour&lang=en").content.decode()
    assert "<svg" in text
    assert text.count("<script") == 1  # the one that adds to it
    assert text.count("<tr>") > 40
    assert 'class="silent"' in text  # what was silent is hatched
    # The line is broken where nothing came: two pieces.
    line = re.search(r'<path d="([^"]*)" class="chart-line"', text).group(1)
    assert line.count("M") == 2


@pytest.mark.parametrize("span", ["hour", "six", "day", "week", "month", "quarter", "year"])
def test_every_range_is_a_link(pond, officer, span):
    text = officer.get("/streams/POND-01").content.decode()
    assert f'href="/streams/POND-01?range={span}"' in text
    assert officer.get(f"/streams/POND-01?range={span}").status_code == 200


@pytest.mark.parametrize(
    "asked",
    [
        "range=century",
        "from=2026-11-23T00:00:00Z",
        "from=x&to=y",
        "from=2026-11-23T00:00:00Z&to=2026-11-22T00:00:00Z",
        "from=2026-11-23T00:00:00&to=2026-11-24T00:00:00",
        "from=1900-01-01T00:00:00Z&to=2026-11-24T00:00:00Z",
        "from=0001-01-01T00:00:00%2B09:00&to=0001-01-02T00:00:00Z",
    ],
)
def test_what_is_no_span_is_refused_in_words(pond, officer, asked):
    for end in ("", "/plot", "/readings.csv", "/readings.parquet"):
        answer = officer.get(f"/streams/POND-01{end}?{asked}")
        assert answer.status_code == 422


def test_who_may_not_see_a_stream_is_told_that_there_is_none(pond):
    elsewhere = next(
        x for x in registry.areas_under("410100") if not pond.area_path.startswith(x.path)
        and x.kind == "district"
    )  # fmt: skip
    stranger = signed_in(an_account("street_officer", (elsewhere.code,), name="elsewhere"))
    for address in ("/streams/POND-01", "/streams/NOBODY", "/streams/a%0Ab"):
        for end in ("", "/plot", "/readings.csv", "/readings.parquet"):
            assert stranger.get(address + end).status_code == 404, address + end
    assert "POND-01" not in stranger.get("/streams").content.decode()


def test_an_unchanged_course_is_not_drawn_again(pond, officer):
    shown = officer.get("/streams/POND-01/plot?range=hour")
    mark = re.search(r'data-mark="(\w+)"', shown.content.decode()).group(1)
    assert officer.get(f"/streams/POND-01/plot?range=hour&seen={mark}").status_code == 204
    heard("POND-01", NOW, 99.0)
    assert officer.get(f"/streams/POND-01/plot?range=hour&seen={mark}").status_code == 200


def test_readings_are_taken_away(pond, officer):
    heard("POND-01", NOW - timedelta(minutes=2), None, quality=Quality.MISSING)
    answer = officer.get("/streams/POND-01/readings.csv?range=hour")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0] == "time,value,unit,quality,flags"
    assert len(lines) == 1 + 35
    assert lines[-2].endswith(",,cm,missing,no_value")
    answer = officer.get("/streams/POND-01/readings.parquet?range=hour")
    table = pq.read_table(io.BytesIO(b"".join(answer.streaming_content)))
    assert table.num_rows == 35
    assert table.column("value").null_count == 1
    assert table.schema.metadata[b"unit"] == b"cm"


def test_a_page_asks_as_much_of_a_year_as_of_an_hour(pond, officer):
    officer.get("/streams/POND-01")
    asked = []
    for span in ("hour", "year"):
        with CaptureQueriesContext(connection) as seen:
            officer.get(f"/streams/POND-01?range={span}")
        asked.append(len(seen))
    assert max(asked) <= 44
    assert abs(asked[0] - asked[1]) <= 1  # what is usual is asked of short spans only


def test_the_list_finds_by_code_name_place_and_quantity(pond, officer):
    for words in ("pond-01", pond.name_zh, pond.quantity, pond.risk_point):
        text = officer.get("/streams", {"q": words}).content.decode()
        assert "/streams/POND-01" in text, words
    assert "/streams/POND-01" not in officer.get("/streams?q=nothing-like-it").content.decode()


def test_a_stream_that_never_spoke_has_no_value(pond, officer):
    text = officer.get("/streams?lang=en").content.decode()
    assert text.count('class="number value"') == len(registry.sensors(at=NOW))
    values = re.findall(r'class="number value">(\S+) ', text)
    assert [value for value in values if value != "–"] == ["69"]
    assert text.index("/streams/POND-01") > text.index("Never heard")  # what is wrong comes first


def test_the_list_can_be_narrowed(pond, officer):
    assert "/streams/POND-01" in officer.get("/streams?domain=drainage").content.decode()
    assert "/streams/POND-01" not in officer.get("/streams?domain=gas").content.decode()
    assert "/streams/POND-01" in officer.get("/streams?state=fresh").content.decode()
    assert "/streams/POND-01" not in officer.get("/streams?state=never").content.decode()
    assert officer.get("/streams?state=odd").status_code == 422
    assert officer.get("/streams?domain=odd").status_code == 422
    assert officer.get("/streams?first=99999999&area=nowhere").status_code in (200, 404)


def test_the_list_asks_as_much_whatever_there_is(pond, officer):
    officer.get("/streams")
    with CaptureQueriesContext(connection) as seen:
        text = officer.get("/streams").content.decode()
    assert text.count('class="whole"') == min(50, len(registry.sensors(at=NOW)))
    assert len(seen) <= 22


@pytest.mark.parametrize(("language", "unit"), [("zh", "人/m²"), ("en", "people/m²")])
def test_a_unit_is_written_as_people_write_it(demo, officer, language, unit):
    crowd = next(x for x in registry.sensors(at=NOW) if x.quantity == "crowd_density")
    heard(crowd.code, NOW - timedelta(minutes=1), 3.5)
    for address in (
        f"/streams/{crowd.code}?range=hour",
        f"/streams?place={crowd.risk_point}",
        f"/assets/{crowd.risk_point}?range=hour",
    ):
        text = officer.get(f"{address}&lang={language}").content.decode()
        assert unit in text, address
        assert "persons/m2" not in text, address


class TestAsset:
    def test_all_streams_of_a_place_stand_on_one_axis(self, pond, officer):
        text = officer.get(f"/assets/{pond.risk_point}?range=hour").content.decode()
        own = [x for x in registry.sensors(at=NOW) if x.risk_point == pond.risk_point]
        assert text.count("chart course") == len(own) >= 1
        assert 'class="silent"' in text

    def test_what_lies_elsewhere_or_nowhere_is_not_found(self, pond):
        elsewhere = next(
            x for x in registry.areas_under("410100")
            if x.kind == "district" and not pond.area_path.startswith(x.path)
        )  # fmt: skip
        stranger = signed_in(an_account("street_officer", (elsewhere.code,), name="afar"))
        for code in (pond.risk_point, "RP-NOWHERE", "a%0Ab"):
            assert stranger.get(f"/assets/{code}").status_code == 404

    def test_two_hundred_streams_ask_as_much_as_one(self, pond, officer, monkeypatch):
        asked = []
        for many in (1, 220):
            sensors = [pond._replace(code=f"POND-X{n}") for n in range(many)]
            monkeypatch.setattr(shelf, "sensors_now", lambda _now, s=tuple(sensors): s)
            officer.get(f"/assets/{pond.risk_point}")
            with CaptureQueriesContext(connection) as seen:
                text = officer.get(f"/assets/{pond.risk_point}").content.decode()
            assert text.count("chart course") == min(many, 200)
            asked.append(len(seen))
        assert asked[0] == asked[1] <= 45


def test_faults_of_the_device_stand_on_the_same_axis(pond, officer):
    StreamFault.objects.create(
        stream="POND-01", kind="stuck", rule="quality.stuck", rule_version=1,
        since=NOW - timedelta(minutes=30), found=6.0, limit=4.0, recorded_at=NOW,
        area_path=pond.area_path,
    )  # fmt: skip
    text = officer.get("/streams/POND-01?range=hour&lang=en").content.decode()
    assert 'class="stretch fault"' in text
    assert "still lasts" in text
    assert 'class="stretch fault"' not in officer.get(
        f"/streams/POND-01?from={(NOW - timedelta(days=2)).isoformat()[:19]}Z"
        f"&to={(NOW - timedelta(days=1)).isoformat()[:19]}Z"
    ).content.decode()  # fmt: skip


def test_what_stays_of_old_readings_is_drawn_as_columns(pond, officer, monkeypatch):
    number = hands.reader().know(["POND-01"])["POND-01"]
    hour = 3_600_000_000
    begin = (to_us(NOW) - 40 * 24 * hour) // hour * hour
    line = Thinned(
        np.array([number], np.int32), np.array([begin]), np.array([hour]), np.array([60]),
        np.array([2]), np.array([1.5]), np.array([88.5]), np.array([7.0]),
    )  # fmt: skip
    monkeypatch.setattr(StoreReader, "thinned", lambda *_: line)
    text = officer.get("/streams/POND-01?range=year&lang=en").content.decode()
    assert "Of the older of these only count" in text
    assert "88.5" in text
    (course,) = [sensing.courses(["POND-01"], NOW - timedelta(days=365), NOW, columns=600)]
    assert course.readings is None
    assert course.rows == 35 + 62


@pytest.fixture
def odd_pond(demo):
    """A day of a stream once a minute: one jump, a gap, a reading without value, thirteen hours still."""
    begin = NOW - timedelta(days=1)
    rows = []
    for minute in range(1440):
        at = begin + timedelta(minutes=minute)
        if 300 <= minute < 310:
            continue
        if minute == 320:
            rows.append((at, None, Quality.MISSING))
        elif minute == 200:
            rows.append((at, 95.0, Quality.GOOD))
        else:
            value = 12.5 if 400 <= minute < 1180 else 4.0 + minute % 7 / 10
            rows.append((at, value, Quality.GOOD))
    heard_together("POND-01", rows)


class TestFlags:
    def test_each_kind_has_a_mark_on_the_curve_a_key_and_words_in_the_table(
        self, odd_pond, officer
    ):
        text = officer.get("/streams/POND-01?range=day&lang=en").content.decode()
        drawing = text[
            text.index('<svg class="chart course"') : text.index('<p class="marks moves"')
        ]
        assert drawing.count('class="flag spike"') == 1
        assert re.search(r"<title>jump: [-0-9]+ [:0-9]+ 95 cm</title>", drawing)
        assert drawing.count('class="flag gap"') == 1
        assert drawing.count('class="flag stuck"') == 1
        assert (
            "Flagged readings: no usable value 1, stands still 780, jump 1, after a gap 1"
            in drawing
        )
        key = re.search(r'<ul class="key">.*?</ul>', text, re.DOTALL).group()
        assert [word in key for word in ("jump 1", "after a gap 1", "stands still 780")] == [
            True
        ] * 3
        twin = text[text.index("<details data-twin") :]
        assert len(re.findall(r"<td[^>]*>[^<]*jump 1[^<]*</td>", twin)) == 1
        assert sum(map(int, re.findall(r"stands still (\d+)", twin))) == 780

    def test_the_list_tells_like_readings_as_one_and_the_newest_first(self, odd_pond, officer):
        text = officer.get("/streams/POND-01?range=day&lang=zh").content.decode()
        told = text[text.index('<h2 id="flags">') : text.index("<details data-twin")]
        words = [
            row[-1]
            for row in map(re.compile(r"<td[^>]*>(.*?)</td>").findall, told.split("<tr>")[2:])
        ]
        assert words == ["数值不动", "无可用值", "中断之后", "单次跳变"]

    def test_the_jump_is_still_marked_when_a_year_is_looked_at(self, odd_pond, officer):
        text = officer.get("/streams/POND-01?range=year&lang=en").content.decode()
        assert re.search(r"<title>jump: [-0-9]+ [:0-9]+ 95 cm</title>", text)
        assert "jump 1" in re.search(r'<ul class="key">.*?</ul>', text, re.DOTALL).group()

    def test_the_small_curves_of_a_place_have_the_same_marks_and_say_so(self, odd_pond, officer):
        place = registry.sensor("POND-01", at=NOW).risk_point
        text = officer.get(f"/assets/{place}?range=day&lang=en").content.decode()
        drawing = re.search(r'<svg class="chart course".*?<ul class="key">.*?</ul>', text).group()
        assert [drawing.count(f'class="flag {kind}"') for kind in ("spike", "gap", "stuck")] == [
            2,  # on the curve and in the key
            2,
            2,
        ]
        assert (
            "Flagged readings: no usable value 1, stands still 780, jump 1, after a gap 1"
            in drawing
        )

    def test_downloads_name_the_flags_of_each_reading(self, odd_pond, officer):
        answer = officer.get("/streams/POND-01/readings.csv?range=day")
        lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
        assert len(lines) == 1 + 1430
        assert [line.split(",")[1] for line in lines if line.endswith(",spike")] == ["95.0"]
        assert sum(line.endswith(",stuck") for line in lines) == 780
        answer = officer.get("/streams/POND-01/readings.parquet?range=day")
        table = pq.read_table(io.BytesIO(b"".join(answer.streaming_content)))
        flags = table.column("flags").to_pylist()
        assert flags == [line.rpartition(",")[2] for line in lines[1:]]

    def test_a_reading_has_the_same_flags_in_whatever_span_it_is_looked_at(self, odd_pond):
        whole = sensing.flags_of("POND-01", NOW - timedelta(days=2), NOW, now=NOW)
        begin = NOW - timedelta(days=1)
        for hours in (1, 5, 7, 23):
            start, end = begin + timedelta(hours=hours - 1), begin + timedelta(hours=hours)
            part = sensing.flags_of("POND-01", start, end, now=NOW)
            inside = (whole.at_us >= to_us(start)) & (whole.at_us < to_us(end))
            np.testing.assert_array_equal(part.flags, whole.flags[inside])

    def test_too_many_readings_are_not_flagged_and_the_page_says_so(
        self, odd_pond, officer, monkeypatch
    ):
        monkeypatch.setattr(flagging, "MOST_FLAGGED", 100)
        text = officer.get("/streams/POND-01?range=day&lang=en").content.decode()
        assert "Too many readings to flag each" in text
        assert 'class="flag ' not in text
