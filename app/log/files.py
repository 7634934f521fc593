"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import IO


def put(target: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file in one step, making its folder where that is missing: others see what was there, or all of `data`.

    A file of a random name in the same folder is written, forced to the disk and moved over the target. `mode` are its
    rights, less those that the process takes away from every file. Raises OSError, after which the target is as before.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with open(fresh, "xb", opener=lambda path, flags: os.open(path, flags, mode)) as out:
            out.write(data)
            keep(out)
        fresh.replace(target)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def keep(file: IO[str] | IO[bytes]) -> None:
    """Force what was written to an open file to the disk, so that it survives a power cut. Raises OSError."""
    file.flush()
    os.fsync(file.fileno())
