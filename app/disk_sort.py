"""Lines in order, however many there are: what does not fit is sorted on disk."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import IO, Self

HELD = 100_000
"""Lines that are held in memory at a time: a few dozen MB where they are short."""


class DiskSort:
    """Takes lines of bytes in any order, and returns them in the order of their bytes.

    Lines hold no line feed. Its files are gone when it is closed, or the process ends. Raises OSError.
    """

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._runs: list[IO[bytes]] = []
        self._files = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._files.close()

    def add(self, line: bytes) -> None:
        """Take a line."""
        self._held.append(line)
        if len(self._held) >= HELD:
            self._spill()

    def __iter__(self) -> Iterator[bytes]:
        """Yield every line that was added so far, in order."""
        self._held.sort()
        runs = (self._lines(run) for run in self._runs)
        yield from heapq.merge(*runs, self._held)

    def _spill(self) -> None:
        run: IO[bytes] = self._files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        self._held.sort()
        run.writelines(line + b"\n" for line in self._held)
        self._held.clear()
        self._runs.append(run)

    @staticmethod
    def _lines(run: IO[bytes]) -> Iterator[bytes]:
        run.seek(0)
        return (line[:-1] for line in run)
