"""Sickness: found, raised once, told in red, and taken back by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from anlan.accountability import public
from anlan.accountability.domain.wellness import Limits, Probes
from anlan.accountability.models import Sickness, WatchRun
from anlan.infra.models import JournalEntry, ListenerCursor, ParkedEvent
from anlan.notices import public as notices
from anlan.registry.services.loading import load_city
from anlan.response.models import Case
from tests.registry import small_city

from .conftest import grow

NOW = small_city.NOW
WELL = Probes(disks={"workspace": 0.5})
pytestmark = pytest.mark.django_db(databases="__all__")


def examine(probes=WELL, *, now=NOW, **given):
    WatchRun.objects.create(at=now, cases=0, breaches=0)
    return public.health(now=now, probes=probes, **given)


def parts(found):
    return {item.part for item in found}


def test_a_well_system_says_nothing(city):
    assert examine() == []
    assert public.sicknesses() == []


def test_a_full_disk_raises_one_case_and_one_red_notice_and_clears_itself(city):
    full = Probes(disks={"workspace": 0.93})
    (sick,) = examine(full)
    assert (sick.part, sick.ailment) == ("disk:workspace", "disk_full")
    assert sick.texts["zh"] == "磁盘空间不足：disk:workspace"
    case = Case.objects.get()
    assert (case.owner_post, case.hazard, case.kind) == ("operator", "system.sick", "device")
    told = [item for item in notices.open_notices("operator") if item.urgency == "red"]
    assert [item.subject for item in told] == ["system.sick.disk_full"]
    for minute in (1, 2, 3):
        examine(full, now=NOW + timedelta(minutes=minute))
    assert Case.objects.count() == 1
    assert JournalEntry.objects.filter(event="SystemSick").count() == 1
    assert examine(now=NOW + timedelta(minutes=4)) == []
    assert JournalEntry.objects.filter(event="SystemWell").count() == 1
    row = Sickness.objects.get()
    assert row.well_at == NOW + timedelta(minutes=4)
    assert public.rebuild() == []


def test_a_disk_at_its_limit_does_not_flicker(city):
    shares = [0.90, 0.895, 0.885, 0.901, 0.881, 0.879]
    sick = [
        bool(examine(Probes(disks={"d": share}), now=NOW + timedelta(minutes=minute)))
        for minute, share in enumerate(shares)
    ]
    assert sick == [True, True, True, True, True, False]
    assert JournalEntry.objects.filter(event="SystemSick").count() == 1


def test_before_a_city_is_loaded_it_is_noted_and_raised_later():
    full = Probes(disks={"workspace": 0.95})
    (sick,) = examine(full)
    assert sick.case is None
    load_city(
        small_city.ADMIN,
        small_city.parsed(small_city.a_city()),
        small_city.parsed(small_city.a_jurisdiction()),
        now=NOW,
    )
    (sick,) = examine(full, now=NOW + timedelta(minutes=1))
    assert sick.case == Case.objects.get().pk


@pytest.mark.parametrize(
    ("probes", "part"),
    [
        (Probes(beats={"edge": NOW - timedelta(minutes=2, seconds=1)}), "process:edge"),
        (Probes(beats={"worker": None}), "process:worker"),
        (Probes(clock_jump_s=31.0), "clock:wall"),
        (Probes(clock_jump_s=-31.0), "clock:wall"),
        (Probes(doors={"observations": NOW - timedelta(minutes=31)}), "door:observations"),
        (Probes(disks={"d": 0.90}), "disk:d"),
    ],
)
def test_what_the_edge_measures(city, probes, part):
    assert parts(examine(probes)) == {part}


@pytest.mark.parametrize(
    "probes",
    [
        Probes(beats={"edge": NOW - timedelta(minutes=2)}),
        Probes(clock_jump_s=30.0),
        Probes(doors={"observations": NOW - timedelta(minutes=30)}),
        Probes(disks={"d": 0.8999}),
    ],
)
def test_at_the_limit_it_is_still_well(city, probes):
    assert examine(probes) == []


def harmed(*numbers, fault="changed"):
    return Probes(harmed={f"segments/{number}.parquet": fault for number in numbers})


def test_files_of_readings_that_are_harmed_are_named_one_by_one(city):
    found = examine(Probes(harmed={"segments/a": "changed", "segments/b": "missing"}))
    found.sort(key=lambda item: item.part)
    assert [(item.part, item.ailment) for item in found] == [
        ("readings:segments/a", "readings_changed"),
        ("readings:segments/b", "readings_missing"),
    ]
    assert "segments/b" in found[1].texts["zh"]
    assert Case.objects.count() == 2
    later = NOW + timedelta(minutes=1)
    found = examine(Probes(harmed={"segments/b": "changed"}), now=later)
    assert [(item.part, item.ailment) for item in found] == [
        ("readings:segments/b", "readings_changed")
    ]


def test_a_broken_disk_is_no_flood_of_cases_and_what_was_told_stays_told(city):
    assert len(examine(harmed(*range(10, 40)))) == Limits().harmed
    told = parts(examine(harmed(*range(40)), now=NOW + timedelta(minutes=1)))
    assert told == {f"readings:segments/{number}.parquet" for number in range(10, 15)}
    left = parts(examine(harmed(*range(14, 40)), now=NOW + timedelta(minutes=2)))
    assert left == {f"readings:segments/{number}.parquet" for number in range(14, 19)}
    assert examine(now=NOW + timedelta(minutes=3)) == []
    assert Case.objects.count() == 9


@pytest.mark.parametrize("code", ["store_behind", "database_behind"])
def test_one_of_two_that_was_restored_alone_is_told_with_what_it_lacks(city, code):
    lacks = {"first": 7, "last": 9, "since": "2026-07-20 10:00", "until": "12:00", "segments": 1}
    (sick,) = examine(Probes(apart={code: lacks}))
    assert (sick.part, sick.ailment) == (f"restore:{code}", code)
    (told,) = notices.open_notices("operator")
    for language in ("zh", "en"):
        assert "2026-07-20 10:00" in sick.texts[language]
        assert "accept-loss" in notices.text_of(told, language).body
    assert examine(now=NOW + timedelta(minutes=1)) == []


def test_the_silence_of_the_watcher_is_noticed(city):
    WatchRun.objects.create(at=NOW, cases=0, breaches=0)
    later = NOW + timedelta(minutes=5)
    assert public.health(now=later, probes=Probes()) == []
    found = public.health(now=later + timedelta(seconds=1), probes=Probes())
    assert parts(found) == {"watcher"}
    examine(Probes(), now=later + timedelta(minutes=1))
    assert public.sicknesses() == []


def test_a_clock_behind_the_journal_is_noticed(city):
    grow(1, now=NOW + timedelta(minutes=3))
    assert parts(examine(Probes())) == {"clock:journal"}


def test_a_ledger_that_is_not_sealed_is_noticed(city, places):
    public.seal(now=NOW, places=places)
    grow(1, now=NOW)
    late = NOW + timedelta(minutes=16)
    assert parts(examine(Probes(), now=late)) == {"ledger"}
    public.seal(now=late, places=places)
    found = parts(examine(Probes(), now=late + timedelta(minutes=1)))
    assert "ledger" not in found
    public.seal(now=late + timedelta(minutes=2), places=places)
    found = parts(examine(Probes(), now=late + timedelta(minutes=4)))
    assert "ledger" not in found


def test_parked_and_stuck_listeners_are_noticed(city):
    ParkedEvent.objects.create(listener="a.b", seq=1, error="KeyError", parked_at=NOW)
    ListenerCursor.objects.create(listener="x.y", seq=0)
    found = examine(Probes(), now=NOW + timedelta(minutes=6), listeners={"x.y"})
    assert parts(found) >= {"parked", "listener:x.y"}


def test_limits_can_be_set(city):
    assert examine(Probes(disks={"d": 0.91}), limits=Limits(disk_share=0.95)) == []


def test_one_part_changes_its_ailment(city):
    """A part that is sick of something else is a new sickness, and the old one ends."""
    grow(1, now=NOW)
    examine(Probes(beats={"worker": None}))
    Sickness.objects.update(ailment="door_silent", params={"limit_min": 1})
    (sick,) = examine(Probes(beats={"worker": None}), now=NOW + timedelta(minutes=1))
    assert sick.ailment == "process_silent"
    assert Sickness.objects.filter(well_at__isnull=False).count() == 1
