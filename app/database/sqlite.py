"""The embedded store: a SQLite file."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from math import inf
from pathlib import Path
from threading import Lock, Thread
from time import monotonic, sleep
from typing import NamedTuple, NoReturn

from app import chain, settings
from app.database.engine import (
    LACKING,
    TABLES,
    VERSION,
    Database,
    PerEngine,
    Pool,
    Sql,
    Transaction,
    check_version,
    upgrade_script,
)
from app.database.watch import Watch
from app.errors import RUN, ConstraintBroken, DatabaseBusy, DatabaseError, DatabaseMissing, UnreadableText

SCHEMA = settings.ROOT / "sql" / "sqlite" / "schema.sql"
DROP_TABLES = tuple(f"DROP TABLE {name}" for name in TABLES)
SELECT_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
SELECT_VERSION = "PRAGMA user_version"
COUNT_CASES_TABLE = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'cases'"
SELECT_INDEXES_AND_TRIGGERS = """
SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL
"""
TRIGGER = re.compile(r"(?:--[^\n]*\n)*CREATE TRIGGER IF NOT EXISTS (?P<rest>(?P<name>\w+) .*);", re.DOTALL)
NO_TEXT = "Could not decode to UTF-8"
"""How the driver begins its error; after it stands what was stored, which may read like any other error."""
PASSING = {sqlite3.SQLITE_READONLY_CANTINIT, sqlite3.SQLITE_READONLY_RECOVERY}
"""A reader that may not write found the -shm in the middle of a change."""
LOOKS = ((0.1, 0.03), (0.2, 0.055), (inf, 0.105))
"""Seconds: who has waited so long for the lock looks for it so often at least (`sqliteDefaultBusyCallback`)."""
WITHOUT_WAL = "Was it copied without the -wal beside it? While a desk is open, what is new stands there."

_LOGGER = logging.getLogger(__name__)
_CREATING = Lock()
"""To close a file takes off it all locks of this process (fcntl(2)): nobody else here may have opened it by then."""

sqlite3.register_adapter(datetime, chain.format_ts)
sqlite3.register_adapter(Decimal, str)


class Connection(sqlite3.Connection):
    """A connection that knows which file it is to, as the name may come to stand for another."""

    identity: object
    """It is used for as long as this is what the file is."""
    watch: Watch


@contextmanager
def _faults() -> Iterator[None]:
    """Raise the driver's errors as the desk's own."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise ConstraintBroken(f"The database refuses this: {error}.") from error
    except sqlite3.Error as error:
        text = str(error)
        if text.startswith(NO_TEXT):
            raise UnreadableText() from error
        if getattr(error, "sqlite_errorcode", 0) in PASSING:
            raise DatabaseBusy("The database is being opened or closed. Try again in a moment.", passes=True) from error
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

    def ts(self, text: str) -> object:
        return text

    def version(self) -> int:
        return int(self.fetch_val(SELECT_VERSION)) or int(self.fetch_val(COUNT_CASES_TABLE))

    def set_version(self, version: int) -> None:
        self.execute(f"PRAGMA user_version = {version:d}")

    def create_tables(self) -> None:
        self.run(SCHEMA)
        self.set_version(VERSION)

    def run(self, script: Path) -> None:
        """Run each statement of an SQL script."""
        for statement in _statements(script.read_text("utf-8")):
            self.execute(statement)

    def empty_tables(self) -> None:
        for statement in DROP_TABLES:
            self.execute(statement)
        self.create_tables()

    def lock_log(self, exclusive: bool) -> None:
        """Do nothing: here one transaction writes at a time, and none sees another's rows before they are kept."""

    @contextmanager
    def bulk_load(self) -> Iterator[None]:
        """Let indexes and triggers wait: to build an index at the end is cheaper than to keep it up row by row."""
        waiting = self.fetch_all(SELECT_INDEXES_AND_TRIGGERS)
        for row in waiting:
            self.execute(f'DROP {row["type"]} "{row["name"]}"')
        yield
        for row in waiting:
            self.execute(row["sql"])


class SqliteDatabase(Database):
    """A SQLite file, its connections pooled."""

    is_embedded = True
    _may_be_older = False

    def __init__(self, config: settings.Settings) -> None:
        self.file = Path(config.database)
        self._busy_timeout = config.busy_timeout
        self._is_overwritten = False
        self._text_factory: Callable[[bytes], str] = str  # the driver's own, and quick; `_any_text` once it fails
        self._pool: Pool[Connection] = Pool(
            config.pool_size,
            config.busy_timeout,
            connect=self._open,
            clean=Connection.rollback,
            close=Connection.close,
        )

    def __str__(self) -> str:
        return str(self.file)

    @contextmanager
    def transaction(self, any_version: bool = False) -> Iterator[SqliteTransaction]:
        """Write while no other writer gets in between. Raises DatabaseBusy where the lock is not to be had."""
        with self._begin("BEGIN IMMEDIATE", any_version) as tx:
            yield tx

    @contextmanager
    def load_transaction(self) -> Iterator[Transaction]:
        """Write with a rollback journal in place of the write-ahead log, where nobody else has the file open.

        The log would take each page once more, some of them many times; the journal takes only those that were there
        before. Until the end nobody else gets in. A process that is killed leaves the journal: who opens the file next
        undoes the load, and `create_schema` brings the log back.
        """
        self.close()
        with closing(self._open()) as connection:
            if self._lock_out_others(connection):
                try:
                    with self._within(connection, "BEGIN") as tx:
                        yield tx
                finally:
                    with _faults():
                        connection.rollback()  # where it failed
                        connection.execute("PRAGMA journal_mode = WAL")
                return
        with self.transaction() as tx:
            yield tx

    @contextmanager
    def snapshot(self, any_version: bool = False) -> Iterator[Transaction]:
        with self._begin("BEGIN", any_version) as tx:
            yield tx

    def create_schema(self) -> None:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with _CREATING, suppress(FileExistsError):  # for its owner alone, and so will be what SQLite puts beside it
                os.close(os.open(self.file.resolve(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise DatabaseError(f"The database at {self.file} cannot be created: {error.strerror}.") from error
        connection = self._open()
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
        """Set the file to write-ahead logging, which it keeps.

        SQLite does not wait for the lock here, so two desks that start at once would clash: this waits.
        """
        deadline = monotonic() + self._busy_timeout
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                    raise
                sleep(0.01)

    def run_upgrade(self, version: int) -> bool:
        script = upgrade_script(SCHEMA, version)
        if script:
            with self.transaction(any_version=True) as tx:
                if tx.version() == version - 1:  # else another desk that started at the same moment was quicker
                    tx.run(script)
                    tx.set_version(version)
        return bool(script)

    def version(self) -> int:
        try:
            return self.read(lambda tx: tx.version(), any_version=True)
        except DatabaseMissing:
            return 0

    def has_schema(self) -> bool:
        try:
            found = self.read(lambda tx: tx.fetch_all(SELECT_TABLES), any_version=True)
        except DatabaseMissing:
            return False
        return {row["name"] for row in found}.issuperset(TABLES)

    def missing_guards(self) -> list[str]:
        return self.read(_false_triggers)

    def give_way(self, after: float) -> None:
        """Leave the lock alone until whoever waits for it has looked again: SQLite has no queue."""
        sleep(next(pause for waited, pause in LOOKS if after <= waited))

    def close(self) -> None:
        self._pool.clear()

    def keep_watch(self, every: float = 1) -> None:
        """Look at the file each second from now on: what is put over it is noticed though nobody works just then.

        What someone else wrote through SQLite in the same second as that hides it.
        """

        def look() -> None:
            while True:
                sleep(every)
                with suppress(DatabaseError):  # whoever works next is told
                    self.read(lambda tx: tx.fetch_val("SELECT 1"))

        Thread(target=look, name="watch", daemon=True).start()

    @contextmanager
    def _begin(self, begin: str, any_version: bool) -> Iterator[SqliteTransaction]:
        with self._connection() as connection, self._within(connection, begin, any_version) as tx:
            yield tx

    @contextmanager
    def _within(self, connection: Connection, begin: str, any_version: bool = False) -> Iterator[SqliteTransaction]:
        connection.text_factory = self._text_factory
        with _faults():
            connection.execute(begin)
        tx = SqliteTransaction(connection)
        try:
            if not any_version:
                tx.found_version = check_version(tx.version(), self._may_be_older)
            yield tx
        except UnreadableText:
            self._text_factory = _any_text
            raise
        finally:
            tx.close()
        with _faults():
            connection.execute("COMMIT")

    def _lock_out_others(self, connection: Connection) -> bool:
        """Return whether the file was to be had alone, and is until this connection closes, with a rollback journal."""
        try:
            with _faults():
                connection.execute("PRAGMA journal_mode = DELETE")
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                connection.execute("BEGIN EXCLUSIVE")
                connection.execute("COMMIT")
        except DatabaseBusy:
            connection.execute("PRAGMA locking_mode = NORMAL")
            with suppress(sqlite3.OperationalError):  # the other is at work already; `create_schema` does it later
                connection.execute("PRAGMA journal_mode = WAL")
            return False
        return True

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """Lend a connection for one operation. One to a file that was replaced meanwhile is not used again."""
        identity = self._identity()
        with self._pool.lend(lambda idle: self._is_stale(idle) or idle.identity == identity) as connection:
            if self._is_overwritten:
                raise DatabaseError(
                    f"Something else than the desk wrote over {self.file} while it was in use, such as a copy of it. "
                    "To go on would mix the two, so it is neither read nor written any more. Stop the desk. If a copy "
                    f"was put there, move {self.file.name}-wal and {self.file.name}-shm away, and keep them: what was "
                    "entered last may be there. Then put the copy there again, and start the desk. If nothing was, as "
                    "with `touch`, start it again as it is."
                )
            yield connection
            self._is_stale(connection)

    def _is_stale(self, connection: Connection) -> bool:
        """Return whether the file was written over while in use.

        Then no connection is used any more, nor closed before the desk is: the last to close would write the -wal into
        what is there now.
        """
        if not self._is_overwritten and connection.watch.is_overwritten():
            self._is_overwritten = True
            _LOGGER.error("Something else than the desk wrote over the database: it is used no more")
        return self._is_overwritten

    def _identity(self) -> object:
        """Return what tells the file from another of its name. Raises DatabaseMissing or DatabaseError."""
        return self._stat().st_ino

    def _stat(self) -> os.stat_result:
        try:
            found = self.file.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DatabaseMissing(
                f"There is no database at {self.file}. Create it, by the same --database or AML_DATABASE: {RUN} init"
            ) from error
        except OSError as error:
            raise DatabaseError(f"The database at {self.file} cannot be used: {error.strerror}.") from error
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for without end
            raise DatabaseError(f"The database at {self.file} cannot be used: it is not a file.")
        return found

    def _beside(self, kind: str) -> Path:
        """Return the file that SQLite keeps beside it; `kind` is wal, shm or journal."""
        return Path(f"{self.file.resolve()}-{kind}")

    def _open(self) -> Connection:
        effective = os.access in os.supports_effective_ids
        needed = [self.file] if self._beside("wal").exists() else [self.file, self.file.resolve().parent]
        if not all(os.access(path, os.W_OK, effective_ids=effective) for path in needed):
            raise DatabaseError(
                f"The database at {self.file} cannot be used: it may only be read here, so nothing could be kept, not "
                "even who takes an export. For verify that is enough; for all else copy it, and the -wal beside it, "
                "to where you may write."
            )
        return self._connect(self.file, "mode=rw", self._identity())

    def _connect(self, file: Path, how: str, identity: object) -> Connection:
        with _faults():
            connection = sqlite3.connect(
                f"{file.resolve().as_uri()}?{how}",
                uri=True,
                timeout=self._busy_timeout,
                isolation_level=None,
                check_same_thread=False,
                factory=Connection,
            )
            connection.identity, connection.watch = identity, Watch(file)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cache_size = -65536")  # KiB
            return connection


def _false_triggers(tx: Transaction) -> list[str]:
    """Return the schema's triggers that are not there as it makes them; the file keeps a statement from its name on."""
    found = {row["name"]: row["sql"] for row in tx.fetch_all(SELECT_INDEXES_AND_TRIGGERS)}
    wanted = (TRIGGER.fullmatch(statement.strip()) for statement in _statements(SCHEMA.read_text("utf-8")))
    return [made["name"] for made in wanted if made and found.get(made["name"]) != f"CREATE TRIGGER {made['rest']}"]


class SqliteReader(SqliteDatabase):
    """A SQLite file that is only read, while nothing in or beside it changes: evidence, or what one may only read.

    SQLite's own readers make a -wal and a -shm where there are none, and the last of them takes both away. So with both
    there, as beside a running desk, it is read by these (`readonly_shm`); with a -wal alone, or a rollback journal, a
    private copy is read; else the file is all there is (`immutable`), and that nobody writes to it is checked.
    """

    def __init__(self, config: settings.Settings) -> None:
        super().__init__(config)
        self._copies: list[tempfile.TemporaryDirectory[str]] = []

    _may_be_older = True

    def transaction(self, any_version: bool = False) -> NoReturn:
        raise DatabaseError(f"{self.file} was opened to be read only.")

    @contextmanager
    def snapshot(self, any_version: bool = False) -> Iterator[Transaction]:
        try:
            with super().snapshot(any_version) as tx:
                yield tx
        except DatabaseMissing as error:
            if "no such table" in str(error):
                raise DatabaseMissing(f"{error} {WITHOUT_WAL}") from error
            raise

    def close(self) -> None:
        super().close()
        while self._copies:
            self._copies.pop().cleanup()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        identity = self._identity()
        with self._pool.lend(lambda connection: connection.identity in (None, identity)) as connection:
            try:
                yield connection
            finally:
                self._check_still(connection.identity)

    def _identity(self) -> object:
        self._stat()
        return [_seen(path) for path in (self.file, self._beside("wal"), self._beside("journal"))]

    def _check_still(self, identity: object) -> None:
        if identity not in (None, self._identity()):
            raise DatabaseBusy(f"{self.file} was written to while it was read. Try again in a moment.", passes=True)

    def _open(self) -> Connection:
        identity = self._identity()
        file, wal, shm, journal = map(_seen, (self.file, *map(self._beside, ("wal", "shm", "journal"))))
        if file.size and wal.is_there and shm.is_there:  # of an empty file, SQLite would delete the -wal
            connection = self._connect(self.file, "mode=ro&readonly_shm=1", None)
        elif wal.size or journal.size:
            connection = self._connect(self._copy(identity), "mode=rw", identity)
        else:
            connection = self._connect(self.file, "mode=ro&immutable=1", identity)
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _copy(self, identity: object) -> Path:
        """Return a copy in a folder of this user's alone, which `close` takes away."""
        folder = tempfile.TemporaryDirectory(prefix="aml-verify-")
        self._copies.append(folder)
        file, wal, journal = self.file.resolve(), self._beside("wal"), self._beside("journal")
        try:
            for path in (file, *(path for path in (wal, journal) if _seen(path).is_there)):
                shutil.copyfile(path, Path(folder.name) / path.name)
        except OSError as error:
            raise DatabaseError(f"{self.file} cannot be copied to {folder.name}: {error.strerror}.") from error
        self._check_still(identity)
        return Path(folder.name) / file.name


class _Seen(NamedTuple):
    """Of a file: what changes when another takes its place or when it is written; zeros where there is none."""

    number: int = 0
    size: int = 0
    written: int = 0

    @property
    def is_there(self) -> bool:
        return self != _Seen()


def _seen(file: Path) -> _Seen:
    try:
        found = file.stat()
    except OSError:
        return _Seen()
    return _Seen(found.st_ino, found.st_size, found.st_mtime_ns)


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of an SQL script, one by one; a trigger's body stays whole."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _any_text(stored: bytes) -> str:
    """Return stored text; bytes that are no UTF-8 become lone surrogates, which no hash and no page accepts."""
    return stored.decode("utf-8", "surrogateescape")
