"""An embedded file as evidence: to verify it changes no byte in or beside it; what is written over it is noticed."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from time import sleep

import pytest

from app import database, opening, settings, verification
from app.__main__ import main
from app.database.sqlite import SqliteDatabase, SqliteReader
from app.errors import DatabaseBusy, DatabaseError
from app.models import ALERT_FEED
from tests.conftest import ALERT, ANALYST, FACTS, PEOPLE, without_rights

ON_POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows keeps files and rights in another way")

DESK = """
import json, sys
from pathlib import Path
from app import casework, evidence, opening, repository, settings
from app.database.sqlite import SqliteDatabase
from app.models import Role, User
file, people, alert = sys.argv[1], *map(json.loads, sys.argv[2:])
desk = SqliteDatabase(settings.Settings(file, Path()))
desk.create_schema()
with desk.transaction() as tx:
    for user_id, name, role, active in people:
        repository.insert_user(tx, User(user_id, name, Role(role), active))
case = opening.open_case(desk, "alert-feed", evidence.check(alert))
print(case.case_id, flush=True)
for line in sys.stdin:
    casework.add_note(desk, "a.nguyen", case.case_id, line.strip())
    print("noted", flush=True)
desk.close()
"""


class Running:
    """A desk with one case, in a process of its own."""

    def __init__(self, file: Path) -> None:
        told = (json.dumps([(one.user_id, one.name, one.role, one.active) for one in PEOPLE]), json.dumps(FACTS))
        self.process = subprocess.Popen(
            [sys.executable, "-c", DESK, str(file), *told],
            cwd=settings.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.case_id = self._answer()

    def note(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()
        assert self._answer() == "noted"

    def _answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def stop(self) -> None:
        self.process.communicate(timeout=60)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=60)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Of its own, as others than root may not look into tmp_path."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def running(folder: Path) -> Iterator[Running]:
    desk = Running(folder / "desk.db")
    desk.note("Teller called.")
    yield desk
    desk.kill()


def state(folder: Path) -> dict[str, tuple[str, int, int]]:
    """What is in the folder, byte for byte, and when it was written."""
    return {
        path.name: (sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns, path.stat().st_mode)
        for path in folder.iterdir()
    }


def copied(running: Running, folder: Path, *kinds: str) -> Path:
    """The folder with a copy of the running desk's files of these kinds, and no more."""
    target = folder / "copy"
    target.mkdir()
    for kind in kinds:
        shutil.copy2(folder / f"desk.db{kind}", target)
    return target / "desk.db"


def beside_a_desk(running: Running, folder: Path) -> Path:
    running.note("While it runs.")
    return folder / "desk.db"


def of_a_desk_that_was_killed(running: Running, folder: Path) -> Path:
    running.kill()
    return folder / "desk.db"


def of_a_desk_that_was_stopped(running: Running, folder: Path) -> Path:
    running.stop()
    return folder / "desk.db"


def copied_with_its_wal(running: Running, folder: Path) -> Path:
    return copied(running, folder, "", "-wal")


def copied_with_all(running: Running, folder: Path) -> Path:
    return copied(running, folder, "", "-wal", "-shm")


def a_backup(running: Running, folder: Path) -> Path:
    (folder / "copy").mkdir()
    with closing(sqlite3.connect(folder / "desk.db")) as connection:
        connection.execute("VACUUM INTO ?", (str(folder / "copy" / "desk.db"),))
    return folder / "copy" / "desk.db"


PLACES = (
    beside_a_desk,
    of_a_desk_that_was_killed,
    of_a_desk_that_was_stopped,
    copied_with_its_wal,
    copied_with_all,
    a_backup,
)


@ON_POSIX
@pytest.mark.parametrize("rights", ["one's own", "read-only"])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_to_verify_a_file_changes_no_byte_in_or_beside_it(
    running: Running,
    folder: Path,
    place: Callable[[Running, Path], Path],
    rights: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = place(running, folder)
    events = 3 if place is beside_a_desk else 2
    before = state(file.parent)
    for arguments in ([], [running.case_id]):
        if rights == "read-only":
            with without_rights(file.parent):
                assert main(["verify", "--database", str(file), *arguments]) == 0
            for path in file.parent.iterdir():
                path.chmod(before[path.name][2] & 0o777)
        else:
            assert main(["verify", "--database", str(file), *arguments]) == 0
        assert state(file.parent) == before
    out, err = capsys.readouterr()
    assert out.count(f"1 case, {events} events: all intact") == 2
    assert err.count(f"Read-only: nothing in or beside {file} was changed.") == 2


def test_a_file_without_its_wal_is_not_called_intact_but_says_what_may_be_missing(
    running: Running, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = copied(running, folder, "")
    before = state(file.parent)
    assert main(["verify", "--database", str(file)]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "no such table" in err
    assert "copied without the -wal" in err
    assert state(file.parent) == before


def test_an_empty_file_says_so_and_keeps_the_wal_beside_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "desk.db").touch()
    for kind in ("-wal", "-shm"):
        (folder / f"desk.db{kind}").write_bytes(b"evidence" * 99)
    before = state(folder)
    assert main(["verify", "--database", str(folder / "desk.db")]) == 2
    assert "no such table" in capsys.readouterr().err
    assert state(folder) == before
    assert main(["init", "--database", str(folder / "new.db")]) == 0
    assert main(["verify", "--database", str(folder / "new.db")]) == 0
    out, err = capsys.readouterr()
    assert out.endswith("0 cases, 0 events: there is nothing to verify\n")
    assert "copied without the -wal" in err


def test_a_hot_journal_is_rolled_back_in_a_copy_alone(folder: Path) -> None:
    """As a rollback journal stands beside a file that is not in WAL mode, after a crash in the middle of a change."""
    file = folder / "desk.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("PRAGMA cache_spill = 1")
        connection.execute("BEGIN")
        connection.execute("UPDATE t SET x = 2")
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 3000,)] * 50)
        (folder / "copy").mkdir()
        for path in (file, folder / "desk.db-journal"):
            shutil.copy2(path, folder / "copy")
    before = state(folder / "copy")
    with closing(reader(folder / "copy" / "desk.db")) as evidence:
        assert evidence.read(lambda tx: tx.fetch_all("SELECT x FROM t")) == [{"x": 1}]
    assert state(folder / "copy") == before


def reader(file: Path) -> SqliteReader:
    made = database.connect(settings.Settings(str(file), file.parent), read_only=True)
    assert isinstance(made, SqliteReader)
    return made


def test_a_file_that_is_written_to_while_it_is_read_is_read_again(running: Running, folder: Path) -> None:
    running.stop()
    runs = 0

    def rename(name: str) -> None:
        with closing(sqlite3.connect(folder / "desk.db")) as connection, connection:
            connection.execute("UPDATE users SET name = ? WHERE user_id = 'x.gone'", (name,))

    def work(tx: database.Transaction) -> object:
        nonlocal runs
        runs += 1
        if runs == 1:
            rename("Meanwhile")
        return tx.fetch_val("SELECT name FROM users WHERE user_id = 'x.gone'")

    with closing(reader(folder / "desk.db")) as evidence:
        assert evidence.read(work) == "Meanwhile"
        assert runs == 2
        with pytest.raises(DatabaseBusy, match="written to while it was read"), evidence.snapshot():
            rename("Again")


def test_what_is_opened_to_be_read_is_not_written(running: Running, folder: Path) -> None:
    with closing(reader(copied(running, folder, "", "-wal"))) as evidence:
        with pytest.raises(DatabaseError, match="read only"):
            evidence.write(lambda tx: tx.execute("DELETE FROM users"))
        with pytest.raises(DatabaseError, match="readonly"):
            evidence.read(lambda tx: tx.execute("DELETE FROM users"))


def test_the_private_copy_is_for_its_owner_and_gone_at_the_end(
    running: Running, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = copied(running, folder, "", "-wal")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    evidence = reader(file)
    assert verification.verify_database(evidence) == verification.Verified(1, 2, ())
    (private,) = folder.glob("aml-verify-*")
    assert private.stat().st_mode & 0o777 == 0o700
    evidence.close()
    assert not private.exists()
    monkeypatch.setattr(shutil, "copyfile", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with closing(reader(file)) as evidence, pytest.raises(DatabaseError, match="cannot be copied to .*No space left"):
        verification.verify_database(evidence)


@ON_POSIX
def test_an_export_that_cannot_be_kept_is_not_made_and_says_what_to_do(
    running: Running, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running.stop()
    out = folder / "out"
    with without_rights(folder):
        export = ["export", running.case_id, "--as", ANALYST.user_id, "--to", str(out)]
        assert main([*export, "--database", str(folder / "desk.db")]) == 2
    assert "may only be read here" in (told := capsys.readouterr().err)
    assert "copy it, and the -wal beside it" in told
    assert not out.exists()


@ON_POSIX
def test_a_new_database_is_for_its_owner_alone_and_an_old_one_keeps_its_mode(folder: Path) -> None:
    modes = {}
    for name, before in (("new.db", None), ("old.db", 0o640)):
        file = folder / name
        if before:
            file.touch()
            file.chmod(before)
        with closing(SqliteDatabase(settings.Settings(str(file), folder))) as desk:
            desk.create_schema()
            assert desk.has_schema()
            modes[name] = {path.name: path.stat().st_mode & 0o777 for path in folder.glob(f"{name}*")}
    assert modes["new.db"] == dict.fromkeys(("new.db", "new.db-wal", "new.db-shm"), 0o600)
    assert modes["old.db"] == dict.fromkeys(("old.db", "old.db-wal", "old.db-shm"), 0o640)


# --- what was written over a file in use ---


def overwritten(file: Path, backup: Path) -> None:
    shutil.copyfile(backup, file)


def overwritten_with_its_old_time(file: Path, backup: Path) -> None:
    shutil.copy2(backup, file)


def replaced_beside_the_old_wal(file: Path, backup: Path) -> None:
    backup.replace(file)


def overwritten_after_the_wal_was_deleted(file: Path, backup: Path) -> None:
    for kind in ("wal", "shm"):
        Path(f"{file}-{kind}").unlink()
    shutil.copyfile(backup, file)


@ON_POSIX
@pytest.mark.parametrize("is_alone", [True, False], ids=["alone", "beside another desk"])
@pytest.mark.parametrize(
    "restore",
    [
        overwritten,
        overwritten_with_its_old_time,
        replaced_beside_the_old_wal,
        overwritten_after_the_wal_was_deleted,
    ],
    ids=lambda restore: restore.__name__,
)
def test_a_copy_that_is_put_over_a_file_in_use_is_noticed_before_anything_is_read_or_written(
    folder: Path, running: Running, restore: Callable[[Path, Path], None], is_alone: bool
) -> None:
    file, backup = folder / "desk.db", folder / "backup.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("VACUUM INTO ?", (str(backup),))
    shutil.copy2(backup, folder / "kept.db")
    desk = SqliteDatabase(settings.Settings(str(file), folder))
    if is_alone:
        verification.verify_database(desk)
        running.stop()
    else:
        running.note("Beside it.")
    for _ in range(30):
        opening.open_case(desk, ALERT_FEED, ALERT)
    restore(file, backup)
    for _ in range(2):
        for use in (lambda: verification.verify_database(desk), lambda: opening.open_case(desk, ALERT_FEED, ALERT)):
            with pytest.raises(DatabaseError, match=r"wrote over .*desk\.db while it was in use.* If a copy"):
                use()
    desk.close()
    running.kill()
    for kind in ("wal", "shm"):  # as the message says
        Path(f"{file}-{kind}").unlink(missing_ok=True)
    shutil.copyfile(folder / "kept.db", file)
    with closing(SqliteDatabase(settings.Settings(str(file), folder))) as desk:
        assert verification.verify_database(desk) == verification.Verified(1, 2, ())
        opening.open_case(desk, ALERT_FEED, ALERT)


@ON_POSIX
def test_an_idle_desk_notices_a_copy_that_is_put_over_its_file_after_somebody_else_wrote(
    folder: Path, running: Running
) -> None:
    file, backup = folder / "desk.db", folder / "backup.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("VACUUM INTO ?", (str(backup),))
        desk = SqliteDatabase(settings.Settings(str(file), folder))
        verification.verify_database(desk)
        desk.keep_watch(0.05)
        running.note("Beside it.")
        other.execute("PRAGMA wal_checkpoint(PASSIVE)")
        sleep(1)
        shutil.copyfile(backup, file)
        with pytest.raises(DatabaseError, match="wrote over"):
            verification.verify_database(desk)


WRITER = """
import sqlite3, sys
for number in range(60):
    connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
    connection.execute(f"PRAGMA wal_autocheckpoint = {(1, 5, 50, 1000)[number % 4]}")
    for row in range(20):
        person = f"{number}.{row}", "x" * 100 * row
        connection.execute("INSERT INTO users (user_id, name, role, active) VALUES (?, ?, 'QA', 1)", person)
    how = ("PASSIVE", "FULL", "RESTART", "TRUNCATE")[number // 4 % 4]
    try:
        connection.execute(f"PRAGMA wal_checkpoint({how})")
    except sqlite3.OperationalError:
        pass
    connection.close()
"""


def test_checkpoints_of_any_kind_by_another_process_are_not_taken_for_such_a_copy(folder: Path) -> None:
    file = folder / "desk.db"
    with closing(SqliteDatabase(settings.Settings(str(file), folder, busy_timeout=60))) as desk:
        desk.create_schema()
        with subprocess.Popen([sys.executable, "-c", WRITER, str(file)]) as writer:
            last = 0
            while writer.poll() is None:
                with desk.snapshot() as tx:
                    now = tx.fetch_val("SELECT COUNT(*) FROM users")
                with closing(reader(file)) as evidence:
                    assert evidence.read(lambda tx: tx.fetch_val("SELECT COUNT(*) FROM users")) >= now >= last
                last = now
        assert desk.read(lambda tx: tx.fetch_val("SELECT COUNT(*) FROM users")) == 1200
