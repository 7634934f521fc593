"""Which leaf of the log is a case's newest: a sorted list beside the checkpoints, so that no proof reads the whole log.

    000008/cases-000005    case_id,index,event_hash of the newest event of each case in checkpoints 5 to 8, by case_id

The list of a checkpoint takes in those right before it while they are short, so that there are never many to look into,
and never much to write. It is a way to find things and no more: no signature covers it. What it says is proven against
the signed head; that it names an older event of a case, or none, shows where the database knows a newer one that was
signed (`proofs.check_newest`); and `checkpoint --full` holds all of it against the events.
"""

from __future__ import annotations

import heapq
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

from app import files
from app.errors import RUN, UnreadableFile

IN_MEMORY = 50_000
"""Cases that are sorted at once; more are sorted in several files, which are merged."""
SHORT = 2 * 1024 * 1024
"""Bytes up to which a list is merged into the next one: what limits the work of one checkpoint."""
MAX_LINE = 128
"""Bytes; no line is longer."""

_NAME = re.compile(r"cases-([0-9]{6})")
_LINE = re.compile(rb"([A-Za-z0-9._-]{1,40}),(0|[1-9][0-9]{0,18}),([0-9a-f]{64})\n")

Entry = tuple[str, int, str]
"""A case's id, the index of its newest leaf, and that event's hash in hex."""


def list_of(folder: Path) -> tuple[Path, str] | None:
    """Return the list in a checkpoint's folder and the first folder that it covers; None where there is none.

    Raises UnreadableFile, for a folder that cannot be read.
    """
    try:
        found = sorted((path, told[1]) for path in folder.iterdir() if (told := _NAME.fullmatch(path.name)))
    except OSError as error:
        raise UnreadableFile(folder, None, f"it cannot be read: {error.strerror}") from error
    return found[0] if found else None


def covering(folders: Sequence[Path]) -> list[tuple[Path, Path | None]]:
    """Return where a case's newest event has to be looked for in these checkpoints' folders, the newest first.

    That is a folder and the list in it; where None stands for the list, the folder's own lines tell.
    """
    found: list[tuple[Path, Path | None]] = []
    first = "999999+"
    for folder in reversed(folders):
        if folder.name >= first:
            continue
        file, first = list_of(folder) or (None, folder.name)
        found.append((folder, file))
    return found


def find(file: Path, case_id: str) -> Entry | None:
    """Return what a list says of a case; None where it does not name it. Raises UnreadableFile. Reads a few lines."""
    try:
        with file.open("rb") as lines:
            low, high = 0, lines.seek(0, os.SEEK_END)
            if not high:
                raise _empty(file)
            while low < high:  # a line that starts at or after `low` and before `high` may be it
                middle = (low + high) // 2
                start = _line_start(lines, middle)
                if start >= high:
                    high = middle
                    continue
                line = lines.readline(MAX_LINE)
                entry = _entry(file, line)
                if entry[0] == case_id:
                    return entry
                if entry[0] < case_id:
                    low = start + len(line)
                else:
                    high = middle
    except OSError as error:
        raise UnreadableFile(file, None, f"it cannot be read: {error.strerror}") from error
    return None


def _empty(file: Path) -> UnreadableFile:
    """No list is: a checkpoint is made where there are new events."""
    return UnreadableFile(file, None, f"it is empty. Make it anew with: {RUN} checkpoint --full")


def _line_start(lines: BinaryIO, at: int) -> int:
    """Go to the first line that starts at `at` or later, and return where that is."""
    if at:
        lines.seek(at - 1)
        lines.readline(MAX_LINE)
    else:
        lines.seek(0)
    return lines.tell()


def _entry(file: Path, line: bytes) -> Entry:
    if (found := _LINE.fullmatch(line)) is None:
        reason = f"{line[:100]!r} is not case_id,index,event_hash. Make it anew with: {RUN} checkpoint --full"
        raise UnreadableFile(file, None, reason)
    return found[1].decode(), int(found[2]), found[3].decode()


def read(file: Path) -> Iterator[Entry]:
    """Give the entries of a list in their order. Raises UnreadableFile."""
    try:
        with file.open("rb") as lines:
            if not lines.peek(1):
                raise _empty(file)
            while line := lines.readline(MAX_LINE):
                yield _entry(file, line)
    except OSError as error:
        raise UnreadableFile(file, None, f"it cannot be read: {error.strerror}") from error


def newest(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Give of entries that ascend by case and index the last one of each case."""
    last: Entry | None = None
    for entry in entries:
        if last and last[0] != entry[0]:
            yield last
        last = entry
    if last:
        yield last


class Sorter:
    """Events that come in the order of the log, and leave as the newest of each case, by case."""

    def __init__(self, drafts: Path) -> None:
        """`drafts` is a folder for what does not fit into memory."""
        self._drafts = drafts
        self._newest: dict[str, tuple[int, str]] = {}
        self._sorted: list[Path] = []

    def add(self, case_id: str, index: int, event_hash: str) -> None:
        """Take in an event; its index is above all before it."""
        self._newest[case_id] = index, event_hash
        if len(self._newest) >= IN_MEMORY:
            self._drafts.mkdir(exist_ok=True)
            file = self._drafts / f"{len(self._sorted)}"
            _write(file, self._in_memory())
            self._sorted.append(file)
            self._newest.clear()

    def entries(self, *older: Path) -> Iterator[Entry]:
        """Give the newest event of each case, in these lists too. Raises UnreadableFile."""
        parts = [read(file) for file in (*older, *self._sorted)]
        return newest(heapq.merge(*parts, self._in_memory()))

    def _in_memory(self) -> Iterator[Entry]:
        return ((case_id, *self._newest[case_id]) for case_id in sorted(self._newest))


def write(folder: Path, before: Sequence[Path], events: Sorter) -> list[Path]:
    """Write the list of a new checkpoint into its draft's folder, and return the lists that it takes the place of.

    `before` are the folders of the checkpoints before it. Raises OSError, or UnreadableFile for a list of theirs.
    """
    taken: list[Path] = []
    first, room = f"{int(before[-1].name) + 1 if before else 1:06}", SHORT
    for _, file in covering(before):
        if file is None or (room := room - file.stat().st_size) < 0:
            break
        taken.append(file)
        first = file.name.removeprefix("cases-")
    _write(folder / f"cases-{first}", events.entries(*taken))
    return taken


def hold(folders: Sequence[Path], events: Sorter) -> Path | None:
    """Hold the lists in these folders against all events; where they differ, write one anew and return its path.

    Raises OSError, or UnreadableFile for a folder that cannot be read.
    """
    if _agree([file for _, file in covering(folders)], events):
        return None
    file = folders[-1] / "cases-000001"
    _write(file, events.entries())
    return file


def _agree(lists: Sequence[Path | None], events: Sorter) -> bool:
    """Return whether the lists say what the events do. None stands for one that is missing."""
    try:
        kept = newest(heapq.merge(*(read(file) for file in lists if file)))
        return None not in lists and all(a == b for a, b in zip_longest(kept, events.entries()))
    except UnreadableFile:
        return False


def _write(file: Path, entries: Iterable[Entry]) -> None:
    """Write a list whole. Raises OSError, after which the older one stays."""
    with files.draft(file) as new:
        new.out.writelines(
            f"{case_id},{index},{event_hash}\n".encode("ascii") for case_id, index, event_hash in entries
        )
        new.place()
