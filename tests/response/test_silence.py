"""Many sensors that fall silent together are one duty per cause and place, whatever their number."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.notices.models import Notice
from anlan.registry import public as registry
from anlan.registry.models import Sensor
from anlan.registry.selectors import packs
from anlan.response import public as response
from anlan.response.domain.errors import StillSilentError
from anlan.response.models import Case, CaseFollower, CaseIncident, CaseTask
from anlan.warning import public as warning
from anlan.warning.domain.findings import What
from anlan.warning.models import AlertInstance, Incident
from anlan.warning.services.streams.mending import rows_since
from tests.response.builders import DUTY, MINUTE, NOW, a_case, pull, stands
from tests.response.storms import COMMUNITY, OTHER, STREET, finding, heard, kept, silent

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]
GATEWAY = "gateway:GW-9"
HOUR = timedelta(hours=1)


def fall(*numbers, at=NOW, **said):
    kept(*(silent(n, at=at, **said) for n in numbers), now=at)
    heard(now=at)


def come_back(*numbers, at):
    kept(*(silent(n, What.CLEARED, at=at) for n in numbers), now=at)
    heard(now=at)


def told(subject, **more):
    return Notice.objects.filter(subject=subject, mark="", **more)


def behind(gateway, areas):
    Sensor.objects.bulk_create(
        Sensor(
            code=f"G{n}", name_zh="温度", quantity="air_temperature", unit="degC", interval="1m",
            area_id=area, gateway=gateway,
        )
        for n, area in enumerate(areas)
    )  # fmt: skip


def test_what_is_behind_one_gateway_is_one_case_wherever_it_lies():
    behind("GW-9", [COMMUNITY, "410102002002"])
    half = [silent(n, carrier=GATEWAY) for n in range(20)]
    other = [silent(n, carrier=GATEWAY, area="410102002002") for n in range(20, 40)]
    kept(*half, *other)
    heard()
    heard()  # at least once
    (case,) = Case.objects.all()
    stands(case)
    assert (case.kind, case.cause, case.area) == ("device", f"device.many|{GATEWAY}", STREET)
    assert case.title["members"] == CaseFollower.objects.filter(case=case).count() == 40
    (notice,) = told("case.silence")
    assert (notice.post, notice.params["members"]) == (case.owner_post, 40)
    assert notice.params["hazard"]["en"] == "Gateway GW-9: many devices silent at once"
    assert not told("case.opened").exists()
    assert not told("case.joined").exists()


def test_a_gateway_nobody_knows_any_more_counts_for_the_area_of_its_first_member():
    fall(*range(5), carrier=GATEWAY, area="410102002001")
    assert Case.objects.get().area == COMMUNITY


def test_a_city_loaded_before_there_was_a_rule_for_devices_has_one_case_too(monkeypatch):
    real = packs.in_force
    monkeypatch.setattr(
        packs, "in_force", lambda section, at: () if section == "incidents" else real(section, at)
    )
    fall(*range(5), carrier=GATEWAY)
    case = Case.objects.get()
    stands(case)
    assert case.cause == f"device.many|{GATEWAY}"
    assert Incident.objects.get().rule == "anlan.default.devices"
    assert told("case.silence").count() == 1


def test_causes_and_places_are_told_apart():
    kept(
        *(silent(n) for n in range(10)),
        *(silent(n, area=OTHER) for n in range(10, 20)),
        *(silent(n, carrier=GATEWAY) for n in range(20, 30)),
        *(silent(n, carrier="operator:ORG-FIRE") for n in range(30, 40)),
        *(silent(n, carrier="operator:ORG-FIRE", area=OTHER) for n in range(40, 50)),
    )
    heard()
    assert set(Case.objects.values_list("cause", flat=True)) == {
        f"device.many|area:{STREET}",
        f"device.many|area:{OTHER}",
        f"device.many|{GATEWAY}",
        f"device.many|operator:ORG-FIRE@{STREET}",
        f"device.many|operator:ORG-FIRE@{OTHER}",
    }
    assert Incident.objects.count() == 5
    assert {held.members for held in CaseIncident.objects.all()} == {10}


def test_few_keep_a_case_each_until_there_are_many():
    fall(1, 2, 3, 4, carrier=GATEWAY)
    assert Case.objects.count() == 4
    fall(5, 6, at=NOW + MINUTE, carrier=GATEWAY)
    case = Case.objects.get(is_open=True)
    assert case.cause == f"device.many|{GATEWAY}"
    assert CaseFollower.objects.filter(case=case).count() == 6
    assert Case.objects.filter(state="merged", merged_into=case).count() == 4


def test_who_falls_silent_alone_joins_the_open_case_of_its_cause():
    fall(*range(10), carrier=GATEWAY)
    fall(99, at=NOW + 3 * HOUR, carrier=GATEWAY)  # it speaks once an hour
    fall(*range(200, 210))
    fall(299, at=NOW + 3 * HOUR)
    fall(300, at=NOW + 3 * HOUR, area=OTHER)
    fall(98, at=NOW + 25 * HOUR, carrier=GATEWAY)
    joined = {
        case.cause: CaseFollower.objects.filter(case=case).count() for case in Case.objects.all()
    }
    assert joined == {
        f"device.many|{GATEWAY}": 11,
        f"device.many|area:{STREET}": 11,
        "device.fault|stream:T300": 1,
        "device.fault|stream:T98": 1,
    }
    # Whoever mends the gateway has the tasks of the first ones, not two for each that follows.
    joint = Case.objects.get(cause=f"device.many|{GATEWAY}")
    assert CaseTask.objects.filter(case=joint).count() == 2


def test_one_lost_at_a_high_level_raises_the_case_to_it():
    fall(*range(10), carrier=GATEWAY)
    fall(50, at=NOW + MINUTE, carrier=GATEWAY, level="red")
    (case,) = Case.objects.filter(is_open=True)
    stands(case)
    assert (case.level, case.priority) == ("red", 1)
    assert told("case.silence_worse").count() == 1
    levels = AlertInstance.objects.filter(cleared_at=None).values_list("subject", "level")
    assert {level for subject, level in levels if subject != "stream:T50"} == {"yellow"}
    kept(silent(3, What.LEVEL, at=NOW + 2 * MINUTE, level="red"), now=NOW + 2 * MINUTE)
    heard(now=NOW + 2 * MINUTE)
    assert AlertInstance.objects.get(subject="stream:T3").level == "red"


def test_the_one_that_stays_silent_keeps_its_duty_until_it_speaks_again():
    fall(*range(10), carrier=GATEWAY)
    back = NOW + HOUR
    come_back(*range(9), at=back)
    (case,) = Case.objects.all()
    response.pull(DUTY, case.pk, "handle", now=back)
    response.pull(DUTY, case.pk, "feed_back", now=back)
    for trigger in ("close", "dismiss"):
        with pytest.raises(StillSilentError) as refused:
            pull(DUTY, case, trigger, at=back, reason="sensor_fault")
        assert refused.value.params["silent"] == 1
    case.refresh_from_db()
    stands(case)
    assert not told("case.silence_calm").exists()
    come_back(9, at=back + MINUTE)
    assert told("case.silence_calm").count() == 1
    # Readings speak for themselves: whoever mended it may say so.
    response.pull(DUTY, case.pk, "close", now=back + MINUTE)
    case.refresh_from_db()
    assert (case.is_open, case.closed_how) == (False, "measurement")


def test_merged_into_another_case_the_silent_ones_keep_their_duty_too():
    fall(*range(10), carrier=GATEWAY)
    danger, silence = a_case(), Case.objects.get(kind="device")
    pull(DUTY, silence, "merge", reason="same_matter", other=danger.pk)
    come_back(*range(9), at=NOW + HOUR)
    with pytest.raises(StillSilentError) as refused:
        pull(DUTY, danger, "dismiss", at=NOW + HOUR, reason="nothing_found")
    assert refused.value.params["silent"] == 1
    come_back(9, at=NOW + 2 * HOUR)
    pull(DUTY, danger, "dismiss", at=NOW + 2 * HOUR, reason="nothing_found")
    assert not Case.objects.filter(is_open=True).exists()


def test_a_silence_that_mending_found_again_is_one_whatever_its_reason():
    again = [
        finding(n, carrier=GATEWAY, rule="device.silence", reason="judge.found_again")
        for n in range(5)
    ]
    kept(*again, finding(7, level="red"))
    heard()
    case = Case.objects.get(kind="device")
    with pytest.raises(StillSilentError) as refused:
        pull(DUTY, case, "dismiss", reason="sensor_fault")
    assert refused.value.params["silent"] == 5
    assert warning.levels_of_streams() == {"T7": "red"}
    assert rows_since("stream:T0", NOW - HOUR) == []
    assert [row.level for row in rows_since("stream:T7", NOW - HOUR)] == ["red"]


def test_a_gateway_that_fails_again_is_the_same_duty_and_told_once_more():
    fall(*range(10), carrier=GATEWAY)
    come_back(*range(10), at=NOW + HOUR)
    fall(*range(10), at=NOW + 2 * HOUR, carrier=GATEWAY)
    heard(now=NOW + 2 * HOUR)
    (case,) = Case.objects.all()
    stands(case)
    assert Incident.objects.count() == CaseIncident.objects.filter(case=case).count() == 2
    assert told("case.silence").count() == 2
    assert response.tell_of_grown(now=NOW + 4 * HOUR) == 0
    assert CaseFollower.objects.filter(case=case, cleared_at=None).count() == 10


def test_an_incident_that_grows_at_both_ends_at_once_counts_all(monkeypatch):
    fall(*range(5), carrier=GATEWAY)
    fall(*range(10, 15), at=NOW + 14 * MINUTE, carrier=GATEWAY)
    rule = registry.incident_rule("device", "system.device", at=NOW)
    nearer = msgspec.structs.replace(rule, within="5m")  # as the city may say meanwhile
    monkeypatch.setattr(registry, "incident_rule", lambda *_, **__: nearer)
    grew = JournalEntry.objects.filter(event="IncidentGrew")
    before = grew.count()
    ends = (
        silent(5, at=NOW + MINUTE, carrier=GATEWAY),
        silent(15, at=NOW + 15 * MINUTE, carrier=GATEWAY),
    )
    kept(*ends, now=NOW + 15 * MINUTE)
    incident = Incident.objects.get()
    assert incident.members == AlertInstance.objects.filter(incident=incident).count() == 12
    assert grew.count() == before + 1


def read_beside(*found):
    """Return how many alerts were read to see what others there are beside new ones."""
    with CaptureQueriesContext(connection) as asked:
        kept(*found)
    queries = [one["sql"] for one in asked if '"area_path", ' in one["sql"]]
    (query,) = [sql for sql in queries if sql.startswith("SELECT") and 'raised_at" >=' in sql]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM ({query}) AS beside")
        return cursor.fetchone()[0]


def test_who_falls_silent_is_held_against_its_own_group_only():
    kept(*(silent(n, carrier="gateway:GW-1") for n in range(50)))
    kept(*(silent(n, carrier="operator:ORG-FIRE", area=OTHER) for n in range(50, 90)))
    kept(*(silent(n) for n in range(90, 120)))
    assert read_beside(silent(200, carrier="gateway:GW-1")) == 51
    assert read_beside(silent(201, carrier="operator:ORG-FIRE")) == 1
    assert read_beside(silent(202, carrier="operator:ORG-FIRE", area=OTHER)) == 41
    assert read_beside(silent(203), silent(204, carrier=GATEWAY)) == 32
    many = [silent(300 + n, carrier=f"gateway:GW-2{n}") for n in range(21)]
    assert read_beside(*many) == AlertInstance.objects.count()


def asked_by(found, at):
    with CaptureQueriesContext(connection) as asked:
        kept(*found, now=at)
        heard(now=at)
    return len(asked)


def test_ten_times_as_many_ask_hardly_more_when_they_fall_silent_and_when_they_come_back():
    fall(*range(25), carrier="gateway:GW-0")  # the city's facts are known from here on
    fell, returned = [], []
    for count, gateway in ((25, "gateway:GW-1"), (250, "gateway:GW-2")):
        some, back = range(count * 10, count * 11), NOW + HOUR
        fell.append(asked_by([silent(n, carrier=gateway) for n in some], NOW))
        returned.append(asked_by([silent(n, What.CLEARED, at=back) for n in some], back))
    assert Case.objects.count() == 3
    assert CaseFollower.objects.filter(cleared_at=None).count() == 25
    assert fell[1] <= fell[0] + 10, fell
    assert returned[1] <= returned[0] + 10, returned


def test_the_state_follows_from_the_journal():
    fall(1, 2, 3, carrier=GATEWAY)
    fall(*range(4, 30), at=NOW + MINUTE, carrier=GATEWAY)
    fall(*range(100, 110), at=NOW + MINUTE)
    come_back(*range(1, 20), at=NOW + 2 * MINUTE)
    fall(*range(1, 20), at=NOW + 2 * HOUR, carrier=GATEWAY)
    rebuilt = journal.replay_images(JournalEntry.objects.order_by("seq"))
    live = journal.live_state()
    rooms = [name for name in live if name.startswith(("warning.", "response.", "notices."))]
    assert {name: rebuilt[name] for name in rooms} == {name: live[name] for name in rooms}
