"""The lines beside a checkpoint: the events since the one before, `event_id,case_id,event_hash`, in `events.csv`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from app import chain
from app.errors import BrokenLog, UnreadableFile
from app.models import Break, BreakKind
from app.repository import LogLine

EVENTS = "events.csv"

MAX_LINE = 128
"""Bytes; no line of the file is longer."""

_LINE = re.compile(r"([1-9][0-9]{0,18}),([A-Za-z0-9._-]{1,40}),([0-9a-f]{64})\n")
_HASH = re.compile(r"[0-9a-f]{64}")


def read(folder: Path, last: int = 0) -> Iterator[LogLine]:
    """Give the events in a checkpoint's folder, whose event_ids ascend from above `last`. Raises UnreadableFile."""
    with _opened(folder / EVENTS) as text:
        for line in text:
            found = _LINE.fullmatch(line)
            if found is None or int(found[1]) <= last:
                reason = f"{line[:100]!r} is not event_id,case_id,event_hash in the order of event_id"
                raise UnreadableFile(folder / EVENTS, None, reason)
            last = int(found[1])
            yield last, found[2], found[3]


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    try:
        with file.open(encoding="utf-8", errors="strict", newline="") as text:
            yield text
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(file, None, f"it cannot be read: {error}") from error


def newest(folder: Path) -> LogLine:
    """Return the last event in a checkpoint's folder, without reading the others. Raises UnreadableFile."""
    file = folder / EVENTS
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, file.stat().st_size - MAX_LINE))
            last = opened.readlines()[-1].decode("ascii", "replace")
    except (OSError, IndexError) as error:
        raise UnreadableFile(file, None, "it cannot be read, or is empty") from error
    if (found := _LINE.fullmatch(last)) is None:
        raise UnreadableFile(file, None, f"{last[:100]!r} is not event_id,case_id,event_hash")
    return int(found[1]), found[2], found[3]


def check(line: LogLine) -> LogLine:
    """Return an event of the database that can be written as a line. Raises BrokenLog."""
    event_id, case_id, digest = line
    if not _LINE.fullmatch(f"{event_id},{case_id},{digest}\n"):
        found, expected = chain.show(digest), "a case id, and 64 hex digits"
        raise BrokenLog([Break(chain.show(case_id), event_id, BreakKind.EDITED, "event_hash", expected, found)])
    return line


def leaf(line: LogLine) -> bytes:
    """Return the data of an event's leaf in the tree; of what is no hash, some that no log of the desk's holds."""
    event_hash: object = line[2]
    return bytes.fromhex(event_hash) if isinstance(event_hash, str) and _HASH.fullmatch(event_hash) else b""


def differences(now: Iterator[LogLine], then: Iterator[LogLine]) -> Iterator[Break]:
    """Give what is no longer as it was then: of the log, or of one case. Both ascend by event_id."""
    nothing_left = False
    current: LogLine | None = None
    for event_id, case_id, event_hash in then:
        while not nothing_left and (current is None or current[0] < event_id):
            if current is not None:
                case, found = chain.show(current[1]), chain.show(current[2])
                yield Break(case, current[0], BreakKind.NOT_IN_LOG, "event_hash", "no such event", found)
            current = next(now, None)
            nothing_left = current is None
        if current is None or current[0] > event_id:
            yield Break(case_id, event_id, BreakKind.MISSING, "event_hash", event_hash, "none")
            continue
        if current[1] != case_id:
            yield Break(case_id, event_id, BreakKind.NOT_IN_LOG, "case_id", case_id, chain.show(current[1]))
        if current[2] != event_hash:
            yield Break(case_id, event_id, BreakKind.NOT_IN_LOG, "event_hash", event_hash, chain.show(current[2]))
        current = None
