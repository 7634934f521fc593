"""Notices that something else than SQLite wrote over a database file while it is in use, as a `cp` of a backup does.

The pages in memory and the -wal belong to the content of before: to go on would mix the two, and end malformed. While a
file is in use in WAL mode, only a checkpoint writes to it, and each leaves a trace in the -shm, before it writes and
after it has (https://www.sqlite.org/walformat.html#the_wal_index_file_format). So a file that was written without a
trace was not written by SQLite; nor does SQLite take another file for the same -shm, or another -shm for the same file.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

HEADER, SAME_AGAIN, FRAMES, SALTS = slice(48), slice(48, 96), slice(16, 20), slice(32, 40)
BACKFILLED, ATTEMPTED = slice(96, 100), slice(128, 132)
"""In the -shm. The -wal has so many frames, and new salts each time it begins anew. So many frames of it were put in
the file, and so many a checkpoint set out to put there: numbers in the byte order of the machine."""

_lock = Lock()
_opened: dict[tuple[int, int], _Shm] = {}


@dataclass(frozen=True, slots=True, eq=False)
class _Shm:
    """A -shm, which stays open: to close it would take off it the locks of this whole process (fcntl(2))."""

    descriptor: int

    def trace(self) -> bytes | None:
        """Return the bytes that each checkpoint changes.

        None while one is at work, or was cut short, or the -wal just begins anew.
        """
        read = os.pread(self.descriptor, ATTEMPTED.stop, 0)
        is_whole = read[HEADER] == read[SAME_AGAIN] and read[BACKFILLED] == read[ATTEMPTED]
        backfilled, frames = (int.from_bytes(read[number], sys.byteorder) for number in (BACKFILLED, FRAMES))
        return read[SALTS] + read[BACKFILLED] if is_whole and backfilled <= frames else None


@dataclass(frozen=True, slots=True)
class _Noted:
    shm: _Shm | None
    trace: bytes | None
    file_number: int
    written: tuple[int, int]


class Watch:
    """A watch on the file of one connection. A look costs a few system calls, so each operation begins with one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._noted: _Noted | None = None

    def is_overwritten(self) -> bool:
        """Return whether something else than SQLite wrote the file, or took its -shm away, since an earlier look."""
        if os.name == "nt":  # to hold the -shm open would keep SQLite from deleting it
            return False
        with _lock:
            then = self._noted
            try:
                shm = _shm_of(Path(f"{self._file.resolve()}-shm"))
                before, found, after = shm.trace() if shm else None, self._file.stat(), shm.trace() if shm else None
            except OSError:  # there is none, which is told elsewhere
                return False
            now = _Noted(shm, before if before == after else None, found.st_ino, (found.st_mtime_ns, found.st_size))
            if then and then.shm:
                if (now.shm is then.shm) != (now.file_number == then.file_number):
                    return True
                if now.trace is None:
                    return False
                if now.trace == then.trace and now.written != then.written:
                    return True
            self._noted = now
            return False


def _shm_of(file: Path) -> _Shm | None:
    """Return the -shm of this name, opened once; None where there is none. Raises OSError where it cannot be read."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    known = _opened.get((found.st_dev, found.st_ino))
    if known is None:
        known = _Shm(os.open(file, os.O_RDONLY))
        for key, other in list(_opened.items()):
            if os.fstat(other.descriptor).st_nlink == 0:  # nobody can come to lock it any more
                os.close(_opened.pop(key).descriptor)
        opened = os.fstat(known.descriptor)
        _opened[opened.st_dev, opened.st_ino] = known
    return known
