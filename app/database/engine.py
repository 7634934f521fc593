"""What both engines share: statements, transactions, the pool, and when a piece of work is tried again."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from queue import Empty, LifoQueue
from threading import BoundedSemaphore
from typing import Any, Generic, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from app import chain
from app.errors import RUN, DatabaseBusy, DatabaseError, DatabaseUnreachable, OtherVersion, OutcomeUnknown, kinds

TABLES = ("unsent", "case_keys", "case_events", "cases", "users")
"""Each before those that it refers to."""

VERSION = 6
"""Of the schema that this desk works on. Each step up is a script in `upgrades/` beside the engine's `schema.sql`, or
one in Python (`app.schema`), which rewrites rows in batches."""

LACKING = f"The database lacks a table or column of the desk's ({{}}). A missing table is created by: {RUN} init"

PATIENCE = 20
"""Seconds for which work is tried again, once at least, while a fault that passes keeps coming: a fail-over's."""

Row = dict[str, Any]
Parameters = Sequence[object]
Result = TypeVar("Result")

_LOGGER = logging.getLogger(__name__)
_TWO_PLACES = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class PerEngine:
    """A statement that each engine has its own text of, with the same parameters in the same order."""

    sqlserver: str
    sqlite: str


Sql = str | PerEngine


def as_time(value: Any) -> datetime:
    """Return a time column's value as an aware datetime in UTC. Raises ValueError where it is no time."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else chain.parse_ts(value)


def as_money(value: Any) -> Decimal:
    """Return a money column's value, to two places. SQLite hands out an int or a float that stands for exactly one."""
    return Decimal(str(value)).quantize(_TWO_PLACES)


class Transaction(ABC):
    """What a statement can be run on, over a DB-API connection. One result is read at a time."""

    found_version = VERSION
    """Of the schema, as it was found to be as the transaction began; where any would do, it was not asked."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._cursors: list[Any] = []

    @abstractmethod
    def text(self, sql: Sql) -> str:
        """Return the statement as this engine reads it."""

    @abstractmethod
    def version(self) -> int:
        """Return the version of the schema; 0 where there are no cases yet, 1 where none was kept."""

    @abstractmethod
    def set_version(self, version: int) -> None:
        """Say that the schema is of this version from the end of this transaction on."""

    @abstractmethod
    def create_tables(self) -> None:
        """Create what is missing of the desk's tables, indexes and triggers."""

    @abstractmethod
    def empty_tables(self) -> None:
        """Take away every row, events included: for loading a demo anew. A server refuses it."""

    @abstractmethod
    def bulk_load(self) -> AbstractContextManager[None]:
        """Let rows be loaded inside as they are, with the `event_id` they have."""

    def ts(self, text: str) -> object:
        """Return the time of an event, which is given as the formula writes it, as a parameter."""
        return chain.parse_ts(text)

    @abstractmethod
    def lock_log(self, exclusive: bool) -> None:
        """Lock the log of events until this transaction ends. Raises DatabaseBusy where the lock is not to be had.

        Who adds events shares it; who takes it `exclusive` waits for all of them. So no event that is still on its way
        is stored later under a number below one that is seen now.
        """

    _faults: Callable[[], AbstractContextManager[None]]
    """The driver's errors as the desk's own."""

    def _execute(self, cursor: Any, statement: str, parameters: Parameters) -> None:
        cursor.execute(statement, parameters)

    def _execute_many(self, cursor: Any, statement: str, rows: Iterable[Parameters]) -> None:
        cursor.executemany(statement, rows)

    def execute(self, sql: Sql, parameters: Parameters = ()) -> int:
        """Run the statement, and return the number of rows that it changed. Raises DatabaseError, as all these do."""
        with self._run(sql, parameters) as cursor:
            return int(cursor.rowcount)

    def execute_many(self, sql: Sql, rows: Iterable[Parameters]) -> None:
        """Run the statement for each row of parameters."""
        with self._faults():
            cursor = self._connection.cursor()
            try:
                self._execute_many(cursor, self.text(sql), rows)
            finally:
                cursor.close()

    def fetch_all(self, sql: Sql, parameters: Parameters = ()) -> list[Row]:
        """Return all rows, each a mapping from column to value."""
        return list(self.stream(sql, parameters))

    def fetch_first(self, sql: Sql, parameters: Parameters = ()) -> Row | None:
        """Return the first row; None where there is none."""
        with self._run(sql, parameters) as cursor:
            row = cursor.fetchone()
            return None if row is None else dict(zip(_columns(cursor), row, strict=True))

    def fetch_val(self, sql: Sql, parameters: Parameters = ()) -> Any:
        """Return the first column of the first row, which has to be there."""
        with self._run(sql, parameters) as cursor:
            return cursor.fetchone()[0]

    def stream(self, sql: Sql, parameters: Parameters = ()) -> Iterator[Row]:
        """Yield rows as they come, each a mapping from column to value."""
        with self._run(sql, parameters) as cursor:
            columns = _columns(cursor)
            for row in cursor:
                yield dict(zip(columns, row, strict=True))

    def stream_tuples(self, sql: Sql, parameters: Parameters = ()) -> Iterator[Sequence[Any]]:
        """Yield rows as they come, as bare tuples: for reading millions."""
        with self._run(sql, parameters) as cursor:
            for row in cursor:  # noqa: UP028 - `yield from` would close the cursor behind `_run`'s back
                yield row

    def close(self) -> None:
        """Close the results that nobody read to their end, as they would hold up the connection."""
        with self._faults():
            while self._cursors:
                self._cursors.pop().close()

    @contextmanager
    def _run(self, sql: Sql, parameters: Parameters) -> Iterator[Any]:
        with self._faults():
            cursor = self._connection.cursor()
            self._cursors.append(cursor)
            try:
                self._execute(cursor, self.text(sql), parameters)
                yield cursor
            finally:
                if cursor in self._cursors:
                    self._cursors.remove(cursor)
                    cursor.close()


def _columns(cursor: Any) -> list[str]:
    return [column[0] for column in cursor.description]


class Database(ABC):
    """A store of cases, safe to share between threads."""

    is_embedded: bool
    """Whether it is the desk's own file, which may be filled with demo data and emptied, or a bank's server."""

    @abstractmethod
    def transaction(self, any_version: bool = False) -> AbstractContextManager[Transaction]:
        """Begin a transaction to write in: it commits at the end, and rolls back on any error.

        Raises DatabaseError; OtherVersion among them, unless the database may be of `any_version`.
        """

    def load_transaction(self) -> AbstractContextManager[Transaction]:
        """Do as `transaction`, for a load that may be larger than all that is there."""
        return self.transaction()

    @abstractmethod
    def snapshot(self, any_version: bool = False) -> AbstractContextManager[Transaction]:
        """Begin a transaction to read in, of one moment, which holds up no writer. Raises as `transaction`."""

    @abstractmethod
    def create_schema(self) -> None:
        """Create what is missing of the desk's tables. Raises DatabaseError where that cannot be done.

        Raises OtherVersion, and creates nothing, where the tables that are there are of another version.
        """

    @abstractmethod
    def run_upgrade(self, version: int) -> bool:
        """Run the script that takes the tables to `version`, if they are of the one before; all of it or nothing.

        Returns whether there is such a script. However long it takes, it is not given up.
        """

    @abstractmethod
    def version(self) -> int:
        """Return the version of the schema; 0 where there is no database, or none with cases."""

    @abstractmethod
    def has_schema(self) -> bool:
        """Return whether the database is there and has the desk's tables."""

    def shortcomings(self) -> list[str]:
        """Return what the database lacks though the desk works without it, such as an index: a sentence each."""
        return []

    @abstractmethod
    def missing_guards(self) -> list[str]:
        """Return the names of triggers that guard events, and are gone or were replaced by others."""

    @abstractmethod
    def give_way(self, after: float) -> None:
        """Let others write who wait for it, after a transaction of so many seconds that another is to follow."""

    @abstractmethod
    def close(self) -> None:
        """Close the idle connections."""

    def read(self, work: Callable[[Transaction], Result], may_lag: bool = False, any_version: bool = False) -> Result:
        """Return what `work` returns in a snapshot; it is run again after a fault that passes. Raises DatabaseError.

        `may_lag` is for a list or a count that need not show the newest change: a read replica may answer it.
        """
        return _attempts(lambda: _within(self.snapshot(any_version), work))

    def write(self, work: Callable[[Transaction], Result], any_version: bool = False) -> Result:
        """Return what `work` returns in a transaction; it is run again as a whole after a fault that passes.

        A connection may be lost in the middle of the commit. So `work` may run although an earlier run of it was
        committed: it must look for what that one wrote. Raises DatabaseError, which is OutcomeUnknown where it cannot
        be found out whether something was committed.
        """
        unknown = False

        def attempt() -> Result:
            nonlocal unknown
            try:
                return _within(self.transaction(any_version), work)
            except DatabaseError as error:
                unknown = unknown or isinstance(error, OutcomeUnknown)
                if isinstance(error, OutcomeUnknown):
                    _LOGGER.warning("It is not known whether a change was saved: %s", kinds(error))
                elif unknown:  # then no other error says how it ended
                    raise OutcomeUnknown() from error
                raise

        return _attempts(attempt)


def check_version(found: int, may_be_older: bool = False) -> int:
    """Return the version that was found, or VERSION where it is 0, as there are no tables yet.

    Raises OtherVersion where it is not VERSION. `may_be_older` is for verifying.
    """
    found = found or VERSION
    if found != VERSION and not (may_be_older and found < VERSION):
        raise OtherVersion(found, VERSION)
    return found


def upgrade_script(schema: Path, version: int) -> Path | None:
    """Return the script beside an engine's `schema` that takes its tables to `version`; None where Python does it."""
    return next((schema.parent / "upgrades").glob(f"{version:04d}_*.sql"), None)


def _attempts(attempt: Callable[[], Result]) -> Result:
    """Return what the attempt returns; make it again while the fault is one that passes, after a random moment.

    A server that went away in the middle may be failing over, and does not answer until that is done.
    """
    lost = False

    def once() -> Result:
        nonlocal lost
        try:
            return attempt()
        except DatabaseUnreachable as error:
            error.passes = lost = lost or error.passes
            raise

    return Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, DatabaseError) and error.passes),
        stop=stop_after_attempt(2) & stop_after_delay(PATIENCE),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        before_sleep=_log_retry,
        reraise=True,
    )(once)


def _log_retry(state: RetryCallState) -> None:
    if state.outcome and (error := state.outcome.exception()):
        _LOGGER.info("Attempt %d failed and is made again: %s", state.attempt_number, kinds(error))


def _within(transaction: AbstractContextManager[Transaction], work: Callable[[Transaction], Result]) -> Result:
    with transaction as tx:
        return work(tx)


C = TypeVar("C")


class Pool(Generic[C]):
    """Connections, each for one operation of one thread at a time; at most `limit` are out at once.

    DBUtils was looked at: its pool waits without a time limit, and its connections run a failed statement again by
    themselves, which must not happen where the outcome of a commit is unknown.
    """

    def __init__(
        self,
        limit: int,
        patience: float,
        connect: Callable[[], C],
        clean: Callable[[C], None],
        close: Callable[[C], None],
    ) -> None:
        """`patience` is in seconds. `clean` ends a transaction that failed; it raises where that cannot be done."""
        self._idle: LifoQueue[C] = LifoQueue()
        self._room = BoundedSemaphore(limit)
        self._patience, self._connect, self._clean, self._close = patience, connect, clean, close

    @contextmanager
    def lend(self, usable: Callable[[C], bool] = lambda _: True) -> Iterator[C]:
        """Lend an idle connection that is `usable`, or a new one. Raises DatabaseBusy where none is free in time."""
        if not self._room.acquire(timeout=self._patience):
            raise DatabaseBusy("All connections to the database are in use. Try again in a moment.", passes=True)
        try:
            connection = self._take(usable)
            try:
                yield connection
            except Exception:
                try:
                    self._clean(connection)
                except Exception:
                    self._close(connection)
                else:
                    self._idle.put(connection)
                raise
            except BaseException:
                self._close(connection)
                raise
            self._idle.put(connection)
        finally:
            self._room.release()

    def _take(self, usable: Callable[[C], bool]) -> C:
        while True:
            try:
                connection = self._idle.get_nowait()
            except Empty:
                return self._connect()
            if usable(connection):
                return connection
            self._close(connection)

    def clear(self) -> None:
        """Close the idle connections."""
        while True:
            try:
                self._close(self._idle.get_nowait())
            except Empty:
                return
