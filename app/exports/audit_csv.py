"""The audit trail of a case as a CSV file: written, read back and verified."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

from app import chain, verification
from app.errors import UnreadableFile
from app.models import CASE_ID, EVENT_COLUMNS, Event

MAX_FIELD = 16 * 1024 * 1024
"""Characters; a longer field is refused."""

CELL = 32_767
"""UTF-16 units that a cell of a spreadsheet holds; what is longer is cut, or spilled over the cells beside it."""

_BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
_EVENT_ID = re.compile(r"[1-9][0-9]{0,14}")
"""Numbers that every reader of a CSV or a page holds exactly, JavaScript's too."""

_stored = attrgetter(*EVENT_COLUMNS)


def as_text(event: Event) -> Event:
    """Return the event as a file tells it: each field but its number as text. Raises UnicodeEncodeError."""
    _, case_id, ts, user, action, notes, meta, prev_hash, event_hash = texts = _texts(event)
    "".join(texts).encode()
    return Event(case_id, ts, user, action, notes, meta, prev_hash, event_hash, event.event_id)


def write_csv(events: Iterable[Event]) -> bytes:
    """Return the audit CSV of stored events. Raises UnicodeEncodeError where one holds what is no text."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(EVENT_COLUMNS)
    writer.writerows(_record(event) for event in events)
    return (_BOM + text.getvalue()).encode()


def check_readable(events: Sequence[Event], name: str) -> None:
    """Raise UnreadableFile, with the file's name, where `read_csv` could not read an audit CSV of these events.

    They are as `as_text` returns them.
    """
    if not events:
        raise UnreadableFile(name, None, "it holds no events")
    for event in events:
        if not _EVENT_ID.fullmatch(str(event.event_id)):
            raise UnreadableFile(name, None, _not_an_id(str(event.event_id)))
        if _longer(event, MAX_FIELD, len):
            raise UnreadableFile(name, None, f"event {event.event_id} has a field longer than {MAX_FIELD:,}")
    for earlier, later in pairwise(events):
        if (later.event_id or 0) <= (earlier.event_id or 0):
            raise UnreadableFile(name, None, f"event_id {later.event_id} comes after {earlier.event_id}")


def too_long_for_a_cell(events: Iterable[Event]) -> list[tuple[int | None, str]]:
    """Return the number of the event and the column of each field that a spreadsheet's cell does not hold whole.

    The events are as `as_text` returns them.
    """
    return [(event.event_id, column) for event in events for column in _longer(event, CELL, _utf16)]


def read_csv(data: bytes, name: str = "the file") -> list[Event]:
    """Return the events of an audit CSV.

    Raises UnreadableFile, with `name`, where it is not byte for byte what `write_csv` writes.
    """
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
        if tuple(next(reader, ())) != EVENT_COLUMNS:
            raise UnreadableFile(name, 1, f"the columns are not {', '.join(EVENT_COLUMNS)}")
        line = reader.line_num + 1
        for record in reader:
            if len(record) != len(EVENT_COLUMNS):
                raise UnreadableFile(name, line, f"{len(record)} fields instead of {len(EVENT_COLUMNS)}")
            event_id, case_id, ts, user, action, notes, meta, prev_hash, event_hash = map(_unguard, record)
            if not _EVENT_ID.fullmatch(event_id):
                raise UnreadableFile(name, line, _not_an_id(event_id))
            events.append(Event(case_id, ts, user, action, notes, meta, prev_hash, event_hash, int(event_id)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableFile(name, line, f"this is not an audit CSV: {error}") from error
    check_readable(events, name)
    if (written := write_csv(events)) != data:
        same = len(os.path.commonprefix([written, data]))
        line = data.count(b"\n", 0, same) + 1
        raise UnreadableFile(name, line, "this is not written the way an audit CSV is")
    return events


def verify_csv(data: bytes, name: str = "the file") -> verification.Verified:
    """Verify an audit CSV on its own: hashes, links, times, and each old value. Raises UnreadableFile, with `name`.

    It is held to be of the case that it is named after, if it is named after one. That the newest events are there
    cannot be told from the file alone.
    """
    events = read_csv(data, name)
    named = set(CASE_ID.findall(Path(name).name))
    case_id = named.pop() if len(named) == 1 else events[0].case_id
    _, differences = chain.replay(case_id, events)
    return verification.Verified(1, len(events), (*chain.verify_links(case_id, events), *differences), events[-1])


def _not_an_id(event_id: str) -> str:
    return f"the event_id {event_id[:40]!r} is not a whole number of up to 15 digits"


def _longer(event: Event, limit: int, measure: Callable[[str], int]) -> list[str]:
    """Return the columns whose fields, as they are written, measure more than the limit."""
    if len("".join(_stored(event)[1:])) < limit // 2:  # most events: no character measures more than two
        return []
    fields = zip(EVENT_COLUMNS, _record(event), strict=True)
    return [column for column, field in fields if measure(field) > limit]


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _texts(event: Event) -> list[str]:
    return [str(field) for field in _stored(event)]


def _record(event: Event) -> list[str]:
    """Return the fields as they are written: none of them starts as a spreadsheet's formula does."""
    return ["'" + field if field.startswith(_FORMULA) else field for field in _texts(event)]


def _unguard(field: str) -> str:
    return field.removeprefix("'")
