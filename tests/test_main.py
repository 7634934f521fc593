"""The verbs of the terminal: what they print, and the exit status that a script relies on."""

from __future__ import annotations

import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from app import casework, chain, repository
from app.__main__ import main
from app.database import Database
from app.database.sqlite import SqliteDatabase
from app.exports import audit_csv
from app.models import ALERT_FEED, ALERT_FEED_USER
from seed.__main__ import main as fill
from tests.conftest import ANALYST, GONE, ON_SQLITE, REVIEWER, OpenCase, address, stored, tamper

ROOT = Path(__file__).resolve().parent.parent


def test_verify_says_that_all_is_intact(
    desk: Database, open_case: OpenCase, capsys: pytest.CaptureFixture[str]
) -> None:
    case = open_case()
    assert main(["verify", "--database", address(desk)]) == 0
    assert main(["verify", "--database", address(desk), case.case_id.lower()]) == 0
    for total in capsys.readouterr().out.split(" it would also show")[:2]:
        assert "1 case, 1 event: all intact\nThe tail is not anchored" in total


@pytest.mark.usefixtures("terminal")
def test_verify_names_case_event_kind_expected_and_found(
    desk: Database, open_case: OpenCase, capsys: pytest.CaptureFixture[str]
) -> None:
    case = open_case()
    note = casework.add_note(desk, ANALYST.user_id, case.case_id, "Teller called.")
    tamper(desk, "UPDATE case_events SET notes = 'Nobody called.' WHERE event_hash = ?", note.event_hash)
    assert main(["verify", "--database", address(desk)]) == 1
    line, total = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        rf"{case.case_id}  event 2  edited  event_hash: expected [0-9a-f]{{64}}, found {note.event_hash}", line
    )
    assert total == "1 case, 2 events: 1 break"


def test_export_writes_what_verify_file_accepts_and_refuses_once_changed(
    desk: Database, open_case: OpenCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = open_case()
    out = tmp_path / "out"
    export = ["export", "--database", address(desk), case.case_id, "--to", str(out), "--as"]
    for user_id, status in ((GONE.user_id, 2), ("nobody", 2), (REVIEWER.user_id, 0)):
        assert not list(out.glob("*"))
        assert main([*export, user_id]) == status
    trail, summary = (Path(line) for line in capsys.readouterr().out.splitlines())
    assert (trail.name, summary.name) == (f"audit_{case.case_id}.csv", f"case_{case.case_id}.md")
    _, (*exported, kept) = stored(desk, case.case_id)
    assert (kept.action, kept.user) == ("export", REVIEWER.user_id)
    files = {file.name: sha256(file.read_bytes()).hexdigest() for file in (trail, summary)}
    assert chain.read_meta(kept) == {"events": 1, "files": files}
    assert audit_csv.read_csv(trail.read_bytes()) == exported
    assert main(["verify-file", str(trail)]) == 0
    trail.write_bytes(trail.read_bytes().replace(b"9400.00", b"9500.00", 1))
    assert main(["verify-file", str(trail)]) == 1
    trail.write_bytes(trail.read_bytes()[:-1])
    assert main(["verify-file", str(trail)]) == 2
    assert main(["verify-file", str(tmp_path / "missing.csv")]) == 2


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "AML-00000000"], "There is no case 'AML-00000000'"),
        (["export", "AML-00000000", "--as", "a.nguyen"], "There is no case 'AML-00000000'"),
        (["export", "../../etc/passwd", "--as", "a.nguyen"], "is not a case id"),
    ],
)
def test_unknown_input_is_a_sentence_and_status_2(
    desk: Database, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([arguments[0], "--database", address(desk), *arguments[1:]]) == 2
    assert message in capsys.readouterr().err


def test_a_missing_database_is_a_sentence_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--database", str(tmp_path / "none.db")]) == 2
    assert "There is no database" in capsys.readouterr().err


def test_wrong_use_is_status_2() -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["prove"])
    assert stopped.value.code == 2


def test_init_makes_a_desk_that_verifies_and_may_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new" / "desk.db"
    for _ in range(2):
        assert main(["init", "--database", str(file)]) == 0
    assert main(["verify", "--database", str(file)]) == 0
    assert capsys.readouterr().out.count("0 cases, 0 events: there is nothing to verify\n") == 1


def test_init_leaves_what_is_there_and_puts_the_service_user_back(
    desk: Database, open_case: OpenCase, capsys: pytest.CaptureFixture[str]
) -> None:
    with desk.transaction() as tx:
        tx.execute("DELETE FROM users WHERE user_id = ?", (ALERT_FEED,))
    before = desk.read(repository.users)
    assert main(["init", "--database", address(desk)]) == 0
    assert [person for person in desk.read(repository.users) if person != ALERT_FEED_USER] == before
    open_case()  # as the service user
    assert main(["init", "--database", address(desk)]) == 0
    assert main(["verify", "--database", address(desk)]) == 0
    *ready, total, _, _ = capsys.readouterr().out.splitlines()
    assert ready == [f"{desk} is ready."] * 2
    assert total == "1 case, 1 event: all intact"


@pytest.mark.usefixtures("terminal")
@ON_SQLITE
def test_a_verb_connects_once(
    open_case: OpenCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """To a server it takes seconds. The engines share the pool, so what is counted here holds there as well."""
    case_id = open_case().case_id
    opened: list[str] = []
    really = SqliteDatabase._connect

    def connect_and_count(self: SqliteDatabase, file: Path, how: str, identity: object) -> object:
        opened.append(how)
        return really(self, file, how, identity)

    monkeypatch.setattr(SqliteDatabase, "_connect", connect_and_count)
    alerts = tmp_path / "alerts.jsonl"
    alerts.write_text("", "utf-8")
    assert main(["keygen"]) == 0
    for verb in (
        ["checkpoint"],
        ["verify"],
        ["verify", case_id, case_id],
        ["export", case_id, "--as", ANALYST.user_id, "--bundle"],
        ["open", str(alerts)],
        ["user", "add", "k.berg", "--name", "Kari Berg", "--role", "QA"],
        ["user", "deactivate", "k.berg"],
        ["user", "list"],
    ):
        opened.clear()
        assert main(verb) == 0, capsys.readouterr().err
        assert len(opened) == 1, verb
    opened.clear()
    assert fill(["demo"]) == 0
    assert len(opened) == 1


@pytest.mark.usefixtures("terminal")
@ON_SQLITE
@pytest.mark.parametrize("package, verb", [("app", ["user", "list"]), ("seed", ["demo"]), ("app", ["init"])])
def test_a_verb_imports_only_what_it_needs(open_case: OpenCase, package: str, verb: list[str]) -> None:
    open_case()
    asked = f"import sys; from {package}.__main__ import main; assert main({verb}) == 0; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    needless = {
        "app.verification",
        "app.exports.bundle",
        "app.intake",
        "cryptography",
        "faker",
        "pandas",
        "pyodbc",
        "streamlit",
    }
    assert not needless & set(done.stdout.splitlines())
