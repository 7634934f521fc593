"""Loading: every row is checked, the message names file, line and reason, and nothing is kept of a bad load."""

from __future__ import annotations

import csv
import gc
import io
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from app import casework, database, repository, settings, triage_query, verification
from app.database import Database, Transaction, as_time
from app.errors import DatabaseError, DatabaseNotEmpty, UnreadableFile
from app.log import checkpoint, keys
from app.models import CASE_COLUMNS, Case, Event
from seed import load as loading
from seed.__main__ import main
from seed.generate import generate
from seed.load import load
from tests.attacks import ON_SERVER
from tests.conftest import ANALYST, ON_SQLITE, PEOPLE, OpenCase, address

Rows = list[list[str]]


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Checkpoints go elsewhere, and garbage is collected again: the verb `load` stops that for its own process."""
    monkeypatch.setenv("AML_EXPORTS", str(tmp_path / "exports"))
    yield
    gc.enable()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    generate(folder, 40, 8, date(2026, 1, 31), lambda done, total: None)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "csv"))


@pytest.fixture
def empty(desk: Database) -> Database:
    """A desk without people or cases."""
    with desk.transaction() as tx:
        tx.execute("DELETE FROM users")
    return desk


def rows_of(file: Path) -> Rows:
    return list(csv.reader(io.StringIO(file.read_text("utf-8"), newline="")))


def edit(file: Path, change: Callable[[Rows], None]) -> None:
    rows = rows_of(file)
    change(rows)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    file.write_text(text.getvalue(), "utf-8", newline="")


def put(line: int, column: str, value: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        rows[line - 1][rows[0].index(column)] = value

    return change


def test_what_was_generated_is_what_is_stored_and_verifies(folder: Path, empty: Database) -> None:
    loaded = load(empty, folder)
    verified = verification.verify_database(empty)
    assert verified.intact
    assert (loaded.cases, loaded.events) == (verified.cases, verified.events) == (40, loaded.events)
    with empty.snapshot() as tx:
        rows = tx.fetch_all("SELECT event_id, ts, notes, meta, event_hash FROM case_events ORDER BY event_id")
        assert len(repository.users(tx)) == loaded.users
    with (folder / "case_events.csv").open(encoding="utf-8", newline="") as file:
        written = [
            (int(r["event_id"]), as_time(f"{r['ts'][:10]}T{r['ts'][11:]}Z"), r["notes"], r["meta"], r["event_hash"])
            for r in csv.DictReader(file)
        ]
    assert [tuple({**row, "ts": as_time(row["ts"])}.values()) for row in rows] == written
    assert not empty.missing_guards()


@pytest.mark.parametrize(("action", "limit"), [("note", 10_000), ("sar_draft", 20_000)])
def test_a_narrative_has_more_room_than_a_note(folder: Path, empty: Database, action: str, limit: int) -> None:
    file = folder / "case_events.csv"
    line = next(number for number, row in enumerate(rows_of(file), 1) if row[4] == action)
    edit(file, put(line, "notes", "x" * limit))
    with pytest.raises(UnreadableFile, match="broken chain"):
        load(empty, folder)
    edit(file, put(line, "notes", "x" * (limit + 1)))
    with pytest.raises(UnreadableFile, match=f"notes is longer than {limit:,} characters"):
        load(empty, folder)


def test_a_file_of_before_filings_were_kept_is_loaded(folder: Path, empty: Database) -> None:
    cases, events = folder / "cases.csv", folder / "case_events.csv"
    header, *told = rows_of(events)
    later = {row[1] for row in told if '"sar_due_at"' in row[header.index("meta")]}

    def as_before(rows: Rows) -> None:
        until = rows[0].index("head_hash") + 1
        rows[:] = [row[:until] for row in rows if row[0] not in later]

    def without(rows: Rows) -> None:
        rows[:] = [row for row in rows if row[1] not in later]

    edit(cases, as_before)
    edit(events, without)
    (folder / "case_keys.csv").unlink()
    loaded = load(empty, folder)
    assert 0 < loaded.cases == 40 - len(later)
    assert verification.verify_database(empty).intact


@pytest.mark.parametrize("has_file", [True, False])
def test_cases_are_found_by_the_keys_of_the_file_or_of_their_events(
    folder: Path, empty: Database, has_file: bool
) -> None:
    file = folder / "case_keys.csv"
    written = sorted(map(tuple, rows_of(file)[1:]))
    stored = "SELECT kind, [key], case_id FROM case_keys"
    if not has_file:
        file.unlink()
    load(empty, folder)
    assert sorted(map(tuple, empty.read(lambda tx: list(tx.stream_tuples(stored))))) == written


def test_work_goes_on_after_a_load(folder: Path, empty: Database) -> None:
    events = load(empty, folder).events
    with empty.snapshot() as tx:
        page = triage_query.triage_page(tx, triage_query.Filters(unassigned=True), triage_query.Order.DUE, 1)
    case_id = page.cases[0].case_id
    casework.assign(empty, ANALYST.user_id, case_id, ANALYST.user_id)
    with empty.snapshot() as tx:
        numbers = [event.event_id or 0 for event in repository.events(tx, case_id)]
    assert numbers[-1] > events >= numbers[-2]
    assert verification.verify_case(empty, case_id).intact


@ON_SQLITE
def test_a_load_makes_the_database_and_its_folder(folder: Path, desk: Database, tmp_path: Path) -> None:
    new = database.connect(settings.Settings(str(tmp_path / "new" / "desk.db"), tmp_path))
    assert load(new, folder).cases == 40
    assert verification.verify_database(new).intact
    new.close()


@ON_SQLITE
@pytest.mark.parametrize(
    ("file", "line", "column", "value", "reason"),
    [
        ("cases.csv", 3, "status", "Pending", "unknown status 'Pending'"),
        ("cases.csv", 4, "risk", "", "unknown risk ''"),
        ("cases.csv", 2, "owner", "n.obody", "owner 'n.obody' is not in users.csv"),
        ("cases.csv", 5, "amount", "12.5", "amount '12.5' is not an amount"),
        ("cases.csv", 5, "risk_score", "101", "risk_score '101' is not a whole number from 0 to 100"),
        ("cases.csv", 6, "opened_at", "2026-01-05T09:14:00.000000Z", "is not a UTC time like"),
        ("cases.csv", 6, "case_id", "AML-1", "case_id 'AML-1' is not like"),
        ("cases.csv", 7, "typology", "Gardening", "broken chain"),
        ("cases.csv", 7, "head_hash", "0" * 64, "broken chain"),
        ("cases.csv", 7, "qa_bucket", "10", "is not a whole number from 0 to 9"),
        ("cases.csv", 4, "filing", "Sent", "unknown filing 'Sent'"),
        ("cases.csv", 4, "bsa_id", "3100", "bsa_id '3100' does not have 14 digits"),
        ("cases.csv", 4, "filed_at", "2026-01-05 09:14:00.000000", "is not a day like 2026-01-05 00:00:00.000000"),
        ("users.csv", 2, "role", "Boss", "unknown role 'Boss'"),
        ("users.csv", 3, "active", "yes", "active 'yes' is not a whole number"),
        ("users.csv", 3, "user_id", " l.chen", "has a space at an end"),
        ("case_events.csv", 2, "user", "n.obody", "user 'n.obody' is not in users.csv"),
        ("case_events.csv", 2, "notes", "x", "broken chain"),
        ("case_events.csv", 2, "notes", "a\rb", "U+000D"),
        ("case_events.csv", 2, "notes", "a\r\nb", "has a carriage return"),
        ("case_events.csv", 2, "event_id", "0", "event_id '0' is not a whole number"),
        ("case_events.csv", 2, "event_id", "9" * 5000, "is not a whole number"),
        ("case_events.csv", 2, "ts", "soon", "ts 'soon' is not a UTC time"),
    ],
)
def test_a_bad_row_stops_the_load_with_file_line_and_reason(
    folder: Path, empty: Database, file: str, line: int, column: str, value: str, reason: str
) -> None:
    edit(folder / file, put(line, column, value))
    with pytest.raises(UnreadableFile) as refused:
        load(empty, folder)
    assert (refused.value.file, refused.value.line) == (folder / file, line)
    assert reason in refused.value.reason
    with empty.snapshot() as tx:
        assert repository.case_count(tx) == 0
        assert repository.users(tx) == []


def test_a_bad_row_behind_good_ones_that_were_stored_takes_them_back(
    folder: Path, empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "BATCH", 5)
    good = (folder / "cases.csv").read_bytes()
    edit(folder / "cases.csv", put(40, "status", "Pending"))
    with pytest.raises(UnreadableFile, match="line 40: unknown status 'Pending'"):
        load(empty, folder)
    with empty.snapshot() as tx:
        assert repository.case_count(tx) == 0
        assert repository.users(tx) == []
    assert not empty.missing_guards()
    (folder / "cases.csv").write_bytes(good)
    assert load(empty, folder).cases == 40
    assert verification.verify_database(empty).intact


@ON_SERVER
def test_what_a_server_did_not_keep_as_it_was_is_found_before_any_of_it_is_kept(
    folder: Path, empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = repository.load

    def cut_short(tx: Transaction, cases: Iterable[Case], events: Iterable[Event]) -> None:
        store(tx, cases, (replace(event, notes=event.notes[:20]) for event in events))

    monkeypatch.setattr(repository, "load", cut_short)
    with pytest.raises(DatabaseError, match="did not keep what was loaded"):
        load(empty, folder)
    with empty.snapshot() as tx:
        assert repository.case_count(tx) == 0


def drop_last_event(rows: Rows) -> None:
    rows.pop()


def add_stray_event(rows: Rows) -> None:
    stray = [*rows[-1]]
    stray[0], stray[1] = str(int(stray[0]) + 1), "AML-00000000"
    rows.append(stray)


def swap_two_cases(rows: Rows) -> None:
    rows[1], rows[2] = rows[2], rows[1]


def shorten(rows: Rows) -> None:
    rows[3].pop()


@ON_SQLITE
@pytest.mark.parametrize(
    ("file", "change", "reason"),
    [
        ("case_events.csv", drop_last_event, "broken chain"),
        ("case_events.csv", add_stray_event, "AML-00000000 is not in cases.csv"),
        ("cases.csv", swap_two_cases, "the next events in case_events.csv are of"),
        ("cases.csv", drop_last_event, "is not in cases.csv"),
        ("cases.csv", shorten, f"fields instead of {len(CASE_COLUMNS)}"),
        ("users.csv", lambda rows: rows.pop(1), "is not in users.csv"),
        ("case_keys.csv", lambda rows: rows.pop(1), "lacks the account"),
        ("case_keys.csv", drop_last_event, "lacks the customer"),
        ("case_keys.csv", lambda rows: rows.append(rows[-1]), "is not what the events of .* bring next"),
        (
            "case_keys.csv",
            lambda rows: rows.append(["account", "7", "AML-00000000"]),
            "AML-00000000 is not in cases.csv",
        ),
        ("case_keys.csv", lambda rows: rows[1].__setitem__(1, "0"), "account '0' is not what the events of"),
        ("cases.csv", lambda rows: rows[0].reverse(), "the columns are not"),
        ("users.csv", lambda rows: rows.append(rows[1]), "comes twice"),
        ("users.csv", lambda rows: rows.remove(next(r for r in rows if r[0] == "alert-feed")), "'alert-feed'"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    folder: Path, empty: Database, file: str, change: Callable[[Rows], None], reason: str
) -> None:
    edit(folder / file, change)
    with pytest.raises(UnreadableFile, match=reason):
        load(empty, folder)


@ON_SQLITE
def test_a_missing_file_and_bytes_that_are_no_text_are_refused(folder: Path, empty: Database) -> None:
    (folder / "cases.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(UnreadableFile, match="not UTF-8"):
        load(empty, folder)
    (folder / "users.csv").unlink()
    with pytest.raises(UnreadableFile, match=r"users\.csv"):
        load(empty, folder)


@ON_SQLITE
def test_a_database_with_cases_is_replaced_only_when_told(folder: Path, desk: Database, open_case: OpenCase) -> None:
    old = open_case()
    with pytest.raises(DatabaseNotEmpty):
        load(desk, folder)
    good = (folder / "cases.csv").read_bytes()
    edit(folder / "cases.csv", put(40, "status", "Pending"))
    with pytest.raises(UnreadableFile):
        load(desk, folder, replace=True)
    assert verification.verify_case(desk, old.case_id).intact

    (folder / "cases.csv").write_bytes(good)
    loaded = load(desk, folder, replace=True)
    verified = verification.verify_database(desk)
    assert verified.intact
    assert verified.cases == loaded.cases == 40
    with desk.snapshot() as tx:
        assert old.case_id not in {row["case_id"] for row in tx.fetch_all("SELECT case_id FROM cases")}
    assert not desk.missing_guards()


@ON_SQLITE
def test_whoever_loads_into_a_server_is_not_told_to_replace_what_is_there(
    desk: Database, open_case: OpenCase, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_case()
    with pytest.raises(DatabaseNotEmpty, match="Give --replace"):
        load(desk, made)
    monkeypatch.setattr(desk, "is_embedded", False)
    with pytest.raises(DatabaseNotEmpty, match=r"already has cases\. A server's cases stay: load into"):
        load(desk, made)


@ON_SERVER
def test_the_cases_on_a_server_are_never_replaced_nor_is_it_filled_with_made_up_ones(
    made: Path, desk: Database, open_case: OpenCase, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["demo", "--database", address(desk)])
    assert desk.read(repository.case_count) == 0
    old = open_case()
    for replacing, said in (([], "load into a database without cases"), (["--replace"], "a server's cases stay")):
        assert main(["load", "--from", str(made), "--database", address(desk), *replacing]) == 2
        assert said in capsys.readouterr().err
    main(["demo", "--database", address(desk)])
    assert verification.verify_database(desk) == verification.Verified(1, 1, ())
    assert verification.verify_case(desk, old.case_id).intact


def test_a_person_whom_the_desk_knows_otherwise_is_refused(folder: Path, desk: Database) -> None:
    with pytest.raises(UnreadableFile, match="the database has another user 'a.nguyen'"):
        load(desk, folder)
    with desk.snapshot() as tx:
        assert len(repository.users(tx)) == len(PEOPLE)


def test_the_commands_of_the_readme(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, file = str(tmp_path / "aml"), str(tmp_path / "desk.db")
    assert main(["generate", "--cases", "30", "--seed", "7", "--as-of", "2026-01-31", "--out", out]) == 0
    assert "30 rows in cases.csv" in capsys.readouterr().out
    assert main(["load", "--from", out, "--database", file]) == 0
    assert main(["load", "--from", out, "--database", file]) == 2
    assert "already has cases" in capsys.readouterr().err
    assert main(["load", "--from", out, "--database", file, "--replace"]) == 0
    assert main(["load", "--from", str(tmp_path / "nowhere"), "--database", file, "--replace"]) == 2
    assert main(["demo", "--database", file]) == 0
    for wrong in (["--cases", "0"], ["--as-of", "tomorrow"], ["--as-of", "9999-01-01"]):
        with pytest.raises(SystemExit) as stopped:
            main(["generate", "--out", out, *wrong])
        assert stopped.value.code == 2


def test_made_up_cases_have_a_log_of_their_own_and_begin_another_when_they_are_loaded_anew(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AML_DATABASE", str(tmp_path / "desk.db"))
    logs = []
    for _ in range(2):
        assert main(["load", "--from", str(made), "--replace"]) == 0
        assert "the first checkpoint, of" in capsys.readouterr().out
        log = checkpoint.log_of(settings.load())
        assert log is not None
        anchor = log.newest()
        assert anchor is not None
        with closing(database.connect(settings.load())) as desk:
            assert verification.verify_database(desk, anchors=[anchor]).intact
        logs.append(log.key)
    assert logs[0] != logs[1]
    assert {path.name for path in (tmp_path / "exports" / "checkpoints").iterdir()} == {key.key_id for key in logs}
    own = tmp_path / "own.key"
    monkeypatch.setenv("AML_SIGNING_KEY", str(own))
    secret = str(keys.make_key(own))
    assert main(["load", "--from", str(made), "--replace"]) == 0
    assert own.read_text("utf-8") == f"{secret}\n"
    assert [path for path in tmp_path.iterdir() if path.name.startswith("own.key.")] == []


def test_the_demo_can_be_worked_right_after(tmp_path: Path) -> None:
    file = tmp_path / "desk.db"
    assert main(["demo", "--database", str(file)]) == 0
    desk = database.connect(settings.Settings(str(file), tmp_path, busy_timeout=5))
    with desk.snapshot() as tx:
        page = triage_query.triage_page(tx, triage_query.Filters(unassigned=True), triage_query.Order.DUE, 1)
    case_id = page.cases[0].case_id
    casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    assert verification.verify_case(desk, case_id).intact
    desk.close()
