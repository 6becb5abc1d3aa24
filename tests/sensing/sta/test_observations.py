"""Readings as Observations: sent, found again, corrected, removed, in pages and in arrays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from anlan.infra.models import JournalEntry
from anlan.sensing import public
from anlan.sensing.services.hands import let_go, reader
from tests.sensing.conftest import NOW
from tests.sensing.sta.conftest import Caller

pytestmark = pytest.mark.django_db(databases="__all__")


def seal():
    public.seal_segments(now=NOW, span=timedelta(0))


def at(minutes: float) -> str:
    return (NOW - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def results(me: Caller, path="Observations", **options):
    return [one["result"] for one in me.get(path, **options)["value"]]


NEWEST = {"_orderby": "phenomenonTime desc", "_top": 1}


def test_what_was_acknowledged_is_found_under_its_number(caller):
    me = caller()
    sent = me.send(
        "POST",
        "Datastreams('s1')/Observations",
        {"phenomenonTime": "2026-07-20T15:30:00+08:00", "resultTime": at(10), "result": 12.5},
    )
    assert sent.status_code == 201
    told = sent.json()
    assert sent["Location"] == told["@iot.selfLink"] == (
        f"http://testserver/sta/v1.1/Observations({told['@iot.id']})"
    )  # fmt: skip
    assert told["phenomenonTime"] == "2026-07-20T07:30:00.000Z"
    found = me.get(f"Observations({told['@iot.id']})")
    assert found == told
    assert me.get(f"Observations({told['@iot.id']})/Datastream")["@iot.id"] == "s1"
    assert me.get(f"Datastreams('s1')/Observations({told['@iot.id']})/result") == {"result": 12.5}
    assert me.raw(f"Observations({told['@iot.id']})/result/$value").content == b"12.5"
    assert me.refused(f"Datastreams('s3')/Observations({told['@iot.id']})")[0] == 404
    let_go()  # as if the process had begun anew
    assert me.get(f"Observations({told['@iot.id']})") == found
    seal()
    assert me.get(f"Observations({told['@iot.id']})") == found


@pytest.mark.parametrize("sealed", [False, True])
def test_every_kind_of_result_is_kept_as_it_was_sent(caller, sealed):
    me = caller()
    sent = [1, -0.25, True, "积水", {"a": [1, None]}, [1.5, "x"], 2**60, None, 10**40, "", 7.0]
    numbers = [me.observe("s2", 100 - place, result) for place, result in enumerate(sent)]
    if sealed:
        seal()
    assert results(me, "Datastreams('s2')/Observations") == sent
    assert [me.get(f"Observations({n})")["result"] for n in numbers] == sent
    last = "Observations($top=1;$orderby=phenomenonTime desc)"
    newest = me.get("Datastreams", _filter="id eq 's2'", _expand=last)
    assert newest["value"][0]["Observations"][0]["result"] == 7.0
    me.observe("s2", 1, {"last": True})
    if sealed:
        seal()
    assert results(me, "Datastreams('s2')/Observations", **NEWEST) == [{"last": True}]
    assert results(me, _filter="result eq true") == [True]
    assert results(me, _filter="result gt 0.5") == [1, 2**60, 10**40, 7.0]
    assert results(me, _filter="result eq '积水'") == ["积水"]
    assert results(me, _filter="result/last eq true") == [{"last": True}]
    assert results(me, _filter="result eq null") == [None]


def test_time_may_be_left_to_us_and_value_out_of_range_is_marked(caller):
    me = caller()
    told = me.send("POST", "Datastreams('s1')/Observations", {"result": 9000}).json()
    assert told["phenomenonTime"] == "2026-07-20T08:00:00.000Z"
    assert told["resultQuality"] == "out_of_range"
    assert me.get("Observations", _filter="resultQuality eq 'out_of_range'")["value"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"result": 1, "phenomenonTime": "2026-07-20T08:00:00"}, "sta.entity_malformed"),
        ({"result": 1, "phenomenonTime": "yesterday"}, "sta.entity_malformed"),
        ({"result": 1, "phenomenonTime": 5}, "sta.entity_malformed"),
        ({"result": 1, "phenomenonTime": "2030-01-01T00:00:00Z"}, "sta.reading_refused"),
        (
            {"result": 1, "phenomenonTime": "2026-01-01T00:00:00Z/2026-01-02T00:00:00Z"},
            "sta.not_kept",
        ),
        ({"result": 1, "validTime": "2026-01-01T00:00:00Z/2026-01-02T00:00:00Z"}, "sta.not_kept"),
        ({"result": 1, "parameters": {"a": 1}}, "sta.not_kept"),
        ({"result": 1, "resultQuality": {"a": 1}}, "sta.not_kept"),
        ({"result": 1, "FeatureOfInterest": {"name": "new"}}, "sta.entity_malformed"),
        ({"result": 1, "FeatureOfInterest": {"@iot.id": "s2"}}, "sta.not_kept"),
        ({"result": 1, "Datastream": {"@iot.id": "s2"}}, "sta.entity_malformed"),
        ({"result": "x" * 70_000}, "sta.not_kept"),
        ({}, "sta.entity_malformed"),
        ([1], "sta.entity_malformed"),
        (b"{", "sta.entity_malformed"),
        (b"[" * 100_000, "sta.entity_malformed"),
        (b"\xff", "sta.entity_malformed"),
        (b'{"result": NaN}', "sta.entity_malformed"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_is(caller, body, code):
    sent = caller().send("POST", "Datastreams('s1')/Observations", body)
    assert 400 <= sent.status_code < 500
    assert sent.json()["error"]["code"] == code
    assert public.last_batch_id() == 0


def test_the_same_key_has_one_effect(caller):
    me = caller()
    body = {"result": 1, "phenomenonTime": at(5)}
    path, key = "Datastreams('s1')/Observations", {"Idempotency-Key": "k1"}
    first = me.send("POST", path, body, **key).json()["@iot.id"]
    assert me.send("POST", path, body, **key).json()["@iot.id"] == first
    assert public.last_batch_id() == 1
    assert me.send("POST", path, {**body, "result": 2}, **key).json()["@iot.id"] != first
    assert me.send("POST", path, body, **{"Idempotency-Key": "k" * 300}).status_code == 422


def test_the_same_reading_sent_twice_is_one_under_both_numbers(caller):
    me = caller()
    first, second = me.observe("s1", 5, 1.0), me.observe("s1", 5, 1.0)
    assert me.ids("Observations") == [first]
    assert me.get(f"Observations({second})")["@iot.id"] == first


def test_data_arrays_in_and_out(caller):
    me = caller()
    body = [
        {
            "Datastream": {"@iot.id": "s1"},
            "components": ["phenomenonTime", "result", "FeatureOfInterest/id"],
            "dataArray@iot.count": 3,
            "dataArray": [[at(3), 1, "s1"], [at(2), "wet", "s1"], [at(1), 3, "other"]],
        },
        {
            "Datastream": {"@iot.id": "nope"},
            "components": ["phenomenonTime", "result"],
            "dataArray": [[at(3), 1]],
        },
        {"Datastream": {"@iot.id": "s3"}, "components": ["result"], "dataArray": [[4], [4, 5]]},
    ]
    sent = me.send("POST", "CreateObservations", body)
    assert sent.status_code == 201
    links = sent.json()
    assert [link.startswith("http") for link in links] == [True, True, False, False, True, False]
    assert links[2] == "error: sta.not_kept"
    assert links[3] == "error: observation.stream_unknown"
    assert public.last_batch_id() == 1  # one message, one frame
    assert me.client.get(links[1]).json()["result"] == "wet"
    arrays = me.get("Observations", _resultFormat="dataArray", _count="true")
    assert arrays["@iot.count"] == 3
    assert arrays["value"][0] == {
        "Datastream@iot.navigationLink": "http://testserver/sta/v1.1/Datastreams('s1')",
        "components": ["id", "phenomenonTime", "resultTime", "result", "resultQuality"],
        "dataArray@iot.count": 2,
        "dataArray": [
            [int(links[0].partition("(")[2][:-1]), *["2026-07-20T07:57:00.000Z"] * 2, 1.0, "good"],
            [
                int(links[1].partition("(")[2][:-1]),
                *["2026-07-20T07:58:00.000Z"] * 2,
                "wet",
                "good",
            ],
        ],
    }
    few = me.get("Observations", _resultFormat="dataArray", _select="result,phenomenonTime")
    assert few["value"][1]["components"] == ["phenomenonTime", "result"]
    assert me.refused("Things", _resultFormat="dataArray") == (400, "sta.option")
    for bad in ({}, [1], [{"dataArray": 1}], [{"dataArray": [], "components": [1]}]):
        assert me.send("POST", "CreateObservations", bad).status_code == 400


@pytest.mark.parametrize("sealed", [False, True])
def test_a_correction_keeps_the_number_and_what_was_received(caller, sealed):
    me = caller()
    number = me.observe("s1", 5, 1.0)
    me.observe("s1", 6, 0.5)
    for result in (2.0, 3.0):
        if sealed:
            seal()
        told = me.send("PATCH", f"Observations({number})?reason=typo", {"result": result})
        assert (told.status_code, told.json()["result"], told.json()["@iot.id"]) == (
            200,
            result,
            number,
        )
    assert me.ids("Observations") == [number + (1 << 20), number]
    assert results(me) == [0.5, 3.0]
    newest = me.get(
        "Datastreams('s1')", _expand="Observations($top=1;$orderby=phenomenonTime desc)"
    )
    assert [(x["@iot.id"], x["result"]) for x in newest["Observations"]] == [(number, 3.0)]
    everything = me.get("Datastreams('s1')/Observations", history="true")["value"]
    assert [(x["result"], x["parameters"]) for x in everything] == [
        (0.5, {"standing": True}),
        (1.0, {"standing": False}),
        (2.0, {"standing": False, "corrects": number}),
        (3.0, {"standing": True, "corrects": everything[2]["@iot.id"]}),
    ]
    last = everything[3]["@iot.id"]
    assert me.get(f"Observations({last})")["@iot.id"] == number
    told = JournalEntry.objects.filter(event="ObservationCorrected").order_by("seq").first()
    assert told.payload["reason"] == "typo"
    assert told.actor.startswith("account:")


@pytest.mark.parametrize("sealed", [False, True])
def test_a_removal_leaves_what_was_received(caller, sealed):
    me = caller()
    older, number = me.observe("s1", 6, 0.5), me.observe("s1", 5, 1.0)
    assert me.send("PATCH", f"Observations({number})", {"result": 2}).status_code == 200
    if sealed:
        seal()
    assert me.send("DELETE", f"Observations({number})?reason=sensor%20test").status_code == 200
    if sealed:
        seal()
    assert me.refused(f"Observations({number})") == (404, "sta.entity_unknown")
    assert me.send("DELETE", f"Observations({number})").status_code == 404
    assert me.send("PATCH", f"Observations({number})", {"result": 1}).status_code == 404
    assert me.ids("Datastreams('s1')/Observations", **NEWEST) == [older]
    assert me.get(f"Observations({number})", history="true")["result"] == 1.0
    said = me.get("Observations", history="true", _filter="resultQuality eq 'removed'")["value"]
    assert said[0]["parameters"]["removes"] == number + (1 << 20)
    assert said[0]["result"] is None
    event = JournalEntry.objects.get(event="ObservationRemoved")
    assert (event.payload["observation"], event.payload["reason"]) == (number, "sensor test")
    assert public.latest(["s1"])["s1"].value == 0.5
    let_go()
    assert public.latest(["s1"])["s1"].value == 0.5
    assert me.send("DELETE", f"Observations({older})").status_code == 200
    assert public.latest(["s1"]) == {}
    later = me.observe("s1", 1, 4.0)
    assert public.latest(["s1"])["s1"].value == 4.0
    assert me.ids("Datastreams('s1')/Observations", **NEWEST) == [later]


def test_what_a_correction_cannot_change_is_refused(caller):
    me = caller()
    number = me.observe("s1", 5, 1.0)
    path = f"Observations({number})"
    for body in ({"phenomenonTime": at(4)}, {"parameters": {"a": 1}}, {"validTime": "x"},
                 {"result": 1, "resultQuality": "splendid"}):  # fmt: skip
        found = me.send("PATCH", path, body)
        assert found.json()["error"]["code"] == "sta.not_kept", body
    for body in (
        5,
        [5],
        [{"op": "remove", "path": "/result"}],
        [{"op": "replace", "path": "/x", "value": 1}],
    ):
        assert me.send("PATCH", path, body).json()["error"]["code"] == "sta.entity_malformed"
    assert me.send("PATCH", f"{path}?reason=13800000000", {"result": 2}).status_code == 422
    assert me.get(path)["result"] == 1.0
    patch = [{"op": "replace", "path": "/result", "value": 8}]
    told = me.send("PATCH", path, patch, kind="application/json-patch+json")
    assert told.json()["result"] == 8.0
    whole = {
        "@iot.id": number,
        "phenomenonTime": at(5),
        "result": "dry",
        "Datastream": {"@iot.id": "s1"},
    }
    assert me.send("PUT", path, whole).json()["result"] == "dry"


def test_only_the_sender_or_who_answers_for_signs_corrects(caller):
    sender = caller("department")
    other = caller("street_officer", ("410100/410102",))
    mine = sender.observe("s1", 5, 1.0)
    assert other.send("PATCH", f"Observations({mine})", {"result": 2}).status_code == 403
    assert other.send("DELETE", f"Observations({mine})").status_code == 403
    assert sender.send("PATCH", f"Observations({mine})", {"result": 2}).status_code == 200
    assert caller("duty_officer").send("DELETE", f"Observations({mine})").status_code == 200
    assert caller("auditor").send("DELETE", f"Observations({mine})").status_code == 403


@pytest.fixture
def week(caller):
    """Seven days of three streams, sealed but for the last."""
    me = caller()
    for day in range(7):
        rows = [[at((7 - day) * 1440 - hour * 60), day * 24 + hour] for hour in range(24)]
        body = [
            {"Datastream": {"@iot.id": code}, "components": ["phenomenonTime", "result"], "dataArray": rows}
            for code in ("s1", "s2", "s3")
        ]  # fmt: skip
        sent = me.send("POST", "CreateObservations", body)
        assert not any(one.startswith("error") for one in sent.json())
        if day < 6:
            seal()
    return me


def test_pages_in_any_order_and_any_direction(week):
    everything = [float(value) for value in range(168)]
    path = "Datastreams('s1')/Observations"
    for order, wanted in (
        ("phenomenonTime", everything),
        ("phenomenonTime desc", everything[::-1]),
        ("result desc", everything[::-1]),
        ("result mod 2,result desc", [*everything[::-1][1::2], *everything[::-1][::2]]),
    ):
        page, seen = week.get(path, _orderby=order, _top=50), []
        while True:
            seen += [one["result"] for one in page["value"]]
            if "@iot.nextLink" not in page:
                break
            page = week.client.get(page["@iot.nextLink"]).json()
        assert seen == wanted, order
    assert week.get(path, _count="true", _top=1)["@iot.count"] == 168
    assert results(week, path, _top=3) == [0.0, 1.0, 2.0]
    assert results(week, path, _filter="result ge 100 and result lt 102") == [100.0, 101.0]


def test_conditions_on_time_and_stream_are_asked_of_little(week, monkeypatch):
    read = []
    store = reader()
    plain = store.read

    def watched(streams, start=0, end=0, **more):
        rows = plain(streams, start, end, **more)
        read.append(rows.size)
        return rows

    monkeypatch.setattr(store, "read", watched)
    options = {
        "_filter": f"phenomenonTime ge {at(120)} and Datastream/name eq 's1'",
        "_count": "true",
    }
    assert week.get("Observations", **options)["@iot.count"] == 2
    assert sum(read) <= 3
    read.clear()
    assert results(week, "Datastreams('s1')/Observations", **NEWEST) == [167.0]
    assert sum(read) == 0  # known without a look
    during = f"during(phenomenonTime,{at(300)}/{at(180)})"
    assert len(results(week, "Datastreams('s2')/Observations", _filter=during)) == 3
    read.clear()
    assert len(results(week, "Observations", _top=5)) == 5
    assert sum(read) <= 3 * 24


def test_readings_of_each_stream_when_expanded(week):
    found = week.get(
        "Datastreams",
        _expand="Observations($top=2;$skip=1;$orderby=result desc;$count=true;$filter=result lt 10;$select=result)",
    )["value"]
    assert [one["Observations"] for one in found if one["@iot.id"] == "s2"] == [
        [{"result": 8.0}, {"result": 7.0}]
    ]
    assert {one["@iot.id"]: one["Observations@iot.count"] for one in found}["s3"] == 10
    assert {one["@iot.id"]: one["Observations@iot.count"] for one in found}["alone"] == 0
    s1 = next(one for one in found if one["@iot.id"] == "s1")
    following = week.client.get(s1["Observations@iot.nextLink"]).json()["value"]
    assert following == [{"result": 6.0}, {"result": 5.0}]
    deep = week.get(
        "Observations", _top=2, _expand="Datastream($expand=Thing/Locations),FeatureOfInterest"
    )
    one = deep["value"][0]
    assert one["Datastream"]["Thing"]["Locations"][0]["location"]["type"] == "Point"
    assert one["FeatureOfInterest"]["@iot.id"] == one["Datastream"]["@iot.id"]


def test_a_question_too_wide_is_told_how_to_be_narrowed(week, monkeypatch):
    from anlan.sensing.sta import answers, looking

    monkeypatch.setattr(looking, "MOST_LOOKED_AT", 100)
    assert week.refused("Observations", _count="true") == (400, "sta.too_wide")
    assert results(week, "Datastreams('s1')/Observations", _top=10)
    monkeypatch.setattr(looking, "MANY_STREAMS", 1)
    assert week.refused("Observations", _orderby="result") == (400, "sta.too_wide")
    monkeypatch.setattr(answers, "MOST_SHOWN", 10)
    assert week.refused(
        "Things", _expand="Datastreams($expand=Thing($expand=Datastreams($expand=Thing)))"
    ) == (400, "sta.too_wide")  # fmt: skip
