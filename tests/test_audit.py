"""The audit trail: its CSV to the byte, what is refused, where exports land, and verification in the database."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import casework, chain, files, repository, settings, verification
from app.database import Database
from app.errors import (
    DatabaseError,
    DeskError,
    InvalidInput,
    NotAllowed,
    NotWritten,
    UnknownCase,
    UnknownUser,
    UnreadableFile,
)
from app.exports import audit_csv, case_export, taking
from app.exports.audit_csv import CELL, read_csv, verify_csv, write_csv
from app.exports.taking import Kind
from app.models import EVENT_COLUMNS, BreakKind, Case, Disposition, Event
from app.policy import Decision
from tests import lives
from tests.attacks import without_keys
from tests.conftest import ANALYST, GONE, MANAGER, ON_SQLITE, OpenCase, address, stored, tamper
from tests.lives import SAMPLED_ID

HEADER = '"event_id","case_id","ts","user","action","notes","meta","prev_hash","event_hash"'
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "''"]


def small_life() -> lives.Life:
    """A life whose notes hold what CSV and spreadsheets care about."""
    life = lives.opened(evidence={"alert": "=cmd|'/c calc'!A1"})
    lives.assign(life, MANAGER, ANALYST)
    lives.note(life, "'quoted' \"twice\", comma\nnew line 💶")
    lives.note(life, '=HYPERLINK("http://x")')
    return life


EVENTS = small_life().events
FILE = write_csv(EVENTS)


def refused(data: bytes) -> str:
    with pytest.raises(UnreadableFile) as refusal:
        read_csv(data, "audit.csv")
    return str(refusal.value)


# --- the file ---

anything = st.text()
field = st.one_of(
    anything,
    st.sampled_from(FORMULAS),
    anything.map(lambda text: "'" + text),
    anything.map(lambda text: f'"{text},\r\n'),
)
event = st.builds(Event, field, field, field, field, field, field, field, field)


@given(st.lists(event, min_size=1, max_size=4))
def test_whatever_an_event_holds_is_read_back_as_it_was(events: list[Event]) -> None:
    numbered = lives.renumbered(events)
    assert read_csv(write_csv(numbered)) == numbered


@given(st.lists(event, min_size=1, max_size=4))
def test_no_field_starts_as_a_spreadsheet_formula(events: list[Event]) -> None:
    text = write_csv(events).decode("utf-8-sig")
    for record in csv.reader(io.StringIO(text, newline="")):
        assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for value in record)


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_gets_one_apostrophe_and_any_other_text_none(formula: str) -> None:
    guarded, plain = (replace(EVENTS[0], notes=text) for text in (formula, "a" + formula))
    assert f'"\'{formula}"'.encode() in write_csv([guarded])
    assert f'"a{formula}"'.encode() in write_csv([plain])


def test_the_file_has_a_byte_order_mark_a_header_quotes_everywhere_and_crlf() -> None:
    first = EVENTS[1]
    line = ",".join(f'"{getattr(first, name)}"' for name in ("event_id", "case_id", "ts", "user", "action", "notes"))
    meta = first.meta.replace('"', '""')
    text = f'{HEADER}\r\n{line},"{meta}","{first.prev_hash}","{first.event_hash}"\r\n'
    assert write_csv([first]) == b"\xef\xbb\xbf" + text.encode()


# --- what the reader refuses ---


def one_byte_changes(data: bytes) -> Iterator[bytes]:
    """Every file that differs in one byte: changed in several ways, left out, doubled, or put in."""
    for at, byte in enumerate(data):
        before, after = data[:at], data[at + 1 :]
        for other in (byte ^ 0x01, byte ^ 0x02, byte ^ 0x20, byte ^ 0x80, 0x00):
            if other != byte:
                yield before + bytes([other]) + after
        yield before + after
        for extra in (bytes([byte]), b'"', b"'", b"\n", b" "):
            yield before + extra + data[at:]


def test_no_single_byte_of_a_file_can_change_unseen() -> None:
    """Numbers in event_id apart: they are outside the hash, and only ascend."""

    def unnumbered(events: list[Event]) -> list[Event]:
        return [replace(event, event_id=None) for event in events]

    assert verify_csv(FILE).intact
    unseen = 0
    for changed in one_byte_changes(FILE):
        try:
            found = verify_csv(changed)
        except UnreadableFile:
            continue
        if found.intact:
            assert unnumbered(read_csv(changed)) == unnumbered(EVENTS), changed
            unseen += 1
    assert unseen < 60


@pytest.mark.parametrize("end", [0, 2, 3, 50, len(HEADER) + 3, len(HEADER) + 4])
def test_a_file_without_a_whole_event_is_refused(end: int) -> None:
    assert refused(FILE[:end]).startswith("audit.csv")


def test_a_cut_file_is_refused_unless_whole_events_are_missing() -> None:
    """The limit of a file on its own: that the newest events are there, only the database knows."""
    whole = []
    for end in range(len(HEADER) + 5, len(FILE)):
        with contextlib.suppress(UnreadableFile):
            assert verify_csv(FILE[:end]).intact
            whole.append(end)
    assert whole == [len(write_csv(EVENTS[:length])) for length in (1, 2, 3)]


def rows(*records: str) -> bytes:
    return ("\ufeff" + "".join(record + "\r\n" for record in (HEADER, *records))).encode()


def record(event_id: object = 1, **fields: str) -> str:
    values = {**dict.fromkeys(EVENT_COLUMNS, "x"), "event_id": event_id, **fields}
    return ",".join(f'"{value}"' for value in values.values())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "line 1: it does not start with the byte order mark"),
        (rows(record())[3:], "line 1: it does not start with the byte order mark"),
        (rows(), "it holds no events"),
        (b"\xef\xbb\xbf", "line 1: the columns are not event_id, case_id"),
        (rows(record()).replace(b"user", b"who"), "line 1: the columns are not event_id, case_id"),
        (rows(record()).replace(b'"meta",', b""), "line 1: the columns are not event_id, case_id"),
        (rows(record(1, notes="\n"), record(2)[4:]), "line 4: 8 fields instead of 9"),
        (rows(record(), record(2) + ',"x"'), "line 3: 10 fields instead of 9"),
        (rows(record(), ""), "line 3: 0 fields instead of 9"),
        (rows(record()).replace(b"x", b"\xff"), "line 2: this is not UTF-8 text"),
        (rows(record()).replace(b"x", b"\xed\xa0\x80"), "line 2: this is not UTF-8 text"),
        (rows(record()).replace(b'"x"', b"x"), "line 2: this is not written the way an audit CSV is"),
        (rows(record()).replace(b"\r\n", b"\n"), "line 1: this is not written the way an audit CSV is"),
        (rows(record(notes="=1")), "line 2: this is not written the way an audit CSV is"),
        (rows(record(notes="'x")), "line 2: this is not written the way an audit CSV is"),
        (rows(record()) + b"\r\n", "line 3: 0 fields instead of 9"),
        (rows(record()) + b'"', "line 3: this is not an audit CSV: unexpected end of data"),
        (rows(record(notes='x"y')), "line 2: this is not an audit CSV"),
        (b'\xef\xbb\xbf"', "line 1: this is not an audit CSV"),
        (rows(record("01")), "line 2: the event_id '01' is not a whole number"),
        (rows(record("0")), "line 2: the event_id '0' is not a whole number"),
        (rows(record("-1")), "line 2: the event_id '-1' is not a whole number"),
        (rows(record("١")), "line 2: the event_id '١' is not a whole number"),
        (rows(record("9" * 16)), "is not a whole number of up to 15 digits"),
        (rows(record(""), record()), "line 2: the event_id '' is not a whole number"),
        (rows(record(2), record(2)), "event_id 2 comes after 2"),
        (rows(record(10), record(9)), "event_id 9 comes after 10"),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_a_file_that_the_desk_would_not_have_written_is_refused_by_line_and_reason(data: bytes, reason: str) -> None:
    assert reason in refused(data)


def test_numbers_are_read_up_to_fifteen_digits() -> None:
    numbers = [1, 29, 123_456_789_012_345, 10**15 - 1]
    assert [event.event_id for event in read_csv(rows(*map(record, numbers)))] == numbers


def test_a_field_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_csv, "MAX_FIELD", 1_000)
    assert verify_csv(FILE).intact
    assert "line 2: this is not an audit CSV: field larger than" in refused(rows(record(notes="x" * 1_001)))


def test_a_nul_is_a_text_like_any_other_and_breaks_the_hash() -> None:
    edited = [*EVENTS[:2], replace(EVENTS[2], notes="a\0b"), EVENTS[3]]
    (found,) = verify_csv(write_csv(edited)).breaks
    assert (found.kind, found.event_id, found.field) == (BreakKind.EDITED, 3, "event_hash")


def test_a_file_of_two_cases_is_reported_event_by_event() -> None:
    other = replace(lives.opened(lives.OTHER_ID).events[0], event_id=5)
    found = verify_csv(write_csv([*EVENTS, other]))
    assert (BreakKind.EDITED, 5, "case_id") in {(b.kind, b.event_id, b.field) for b in found.breaks}


def test_a_file_named_after_another_case_is_not_of_it() -> None:
    for name in ("trail.csv", f"audit_{SAMPLED_ID} (1).csv", f"{lives.OTHER_ID}/audit_{SAMPLED_ID}.csv"):
        assert verify_csv(FILE, name).intact
    found = verify_csv(FILE, f"audit_{lives.OTHER_ID}.csv").breaks
    assert [(b.event_id, b.field) for b in found if b.kind is BreakKind.EDITED] == [
        *((event.event_id, "case_id") for event in EVENTS),
        (1, "qa_bucket"),
    ]


def test_an_old_value_that_was_not_there_is_found_in_a_file() -> None:
    life = lives.opened()
    life.case = replace(life.case, owner=MANAGER.user_id)
    lives.assign(life, MANAGER, ANALYST)
    (found,) = verify_csv(write_csv(life.events)).breaks
    assert (found.kind, found.event_id, found.field) == (BreakKind.ROW_DIFFERS, 2, "owner")


# --- exports ---


def test_an_export_is_the_whole_trail_and_verifies(desk: Database, open_case: OpenCase) -> None:
    case = open_case()
    casework.assign(desk, MANAGER.user_id, case.case_id, ANALYST.user_id, "Knows the branch.")
    casework.add_note(desk, ANALYST.user_id, case.case_id, "'=1+1'\n💶")
    export = case_export.read(desk, case.case_id)
    trail, summary = case_export.make_audit_csv(export), case_export.make_summary(export)
    with desk.snapshot() as tx:
        assert export.events == read_csv(trail.data) == repository.events(tx, case.case_id)
    assert verify_csv(trail.data) == verification.Verified(1, 3, (), export.events[-1])
    assert summary.data.startswith(f"# SAR summary {case.case_id}\n".encode())
    assert (trail.name, summary.name) == (f"audit_{case.case_id}.csv", f"case_{case.case_id}.md")


def test_the_summary_of_a_sar_tells_the_customers_other_sars(desk: Database, open_case: OpenCase) -> None:
    this, other, innocent = (open_case().case_id for _ in range(3))
    strangers = open_case(customer_id="C-2").case_id
    for case_id in (this, other, innocent, strangers):
        casework.assign(desk, MANAGER.user_id, case_id, ANALYST.user_id, "Knows the branch.")
        is_sar = case_id != innocent
        decision = Decision(
            Disposition.SAR if is_sar else Disposition.NO_SAR, "Seen.", datetime.now(UTC).date() if is_sar else None
        )
        casework.set_disposition(desk, ANALYST.user_id, case_id, decision)
    assert [case.case_id for case in case_export.read(desk, this).prior_sars] == [other]
    told = case_export.read(desk, this).summary().replace("\\", "")
    assert f"| {other} | not filed, determined" in told
    assert other not in case_export.read(desk, innocent).summary().replace("\\", "")


@pytest.mark.parametrize(
    "case_id", ["../AML-7F3KQ2XA", "/etc/passwd", "AML-7F3KQ2X/", "AML-7F3KQ2XA\n", "aml-7f3kq2xa", "AML-7F3KQ2XU", ""]
)
def test_an_id_that_is_no_case_id_names_no_file_even_where_the_database_has_it(desk: Database, case_id: str) -> None:
    life = lives.opened()
    with contextlib.suppress(DatabaseError), desk.transaction() as tx:
        repository.insert_case(tx, replace(life.case, case_id=case_id))
    with pytest.raises(InvalidInput, match="not a case id"):
        case_export.read(desk, case_id)


def test_an_unknown_case_is_not_exported(desk: Database) -> None:
    with pytest.raises(UnknownCase):
        case_export.read(desk, "AML-7F3KQ2XA")


def test_whatever_is_taken_of_a_case_is_of_one_reading_and_one_event(
    desk: Database, open_case: OpenCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = open_case().case_id
    reads: list[str] = []

    def read(tx: Any, of: str, real: Callable[..., Any] = repository.chains_of) -> Any:
        reads.append(of)
        return real(tx, of)

    monkeypatch.setattr(repository, "chains_of", read)
    config = settings.Settings(address(desk), tmp_path, signing_key=tmp_path / "no.key")
    kinds = [Kind.AUDIT_CSV, Kind.SAR_SUMMARY, Kind.BUNDLE]
    taken = taking.take(desk, config, ANALYST.user_id, case_id, kinds)
    assert reads == [case_id]
    assert list(taken.files) == [f"audit_{case_id}.csv", f"case_{case_id}.md", f"{case_id}.zip"]
    assert (taken.breaks, taken.not_yet) == ((), 1)
    _, (*before, kept) = stored(desk, case_id)
    assert kept == replace(taken.event or kept, event_id=kept.event_id)
    digests = {name: sha256(data).hexdigest() for name, data in taken.files.items()}
    assert chain.read_meta(kept) == {"events": len(before), "files": digests}


def test_who_may_not_act_takes_nothing(desk: Database, open_case: OpenCase, tmp_path: Path) -> None:
    case_id = open_case().case_id
    for actor_id, refusal in ((GONE.user_id, NotAllowed), ("nobody", UnknownUser)):
        with pytest.raises(refusal):
            taking.take(desk, settings.Settings(address(desk), tmp_path), actor_id, case_id, [Kind.AUDIT_CSV])
    assert len(stored(desk, case_id)[1]) == 1


def test_a_case_that_takes_no_event_any_more_leaves_all_the_same_with_its_breaks(
    desk: Database, open_case: OpenCase, tmp_path: Path
) -> None:
    case_id = open_case().case_id
    tamper(desk, "UPDATE cases SET head_hash = ? WHERE case_id = ?", chain.GENESIS, case_id)
    config = settings.Settings(address(desk), tmp_path)
    taken = taking.take(desk, config, ANALYST.user_id, case_id, [Kind.SAR_SUMMARY, Kind.AUDIT_CSV])
    assert taken.event is None
    assert [found.field for found in taken.breaks] == ["head_hash"]
    assert len(taken.files) == 2


@pytest.mark.parametrize(
    ("notes", "cut"),
    [
        ("x" * CELL, False),
        ("x" * (CELL + 1), True),
        ("'" + "x" * (CELL - 1), True),
        ("💶" * (CELL // 2), False),
        ("💶" * (CELL // 2 + 1), True),
    ],
    ids=["as long as a cell", "longer", "longer with its guard", "as long in UTF-16", "longer in UTF-16"],
)
def test_what_a_cell_of_a_spreadsheet_does_not_hold_is_named(notes: str, cut: bool) -> None:
    events = [EVENTS[0], replace(EVENTS[1], notes=notes), EVENTS[2]]
    assert audit_csv.too_long_for_a_cell(events) == ([(2, "notes")] if cut else [])


TRAIL, SUMMARY = f"audit_{SAMPLED_ID}.csv", f"case_{SAMPLED_ID}.md"
EXPORT = {TRAIL: FILE, SUMMARY: "# Summary “draft”\n".encode()}
OLD = {TRAIL: b"old", SUMMARY: b"old"}


def write(folder: Path, contents: Mapping[str, bytes] = EXPORT) -> Event | None:
    """Write the files; an event is kept of it."""
    return taking.write_files(folder, contents, lambda: EVENTS[-1])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_exports_land_in_their_folder_over_older_ones_and_leave_nothing_else_there(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "exports"
    write(folder, OLD)
    assert write(folder) == EVENTS[-1]
    assert contents(folder) == EXPORT
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o640}


@pytest.mark.parametrize("refusal", [errno.EPERM, errno.ENOTSUP])
def test_an_export_lands_on_a_file_system_without_modes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(refusal, os.strerror(refusal))

    for name in ("chmod", "fchmod", "chown", "utime"):
        monkeypatch.setattr(os, name, refuse, raising=False)
    write(tmp_path)
    assert contents(tmp_path) == EXPORT


@pytest.mark.parametrize("exists", [True, False])
def test_an_export_never_goes_through_a_link(tmp_path: Path, exists: bool) -> None:
    elsewhere = tmp_path / "elsewhere"
    if exists:
        elsewhere.write_text("precious")
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / TRAIL).symlink_to(elsewhere)
    with pytest.raises(DeskError, match="is a link"):
        write(folder)
    assert [path.name for path in folder.iterdir()] == [TRAIL]
    assert elsewhere.exists() is exists
    assert not exists or elsewhere.read_text() == "precious"


def test_a_folder_in_the_place_of_an_export_is_refused_and_no_draft_stays(tmp_path: Path) -> None:
    (tmp_path / TRAIL).mkdir()
    with pytest.raises(DeskError, match="cannot be written: it is a folder"):
        write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [TRAIL]


def test_of_an_export_that_cannot_be_written_nothing_is_kept_and_the_old_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    before = contents(tmp_path)

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "open", lambda *_, **__: Full(), raising=False)
    with pytest.raises(DeskError, match="cannot be written: No space left on device") as refused:
        taking.write_files(tmp_path, OLD, lambda: pytest.fail("it was kept"))
    assert not isinstance(refused.value, NotWritten)
    assert contents(tmp_path) == before


def test_what_may_not_be_exported_leaves_no_file(tmp_path: Path) -> None:
    def refuse() -> None:
        assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == sorted(EXPORT.values()), (
            "the files are not there when it is asked whether they may leave"
        )
        raise NotAllowed("no")

    with pytest.raises(NotAllowed):
        taking.write_files(tmp_path, EXPORT, refuse)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("kept", "told"), [(EVENTS[-1], NotWritten), (None, DeskError)])
def test_files_that_cannot_take_their_place_after_all_are_told_with_what_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Event | None, told: type[DeskError]
) -> None:
    def stuck(self: Path, target: Path) -> None:
        raise OSError(errno.EACCES, "It is open elsewhere", str(self), None, str(target))

    monkeypatch.setattr(Path, "replace", stuck)
    with pytest.raises(DeskError, match=rf"{TRAIL} cannot be written: It is open elsewhere") as failed:
        taking.write_files(tmp_path, EXPORT, lambda: kept)
    assert type(failed.value) is told


# --- verification in the database ---


NOTE = "Teller says “same person”."


@pytest.fixture
def worked(desk: Database, open_case: OpenCase) -> Case:
    """The second of three cases, with three events (2 to 4); the others have one each (1 and 5)."""
    open_case()
    case = open_case()
    casework.assign(desk, MANAGER.user_id, case.case_id, ANALYST.user_id, "Knows the branch.")
    casework.add_note(desk, ANALYST.user_id, case.case_id, NOTE)
    open_case()
    return case


def kinds(found: verification.Verified) -> set[tuple[str, int | None, BreakKind, str]]:
    return {(b.case_id, b.event_id, b.kind, b.field) for b in found.breaks}


def test_a_clean_database_is_intact(desk: Database, worked: Case) -> None:
    assert verification.verify_case(desk, worked.case_id) == verification.Verified(1, 3, ())
    assert verification.verify_database(desk) == verification.Verified(3, 5, ())
    assert verification.verify_database(desk).intact
    with pytest.raises(UnknownCase):
        verification.verify_case(desk, "AML-7F3KQ2XA")


def test_an_empty_database_is_intact(desk: Database) -> None:
    assert verification.verify_database(desk) == verification.Verified(0, 0, ())


Found = tuple[int | None, BreakKind, str]
EARLIER = datetime(2026, 1, 1, tzinfo=UTC)
TAMPERINGS: Mapping[str, tuple[str, Sequence[object], Found]] = {
    "note edited": (
        "UPDATE case_events SET notes = 'Teller says nothing.' WHERE event_id = 4",
        (),
        (4, BreakKind.EDITED, "event_hash"),
    ),
    "space added to a note": (
        "UPDATE case_events SET notes = ? WHERE event_id = 4",
        (f"{NOTE} ",),
        (4, BreakKind.EDITED, "event_hash"),
    ),
    "user edited": (
        "UPDATE case_events SET [user] = 'b.diaz' WHERE event_id = 4",
        (),
        (4, BreakKind.EDITED, "event_hash"),
    ),
    "time edited": (
        "UPDATE case_events SET ts = ? WHERE event_id = 4",
        (EARLIER,),
        (4, BreakKind.BACKDATED, "ts"),
    ),
    "time of the opening edited": (
        "UPDATE case_events SET ts = ? WHERE event_id = 2",
        (EARLIER,),
        (2, BreakKind.EDITED, "event_hash"),
    ),
    "event deleted": ("DELETE FROM case_events WHERE event_id = 3", (), (4, BreakKind.MISSING, "prev_hash")),
    "tail cut": ("DELETE FROM case_events WHERE event_id = 4", (), (None, BreakKind.TRUNCATED, "event_count")),
    "all events deleted": (
        "DELETE FROM case_events WHERE event_id IN (2, 3, 4)",
        (),
        (None, BreakKind.MISSING, "events"),
    ),
    "owner edited": (
        "UPDATE cases SET owner = 'b.diaz' WHERE owner = 'a.nguyen'",
        (),
        (None, BreakKind.ROW_DIFFERS, "owner"),
    ),
    "owner taken away": (
        "UPDATE cases SET owner = NULL WHERE owner = 'a.nguyen'",
        (),
        (None, BreakKind.ROW_DIFFERS, "owner"),
    ),
    "amount edited": (
        "UPDATE cases SET amount = amount + 0.01 WHERE owner = 'a.nguyen'",
        (),
        (None, BreakKind.ROW_DIFFERS, "amount"),
    ),
    "deadline moved": (
        "UPDATE cases SET due_at = ? WHERE owner = 'a.nguyen'",
        (EARLIER,),
        (None, BreakKind.ROW_DIFFERS, "due_at"),
    ),
    "letter case of a name changed": (
        "UPDATE cases SET customer_name = UPPER(customer_name) WHERE owner = 'a.nguyen'",
        (),
        (None, BreakKind.ROW_DIFFERS, "customer_name"),
    ),
    "space added to a name": (
        "UPDATE cases SET customer_name = ? WHERE owner = 'a.nguyen'",
        ("Zoë Łukasik ",),
        (None, BreakKind.ROW_DIFFERS, "customer_name"),
    ),
    "search text taken away": (
        "UPDATE cases SET search = '' WHERE owner = 'a.nguyen'",
        (),
        (None, BreakKind.ROW_DIFFERS, "search"),
    ),
}
TYPED: Mapping[str, tuple[str, Sequence[object], Found]] = {
    "time a number": ("UPDATE case_events SET ts = 5 WHERE event_id = 4", (), (4, BreakKind.EDITED, "ts")),
    "note a blob": (
        "UPDATE case_events SET notes = x'ff00' WHERE event_id = 4",
        (),
        (4, BreakKind.EDITED, "event_hash"),
    ),
    "meta a blob": (
        "UPDATE case_events SET meta = CAST(meta AS BLOB) WHERE event_id = 4",
        (),
        (4, BreakKind.EDITED, "event_hash"),
    ),
}
"""What only a store with types that are loose can suffer."""


def assert_found(desk: Database, worked: Case, expected: Found) -> None:
    found = verification.verify_database(desk)
    assert (worked.case_id, *expected) in kinds(found)
    assert {b.case_id for b in found.breaks} == {worked.case_id}
    assert found.breaks == verification.verify_case(desk, worked.case_id).breaks
    assert found.cases == 3


@pytest.mark.parametrize("attack", TAMPERINGS)
def test_tampering_with_the_database_is_found(desk: Database, worked: Case, attack: str) -> None:
    statement, parameters, expected = TAMPERINGS[attack]
    tamper(desk, statement, *parameters)
    assert_found(desk, worked, expected)


@ON_SQLITE
@pytest.mark.parametrize("attack", TYPED)
def test_values_of_another_type_are_found(desk: Database, worked: Case, attack: str) -> None:
    statement, parameters, expected = TYPED[attack]
    tamper(desk, statement, *parameters)
    assert_found(desk, worked, expected)


def test_a_row_that_is_gone_is_found(desk: Database, worked: Case) -> None:
    with without_keys(desk):
        tamper(desk, "DELETE FROM cases WHERE case_id = ?", worked.case_id)
        assert_found(desk, worked, (None, BreakKind.ROW_DIFFERS, "case"))


def test_an_event_moved_behind_the_others_is_found(desk: Database, worked: Case) -> None:
    with desk.snapshot() as tx:
        event = repository.events(tx, worked.case_id)[1]
    tamper(desk, "DELETE FROM case_events WHERE event_id = 3")
    with desk.transaction() as tx, tx.bulk_load():
        repository.load(tx, [], [replace(event, event_id=99)])
    assert_found(desk, worked, (99, BreakKind.OUT_OF_ORDER, "prev_hash"))


def test_an_event_made_up_with_its_hash_is_found_by_the_row(desk: Database, worked: Case) -> None:
    with desk.snapshot() as tx:
        *_, last = repository.events(tx, worked.case_id)
    made_up = chain.link(last.prev_hash, last.case_id, last.ts, last.user, last.action, "Nobody called.", last.meta)
    statement = "UPDATE case_events SET notes = ?, event_hash = ? WHERE event_id = 4"
    tamper(desk, statement, made_up.notes, made_up.event_hash)
    assert_found(desk, worked, (None, BreakKind.TRUNCATED, "head_hash"))


@ON_SQLITE
def test_text_that_is_not_utf_8_is_found_and_not_exported(desk: Database, worked: Case) -> None:
    tamper(desk, "UPDATE case_events SET notes = CAST(x'ff' AS TEXT) WHERE event_id = 4")
    edited = (worked.case_id, 4, BreakKind.EDITED, "event_hash")
    assert (
        kinds(verification.verify_case(desk, worked.case_id)) == kinds(verification.verify_database(desk)) == {edited}
    )
    with pytest.raises(DatabaseError, match="holds bytes that are no text"):
        case_export.read(desk, worked.case_id)


@ON_SQLITE
def test_a_row_that_is_no_text_is_exported_with_its_break(desk: Database, worked: Case) -> None:
    tamper(desk, "UPDATE cases SET customer_name = CAST(x'ff' AS TEXT) WHERE case_id = ?", worked.case_id)
    export = case_export.read(desk, worked.case_id)
    assert {found.field for found in export.breaks} == {"customer_name"}
    assert "\\udcff" in export.summary()


@ON_SQLITE
def test_a_break_that_cannot_be_read_again_stands(
    desk: Database, worked: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> verification.Verified:
        raise DatabaseError("The database is gone.")

    tamper(desk, "UPDATE case_events SET notes = 'Never called.' WHERE event_id = 4")
    monkeypatch.setattr(verification, "verify_case", fails)
    assert kinds(verification.verify_database(desk)) == {(worked.case_id, 4, BreakKind.EDITED, "event_hash")}


def assert_both_are_found(desk: Database, worked: Case) -> None:
    found = verification.verify_database(desk)
    assert (worked.case_id, None, BreakKind.MISSING, "events") in kinds(found)
    assert len({b.case_id for b in found.breaks}) == 2
    assert (found.cases, found.events) == (4, 5)


@ON_SQLITE
@pytest.mark.parametrize("case_id", ["CAST(x'414d4cff' AS TEXT)", "x'414d4cff'"])
def test_a_case_under_an_id_that_cannot_be_asked_for_is_found(desk: Database, worked: Case, case_id: str) -> None:
    tamper(desk, f"UPDATE case_events SET case_id = {case_id} WHERE event_id BETWEEN 2 AND 4")
    assert_both_are_found(desk, worked)


@pytest.mark.parametrize("case_id", ["AML", "aml-7f3kq2xa", "🦊", "￿"])
def test_events_moved_to_a_case_that_does_not_exist_are_found(desk: Database, worked: Case, case_id: str) -> None:
    with without_keys(desk):
        tamper(desk, "UPDATE case_events SET case_id = ? WHERE event_id BETWEEN 2 AND 4", case_id)
        assert_both_are_found(desk, worked)


def test_a_space_added_to_the_case_id_of_an_event_is_found_though_a_server_takes_it_for_the_same(
    desk: Database, worked: Case
) -> None:
    with without_keys(desk):
        tamper(desk, "UPDATE case_events SET case_id = ? WHERE event_id = 4", f"{worked.case_id} ")
        found = verification.verify_database(desk)
        assert worked.case_id in {b.case_id for b in found.breaks}
        assert found.events == 5
        assert not verification.verify_case(desk, worked.case_id).intact


def test_cases_that_lost_their_events_or_rows_at_either_end_of_the_alphabet_are_found(
    desk: Database, open_case: OpenCase
) -> None:
    ids = sorted(open_case().case_id for _ in range(6))
    with without_keys(desk):
        for case_id in (ids[0], ids[3], ids[5]):
            tamper(desk, "DELETE FROM case_events WHERE case_id = ?", case_id)
        tamper(desk, "DELETE FROM cases WHERE case_id = ?", ids[1])
        found = verification.verify_database(desk)
    assert {b.case_id for b in found.breaks} == {ids[0], ids[1], ids[3], ids[5]}
    assert (found.cases, found.events) == (6, 3)


def test_progress_is_told_on_the_way_and_at_the_end(desk: Database) -> None:
    alive = [lives.opened(f"AML-{number:08d}") for number in range(1001)]
    with desk.transaction() as tx, tx.bulk_load():
        events = (replace(life.events[0], event_id=number) for number, life in enumerate(alive, 1))
        repository.load(tx, (life.case for life in alive), events)
    told: list[tuple[int, int]] = []
    assert verification.verify_database(desk, lambda done, total: told.append((done, total))).cases == 1001
    assert told == [(500, 1001), (1000, 1001), (1001, 1001)]
    assert verification.verify_database(desk) == verification.Verified(1001, 1001, ())


def test_a_break_is_read_again_before_it_is_reported(
    desk: Database, worked: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that work going on, read halfway, never looks like tampering."""

    def halfway(found: repository.Chain) -> repository.Chain:
        case_id, events, row, alerts = found
        return case_id, events[:-1], row, alerts

    def all_halfway(tx: Any, real: Callable[[Any], Iterator[repository.Chain]] = repository.all_chains) -> Any:
        return map(halfway, real(tx))

    reads: list[str] = []

    def first_halfway(tx: Any, case_id: str, real: Callable[..., Any] = repository.chains_of) -> Any:
        reads.append(case_id)
        return [halfway(found) if len(reads) == 1 else found for found in real(tx, case_id)]

    monkeypatch.setattr(repository, "chains_of", first_halfway)
    assert verification.verify_case(desk, worked.case_id).intact
    assert reads == [worked.case_id] * 2
    monkeypatch.setattr(repository, "all_chains", all_halfway)
    assert verification.verify_database(desk).intact


# --- what SQLite itself refuses ---


@ON_SQLITE
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE case_events SET notes = 'x' WHERE event_id = 2",
        "UPDATE case_events SET event_id = 99 WHERE event_id = 2",
        "DELETE FROM case_events WHERE event_id = 4",
        "DELETE FROM case_events",
        "INSERT OR REPLACE INTO case_events SELECT * FROM case_events WHERE event_id = 2",
        "REPLACE INTO case_events (event_id, case_id, ts, user, action, prev_hash, event_hash)"
        " SELECT event_id, case_id, ts, user, 'x', 'x', 'x' FROM case_events WHERE event_id = 2",
        "REPLACE INTO case_events (case_id, ts, user, action, prev_hash, event_hash)"
        " SELECT case_id, ts, user, 'x', prev_hash, 'x' FROM case_events WHERE event_id = 2",
        "INSERT INTO case_events SELECT * FROM case_events WHERE event_id = 2 ON CONFLICT DO UPDATE SET notes = 'x'",
        "UPDATE OR REPLACE case_events SET event_id = 3 WHERE event_id = 2",
    ],
)
def test_an_event_is_never_changed_deleted_or_replaced(desk: Database, worked: Case, statement: str) -> None:
    def rows() -> list[tuple[Any, ...]]:
        return connection.execute("SELECT * FROM case_events").fetchall()

    with contextlib.closing(sqlite3.connect(address(desk))) as connection:
        before = rows()
        with pytest.raises(sqlite3.IntegrityError, match="case_events rows are never"):
            connection.execute(statement)
        connection.rollback()
        assert rows() == before
