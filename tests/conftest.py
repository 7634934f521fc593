"""A desk on a fresh database of each engine, its people, and cases to work on."""

from __future__ import annotations

import codecs
import gc
import os
import secrets
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from tenacity import retry, stop_after_delay, wait_fixed

from app import database, opening, repository, settings
from app.database import odbc
from app.database.sqlite import Connection, SqliteDatabase
from app.database.sqlserver import SqlServerDatabase
from app.evidence import Alert, check
from app.models import ALERT_FEED, ALERT_FEED_USER, Case, Event, Role, User

# A slow machine is no fault: no deadline for a single example.
hypothesis.settings.register_profile("desk", deadline=None)
hypothesis.settings.load_profile("desk")

ANALYST = User("a.nguyen", "Anh Nguyễn", Role.ANALYST, active=True)
OTHER_ANALYST = User("b.diaz", "Beatriz Díaz", Role.ANALYST, active=True)
MANAGER = User("m.okafor", "Mary Okafor", Role.MANAGER, active=True)
OTHER_MANAGER = User("n.ito", "Naoko Ito", Role.MANAGER, active=True)
REVIEWER = User("q.silva", "Quim Silva", Role.QA, active=True)
OTHER_REVIEWER = User("r.kaya", "Rana Kaya", Role.QA, active=True)
GONE = User("x.gone", "Xaver Gone", Role.ANALYST, active=False)
PEOPLE = (ALERT_FEED_USER, ANALYST, OTHER_ANALYST, MANAGER, OTHER_MANAGER, REVIEWER, OTHER_REVIEWER, GONE)

TRANSACTIONS = [
    {
        "time": f"2026-01-{day:02d}T15:00:00.000000Z",
        "amount": "9400.00",
        "direction": "in",
        "channel": "Cash (branch)",
        "counterparty": "Łódź “Main St”",
        "country": "US",
    }
    for day in range(5, 12)
]
EVIDENCE = {"alert": "7 cash deposits just under $10,000 in 9 days", "transactions": TRANSACTIONS}
FACTS: dict[str, Any] = {
    "alert_id": "TM-0",
    "customer_id": "C-00412873",
    "customer_name": "Zoë Łukasik",
    "typology": "Structuring",
    "risk": "High",
    "risk_score": 87,
    "amount": "65800.00",
    "currency": "USD",
    **EVIDENCE,
}


def alert(**facts: Any) -> Alert:
    """An alert; any fact of it can be given."""
    return check({**FACTS, **facts})


ALERT = alert()


def forget_the_desk() -> None:
    """Let pages read the settings anew, and forget what they verified."""
    from app.ui import (
        base,
        integrity,
    )  # not before: many a process that a test starts reads this file, and shows no page

    for kept in (base.config, base.desk, integrity.last_verified):
        kept.cache_clear()


@pytest.fixture(autouse=True)
def _main_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit puts a page in the place of `__main__`, which processes that a later test starts would run first."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="session", autouse=True)
def _packages_are_read_once() -> Iterator[None]:
    """Streamlit reads what each package says of itself whenever a page is tried, in search of components."""
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(autouse=True)
def _no_disk_is_waited_for(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits and files wait for the disk, some twenty times in a test; no test can pull its plug."""
    if "patient" not in request.fixturenames:
        connect = SqliteDatabase._connect

        def hasty(*options: Any) -> Connection:
            connection = connect(*options)
            connection.execute("PRAGMA synchronous = OFF")
            return connection

        monkeypatch.setattr(SqliteDatabase, "_connect", hasty)
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def patient() -> None:
    """For a test of how the desk waits for the disk."""


SERVER = os.environ.get("AML_TEST_SQLSERVER", "")
"""The ODBC connection string of a server on which the tests may create databases of their own."""

EMPTY = (
    "DELETE FROM unsent",
    "DELETE FROM case_keys",
    "TRUNCATE TABLE case_events",
    "DELETE FROM cases",
    "DELETE FROM users",
)


def on_the_server(*statements: str, database: str = "master") -> None:
    """Run statements beside the desk, each on its own."""
    import pyodbc

    pyodbc.pooling = False
    string = odbc.build({**odbc.parse(SERVER), "database": database})
    with closing(pyodbc.connect(odbc.complete(string), autocommit=True)) as connection:
        for statement in statements:
            connection.execute(statement)


def drop(database: str) -> None:
    """A session that has just ended may count as a user of the database for a moment longer."""
    retry(stop=stop_after_delay(20), wait=wait_fixed(0.2), reraise=True)(on_the_server)(f"DROP DATABASE {database}")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The connection string of a new database on the server; it is dropped at the end."""
    if not SERVER:
        reason = "AML_TEST_SQLSERVER names no SQL Server to test on"
        if os.environ.get("AML_REQUIRE_SQLSERVER") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    name = f"aml_test_{secrets.token_hex(4)}"
    on_the_server(f"CREATE DATABASE {name}")
    yield odbc.build({**odbc.parse(SERVER), "database": name})
    drop(name)


@pytest.fixture
def bare(server: str) -> Iterator[str]:
    """A database of the server with nothing in it."""
    name = odbc.parse(server)["database"] + "_bare"
    on_the_server(f"CREATE DATABASE {name}")
    yield odbc.build({**odbc.parse(server), "database": name})
    drop(name)


@pytest.fixture(scope="session")
def server_desk(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[database.Database]:
    """The desk on that database: one for the session, as creating tables takes its time."""
    made = database.connect(settings.Settings(server, tmp_path_factory.mktemp("exports")))
    made.create_schema()
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "sqlserver"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[database.Database]:
    """An empty desk with its people, on each engine."""
    if request.param == "sqlserver":
        made: database.Database = request.getfixturevalue("server_desk")
        if made.missing_guards():
            made.create_schema()
        with made.transaction() as tx:
            for statement in EMPTY:
                tx.execute(statement)
    else:
        made = database.connect(settings.Settings(str(tmp_path / "desk.db"), tmp_path / "exports"))
        made.create_schema()
    with made.transaction() as tx:
        for person in PEOPLE:
            repository.insert_user(tx, person)
    yield made
    if made.is_embedded:
        made.close()


ON_SQLITE = pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
"""For a test of what only the embedded store does."""


def address(desk: database.Database) -> str:
    """What AML_DATABASE or --database says to get to this desk."""
    if isinstance(desk, SqlServerDatabase):
        return desk.config.database
    return str(desk)


@pytest.fixture
def terminal(desk: database.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> database.Database:
    """The desk is the one that the verbs of the terminal find, with its key, checkpoints and exports in `tmp_path`.

    To connect to a server anew takes its time, so there they use this desk's connections.
    """
    monkeypatch.setenv("AML_DATABASE", address(desk))
    monkeypatch.setenv("AML_EXPORTS", str(tmp_path / "exports"))
    monkeypatch.setenv("AML_SIGNING_KEY", str(tmp_path / "signing.key"))
    if not desk.is_embedded:
        monkeypatch.setattr(database, "connect", lambda config, read_only=False: desk)
        monkeypatch.setattr(desk, "close", lambda: None)
    return desk


OpenCase = Callable[..., Case]


@pytest.fixture
def open_case(desk: database.Database) -> OpenCase:
    """Opens a case on an alert of its own; any fact can be given. `sampled=True` does until one is in the QA sample."""
    numbers = count()

    def opened(sampled: bool | None = None, **facts: Any) -> Case:
        while True:
            event = opening.open_case(desk, ALERT_FEED, alert(**{"alert_id": f"TM-{next(numbers)}", **facts}))
            with desk.snapshot() as tx:
                case = repository.case(tx, event.case_id)
            if sampled is None or (case.qa_bucket == 0) is sampled:
                return case

    return opened


def stored(desk: database.Database, case_id: str) -> tuple[Case, list[Event]]:
    """A case and its events, as the desk has them now."""
    return desk.read(lambda tx: (repository.case(tx, case_id), repository.events(tx, case_id)))


def tamper(desk: database.Database, statement: str, *parameters: object) -> None:
    """Change the database as someone who rules it would: without the triggers."""
    if isinstance(desk, SqliteDatabase):
        with closing(sqlite3.connect(desk.file)) as connection, connection:
            connection.execute("DROP TRIGGER IF EXISTS case_events_no_update")
            connection.execute("DROP TRIGGER IF EXISTS case_events_no_delete")
            connection.execute(statement, parameters)
    else:
        with desk.transaction() as tx:
            tx.execute("DISABLE TRIGGER case_events_no_change ON case_events")
            tx.execute(statement, parameters)
            tx.execute("ENABLE TRIGGER case_events_no_change ON case_events")


MEASURED = {
    *("test_audit", "test_bundle", "test_casework", "test_chain", "test_checkpoint", "test_growth", "test_log_folder"),
    *(
        "test_main",
        "test_merkle",
        "test_policy",
        "test_sampling",
        "test_sar_track",
        "test_signed_note",
        "test_tampering",
        "test_tiles",
    ),
}
"""Coverage counts in the tests of evidence and rules themselves; in others it would only take time."""


LONG = ("test_tour", "test_verify_script")
"""Files that would come late and take long: one process would wait for the other at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files that would come at the end; all else stays in its order."""
    items.sort(key=lambda item: item.path.stem not in LONG)


def pytest_collection_finish() -> None:
    """Leave what the tests are made of out of the search for garbage, which it slows down."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    own, of_threads = sys.gettrace(), threading.gettrace()
    if item.path.stem not in MEASURED:
        sys.settrace(None)
        threading.settrace(None)
    yield
    sys.settrace(own)
    threading.settrace(of_threads)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Why tests were skipped, a line a reason."""
    reasons = Counter(str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", ()))
    for reason, tests in reasons.most_common():
        terminalreporter.write_line(f"{tests} skipped: {reason.removeprefix('Skipped: ')}", yellow=True)


@contextmanager
def without_rights(folder: Path, mode: int = 0o555) -> Iterator[None]:
    """The folder has this mode, what is in it may only be read, and not even root is above that."""
    files, user, before = list(folder.iterdir()), os.geteuid(), folder.stat().st_mode
    for path in files:
        path.chmod(0o444)
    folder.chmod(mode)
    codecs.lookup("utf-16-le")  # read from Python's own folder at first use, which nobody else may be able to do
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(before)
        for path in files:
            path.chmod(0o600)


@pytest.fixture(scope="session")
def fincen_schema() -> Path:
    """FinCEN's schema of a SAR batch file, which FinCEN publishes and the project does not carry."""
    if not (named := os.environ.get("AML_SARX_XSD")):
        pytest.skip("AML_SARX_XSD names no EFL_SARXBatchSchema.xsd, FinCEN's schema, to hold SAR files against")
    return Path(named)
