"""Files on the disk that are whole or not there: written beside their place, and moved there when they are done.

A reader sees the file before or the file after, never half of one, and a power cut leaves one of the two.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO


@dataclass(frozen=True, slots=True)
class Draft:
    """A file that is being written beside its place; `out` takes its bytes."""

    target: Path
    path: Path
    out: BinaryIO

    def seal(self) -> None:
        """End the writing: what was written survives a power cut from now on. Raises OSError."""
        if not self.out.closed:
            keep(self.out)
            self.out.close()

    def place(self) -> None:
        """Seal the file and move it into its place, over whatever file or link is there. Raises OSError."""
        self.seal()
        self.path.replace(self.target)
        sync_folder(self.target.parent)


@contextmanager
def draft(target: Path, mode: int = 0o644) -> Iterator[Draft]:
    """Open a new file beside `target`, whose folder exists; what is not placed by the end of the block is removed.

    `mode` is less what the process's umask takes away. It is asked for and never set, so that a file system without
    modes is no reason to fail. Raises OSError.
    """
    path = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with _created(path, mode) as out:
            yield Draft(target, path, out)
    finally:
        with suppress(OSError):  # moved, or never made; and a draft that stays is no reason to fail
            path.unlink()


def put(target: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a whole file in the place of an older one, making its folder where that is missing.

    Raises OSError, after which the older one stays.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with draft(target, mode) as new:
        new.out.write(data)
        new.place()


def create(target: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a new file, and never over another: raises FileExistsError, or another OSError and leaves none."""
    with _created(target, mode) as out:
        try:
            out.write(data)
            keep(out)
        except BaseException:
            target.unlink()
            raise
    sync_folder(target.parent)


def keep(file: IO[str] | IO[bytes]) -> None:
    """Force what was written to an open file to the disk, so that it survives a power cut. Raises OSError."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Let the names in a folder survive a power cut, where the platform can: Windows and some shares cannot."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _created(path: Path, mode: int) -> BinaryIO:
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode))
