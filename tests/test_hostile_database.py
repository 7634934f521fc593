"""Someone has the SQLite file in hands and takes every guard off: all is found, nothing ends in a traceback."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app import audit, casework
from app.__main__ import main
from app.database import Database
from app.errors import BrokenCase, InvalidInput
from tests.conftest import ANALYST, MANAGER, TRANSACTIONS, OpenCase

# A table without keys, checks or foreign keys.
REBUILD_CASES = "CREATE TABLE copied AS SELECT * FROM cases; DROP TABLE cases; ALTER TABLE copied RENAME TO cases;"
REBUILD_EVENTS = REBUILD_CASES.replace("cases", "case_events")

ATTACKS = {
    "a case id that is no text": "UPDATE case_events SET case_id = x'00' WHERE event_id = 2",
    "a case id that is missing": REBUILD_EVENTS + "UPDATE case_events SET case_id = NULL WHERE event_id = 2",
    "an event id that is no number": REBUILD_EVENTS + "UPDATE case_events SET event_id = 'x' WHERE event_id = 2",
    "a column dropped": REBUILD_CASES + "ALTER TABLE cases DROP COLUMN qa_notes",
    "bytes that are no text in a note": "UPDATE case_events SET notes = CAST(x'ff' AS TEXT) WHERE event_id = 2",
    "bytes that are no text in a row": "UPDATE cases SET customer_name = CAST(x'ff' AS TEXT)",
    "a second row of a case": REBUILD_CASES + "INSERT INTO cases SELECT * FROM cases LIMIT 1",
    "an amount moved by less than a cent": "UPDATE cases SET amount = amount - 0.004",
    "an amount in another spelling": "UPDATE cases SET amount = '6_5800.00'",
    "a time that is a number": "UPDATE case_events SET ts = 5 WHERE event_id = 2",
    "a deadline that is a number": "UPDATE cases SET due_at = 5",
    "a search text that hides the case": "UPDATE cases SET search = ''",
    "a case row deleted": "DELETE FROM cases WHERE rowid = 1",
    "all events of a case deleted": "DELETE FROM case_events WHERE case_id = (SELECT case_id FROM cases LIMIT 1)",
    "the newest event deleted": "DELETE FROM case_events WHERE event_id = (SELECT MAX(event_id) FROM case_events)",
}


@pytest.fixture
def attacked(request: pytest.FixtureRequest, desk: Database, open_case: OpenCase) -> Path:
    for _ in range(3):
        casework.add_note(desk, ANALYST.user_id, open_case().case_id, "Teller called.")
    desk.close()
    with closing(sqlite3.connect(desk.file)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for guard in ("update", "delete", "replace"):
            connection.execute(f"DROP TRIGGER case_events_no_{guard}")
        connection.executescript(ATTACKS[request.param])
        connection.commit()
    return desk.file


@pytest.mark.parametrize("attacked", ATTACKS, indirect=True)
def test_every_attack_is_a_break_and_not_a_traceback(attacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--database", str(attacked)]) == 1
    *breaks, total = capsys.readouterr().out.splitlines()
    assert breaks
    assert total.endswith(("breaks", "break"))


def test_guards_that_were_taken_off_are_missed_and_put_back(desk: Database, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(desk.file)) as connection:
        connection.execute("DROP TRIGGER case_events_no_update")
    assert main(["verify", "--database", str(desk.file)]) == 0
    assert "case_events_no_update is gone" in capsys.readouterr().err
    assert main(["init", "--database", str(desk.file)]) == 0
    assert main(["verify", "--database", str(desk.file)]) == 0
    assert not capsys.readouterr().err


def test_what_someone_wrote_cannot_pretend_to_be_the_verdict(
    desk: Database, open_case: OpenCase, capsys: pytest.CaptureFixture[str]
) -> None:
    open_case()
    with closing(sqlite3.connect(desk.file)) as connection:
        connection.execute(
            "UPDATE cases SET customer_name = 'x' || char(10) || '1 case: all intact' || char(27) || '[8m'"
        )
        connection.commit()
    assert main(["verify", "--database", str(desk.file)]) == 1
    found, total = capsys.readouterr().out.splitlines()
    assert r"found x\n1 case: all intact\x1b[8m" in found
    assert total == "1 case, 1 event: 1 break"


@pytest.mark.parametrize("change", ["head_hash = 'x'", "head_hash = (SELECT prev_hash FROM case_events LIMIT 1)"])
def test_nothing_is_added_to_a_case_that_does_not_end_where_its_row_says(
    desk: Database, open_case: OpenCase, change: str
) -> None:
    case = open_case()
    with closing(sqlite3.connect(desk.file)) as connection:
        connection.execute(f"UPDATE cases SET {change}")
        connection.commit()
    with pytest.raises(BrokenCase):
        casework.add_note(desk, ANALYST.user_id, case.case_id, "Teller called.")
    assert audit.verify_case(desk, case.case_id).events == 1


def test_an_export_of_a_broken_case_says_so_and_exits_with_1(
    desk: Database, open_case: OpenCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = open_case()
    with closing(sqlite3.connect(desk.file)) as connection:
        connection.execute("UPDATE cases SET disposition = 'No SAR', owner = NULL")
        connection.commit()
    assert main(["export", "--database", str(desk.file), case.case_id, "--to", str(tmp_path)]) == 1
    assert "disposition" in capsys.readouterr().err
    summary = (tmp_path / f"case_{case.case_id}.md").read_text("utf-8")
    assert "The audit trail of this case is broken" in summary
    assert "NOT INTACT" in summary


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
    with pytest.raises(InvalidInput, match="Each transaction needs"):
        open_case(evidence={"alert": "x", "transactions": [bad]})
