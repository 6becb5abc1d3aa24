"""Making and asking MultiDatastreams in tests."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from tests.sensing.conftest import NOW

WHY = "reason=notice%2012"
KIND = "http://www.opengis.net/def/observationType/OGC-OM/2.0/"
NEWEST = "Observations($top=1;$orderby=phenomenonTime desc)"
POINT = {"type": "Point", "coordinates": [113.25, 34.22]}
A_MULTI = {
    "name": "井下",
    "description": "water and gas of one well",
    "observationType": f"{KIND}OM_ComplexObservation",
    "multiObservationDataTypes": [f"{KIND}OM_Measurement", f"{KIND}OM_CountObservation"],
    "unitOfMeasurements": [
        {"name": "centimetre", "symbol": "cm", "definition": "x"},
        {"name": "lower explosive limit", "symbol": "%LEL", "definition": "x"},
    ],
    "ObservedProperties": [{"@iot.id": "ponding"}, {"@iot.id": "gas"}],
    "properties": {"interval_s": 60, "code": "W9", "name_en": "Well"},
    "Sensor": {"name": "probe", "encodingType": "text/html", "metadata": "http://x"},
}
OF_S1 = {"name": "x", "properties": {"datastreams": ["s1"]}}


def code(answer):
    return answer.json()["error"]["code"]


def at(minutes):
    return (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def put_together(keeper, name="M", streams=("s1", "s2"), **more):
    body = {"name": name, "properties": {"code": name, "datastreams": list(streams)}, **more}
    told = keeper.send("POST", f"MultiDatastreams?{WHY}", body)
    assert told.status_code == 201, told.content
    return told.json()


def row(me, minutes, result, name="M", **more):
    told = me.send(
        "POST", f"MultiDatastreams('{name}')/Observations",
        {"phenomenonTime": at(minutes), "result": result, **more},
    )  # fmt: skip
    assert told.status_code == 201, told.content
    return told.json()["@iot.id"]


def results(me, path="MultiDatastreams('M')/Observations", **options):
    return [one["result"] for one in me.get(path, **options)["value"]]


def of(id_):
    return f"Observations('{quote(id_)}')"
