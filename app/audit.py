"""The audit trail as evidence: verify it in the database, export it as CSV, read a CSV back and verify that.

The CSV has the columns of `case_events` in order, every field quoted, CRLF between records (RFC 4180), UTF-8 with
BOM. A field that a spreadsheet would run as a formula, or that starts with an apostrophe, gets one apostrophe in
front; reading takes exactly one away. A file that `write_csv` would not have written byte for byte is refused.
"""

from __future__ import annotations

import csv
import io
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from app import chain, checkpoint, repository, sar
from app.database import Database, Transaction
from app.errors import DatabaseError, DeskError, InvalidInput, NotWritten, UnknownCase, UnreadableFile
from app.models import CASE_ID, Case, Event

MAX_FIELD = 16 * 1024 * 1024
"""Characters; a longer field is refused."""

_BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
_EVENT_ID = re.compile(r"[1-9][0-9]{0,14}")
"""Numbers that every reader of a CSV or a page holds exactly, JavaScript's too."""

Progress = Callable[[int, int], None]
"""Called with how many cases are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of a verification: what was read, every break, and of a file its last event."""

    cases: int
    events: int
    breaks: tuple[chain.Break, ...]
    last: Event | None = None

    @property
    def intact(self) -> bool:
        return not self.breaks


def verify_case(database: Database, case_id: str) -> Verified:
    """Verify one case. Raises UnknownCase. A break is read again before it is reported."""
    for _ in range(2):
        found = verify_chains(database.read(lambda tx: repository.chains_of(tx, case_id)))
        if found.intact:
            break
    return found


def verify_chains(chains: Sequence[repository.Chain]) -> Verified:
    """Verify one case as `repository.chains_of` reads it."""
    breaks = tuple(found for one in chains for found in chain.verify(*one))
    return Verified(1, sum(len(events) for _, events, _ in chains), breaks)


def verify_database(
    database: Database, progress: Progress | None = None, anchors: Sequence[checkpoint.Anchor] = ()
) -> Verified:
    """Verify every case, and the log against checkpoints, in one snapshot, holding one case in memory at a time."""

    def work(tx: Transaction) -> tuple[Verified, list[chain.Break]]:
        return verify_all(tx, progress), _compare(tx, anchors)

    found, unanchored = database.read(work)
    suspicious: dict[str, list[chain.Break]] = {}
    for one in found.breaks:
        suspicious.setdefault(one.case_id, []).append(one)
    breaks = tuple(one for seen in suspicious.items() for one in _again(database, *seen))
    return Verified(found.cases, found.events, (*breaks, *unanchored))


def verify_log(database: Database, *anchors: checkpoint.Anchor) -> Verified:
    """Hold the log of all events against checkpoints, and nothing else."""
    return Verified(0, 0, tuple(database.read(lambda tx: _compare(tx, anchors))))


def _compare(tx: Transaction, anchors: Sequence[checkpoint.Anchor]) -> list[chain.Break]:
    return [found for anchor in anchors for found in checkpoint.compare(lambda: repository.log(tx), anchor)]


def verify_all(tx: Transaction, progress: Progress | None = None) -> Verified:
    """Verify every case as this transaction sees it."""
    cases = events = 0
    breaks: list[chain.Break] = []
    total = repository.case_count(tx)
    for case_id, stored, row in repository.all_chains(tx):
        cases, events = cases + 1, events + len(stored)
        breaks += chain.verify(case_id, stored, row)
        if progress and cases % 500 == 0:
            progress(min(cases, total), total)
    if progress:
        progress(total, total)
    return Verified(cases, events, tuple(breaks))


def _again(database: Database, case_id: Any, breaks: Sequence[chain.Break]) -> Sequence[chain.Break]:
    """The breaks of a second reading, or of the first where the case has an id that cannot be asked for."""
    try:
        return verify_case(database, case_id).breaks
    except (UnknownCase, DatabaseError):
        return breaks


def write_csv(events: Iterable[Event]) -> bytes:
    """The audit CSV of stored events."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(repository.EVENT_COLUMNS)
    writer.writerows([_guard(str(getattr(event, c))) for c in repository.EVENT_COLUMNS] for event in events)
    return (_BOM + text.getvalue()).encode()


def read_csv(data: bytes, name: str = "the file") -> list[Event]:
    """The events of an audit CSV. Raises UnreadableFile where it is not byte for byte what `write_csv` writes."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableFile(name, line, "this is not UTF-8 text") from error
    if not text.startswith(_BOM):
        raise UnreadableFile(name, 1, "it does not start with the byte order mark of an audit CSV")
    events: list[Event] = []
    line = 1
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(io.StringIO(text[1:], newline=""), strict=True)
    try:
        if tuple(next(reader, ())) != repository.EVENT_COLUMNS:
            raise UnreadableFile(name, 1, f"the columns are not {', '.join(repository.EVENT_COLUMNS)}")
        line = reader.line_num + 1
        for record in reader:
            if len(record) != len(repository.EVENT_COLUMNS):
                raise UnreadableFile(name, line, f"{len(record)} fields instead of {len(repository.EVENT_COLUMNS)}")
            event_id, case_id, ts, user, action, notes, meta, prev_hash, event_hash = map(_unguard, record)
            if not _EVENT_ID.fullmatch(event_id):
                problem = f"the event_id {event_id[:40]!r} is not a whole number of up to 15 digits"
                raise UnreadableFile(name, line, problem)
            events.append(Event(case_id, ts, user, action, notes, meta, prev_hash, event_hash, int(event_id)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableFile(name, line, f"this is not an audit CSV: {error}") from error
    if not events:
        raise UnreadableFile(name, None, "it holds no events")
    for earlier, later in pairwise(events):
        if (later.event_id or 0) <= (earlier.event_id or 0):
            raise UnreadableFile(name, None, f"event_id {later.event_id} comes after {earlier.event_id}")
    if (written := write_csv(events)) != data:
        same = len(os.path.commonprefix([written, data]))
        line = data.count(b"\n", 0, same) + 1
        raise UnreadableFile(name, line, "this is not written the way an audit CSV is")
    return events


def verify_csv(data: bytes, name: str = "the file") -> Verified:
    """Verify an audit CSV on its own: hashes, links, times, and each old value. Raises UnreadableFile.

    It is held to be of the case that it is named after, if it is named after one. That the newest events are there
    cannot be told from the file alone.
    """
    events = read_csv(data, name)
    named = set(CASE_ID.findall(Path(name).name))
    case_id = named.pop() if len(named) == 1 else events[0].case_id
    _, differences = chain.replay(case_id, events)
    return Verified(1, len(events), (*chain.verify_links(case_id, events), *differences), events[-1])


@dataclass(frozen=True, slots=True)
class Export:
    """A case as it leaves the desk: the audit CSV and the SAR summary, with their file names, and every break.

    `stored` are the events in the files; `names` are those of all users, by user id.
    """

    case_id: str
    stored: Sequence[Event]
    csv: bytes
    summary: str
    breaks: tuple[chain.Break, ...]
    names: Mapping[str, str]

    @property
    def events(self) -> int:
        return len(self.stored)

    @property
    def csv_name(self) -> str:
        return f"audit_{self.case_id}.csv"

    @property
    def summary_name(self) -> str:
        return f"case_{self.case_id}.md"

    @property
    def files(self) -> Mapping[str, bytes]:
        return {self.csv_name: self.csv, self.summary_name: self.summary.encode()}


def export_case(database: Database, case_id: str) -> Export:
    """Both exports of a case, of one moment. Raises UnknownCase, and InvalidInput for an id no file may be named by."""
    if not CASE_ID.fullmatch(case_id):
        raise InvalidInput(f"{case_id!r} is not a case id like AML-7F3KQ2XA.")

    def work(tx: Transaction) -> tuple[Case, list[repository.Chain], dict[str, str]]:
        return repository.case(tx, case_id), repository.chains_of(tx, case_id), repository.user_names(tx)

    case, chains, names = database.read(work)
    events, breaks = repository.events_of(chains), verify_chains(chains).breaks
    try:
        trail = write_csv(events)
    except UnicodeEncodeError as error:
        raise DatabaseError(f"{case_id} holds bytes that are no text. Verify the case to see where.") from error
    summary = sar.summary(case, events, names, breaks).encode("utf-8", "backslashreplace").decode()
    return Export(case_id, events, trail, summary, breaks, names)


def _guard(field: str) -> str:
    return "'" + field if field.startswith(_FORMULA) else field


def _unguard(field: str) -> str:
    return field.removeprefix("'")


def write_files(folder: Path, files: Mapping[str, bytes], keep: Callable[[], Event | None]) -> Event | None:
    """Write files into the folder, which is created, over older ones but never through a link.

    `keep` stores that they leave, and returns the event or None. By then they are there under other names: what cannot
    be written is not kept, and what `keep` refuses leaves no file. Returns what it does. Raises DeskError where nothing
    was kept, and NotWritten where files could not take their places after an event was.
    """
    kept = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".", ignore_cleanup_errors=True) as drafts:
            for name, data in files.items():
                _check_place(folder / name)
                with open(Path(drafts) / name, "xb", opener=_for_owner_and_group) as out:
                    out.write(data)
            kept = keep()
            for name in files:
                (Path(drafts) / name).replace(folder / name)
    except OSError as error:
        problem = f"{error.filename2 or folder} cannot be written: {error.strerror}."
        raise (NotWritten if kept else DeskError)(problem) from error
    return kept


def _for_owner_and_group(path: str, flags: int) -> int:
    """The mode is asked for, never set: a file system without modes is no reason to fail."""
    return os.open(path, flags, 0o640)


def _check_place(target: Path) -> None:
    """Raises DeskError where no file may or can be put."""
    if target.is_symlink():
        raise DeskError(f"{target} is a link; the desk does not write over links.")
    if target.is_dir():
        raise DeskError(f"{target} cannot be written: it is a folder.")
