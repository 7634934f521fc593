"""Files that leave the desk, on the disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from app.errors import DeskError, NotWritten
from app.models import Event


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
