"""Devices that fail: a case with an owner, one for each and one for many, never below the last level."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from django.conf import settings

from anlan import flow
from anlan.entrypoints import clock
from anlan.infra import delivery
from anlan.infra.workspace import WorkspaceKind, create
from anlan.kernel.actor import Actor, Role, system_actor
from anlan.notices.models import Notice
from anlan.registry import public as registry
from anlan.registry.domain import city as c
from anlan.registry.domain.parse import (
    city_folder,
    jurisdiction_folder,
    read_city,
    read_jurisdiction,
)
from anlan.response.models import Case, CaseClock, CaseFollower
from anlan.sensing import public as sensing
from anlan.sensing.domain.observations import BatchIn, RowIn
from anlan.sensing.models import StreamFault
from anlan.sensing.services import examining
from anlan.warning import public as warning
from anlan.warning.models import AlertInstance
from tests.entrypoints.test_pages import Clock, an_account, signed_in
from tests.registry.small_city import parsed

pytestmark = pytest.mark.django_db(databases="__all__")
START = datetime(2026, 7, 20, 2, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GATEWAY = Actor(id="account:gateway", role=Role.PROGRAM, areas=("",), scopes=frozenset({"*"}))


@pytest.fixture(autouse=True)
def live(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "WORKSPACE", create(tmp_path / "live", kind=WorkspaceKind.LIVE))
    examining.forget()
    yield
    examining.forget()


def load(*more: c.Sensor) -> None:
    pack = read_city(city_folder("demo")).pack
    law = read_jurisdiction(jurisdiction_folder(pack.info.jurisdiction))
    found = parsed(msgspec.structs.replace(pack, sensors=(*pack.sensors, *more)))
    registry.load_city(system_actor("test"), found, law, now=START - timedelta(days=1))


def send(*readings, at):
    rows = tuple(RowIn(stream=stream, at=at, value=value) for stream, value in readings)
    assert sensing.keep_observations(GATEWAY, BatchIn(rows=rows), now=at).kept == len(rows)


def tick(now):
    delivery.settle(flow.REACTIONS, now=now)
    warning.judge(now=now)
    sensing.examine(now=now)
    delivery.settle(flow.REACTIONS, now=now)


def device_cases():
    return list(Case.objects.filter(kind="device").order_by("pk"))


def test_a_stuck_device_gets_an_owner_and_a_clock_and_silence_joins_the_same_case():
    load()
    at = START
    for n in range(13 * 60):  # 13 hours of 6 cm, to the tenth
        send(("POND-01", 3.0 + n / 10 if n < 30 else 6.0), at=at)
        at += MINUTE
    tick(at)
    [case] = [x for x in device_cases() if "POND-01" in x.cause]
    assert case.owner_post == registry.place("RP-UNDERPASS-1").owner_post
    assert case.cause == "device.fault|stream:POND-01"
    assert CaseClock.objects.filter(case=case, stopped_at__isnull=True).exists()
    assert case.title["zh"] == "读数卡死"
    fault = StreamFault.objects.get(stream="POND-01", kind="stuck")
    assert [x.sign for x in CaseFollower.objects.filter(case=case)] == [f"fault:{fault.pk}"]
    silent = at + timedelta(hours=1)
    tick(silent)  # nothing more is heard
    joined = device_cases()
    mine = [x for x in joined if "POND-01" in x.cause]
    assert [x.pk for x in mine] == [case.pk]
    assert CaseFollower.objects.filter(case=case, sign__startswith="alert:").count() == 1


def test_a_sensor_lost_at_a_high_level_counts_at_least_as_that_level_in_alert_case_and_page():
    load()
    at = START
    for n in range(8):
        send(("POND-01", 5.0 + 12 * n), at=at)
        tick(at)
        at += MINUTE
    water = AlertInstance.objects.filter(subject="stream:POND-01", level="red")
    assert water.exists()
    tick(at + timedelta(minutes=30))
    silence = AlertInstance.objects.get(subject="stream:POND-01", rule="device.silence")
    assert silence.level == "red"
    assert water.filter(cleared_at__isnull=True).exists()  # no reading says that it fell
    [case] = [x for x in device_cases() if "POND-01" in x.cause]
    assert (case.level, case.priority) == ("red", 1)
    assert warning.alerts(system_actor("t"), warning.AlertFilters(open_only=True, level="red"))
    send(("POND-01", 80.0), at=at + timedelta(minutes=31))
    tick(at + timedelta(minutes=32))
    silence.refresh_from_db()
    assert silence.cleared_at is not None
    assert Case.objects.get(pk=case.pk).is_open  # a reading clears no case: a person does


def test_many_behind_one_gateway_share_one_case_that_lists_them_all():
    many = [
        c.Sensor(
            code=f"AIR-{n}", name_zh=f"温度 {n}", quantity="air_temperature", unit="degC", interval="1m",
            area="410103002003", gateway="GW-7" if n < 30 else None,
        )
        for n in range(33)
    ]  # fmt: skip
    load(*many)
    send(*[(x.code, 20.0 + n / 10) for n, x in enumerate(many)], at=START)
    tick(START)
    tick(START + timedelta(minutes=10))
    silent = AlertInstance.objects.filter(rule="device.silence", subject__startswith="stream:AIR-")
    assert silent.count() == 33
    signs = [f"alert:{row.pk}" for row in silent]
    held = CaseFollower.objects.filter(sign__in=signs).values_list("case__cause", flat=True)
    # The demo city's own sensors of that street are as silent as the three without a gateway.
    assert Counter(held) == {"device.many|gateway:GW-7": 30, "device.many|area:410103002": 3}
    [joint] = [case for case in device_cases() if case.cause == "device.many|gateway:GW-7"]
    assert joint.title["en"] == "Gateway GW-7: many devices silent at once"
    assert Notice.objects.filter(about=f"case:{joint.pk}", subject="case.silence").count() == 1


def test_those_of_a_gateway_that_fail_one_after_another_share_a_case_from_the_fifth_on():
    many = [
        c.Sensor(
            code=f"CLK-{n}", name_zh=f"温度 {n}", quantity="air_temperature", unit="degC",
            interval="1m", area="410103002003", gateway="GW-8",
        )
        for n in range(8)
    ]  # fmt: skip
    load(*many)
    for n in range(8):  # their clocks are an hour slow, found one in each minute
        for place in range(6):
            late = START + timedelta(minutes=10 * n + place)
            row = RowIn(stream=f"CLK-{n}", at=late - timedelta(hours=1), value=20.0 + place)
            sensing.keep_observations(GATEWAY, BatchIn(rows=(row,)), now=late)
        now = START + timedelta(minutes=n, seconds=1)
        sensing.examine(now=now)
        delivery.settle(flow.REACTIONS, now=now)
    [joint] = [x for x in device_cases() if x.cause == "device.many|gateway:GW-8"]
    signs = set(CaseFollower.objects.filter(case=joint).values_list("sign", flat=True))
    clocks = StreamFault.objects.filter(kind="clock").order_by("pk")
    assert clocks.count() == 8
    assert signs == {f"fault:{row.pk}" for row in clocks[4:]}
    assert joint.title["subject"] == "gateway:GW-8"


def test_a_case_and_its_alert_say_that_the_sensor_is_doubted(monkeypatch):
    # Who signs in does it by the clock of the pages: an invitation is good for some days only.
    monkeypatch.setattr(clock, "_current", Clock())
    load()
    at = START
    for n in range(13 * 60):
        send(("POND-01", 3.0 + n / 100 if n < 3 else 30.0), at=at)
        at += MINUTE
    tick(at)
    alert = AlertInstance.objects.get(subject="stream:POND-01", rule="water.ponding")
    assert alert.cleared_at is None  # doubted, and judged all the same
    case = Case.objects.get(pk=CaseFollower.objects.get(sign=f"alert:{alert.pk}").case_id)
    assert case.kind != "device"
    fault = StreamFault.objects.get(kind="stuck", stream="POND-01")
    device = Case.objects.get(pk=CaseFollower.objects.get(sign=f"fault:{fault.pk}").case_id)
    assert device.kind == "device"
    client = signed_in(an_account("duty_officer"))
    page = client.get(f"/cases/{case.pk}").content.decode()
    assert "传感器存疑：读数卡死" in page
    page = client.get(f"/cases/{device.pk}").content.decode()
    assert "一直是 30 cm" in page
