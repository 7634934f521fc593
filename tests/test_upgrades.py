"""An older database is taken to the desk's own version and loses nothing; of another version none is written."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import casework, database, key_query, repository, schema, settings, users, verification
from app.__main__ import main
from app.case_keys import KeyKind
from app.database import VERSION, Database, Transaction, engine, odbc, sqlite, sqlserver
from app.errors import DatabaseMissing, OtherVersion, SignedOut
from app.models import CASE_COLUMNS, Disposition
from app.policy import Decision
from app.triage_query import Filters, Order, triage_page
from seed.__main__ import main as seed
from tests.conftest import ANALYST, OpenCase, address, on_the_server, tamper

VERSION_1 = Path(__file__).with_name("data") / "version-1.sql"
"""29 made-up cases with events of every kind, as the desk kept them before its schema had a version."""
CASES, EVENTS = 29, 142
NAMES = {
    "jose ibanez": "AML-F0W2B7N0",
    "ISTANBUL doviz": "AML-P3N37H23",
    "O'Brien": "AML-27YGTSX2",
    "full width": "AML-CRHE4MAN",
    "nguyen duc lukasik": "AML-MTF6HB47",
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file of version 1."""
    file = tmp_path / "old.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(VERSION_1.read_text("utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    return file


def at(file: Path, read_only: bool = False) -> Database:
    return database.connect(settings.Settings(str(file), file.parent), read_only)


def found(desk: Database, typed: str) -> list[str]:
    page = desk.read(lambda tx: triage_page(tx, Filters(search=typed, include_closed=True), Order.DUE, 50))
    return [case.case_id for case in page.cases]


def works(desk: Database) -> None:
    """Every case verifies, is found by how people type its name, and can be worked on."""
    verified = verification.verify_database(desk)
    assert (verified.cases, verified.events, verified.breaks) == (CASES, EVENTS, ())
    for typed, case_id in NAMES.items():
        assert found(desk, typed) == [case_id]
    case_id = NAMES["O'Brien"]
    casework.assign(desk, "b.diaz", case_id, "b.diaz")
    casework.set_disposition(desk, "b.diaz", case_id, Decision(Disposition.NO_SAR, "Nothing in it."))
    assert verification.verify_case(desk, case_id).intact
    users.sign_out(desk, "b.diaz", datetime.now(UTC))


def test_a_database_of_before_goes_through_every_upgrade_and_works(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for told in (f"was upgraded from version 1 to version {VERSION}", "is ready"):
        assert main(["init", "--database", str(old)]) == 0
        assert told in capsys.readouterr().out.splitlines()[0]
    with closing(at(old)) as desk:
        works(desk)
        assert desk.missing_guards() == []
        assert len(desk.read(repository.users)) == 18


def test_a_demo_of_before_is_upgraded_as_the_desk_starts_and_keeps_its_cases(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for told in (f"was upgraded from version 1 to version {VERSION}", ""):
        assert seed(["demo", "--database", str(old)]) == 0
        assert told in capsys.readouterr().out
    with closing(at(old)) as desk:
        works(desk)


def test_what_was_upgraded_has_the_tables_of_what_is_new(old: Path, tmp_path: Path) -> None:
    def made(file: Path) -> dict[tuple[str, str], str]:
        with closing(sqlite3.connect(file)) as connection:
            rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        return {(kind, name): re.sub(r"\s*([(),])\s*|\s+", r"\1 ", sql).strip() for kind, name, sql in rows}

    for file in (old, tmp_path / "new.db"):
        with closing(at(file)) as desk:
            schema.init(desk)
            assert desk.version() == VERSION
    assert made(old) == made(tmp_path / "new.db")


def test_every_step_up_is_a_script_of_both_engines_or_one_in_python_and_a_new_schema_is_of_the_last() -> None:
    scripts = [{file.name for file in (one.parent / "upgrades").iterdir()} for one in (sqlite.SCHEMA, sqlserver.SCHEMA)]
    assert scripts[0] == scripts[1]
    steps = [*(int(name[:4]) for name in scripts[0]), *schema.STEPS]
    assert sorted(steps) == list(range(2, VERSION + 1))
    assert f"SELECT {VERSION} WHERE NOT EXISTS" in sqlserver.SCHEMA.read_text("utf-8")


def test_evidence_of_an_older_version_is_verified_as_it_stands(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = old.read_bytes()
    assert main(["verify", "--database", str(old)]) == 0
    assert f"{CASES} cases, {EVENTS} events: all intact" in capsys.readouterr().out
    assert main(["verify", "--database", str(old), *NAMES.values()]) == 0
    assert old.read_bytes() == before
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE cases SET search = '' WHERE case_id = ?", (NAMES["O'Brien"],))
    assert main(["verify", "--database", str(old)]) == 1
    assert "search" in capsys.readouterr().out


def test_a_search_text_that_an_older_desk_wrote_after_the_upgrade_is_a_break_until_init(
    desk: Database, open_case: OpenCase
) -> None:
    case_id = open_case(customer_name="José Peña").case_id
    before = f"{case_id} C-00412873 José Peña Structuring".casefold()
    tamper(desk, "UPDATE cases SET search = ? WHERE case_id = ?", before, case_id)
    (one,) = verification.verify_case(desk, case_id).breaks
    assert one.field == "search"
    schema.init(desk)
    assert verification.verify_case(desk, case_id).intact


def test_a_search_text_that_somebody_wrote_stays_a_break_after_the_upgrade(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE cases SET search = 'hidden' WHERE case_id = ?", (NAMES["O'Brien"],))
    with closing(at(old)) as desk:
        schema.init(desk)
        assert [one.field for one in verification.verify_database(desk).breaks] == ["search"]


def test_an_upgrade_that_was_stopped_in_the_middle_of_the_rows_is_taken_up(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BATCH", 7)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with closing(at(old)) as desk:
        with pytest.raises(KeyboardInterrupt):
            schema.init(desk, stop)
        assert desk.version() == 2
        assert main(["verify", "--database", str(old)]) == 0
        with pytest.raises(OtherVersion):
            casework.add_note(desk, "b.diaz", NAMES["O'Brien"], "x")
        seen: list[tuple[int, int]] = []
        assert schema.init(desk, lambda *progress: seen.append(progress)) == 2
        assert seen == [(7, 29), (14, 29), (21, 29), (28, 29), (29, 29)] * 2  # search texts, then keys
        works(desk)


def test_the_keys_of_what_is_there_are_made_from_its_events_and_taken_up_where_that_was_stopped(
    old: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schema, "BATCH", 7)

    def stop_in_the_second_batch_of_keys(done: int, total: int) -> None:
        with at(old).snapshot(any_version=True) as tx:
            if tx.version() == 5 and done > 7:
                raise KeyboardInterrupt

    with closing(at(old)) as desk:
        with pytest.raises(KeyboardInterrupt):
            schema.init(desk, stop_in_the_second_batch_of_keys)
        assert desk.version() == 5
        assert main(["verify", "--database", str(old)]) == 0
        schema.init(desk)
        with desk.snapshot() as tx:
            for alert_id, case_id in (("TM-3", NAMES["O'Brien"]), ("AL-20251031-0001", "AML-4RXS6291")):
                assert key_query.cases_with(tx, KeyKind.ALERT, alert_id, 9) == [case_id]
            assert tx.fetch_val("SELECT COUNT(*) FROM case_keys WHERE kind = 'alert'") == CASES
            assert key_query.cases_with(tx, KeyKind.ACCOUNT, "****9590", 9) == ["AML-4RXS6291"]
        works(desk)


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "0002_wrong.sql"
    wrong.write_text("ALTER TABLE users ADD COLUMN one INTEGER;\nALTER TABLE lacking ADD COLUMN two INTEGER;\n")
    monkeypatch.setattr(sqlite, "upgrade_script", lambda *_: wrong)
    with closing(at(old)) as desk:
        with pytest.raises(DatabaseMissing):
            schema.init(desk)
        assert desk.version() == 1
    with closing(sqlite3.connect(old)) as connection:
        assert "one" not in [row[1] for row in connection.execute("PRAGMA table_info (users)")]


def test_an_older_desk_neither_reads_nor_writes_once_a_newer_one_has_upgraded(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case_id = open_case().case_id
    casework.add_note(desk, ANALYST.user_id, case_id, "Both desks are of one version.")
    of(desk, VERSION + 1)
    try:
        for use in (
            lambda: casework.add_note(desk, ANALYST.user_id, case_id, "x"),
            lambda: desk.read(repository.users),
            desk.create_schema,
            lambda: schema.init(desk),
            lambda: schema.prepare(desk),
        ):
            with pytest.raises(OtherVersion, match="upgraded for a newer desk"):
                use()
        assert main(["verify", "--database", address(desk)]) == 2
        assert "Start that one" in capsys.readouterr().err
    finally:
        of(desk, VERSION)
    assert len(desk.read(lambda tx: repository.events(tx, case_id))) == 2


def of(desk: Database, version: int) -> None:
    def work(tx: Transaction) -> None:
        tx.set_version(version)

    desk.write(work, any_version=True)


# --- sign-out ---


def test_who_signs_out_ends_every_sign_in_of_before_and_no_later_one(desk: Database) -> None:
    issued = datetime.now(UTC).replace(microsecond=0)
    person = desk.read(lambda tx: repository.user(tx, ANALYST.user_id))
    users.check_signed_in(person, issued)
    moment = users.sign_out(desk, ANALYST.user_id.upper(), issued)
    person = desk.read(lambda tx: repository.user(tx, ANALYST.user_id))
    assert person.signed_out_at == moment
    for old_one in (issued - timedelta(hours=1), issued, moment.replace(microsecond=0)):
        with pytest.raises(SignedOut):
            users.check_signed_in(person, old_one)
    users.check_signed_in(person, moment.replace(microsecond=0) + timedelta(seconds=1))


def test_a_sign_in_by_a_clock_that_runs_ahead_is_over_too_and_an_earlier_one_does_not_bring_it_back(
    desk: Database,
) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=2)
    users.sign_out(desk, ANALYST.user_id, ahead)
    users.sign_out(desk, ANALYST.user_id, ahead - timedelta(minutes=5))
    with pytest.raises(SignedOut):
        users.check_signed_in(desk.read(lambda tx: repository.user(tx, ANALYST.user_id)), ahead)


# --- on a server ---


@pytest.fixture
def old_server(bare: str) -> Iterator[str]:
    """A database of the server as schema.sql made it in version 1, with the cases of VERSION_1."""
    before, insert = sqlserver.SCHEMA.read_text("utf-8"), repository.INSERT_CASE
    for new in (", sar_due_at, filing, filed_at, bsa_id", ", NULLIF(?, ''), ?, NULLIF(?, ''), ?"):
        insert = "\n".join(line.removesuffix(new) for line in insert.split("\n"))
    for new in (
        r",\n    sar_due_at .*?(?=\n\);)",
        r"IF NOT EXISTS (?:(?!IF NOT).)*?cases_(by_filing|sar_due|by_bsa_id|by_disposition)%.*?;\n",
        r"IF OBJECT_ID\(N'dbo\.(case_keys|unsent)', N'U'\).*?(?=\nGO)",
        r"IF NOT EXISTS (?:(?!IF NOT).)*?case_keys_(by_case|alert)%.*?;\n",
    ):
        before, found = re.subn(new, "", before, flags=re.DOTALL)
        assert found
    on_the_server(
        *sqlserver.batches(before),
        "ALTER TABLE users DROP COLUMN signed_out_at",
        "DROP TABLE schema_version",
        database=odbc.parse(bare)["database"],
    )
    with closing(database.connect(settings.Settings(bare, Path()))) as desk:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.executescript(VERSION_1.read_text("utf-8"))
            tables = {
                name: connection.execute(f"SELECT * FROM {name}").fetchall()
                for name in ("users", "cases", "case_events")
            }
        with desk.transaction(any_version=True) as tx:
            for user_id, name, role, active in tables["users"]:
                tx.execute(
                    "INSERT INTO users (user_id, name, role, active) VALUES (?, ?, ?, ?)", (user_id, name, role, active)
                )
            place = CASE_COLUMNS.index("amount")
            for row in tables["cases"]:
                values = ["" if value is None else value for value in row]
                tx.execute(insert, [*values[:place], engine.as_money(row[place]), *values[place + 1 :]])
            with tx.bulk_load():
                tx.execute_many(repository.LOAD_EVENT, [(*e[:2], tx.ts(e[2]), *e[3:]) for e in tables["case_events"]])
    yield bare


def test_a_server_of_before_is_told_as_a_desk_starts_verified_and_upgraded_by_init_alone(
    old_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seed(["demo", "--database", old_server]) == 2
    assert "of version 1" in capsys.readouterr().err
    assert main(["verify", "--database", old_server]) == 0
    with closing(database.connect(settings.Settings(old_server, Path()))) as desk:
        for use in (desk.create_schema, lambda: casework.add_note(desk, "b.diaz", NAMES["O'Brien"], "x")):
            with pytest.raises(OtherVersion, match="init"):
                use()
        for _ in range(2):
            assert main(["init", "--database", old_server]) == 0
        assert desk.version() == VERSION
        assert desk.shortcomings() == []
        assert seed(["demo", "--database", old_server]) == 0
        works(desk)


def test_the_script_of_an_upgrade_may_be_run_by_a_dba_and_again(old_server: str) -> None:
    script = engine.upgrade_script(sqlserver.SCHEMA, 2)
    assert script
    with closing(database.connect(settings.Settings(old_server, Path()))) as desk:
        for _ in range(2):
            for batch in sqlserver.batches(script.read_text("utf-8")):
                on_the_server(batch, database=odbc.parse(old_server)["database"])
            assert desk.version() == 2
        to_4 = engine.upgrade_script(sqlserver.SCHEMA, 4)
        assert to_4
        on_the_server(*sqlserver.batches(to_4.read_text("utf-8")), database=odbc.parse(old_server)["database"])
        assert desk.version() == 2
        assert schema.init(desk) == 2
        on_the_server(*sqlserver.batches(to_4.read_text("utf-8")), database=odbc.parse(old_server)["database"])
        assert desk.version() == VERSION
        works(desk)


def test_what_was_upgraded_on_a_server_has_the_columns_of_what_is_new(old_server: str, server_desk: Database) -> None:
    columns = (
        "SELECT OBJECT_NAME(c.object_id) AS table_name, c.name, c.column_id, TYPE_NAME(c.system_type_id) AS type_name, "
        "c.max_length, c.is_nullable FROM sys.columns AS c JOIN sys.tables AS t ON t.object_id = c.object_id"
    )

    def made(desk: Database) -> list[dict[str, object]]:
        return sorted(desk.read(lambda tx: tx.fetch_all(columns)), key=str)

    with closing(database.connect(settings.Settings(old_server, Path()))) as desk:
        schema.init(desk)
        upgraded, new = made(desk), made(server_desk)
    for one in (*upgraded, *new):
        one["column_id"] = 0 if one["name"] != "signed_out_at" else 5
    assert upgraded == new
