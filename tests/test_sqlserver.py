"""SQL Server when things go wrong: each fault has its own clean error, nothing is stored twice, and work goes on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import casework, database, opening, repository, triage_query, verification
from app.__main__ import main
from app.database import Database, Transaction, odbc, sqlserver, sqlserver_values
from app.errors import (
    RUN,
    ConstraintBroken,
    DatabaseBusy,
    DatabaseError,
    DatabaseMissing,
    DatabaseNotEmpty,
    DatabaseUnreachable,
    OutcomeUnknown,
)
from app.models import Role, User
from app.settings import ROOT, Settings
from tests.conftest import ANALYST, GONE, OpenCase, alert, forget_the_desk, on_the_server, stored
from tests.wire import Wire, wire_to

ON_SQLSERVER = pytest.mark.parametrize("desk", ["sqlserver"], indirect=True)
NOBODY = User("y.new", "Ýr New", Role.ANALYST, active=True)


def address_of(string: str) -> tuple[str, int]:
    attributes = odbc.parse(string)
    host, _, port = attributes["server"].removeprefix("tcp:").partition(",")
    return host, int(port or attributes.get("port", "1433"))


@pytest.fixture
def wire(server: str) -> Iterator[Wire]:
    with wire_to(*address_of(server)) as made:
        yield made


@pytest.fixture
def wired(wire: Wire, server: str, tmp_path: Path, desk: Database) -> Iterator[Database]:
    """The desk over the wire, unencrypted, so that the wire can tell a commit."""
    attributes = {**odbc.parse(server), "server": f"127.0.0.1,{wire.port()}", "encrypt": "no"}
    attributes.pop("port", None)
    made = database.connect(Settings(odbc.build(attributes), tmp_path, busy_timeout=2, connect_timeout=3))
    yield made
    made.close()


@pytest.fixture
def impatient(server: str, tmp_path: Path) -> Iterator[Database]:
    """A desk that waits half a second for a lock and a second for a statement."""
    made = database.connect(Settings(server, tmp_path, busy_timeout=0.5, query_timeout=1, pool_size=2))
    yield made
    made.close()


def other(string: str, **attributes: str) -> Database:
    return database.connect(Settings(odbc.build({**odbc.parse(string), **attributes}), Path(), connect_timeout=2))


def hashes(desk: Database, case_id: str) -> list[str]:
    return [event.event_hash for event in stored(desk, case_id)[1]]


# --- what is there, and what is not ---


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_a_server_that_does_not_answer_is_told_in_time(server: str) -> None:
    away = other(server, server=f"127.0.0.1,{unused_port()}", port="")
    started = monotonic()
    with pytest.raises(DatabaseUnreachable, match="does not answer"):
        away.read(repository.users)
    assert monotonic() - started < 10


def test_a_wrong_password_is_told_and_no_password_is_repeated(server: str) -> None:
    if "trusted_connection" in odbc.parse(server):
        pytest.skip("this server is entered without a password")
    locked_out = other(server, pwd="Secret-word-1")
    with pytest.raises(DatabaseUnreachable, match="refuses the desk's login") as refused:
        locked_out.read(repository.users)
    error: BaseException | None = refused.value
    while error:
        assert "Secret-word-1" not in f"{error} {error.args}"
        error = error.__cause__ or error.__context__
    assert "Secret-word-1" not in f"{locked_out} {locked_out!r} {vars(locked_out)['config']}"


def test_a_database_that_is_not_there_is_told_apart(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    string = odbc.build({**odbc.parse(server), "database": "aml_nowhere"})
    with pytest.raises(DatabaseMissing, match="no such database"):
        database.connect(Settings(string, Path(), connect_timeout=2)).create_schema()
    assert main(["verify", "--database", string]) == 2
    assert "no such database" in capsys.readouterr().err


def test_a_database_without_tables_is_told_apart_and_init_makes_them_once(
    bare: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(database.connect(Settings(bare, Path()))) as store:
        assert not store.has_schema()
        with pytest.raises(DatabaseMissing, match=f"{RUN} init"):
            store.read(repository.users)
    for _ in range(2):
        assert main(["init", "--database", bare]) == 0
        assert main(["verify", "--database", bare]) == 0
    assert not capsys.readouterr().err


def test_a_database_with_tables_of_others_is_left_alone(bare: str, server: str) -> None:
    name = odbc.parse(bare)["database"]
    on_the_server("CREATE TABLE payroll (id INT)", "CREATE TABLE users (id INT)", database=name)
    with closing(database.connect(Settings(bare, Path()))) as store:
        with pytest.raises(DatabaseNotEmpty, match="payroll"):
            store.create_schema()
        assert not store.has_schema()


def test_a_table_that_only_has_the_name_of_the_desks_is_left_alone(bare: str) -> None:
    on_the_server("CREATE TABLE users (id INT)", database=odbc.parse(bare)["database"])
    with closing(database.connect(Settings(bare, Path()))) as store, pytest.raises(DatabaseNotEmpty, match="users"):
        store.create_schema()


@ON_SQLSERVER
def test_a_servers_cases_are_never_replaced(desk: Database) -> None:
    with pytest.raises(DatabaseNotEmpty, match="embedded"), desk.transaction() as tx:
        tx.empty_tables()


# --- a connection that is lost ---

Verb = Callable[[Database, str], str]
VERBS: dict[str, Verb] = {
    "a note": lambda desk, case_id: casework.add_note(desk, ANALYST.user_id, case_id, "Teller called.").event_hash,
    "a note of a form": lambda desk, case_id: (
        casework.add_note(desk, ANALYST.user_id, case_id, "Teller called.", form="token").event_hash
    ),
    "an assignment": lambda desk, case_id: casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id).event_hash,
}


@ON_SQLSERVER
@pytest.mark.parametrize("lose", ["sent", "answer"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_commit_whose_outcome_is_unknown_stores_the_event_once(
    desk: Database, wired: Database, wire: Wire, open_case: OpenCase, verb: str, lose: str
) -> None:
    case = open_case()
    wired.read(repository.users)
    wire.lose(lose)
    acknowledged = VERBS[verb](wired, case.case_id)
    assert wire.lost() == 1
    assert hashes(desk, case.case_id) == [case.head_hash, acknowledged]
    assert verification.verify_case(desk, case.case_id).intact


@ON_SQLSERVER
@pytest.mark.parametrize("lose", ["sent", "answer"])
def test_a_case_opened_over_a_lost_commit_is_opened_once(
    desk: Database, wired: Database, wire: Wire, open_case: OpenCase, lose: str
) -> None:
    open_case()
    wire.lose(lose)
    event = opening.open_case(wired, "alert-feed", alert(customer_name="Once"))
    assert wire.lost() == 1
    found = desk.read(lambda tx: tx.fetch_all("SELECT case_id FROM cases WHERE customer_name = 'Once'"))
    assert found == [{"case_id": event.case_id}]
    assert verification.verify_database(desk).intact


@ON_SQLSERVER
def test_an_outcome_that_stays_unknown_is_said_to_be(
    wired: Database, wire: Wire, desk: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.engine.PATIENCE", 3)

    def work(tx: Transaction) -> None:
        wire.lose("sent")
        tx.execute("UPDATE users SET active = 1 WHERE user_id = ?", (ANALYST.user_id,))

    with pytest.raises(OutcomeUnknown, match="not known whether this was saved"):
        wired.write(work)
    assert wire.lost() > 1


@ON_SQLSERVER
def test_a_session_killed_before_the_commit_is_begun_again(desk: Database, open_case: OpenCase) -> None:
    case = open_case()
    killed: list[int] = []

    def work(tx: Transaction) -> int:
        tx.execute("UPDATE cases SET event_count = event_count + 1 WHERE case_id = ?", (case.case_id,))
        session = int(tx.fetch_val("SELECT @@SPID"))
        if len(killed) < 2:
            killed.append(session)
            on_the_server(f"KILL {session}")
        return session

    assert desk.write(work) not in killed
    assert desk.read(lambda tx: repository.case(tx, case.case_id)).event_count == case.event_count + 1


@ON_SQLSERVER
def test_idle_connections_that_died_are_replaced(desk: Database) -> None:
    together = threading.Barrier(4)

    def session(_: int) -> int:
        def work(tx: Transaction) -> int:
            together.wait(timeout=30)
            return int(tx.fetch_val("SELECT @@SPID"))

        with desk.snapshot() as tx:
            return work(tx)

    with ThreadPoolExecutor(4) as threads:
        sessions = list(threads.map(session, range(4)))
        assert len(set(sessions)) == 4, "a connection was shared"
        on_the_server(*(f"KILL {session}" for session in sessions))
        assert all(threads.map(lambda _: desk.read(repository.users), range(8)))


@ON_SQLSERVER
@pytest.mark.parametrize("page", ["triage", "case", "qa", "exports"])
def test_a_server_that_is_stopped_is_a_message_on_the_page_and_comes_back(
    wired: Any, wire: Wire, open_case: OpenCase, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AML_DATABASE", wired.config.database)
    monkeypatch.setenv("AML_CONNECT_TIMEOUT", "2")
    monkeypatch.setenv("AML_SIGN_IN", "demo")
    monkeypatch.setattr("app.database.engine.PATIENCE", 1)
    forget_the_desk()
    shown = AppTest.from_file(str(ROOT / "app" / "streamlit_app.py"), default_timeout=60)
    shown.session_state["acted"] = ""
    shown.query_params["case_id"] = open_case().case_id
    shown.switch_page(f"views/{page}.py")
    assert not shown.run().error
    wire.cut()
    shown.run()
    assert [error.value for error in shown.error if "does not answer" in error.value], shown.error
    assert not shown.exception
    wire.mend()
    next(button for button in shown.button if button.label == "Try again").click().run()
    assert not shown.error
    forget_the_desk()


@ON_SQLSERVER
def test_only_what_may_lag_is_asked_of_the_replica(
    desk: Database, server: str, wire: Wire, tmp_path: Path, open_case: OpenCase
) -> None:
    case_id = open_case().case_id
    replica = f"Server=127.0.0.1,{wire.port()}"
    with closing(database.connect(Settings(server, tmp_path, read_replica=replica, connect_timeout=2))) as split:
        assert split.read(repository.case_count, may_lag=True) == 1
        assert split.read(repository.case_count) == 1
        casework.add_note(split, ANALYST.user_id, case_id, "Teller called.")
        assert verification.verify_database(split) == verification.Verified(1, 2, ())
        assert wire.connections() == 1, "only one connection went to the replica"
        wire.cut()
        assert split.read(repository.case_count, may_lag=True) == 1, "without the replica the server answers"
    with closing(database.connect(Settings(server, tmp_path, read_replica="Database=aml_nowhere"))) as split:
        assert split.read(repository.case_count, may_lag=True) == 1, "nor does it matter what the replica lacks"


# --- locks ---


@ON_SQLSERVER
def test_a_log_that_is_held_is_told_each_time_and_the_session_goes_on(desk: Database, impatient: Database) -> None:
    """The fifth time in one session once ended the whole of Babelfish."""
    with desk.transaction() as tx:
        tx.lock_log(exclusive=False)
        for _ in range(8):
            with pytest.raises(DatabaseBusy) as held, impatient.transaction() as waiting:
                waiting.lock_log(exclusive=True)
            assert held.value.passes
    with impatient.transaction() as free:
        free.lock_log(exclusive=True)


@ON_SQLSERVER
def test_a_checkpoint_that_waits_behind_a_long_load_holds_up_no_note(
    desk: Database, server: str, tmp_path: Path, open_case: OpenCase
) -> None:
    case_id = open_case().case_id
    with (
        closing(database.connect(Settings(server, tmp_path, busy_timeout=60))) as patient,
        ThreadPoolExecutor(1) as thread,
    ):
        with desk.transaction() as loading:
            loading.lock_log(exclusive=False)
            checkpoint = thread.submit(patient.write, repository.last_event_id)
            with pytest.raises(TimeoutError):
                checkpoint.result(timeout=2)
            casework.add_note(desk, ANALYST.user_id, case_id, "Teller called.")
        assert checkpoint.result(timeout=60) == desk.read(lambda tx: repository.events(tx, case_id))[-1].event_id


@ON_SQLSERVER
def test_the_log_of_another_database_is_another_log(desk: Database, bare: str) -> None:
    with closing(database.connect(Settings(bare, Path()))) as other_desk, desk.transaction() as tx:
        tx.lock_log(exclusive=True)
        with other_desk.transaction() as other_tx:
            other_tx.lock_log(exclusive=True)


@ON_SQLSERVER
def test_of_two_that_lock_each_other_out_both_get_done(desk: Database, open_case: OpenCase) -> None:
    first, second = open_case().case_id, open_case().case_id
    together = threading.Barrier(2)

    def touch_both(order: tuple[str, str]) -> int:
        runs = 0

        def work(tx: Transaction) -> int:
            nonlocal runs
            runs += 1
            tx.execute("UPDATE cases SET event_count = event_count + 1 WHERE case_id = ?", (order[0],))
            if runs == 1:
                together.wait(timeout=30)
            tx.execute("UPDATE cases SET event_count = event_count + 1 WHERE case_id = ?", (order[1],))
            return runs

        return desk.write(work)

    with ThreadPoolExecutor(2) as threads:
        runs = list(threads.map(touch_both, [(first, second), (second, first)]))
    assert sorted(runs) in ([1, 2], [2, 2]), "they did not lock each other out"
    with desk.snapshot() as tx:
        assert [repository.case(tx, case_id).event_count for case_id in (first, second)] == [3, 3]


@ON_SQLSERVER
def test_a_lock_that_is_not_let_go_is_told_and_work_goes_on_when_it_is(
    desk: Database, impatient: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.engine.PATIENCE", 1)
    case = open_case()
    with desk.transaction() as tx:
        tx.execute("UPDATE cases SET event_count = event_count WHERE case_id = ?", (case.case_id,))
        with pytest.raises(DatabaseBusy, match="Try again"):
            casework.add_note(impatient, ANALYST.user_id, case.case_id, "Teller called.")
        assert repository.case(tx, case.case_id) == case
        assert impatient.read(lambda tx: repository.case(tx, case.case_id)) == case, "readers wait for nobody"
    casework.add_note(impatient, ANALYST.user_id, case.case_id, "Teller called.")
    assert verification.verify_case(desk, case.case_id) == verification.Verified(1, 2, ())


@ON_SQLSERVER
def test_a_statement_that_takes_too_long_is_given_up_and_work_goes_on(desk: Database, impatient: Database) -> None:
    session = 0
    with pytest.raises(DatabaseBusy), impatient.snapshot() as tx:
        session = int(tx.fetch_val("SELECT @@SPID"))
        tx.fetch_val(
            "SELECT COUNT_BIG(*) FROM sys.all_columns AS a CROSS JOIN sys.all_columns AS b CROSS JOIN sys.objects AS c"
        )
    with suppress(Exception):  # where the server did not hear that it was given up
        on_the_server(f"KILL {session}")
    assert impatient.read(repository.users) == desk.read(repository.users)


def test_when_all_connections_are_out_the_next_one_waits_and_is_told(impatient: Database) -> None:
    with impatient.snapshot(), impatient.snapshot(), pytest.raises(DatabaseBusy, match="in use"):
        impatient.read(repository.users)
    impatient.read(repository.users)


# --- transactions ---


@ON_SQLSERVER
@pytest.mark.parametrize("error", [DatabaseError("no"), ValueError("a bug"), KeyboardInterrupt()])
def test_whatever_is_raised_undoes_all_of_it_and_the_connection_comes_back_clean(
    desk: Database, error: BaseException
) -> None:
    with pytest.raises(type(error)), desk.transaction() as tx:
        repository.insert_user(tx, NOBODY)
        raise error
    with pytest.raises(ConstraintBroken), desk.transaction() as tx:
        repository.insert_user(tx, NOBODY)
        repository.insert_user(tx, ANALYST)
    with desk.transaction() as tx:
        assert tx.fetch_val("SELECT @@TRANCOUNT") == 1
    assert NOBODY not in desk.read(repository.users)


@ON_SQLSERVER
def test_a_snapshot_shows_one_state_while_a_writer_commits(desk: Database) -> None:
    with desk.snapshot() as tx:
        before = repository.users(tx)
        desk.write(lambda other_tx: repository.insert_user(other_tx, NOBODY))
        assert repository.users(tx) == before
    assert NOBODY in desk.read(repository.users)


@ON_SQLSERVER
def test_a_result_that_nobody_reads_to_its_end_holds_up_nothing(desk: Database) -> None:
    with desk.snapshot() as tx:
        rows = tx.stream(repository.SELECT_USERS)
        next(rows)
    assert GONE in desk.read(repository.users)


@ON_SQLSERVER
@pytest.mark.parametrize("many", [False, True])
def test_times_and_texts_and_amounts_arrive_to_the_last_bit_one_by_one_and_in_bulk(
    desk: Database, open_case: OpenCase, many: bool
) -> None:
    case = open_case()
    texts = ["", "x ", " \n\t", "Ünal 東京 🦊", "🦊" * 10_000, "x" * 4000, "x" * 4001, "'; --", "{ts '2026-01-01'}"]
    moments = [datetime(2026, 1, 5, 9, 14, 0, micro, tzinfo=UTC) for micro in (0, 1, 999_999, 123_456)]
    rows = [
        (case.case_id, moments[number % 4], ANALYST.user_id, "note", text, text[::-1], f"{number:064x}", "0" * 64)
        for number, text in enumerate(texts, 1)
    ]
    with desk.transaction() as tx:
        if many:
            tx.execute_many(repository.INSERT_EVENT, rows)
        else:
            for row in rows:
                tx.execute(repository.INSERT_EVENT, row)
    found = desk.read(lambda tx: tx.fetch_all("SELECT * FROM case_events WHERE action = 'note' ORDER BY event_id"))
    assert [(row["notes"], row["meta"], database.as_time(row["ts"])) for row in found] == [
        (row[4], row[5], row[1]) for row in rows
    ]


def test_times_that_go_as_text_are_compared_as_times() -> None:
    """So that an index over the column is used: Babelfish reads it whole for a text."""
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    statement, parameters = sqlserver_values.with_declared_times(
        "SELECT * FROM cases WHERE owner = ? AND due_at >= ? AND (due_at > ? OR case_id > ?)", ("ann", noon, noon, "x")
    )
    assert statement == (
        "DECLARE @time1 DATETIME2(6) = ?, @time2 DATETIME2(6) = ?;\n"
        "SELECT * FROM cases WHERE owner = ? AND due_at >= @time1 AND (due_at > @time2 OR case_id > ?)"
    )
    assert parameters == [noon, noon, "ann", "x"]
    for other_statement in ("SELECT ?", "INSERT INTO users VALUES (?)"):
        untouched = other_statement, ("x" if "SELECT" in other_statement else noon,)
        assert sqlserver_values.with_declared_times(*untouched) == untouched


@ON_SQLSERVER
@pytest.mark.parametrize("order", [triage_query.Order.DUE, triage_query.Order.AGE])
def test_a_page_far_down_the_queue_is_found_in_its_index(
    desk: Database, open_case: OpenCase, order: triage_query.Order
) -> None:
    with desk.snapshot() as tx:
        if "Babelfish" not in tx.fetch_val("SELECT @@VERSION"):
            pytest.skip("how a statement was run is read from what Babelfish tells of it")
    case = open_case()
    way = order.column, order.descending
    value = getattr(case, order.column)
    with desk.snapshot() as tx:
        tx.fetch_val("SELECT set_config('enable_seqscan', 'off', false)")
        tx.execute("SET BABELFISH_STATISTICS PROFILE ON")
        plan = []
        with tx._run(
            f"SELECT case_id FROM cases WHERE {triage_query.BEYOND[way]} {triage_query.ORDERS[way]}",
            (value, value, ""),
        ) as cursor:
            while cursor.nextset():
                plan += [row[0] for row in cursor.fetchall()]
        tx.execute("SET BABELFISH_STATISTICS PROFILE OFF")
        tx.fetch_val("SELECT set_config('enable_seqscan', 'on', false)")
    assert [line for line in plan if f"Index Cond: ({order.column} >=" in line], plan


@ON_SQLSERVER
def test_rows_in_bulk_are_stored_all_or_none(desk: Database) -> None:
    rows = [(f"u.{number:02d}", "Someone", "Analyst", 1) for number in range(20)]
    rows[7] = rows[3]
    with pytest.raises(ConstraintBroken), desk.transaction() as tx:
        tx.execute_many(repository.INSERT_USER, rows)
    assert not [person for person in desk.read(repository.users) if person.name == "Someone"]


@ON_SQLSERVER
def test_where_the_server_does_not_count_rows_nothing_is_half_stored(
    desk: Database, server: str, tmp_path: Path, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlserver, "SESSION", sqlserver.SESSION.replace("NOCOUNT OFF", "NOCOUNT ON"))
    monkeypatch.setattr(casework, "ATTEMPTS", 3)
    case = open_case()
    with closing(database.connect(Settings(server, tmp_path))) as uncounted, pytest.raises(DatabaseError):
        casework.add_note(uncounted, ANALYST.user_id, case.case_id, "Teller called.")
    assert verification.verify_case(desk, case.case_id) == verification.Verified(1, 1, ())


MICROSOFT = "[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]"


@pytest.mark.parametrize(
    ("state", "message", "error", "passes"),
    [
        ("28000", "Login failed for user 'x'. (18456) (SQLDriverConnect)", DatabaseUnreachable, False),
        (
            "28000",
            f"Login failed for user 'x'. (18456) (SQLDriverConnect); [28000] {MICROSOFT}Cannot open database (4060)",
            DatabaseMissing,
            True,
        ),
        ("08S01", "Communication link failure (0) (SQLExecDirectW)", DatabaseUnreachable, True),
        ("IMC06", "The connection is broken and recovery is not possible. (0) (SQLExecute)", DatabaseUnreachable, True),
        ("08001", "Database 'y' is not currently available. (40613) (SQLDriverConnect)", DatabaseUnreachable, True),
        ("08001", "TCP Provider: Error code 0x2749 (10057) (SQLDriverConnect)", DatabaseUnreachable, False),
        ("40001", "Transaction (Process ID 5) was deadlocked. (1205) (SQLExecute)", DatabaseBusy, True),
        ("42000", "Lock request time out period exceeded. (1222) (SQLExecute)", DatabaseBusy, True),
        ("HYT00", "Query timeout expired (0) (SQLExecDirectW)", DatabaseBusy, True),
        ("42000", "Snapshot isolation transaction failed. (3953) (SQLExecute)", DatabaseUnreachable, True),
        ("42000", "Snapshot isolation is not allowed. (3952) (SQLExecute)", DatabaseMissing, False),
        ("42S02", "Invalid object name 'cases'. (208) (SQLExecute)", DatabaseMissing, False),
        ("42000", "case_events rows are never changed or deleted (51000) (SQLExecute)", ConstraintBroken, False),
        ("42000", "The UPDATE permission was denied. (229) (SQLExecute)", DatabaseError, False),
        ("42000", "Someone else holds the log of events. (51007) (SQLExecute)", DatabaseBusy, True),
        ("HY000", "sorry, too many clients already (33557097) (SQLDriverConnect)", DatabaseBusy, True),
        (
            "42000",
            'Failed to update database "y" because it is read-only. (3906) (SQLExecute)',
            DatabaseUnreachable,
            True,
        ),
        ("42000", "Unable to access the 'y' database: no secondary. (982) (SQLExecute)", DatabaseUnreachable, True),
        ("42000", "Database 'y' is being recovered. (922) (SQLDriverConnect)", DatabaseUnreachable, True),
        (
            "42000",
            "SQL Server is not ready to accept new connections. (17187) (SQLDriverConnect)",
            DatabaseUnreachable,
            True,
        ),
        (
            "28000",
            "Login failed. Server is in script upgrade mode. (18401) (SQLDriverConnect)",
            DatabaseUnreachable,
            True,
        ),
        (
            "28000",
            "Login failed. Only administrators may connect. (18451) (SQLDriverConnect)",
            DatabaseUnreachable,
            True,
        ),
        ("HY000", "the database system is starting up (33557097) (SQLDriverConnect)", DatabaseUnreachable, True),
        (
            "HY000",
            "terminating connection due to administrator command (33557097) (SQLExecute)",
            DatabaseUnreachable,
            True,
        ),
        (
            "25006",
            "cannot execute INSERT in a read-only transaction (33557097) (SQLExecute)",
            DatabaseUnreachable,
            True,
        ),
        ("HY000", "", DatabaseError, False),
    ],
)
def test_what_the_driver_says_of_a_server_becomes_the_desks_own_error(
    state: str, message: str, error: type[DatabaseError], passes: bool
) -> None:
    found = sqlserver._fault(state, f"[{state}] {MICROSOFT}{message}")
    assert (type(found), found.passes) == (error, passes)


@pytest.mark.parametrize(
    "told",
    [
        "SSL Provider: [error:0A000086:SSL routines::certificate verify failed:self-signed certificate] (-1)",
        "SSL Provider: The certificate chain was issued by an authority that is not trusted. (-2146893019)",
        "SSL Provider: The target principal name is incorrect. (-2146893022)",
    ],
)
def test_a_certificate_that_nobody_vouches_for_is_told_with_what_to_do(told: str) -> None:
    """As Microsoft's driver 18.6 says it on Linux, and 18 on Windows."""
    found = sqlserver._fault("08001", f"[08001] [Microsoft][ODBC Driver 18 for SQL Server]{told} (SQLDriverConnect)")
    assert isinstance(found, DatabaseUnreachable)
    assert not found.passes
    assert "TrustServerCertificate=yes" in str(found)


# --- many at once ---


@ON_SQLSERVER
def test_two_desks_racing_on_four_cases_store_every_acknowledged_event_once(
    desk: Database, server: str, tmp_path: Path, open_case: OpenCase
) -> None:
    """32 threads, 200 events a case."""
    cases = [open_case() for _ in range(4)]
    desks = [database.connect(Settings(server, tmp_path, busy_timeout=60, pool_size=16)) for _ in range(2)]

    def append(number: int) -> list[str]:
        case_id = cases[number % 4].case_id
        return [
            casework.add_note(desks[number % 2], ANALYST.user_id, case_id, f"{number} {turn}").event_hash
            for turn in range(25)
        ]

    with ThreadPoolExecutor(32) as threads:
        acknowledged = [one for done in threads.map(append, range(32)) for one in done]
    for one in desks:
        one.close()
    found = [one for case in cases for one in hashes(desk, case.case_id)]
    assert sorted(found) == sorted([*acknowledged, *(case.head_hash for case in cases)])
    assert verification.verify_database(desk) == verification.Verified(4, 804, ())
