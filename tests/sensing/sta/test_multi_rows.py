"""Observations of MultiDatastreams: kept once, as readings of streams, and given back as rows."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.infra.models import JournalEntry
from anlan.sensing.sta import rows, view
from tests.sensing.conftest import NOW
from tests.sensing.sta.conftest import a_place, caller_in, load, stream
from tests.sensing.sta.multis import (
    NEWEST,
    at,
    code,
    of,
    put_together,
    results,
    row,
)

pytestmark = pytest.mark.django_db(databases="__all__")


def test_a_row_is_kept_once_and_given_back_from_its_streams(me):
    told = me.send(
        "POST", "Observations",
        {
            "phenomenonTime": at(5), "result": [12.5, 3], "MultiDatastream": {"@iot.id": "M"},
            "resultQuality": ["good", "suspect"],
        },
    )  # fmt: skip
    assert told.status_code == 201, told.content
    id_ = f"M,{at(5)}"
    assert told.json()["@iot.id"] == id_
    assert told["Location"] == f"http://testserver/sta/v1.1/Observations('{id_}')"
    found = me.get(of(id_), _expand="MultiDatastream($select=name),FeatureOfInterest,Datastream")
    assert {name: found[name] for name in ("result", "resultQuality", "phenomenonTime")} == {
        "result": [12.5, 3.0], "resultQuality": ["good", "suspect"], "phenomenonTime": at(5),
    }  # fmt: skip
    assert (found["MultiDatastream"], found["FeatureOfInterest"]["@iot.id"]) == ({"name": "M"}, "M")
    assert "Datastream" not in found
    assert me.get(f"{of(id_)}/MultiDatastream")["@iot.id"] == "M"
    assert me.refused(f"{of(id_)}/Datastream")[0] == 404
    assert results(me, "Datastreams('s1')/Observations") == [12.5]
    assert results(me, "FeaturesOfInterest('M')/Observations") == [[12.5, 3.0]]
    shown = me.get("Observations")[
        "value"
    ]  # the row, and each of its readings under its own number
    assert sorted(str(one["result"]) for one in shown) == ["12.5", "3.0", "[12.5, 3.0]"]
    links = {str(one["result"]): {name for name in one if "Datastream@" in name} for one in shown}
    assert links["[12.5, 3.0]"] == {"MultiDatastream@iot.navigationLink"}
    assert links["3.0"] == {"Datastream@iot.navigationLink"}
    single = next(one for one in shown if one["result"] == 3.0)
    assert me.refused(f"Observations({single['@iot.id']})/MultiDatastream")[0] == 404
    assert me.get(f"MultiDatastreams('M')/{of(id_)}")["@iot.id"] == id_
    for wrong in (
        f"Datastreams('s1')/{of(id_)}",
        of("M,x"),
        of("M"),
        of(f"M,{at(6)}"),
        of(f"s1,{at(5)}"),
    ):
        assert me.refused(wrong) == (404, "sta.entity_unknown")


@pytest.mark.parametrize(
    ("result", "status", "wanted"),
    [
        ([1], 400, "sta.result_length"),
        ([1, 2, 3], 400, "sta.result_length"),
        ([], 400, "sta.result_length"),
        ([0] * 100_000, 400, "sta.result_length"),
        (1, 400, "sta.entity_malformed"),
        ({"a": 1}, 400, "sta.entity_malformed"),
        (["text", 1], 400, "sta.result_kind"),
        ([True, 1], 400, "sta.result_kind"),
        ([[1], 1], 400, "sta.result_kind"),
    ],
)
def test_a_result_of_another_shape_is_refused_whole(me, result, status, wanted):
    told = me.send("POST", "MultiDatastreams('M')/Observations", {"result": result})
    assert (told.status_code, code(told)) == (status, wanted), told.content
    assert "{" not in told.json()["error"]["what"]
    assert me.get("Observations")["value"] == []


def test_one_that_is_refused_takes_the_others_with_it(me):
    ahead = (NOW + timedelta(days=2)).isoformat()
    told = me.send(
        "POST", "MultiDatastreams('M')/Observations", {"result": [1, 2], "phenomenonTime": ahead}
    )
    assert (told.status_code, code(told)) == (422, "sta.reading_refused")
    told = me.send(
        "POST", "MultiDatastreams('M')/Observations",
        {"result": [1, 2], "Datastream": {"@iot.id": "s1"}},
    )  # fmt: skip
    assert code(told) == "sta.entity_malformed"
    assert me.get("Observations")["value"] == []


def test_the_same_message_counts_once(me):
    body = {"result": [1, 2], "phenomenonTime": at(4)}
    sent = [
        me.send("POST", "MultiDatastreams('M')/Observations", body, **{"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert sent[0].json() == sent[1].json()
    assert me.get("Observations", _count="true", _top=0)["@iot.count"] == 3


def test_data_arrays_go_in_and_out(me):
    body = [
        {
            "MultiDatastream": {"@iot.id": "M"},
            "components": ["phenomenonTime", "result"],
            "dataArray": [[at(9), [1, 10]], [at(8), [2]], [at(7), [None, 30]], [at(6), ["x", 1]]],
        },
        {
            "Datastream": {"@iot.id": "s1"},
            "components": ["phenomenonTime", "result"],
            "dataArray": [[at(5), 5]],
        },
    ]
    told = me.send("POST", "CreateObservations", body).json()
    links = [one.rpartition("/")[2] for one in told]
    assert links[:4] == [of(f"M,{at(9)}").replace("%2C", ",").replace("%3A", ":"),
                         "error: sta.result_length", of(f"M,{at(7)}").replace("%2C", ",").replace("%3A", ":"),
                         "error: sta.result_kind"]  # fmt: skip
    assert me.get(links[4])["result"] == 5.0
    found = me.get("MultiDatastreams('M')/Observations", _resultFormat="dataArray")["value"]
    assert found[0]["MultiDatastream@iot.navigationLink"].endswith("/MultiDatastreams('M')")
    place = found[0]["components"].index("result")
    assert [one[place] for one in found[0]["dataArray"]] == [[1.0, 10.0], [None, 30.0], [5.0, None]]


def test_what_becomes_of_a_row_when_its_readings_do(me):
    id_ = row(me, 10, [1, 2])
    late = me.observe("s2", 9, 7.0)
    assert me.get(of(f"M,{at(9)}"))["result"] == [None, 7.0]  # missing
    assert me.get(of(f"M,{at(9)}"))["resultQuality"] == ["missing", "good"]
    me.observe("s1", 9, 6.0)  # late: the row fills, and its id stays
    assert results(me) == [[1.0, 2.0], [6.0, 7.0]]
    me.send("PATCH", f"Observations({late})?reason=typo", {"result": 8})
    assert results(me) == [[1.0, 2.0], [6.0, 8.0]]
    me.send("DELETE", f"Observations({late})?reason=typo")
    assert results(me) == [[1.0, 2.0], [6.0, None]]
    told = me.send("PATCH", f"{of(id_)}?reason=typo", {"result": [1, 5]})
    assert (told.status_code, told.json()["result"], told.json()["@iot.id"]) == (
        200,
        [1.0, 5.0],
        id_,
    )
    kept = me.get("Datastreams('s1')/Observations", history="true")["value"]
    assert len(kept) == 2, kept  # what did not change was not written again
    told = me.send("PATCH", f"{of(f'M,{at(9)}')}?reason=found", {"result": [None, 4]})
    assert told.json()["result"] == [None, 4.0]
    corrected = JournalEntry.objects.filter(event="ObservationCorrected").count()
    assert corrected == 3  # s2 twice, s1 once; what was missing is a new reading
    for body, wanted in (
        ({"result": [1]}, "sta.result_length"),
        ({"result": ["x", 1]}, "sta.result_kind"),
        ({"resultTime": at(3)}, "sta.not_kept"),
        ({"phenomenonTime": at(3)}, "sta.not_kept"),
    ):
        assert code(me.send("PATCH", f"{of(id_)}?reason=typo", body)) == wanted
    assert me.send("DELETE", f"{of(id_)}?reason=typo").status_code == 200
    assert me.refused(of(id_)) == (404, "sta.entity_unknown")
    assert results(me) == [[None, 4.0]]
    assert (
        me.get("Datastreams('s1')/Observations", _filter=f"phenomenonTime eq {at(10)}")["value"]
        == []
    )
    assert me.send("PATCH", f"{of(id_)}?reason=typo", {"result": [1, 2]}).status_code == 404


def test_only_the_sender_or_who_may_amends(me, caller):
    id_ = row(me, 10, [1, 2])
    other = caller("program")
    told = other.send("PATCH", f"{of(id_)}?reason=x", {"result": [3, 4]})
    assert told.status_code == 403
    assert results(me) == [[1.0, 2.0]]


def test_rows_are_filtered_ordered_and_paged(keeper, me):
    put_together(keeper, "N", ["s2", "s1"])
    for minute in range(9, 0, -1):
        row(me, minute, [minute, 2 * minute])
    path = "MultiDatastreams('M')/Observations"
    assert results(me, path, _filter="result[1] gt 14") == [[9.0, 18.0], [8.0, 16.0]]
    assert results(me, path, _orderby="result/0", _top=2) == [[1.0, 2.0], [2.0, 4.0]]
    assert results(me, path, _filter=f"phenomenonTime gt {at(3)}") == [[2.0, 4.0], [1.0, 2.0]]
    assert results(me, "Observations", _filter="MultiDatastream/@iot.id eq 'N'", _top=1) == [
        [18.0, 9.0]
    ]
    gas = "MultiDatastream/ObservedProperties/@iot.id eq 'gas' and phenomenonTime ge " + at(1)
    assert results(me, "Observations", _filter=gas) == [[1.0, 2.0], [2.0, 1.0]]
    assert results(
        me, "Observations", _filter=f"Datastream/@iot.id eq 's1' and phenomenonTime ge {at(1)}"
    ) == [1.0]
    page = me.get(path, _top=4, _count="true", _select="result")
    assert (page["@iot.count"], len(page["value"])) == (9, 4)
    rest = me.client.get(page["@iot.nextLink"]).json()["value"]
    assert rest[0] == {"result": [5.0, 10.0]}
    mine = f"@iot.id eq 'M,{at(2)}'"
    assert results(me, path, _filter=mine) == [[2.0, 4.0]]
    assert [
        x["@iot.selfLink"].rpartition("/")[2] for x in me.get(f"{path}/$ref", _top=1)["value"]
    ] == [f"Observations('M,{at(9)}')"]
    assert me.get(f"{of(f'M,{at(2)}')}/result")["result"] == [2.0, 4.0]


def test_rows_are_what_a_plain_reckoning_makes_of_the_readings(keeper, me):
    """Readings of single streams, in any order, at few instants and result times: against a slow twin."""
    put_together(keeper, "N", ["s2", "s1"])
    chance = random.Random(4)
    stands: dict[tuple[str, str, str], float] = {}
    numbers = {}
    for _ in range(60):
        name, minute, made = (
            chance.choice(["s1", "s2"]),
            chance.randint(1, 6),
            chance.choice([0, 1]),
        )
        key = (at(minute), at(minute - made), name)
        if key in numbers and chance.random() < 0.3:
            me.send("DELETE", f"Observations({numbers.pop(key)})?reason=x")
            del stands[key]
            continue
        value = float(chance.randint(0, 10_000))
        if key in numbers:
            me.send("PATCH", f"Observations({numbers[key]})?reason=x", {"result": value})
        else:
            numbers[key] = me.observe(name, minute, value, resultTime=at(minute - made))
        stands[key] = value
    for multi, streams in (("M", ("s1", "s2")), ("N", ("s2", "s1"))):
        wanted = {
            (when, made): [stands.get((when, made, name)) for name in streams]
            for when, made, _ in stands
        }
        found = me.get(f"MultiDatastreams('{multi}')/Observations")["value"]
        shown = {(one["phenomenonTime"], one["resultTime"]): one["result"] for one in found}
        assert shown == wanted
        assert len(found) == len(wanted)
        newest = max(when for when, _ in wanted)
        expanded = me.get(f"MultiDatastreams('{multi}')", _expand=NEWEST)["Observations"]
        assert len(expanded) == 1
        assert expanded[0]["phenomenonTime"] == newest
        assert expanded[0]["result"] == wanted[newest, expanded[0]["resultTime"]]
        for one in found:
            assert me.get(of(one["@iot.id"]))["result"] == one["result"]


def test_as_many_queries_for_two_as_for_fifty(db, monkeypatch):
    make = caller_in(monkeypatch)
    deep = f"Thing($expand=Locations),Sensor,ObservedProperties,{NEWEST}"
    keeper, counts = None, []
    for many, role in ((2, "duty_officer"), (50, "commander")):
        names = [f"m{n:03}" for n in range(many)]
        load(
            [a_place(f"P{n:03}") for n in range(many)],
            [
                stream(f"{name}-{part}", f"P{n:03}", **more)
                for n, name in enumerate(names)
                for part, more in enumerate(({}, {"quantity": "gas", "unit": "%LEL"}))
            ],
        )
        keeper = keeper or make("system_admin")
        for name in names[len(counts) and 2 :]:
            put_together(keeper, name, [f"{name}-0", f"{name}-1"])
        me = make(role)
        body = [
            {
                "MultiDatastream": {"@iot.id": name},
                "components": ["phenomenonTime", "result"],
                "dataArray": [[at(5), [n, 2 * n]], [at(4), [n, None]]],
            }
            for n, name in enumerate(names)
        ]
        # What is read once per revision of the city, before anything is counted.
        me.get("MultiDatastreams", _expand=deep)
        me.send("POST", "CreateObservations", body)
        with CaptureQueriesContext(connection) as seen:
            assert "error" not in str(me.send("POST", "CreateObservations", body).json())
        writing = len(seen)
        with CaptureQueriesContext(connection) as seen:
            found = me.get("MultiDatastreams", _expand=deep)["value"]
        assert [one["Observations"][0]["result"] for one in found] == [
            [float(n), None] for n in range(many)
        ]
        assert all(
            len(one["ObservedProperties"]) == 2 and one["Thing"]["Locations"] for one in found
        )
        counts.append((len(seen), writing))
    assert counts[0] == counts[1], counts
    assert max(counts[0]) <= 6, counts


def test_what_one_question_makes_of_rows_is_bounded(keeper, me, monkeypatch):
    for number in range(5):
        put_together(keeper, f"N{number}", ["s1", "s2"])
    for minute in range(4):
        me.observe("s1", minute, 1.0)
    every = {"_filter": "MultiDatastream/@iot.id ne null", "_top": 100}
    assert len(me.get("Observations", **every)["value"]) == 24
    with monkeypatch.context() as bound:
        bound.setattr(view, "MOST_STEPS", 2000)
        path = "MultiDatastreams('M')/Observations"
        assert me.refused(path, _filter="result[0] gt 0", _orderby="result[1]") == (
            400,
            "sta.too_wide",
        )
    monkeypatch.setattr(rows, "MOST_CELLS", 47)  # 24 rows of two places
    assert me.refused("Observations", **every) == (400, "sta.too_wide")
    assert len(me.get("MultiDatastreams('M')/Observations")["value"]) == 4
