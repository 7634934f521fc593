"""The embedded store: a SQLite file."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep

from app import chain, settings
from app.database.engine import LACKING, TABLES, Database, PerEngine, Pool, Sql, Transaction
from app.errors import RUN, ConstraintBroken, DatabaseBusy, DatabaseError, DatabaseMissing, UnreadableText

SCHEMA = settings.ROOT / "sql" / "sqlite" / "schema.sql"
DROP_TABLES = ("DROP TABLE case_events", "DROP TABLE cases", "DROP TABLE users")
SELECT_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
SELECT_INDEXES_AND_TRIGGERS = """
SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL
"""
TRIGGER = re.compile(r"(?:--.*\n)*CREATE TRIGGER IF NOT EXISTS (?P<rest>(?P<name>\w+) .*);", re.DOTALL)
NO_TEXT = "Could not decode to UTF-8"
"""How the driver begins its error; after it stands what was stored, which may read like any other error."""

sqlite3.register_adapter(datetime, chain.format_ts)
sqlite3.register_adapter(Decimal, str)


class Connection(sqlite3.Connection):
    """A connection that knows which file it is to, as the name may come to stand for another."""

    file_number: int


@contextmanager
def _faults() -> Iterator[None]:
    """The driver's errors as the desk's own."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise ConstraintBroken(f"The database refuses this: {error}.") from error
    except sqlite3.Error as error:
        text = str(error)
        if text.startswith(NO_TEXT):
            raise UnreadableText() from error
        if "locked" in text or "busy" in text:
            raise DatabaseBusy("The database is locked by someone else's work. Try again in a moment.") from error
        if "no such table" in text or "no such column" in text:
            raise DatabaseMissing(LACKING.format(text)) from error
        raise DatabaseError(f"The database cannot be used: {text}.") from error
    except UnicodeEncodeError as error:
        raise DatabaseError(f"The database cannot keep this text: {error.reason}.") from error


class SqliteTransaction(Transaction):
    _faults = staticmethod(_faults)

    def text(self, sql: Sql) -> str:
        return sql.sqlite if isinstance(sql, PerEngine) else sql

    def create_tables(self) -> None:
        for statement in _statements(SCHEMA.read_text("utf-8")):
            self.execute(statement)

    def empty_tables(self) -> None:
        for statement in DROP_TABLES:
            self.execute(statement)
        self.create_tables()

    def lock_log(self, exclusive: bool) -> None:
        """Nothing to do: here one transaction writes at a time, and none sees another's rows before they are kept."""

    @contextmanager
    def bulk_load(self) -> Iterator[None]:
        """Inside, indexes and triggers wait: to build an index at the end is cheaper than to keep it up row by row."""
        waiting = self.fetch_all(SELECT_INDEXES_AND_TRIGGERS)
        for row in waiting:
            self.execute(f'DROP {row["type"]} "{row["name"]}"')
        yield
        for row in waiting:
            self.execute(row["sql"])


class SqliteDatabase(Database):
    """A SQLite file, its connections pooled."""

    is_embedded = True

    def __init__(self, config: settings.Settings) -> None:
        self.file = Path(config.database)
        self._busy_timeout = config.busy_timeout
        self._text_factory: Callable[[bytes], str] = str  # the driver's own, and quick; `_any_text` once it fails
        self._pool: Pool[Connection] = Pool(
            config.pool_size,
            config.busy_timeout,
            connect=lambda: self._open("rw"),
            clean=Connection.rollback,
            close=Connection.close,
        )

    def __str__(self) -> str:
        return str(self.file)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """No other writer gets in between. Raises DatabaseBusy where the lock is not to be had."""
        with self._begin("BEGIN IMMEDIATE") as tx:
            yield tx

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        with self._begin("BEGIN") as tx:
            yield tx

    def create_schema(self) -> None:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"The folder {self.file.parent} cannot be created: {error.strerror}.") from error
        connection = self._open("rwc")
        try:
            with _faults():
                self._use_wal(connection)
        finally:
            connection.close()
        with self.transaction() as tx:
            for name in _false_triggers(tx):
                tx.execute(f"DROP TRIGGER IF EXISTS {name}")
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
        try:
            found = self.read(lambda tx: tx.fetch_all(SELECT_TABLES))
        except DatabaseMissing:
            return False
        return {row["name"] for row in found}.issuperset(TABLES)

    def missing_guards(self) -> list[str]:
        return self.read(_false_triggers)

    def close(self) -> None:
        self._pool.clear()

    @contextmanager
    def _begin(self, begin: str) -> Iterator[Transaction]:
        with self._connection() as connection:
            connection.text_factory = self._text_factory
            with _faults():
                connection.execute(begin)
            tx = SqliteTransaction(connection)
            try:
                yield tx
            except UnreadableText:
                self._text_factory = _any_text
                raise
            finally:
                tx.close()
            with _faults():
                connection.execute("COMMIT")

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """A connection for one operation. One to a file that was replaced meanwhile is not used again."""
        try:
            file_number = self.file.stat().st_ino
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DatabaseMissing(
                f"There is no database at {self.file}. Create it, by the same --database or AML_DATABASE: {RUN} init"
            ) from error
        except OSError as error:
            raise DatabaseError(f"The database at {self.file} cannot be used: {error.strerror}.") from error
        with self._pool.lend(lambda connection: connection.file_number == file_number) as connection:
            yield connection

    def _open(self, mode: str) -> Connection:
        with _faults():
            connection = sqlite3.connect(
                f"{self.file.resolve().as_uri()}?mode={mode}",
                uri=True,
                timeout=self._busy_timeout,
                isolation_level=None,
                check_same_thread=False,
                factory=Connection,
            )
            connection.file_number = self.file.stat().st_ino
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cache_size = -65536")  # KiB
            return connection


def _false_triggers(tx: Transaction) -> list[str]:
    """The schema's triggers that are not there as it makes them; the file keeps a statement from its name on."""
    found = {row["name"]: row["sql"] for row in tx.fetch_all(SELECT_INDEXES_AND_TRIGGERS)}
    wanted = (TRIGGER.fullmatch(statement.strip()) for statement in _statements(SCHEMA.read_text("utf-8")))
    return [made["name"] for made in wanted if made and found.get(made["name"]) != f"CREATE TRIGGER {made['rest']}"]


def _statements(script: str) -> Iterator[str]:
    """The statements of an SQL script, one by one; a trigger's body stays whole."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _any_text(stored: bytes) -> str:
    """Stored text; bytes that are no UTF-8 become lone surrogates, which no hash and no page accepts."""
    return stored.decode("utf-8", "surrogateescape")
