"""CSV to database: every row checked and every chain verified on the way in, all of it in one transaction."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from app import chain, key_query, repository, rows, schema, verification
from app.case_keys import keys_of
from app.database import Database, Transaction
from app.errors import DatabaseError, DatabaseNotEmpty, InvalidText, UnreadableFile
from app.filing import MAX_NARRATIVE
from app.gaps import is_bsa_id
from app.models import (
    ALERT_FEED,
    ALERT_FEED_USER,
    CASE_COLUMNS,
    CASE_ID,
    COLUMNS,
    EVENT_COLUMNS,
    MAX_TEXT,
    Action,
    Case,
    Column,
    Event,
    Role,
    User,
)

USERS, CASES, EVENTS = "users.csv", "cases.csv", "case_events.csv"
USER_COLUMNS = ("user_id", "name", "role", "active")
FIRST_CASE_COLUMNS = CASE_COLUMNS[: CASE_COLUMNS.index("head_hash") + 1]
"""Those of a cases.csv of before version 4, whose cases say nothing of the filing of a SAR."""
BATCH = 500
"""Cases that are stored at a time."""

Progress = Callable[[int, int], None]
"""Called with how many bytes of cases.csv are read, and how many there are."""

Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Loaded:
    users: int
    cases: int
    events: int


class _Record(NamedTuple):
    """A row of a CSV, with the line it starts on."""

    file: Path
    line: int
    values: Mapping[str, str]

    def bad(self, reason: str) -> UnreadableFile:
        return UnreadableFile(self.file, self.line, reason)

    def word(self, column: str, words: type[Word]) -> Word:
        try:
            return words(self.values[column])
        except ValueError as error:
            raise self.bad(f"unknown {column} {self.values[column]!r}") from error

    def number(self, column: str, low: int, high: int) -> int:
        text = self.values[column]
        if not (re.fullmatch(r"[0-9]{1,19}", text) and low <= int(text) <= high):
            raise self.bad(f"{column} {text!r} is not a whole number from {low} to {high}")
        return int(text)

    def money(self, column: str) -> Decimal:
        text = self.values[column]
        if not re.fullmatch(r"[0-9]{1,13}\.[0-9]{2}", text):
            raise self.bad(f"{column} {text!r} is not an amount with two decimal places")
        return Decimal(text)

    def time(self, column: str) -> datetime:
        text = self.values[column]
        try:
            if len(text) != len("2026-01-05 09:14:00.000000") or text[10] != " ":
                raise ValueError(text)
            return datetime.fromisoformat(text + "+00:00")
        except ValueError as error:
            raise self.bad(f"{column} {text!r} is not a UTC time like 2026-01-05 09:14:00.000000") from error

    def day(self, column: str) -> datetime:
        found = self.time(column)
        if found.time() != time():
            raise self.bad(f"{column} {self.values[column]!r} is not a day like 2026-01-05 00:00:00.000000")
        return found

    def person(self, column: str, known: Mapping[str, User]) -> str:
        user_id = self.values[column]
        if user_id not in known:
            raise self.bad(f"{column} {user_id!r} is not in {USERS}")
        return user_id

    def text(self, column: str, limit: int) -> str:
        text = self.values[column]
        if len(text) > limit:
            raise self.bad(f"{column} is longer than {limit:,} characters")
        return text

    def value(self, column: Column, known: Mapping[str, User]) -> Any:
        """Return what a column of cases.csv holds. Raises UnreadableFile."""
        name = column.name
        if column.nullable and not self.values[name]:
            return None
        if column.is_user:
            return self.person(name, known)
        if issubclass(column.holds, StrEnum):
            return self.word(name, column.holds)
        if column.holds is int:
            return self.number(name, 0, column.limit)
        if column.holds is Decimal:
            return self.money(name)
        if column.holds is datetime:
            return self.day(name) if column.is_day else self.time(name)
        return self.text(name, column.limit)


def load(database: Database, folder: Path, replace: bool = False, progress: Progress | None = None) -> Loaded:
    """Load the three files of `folder`; the tables are created where they are missing.

    Raises UnreadableFile (file, line, reason) for a row that the desk would not have written, DatabaseNotEmpty
    for a database that has cases unless `replace` is given. Whatever is raised, nothing is kept. What a server has
    stored is read back and every chain of it verified before it is kept.
    """
    schema.prepare(database)
    database.create_schema()
    with database.load_transaction() as tx:
        if repository.case_count(tx):
            if not replace:
                how = "Give --replace to put the new ones in their place."
                if not database.is_embedded:
                    how = "A server's cases stay: load into a database without cases."
                raise DatabaseNotEmpty(f"{database} already has cases. {how}")
            tx.empty_tables()
        known = _load_users(tx, folder / USERS)
        with tx.bulk_load():
            cases, events = _load_cases(tx, folder, known, progress)
        if not database.is_embedded and (breaks := verification.verify_all(tx).breaks):
            raise DatabaseError(f"The server did not keep what was loaded into it, so nothing was kept: {breaks[0]}")
    return Loaded(len(known), cases, events)


def _load_users(tx: Transaction, file: Path) -> dict[str, User]:
    present = {person.user_id: person for person in repository.users(tx)}
    people: dict[str, User] = {}
    for record in _records(file, USER_COLUMNS):
        user_id = record.text("user_id", 64)
        if not user_id or user_id != user_id.strip():
            raise record.bad(f"user_id {user_id!r} is empty, or has a space at an end")
        if user_id in people:
            raise record.bad(f"user_id {user_id!r} comes twice")
        active = bool(record.number("active", 0, 1))
        person = User(user_id, record.text("name", 200), record.word("role", Role), active)
        if present.get(user_id, person) != person:
            raise record.bad(f"the database has another user {user_id!r}")
        if user_id not in present:
            repository.insert_user(tx, person)
        people[user_id] = person
    if people.get(ALERT_FEED) != ALERT_FEED_USER:
        raise UnreadableFile(file, None, f"the service user {ALERT_FEED!r}, an inactive Analyst, is missing")
    return people


def _load_cases(tx: Transaction, folder: Path, known: Mapping[str, User], progress: Progress | None) -> tuple[int, int]:
    """Read cases and events side by side: the events stand grouped by case, in the order of the cases."""
    groups = groupby(_records(folder / EVENTS, EVENT_COLUMNS), key=lambda record: record.values["case_id"])
    cases: list[Case] = []
    events: list[Event] = []
    case_total = event_total = last_event_id = 0

    def store() -> None:
        repository.load(tx, cases, events)
        names = {case.case_id: case.customer_name for case in cases}
        key_query.load_keys(tx, ((event.case_id, keys_of(event, names[event.case_id])) for event in events))
        cases.clear()
        events.clear()

    for record in _records(folder / CASES, CASE_COLUMNS, progress, FIRST_CASE_COLUMNS):
        case = _case(record, known)
        case_id, group = next(groups, (None, iter(())))
        if case_id != case.case_id:
            raise record.bad(f"the next events in {EVENTS} are of {case_id or 'no case'}, not of {case.case_id}")
        lines: dict[int | None, _Record] = {}
        found: list[chain.StoredEvent] = []
        for event_record in group:
            event_id, *_ = event = _event(event_record, known)
            if event_id <= last_event_id:
                raise event_record.bad(f"event_id {event_id} does not ascend")
            last_event_id = event_id
            lines[event_id] = event_record
            found.append(event)
        row = {column: chain.canonical(getattr(case, column)) for column in CASE_COLUMNS}
        if breaks := chain.verify(case.case_id, found, row):
            first = breaks[0]
            raise lines.get(first.event_id, record).bad(f"broken chain: {first}")
        cases.append(case)
        events += map(chain.event_of, found)
        case_total, event_total = case_total + 1, event_total + len(found)
        if len(cases) >= BATCH:
            store()
    store()
    if (left := next(groups, None)) is not None:
        raise next(left[1]).bad(f"{left[0]} is not in {CASES}")
    return case_total, event_total


def _case(record: _Record, known: Mapping[str, User]) -> Case:
    case_id = record.values["case_id"]
    if not CASE_ID.fullmatch(case_id):
        raise record.bad(f"case_id {case_id!r} is not like AML-7F3KQ2XA")
    case = Case(**{column.name: record.value(column, known) for column in COLUMNS})
    if case.bsa_id and not is_bsa_id(case.bsa_id):
        raise record.bad(f"bsa_id {case.bsa_id!r} does not have 14 digits")
    # A file of before version 3 has the search text in the form of then.
    return dataclasses.replace(case, search=rows.renewed(record.values))


def _event(record: _Record, known: Mapping[str, User]) -> chain.StoredEvent:
    values = record.values
    for column in ("notes", "meta"):
        try:
            if chain.clean_text(column, values[column]) != values[column]:
                raise record.bad(f"{column} has a carriage return")
        except InvalidText as error:
            raise record.bad(str(error)) from error
    ts = values["ts"]
    record.time("ts")
    return (
        record.number("event_id", 1, repository.MAX_EVENT_ID),
        values["case_id"],
        f"{ts[:10]}T{ts[11:]}Z",
        record.person("user", known),
        values["action"],
        record.text("notes", MAX_NARRATIVE if values["action"] == Action.SAR_DRAFT else MAX_TEXT),
        values["meta"],
        values["prev_hash"],
        values["event_hash"],
    )


def _records(
    file: Path, columns: tuple[str, ...], progress: Progress | None = None, first: tuple[str, ...] = ()
) -> Iterator[_Record]:
    """Return the rows of a CSV with exactly these columns; `first` are those of an older one, whose others are empty.

    Raises UnreadableFile.
    """
    csv.field_size_limit(16 * 1024 * 1024)
    line = 1
    try:
        with file.open("rb") as raw:
            size = file.stat().st_size
            reader = csv.reader(io.TextIOWrapper(raw, encoding="utf-8", newline=""), strict=True)
            found = tuple(next(reader, ()))
            if found not in (columns, first or columns):
                raise UnreadableFile(file, 1, f"the columns are not {', '.join(columns)}")
            left_out = dict.fromkeys(columns[len(found) :], "")
            line = reader.line_num + 1
            for count, record in enumerate(reader):
                if len(record) != len(found):
                    raise UnreadableFile(file, line, f"{len(record)} fields instead of {len(found)}")
                yield _Record(file, line, dict(zip(found, record, strict=True)) | left_out)
                line = reader.line_num + 1
                if progress and count % BATCH == 0:
                    progress(raw.tell(), size)
            if progress:
                progress(size, size)
    except OSError as error:
        raise UnreadableFile(file, None, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise UnreadableFile(file, line, "this is not UTF-8 text") from error
    except csv.Error as error:
        raise UnreadableFile(file, line, str(error)) from error
