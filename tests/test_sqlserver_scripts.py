"""What a DBA runs on SQL Server: sql/sqlserver, each script as it stands.

Where the server is Babelfish, what it lacks is skipped. BULK INSERT reads files on the server: it is run where
AML_TEST_SQLSERVER_FILES names a folder that this machine and the server both have under that name.
"""

from __future__ import annotations

import os
import random
import re
import secrets
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tenacity import retry, stop_after_delay, wait_fixed

from app import casework, database, repository, verification
from app.__main__ import main
from app.database import Database, odbc, sqlserver, sqlserver_schema
from app.database.sqlserver import SqlServerDatabase
from app.errors import ConstraintBroken, DatabaseError, DatabaseMissing
from app.models import CROCKFORD
from app.sampling import checksum
from app.settings import Settings
from seed.generate import generate
from seed.load import load
from tests.attacks import ON_SERVER
from tests.conftest import ANALYST, OpenCase, on_the_server, tamper

CASES = 500


@pytest.fixture
def microsoft(server: str) -> None:
    """For a test of what Babelfish does not do."""
    with closing(connected(server)) as connection:
        if "Babelfish" in connection.execute("SELECT @@VERSION").fetchval():
            pytest.skip("Babelfish lacks BULK INSERT, DENY, ALTER DATABASE and SQL Server's CHECKSUM")


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    generate(folder, CASES, seed=7, as_of=date(2026, 1, 31), progress=lambda done, total: None)
    return folder


def connected(string: str) -> Any:
    import pyodbc

    pyodbc.pooling = False
    return pyodbc.connect(odbc.complete(string), autocommit=True)


def run(string: str, script: str, **places: str) -> None:
    """As sqlcmd -b would; `places` are the values that a DBA writes into the script."""
    text = (sqlserver.FOLDER / script).read_text("utf-8")
    for name, value in places.items():
        (line,) = re.findall(rf"^DECLARE @{name} .* = N'.*';$", text, re.MULTILINE)
        text = text.replace(line, f"DECLARE @{name} NVARCHAR(1000) = N'{value}';")
    with closing(connected(string)) as connection:
        for batch in sqlserver.batches(text):
            cursor = connection.execute(batch)
            while cursor.nextset():
                pass


def desk_on(string: str) -> SqlServerDatabase:
    made = database.connect(Settings(string, Path()))
    assert isinstance(made, SqlServerDatabase)
    return made


# --- schema.sql ---


def made_by_half(string: str) -> None:
    """The tables as schema.sql first made them, and five of their indexes: someone stopped the script there."""
    script = sqlserver.SCHEMA.read_text("utf-8")
    tables = re.findall(r"^CREATE TABLE .*?^\);", script, re.MULTILINE | re.DOTALL)
    indexes = re.findall(r"^CREATE INDEX cases_.*?;$", script, re.MULTILINE | re.DOTALL)
    version_table, users, cases, events, *_ = tables
    early = events.replace("NOT NULL,\n", "NOT NULL CONSTRAINT case_events_pk PRIMARY KEY NONCLUSTERED,\n", 1)
    early = early.replace("    CONSTRAINT case_events_pk PRIMARY KEY CLUSTERED (case_id, event_id),\n", "")
    (version,) = re.findall(r"^INSERT INTO dbo.schema_version .*$", script, re.MULTILINE)
    on_the_server(version_table, version, users, cases, early, *indexes[:5], database=odbc.parse(string)["database"])


def test_a_schema_made_by_half_is_told_and_init_makes_the_rest(bare: str, capsys: pytest.CaptureFixture[str]) -> None:
    made_by_half(bare)
    with closing(desk_on(bare)) as desk:
        missing = " ".join(desk.shortcomings())
        for index in ("cases_age", "cases_open_due", "cases_qa_reviewed", "case_events_pk", "case_events_log"):
            assert f"{index} over" in missing
        assert "cases_owner" not in missing
        assert main(["init", "--database", bare]) == 0
        assert desk.shortcomings() == []
        assert desk.missing_guards() == []
    assert not capsys.readouterr().err


def test_what_the_schema_makes_is_what_is_looked_for(server_desk: Database) -> None:
    assert server_desk.shortcomings() == []
    with closing(desk_on(database_of(server_desk))) as desk, desk.transaction() as tx:
        tx.execute("DROP INDEX cases_open_risk ON dbo.cases")
        tx.execute("CREATE INDEX cases_open_risk ON dbo.cases (risk_score)")
        found = sqlserver_schema.lacking_indexes(tx, sqlserver.SCHEMA.read_text("utf-8"))
        assert [index.name for index in found] == ["cases_open_risk"]
        tx.execute("DROP INDEX cases_open_risk ON dbo.cases")
        tx.create_tables()
    assert server_desk.shortcomings() == []


def database_of(desk: Database) -> str:
    assert isinstance(desk, SqlServerDatabase)
    return desk.config.database


def test_tables_that_lack_columns_are_named_and_left_alone(bare: str) -> None:
    on_the_server(
        "CREATE TABLE users (user_id INT, name INT, role INT, active INT)",
        "CREATE TABLE cases (case_id INT, head_hash INT)",
        "CREATE TABLE case_events (event_hash INT)",
        database=odbc.parse(bare)["database"],
    )
    with closing(desk_on(bare)) as desk, pytest.raises(DatabaseMissing, match="cases.customer_id"):
        desk.create_schema()


# --- database.sql ---


def test_init_says_that_read_committed_snapshot_is_off(
    server: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlserver, "SELECT_DATABASE_OPTIONS", "SELECT 1, 0")
    assert main(["init", "--database", server]) == 0
    assert "READ_COMMITTED_SNAPSHOT is off" in capsys.readouterr().err


@pytest.mark.usefixtures("microsoft")
def test_init_switches_read_committed_snapshot_on_once_nobody_else_is_there(
    bare: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--database", bare]) == 0
    name = odbc.parse(bare)["database"]
    on_the_server(f"ALTER DATABASE {name} SET READ_COMMITTED_SNAPSHOT OFF WITH ROLLBACK IMMEDIATE")
    with closing(connected(bare)):
        assert main(["init", "--database", bare]) == 0
        assert "READ_COMMITTED_SNAPSHOT is off" in capsys.readouterr().err

    @retry(stop=stop_after_delay(20), wait=wait_fixed(0.2), reraise=True)  # that session may count a moment longer
    def switches_it_on() -> None:
        assert main(["init", "--database", bare]) == 0
        assert not capsys.readouterr().err

    switches_it_on()


# --- verify_links.sql ---


@ON_SERVER
def test_the_links_of_an_intact_desk_are_in_order_and_a_cut_chain_ends_in_an_error(
    desk: Database, server: str, open_case: OpenCase
) -> None:
    case_id = open_case().case_id
    casework.add_note(desk, ANALYST.user_id, case_id, "Teller called.")
    run(server, "verify_links.sql")
    tamper(desk, "DELETE FROM case_events WHERE action = 'note'")
    with pytest.raises(Exception, match="51008"):
        run(server, "verify_links.sql")


@ON_SERVER
@pytest.mark.usefixtures("microsoft")
@pytest.mark.parametrize(
    "attack", ["UPDATE case_events SET notes = N'Nothing to see.'", "UPDATE cases SET qa_bucket = (qa_bucket + 1) % 10"]
)
def test_an_edited_event_and_a_shifted_sample_end_in_an_error(
    desk: Database, server: str, open_case: OpenCase, attack: str
) -> None:
    open_case()
    run(server, "verify_links.sql")
    tamper(desk, attack)
    with pytest.raises(Exception, match="51008"):
        run(server, "verify_links.sql")


@ON_SERVER
@pytest.mark.usefixtures("microsoft")
def test_the_servers_checksum_is_the_desks(desk: Database) -> None:
    draw = random.Random(7)
    ids = ["AML-" + "".join(draw.choices(CROCKFORD, k=8)) for _ in range(1_000)]
    with desk.snapshot() as tx:
        computed = [
            tx.fetch_val("SELECT CHECKSUM(CAST(? AS NVARCHAR(20)) COLLATE Latin1_General_BIN2)", (one,)) for one in ids
        ]
    assert computed == [checksum(one) for one in ids]


# --- bulk_insert.sql ---


@pytest.mark.usefixtures("microsoft")
def test_generated_cases_are_bulk_inserted_whole_or_not_at_all(bare: str, generated: Path) -> None:
    """Not at all where the server does not read files as UTF-8, which Microsoft leaves open for Linux."""
    shared = os.environ.get("AML_TEST_SQLSERVER_FILES", "")
    if not shared:
        pytest.skip("AML_TEST_SQLSERVER_FILES names no folder that the server can read too")
    folder = Path(shared) / f"aml_{secrets.token_hex(4)}"
    folder.mkdir()
    for file in generated.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    assert main(["init", "--database", bare]) == 0
    with closing(desk_on(bare)) as desk:
        try:
            run(bare, "bulk_insert.sql", folder=f"{folder}{os.sep}")
        except Exception as refused:
            if "51005" not in str(refused) or os.name == "nt":
                raise
            assert desk.read(repository.case_count) == 0
            return
        assert desk.read(repository.case_count) == CASES
        assert verification.verify_database(desk).intact
    run(bare, "verify_links.sql")
    with pytest.raises(Exception, match="51002"):
        run(bare, "bulk_insert.sql", folder=f"{folder}{os.sep}")


# --- security.sql ---


@pytest.fixture
def member(bare: str, generated: Path) -> Iterator[str]:
    """The connection string of a login in the role aml_desk, in a database with cases."""
    with closing(desk_on(bare)) as desk:
        load(desk, generated)
    login, password = f"aml_{secrets.token_hex(4)}", f"Aa1-{secrets.token_hex(12)}"
    name = odbc.parse(bare)["database"]
    for _ in range(2):  # it may run again
        run(bare, "security.sql")
    on_the_server(f"CREATE LOGIN {login} WITH PASSWORD = N'{password}', CHECK_POLICY = OFF")
    on_the_server(f"CREATE USER {login} FOR LOGIN {login}", f"ALTER ROLE aml_desk ADD MEMBER {login}", database=name)
    yield odbc.build({**odbc.parse(bare), "uid": login, "pwd": password})
    with suppress(Exception):
        on_the_server(f"DROP LOGIN {login}")


@pytest.mark.usefixtures("microsoft")
def test_the_desks_role_adds_events_and_can_neither_change_nor_delete_them(
    member: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(desk_on(member)) as desk:
        for statement in (
            "UPDATE case_events SET notes = N''",
            "DELETE FROM case_events",
            "TRUNCATE TABLE case_events",
            "DISABLE TRIGGER case_events_no_change ON case_events",
            "DELETE FROM cases",
            "UPDATE cases SET amount = 1",
            "DROP TABLE case_events",
        ):
            with pytest.raises(DatabaseError) as refused, desk.transaction() as tx:
                tx.execute(statement)
            assert not isinstance(refused.value, ConstraintBroken), "the trigger alone kept it"
        person = next(one for one in desk.read(repository.users) if one.active)
        case_id = desk.read(lambda tx: tx.fetch_val("SELECT TOP (1) case_id FROM cases WHERE status <> N'Closed'"))
        casework.add_note(desk, person.user_id, case_id, "Teller called.")
        assert verification.verify_case(desk, case_id).intact
        assert desk.missing_guards() == []
        assert desk.shortcomings() == []
    assert main(["init", "--database", member]) == 0
    assert not capsys.readouterr().err
