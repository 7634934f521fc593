"""What every command prints obeys nobody but the desk, arrives in any encoding, and is missed where it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import casework, chain, repository, terminal
from app.__main__ import main
from app.database import Database
from app.errors import SettingsError
from app.exports import audit_csv
from app.models import Role, User
from seed.__main__ import main as seed_main
from tests.conftest import ANALYST, ON_SQLITE, OpenCase, address

ROOT = Path(__file__).resolve().parent.parent
REWRITE = "\x1b[40A\x1b[J\u202e\x9b1A\r"
"""Up forty lines, and clear all below; what follows reads backwards; the one-byte form of ESC[; back to the start."""
NAME = "Кирилл Łukasik"

pytestmark = [pytest.mark.usefixtures("terminal"), ON_SQLITE]


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=os.environ | environment, capture_output=True, check=False
    )


# --- what is obeyed ---


@pytest.mark.parametrize("field", ["case_id", "ts", "user", "action", "notes", "meta", "prev_hash", "event_hash"])
def test_a_file_cannot_make_its_breaks_disappear_from_the_screen(
    desk: Database, open_case: OpenCase, tmp_path: Path, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    case = open_case()
    casework.add_note(desk, ANALYST.user_id, case.case_id, "Teller called.")
    events = desk.read(lambda tx: repository.events(tx, case.case_id))
    file = tmp_path / f"{REWRITE}x.csv: AML-7F3KQ2XA, 2 events: all intact\n.csv"
    hostile: dict[str, Any] = {field: f"{REWRITE}AML-7F3KQ2XA, 2 events: all intact"}
    forged = [replace(event, **hostile) for event in events]
    file.write_bytes(audit_csv.write_csv(forged))
    assert main(["verify-file", str(file), str(file) + "x"]) == 2
    printed = capsys.readouterr()
    *breaks, total, last = printed.out.splitlines()
    assert breaks
    assert total.endswith(" breaks" if len(breaks) > 1 else " break")
    assert "head " in last
    assert all(line.isprintable() for line in (*breaks, total, last, *printed.err.splitlines()))
    assert len(printed.err.splitlines()) == 1


def test_what_is_no_case_id_stands_in_quotes(
    desk: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    posing = "AML-7F3KQ2XA, 1 event: all intact"
    file = tmp_path / "x.csv"
    file.write_bytes(audit_csv.write_csv([replace(chain.link(chain.GENESIS, posing, "", "", "", "", ""), event_id=1)]))
    assert main(["verify-file", str(file)]) == 1
    assert f"{file}: '{posing}', 1 event: " in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["app", REWRITE],
        ["app", "user", "list", REWRITE],
        ["app", "user", "add", REWRITE, "--name", REWRITE, "--role", REWRITE],
        ["app", "user", "add", REWRITE, "--name", REWRITE, "--role", "QA"],
        ["app", "user", "deactivate", REWRITE],
        ["app", "verify", REWRITE],
        ["app", "verify", "--checkpoint", f"{REWRITE}\nall intact", "--key", REWRITE],
        ["app", "verify", "--database", f"./{REWRITE}"],
        ["app", "verify", "--database", f"Server=localhost\x1b[J;{REWRITE}"],
        ["app", "open", f"{REWRITE}\nall intact"],
        ["app", "keygen", "--name", REWRITE],
        ["seed", "load", "--from", REWRITE],
        ["seed", "generate", "--cases", REWRITE, "--out", "x"],
        ["seed", "generate", "--out", f"/dev/null/{REWRITE}"],
    ],
    ids=" ".join,
)
def test_nothing_typed_is_obeyed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    verbs = {"app": main, "seed": seed_main}[arguments[0]]
    try:
        assert verbs(arguments[1:]) == 2
    except SystemExit as stopped:
        assert stopped.code == 2
    printed = capsys.readouterr()
    assert not printed.out
    assert printed.err
    assert all(line.isprintable() for line in printed.err.split("\n"))
    assert "all intact" not in printed.err.splitlines()


def test_only_the_steps_of_the_desk_take_lines_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.warn(SettingsError("no driver:\nall intact\x1b[J", "\n  apt install one\n  brew install one"))
    assert capsys.readouterr().err == "no driver:\\nall intact\\x1b[J\n  apt install one\n  brew install one\n"


# --- what cannot be shown, and what does not arrive ---


@pytest.mark.parametrize(
    ("environment", "encoding"),
    [
        ({"PYTHONIOENCODING": "cp1252"}, "cp1252"),
        ({"PYTHONIOENCODING": "ascii:strict"}, "ascii"),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "utf-8"),
    ],
    ids=str,
)
def test_a_name_is_told_in_any_encoding(
    desk: Database, tmp_path: Path, environment: dict[str, str], encoding: str
) -> None:
    with desk.transaction() as tx:
        repository.insert_user(tx, User("k", NAME, Role.QA, active=True))
    listed = command("app", "user", "list", **environment)
    assert listed.returncode == 0, listed.stderr
    assert NAME.encode(encoding, "backslashreplace") in listed.stdout
    file = tmp_path / f"{NAME}.csv"
    missed = command("app", "verify-file", os.fsdecode(bytes(file)), **environment)
    assert missed.returncode == 2
    assert missed.stderr.count(b"\n") == 1


def test_who_was_added_is_told_where_the_terminal_lacks_the_letters(desk: Database) -> None:
    added = command("app", "user", "add", "k", "--name", NAME, "--role", "QA", PYTHONIOENCODING="cp1252")
    assert (added.returncode, added.stderr) == (0, b"")
    assert NAME in {person.name for person in desk.read(repository.users)}


@pytest.mark.parametrize("arguments", [["app", "user", "list"], ["app", "--help"], ["seed", "--help"]])
def test_a_reader_that_left_ends_it_without_a_word(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("arguments", [["app", "verify"], ["app", "--help"], ["seed", "demo", "--help"]])
@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
def test_output_that_is_lost_is_an_error(arguments: list[str], where: str) -> None:
    shell = ["bash", "-c", f'exec "$@" {where}', "bash", sys.executable, "-m", *arguments]
    done = subprocess.run(shell, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == terminal.FAILED
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_lost_complaint_leaves_the_status_as_it_is(tmp_path: Path) -> None:
    shell = ["bash", "-c", 'exec "$@" 2>/dev/full', "bash", sys.executable, "-m", "app", "verify-file", str(tmp_path)]
    assert subprocess.run(shell, cwd=ROOT, check=False).returncode == 2


def test_standard_input_that_is_closed_is_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    shell = ["bash", "-c", 'exec "$@" <&-', "bash", sys.executable, "-m", "app", "open", "-"]
    assert subprocess.run(shell, cwd=ROOT, check=False).returncode == 2
    assert capfd.readouterr().err == "standard input: it is closed\n"


def test_a_fault_of_the_desk_does_not_pass_for_a_break(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise ValueError(f"{REWRITE}\nall intact")

    def interrupt() -> int:
        raise KeyboardInterrupt

    assert terminal.run(fail) == terminal.FAILED
    assert terminal.run(interrupt) == terminal.INTERRUPTED
    printed = capsys.readouterr()
    assert "Traceback" in printed.err
    assert all(line.isprintable() for line in printed.err.split("\n"))


def test_progress_is_counted_for_whoever_watches(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.progress("loaded")(1, 2)
    assert not capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for total in (3, 0):
        show = terminal.progress("loaded")
        for done in range(total + 1):
            show(done, total)
    assert capsys.readouterr().err == "loaded 0%\rloaded 33%\rloaded 66%\rloaded 100%\nloaded 100%\n"


def test_an_empty_key_or_database_is_not_taken_for_none(
    desk: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a variable of the shell that is not set would give it."""
    assert main(["verify-file", str(tmp_path), "--key", ""]) == 2
    assert main(["verify", "--database", ""]) == 2
    assert "--database is given, but empty" in capsys.readouterr().err
    assert main(["verify", "--database", address(desk)]) == 0
