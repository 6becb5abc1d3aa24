"""Saving a row with one prepared statement.

``Model.save`` compiles its SQL anew for every row and asks questions (signals,
parents, deferred fields) that our tables never answer yes to: no signals, no
inheritance of tables, no ``save`` of our own.  Here the statement of a table is
built once and only the values travel; the database, its constraints and the
conversion of values that need one stay Django's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from types import NoneType
from typing import Any, NamedTuple

from django.db import connections, models
from django.db.models import Field


@cache
def _insert_sql(model: type[models.Model], alias: str, *, with_key: bool) -> str:
    quote = connections[alias].ops.quote_name
    columns = ", ".join(quote(_column(field)) for field in _written(model, with_key=with_key))
    marks = ", ".join("%s" for _ in _written(model, with_key=with_key))
    key = quote(_column(model._meta.pk))
    table = quote(model._meta.db_table)
    return f"INSERT INTO {table} ({columns}) VALUES ({marks}) RETURNING {key}"  # noqa: S608  names only


@cache
def _insert_once_sql(model: type[models.Model], alias: str) -> str:
    key = connections[alias].ops.quote_name(_column(model._meta.pk))
    return _insert_sql(model, alias, with_key=True).replace(
        f" RETURNING {key}", f" ON CONFLICT ({key}) DO NOTHING"
    )


@cache
def _insert_many_sql(model: type[models.Model], alias: str) -> str:
    """The same without a key to give back: what is executed for many rows returns none."""
    return _insert_sql(model, alias, with_key=True).partition(" RETURNING ")[0]


@cache
def _update_sql(model: type[models.Model], alias: str) -> str:
    quote = connections[alias].ops.quote_name
    sets = ", ".join(f"{quote(_column(field))} = %s" for field in _written(model, with_key=False))
    key = quote(_column(model._meta.pk))
    return f"UPDATE {quote(model._meta.db_table)} SET {sets} WHERE {key} = %s"  # noqa: S608  names only


def _column(field: Field[Any, Any]) -> str:
    """Return the column of a concrete field, which always has one."""
    return str(field.column)


@cache
def _written(model: type[models.Model], *, with_key: bool) -> tuple[Field[Any, Any], ...]:
    return tuple(f for f in model._meta.concrete_fields if with_key or not f.primary_key)


#: Kinds of fields that hand such values to the database as they are.
_AS_THEY_ARE: dict[type[Field[Any, Any]], frozenset[type]] = {
    models.CharField: frozenset({str, NoneType}),
    models.BooleanField: frozenset({bool, NoneType}),
    models.FloatField: frozenset({float, NoneType}),
    models.BigIntegerField: frozenset({int, NoneType}),
    models.PositiveIntegerField: frozenset({int, NoneType}),
    models.PositiveSmallIntegerField: frozenset({int, NoneType}),
    models.BigAutoField: frozenset({int, NoneType}),
}
_TYPED = frozenset({int})  # elsewhere than in SQLite Django's conversion says how wide a number is


class _Given(NamedTuple):
    """How the values of a field are handed to the database."""

    field: Field[Any, Any]
    name: str
    is_instant: bool
    as_they_are: frozenset[type]


def _meant(field: Field[Any, Any]) -> Field[Any, Any]:
    """Return the field whose values this one holds: a key of another table is of that one's kind."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field


@cache
def _given(model: type[models.Model], alias: str, *, with_key: bool) -> tuple[_Given, ...]:
    """Return how the values of each field are handed over."""
    converted = frozenset() if connections[alias].vendor == "sqlite" else _TYPED
    return tuple(
        _Given(
            field,
            field.attname,
            type(field) is models.DateTimeField and not (field.auto_now or field.auto_now_add),
            _AS_THEY_ARE.get(type(_meant(field)), frozenset()) - converted,
        )
        for field in _written(model, with_key=with_key)
    )


def _values_of(
    rows: Sequence[models.Model], alias: str, *, with_key: bool, adding: bool
) -> list[list[Any]]:
    """Return what the database is given of rows of one table.

    To ask each field to convert each value takes longer than the database; most are plain, and
    the same few instants stand in every row.
    """
    connection = connections[alias]
    fields = _given(type(rows[0]), alias, with_key=with_key)
    instants: dict[datetime, Any] = {}
    found = []
    for row in rows:
        values = []
        for field, name, is_instant, as_it_is in fields:
            value = getattr(row, name)
            if is_instant and type(value) is datetime and value.tzinfo is UTC:
                if value not in instants:
                    instants[value] = field.get_db_prep_save(value, connection)
                value = instants[value]
            elif type(value) not in as_it_is:
                value = field.get_db_prep_save(field.pre_save(row, adding), connection)
            values.append(value)
        found.append(values)
    return found


def save(row: models.Model, *, alias: str = "default") -> None:
    """Insert a new row, or write all fields of one that is there.

    Raises
    ------
    LookupError
        When the row to be written over is not there.
    """
    if row._state.adding:
        insert(row, alias=alias)
        return
    model = type(row)
    values = _values_of([row], alias, with_key=False, adding=False)[0]
    key = model._meta.pk.get_db_prep_save(row.pk, connections[alias])
    with connections[alias].cursor() as cursor:
        cursor.execute(_update_sql(model, alias), [*values, key])
        if cursor.rowcount != 1:
            raise LookupError(f"{model._meta.label} {row.pk} is not there")


def save_many(rows: Sequence[models.Model], *, alias: str = "default") -> None:
    """Write all fields of many rows of one table that are there, with one statement.

    Raises
    ------
    LookupError
        When one of them is not there.
    """
    if not rows:
        return
    connection, model = connections[alias], type(rows[0])
    key = model._meta.pk
    values = _values_of(rows, alias, with_key=False, adding=False)
    for row, its in zip(rows, values, strict=True):
        its.append(key.get_db_prep_save(row.pk, connection))
    with connection.cursor() as cursor:
        cursor.executemany(_update_sql(model, alias), values)
        if cursor.rowcount != len(rows):
            raise LookupError(f"{model._meta.label}: one of {len(rows)} rows is not there")


def insert_many(rows: Sequence[models.Model], *, alias: str = "default") -> None:
    """Insert many new rows of one table with one statement, and give keys to those without."""
    if not rows:
        return
    model = type(rows[0])
    without = [row for row in rows if row.pk is None]
    for row, key in zip(without, _fresh_keys(model, len(without), alias), strict=True):
        row.pk = key
    values = _values_of(rows, alias, with_key=True, adding=True)
    with connections[alias].cursor() as cursor:
        cursor.executemany(_insert_many_sql(model, alias), values)
    for row in rows:
        row._state.adding = False
        row._state.db = alias


def _fresh_keys(model: type[models.Model], count: int, alias: str) -> Sequence[int]:
    """Return numbers that no row of a table has or will get otherwise.

    Within a transaction: with SQLite it holds the only turn to write.
    """
    if not count:
        return ()
    connection, table = connections[alias], model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            # An insert with a key moves the table's own counter along.
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
            found = cursor.fetchone()
            last = int(found[0]) if found else 0
            return range(last + 1, last + 1 + count)
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [connection.ops.quote_name(table), _column(model._meta.pk), count],
        )
        return [int(row[0]) for row in cursor.fetchall()]


def insert_once(row: models.Model, *, alias: str = "default") -> None:
    """Insert a row that brings its key, unless one of that key is there already."""
    values = _values_of([row], alias, with_key=True, adding=True)[0]
    with connections[alias].cursor() as cursor:
        cursor.execute(_insert_once_sql(type(row), alias), values)


def insert(row: models.Model, *, alias: str = "default") -> None:
    """Insert a new row and give it its key."""
    model = type(row)
    with_key = row.pk is not None
    values = _values_of([row], alias, with_key=with_key, adding=True)[0]
    with connections[alias].cursor() as cursor:
        cursor.execute(_insert_sql(model, alias, with_key=with_key), values)
        if not with_key:
            row.pk = cursor.fetchone()[0]
    row._state.adding = False
    row._state.db = alias
