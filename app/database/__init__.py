"""Connections and transactions: the only package that knows which engine it is on.

    database = connect(settings.load())
    cases = database.read(lambda tx: qa_query.qa_waiting(tx, 50))   # one moment; tried again after a passing fault
    database.write(work)                        # begins, runs work(tx), commits; again as a whole after such a fault
    with database.snapshot() as tx:             # the same without trying again: for streams and loads
        rows = tx.fetch_all("SELECT * FROM users")

Parameters are `?`. A datetime is bound as the engine keeps it, a Decimal exactly; `as_time` and `as_money` bring
them back. A statement that cannot be the same text on both engines is a `PerEngine`.
"""

from __future__ import annotations

from app import settings
from app.database import odbc
from app.database.engine import VERSION, Database, PerEngine, Row, Sql, Transaction, as_money, as_time
from app.database.sqlite import WITHOUT_WAL, SqliteDatabase, SqliteReader
from app.database.sqlserver import SqlServerDatabase

__all__ = [
    "VERSION",
    "WITHOUT_WAL",
    "Database",
    "PerEngine",
    "Row",
    "Sql",
    "Transaction",
    "as_money",
    "as_time",
    "connect",
]


def connect(config: settings.Settings, read_only: bool = False) -> Database:
    """Return the database that the settings name; nothing is opened before it is used. Raises SettingsError.

    `read_only` is for verifying: an embedded file and all beside it stay byte for byte as they are, and what is read
    may be of an older version of the schema.
    """
    if odbc.is_connection_string(config.database):
        return SqlServerDatabase(config, read_only)
    return SqliteReader(config) if read_only else SqliteDatabase(config)
