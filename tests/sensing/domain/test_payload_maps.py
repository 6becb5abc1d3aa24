"""Payload maps: checked whole when they are read, each fault with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.sensing.domain.connector_errors import MapWrongError
from anlan.sensing.domain.map_files import maps_in
from anlan.sensing.domain.payload_examples import run_examples
from anlan.sensing.domain.payload_map import map_from_toml
from anlan.sensing.domain.payload_paths import PathMalformedError, path_of

HEAD = 'id = "m"\ntitle_zh = "试"\ntitle_en = "Test"\n'
GOOD = 'stream = "s"\nvalue = "v"\ntime = "now"'


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("id = ", "connector.map_unreadable", "–"),
        ('id = "m"', "connector.field_missing", "–"),
        (f'{HEAD}colour = 1\n[[rows]]\n{GOOD}', "connector.field_unknown", "–"),
        (f"{HEAD}[[rows]]\n{GOOD}\nworth = 1", "connector.field_unknown", "rows[0]"),
        (f'{HEAD}[[rows]]\nstream = "s"', "connector.field_missing", "rows[0]"),
        (f"{HEAD}rows = []", "connector.rows_number", "rows"),
        (f'{HEAD}[[rows]]\nstream = 5\ntime = "now"', "connector.field_wrong", "rows[0].stream"),
        (f'{HEAD}payload = "xml"\n[[rows]]\n{GOOD}', "connector.field_wrong", "payload"),
        (f'{HEAD.replace("m", "M", 1)}[[rows]]\n{GOOD}'.replace('id = "m"', 'id = "../m"'),
         "connector.id_malformed", "id"),
        (f'{HEAD}topic = "a/b+c"\n[[rows]]\n{GOOD}', "connector.topic_malformed", "topic"),
        (f'{HEAD}topic = "a/#b/c"\n[[rows]]\n{GOOD}', "connector.topic_malformed", "topic"),
        (f'{HEAD}topic = "a/+b/+b"\n[[rows]]\n{GOOD}', "connector.topic_malformed", "topic"),
        (f'{HEAD}[[rows]]\nstream = "{{a}}"\ntime = "now"', "connector.name_unknown", "rows[0].stream"),
        (f'{HEAD}[[rows]]\nstream = "{{a"\ntime = "now"', "connector.template_malformed", "rows[0].stream"),
        (f'{HEAD}[[rows]]\nstream = "s"\ntime = "a[]"', "connector.path_malformed", "rows[0].time.path"),
        (f'{HEAD}[[rows]]\nstream = "s"\ntime = {{ path = "t", zone = "Mars/Base" }}',
         "connector.zone_unknown", "rows[0].time.zone"),
        (f'{HEAD}[[rows]]\nstream = "s"\ntime = {{ path = "t", zone = "../../etc/passwd" }}',
         "connector.zone_unknown", "rows[0].time.zone"),
        (f'{HEAD}[[rows]]\nstream = "s"\ntime = {{ path = "t", as = "pattern" }}',
         "connector.pattern_malformed", "rows[0].time"),
        (f'{HEAD}[[rows]]\nstream = "s"\ntime = {{ path = "t", as = "pattern", pattern = "%H:%M" }}',
         "connector.pattern_malformed", "rows[0].time.pattern"),
        (f'{HEAD}[[rows]]\nstream = "s"\ntime = "now"\nquality = "fine"',
         "connector.quality_unknown", "rows[0].quality"),
        (f'{HEAD}[[rows]]\nstream = "s"\ntime = "now"\nvalue = {{ factor = 0 }}',
         "connector.factor_zero", "rows[0].value.factor"),
        (f'{HEAD}payload = "csv"\ncsv = {{ delimiter = ",," }}\n[[rows]]\n{GOOD}',
         "connector.delimiter_malformed", "csv.delimiter"),
        (f'{HEAD}payload = "csv"\n[[rows]]\n{GOOD}', "connector.line_path", "rows[0].value"),
    ],
)  # fmt: skip
def test_a_map_that_is_wrong_says_where(text, code, place):
    with pytest.raises(MapWrongError) as caught:
        map_from_toml(text)
    assert (caught.value.code, caught.value.params["place"]) == (code, place)


@given(st.text(max_size=200))
def test_any_text_is_a_map_or_says_what_is_wrong(text):
    with pytest.raises(MapWrongError):
        map_from_toml(text)


@given(st.text(alphabet='ab.[]{}"01 ', max_size=20), st.booleans())
def test_any_text_is_a_place_or_none(text, many):
    try:
        path = path_of(text, many=many)
    except PathMalformedError:
        return
    assert path.text == text
    assert len(path.steps) <= 32


def test_one_wrong_file_of_a_folder_stops_no_other(tmp_path):
    (tmp_path / "m.toml").write_text(f"{HEAD}[[rows]]\n{GOOD}", encoding="utf-8")
    (tmp_path / "other.toml").write_text(f"{HEAD}[[rows]]\n{GOOD}", encoding="utf-8")
    (tmp_path / "broken.toml").write_bytes(b"\xff")
    maps, faults = maps_in(tmp_path)
    assert [item.id for item in maps] == ["m"]
    assert [item.code for item in faults] == ["connector.map_unreadable", "connector.id_not_file"]
    assert maps_in(Path(tmp_path / "none")) == ((), ())


def test_the_map_on_the_reference_page_keeps_its_example():
    page = Path(__file__).parents[3] / "docs" / "reference" / "payload-maps.md"
    shown = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    assert [item.differences for item in run_examples(map_from_toml(shown))] == [()]
