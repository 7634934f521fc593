"""The embedded store when things go wrong: each fault has its own clean error, and work goes on once it is over."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Any, cast

import pytest

from app import database, opening, repository, settings
from app.database import Transaction
from app.database.sqlite import SqliteDatabase
from app.errors import (
    RUN,
    ConstraintBroken,
    DatabaseBusy,
    DatabaseError,
    DatabaseMissing,
    NotAllowed,
    SettingsError,
    UnreadableText,
)
from app.models import ALERT_FEED_USER, User
from tests.conftest import ALERT, ANALYST, GONE, OTHER_ANALYST, without_rights

SHORT = 0.1


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "desk.db"


@pytest.fixture
def store(file: Path) -> Iterator[SqliteDatabase]:
    """An embedded store with one user; it waits a tenth of a second for a lock."""
    made = at(file)
    made.create_schema()
    add(made, ANALYST)
    yield made
    made.close()


def at(file: Path, busy_timeout: float = SHORT, pool_size: int = 10) -> SqliteDatabase:
    return SqliteDatabase(settings.Settings(str(file), file.parent, busy_timeout, pool_size=pool_size))


def add(store: SqliteDatabase, person: User) -> None:
    with store.transaction() as tx:
        repository.insert_user(tx, person)


def people(store: SqliteDatabase) -> list[str]:
    with store.snapshot() as tx:
        return [person.user_id for person in repository.users(tx)]


@contextmanager
def raw(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        yield connection


# --- what is there, and what is not ---


def test_a_file_that_is_missing_is_named_and_found_again_once_it_is_back(file: Path, store: SqliteDatabase) -> None:
    away = file.with_name("away.db")
    store.close()
    file.rename(away)
    for use in (store.snapshot, store.transaction):
        with pytest.raises(DatabaseMissing, match=f"{RUN} init") as missing, use():
            pass
        assert str(file) in str(missing.value)
    assert not store.has_schema()
    assert not file.exists(), "looking for a database must not make one"
    away.rename(file)
    assert people(store) == [ANALYST.user_id]


def test_a_file_without_tables_is_told_apart_and_filled_by_create_schema(file: Path) -> None:
    file.parent.mkdir()
    file.touch()
    store = at(file)
    assert not store.has_schema()
    with pytest.raises(DatabaseMissing, match=f"no such table: users.* {RUN} init"):
        people(store)
    store.create_schema()
    assert store.has_schema()
    assert people(store) == []
    store.close()


def test_create_schema_makes_the_folder_and_keeps_what_is_there(store: SqliteDatabase) -> None:
    store.create_schema()
    at(store.file).create_schema()
    assert people(store) == [ANALYST.user_id]


def test_create_schema_brings_the_index_of_the_log_to_a_file_that_lacks_it(store: SqliteDatabase) -> None:
    def plan() -> str:
        with at(store.file).snapshot() as tx:  # on a new connection: an old one explains by the schema it knows
            (step,) = tx.fetch_all(f"EXPLAIN QUERY PLAN {repository.SELECT_LOG}", (0, repository.MAX_EVENT_ID))
            return str(step["detail"])

    with raw(store.file) as connection:
        connection.execute("DROP INDEX case_events_log")
    assert "COVERING INDEX" not in plan()
    store.create_schema()
    assert "COVERING INDEX case_events_log" in plan()


def test_desks_that_start_at_the_same_moment_make_one_schema(tmp_path: Path) -> None:
    for attempt in range(10):
        file, together = tmp_path / f"{attempt}.db", threading.Barrier(4)

        def start(file: Path = file, together: threading.Barrier = together) -> bool:
            made = at(file, busy_timeout=5)
            together.wait()
            made.create_schema()
            made.close()
            return made.has_schema()

        with ThreadPoolExecutor(4) as threads:
            assert all(done.result() for done in [threads.submit(start) for _ in range(4)])


@pytest.mark.parametrize("content", [b"not a database, but long enough to be taken for one" * 99, b"SQLite format 3\0"])
def test_a_file_that_is_no_database_is_refused_and_left_alone(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    store = at(file, pool_size=1)
    for use in (store.has_schema, store.create_schema, lambda: people(store)):
        with pytest.raises(DatabaseError) as refused:
            use()
        assert not isinstance(refused.value, DatabaseBusy), "the connection that failed was not given back"
    assert file.read_bytes() == content


def test_a_folder_in_the_files_place_is_refused(file: Path) -> None:
    file.mkdir(parents=True)
    for use in (at(file).has_schema, at(file).create_schema, lambda: people(at(file))):
        with pytest.raises(DatabaseError):
            use()


def test_a_file_in_the_folders_place_is_refused(file: Path) -> None:
    file.parent.touch()
    with pytest.raises(DatabaseError, match="cannot be created"):
        at(file).create_schema()


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps rights in another way")
def test_rights_that_are_missing_are_an_error_with_a_sentence_and_work_goes_on_when_they_are_there() -> None:
    with tempfile.TemporaryDirectory() as name:  # of its own, as others may not look into tmp_path
        folder = Path(name)
        store, new, deeper = (at(folder / path) for path in ("desk.db", "new.db", "deeper/new.db"))
        store.create_schema()
        store.close()
        writes: list[Callable[[], object]] = [lambda: add(store, GONE), new.create_schema, deeper.create_schema]
        with without_rights(folder, 0o555):
            for use in writes:
                with pytest.raises(DatabaseError, match=r"cannot be (used|created): .+\.$"):
                    use()
            assert not new.has_schema()
        with without_rights(folder, 0o000):
            for use in (*writes, store.has_schema, store.create_schema):
                with pytest.raises(DatabaseError, match=r"cannot be (used|created): .+\.$"):
                    use()
        add(store, GONE)
        assert people(store) == [GONE.user_id]
        store.close()


def test_a_connection_string_that_cannot_be_read_is_not_taken_for_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError):
        database.connect(settings.Settings("Server=127.0.0.1;Database=aml;PWD={a;b", tmp_path))
    assert not list(tmp_path.iterdir())


# --- locks ---


@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_writer_who_holds_the_lock_makes_others_busy_but_no_reader(store: SqliteDatabase, lock: str) -> None:
    with raw(store.file) as other:
        other.execute(lock)
        with pytest.raises(DatabaseBusy, match="Try again"):
            add(store, GONE)
        assert people(store) == [ANALYST.user_id]
        other.execute("ROLLBACK")
        add(store, GONE)
    assert people(store) == [ANALYST.user_id, GONE.user_id]


def test_a_file_locked_for_one_connection_alone_makes_readers_busy_too(store: SqliteDatabase) -> None:
    store.close()
    with raw(store.file) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        for use in (store.has_schema, store.create_schema, lambda: people(store), lambda: add(store, GONE)):
            with pytest.raises(DatabaseBusy):
                use()
    assert people(store) == [ANALYST.user_id]


def test_a_writer_waits_for_a_lock_that_is_let_go_in_time(file: Path, store: SqliteDatabase) -> None:
    patient = at(file, busy_timeout=5)
    with raw(file) as other, ThreadPoolExecutor(1) as thread:
        other.execute("BEGIN IMMEDIATE")
        waiting = thread.submit(add, patient, GONE)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        other.execute("COMMIT")
        waiting.result(timeout=10)
    assert people(store) == [ANALYST.user_id, GONE.user_id]
    patient.close()


def test_a_new_desk_waits_for_the_lock_too_and_gives_up_with_a_sentence(file: Path) -> None:
    file.parent.mkdir()
    patient = at(file, busy_timeout=10)
    with raw(file) as other, ThreadPoolExecutor(1) as thread:
        other.execute("BEGIN")
        other.execute("SELECT * FROM sqlite_master").fetchall()  # before WAL, a reader holds up the change to it
        with pytest.raises(DatabaseBusy, match="Try again"):
            at(file).create_schema()
        waiting = thread.submit(patient.create_schema)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        other.execute("COMMIT")
        waiting.result(timeout=20)
    assert people(patient) == []
    patient.close()


# --- transactions ---


@pytest.mark.parametrize("error", [NotAllowed("no"), ValueError("a bug"), KeyboardInterrupt(), SystemExit(1)])
def test_whatever_is_raised_in_a_transaction_undoes_all_of_it(store: SqliteDatabase, error: BaseException) -> None:
    with pytest.raises(type(error)), store.transaction() as tx:
        repository.insert_user(tx, GONE)
        raise error
    assert people(store) == [ANALYST.user_id]
    add(store, GONE)  # no lock is left behind either
    assert people(store) == [ANALYST.user_id, GONE.user_id]


def test_a_statement_the_schema_refuses_undoes_the_ones_before_it(store: SqliteDatabase) -> None:
    with pytest.raises(ConstraintBroken), store.transaction() as tx:
        repository.insert_user(tx, GONE)
        repository.insert_user(tx, ANALYST)
    assert people(store) == [ANALYST.user_id]


def test_a_text_that_utf_8_cannot_carry_is_refused_and_undone(store: SqliteDatabase) -> None:
    with pytest.raises(DatabaseError, match="cannot keep this text"), store.transaction() as tx:
        repository.insert_user(tx, GONE)
        tx.execute_many(repository.INSERT_USER, [("y.lone", "\ud800", "Analyst", 1)])
    with pytest.raises(DatabaseError, match="cannot keep this text"), store.snapshot() as tx:
        repository.user(tx, "\ud800")
    assert people(store) == [ANALYST.user_id]


def hold_bytes_that_are_no_text(file: Path) -> None:
    """The user's name is a byte that no text holds, and what reads like another fault."""
    with raw(file) as connection:
        connection.execute("UPDATE users SET name = CAST(x'ff' || ' is locked' AS TEXT)")


@pytest.mark.parametrize("kind", ["read", "write"])
def test_bytes_that_are_no_text_are_read_in_a_second_go_by_work_that_may_run_again(
    store: SqliteDatabase, kind: str
) -> None:
    hold_bytes_that_are_no_text(store.file)
    runs: list[int] = []

    def work(tx: database.Transaction) -> list[User]:
        runs.append(1)
        return repository.users(tx)

    for expected in (2, 3):
        (person,) = store.read(work) if kind == "read" else store.write(work)
        assert person.name == "\udcff is locked"
        assert len(runs) == expected


def test_bytes_that_are_no_text_are_an_error_that_says_where_to_look(store: SqliteDatabase) -> None:
    for use in (store.snapshot, at(store.file).transaction):
        hold_bytes_that_are_no_text(store.file)
        with pytest.raises(UnreadableText) as refused, use() as tx:
            repository.users(tx)
        assert str(refused.value) == "The database holds bytes that are no text. Verify it to see where."
    assert people(store) == [ANALYST.user_id]


def test_a_schema_with_bytes_that_are_no_text_is_read_all_the_same(store: SqliteDatabase) -> None:
    with raw(store.file) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = CAST(sql || '--' || x'ff' AS TEXT) WHERE name = 'cases_due'")
    assert store.has_schema()
    assert store.missing_guards() == []


def test_a_snapshot_shows_one_state_while_a_writer_commits(store: SqliteDatabase) -> None:
    with store.snapshot() as tx:
        before = repository.users(tx)
        add(store, GONE)
        assert repository.users(tx) == before
    assert people(store) == [ANALYST.user_id, GONE.user_id]


def test_a_stream_that_nobody_reads_to_its_end_holds_up_nothing(store: SqliteDatabase) -> None:
    add(store, GONE)
    with store.snapshot() as tx:
        rows = tx.stream(repository.SELECT_USERS)
        assert next(rows)["user_id"] == ANALYST.user_id
    add(store, OTHER_ANALYST)
    assert len(people(store)) == 3


# --- connections ---


def test_each_connection_has_wal_full_synchronous_and_foreign_keys_on(patient: None, store: SqliteDatabase) -> None:
    for use in (store.transaction, store.snapshot, at(store.file).snapshot):
        with use() as tx:
            pragmas = {name: tx.fetch_val(f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")}
            assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_an_idle_connection_is_used_again_but_not_after_an_error(
    store: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    connect = sqlite3.connect

    def counted(name: str, **options: Any) -> sqlite3.Connection:
        opened.append(name)
        return cast(sqlite3.Connection, connect(name, **options))

    people(store)
    monkeypatch.setattr(sqlite3, "connect", counted)
    people(store)
    add(store, GONE)
    assert len(opened) == 0
    with pytest.raises(KeyboardInterrupt), store.transaction():
        raise KeyboardInterrupt
    people(store)
    people(store)
    assert len(opened) == 1


def test_who_finds_all_connections_in_use_is_told_in_time_and_waits_for_one_if_there_is_time(
    file: Path, store: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.engine.PATIENCE", 0)
    hasty, patient = at(file, pool_size=2), at(file, busy_timeout=10, pool_size=2)
    with hasty.snapshot(), hasty.transaction():
        began = monotonic()
        for use in (lambda: people(hasty), lambda: add(hasty, GONE), hasty.has_schema):
            with pytest.raises(DatabaseBusy, match="All connections .* in use. Try again"):
                use()
        assert 3 * SHORT <= monotonic() - began < 5
    add(hasty, GONE)
    with ThreadPoolExecutor(1) as thread:
        with patient.snapshot(), patient.transaction():
            waiting = thread.submit(people, patient)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
        assert waiting.result(timeout=10) == [ANALYST.user_id, GONE.user_id]
    hasty.close()
    patient.close()


def test_who_finds_all_connections_in_use_asks_again(file: Path, store: SqliteDatabase) -> None:
    """A person rather waits than sends a form again."""
    single = at(file, pool_size=1)
    with ThreadPoolExecutor(1) as thread:
        with single.snapshot():
            waiting = thread.submit(single.read, repository.users)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=5 * SHORT)
        assert waiting.result(timeout=30) == [ANALYST]
    single.close()


def test_many_more_threads_than_connections_are_all_served_by_these(
    file: Path, store: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def counted(name: str, **options: Any) -> sqlite3.Connection:
        opened.append(connect(name, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", counted)
    crowded, together = at(file, busy_timeout=30, pool_size=3), threading.Barrier(24)

    def look(_: int) -> list[str]:
        together.wait(timeout=30)
        return people(crowded)

    with ThreadPoolExecutor(24) as threads:
        assert list(threads.map(look, range(24))) == [[ANALYST.user_id]] * 24
    assert 1 <= len(opened) <= 3
    crowded.close()
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


def test_a_file_put_in_the_databases_place_is_the_one_that_is_used(
    file: Path, store: SqliteDatabase, tmp_path: Path
) -> None:
    other = at(tmp_path / "other.db")
    other.create_schema()
    add(other, GONE)
    other.close()
    assert people(store) == [ANALYST.user_id]
    for leftover in file.parent.glob("desk.db*"):
        leftover.unlink()
    shutil.move(other.file, file)
    assert people(store) == [GONE.user_id]
    add(store, OTHER_ANALYST)
    with raw(file) as connection:
        assert connection.execute("SELECT COUNT(*) FROM users").fetchone() == (2,)


# --- events stay ---


def open_one(store: SqliteDatabase) -> None:
    add(store, ALERT_FEED_USER)
    opening.open_case(store, ALERT_FEED_USER.user_id, ALERT)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO case_events SELECT * FROM case_events",
        "REPLACE INTO case_events SELECT event_id + 100, case_id, ts, user, action, 'x', meta, prev_hash, event_hash "
        "FROM case_events",
        "UPDATE OR REPLACE case_events SET notes = 'x'",
        "DELETE FROM case_events WHERE event_id = 1",
    ],
)
def test_no_statement_replaces_an_event_on_any_connection(store: SqliteDatabase, statement: str) -> None:
    open_one(store)
    with raw(store.file) as connection:
        before = connection.execute("SELECT * FROM case_events").fetchall()
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            connection.execute(statement)
        assert connection.execute("SELECT * FROM case_events").fetchall() == before


def test_empty_tables_takes_everything_and_leaves_the_rules_in_force(store: SqliteDatabase) -> None:
    open_one(store)
    with store.transaction() as tx:
        tx.empty_tables()
    assert people(store) == []
    open_one(store)
    with pytest.raises(DatabaseError, match="never deleted"), store.transaction() as tx:
        tx.execute("DELETE FROM case_events")


@pytest.mark.parametrize("fails", [False, True])
def test_events_are_protected_again_after_a_bulk_load_even_one_that_fails(store: SqliteDatabase, fails: bool) -> None:
    open_one(store)
    with contextlib.suppress(ConstraintBroken), store.transaction() as tx, tx.bulk_load():
        tx.execute_many(repository.INSERT_USER, [("y.new", "Y", "Analyst", 1)] * (2 if fails else 1))
    assert ("y.new" in people(store)) is not fails
    for statement in ("DELETE FROM case_events", "UPDATE case_events SET notes = 'x'"):
        with pytest.raises(ConstraintBroken, match="never"), store.transaction() as tx:
            tx.execute(statement)


# --- a load: alone with the file if it can be ---

JOURNAL = "SELECT journal_mode FROM pragma_journal_mode"


@contextmanager
def loading(store: SqliteDatabase, person: User) -> Iterator[Transaction]:
    with store.load_transaction() as tx:
        tx.empty_tables()
        repository.insert_user(tx, person)
        yield tx


def journal(store: SqliteDatabase) -> str:
    with store.snapshot() as tx:
        return str(tx.fetch_val(JOURNAL))


def test_a_load_that_has_the_file_alone_does_without_the_log_and_lets_nobody_in(store: SqliteDatabase) -> None:
    other = at(store.file)
    with loading(store, OTHER_ANALYST) as tx:
        assert tx.fetch_val(JOURNAL) == "delete"
        assert not store.file.with_name("desk.db-wal").exists()
        with pytest.raises(DatabaseBusy):
            people(other)
    assert people(other) == people(store) == [OTHER_ANALYST.user_id]
    assert journal(store) == "wal"
    assert not store.file.with_name("desk.db-journal").exists()


def test_a_load_beside_a_desk_that_has_the_file_open_shows_it_all_or_nothing(store: SqliteDatabase) -> None:
    other = at(store.file)
    assert people(other) == [ANALYST.user_id]
    with loading(store, OTHER_ANALYST) as tx:
        assert tx.fetch_val(JOURNAL) == "wal"
        assert people(other) == [ANALYST.user_id]
    assert people(other) == people(store) == [OTHER_ANALYST.user_id]
    other.close()


def test_a_load_gives_way_to_a_desk_that_came_at_the_last_moment(
    store: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, other = store._open, at(store.file)

    def slow() -> Any:
        connection = opened()
        connection.set_trace_callback(lambda sql: other.create_schema() if "locking_mode" in sql else None)
        return connection

    monkeypatch.setattr(store, "_open", slow)
    with loading(store, OTHER_ANALYST) as tx:
        assert tx.fetch_val(JOURNAL) == "wal"
        assert people(other) == [ANALYST.user_id]
    assert people(other) == people(store) == [OTHER_ANALYST.user_id]


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_a_load_that_fails_leaves_the_file_as_it_was_and_the_log_in_use(
    store: SqliteDatabase, error: BaseException
) -> None:
    with pytest.raises(type(error)), loading(store, OTHER_ANALYST):
        raise error
    assert people(store) == [ANALYST.user_id]
    assert journal(store) == "wal"


def test_a_load_whose_process_is_killed_is_undone_by_who_opens_the_file_next(store: SqliteDatabase) -> None:
    add(store, OTHER_ANALYST)
    store.close()
    killed = (
        "import os, sys; from tests.test_sqlite import *; store = at(Path(sys.argv[1]))\n"
        "with loading(store, GONE) as tx:\n"
        "    tx.execute('PRAGMA cache_spill = 1'); tx.execute('PRAGMA cache_size = 1')\n"
        "    tx.execute_many(repository.INSERT_USER, [(f'u{n}', 'x' * 200, 'QA', 1) for n in range(5000)])\n"
        "    os._exit(9)\n"
    )
    before = store.file.stat().st_size
    ended = subprocess.run([sys.executable, "-c", killed, store.file], cwd=settings.ROOT, check=False)
    assert ended.returncode == 9
    assert store.file.stat().st_size > before
    assert set(people(store)) == {ANALYST.user_id, OTHER_ANALYST.user_id}
    store.close()
    store.create_schema()
    assert journal(store) == "wal"


def test_a_time_and_an_amount_are_bound_exactly(store: SqliteDatabase) -> None:
    moment = datetime(2026, 1, 5, 9, 14, 0, 1, tzinfo=UTC)
    with store.snapshot() as tx:
        assert tx.fetch_val("SELECT ?", (moment,)) == "2026-01-05T09:14:00.000001Z"
        assert database.as_time("2026-01-05T09:14:00.000001Z") == moment
        assert tx.fetch_val("SELECT ?", (Decimal("9999999999999.99"),)) == "9999999999999.99"
        assert database.as_money(9999999999999.99) == Decimal("9999999999999.99")
