"""Connections and transactions: the only module that knows which engine it is on.

    database = connect(".data/aml_cases.db")
    with database.transaction() as tx:          # begins, commits; rolls back on any error
        tx.execute("UPDATE cases SET owner = ? WHERE case_id = ?", (owner, case_id))
    with database.snapshot() as tx:             # one consistent state of everything read in it
        rows = tx.fetch_all("SELECT * FROM users")

Parameters are `?`. A datetime is bound as the engine keeps it, a Decimal exactly; `as_time` and `as_money` bring
them back. A statement that cannot be the same text on both engines is a `PerEngine`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from queue import Empty, Full, LifoQueue
from time import monotonic, sleep
from typing import Any

from app import chain, settings
from app.errors import (
    ConstraintBroken,
    DatabaseBusy,
    DatabaseError,
    DatabaseMissing,
    SettingsError,
)

SCHEMA = settings.ROOT / "sql" / "sqlite" / "schema.sql"
TABLES = ("case_events", "cases", "users")
DROP_TABLES = ("DROP TABLE case_events", "DROP TABLE cases", "DROP TABLE users")
IDLE_CONNECTIONS = 8

Row = dict[str, Any]
Parameters = Sequence[object]
SELECT_INDEXES_AND_TRIGGERS = """
SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL
"""

sqlite3.register_adapter(datetime, chain.format_ts)
sqlite3.register_adapter(Decimal, str)

_TWO_PLACES = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class PerEngine:
    """Two whole texts that take the same parameters in the same order."""

    sqlserver: str
    sqlite: str


Sql = str | PerEngine


def as_time(value: Any) -> datetime:
    """A time column's value as an aware UTC datetime. Raises ValueError where it is none."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else chain.parse_ts(value)


def as_money(value: Any) -> Decimal:
    """A money column's value, to two places; SQLite hands out an int or a float that stands for exactly one."""
    return Decimal(str(value)).quantize(_TWO_PLACES)


class Transaction:
    """What a statement can be run on. Made by `Database.transaction` and `Database.snapshot`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: Sql, parameters: Parameters = ()) -> int:
        """Run it; the number of rows it changed."""
        return self._run(sql, parameters).rowcount

    def execute_many(self, sql: Sql, rows: Iterable[Parameters]) -> None:
        with _faults():
            self._connection.executemany(self.text(sql), rows)

    def fetch_all(self, sql: Sql, parameters: Parameters = ()) -> list[Row]:
        return list(self.stream(sql, parameters))

    def fetch_first(self, sql: Sql, parameters: Parameters = ()) -> Row | None:
        return next(self.stream(sql, parameters), None)

    def fetch_val(self, sql: Sql, parameters: Parameters = ()) -> Any:
        """The first column of the first row."""
        with _faults():
            row = self._run(sql, parameters).fetchone()
        return row[0]

    def stream(self, sql: Sql, parameters: Parameters = ()) -> Iterator[Row]:
        """Rows as they come, as mappings from column to value."""
        cursor = self._run(sql, parameters)
        columns = [column[0] for column in cursor.description]
        with _faults():
            for row in cursor:
                yield dict(zip(columns, row, strict=True))

    def stream_tuples(self, sql: Sql, parameters: Parameters = ()) -> Iterator[tuple[Any, ...]]:
        """Rows as they come, as bare tuples: for reading millions."""
        cursor = self._run(sql, parameters)
        with _faults():
            yield from cursor

    def create_tables(self) -> None:
        """Create what is missing of the desk's tables, indexes and triggers."""
        for statement in _statements(SCHEMA.read_text("utf-8")):
            self.execute(statement)

    def empty_tables(self) -> None:
        """Take away every row, events included: for loading a demo anew. A server would refuse it."""
        for statement in DROP_TABLES:
            self.execute(statement)
        self.create_tables()

    @contextmanager
    def bulk_load(self) -> Iterator[None]:
        """Inside, indexes and triggers wait: to build an index at the end is cheaper than to keep it up row by row."""
        waiting = self.fetch_all(SELECT_INDEXES_AND_TRIGGERS)
        for row in waiting:
            self.execute(f'DROP {row["type"]} "{row["name"]}"')
        yield
        for row in waiting:
            self.execute(row["sql"])

    def text(self, sql: Sql) -> str:
        """The statement as this engine reads it."""
        return sql.sqlite if isinstance(sql, PerEngine) else sql

    def _run(self, sql: Sql, parameters: Parameters) -> sqlite3.Cursor:
        with _faults():
            return self._connection.execute(self.text(sql), parameters)


class Database:
    """A SQLite file, its connections pooled; safe to share between threads."""

    def __init__(self, file: Path, busy_timeout: float) -> None:
        self.file = file
        self._busy_timeout = busy_timeout
        self._idle: LifoQueue[tuple[int, sqlite3.Connection]] = LifoQueue(IDLE_CONNECTIONS)

    def __str__(self) -> str:
        return str(self.file)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """For writing: no other writer gets in between. Raises DatabaseBusy where the lock is not to be had."""
        with self._begin("BEGIN IMMEDIATE") as tx:
            yield tx

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """For reading: everything read inside is of one moment, and holds up no writer."""
        with self._begin("BEGIN") as tx:
            yield tx

    def create_schema(self) -> None:
        """Create the file and what is missing of its tables. Raises DatabaseError where that cannot be done."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"The folder {self.file.parent} cannot be created: {error.strerror}.") from error
        with _faults():
            connection = self._open("rwc")
            try:
                self._use_wal(connection)
            finally:
                connection.close()
        with self.transaction() as tx:
            tx.create_tables()

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        """The file keeps it. SQLite does not wait for the lock here, so two desks that start at once would clash."""
        deadline = monotonic() + self._busy_timeout
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                    raise
                sleep(0.01)

    def has_schema(self) -> bool:
        """Whether the file is there and has the desk's tables."""
        try:
            with self._connection() as connection, _faults():
                return len(self._tables(connection)) == len(TABLES)
        except DatabaseMissing:
            return False

    def missing_guards(self) -> list[str]:
        """The triggers that keep events from being changed, as far as someone took them away."""
        with self.snapshot() as tx:
            present = {row["name"] for row in tx.fetch_all(SELECT_INDEXES_AND_TRIGGERS)}
        return [
            name
            for name in re.findall(r"TRIGGER IF NOT EXISTS (\w+)", SCHEMA.read_text("utf-8"))
            if name not in present
        ]

    def close(self) -> None:
        """Close the idle connections."""
        while True:
            try:
                self._idle.get_nowait()[1].close()
            except Empty:
                return

    @contextmanager
    def _begin(self, begin: str) -> Iterator[Transaction]:
        with self._connection() as connection:
            with _faults():
                connection.execute(begin)
            try:
                yield Transaction(connection)
                with _faults():
                    connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for one operation. One to a file that was replaced meanwhile is not used again."""
        try:
            file_number = self.file.stat().st_ino
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DatabaseMissing(f"There is no database at {self.file}. Create it with: python -m app init") from error
        except OSError as error:
            raise DatabaseError(f"The database at {self.file} cannot be used: {error.strerror}.") from error
        connection = None
        while connection is None:
            try:
                number, idle = self._idle.get_nowait()
            except Empty:
                with _faults():
                    connection = self._open("rw")
            else:
                if number == file_number:
                    connection = idle
                else:
                    idle.close()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        try:
            self._idle.put_nowait((file_number, connection))
        except Full:
            connection.close()

    def _open(self, mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self.file.resolve().as_uri()}?mode={mode}",
            uri=True,
            timeout=self._busy_timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.text_factory = _text
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -65536")  # KiB
        return connection

    @staticmethod
    def _tables(connection: sqlite3.Connection) -> list[str]:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return [name for (name,) in found if name in TABLES]


def connect(config: settings.Settings) -> Database:
    """The database that the settings name; nothing is opened before it is used. Raises SettingsError."""
    if "=" in config.database and ";" in config.database:
        raise SettingsError(
            "AML_DATABASE looks like an ODBC connection string. This version of the desk opens SQLite files: "
            "give the path of one."
        )
    return Database(Path(config.database), config.busy_timeout)


def _statements(script: str) -> Iterator[str]:
    """The statements of an SQL script, one by one; a trigger's body stays whole."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _text(stored: bytes) -> str:
    """Stored text; bytes that are no UTF-8 become lone surrogates, which no hash and no page accepts."""
    return stored.decode("utf-8", "surrogateescape")


@contextmanager
def _faults() -> Iterator[None]:
    """The driver's errors as the desk's own."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise ConstraintBroken(f"The database refuses this: {error}.") from error
    except sqlite3.Error as error:
        text = str(error)
        if "locked" in text or "busy" in text:
            raise DatabaseBusy("The database is locked by someone else's work. Try again in a moment.") from error
        if "no such table" in text or "no such column" in text:
            raise DatabaseMissing(
                f"The database lacks the desk's tables ({text}). Create them with: python -m app init"
            ) from error
        raise DatabaseError(f"The database cannot be used: {text}.") from error
    except UnicodeEncodeError as error:
        raise DatabaseError(f"The database cannot keep this text: {error.reason}.") from error
