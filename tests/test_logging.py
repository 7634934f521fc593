"""What the desk logs for whoever runs it: who did what to which case; never a name, what anybody typed, or a secret."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyodbc
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import casework, settings
from app.__main__ import main
from app.database import VERSION, Database, Transaction, engine
from app.database.sqlserver import COMMIT, SqlServerDatabase
from app.errors import DatabaseUnreachable, NotAllowed, OutcomeUnknown, StaleCase, UnreadableText
from app.models import Disposition, QaResult
from app.policy import Decision
from app.terminal import run, start_logging
from app.ui import sign_in
from tests.conftest import (
    ALERT,
    ANALYST,
    GONE,
    MANAGER,
    ON_SQLITE,
    OTHER_MANAGER,
    PEOPLE,
    REVIEWER,
    TRANSACTIONS,
    OpenCase,
    forget_the_desk,
)

PAGE = str(Path(__file__).resolve().parent.parent / "app" / "streamlit_app.py")
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?P<told>(?:INFO|WARNING|ERROR) app[.\w]*: .+)")
TYPED = NOTE, RATIONALE, REMARK, REASON = "Same teller.", "Needs a Manager.", "The sums differ.", "Add them again."
PASSWORD = "hunter2"
STRING = f"Driver=ODBC Driver 18 for SQL Server;Server=db.bank.example;Database=aml;UID=desk;PWD={PASSWORD}"

Logged = Callable[[], list[str]]


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Logged]:
    """The lines that were logged since this was called before, as a served desk logs, without their times."""

    def lines() -> list[str]:
        found = capsys.readouterr().err.splitlines()
        return [line["told"] for text in found if (line := LINE.fullmatch(text))]

    start_logging(logging.INFO)
    yield lines
    logger = logging.getLogger("app")
    logger.handlers = []
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def sign_in_as(monkeypatch: pytest.MonkeyPatch, terminal: Database) -> Iterator[Callable[[str], AppTest]]:
    """The page that somebody sees whom the provider vouches for."""
    assert terminal
    monkeypatch.setenv("AML_SIGN_IN", "oidc")
    monkeypatch.setattr(sign_in, "_is_configured", lambda: True)
    monkeypatch.setattr(st, "logout", lambda: None)

    def signed_in(user_id: str) -> AppTest:
        since = datetime.now(UTC).timestamp()
        monkeypatch.setattr(st, "user", {"is_logged_in": True, "preferred_username": user_id, "iat": since})
        return AppTest.from_file(PAGE, default_timeout=30).run()

    forget_the_desk()
    yield signed_in
    forget_the_desk()


@pytest.mark.usefixtures("terminal")
def test_a_whole_life_leaves_ids_in_the_log_and_no_name_and_nothing_that_was_typed(
    desk: Database, open_case: OpenCase, logged: Logged
) -> None:
    case_id = open_case(sampled=True).case_id
    casework.assign(desk, MANAGER.user_id, case_id, ANALYST.user_id, "Knows the branch.")
    seen = casework.add_note(desk, ANALYST.user_id, case_id, NOTE).event_hash
    to = OTHER_MANAGER.user_id
    casework.set_disposition(desk, ANALYST.user_id, case_id, Decision(Disposition.ESCALATE, RATIONALE, escalate_to=to))
    casework.set_disposition(desk, to, case_id, Decision(Disposition.NO_SAR, RATIONALE))
    with pytest.raises(NotAllowed):
        casework.add_note(desk, GONE.user_id, case_id, NOTE)
    with pytest.raises(StaleCase):
        casework.reopen(desk, MANAGER.user_id, case_id, REASON, seen=seen)
    casework.record_qa(desk, REVIEWER.user_id, case_id, QaResult.FAIL, REMARK)
    casework.reopen(desk, MANAGER.user_id, case_id, REASON)
    assert main(["keygen", "--name", "bank.example/aml"]) == 0
    assert main(["checkpoint"]) == 0
    assert main(["export", case_id, "--as", ANALYST.user_id]) == 0
    assert main(["export", case_id, "--as", GONE.user_id]) == 2
    lines = logged()
    head = r"head [0-9a-f]{64}"
    for line, expected in zip(
        lines,
        [
            f"INFO app.casework: 'x.gone' is refused note of '{case_id}': NotAllowed",
            f"INFO app.casework: 'm.okafor' is refused reopen of '{case_id}': StaleCase",
            rf"INFO app.log.checkpoint: Checkpoint of (\d+) events, \1 of them new, {head}",
            rf"INFO app.casework: 'a.nguyen' exported {case_id}: audit_{case_id}\.csv, case_{case_id}\.md; "
            "the case keeps it",
            f"INFO app.casework: 'x.gone' is refused export of '{case_id}': NotAllowed",
        ],
        strict=True,
    ):
        assert re.fullmatch(expected, line)
    known = [ALERT.customer_name, ALERT.customer_id, ALERT.typology, TRANSACTIONS[0]["counterparty"]]
    for text in (*TYPED, *known, *(person.name for person in PEOPLE)):
        assert text not in "\n".join(lines)


@ON_SQLITE
def test_who_signs_in_or_out_or_is_refused_is_logged_once(
    desk: Database, sign_in_as: Callable[[str], AppTest], logged: Logged
) -> None:
    page = sign_in_as(ANALYST.user_id).run()
    page.button(key="sign_out").click().run()
    sign_in_as(GONE.user_id).run()
    sign_in_as("")
    refused = "INFO app.ui.sign_in: 'x.gone' is refused to sign in: unknown, or not active"
    assert logged() == [
        "INFO app.ui.sign_in: 'a.nguyen' signed in",
        "INFO app.ui.sign_in: 'a.nguyen' signed out",
        refused,
        "INFO app.ui.sign_in: A sign-in has ended, or does not say who it is",
    ]


@ON_SQLITE
def test_a_user_id_that_a_provider_sends_forges_no_line(
    desk: Database, sign_in_as: Callable[[str], AppTest], logged: Logged
) -> None:
    for end in ("\n", "\r", "\x1b[2K", "\u2028", "\x85"):
        sign_in_as(f"eve{end}2026-11-28T00:00:00.000Z INFO app.ui.sign_in: 'm.okafor' signed in" + "x" * 5000)
        (line,) = logged()
        assert line.startswith('INFO app.ui.sign_in: "eve\\')
        assert line.isprintable()
        assert len(line) < 200


def test_nothing_that_a_module_logs_ends_its_line(capsys: pytest.CaptureFixture[str], logged: Logged) -> None:
    logging.getLogger("app.gate").warning("%s", "one\ntwo\x1b[A")
    assert logged() == ["WARNING app.gate: one\\ntwo\\x1b[A"]


@ON_SQLITE
def test_a_page_without_its_database_and_the_log_tell_the_same_fault(
    desk: Database, terminal: Database, tmp_path: Path, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.db"
    broken.write_text("Zoë Łukasik " * 400, "utf-8")
    monkeypatch.setenv("AML_DATABASE", str(broken))
    forget_the_desk()
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    forget_the_desk()
    assert [error.proto.title for error in page.error] == ["The database does not answer"]
    assert logged() == [
        "ERROR app.ui.forms: A page shows that the database does not do its work: "
        "DatabaseError from DatabaseError SQLITE_NOTADB"
    ]


class LostConnection:
    """One to a server that goes away, whose driver tells more than it should."""

    timeout = 0
    rowcount = -1

    def execute(self, statement: str, *_: object) -> LostConnection:
        if statement == COMMIT:
            raise pyodbc.OperationalError("08S01", f"[08S01] [Microsoft] Lost ({STRING}) (10054) (SQLExecDirectW)")
        return self

    def cursor(self) -> LostConnection:
        return self

    def fetchval(self) -> None:
        """A fraction that did not arrive."""

    def fetchone(self) -> tuple[int]:
        return (VERSION,)

    def setinputsizes(self, *_: object) -> None:
        pass

    def add_output_converter(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SqlServerDatabase:
    monkeypatch.setattr(engine, "PATIENCE", 0)
    return SqlServerDatabase(settings.Settings(STRING, tmp_path))


def test_a_server_that_lets_nobody_in_leaves_no_connection_string_in_the_log_or_a_traceback(
    far_away: SqlServerDatabase, logged: Logged, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def connect(text: str, **_: object) -> None:
        raise pyodbc.OperationalError("08001", f"[08001] [Microsoft] No answer to {text} (53) (SQLDriverConnect)")

    monkeypatch.setattr(pyodbc, "connect", connect)
    with pytest.raises(DatabaseUnreachable) as fault:
        far_away.has_schema()
    assert PASSWORD not in "".join(traceback.format_exception(fault.value))
    from app.ui import forms

    forms.log_fault(fault.value)
    assert logged() == [
        "ERROR app.ui.forms: A page shows that the database does not do its work: "
        "DatabaseUnreachable from OperationalError 08001 53"
    ]


def test_what_is_tried_again_and_what_may_be_lost_is_logged_by_its_codes(
    far_away: SqlServerDatabase, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(tx: Transaction) -> None:
        """Of which nothing is written."""

    lost = "DatabaseUnreachable from OperationalError 08S01 10054"
    monkeypatch.setattr(pyodbc, "connect", lambda *_, **__: LostConnection())
    with pytest.raises(OutcomeUnknown):
        far_away.write(work)
    told = f"WARNING app.database.engine: It is not known whether a change was saved: OutcomeUnknown from {lost}"
    again = "INFO app.database.engine: Attempt 1 failed and is made again: OutcomeUnknown from "
    assert logged() == [told, f"{again}{lost}", told]


@ON_SQLITE
def test_a_second_attempt_is_logged(desk: Database, logged: Logged) -> None:
    attempts = []

    def work(_: Transaction) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise UnreadableText

    desk.read(work)
    assert logged() == ["INFO app.database.engine: Attempt 1 failed and is made again: UnreadableText"]


def test_a_command_logs_what_nobody_else_tells_and_a_quiet_one_nothing(
    capsys: pytest.CaptureFixture[str], logged: Logged, tmp_path: Path
) -> None:
    def command() -> int:
        logging.getLogger("app.casework").info("as it should be")
        logging.getLogger("app.casework").warning("something is off")
        return 0

    assert run(command) == 0
    assert logged() == ["WARNING app.casework: something is off"]
    file = str(tmp_path / "desk.db")
    for verb in (["init"], ["user", "add", "a.b", "--name", "A B", "--role", "QA"], ["user", "list"]):
        done = subprocess.run([sys.executable, "-m", "app", *verb, "--database", file], capture_output=True, check=True)
        assert not done.stderr
