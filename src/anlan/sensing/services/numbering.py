"""Numbers of signs: taken inside the transaction, so that their order is the order of commits."""

from __future__ import annotations

from django.db import connection

from anlan.sensing.models import SignCounter


def take_number(kind: str) -> int:
    """Return the next number of ``kind``; the caller's transaction holds its lock until it ends.

    Raises
    ------
    RuntimeError
        Outside a transaction: the number would be lost to somebody else's row.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a number is taken within the transaction that uses it")
    table = connection.ops.quote_name(SignCounter._meta.db_table)
    # The same statement on SQLite and PostgreSQL; nothing in it comes from outside.
    statement = (
        f"INSERT INTO {table} (kind, last) VALUES (%s, 1) "  # noqa: S608
        f"ON CONFLICT (kind) DO UPDATE SET last = {table}.last + 1 RETURNING last"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [kind])
        row = cursor.fetchone()
    return int(row[0])
