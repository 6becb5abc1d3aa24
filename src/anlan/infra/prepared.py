"""A question asked before nearly every answer, compiled once.

Django compiles a query anew each time it is asked, which costs several times what the
database needs to answer it.  :class:`Prepared` keeps the compiled statement and the
converters of its columns; only the value travels.  It is for the few questions of one
row that every call asks; everything else stays an ordinary query.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

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
