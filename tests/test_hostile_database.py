"""Someone has the database in hands and takes every guard off: all is found, nothing ends in a traceback."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app import casework, chain, repository, verification
from app.__main__ import main
from app.database import Database, odbc
from app.database.sqlite import SqliteDatabase
from app.errors import BrokenCase, InvalidInput
from tests.attacks import ON_SERVER, without, without_keys
from tests.conftest import ANALYST, MANAGER, ON_SQLITE, TRANSACTIONS, OpenCase, address, on_the_server, tamper

pytestmark = pytest.mark.usefixtures("terminal")

# A table without keys, checks or foreign keys.
REBUILD_CASES = "CREATE TABLE copied AS SELECT * FROM cases; DROP TABLE cases; ALTER TABLE copied RENAME TO cases;"
REBUILD_EVENTS = REBUILD_CASES.replace("cases", "case_events")

SQLITE_ATTACKS = {
    "a case id that is no text": "UPDATE case_events SET case_id = x'00' WHERE event_id = 2",
    "a case id that is missing": REBUILD_EVENTS + "UPDATE case_events SET case_id = NULL WHERE event_id = 2",
    "an event id that is no number": REBUILD_EVENTS + "UPDATE case_events SET event_id = 'x' WHERE event_id = 2",
    "bytes that are no text in a note": "UPDATE case_events SET notes = CAST(x'ff' AS TEXT) WHERE event_id = 2",
    "bytes that are no text in a row": "UPDATE cases SET customer_name = CAST(x'ff' AS TEXT)",
    "a second row of a case": REBUILD_CASES + "INSERT INTO cases SELECT * FROM cases LIMIT 1",
    "an amount moved by less than a cent": "UPDATE cases SET amount = amount - 0.004",
    "an amount in another spelling": "UPDATE cases SET amount = '6_5800.00'",
    "a time that is a number": "UPDATE case_events SET ts = 5 WHERE event_id = 2",
    "a deadline that is a number": "UPDATE cases SET due_at = 5",
}
ATTACKS = {
    "a search text that hides the case": "UPDATE cases SET search = ''",
    "a case row deleted": "DELETE FROM cases WHERE case_id = (SELECT MIN(case_id) FROM cases)",
    "all events of a case deleted": "DELETE FROM case_events WHERE case_id = (SELECT MIN(case_id) FROM cases)",
    "the newest event deleted": "DELETE FROM case_events WHERE event_id = (SELECT MAX(event_id) FROM case_events)",
    "a hash that is too short": "UPDATE case_events SET event_hash = 'x' WHERE event_id = 2",
    "a currency that is too short": "UPDATE cases SET currency = 'US'",
    "letters of an action changed": "UPDATE case_events SET action = UPPER(action)",
}
SERVER_ATTACKS = {
    "a second row of a case": "INSERT INTO cases SELECT * FROM cases WHERE case_id = (SELECT MIN(case_id) FROM cases)",
    "a second of a day that is none of the chain's": "UPDATE case_events SET ts = '0001-01-01' WHERE event_id = 2",
    "a space at the end of an id": "UPDATE case_events SET case_id = case_id + ' ' WHERE event_id = 2",
}


@pytest.fixture
def noted(desk: Database, open_case: OpenCase) -> Database:
    """The desk with three cases and a note on each."""
    for _ in range(3):
        casework.add_note(desk, ANALYST.user_id, open_case().case_id, "Teller called.")
    return desk


def assert_broken(desk: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--database", address(desk)]) == 1
    *breaks, total = capsys.readouterr().out.splitlines()
    assert breaks
    assert total.endswith(("breaks", "break"))


@ON_SQLITE
@pytest.mark.parametrize("attack", SQLITE_ATTACKS)
def test_every_attack_on_a_file_is_a_break_and_not_a_traceback(
    noted: Database, attack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    noted.close()
    with closing(sqlite3.connect(address(noted))) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for guard in ("update", "delete", "replace"):
            connection.execute(f"DROP TRIGGER case_events_no_{guard}")
        connection.executescript(SQLITE_ATTACKS[attack])
        connection.commit()
    assert_broken(noted, capsys)


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_is_a_break_and_not_a_traceback(
    noted: Database, attack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with without_keys(noted):
        tamper(noted, ATTACKS[attack])
        assert_broken(noted, capsys)


@ON_SERVER
@pytest.mark.parametrize("attack", SERVER_ATTACKS)
def test_every_attack_on_a_server_is_a_break_and_not_a_traceback(
    noted: Database, attack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with without_keys(noted):
        tamper(noted, SERVER_ATTACKS[attack])
        assert_broken(noted, capsys)


@ON_SERVER
def test_a_word_that_no_check_kept_out_is_an_error_that_says_where_to_look(noted: Database) -> None:
    case_id = noted.read(lambda tx: [case_id for case_id, *_ in repository.all_chains(tx)])[0]
    with without(noted, "cases_status_is_known"):
        tamper(noted, "UPDATE cases SET status = 'Gone'")
        with pytest.raises(BrokenCase, match=f"{case_id} .* row cannot be read .* Verify it"):
            noted.read(lambda tx: repository.case(tx, case_id))
        assert not verification.verify_case(noted, case_id).intact


@contextmanager
def lacking_a_column(desk: Database) -> Iterator[None]:
    """Inside, `qa_notes` is gone from the cases: it has another name."""
    if desk.is_embedded:
        tamper(desk, "ALTER TABLE cases RENAME COLUMN qa_notes TO gone")
        yield
    else:
        # Beside the desk: a session in which Babelfish has renamed something may find no table any more.
        name = odbc.parse(address(desk))["database"]
        on_the_server("EXEC sp_rename 'dbo.cases.qa_notes', 'gone', 'COLUMN'", database=name)
        try:
            yield
        finally:
            on_the_server("EXEC sp_rename 'dbo.cases.gone', 'qa_notes', 'COLUMN'", database=name)


def test_a_column_that_is_gone_is_named_and_nothing_is_called_intact(
    noted: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with lacking_a_column(noted):
        assert main(["verify", "--database", address(noted)]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "lacks a table or column" in err
    assert "qa_notes" in err


@pytest.mark.parametrize(
    ("desk", "guard", "attack"),
    [
        ("sqlite", "case_events_no_update", ["DROP TRIGGER case_events_no_update"]),
        (
            "sqlite",
            "case_events_no_delete",
            [
                "DROP TRIGGER case_events_no_delete",
                "CREATE TRIGGER case_events_no_delete BEFORE DELETE ON case_events BEGIN SELECT 1; END",
            ],
        ),
        ("sqlserver", "case_events_no_change", ["DISABLE TRIGGER case_events_no_change ON case_events"]),
        ("sqlserver", "case_events_no_change", ["DROP TRIGGER case_events_no_change"]),
        (
            "sqlserver",
            "case_events_no_change",
            [
                "DROP TRIGGER case_events_no_change",
                "CREATE TRIGGER dbo.case_events_no_change ON dbo.case_events AFTER DELETE AS BEGIN SET NOCOUNT ON; END",
                "DISABLE TRIGGER case_events_no_change ON case_events",
            ],
        ),
    ],
    indirect=["desk"],
)
def test_guards_that_were_taken_off_or_replaced_are_missed_and_put_back(
    desk: Database, guard: str, attack: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with desk.transaction() as tx:
        for statement in attack:
            tx.execute(statement)
    assert desk.missing_guards() == [guard]
    assert main(["verify", "--database", address(desk)]) == 0
    assert f"{guard} is gone" in capsys.readouterr().err
    assert main(["init", "--database", address(desk)]) == 0
    assert main(["verify", "--database", address(desk)]) == 0
    assert "is gone" not in capsys.readouterr().err


def test_what_someone_wrote_cannot_pretend_to_be_the_verdict(
    desk: Database, open_case: OpenCase, capsys: pytest.CaptureFixture[str]
) -> None:
    open_case()
    tamper(desk, "UPDATE cases SET customer_name = ?", "x\n1 case: all intact\x1b[8m")
    assert main(["verify", "--database", address(desk)]) == 1
    found, total = capsys.readouterr().out.splitlines()
    assert r"found x\n1 case: all intact\x1b[8m" in found
    assert total == "1 case, 1 event: 1 break"


@pytest.mark.parametrize("head", ["x", chain.GENESIS])
def test_nothing_is_added_to_a_case_that_does_not_end_where_its_row_says(
    desk: Database, open_case: OpenCase, head: str
) -> None:
    case = open_case()
    tamper(desk, "UPDATE cases SET head_hash = ?", head)
    with pytest.raises(BrokenCase):
        casework.add_note(desk, ANALYST.user_id, case.case_id, "Teller called.")
    assert verification.verify_case(desk, case.case_id).events == 1


def test_an_export_of_a_broken_case_says_so_and_exits_with_1(
    desk: Database, open_case: OpenCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = open_case()
    tamper(desk, "UPDATE cases SET disposition = 'No SAR', owner = NULL")
    assert (
        main(["export", "--database", address(desk), case.case_id, "--as", ANALYST.user_id, "--to", str(tmp_path)]) == 1
    )
    assert "disposition" in capsys.readouterr().err
    summary = (tmp_path / f"case_{case.case_id}.md").read_text("utf-8")
    assert "The audit trail of this case is broken" in summary
    assert "NOT INTACT" in summary


@ON_SQLITE
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET role = 'x' WHERE user_id = 'b.diaz'",
        "UPDATE users SET name = x'ff' WHERE user_id = 'b.diaz'",
        "UPDATE users SET user_id = x'ff' WHERE user_id = 'b.diaz'",
    ],
)
def test_a_damaged_row_of_somebody_else_keeps_no_evidence_back_and_is_told_as_such(
    desk: SqliteDatabase, open_case: OpenCase, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    case_id = open_case().case_id
    with closing(sqlite3.connect(desk.file)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(change)
    at = ["--database", str(desk)]
    assert main(["export", *at, case_id, "--as", ANALYST.user_id, "--to", str(tmp_path), "--bundle"]) == 0
    assert main(["user", "list", *at]) == 2
    assert "A row of the table users was changed outside the desk" in capsys.readouterr().err


@ON_SQLITE
def test_a_count_of_events_that_is_no_number_is_said_of_its_case(
    desk: SqliteDatabase, open_case: OpenCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case_id = open_case().case_id
    with closing(sqlite3.connect(desk.file)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE cases SET event_count = 'x'")
    told = ["export", "--database", str(desk), case_id, "--as", ANALYST.user_id, "--to", str(tmp_path)]
    assert main(told) == 2
    assert f"{case_id} was changed outside the desk: its row cannot be read" in capsys.readouterr().err


def test_a_form_of_someone_else_or_of_another_verb_is_not_taken_for_a_repeat(
    desk: Database, open_case: OpenCase
) -> None:
    case_id = open_case().case_id
    casework.add_note(desk, ANALYST.user_id, case_id, "Teller called.", form="token")
    for user_id in (MANAGER.user_id, ANALYST.user_id):
        with pytest.raises(InvalidInput, match="by someone else or for another purpose"):
            casework.assign(desk, user_id, case_id, user_id, form="token")


@pytest.mark.parametrize("amount", ["1,000.00", "-4.00", 7])
def test_an_alert_with_a_transaction_that_no_one_could_add_up_opens_no_case(
    open_case: OpenCase, amount: object
) -> None:
    bad = {**TRANSACTIONS[0], "amount": amount}
    with pytest.raises(InvalidInput, match=r"transactions\[0\]\.amount is "):
        open_case(transactions=[bad])
