"""The audit trail of a case as a CSV file: written, read back and verified."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from app import chain, verification
from app.errors import UnreadableFile
from app.models import CASE_ID, EVENT_COLUMNS, Event

MAX_FIELD = 16 * 1024 * 1024
"""Characters; a longer field is refused."""

_BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
_EVENT_ID = re.compile(r"[1-9][0-9]{0,14}")
"""Numbers that every reader of a CSV or a page holds exactly, JavaScript's too."""


def write_csv(events: Iterable[Event]) -> bytes:
    """The audit CSV of stored events."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(EVENT_COLUMNS)
    writer.writerows([_guard(str(getattr(event, c))) for c in EVENT_COLUMNS] for event in events)
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
        if tuple(next(reader, ())) != EVENT_COLUMNS:
            raise UnreadableFile(name, 1, f"the columns are not {', '.join(EVENT_COLUMNS)}")
        line = reader.line_num + 1
        for record in reader:
            if len(record) != len(EVENT_COLUMNS):
                raise UnreadableFile(name, line, f"{len(record)} fields instead of {len(EVENT_COLUMNS)}")
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


def verify_csv(data: bytes, name: str = "the file") -> verification.Verified:
    """Verify an audit CSV on its own: hashes, links, times, and each old value. Raises UnreadableFile.

    It is held to be of the case that it is named after, if it is named after one. That the newest events are there
    cannot be told from the file alone.
    """
    events = read_csv(data, name)
    named = set(CASE_ID.findall(Path(name).name))
    case_id = named.pop() if len(named) == 1 else events[0].case_id
    _, differences = chain.replay(case_id, events)
    return verification.Verified(1, len(events), (*chain.verify_links(case_id, events), *differences), events[-1])


def _guard(field: str) -> str:
    return "'" + field if field.startswith(_FORMULA) else field


def _unguard(field: str) -> str:
    return field.removeprefix("'")
