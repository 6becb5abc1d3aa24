"""What the database is given of a row is what its fields would give, however it is put together."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import Enum, StrEnum
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models

from anlan.infra.rows import _values_of
from anlan.warning.models import AlertInstance

CHINA = timezone(timedelta(hours=8))
NOON = datetime(2026, 7, 20, 12, tzinfo=UTC)


class Level(StrEnum):
    RED = "red"


class Count(int, Enum):
    TWO = 2


VALUES: dict[type[models.Field[Any, Any]], tuple[Any, ...]] = {
    models.CharField: ("", "积水", Level.RED, None),
    models.BooleanField: (True, False, 1, None),
    models.FloatField: (1.5, 2, True, None),
    models.BigIntegerField: (2**40, True, Count.TWO, "7", None),
    models.PositiveIntegerField: (7, True, Count.TWO, None),
    models.PositiveSmallIntegerField: (7, False, None),
    models.BigAutoField: (9, None),
    models.ForeignKey: (4, None),
    models.OneToOneField: (4, None),
    models.DateTimeField: (NOON, NOON.astimezone(CHINA), None),
    models.DateField: (date(2026, 7, 20), NOON, None),
    models.JSONField: ({"at": [1, None, "水"]}, "text", 7, [], None),
}


def by_its_fields(row: models.Model) -> list[Any]:
    return [
        field.get_db_prep_save(field.pre_save(row, True), connection)
        for field in type(row)._meta.concrete_fields
    ]


def comparable(values: list[Any]) -> list[tuple[type, str]]:
    return [(type(value), repr(getattr(value, "obj", value))) for value in values]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "model", [x for x in apps.get_models() if x.__module__.startswith("anlan.")],
    ids=lambda x: x._meta.label,
)  # fmt: skip
def test_each_table_is_given_what_its_fields_give(model: type[models.Model]):
    most = max(len(values) for values in VALUES.values())
    rows = []
    for turn in range(most):
        row = model()
        for field in model._meta.concrete_fields:
            values = VALUES.get(type(field), ())
            if values:
                setattr(row, field.attname, values[turn % len(values)])
        rows.append(row)
    given = _values_of(rows, "default", with_key=True, adding=True)
    assert [comparable(x) for x in given] == [comparable(by_its_fields(row)) for row in rows]


@pytest.mark.django_db
@pytest.mark.parametrize("zones", [(UTC, CHINA), (CHINA, UTC)])
def test_one_instant_in_two_zones_stays_one(zones: tuple[tzinfo, tzinfo]):
    rows = [AlertInstance(raised_at=NOON.astimezone(zone)) for zone in zones]
    given = _values_of(rows, "default", with_key=True, adding=True)
    assert [comparable(x) for x in given] == [comparable(by_its_fields(row)) for row in rows]
