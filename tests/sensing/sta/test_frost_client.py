"""An independent client of the standard, unchanged, against a running server."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.served import served

# The client's own libraries warn of each other.
pytestmark = [pytest.mark.sqlite_only, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with served(tmp_path_factory.mktemp("sta")) as found:
        yield found


KIND = "http://www.opengis.net/def/observationType/OGC-OM/2.0/"


def client_of(place, role, query=""):
    import frost_sta_client as fsc
    from frost_sta_client.service.auth_handler import AuthHandler

    made = place.command("-m", "anlan", "token", "issue", f"client-{role}", "--role", role)
    secret = next(word for word in made.split() if word.startswith("anlan_"))
    address = f"{place.address}/sta/v1.1{query}"
    return fsc.SensorThingsService(address, auth_handler=AuthHandler("client", secret))


@pytest.fixture(scope="module")
def service(place):
    return client_of(place, "duty_officer")


def test_reading_and_asking(service):
    things = service.things().query().top(5).expand("Locations,Datastreams").list()
    seen = list(things)  # follows the links to the next pages
    assert len(seen) > 20
    one = next(thing for thing in seen if thing.id == "RP-UNDERPASS-1")
    assert one.datastreams.entities[0].id == "POND-01"
    assert one.locations.entities[0].location["type"] == "Point"

    stream = service.datastreams().find("POND-01")
    assert stream.unit_of_measurement.symbol == "cm"
    assert service.sensors().find("POND-01").encoding_type == "application/json"
    assert service.observed_properties().find("ponding_depth").definition
    found = (
        service.datastreams().query().filter("ObservedProperty/@iot.id eq 'gas_lel'").count().list()
    )
    assert (found.count, {one.id for one in found}) == (2, {"GAS-01", "GAS-02"})


def test_sending_correcting_and_removing(service):
    import frost_sta_client as fsc

    stream = service.datastreams().find("POND-01")
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)  # noqa: TID251  the server's clock is the real one
    sent = fsc.Observation(
        result=12.5,
        phenomenon_time=now - dt.timedelta(minutes=9),
        datastream=fsc.Datastream(id="POND-01"),
    )
    service.create(sent)
    assert isinstance(sent.id, int)
    assert service.observations().find(sent.id).result == 12.5

    values = fsc.model.ext.data_array_value.DataArrayValue()
    values.datastream = stream
    kinds = fsc.model.ext.data_array_value.DataArrayValue.Property
    values.components = {kinds.PHENOMENON_TIME, kinds.RESULT}
    for minutes in range(8, 0, -1):
        values.add_observation(
            fsc.Observation(
                result=20 + minutes, phenomenon_time=now - dt.timedelta(minutes=minutes)
            )
        )
    document = fsc.model.ext.data_array_document.DataArrayDocument()
    document.add_data_array_value(values)
    links = service.observations().create(document)
    assert len(links) == 8

    readings = stream.get_observations().query().orderby("phenomenonTime", "DESC").top(3).list()
    assert [one.result for one in readings] == [21, 22, 23, 24, 25, 26, 27, 28, 12.5]
    high = stream.get_observations().query().filter("result gt 24.5").list()
    assert sorted(one.result for one in high) == [25, 26, 27, 28]

    sent.result = 13.5
    service.update(sent)
    assert service.observations().find(sent.id).result == 13.5
    service.patch(sent, [{"op": "replace", "path": "/result", "value": 14.5}])
    assert service.observations().find(sent.id).result == 14.5
    service.delete(sent)
    left = stream.get_observations().query().list()
    assert sent.id not in {one.id for one in left}


def test_several_results_at_once(place, service):
    import frost_sta_client as fsc

    keeper = client_of(place, "system_admin", "?reason=put%20together")
    level, over = "reservoir_level", "reservoir_over_limit"
    multi = fsc.MultiDatastream(
        name="水库",
        observation_type=f"{KIND}OM_ComplexObservation",
        multi_observation_data_types=[f"{KIND}OM_Measurement"] * 2,
        properties={"code": "RES", "datastreams": ["RES-01", "RES-02"]},
        observed_properties=[fsc.ObservedProperty(id=level), fsc.ObservedProperty(id=over)],
    )
    keeper.create(multi)
    assert multi.id == "RES"
    found = service.multi_datastreams().find("RES")
    assert (found.name, found.observation_type) == ("水库", multi.observation_type)
    assert [one.id for one in found.get_observed_properties().query().list()] == [level, over]
    assert [one["symbol"] for one in found.unit_of_measurements] == ["m", "m"]

    now = dt.datetime.now(dt.UTC).replace(microsecond=0)  # noqa: TID251  the server's clock is the real one
    sent = fsc.Observation(
        result=[107.5, 1.5],
        phenomenon_time=now - dt.timedelta(minutes=9),
        multi_datastream=fsc.MultiDatastream(id="RES"),
    )
    service.create(sent)
    assert service.observations().find(sent.id).result == [107.5, 1.5]
    for minutes in (8, 7):  # its own data arrays know Datastreams only
        when = now - dt.timedelta(minutes=minutes)
        result = [100 + minutes, None]
        service.create(fsc.Observation(result=result, phenomenon_time=when, multi_datastream=found))
    rows = found.get_observations().query().orderby("phenomenonTime", "DESC").top(2).list()
    assert [one.result for one in rows] == [[107.0, None], [108.0, None], [107.5, 1.5]]
    sent.result = [107.25, 1.25]
    service.update(sent)
    assert (
        service.datastreams().find("RES-02").get_observations().query().list().entities[0].result
        == 1.25
    )
    one = (
        service.multi_datastreams().query().filter("Thing/@iot.id eq 'RP-RES-GJZ'")
        .expand("Thing,Sensor,ObservedProperties,Observations($top=1;$orderby=phenomenonTime desc)")
        .list().entities[0]
    )  # fmt: skip
    assert (one.thing.id, one.sensor.id) == ("RP-RES-GJZ", "RES")
    assert one.observations.entities[0].result == [107.0, None]
    service.delete(sent)
    assert len(list(found.get_observations().query().list())) == 2
