"""After each change of the city the next answer is that of the whole city, read anew."""

from __future__ import annotations

from datetime import date, timedelta
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from msgspec.structs import replace

from anlan.infra.models import JournalEntry
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.registry.domain import city as c
from anlan.registry.domain import jurisdiction as j
from anlan.registry.domain.edits import RiskPointEdit, SensorEdit
from anlan.registry.domain.entry_edits import EntriesEdit
from anlan.registry.models import CityState
from anlan.registry.selectors import places, touched
from anlan.sensing.sta import catalogue as made
from anlan.sensing.sta import parts
from anlan.sensing.sta.model import KINDS
from tests.registry.small_city import ADMIN, parsed, text
from tests.sensing.children import lines_of
from tests.sensing.conftest import NOW, small_law
from tests.sensing.sta.conftest import WEST, a_place, load, stream
from tests.sensing.sta.following import TODAY, changed, followed, forget, fresh, take
from tests.sensing.sta.test_keeping import A_STREAM, A_THING, POINT, WHY

pytestmark = pytest.mark.django_db(databases="__all__")
ME = system_actor("test")
LATER = TODAY + timedelta(days=1)


@pytest.fixture(autouse=True)
def nothing_kept():
    forget()
    yield
    forget()


@pytest.fixture
def seen(city):
    """Have the city been looked at."""
    made.catalogue(now=NOW)


def entered(section, one):
    take(EntriesEdit(section, (one,), TODAY, key=one.code, is_new=True))


def table(section, header, *lines):
    data = "\n".join([header, *lines]).encode()
    shown = registry.show_table(ADMIN, section, data, now=NOW)
    registry.take_table(ADMIN, shown.upload, revision=shown.revision, reason="notice", now=NOW)


EDITS = {
    "a place is entered": lambda: entered("risk_points", a_place("N")),
    "a place has another name": lambda: changed("risk_points", "P1", name_zh="改名"),
    "a place is moved": lambda: changed("risk_points", "P1", lat=34.29, lon=113.29),
    "a place lies in another area": lambda: changed("risk_points", "P1", area=WEST),
    "a place gets an owner": lambda: take(RiskPointEdit("P1", "east-desk", None, None, TODAY)),
    "a stream is entered at a place": lambda: entered("sensors", stream("N", "P2")),
    "a stream is entered by itself": lambda: entered("sensors", stream("N", lat=34.2, lon=113.2)),
    "a stream has another name": lambda: changed("sensors", "s1", name_zh="改名"),
    "a stream measures another quantity": lambda: changed(
        "sensors", "alone", quantity="gas", unit="%LEL"
    ),
    "a stream goes to another place": lambda: changed("sensors", "s1", risk_point="W", area=WEST),
    "a stream stands alone now": lambda: changed("sensors", "s1", risk_point=None),
    "a stream stands alone no more": lambda: changed("sensors", "alone", risk_point="P2"),
    "a stream that stands alone is moved": lambda: changed("sensors", "alone", lat=34.3),
    "a stream's device is replaced": lambda: changed(
        "sensors", "s1", device="D2", installed_on=TODAY, calibration_due=date(2027, 7, 20)
    ),
    "a stream ends": lambda: take(SensorEdit("s2", in_force=False, on=TODAY)),
    "the stream that stands alone ends": lambda: take(
        SensorEdit("alone", in_force=False, on=TODAY)
    ),
    "an area lies elsewhere": lambda: changed("areas", "410102001", parent=WEST),
    "an area has another name": lambda: changed("areas", "410102", name_zh="新区"),
    "somebody who is not shown": lambda: entered(
        "organisations", c.Organisation(code="n", name_zh="新局", kind="department", area="410102")
    ),
    "a table of streams": lambda: table(
        "sensors", "code,name_zh,quantity,unit,interval,area,risk_point",
        "s1,一,ponding,cm,5m,410102001,P1", "T1,新,gas,%LEL,1m,410102001,P2",
        f"T2,新,gas,%LEL,1m,{WEST},",
    ),
    "a table of places": lambda: table(
        "risk_points", "code,name_zh,kind,area,lat,lon",
        "P1,一,underpass,410102001,34.2,113.21", f"T1,新,site,{WEST},34.4,112.8",
    ),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.usefixtures("seen")
def test_after_an_edit_the_city_is_that_of_one_read_anew(edit):
    before = made.catalogue(now=NOW)
    edit()
    assert followed() == 0
    assert made.catalogue(now=NOW) is not before
    shown = {"registry.area", "registry.riskpoint", "registry.sensor", "registry.citystate"}
    said = [x.event for x in JournalEntry.objects.all() if shown & {y["table"] for y in x.images}]
    assert set(said) == set(touched.EVENTS)  # no other event changes what is shown


def every_answer(me):
    """Return a page of every set with all that it leads to, as it is sent."""
    return [
        me.raw(kind.plural, _expand=",".join(kind.relations), _count="true").content
        for kind in KINDS.values()
    ]


SENT = {
    "POST": ("Things", {**A_THING, "Datastreams": [A_STREAM]}),
    "POST a stream": ("Things('P2')/Datastreams", A_STREAM),
    "PATCH a place": ("Things('P1')", {"name": "改名"}),
    "PATCH where": ("Locations('P1')", {"location": POINT}),
    "PATCH where it stands alone": ("Locations('at,alone')", {"location": POINT}),
    "PATCH a stream": ("Datastreams('s1')", {"name": "s1 新", "properties": {"interval_s": 60}}),
    "PATCH a sensor": ("Sensors('s1')", {"name": "新探头"}),
    "PATCH several": ("MultiDatastreams('M')", {"name": "新井"}),
    "DELETE a place": ("Things('P2')", None),
    "DELETE a stream": ("Datastreams('west')", None),
    "DELETE a sensor": ("Sensors('s1')", None),
    "DELETE several": ("MultiDatastreams('M')", None),
}


@pytest.mark.parametrize("what", SENT)
def test_the_next_answer_is_that_of_a_process_that_has_just_begun(what, keeper, me):
    me.observe("s1", 5, 10.0)
    every_answer(me)
    (path, body), method = SENT[what], what.split()[0]
    before, told = every_answer(me), keeper.send(method, f"{path}?{WHY}", body)
    assert told.status_code in {200, 201}, told.content
    with patch.object(parts, "read_whole", side_effect=AssertionError("all was read")):
        after = every_answer(me)
    assert after != before
    forget()
    assert every_answer(me) == after


@pytest.mark.usefixtures("seen")
def test_a_law_that_says_other_words_and_units():
    city = registry.city_pack(ADMIN)
    law = replace(
        small_law(),
        place_kinds=(j.PlaceKind(id="site", name=text("Lot")),),
        quantities=(
            j.Quantity(id="gas", name=text("Fumes"), unit="%LEL"),
            j.Quantity(id="level", name=text("Level"), unit="m"),
            j.Quantity(
                id="ponding", name=text("Ponding"), unit="mm", accepts={"m": 1000.0, "cm": 10.0}
            ),
        ),
    )
    registry.load_city(ME, parsed(city), parsed(law), now=NOW)
    assert followed() == 0
    shown = made.catalogue(now=NOW)
    assert [one.unit for one in shown.quantities] == ["%LEL", "m", "mm"]
    assert shown.units[shown.stream_number["s1"]] == "mm"


@pytest.mark.usefixtures("seen")
def test_another_time_zone_is_another_day():
    city = registry.city_pack(ADMIN)
    city = replace(city, info=replace(city.info, timezone="America/Lima"))
    registry.load_city(ME, parsed(city), parsed(small_law()), now=NOW)
    assert followed() == 1


@pytest.mark.usefixtures("seen")
def test_on_another_day_all_is_read():
    tomorrow = NOW + timedelta(days=1)
    take(SensorEdit("s2", in_force=False, on=TODAY + timedelta(days=1)))
    assert followed() == 0
    assert "s2" in made.catalogue(now=NOW).stream_number
    take(SensorEdit("s1", in_force=False, on=TODAY + timedelta(days=1)), now=tomorrow)
    assert followed(tomorrow) == 1
    assert not {"s1", "s2"} & set(made.catalogue(now=tomorrow).stream_number)


@pytest.mark.usefixtures("seen")
def test_a_change_that_was_taken_back_is_not_taken_for_the_one_that_came_instead():
    with transaction.atomic():
        changed("sensors", "s1", name_zh="never")
        assert followed() == 0
        transaction.set_rollback(True)
    assert fresh().streams == made.catalogue(now=NOW).streams
    changed("sensors", "s2", name_zh="instead")
    followed()
    assert {"never", "instead"} & {one.name_zh for one in made.catalogue(now=NOW).streams} == {
        "instead"
    }


@pytest.mark.usefixtures("seen")
def test_a_restored_journal_is_another_one():
    changed("sensors", "s1", name_zh="lost with the backup")
    followed()
    last = JournalEntry.objects.order_by("-seq").first()
    last.leaf = "0" * 64
    last.save()  # another entry stands at its number
    changed("sensors", "s2", name_zh="since")
    assert followed() == 1
    changed("sensors", "s2", name_zh="and again")
    assert followed() == 0


@pytest.mark.usefixtures("seen")
def test_a_city_that_changed_without_a_word_in_the_journal_is_read_anew():
    CityState.objects.update(revision="1" * 64)
    assert followed() == 1


@pytest.mark.usefixtures("seen")
def test_many_changes_are_read_like_the_whole_city():
    with patch.object(touched, "MOST_TOUCHED", 2):
        changed("sensors", "s1", name_zh="one")
        assert followed() == 0
        for name in ("two", "three", "four"):
            changed("sensors", "s1", name_zh=name)
        assert followed() == 1


@pytest.mark.usefixtures("seen")
def test_a_question_that_began_before_an_edit_sees_it_whole():
    city, later = registry.city_pack(ADMIN), NOW + timedelta(seconds=5)
    left = tuple(one for one in city.sensors if one.code != "s2")
    registry.load_city(ME, parsed(replace(city, sensors=left)), parsed(small_law()), now=later)
    assert "s2" not in made.catalogue(now=NOW).stream_number
    changed("sensors", "s1", name_zh="x")
    assert followed(NOW + timedelta(seconds=9)) == 0


def test_by_a_clock_of_the_past_nothing_is_followed(city):
    past = NOW - timedelta(days=1)
    made.catalogue(now=past)
    assert not parts._kept
    changed("sensors", "s1", name_zh="x")
    assert followed(past) == 1


@pytest.mark.usefixtures("seen")
def test_what_was_read_while_a_change_came_is_read_again():
    def meanwhile(before, **given):
        found = before(**given)
        if not done:
            done.append(1)
            changed("risk_points", "P1", name_zh="meanwhile")
            take(SensorEdit("s3", in_force=False, on=TODAY))
        return found

    for name in ("places", "sensors"):
        done = []
        real = getattr(registry, name)
        with patch.object(registry, name, lambda real=real, **given: meanwhile(real, **given)):
            changed("risk_points", "P2", name_zh=f"while {name}")
            made.catalogue(now=NOW)
        assert done
        assert followed() == 0
        take(SensorEdit("s3", in_force=True, on=TODAY))
        changed("risk_points", "P1", name_zh="as it was")
        assert followed() == 0


def cost_of_a_question(monkeypatch):
    """Return the queries of one look at the city, and how many rows of places and sensors it read."""
    read = []
    for name in ("known_place", "known_sensor"):
        real = getattr(places, name)
        monkeypatch.setattr(places, name, lambda row, real=real: read.append(1) or real(row))
    with CaptureQueriesContext(connection) as asked:
        made.catalogue(now=NOW)
    monkeypatch.undo()
    return len(asked), len(read)


def test_an_edit_costs_what_it_touched_however_large_the_city(monkeypatch):
    costs = []
    for size in (4, 400):
        spots = [a_place(f"P{n}") for n in range(size // 4)]
        load(spots, [stream(f"s{n}", f"P{n // 4}") for n in range(size)])
        whole = cost_of_a_question(monkeypatch)
        assert whole[1] == size + size // 4
        changed("sensors", "s1", name_zh="x")
        one = cost_of_a_question(monkeypatch)
        changed("risk_points", "P0", name_zh="x")
        place = cost_of_a_question(monkeypatch)
        assert (one[1], place[1]) == (1, 5)
        costs.append((one[0], place[0]))
        assert cost_of_a_question(monkeypatch) == (2, 0)
    assert costs[0] == costs[1]
    assert max(costs[0]) <= 26


def test_edits_of_other_processes_are_seen_at_once(tmp_path):
    assert lines_of("tests.sensing.sta.following_child", tmp_path / "city") == [
        "changed 0 改名",
        "ended 0 gone",
        "entered 0 N",
        "restored 1 s1",
        "changed 0 改名",
    ]


def test_a_stream_whose_place_does_not_count_stands_alone_since_its_own_day():
    gone, early = replace(a_place("P1"), valid_to=TODAY), replace(a_place("P2"), valid_from=LATER)
    since = {"free": date(2026, 7, 1), "left": date(2026, 7, 2), "soon": date(2026, 7, 3)}
    streams = [
        stream("free", lat=34.2, lon=113.2, valid_from=since["free"]),
        stream("left", "P1", valid_from=since["left"]),
        stream("soon", "P2", valid_from=since["soon"]),
        stream("there", "P3", valid_from=date(2026, 7, 4)),
    ]
    load([gone, early, a_place("P3")], streams)
    points, alone = places.standing_since(at=NOW)
    assert set(points) == {"P3"}
    zone = registry.timezone()
    assert {code: at.astimezone(zone).date() for code, at in alone.items()} == since
