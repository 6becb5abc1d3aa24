"""A question asked before nearly every answer, compiled once.

Django compiles a query anew each time it is asked, which costs several times what the
database needs to answer it.  :class:`Prepared` keeps the compiled statement and the
converters of its columns; only the value travels.  It is for the few questions of one
row that every call asks; everything else stays an ordinary query.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections, models

#: Stands where the value goes while the statement is compiled.
VALUE = "anlan:the value that is asked for"


@dataclass(frozen=True, slots=True)
class _Compiled:
    statement: str
    converters: tuple[tuple[int, Callable[..., Any], Any], ...]  # column, function, expression


@dataclass
class Prepared:
    """One row of columns by one text, such as a token by its digest.

    ``query`` builds a ``values_list`` in which the one value is :data:`VALUE`; it is not run
    before the first question, so that a module may name it at its top.
    """

    query: Callable[[], models.QuerySet[Any, Any]]
    alias: str = "default"
    _compiled: dict[str, _Compiled] = field(default_factory=dict, init=False)

    def ask(self, value: str) -> tuple[Any, ...] | None:
        """Return the columns of the first row that ``value`` finds, or None."""
        connection = connections[self.alias]
        compiled = self._compiled.get(connection.vendor)
        if compiled is None:
            compiled = self._compiled[connection.vendor] = self._compile()
        with connection.cursor() as cursor:
            cursor.execute(compiled.statement, [value])
            row = cursor.fetchone()
        if row is None:
            return None
        columns = list(row)
        for column, convert, expression in compiled.converters:
            columns[column] = convert(columns[column], expression, connection)
        return tuple(columns)

    def _compile(self) -> _Compiled:
        compiler = self.query().query.get_compiler(self.alias)
        statement, params = compiler.as_sql()
        if params != (VALUE,):
            raise ValueError(f"a prepared query has exactly one value, not {params!r}")
        found = compiler.get_converters([column for column, _, _ in compiler.select])
        return _Compiled(
            statement,
            tuple(
                (column, convert, expression)
                for column, (converts, expression) in found.items()
                for convert in converts
            ),
        )


@dataclass(frozen=True, slots=True)
class _CompiledQuery:
    statement: str
    params: tuple[Any, ...]
    places: tuple[tuple[int, int], ...]  # where in the parameters which value goes
    converters: tuple[tuple[int, Callable[..., Any], Any], ...]
    model: type[models.Model]
    names: tuple[str, ...]  # of its fields, when whole rows are read


@dataclass
class PreparedQuery:
    """A query of several values, compiled once: rows of columns, or whole rows of a model.

    ``build`` makes the query from the values.  ``samples`` holds two different ones for each:
    compiled with either, the parameters differ just where the value goes.  Numbers, texts and
    instants may be asked for, not lists or nothing, which make another statement.
    """

    build: Callable[..., models.QuerySet[Any, Any]]
    samples: tuple[tuple[Any, Any], ...]
    alias: str = "default"
    _compiled: dict[str, _CompiledQuery] = field(default_factory=dict, init=False)

    def rows(self, *values: object) -> list[tuple[Any, ...]]:
        """Return the columns of every row that the values find."""
        connection = connections[self.alias]
        compiled = self._compiled.get(connection.vendor)
        if compiled is None:
            compiled = self._compiled[connection.vendor] = self._compile()
        params = list(compiled.params)
        for place, number in compiled.places:
            value = values[number]
            if isinstance(value, datetime):
                value = connection.ops.adapt_datetimefield_value(value)
            elif isinstance(value, UUID) and not connection.features.has_native_uuid_field:
                value = value.hex
            params[place] = value
        with connection.cursor() as cursor:
            cursor.execute(compiled.statement, params)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        if not compiled.converters or not found:
            return found
        rows = [list(row) for row in found]
        for column, convert, expression in compiled.converters:
            for row in rows:
                row[column] = convert(row[column], expression, connection)
        return [tuple(row) for row in rows]

    def models(self, *values: object) -> list[Any]:
        """Return every row that the values find, as the model of the query."""
        rows = self.rows(*values)
        names = self._compiled[connections[self.alias].vendor].names
        if not rows:
            return []
        model = self._compiled[connections[self.alias].vendor].model
        return [model.from_db(self.alias, names, row) for row in rows]

    def _compile(self) -> _CompiledQuery:
        base = tuple(sample for sample, _ in self.samples)
        compiler, statement, params = self._parts(base)
        places: list[tuple[int, int]] = []
        for number, (_, other) in enumerate(self.samples):
            values = (*base[:number], other, *base[number + 1 :])
            _, same, changed = self._parts(values)
            here = [
                n for n, pair in enumerate(zip(params, changed, strict=True)) if pair[0] != pair[1]
            ]
            if same != statement or not here:
                raise ValueError(f"value {number} of a prepared query changes its statement")
            places += [(place, number) for place in here]
        found = compiler.get_converters([column for column, _, _ in compiler.select])
        converters = tuple(
            (column, convert, expression)
            for column, (converts, expression) in found.items()
            for convert in converts
        )
        targets = (getattr(one, "target", None) for one, _, _ in compiler.select)
        names = tuple(getattr(target, "attname", "") for target in targets)
        model = compiler.query.model
        return _CompiledQuery(statement, params, tuple(places), converters, model, names)

    def _parts(self, values: tuple[Any, ...]) -> tuple[Any, str, tuple[Any, ...]]:
        compiler = self.build(*values).query.get_compiler(self.alias)
        statement, params = compiler.as_sql()
        return compiler, statement, tuple(params)
