"""The log's tree in tiles, as c2sp.org/tlog-tiles lays them out, in the folder `tile` beside the checkpoints.

A tile holds up to 256 hashes of one row of the tree, 32 bytes each. Row 0 are the leaf hashes, row L the heads of the
full subtrees of 256^L leaves; so a hash of row L + 1 is the head of a full tile of row L.

    tile/<L>/<N>          256 hashes; N is the tile's number from 0 in groups of three digits: 1234067 is x001/x234/067
    tile/<L>/<N>.p/<W>    the last tile of its row, while it has only W hashes

What is read is never trusted: the last tile of each row has to add up to the head that was signed, and every other tile
to its hash in the tile above it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from app import files
from app.errors import RUN, BrokenTile
from app.log import merkle
from app.log.merkle import HASH_SIZE

FOLDER = "tile"
WIDTH = 256
HEIGHT = 8
"""Levels of the tree in one tile: WIDTH is 2^HEIGHT."""


def path(level: int, number: int, width: int = WIDTH) -> str:
    """Return a tile's path below the log's folder, `/` between its parts."""
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03}")
    return f"{FOLDER}/{level}/{'/'.join(groups)}{'' if width == WIDTH else f'.p/{width}'}"


def are_kept(log: Path) -> bool:
    """Return whether there are tiles in a log's folder. Logs begun by older desks have none."""
    return (log / FOLDER).is_dir()


class Edge:
    """The right edge of a tree: the last tile of each row, as far as it is filled. It grows leaf by leaf."""

    def __init__(self, size: int = 0, rows: list[list[bytes]] | None = None) -> None:
        self.size = size
        self.rows = rows or []

    def append(self, leaf: bytes) -> list[tuple[str, bytes]]:
        """Add a leaf by its hash, and return the path and the bytes of each tile that it fills."""
        self.size += 1
        filled: list[tuple[str, bytes]] = []
        node, level = leaf, 0
        while True:
            if level == len(self.rows):
                self.rows.append([])
            row = self.rows[level]
            row.append(node)
            if len(row) < WIDTH:
                return filled
            level += 1
            filled.append((path(level - 1, (self.size >> HEIGHT * level) - 1), b"".join(row)))
            node = merkle.subtree_head(row)
            row.clear()

    def partial(self) -> Iterator[tuple[str, bytes]]:
        """Give the path and the bytes of the last tile of each row that is not full."""
        for level, row in enumerate(self.rows):
            if row:
                yield path(level, self.size >> HEIGHT * (level + 1), len(row)), b"".join(row)

    def head(self) -> bytes:
        """Return the head of the tree."""
        return merkle.head_of_subtrees([node for row in reversed(self.rows) for node in _subtrees(row)])


def _subtrees(row: list[bytes]) -> Iterator[bytes]:
    """Give the heads of the largest full subtrees over a row's hashes, from left to right."""
    start = 0
    for bit in reversed(range(HEIGHT)):
        if len(row) & 1 << bit:
            yield merkle.subtree_head(row[start : start + (1 << bit)])
            start += 1 << bit


class Tiles:
    """The tiles of a tree whose size and head were signed, read as they are asked for."""

    def __init__(self, log: Path, size: int, head: bytes) -> None:
        """Read the last tile of each row in the log's folder. Raises BrokenTile where they do not lead to the head."""
        self._log, self._size = log, size
        self._read: dict[tuple[int, int], list[bytes]] = {}
        rows: list[list[bytes]] = []
        count = size
        while count:
            number, width = divmod(count, WIDTH)
            rows.append(_hashes(log, len(rows), number, width) if width else [])
            self._read[len(rows) - 1, number] = rows[-1]
            count = number
        self.edge = Edge(size, [list(row) for row in rows])
        if (found := self.edge.head()) != head:
            named = ", ".join(name for name, _ in self.edge.partial())
            raise _broken(log, named, f"adds up to the head {found.hex()}, but {head.hex()} was signed")

    def leaf(self, index: int) -> bytes:
        """Return the hash of a leaf. Raises BrokenTile."""
        return self._tile(0, index >> HEIGHT)[index % WIDTH]

    def heads(self, spans: list[tuple[int, int]]) -> list[bytes]:
        """Return the head over each span of leaves, as `merkle` cuts a tree. Raises BrokenTile."""
        return [merkle.head_of_subtrees([self._node(*part) for part in merkle.full_subtrees(*span)]) for span in spans]

    def _node(self, start: int, height: int) -> bytes:
        """Return the head of the full subtree of 2^height leaves that begins with the leaf `start`."""
        level, rest = divmod(height, HEIGHT)
        first = start >> HEIGHT * level
        tile = self._tile(level, first >> HEIGHT)
        return merkle.subtree_head(tile[first % WIDTH : first % WIDTH + (1 << rest)])

    def _tile(self, level: int, number: int) -> list[bytes]:
        """Return the hashes of a tile that was proven by the one above it, or with the head."""
        if (level, number) not in self._read:
            row = _hashes(self._log, level, number, WIDTH)
            if merkle.subtree_head(row) != self._tile(level + 1, number >> HEIGHT)[number % WIDTH]:
                raise _broken(self._log, path(level, number), "does not add up to the head that was signed")
            self._read[level, number] = row
        return self._read[level, number]


def _hashes(log: Path, level: int, number: int, width: int) -> list[bytes]:
    """Return a tile's first hashes from its own file, or from that of the full tile, which comes in its place later."""
    for name in (path(level, number, width), path(level, number)):
        file = log / name
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _broken(log, name, f"cannot be read: {error.strerror}") from error
        if len(data) != HASH_SIZE * (WIDTH if name == path(level, number) else width):
            raise _broken(log, name, f"has {len(data):,} bytes")
        return [data[at : at + HASH_SIZE] for at in range(0, HASH_SIZE * width, HASH_SIZE)]
    raise _broken(log, path(level, number, width), "is missing")


def _broken(log: Path, name: str, problem: str) -> BrokenTile:
    return BrokenTile(log / name, f"this tile of the log's tree {problem}. Make it anew with: {RUN} checkpoint --full")


# --- writing ---


class Writer:
    """Tiles on their way into a log's folder: those that are new, or are not what they have to be, wait in a draft."""

    def __init__(self, log: Path, draft: Path) -> None:
        self._log, self._draft = log, draft
        self._filled: list[str] = []
        self.waiting: dict[str, None] = {}  # in order, each once

    def write(self, tiles: Iterable[tuple[str, bytes]]) -> None:
        """Write tiles, by path and bytes, into the draft where the folder does not hold the same. Raises OSError.

        A path is always of the same bytes: a tile of a higher row stays as it is while the tree grows below it.
        """
        for name, data in tiles:
            if len(data) == HASH_SIZE * WIDTH:
                self._filled.append(name)
            if name not in self.waiting and not _holds(self._log / name, data):
                files.put(self._draft / name, data)
                self.waiting[name] = None

    def install(self) -> None:
        """Move what waits into the log's folder, before the checkpoint that needs it is signed. Raises OSError.

        The first tiles of a log appear all at once: a folder with some of them would pass for a damaged one.
        """
        if not are_kept(self._log):
            if self.waiting:
                (self._draft / FOLDER).rename(self._log / FOLDER)
            return
        for name in self.waiting:
            target = self._log / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (self._draft / name).replace(target)

    def tidy(self) -> None:
        """Take away the partial tiles of those that were filled: readers find what they held in the full one."""
        for name in self._filled:
            shutil.rmtree(self._log / f"{name}.p", ignore_errors=True)


def _holds(file: Path, data: bytes) -> bool:
    try:
        return file.read_bytes() == data
    except FileNotFoundError:
        return False
