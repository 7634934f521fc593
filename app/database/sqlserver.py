"""SQL Server, Azure SQL and Babelfish for PostgreSQL, through pyodbc."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from app import settings
from app.database import odbc, sqlserver_schema, sqlserver_values
from app.database.engine import (
    LACKING,
    Database,
    Parameters,
    PerEngine,
    Pool,
    Result,
    Sql,
    Transaction,
    check_version,
    upgrade_script,
)
from app.errors import (
    ConstraintBroken,
    DatabaseBusy,
    DatabaseError,
    DatabaseMissing,
    DatabaseNotEmpty,
    DatabaseUnreachable,
    OutcomeUnknown,
    kinds,
)

FOLDER = settings.ROOT / "sql" / "sqlserver"
SCHEMA, DATABASE_OPTIONS = FOLDER / "schema.sql", FOLDER / "database.sql"

LOG_IS_HELD = 51007
"""What LOCK_LOG throws."""

BUSY = frozenset(
    {701, 802, 1204, 1205, 1222, 3950, 3961, 3966, 8628, 8645, 8651, 10928, 10929, 10936, 17197, 17809}
    | {40501, 49918, 49919, 49920, LOG_IS_HELD}
)
"""Locks, deadlock and lock time-out; a table that is just being altered; no memory, no connection left; throttled."""
STARTING = frozenset({615, 921, 922, 952, 6005, 17142, 17187, 17188, 18401, 18451})
"""The server or the database is starting, recovering, being upgraded, paused or shutting down."""
MOVING = frozenset(
    {954, 955, 956, 976, 978, 982, 983, 988, 3906, 3953, 3956, 3957, 4221, 40143, 40197, 40540, 40613} | STARTING
)
"""Or moving to another server: a mirror, a replica that changes its role, no quorum, nothing to be written just now."""
BABELFISH_MOVING = (
    "^terminating connection|^the database system is |^cannot execute .* in a read-only transaction|"
    "^Unknown error|^server closed the connection"
)
BABELFISH_BUSY = (
    "due to lock timeout|could not serialize|deadlock detected|conflict with recovery|^sorry, too many clients|"
    "^remaining connection slots|^out of shared memory"
)
NO_DATABASE = frozenset({911, 4060})
"""Also while a database is failing over."""
LOST = frozenset({596})
"""The session was ended."""
REFUSED = frozenset({515, 547, 2601, 2627, 2628, 8152, 51000})
"""NULL, CHECK and foreign key, unique, text too long; and what the desk's own trigger throws."""
MISSING = frozenset({207, 208})
NOT_PERMITTED = frozenset({229, 230, 262, 297, 300, 1088, 5011})
NO_SNAPSHOT = frozenset({3952})
LOGIN_FAILED = frozenset({18452, 18456})

SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION"
READ_COMMITTED = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN TRANSACTION"
SELECT_VERSION = "SELECT MAX(version) FROM dbo.schema_version"
SELECT_VERSION_TO_WRITE = f"{SELECT_VERSION} WITH (REPEATABLEREAD)"
"""Keeps an upgrade from ending before this transaction does."""
COUNT_VERSION_TABLE = "SELECT COUNT(*) FROM sys.tables WHERE object_id = OBJECT_ID('dbo.schema_version')"
COUNT_CASES_TABLE = "SELECT COUNT(*) FROM sys.columns WHERE object_id = OBJECT_ID('dbo.cases') AND name = 'search'"
"""1 where it is there; a table that only has the name lacks the column."""
COMMIT = "COMMIT TRANSACTION"
ROLLBACK = "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION; SET IMPLICIT_TRANSACTIONS OFF"
SESSION = (
    "SET IMPLICIT_TRANSACTIONS OFF; SET NOCOUNT OFF; SET XACT_ABORT ON; SET NUMERIC_ROUNDABORT OFF; SET LOCK_TIMEOUT "
)
"""What the desk relies on, whatever the server's `user options` are. Milliseconds follow."""
LOCK_SCHEMA = """
DECLARE @lock NVARCHAR(255) = N'aml_schema of ' + DB_NAME();
EXEC sp_getapplock @Resource = @lock, @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = -1
"""
LOCK_LOG = f"""
SET NOCOUNT ON;
DECLARE @granted INT, @lock NVARCHAR(255) = N'aml_log of ' + DB_NAME();
EXEC @granted = sp_getapplock @Resource = @lock, @LockMode = ?, @LockOwner = 'Transaction', @LockTimeout = ?;
SET NOCOUNT OFF;
IF @granted < 0 THROW {LOG_IS_HELD}, 'Someone else holds the log of events.', 1;
"""
"""Named after the database, as on Babelfish such a lock holds for the whole server. Milliseconds. No result: where the
time is up, Babelfish warns before it goes on, and the driver takes the warning for the result."""
LOCKED_OUT = 0.2
"""Seconds for which who wants the log alone waits in its queue, as everybody after them waits too; then again."""
IDENTITY_INSERT_ON = "SET IDENTITY_INSERT case_events ON"
IDENTITY_INSERT_OFF = "SET IDENTITY_INSERT case_events OFF"
SELECT_TABLES = """
SELECT SCHEMA_NAME(t.schema_id) AS schema_name, t.name AS table_name, c.name AS column_name
FROM sys.tables AS t LEFT JOIN sys.columns AS c
    ON c.object_id = t.object_id AND c.name IN ('user_id', 'head_hash', 'event_hash', 'version', 'key', 'kept_at')
"""
OWN_TABLES = {
    ("dbo", "users", "user_id"),
    ("dbo", "cases", "head_hash"),
    ("dbo", "case_events", "event_hash"),
    ("dbo", "case_keys", "key"),
    ("dbo", "unsent", "kept_at"),
}
"""The desk's tables as SELECT_TABLES shows them: one of their name without that column is someone else's."""
VERSION_TABLE = ("dbo", "schema_version", "version")
"""The desk's as well, but old databases have none."""
SELECT_DATABASE_OPTIONS = """
SELECT snapshot_isolation_state, CAST(is_read_committed_snapshot_on AS INT) FROM sys.databases WHERE name = DB_NAME()
"""
BOTH_ON = (1, 1)
WITHOUT_READ_COMMITTED_SNAPSHOT = (
    "READ_COMMITTED_SNAPSHOT is off, so that reports may wait for who is writing, and hold them up. "
    "A DBA runs sql/sqlserver/database.sql while nobody else is connected."
)
SELECT_A_FRACTION = "SELECT CAST(? AS DATETIME2(6))"
A_FRACTION = datetime(2026, 1, 5, 9, 14, 0, 123456)  # noqa: DTZ001
"""Babelfish drops the fraction of a second of a time that Microsoft's driver sends; times go as text then."""

NO_ANSWER = "The database server does not answer ({}). Check that it runs, and what AML_DATABASE says."
NO_SUCH_DATABASE = (
    "The server has no such database as AML_DATABASE names, or does not let this login into it. "
    "A new one is made on the server: CREATE DATABASE aml_cases"
)
NOT_TRUSTED = (
    "The server's certificate is not one that this machine trusts ({}). Add the authority that signed it to those that "
    "this machine trusts; or, where nobody can stand between the desk and the server, as with a server on this machine "
    "that signs its own, add TrustServerCertificate=yes to AML_DATABASE."
)
UNTRUSTED = re.compile(
    "certificate verify failed|self[- ]signed certificate|not trusted|target principal name is incorrect|"
    "subject name does not match",
    re.IGNORECASE,
)
REPLICA_RESTS = 30
"""Seconds for which the server itself is asked instead of a replica that did not answer."""

NO_CONNECTION, TIMED_OUT = "08001", "HYT00"
"""SQLSTATEs."""

_LOGGER = logging.getLogger(__name__)
_NUMBER = re.compile(r"\((-?\d+)\)(?= \(SQL\w+\)|;|$)")
_PREFIX = re.compile(r"^(\[[^\]]*\]\s*)+")


@contextmanager
def _faults() -> Iterator[None]:
    """Raise the driver's errors as the desk's own."""
    import pyodbc

    try:
        yield
    except pyodbc.Error as error:
        raise _fault(str(error.args[0]), str(error.args[-1])) from error
    except (UnicodeEncodeError, UnicodeDecodeError) as error:
        raise DatabaseError(f"The database cannot keep this text: {error.reason}.") from error


def _fault(state: str, message: str) -> DatabaseError:
    """Return the error for an SQLSTATE and the driver's message, in which SQL Server's number stands in brackets.

    Babelfish has a number for some faults only; of the others it says what PostgreSQL says.
    """
    numbers = {int(number) for number in _NUMBER.findall(message)}
    text = _PREFIX.sub("", message.removeprefix(f"[{state}] ")).partition(" (SQL")[0]

    def is_a(known: frozenset[int], *states: str, babelfish: str = "(?!)") -> bool:
        return bool(numbers & known) or state in states or bool(re.search(babelfish, text))

    if is_a(NO_DATABASE, babelfish='^database ".*" does not exist'):
        return DatabaseMissing(NO_SUCH_DATABASE, passes=True)
    if is_a(LOST | MOVING, "08S01", "IMC06", babelfish=BABELFISH_MOVING):
        return DatabaseUnreachable(NO_ANSWER.format(text), passes=True)
    if is_a(BUSY, TIMED_OUT, "HYT01", "40001", babelfish=BABELFISH_BUSY):
        return DatabaseBusy("The database is busy with someone else's work. Try again in a moment.", passes=True)
    if is_a(LOGIN_FAILED, "28000"):
        return DatabaseUnreachable("The server refuses the desk's login. Check the user and password in AML_DATABASE.")
    if state.startswith("08"):
        return DatabaseUnreachable((NOT_TRUSTED if UNTRUSTED.search(text) else NO_ANSWER).format(text))
    if is_a(REFUSED, "23000", "22001", babelfish="^value too long"):
        return ConstraintBroken(f"The database refuses this: {text}")
    if is_a(MISSING, "42S02", "42S22", babelfish="^(relation|column) .* does not exist"):
        return DatabaseMissing(LACKING.format(text))
    if is_a(NO_SNAPSHOT):
        return DatabaseMissing("The database does not allow snapshot isolation. Run sql/sqlserver/database.sql in it.")
    if is_a(NOT_PERMITTED, babelfish="^permission denied"):
        return DatabaseError(f"The desk's login may not do this ({text}). A DBA may: see sql/sqlserver.")
    return DatabaseError(f"The database cannot be used: {text}")


class SqlServerTransaction(Transaction):
    _faults = staticmethod(_faults)

    def __init__(self, connection: Any, keeps_fractions: bool, busy_timeout: float) -> None:
        super().__init__(connection)
        self._keeps_fractions, self._busy_timeout = keeps_fractions, busy_timeout

    def text(self, sql: Sql) -> str:
        return sql.sqlserver if isinstance(sql, PerEngine) else sql

    def version(self) -> int:
        if self.fetch_val(COUNT_VERSION_TABLE) and (found := self.fetch_val(SELECT_VERSION)):
            return int(found)
        return int(self.fetch_val(COUNT_CASES_TABLE))

    def set_version(self, version: int) -> None:
        self.execute("UPDATE dbo.schema_version SET version = ?", (version,))

    def create_tables(self) -> None:
        with self._faults():
            _run_script(self._connection, SCHEMA)

    def empty_tables(self) -> None:
        raise DatabaseNotEmpty("--replace empties the embedded database alone; a server's cases stay.")

    def lock_log(self, exclusive: bool) -> None:
        mode, wait = ("Exclusive", min(LOCKED_OUT, self._busy_timeout)) if exclusive else ("Shared", self._busy_timeout)
        with self._run(LOCK_LOG, (mode, int(wait * 1000))) as cursor:
            _read_to_the_end(cursor)

    @contextmanager
    def bulk_load(self) -> Iterator[None]:
        self.execute(IDENTITY_INSERT_ON)
        try:
            yield
        finally:
            with suppress(DatabaseError):  # where the transaction failed, its own error is the one to see
                self.execute(IDENTITY_INSERT_OFF)

    def _execute(self, cursor: Any, statement: str, parameters: Parameters) -> None:
        if not self._keeps_fractions:
            statement, parameters = sqlserver_values.with_declared_times(statement, parameters)
        bound = self._bind(parameters)
        cursor.setinputsizes([sqlserver_values.sent_type(value) for value in bound])
        cursor.execute(statement, bound)

    def _execute_many(self, cursor: Any, statement: str, rows: Iterable[Parameters]) -> None:
        bound = [
            [sqlserver_values.as_text(value) if isinstance(value, datetime) else value for value in row] for row in rows
        ]
        if not bound:
            return
        cursor.fast_executemany = True
        cursor.setinputsizes([sqlserver_values.array_type(column) for column in zip(*bound, strict=True)])
        # A row that is refused ends the transaction, and those after it would be stored one by one.
        self.execute("SET IMPLICIT_TRANSACTIONS ON")
        cursor.executemany(statement, bound)
        self.execute("SET IMPLICIT_TRANSACTIONS OFF")

    def _bind(self, parameters: Parameters) -> Parameters:
        return [self._time(value) if isinstance(value, datetime) else value for value in parameters]

    def _time(self, value: datetime) -> datetime | str:
        return sqlserver_values.naive(value) if self._keeps_fractions else sqlserver_values.as_text(value)


class SqlServerDatabase(Database):
    """A database on a server, its connections pooled."""

    is_embedded = False

    def __init__(self, config: settings.Settings, may_be_older: bool = False) -> None:
        """Take the settings, and open nothing yet.

        Raises SettingsError for a connection string or a machine that cannot be used.

        `may_be_older` says that tables of an older version may be read, and nothing is written.
        """
        self.config = config
        self._may_be_older = may_be_older
        self._connection_string = odbc.complete(config.database)
        self._pool: Pool[Any] = Pool(
            config.pool_size, config.busy_timeout, connect=self._connect, clean=_clean, close=_close
        )
        self._keeps_fractions: bool | None = None
        self._replica: SqlServerDatabase | None = None
        self._replica_rests_until = 0.0
        if config.read_replica:
            string = odbc.with_overrides(config.database, config.read_replica)
            self._replica = SqlServerDatabase(replace(config, database=string, read_replica=""))

    def __str__(self) -> str:
        return odbc.describe(self.config.database)

    @contextmanager
    def transaction(self, any_version: bool = False) -> Iterator[Transaction]:
        with self._begin(READ_COMMITTED, SELECT_VERSION_TO_WRITE, any_version) as tx:
            yield tx
            tx.close()
            try:
                tx.execute(COMMIT)
            except DatabaseError as error:
                raise OutcomeUnknown() from error

    @contextmanager
    def snapshot(self, any_version: bool = False) -> Iterator[Transaction]:
        with self._begin(SNAPSHOT, SELECT_VERSION, any_version) as tx:
            yield tx
            tx.close()
            tx.execute(COMMIT)

    def read(self, work: Callable[[Transaction], Result], may_lag: bool = False, any_version: bool = False) -> Result:
        if may_lag and self._replica and monotonic() >= self._replica_rests_until:
            try:
                with self._replica.snapshot() as tx:
                    return work(tx)
            except DatabaseBusy:
                pass
            except DatabaseError as error:  # whatever it is, it may be the replica's alone
                _LOGGER.warning("The read replica rests for %d seconds: %s", REPLICA_RESTS, kinds(error))
                self._replica_rests_until = monotonic() + REPLICA_RESTS
        return super().read(work, any_version=any_version)

    def create_schema(self) -> None:
        self._allow_snapshots()
        self.write(self._create_tables, any_version=True)

    def _allow_snapshots(self) -> None:
        """Let the database allow snapshot isolation, which every read of the desk is made under, unless it does."""
        with self._pool.lend() as connection, _faults():
            if tuple(connection.execute(SELECT_DATABASE_OPTIONS).fetchone()) != BOTH_ON:
                _run_script(connection, DATABASE_OPTIONS)

    def _create_tables(self, tx: Transaction) -> None:
        """Create what is missing, in one transaction: whatever fails, nothing is left made by half.

        Raises DatabaseNotEmpty for tables of others, and DatabaseMissing for columns that the desk's tables lack.
        """
        tx.execute(LOCK_SCHEMA)
        check_version(tx.version())
        own, strangers = _tables(tx)
        if strangers and len(own) < len(OWN_TABLES):
            raise DatabaseNotEmpty(
                f"{self} has tables that are not the desk's ({', '.join(strangers[:5])}), so nothing was created in it."
                " Give the desk a database of its own."
            )
        script = SCHEMA.read_text("utf-8")
        if lacking := sqlserver_schema.lacking_columns(tx, script):
            raise DatabaseMissing(
                f"{self} has tables of the desk's names that lack columns of the desk's ({', '.join(lacking[:5])}): "
                "they are not its own, or someone changed them. Nothing was created in it."
            )
        for name, is_there in sqlserver_schema.false_triggers(tx, script).items():
            if is_there:
                tx.execute(f"DROP TRIGGER dbo.{name}")
        tx.create_tables()

    def run_upgrade(self, version: int) -> bool:
        script = upgrade_script(SCHEMA, version)
        if script:
            connection = self._connect()
            try:
                connection.timeout = 0  # a large table takes its time; the script itself waits for locks without end
                with _faults():
                    _run_script(connection, script)
            finally:
                _close(connection)
        return bool(script)

    def version(self) -> int:
        return self.write(lambda tx: tx.version(), any_version=True)  # as `has_schema`

    def has_schema(self) -> bool:
        # This writes nothing, but needs no snapshot: they may not be allowed yet.
        own, _ = self.write(_tables, any_version=True)
        return len(own) == len(OWN_TABLES)

    def shortcomings(self) -> list[str]:
        def look(tx: Transaction) -> list[str]:
            lacking = sqlserver_schema.lacking_indexes(tx, SCHEMA.read_text("utf-8"))
            found = [f"{index} is missing, or is not as sql/sqlserver/schema.sql makes it." for index in lacking]
            (options,) = tx.stream_tuples(SELECT_DATABASE_OPTIONS)
            return found if tuple(options) == BOTH_ON else [*found, WITHOUT_READ_COMMITTED_SNAPSHOT]

        return self.write(look, any_version=True)  # as `has_schema`

    def missing_guards(self) -> list[str]:
        return list(self.read(lambda tx: sqlserver_schema.false_triggers(tx, SCHEMA.read_text("utf-8"))))

    def give_way(self, after: float) -> None:
        """Do nothing: who waits for a lock of the server stands in a queue."""

    def close(self) -> None:
        self._pool.clear()
        if self._replica:
            self._replica.close()

    @contextmanager
    def _begin(self, begin: str, select_version: str, any_version: bool) -> Iterator[Transaction]:
        try:
            with self._pool.lend() as connection:
                tx = SqlServerTransaction(connection, bool(self._keeps_fractions), self.config.busy_timeout)
                try:
                    if any_version:
                        tx.execute(begin)
                    else:
                        self._begin_in_version(tx, begin, select_version)
                    yield tx
                finally:
                    tx.close()
        except DatabaseUnreachable:
            self._pool.clear()  # the others are likely to be dead too
            raise

    def _begin_in_version(self, tx: Transaction, begin: str, select_version: str) -> None:
        """Begin, and ask for the version on the same way to the server. Raises OtherVersion."""
        try:
            found = tx.fetch_val(f"{begin}; {select_version}") or 1
        except DatabaseMissing:  # the table that says it: a database of before has none, nor has an empty one
            tx.execute(ROLLBACK)
            tx.execute(begin)
            found = tx.version()
        tx.found_version = check_version(found, self._may_be_older)

    def _connect(self) -> Any:
        import pyodbc

        with _faults():
            try:
                connection = pyodbc.connect(
                    self._connection_string, autocommit=True, timeout=self.config.connect_timeout
                )
            except pyodbc.Error as error:
                state, *texts = (odbc.redact(str(text), self._connection_string) for text in error.args)
                error.args = (NO_CONNECTION if state in (TIMED_OUT, "08S01") else state, *texts)
                fault = _fault(*map(str, (error.args[0], error.args[-1])))
                if isinstance(fault, DatabaseMissing):  # only one that was there before may be failing over
                    fault.passes = self._keeps_fractions is not None
                raise fault from error
            connection.timeout = self.config.query_timeout
            for kind in (pyodbc.SQL_WCHAR, pyodbc.SQL_WVARCHAR, pyodbc.SQL_WLONGVARCHAR):
                connection.add_output_converter(kind, sqlserver_values.text_of)
            connection.execute(f"{SESSION}{int(self.config.busy_timeout * 1000)}").close()
            if self._keeps_fractions is None:
                arrived = connection.execute(SELECT_A_FRACTION, A_FRACTION).fetchval()
                self._keeps_fractions = arrived == A_FRACTION
        return connection


def _tables(tx: Transaction) -> tuple[set[str], list[str]]:
    """Return the names of the desk's own tables that are there, and those of others' tables as schema.table."""
    found = {(row["schema_name"], row["table_name"], row["column_name"]) for row in tx.fetch_all(SELECT_TABLES)}
    own = {table for _, table, _ in found & OWN_TABLES}
    own_names = own | {table for _, table, _ in found & {VERSION_TABLE}}
    others = {f"{schema}.{table}" for schema, table, _ in found if schema != "dbo" or table not in own_names}
    return own, sorted(others)


def _clean(connection: Any) -> None:
    connection.execute(ROLLBACK).close()


def _close(connection: Any) -> None:
    with suppress(Exception):
        connection.close()


def _run_script(connection: Any, file: Path) -> None:
    for batch in batches(file.read_text("utf-8")):
        cursor = connection.execute(batch)
        _read_to_the_end(cursor)
        cursor.close()


def batches(script: str) -> list[str]:
    """Return the batches of a script, which stand between lines that hold nothing but GO."""
    return [batch for batch in re.split(r"(?im)^[ \t]*GO[ \t]*$", script) if batch.strip()]


def _read_to_the_end(cursor: Any) -> None:
    """Read all results of a batch, as an error of a later statement comes only with its result."""
    while cursor.nextset():
        pass
